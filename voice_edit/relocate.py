"""Finding our own edit again after somebody else changed the file.

Undo must take back exactly what we did, wherever it stands now, and nothing else. With each edit the
journal therefore keeps anchors: hashes of the text up to the end of our changes and from their beginning
on, and a little text around each change. From them three cases are certain; everything else is refused,
never guessed:

* all foreign changes lie behind ours (the text up to our last change is the same): the offsets still hold
* all foreign changes lie before ours (the text from our first change on is the same): the offsets are shifted
* they lie between ours: each change stands, with the text around it, at exactly one place

Two more where that says nothing: the anchors of a short text hold all of it, so that it is known when there
was only something added at one of its ends; and the text may have been a window of a longer one, which is
looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voice_edit.fingerprint import text_sha256

if TYPE_CHECKING:
    from voice_edit.edits import Change, Edit, Selection

CONTEXT = 40
"""Code points of text kept on either side of a change."""
ENOUGH = 20
"""Code points, ours and around ours, that must be as they were before a new place is believed."""
MOST_PLACES = 100
"""Places at which a window is looked for. A change that stands more often than that is not found again."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a change stands in a text, and what stands there."""

    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def anchors(text: str, edits: Sequence[Edit]) -> list[dict[str, Any]]:
    """JSON by which `edits` can be found again, one entry each. `text` is the text before the first."""
    from voice_edit.edits import apply_changes

    entries = []
    for edit in edits:
        before = [_Span(change.start, change.old) for change in edit.changes]
        after = _moved(edit.changes)
        changed = apply_changes(text, edit.changes)
        entries.append({"before": _anchor(text, before), "after": _anchor(changed, after)})
        text = changed
    return entries


def to_undo(text: str, edits: Sequence[Edit], anchors: Sequence[Any]) -> list[Edit] | None:
    """The edits, in order, that take `edits` back in `text`; None when their place was changed."""
    from voice_edit.edits import apply_changes

    inverses = []
    for edit, anchor in zip(reversed(edits), reversed(anchors), strict=True):
        inverse = _placed(text, edit.inverse(), anchor["after"])
        if inverse is None:
            return None
        text = apply_changes(text, inverse.changes)
        inverses.append(inverse)
    return inverses


def to_redo(text: str, edits: Sequence[Edit], anchors: Sequence[Any]) -> list[Edit] | None:
    """The edits that make `edits` again in `text`; None when their place was changed."""
    from voice_edit.edits import apply_changes

    again = []
    for edit, anchor in zip(edits, anchors, strict=True):
        placed = _placed(text, edit, anchor["before"])
        if placed is None:
            return None
        text = apply_changes(text, placed.changes)
        again.append(placed)
    return again


def _placed(text: str, edit: Edit, anchor: Any) -> Edit | None:
    """`edit` moved to where its changes stand in `text`, or None."""
    from voice_edit.edits import Change, Edit, apply_changes

    options: dict[str, Edit] = {}
    for starts in _possible_starts(
        text, [_Span(change.start, change.old) for change in edit.changes], anchor
    ):
        changes = tuple(
            Change(start, change.old, change.new) for start, change in zip(starts, edit.changes, strict=True)
        )
        changed = apply_changes(text, changes)
        shift = changes[0].start - edit.changes[0].start if changes else 0
        options[changed] = Edit(
            changes=changes,
            before=_shifted(edit.before, shift, len(text)),
            after=_shifted(edit.after, shift, len(changed)),
        )
    # In a text that repeats itself, "all theirs is behind" and "all theirs is before" can both be true.
    if options:
        return next(iter(options.values())) if len(options) == 1 else None
    return _added_to(text, edit, anchor)


def _added_to(text: str, edit: Edit, anchor: Any) -> Edit | None:
    """`edit` where the text that it was made for begins or ends what is there now, if that text is known."""
    from voice_edit.rebase import rebase

    known = _known_text([_Span(change.start, change.old) for change in edit.changes], anchor)
    if known is None or not known.strip():
        return None
    at = text.find(known)
    if text.find(known, at + 1) >= 0 or at not in (0, len(text) - len(known)):
        return None
    moved = rebase([edit], known, text)
    if not moved:
        return None
    # What was added may look like ours: then nobody knows which of the two is.
    stays = all(
        there.start == at + ours.start for there, ours in zip(moved[0].changes, edit.changes, strict=True)
    )
    return moved[0] if stays else None


def _known_text(spans: Sequence[_Span], anchor: Any) -> str | None:
    """The text that the anchor was made of, if its contexts reach over all of it."""
    known = ""
    for span, (left, right) in zip(spans, anchor["contexts"], strict=True):
        begin = span.start - len(left)
        if begin > len(known):
            return None
        known = known[:begin] + left + span.text + right
    return known if spans and len(known) == anchor["length"] else None


def _possible_starts(text: str, spans: Sequence[_Span], anchor: Any) -> list[list[int]]:
    if not spans:
        return [[]]
    contexts: list[tuple[str, str]] = [(left, right) for left, right in anchor["contexts"]]
    first, last = spans[0], spans[-1]
    shift = len(text) - anchor["length"]
    begin = first.start + shift
    same_head = len(text) >= last.end and text_sha256(text[: last.end]) == anchor["head"]
    same_tail = begin >= 0 and text_sha256(text[begin:]) == anchor["tail"]
    if same_head and same_tail and shift == 0:
        return [[span.start for span in spans]]  # nothing was changed
    found = []
    left, right = contexts[0][0], contexts[-1][1]
    if same_head and last.end + (len(right) if text.startswith(right, last.end) else 0) >= ENOUGH:
        found.append([span.start for span in spans])
    if same_tail and len(text) - begin + (len(left) if text[:begin].endswith(left) else 0) >= ENOUGH:
        found.append([span.start + shift for span in spans])
    if not found and (alone := _single_places(text, spans, contexts)) is not None:
        return [alone]
    # What we knew may stand further on, too: then it is not certain that it is ours at the beginning.
    return found + _places_of_window(text, spans, anchor)


def _places_of_window(text: str, spans: Sequence[_Span], anchor: Any) -> list[list[int]]:
    """Starts for every place where the text that we knew, up to our last change or from our first one on,
    stands in a longer one.
    """
    first, last = spans[0], spans[-1]
    left, right = anchor["contexts"][0]
    pattern = left + first.text + right
    behind = anchor["length"] - first.start
    found: list[list[int]] = []
    at = -1
    for _ in range(MOST_PLACES):
        at = text.find(pattern, at + 1)
        if at < 0 or not pattern:
            return found
        base = at + len(left) - first.start
        head = (
            base >= 0 and last.end >= ENOUGH and text_sha256(text[base : base + last.end]) == anchor["head"]
        )
        start = base + first.start
        if head or (behind >= ENOUGH and text_sha256(text[start : start + behind]) == anchor["tail"]):
            found.append([span.start + base for span in spans])
    return []


def _single_places(
    text: str, spans: Sequence[_Span], contexts: Sequence[tuple[str, str]]
) -> list[int] | None:
    """Where each change stands with its context, if that is one place each and they keep their order."""
    starts: list[int] = []
    free = 0
    for span, (left, right) in zip(spans, contexts, strict=True):
        pattern = left + span.text + right
        at = text.find(pattern)
        if len(pattern) < ENOUGH or at < 0 or text.find(pattern, at + 1) >= 0:
            return None
        start = at + len(left)
        if start < free:
            return None
        starts.append(start)
        free = start + len(span.text)
    return starts


def _anchor(text: str, spans: Sequence[_Span]) -> dict[str, Any]:
    if not spans:
        return {"length": len(text), "contexts": []}
    return {
        "length": len(text),
        "head": text_sha256(text[: spans[-1].end]),
        "tail": text_sha256(text[spans[0].start :]),
        "contexts": [
            [text[max(0, span.start - CONTEXT) : span.start], text[span.end : span.end + CONTEXT]]
            for span in spans
        ],
    }


def _moved(changes: Sequence[Change]) -> list[_Span]:
    """Where the new texts stand once all changes are made."""
    spans, shift = [], 0
    for change in changes:
        spans.append(_Span(change.start + shift, change.new))
        shift += len(change.new) - len(change.old)
    return spans


def _shifted(selection: Selection, shift: int, length: int) -> Selection:
    from voice_edit.edits import Selection

    return Selection(
        min(max(0, selection.anchor + shift), length), min(max(0, selection.head + shift), length)
    )
