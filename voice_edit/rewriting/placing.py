"""Where a rewritten passage goes, as an edit that knows its inverse. Pure."""

from __future__ import annotations

from voice_edit.commands import Rewrite
from voice_edit.edits import Change, Document, Edit, Selection, in_order, moved_selection, on_borders
from voice_edit.errors import CommandError, NoMatch
from voice_edit.resolving import Span, resolve


def put(document: Document, command: Rewrite) -> Edit:
    """The edit that puts what was written in the place of its passage.

    What was selected stays selected as what it became. Raises NoMatch where the passage is not there any more
    as it was written for, Ambiguous.
    """
    assert command.text is not None, "it was not written yet"
    span = find(document, command)
    old = document.text[span.start : span.end]
    if old == command.text:
        return Edit((), document.selection, document.selection)
    changes = in_order(on_borders(document.text, [Change(span.start, old, command.text)]))
    selection = document.selection
    if not selection.is_caret and (selection.start, selection.end) == (span.start, span.end):
        end = span.start + len(command.text)
        after = (
            Selection(span.start, end) if selection.anchor <= selection.head else Selection(end, span.start)
        )
    else:
        after = moved_selection(document.text, selection, changes)
    return Edit(changes, selection, after)


def find(document: Document, command: Rewrite) -> Span:
    """The passage: where its scope says, and if something else stands there by now, wherever it is once.

    Raises NoMatch, Ambiguous.
    """
    found: Span | None = None
    missing: CommandError | None = None
    try:
        found = resolve(document, command.scope)
    except NoMatch as error:
        missing = error
    if command.of is None:
        if found is None:
            raise missing or NoMatch("there is no such passage")
        return found
    if found is not None and document.text[found.start : found.end] == command.of:
        return found
    first = document.text.find(command.of) if command.of.strip() else -1
    if first < 0 or document.text.find(command.of, first + 1) >= 0:
        raise NoMatch(
            "the passage was changed while it was rewritten",
            hint="Nothing was changed. `voice-edit retry N` does it to the text as it is now.",
        )
    return Span(first, first + len(command.of))
