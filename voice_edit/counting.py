"""Which of several places is meant: the second, the last two, the next, the nearest, the one at the caret.

Everything here chooses among spans that were found already; how they are found is in `resolving.py`.
Raises NoMatch (too few of them) or Ambiguous (with the choices).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from voice_edit.edits import Document
from voice_edit.errors import Ambiguous, Choice, NoMatch
from voice_edit.graphemes import snap_left, snap_right
from voice_edit.selectors import Unit, UnitName, Which

_EXCERPT = 24
"""Code points shown on each side of a choice."""
_SCATTERED: tuple[UnitName, ...] = ("heading", "item", "blank_line")
"""Units with other text between them: two of them are two pieces, not one from the first to the second."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a document's text, in code points."""

    start: int
    end: int


def ambiguous(document: Document, spans: Sequence[Span], what: str) -> Ambiguous:
    """The error that offers these places."""
    choices = [Choice(span.start, span.end, _excerpt(document.text, span)) for span in spans]
    return Ambiguous(f"{len(spans)} places match {what}", choices=choices)


def _excerpt(text: str, span: Span) -> str:
    start, end = max(0, span.start - _EXCERPT), min(len(text), span.end + _EXCERPT)
    start, end = snap_left(text, start), snap_right(text, end)
    # Marked like a selection: two places in one line would look the same.
    marked = f"{text[start : span.start]}[{text[span.start : span.end]}]{text[span.end : end]}"
    shown = " ".join(marked.split())
    return ("…" if start > 0 else "") + shown + ("…" if end < len(text) else "")


def noun(unit: UnitName) -> str:
    """What people call it: "blank line"."""
    return unit.replace("_", " ")


def in_selection(document: Document, span: Span) -> bool:
    """Whether the span lies in the selection, if there is one."""
    selection = document.selection
    return not selection.is_caret and selection.start <= span.start and span.end <= selection.end


def choose(
    document: Document, found: list[Span], which: Which, what: str, *, count: int = 1, unit: UnitName = "word"
) -> list[Span]:
    """The which-th of these places, and its neighbours if count says so. `what` names them in errors."""
    selection = document.selection
    if isinstance(which, int):
        at = which - 1 if which > 0 else len(found) + which
        first, last = (at, at + count) if which > 0 else (at - count + 1, at + 1)
        if first < 0 or last > len(found):
            raise NoMatch(f"there is no {_ordinal(which)} {what}: only {len(found)}{_there(count)}")
        return _joined(found[first:last], unit)
    if which == "all":
        return found
    if which in ("nearest", "this"):
        return _nearest(document, found, what)
    if which == "next":
        ahead = [span for span in found if span.start >= selection.end and span.end > selection.end]
        chosen = ahead[:count]
    else:
        behind = [span for span in found if span.end <= selection.start and span.start < selection.start]
        chosen = behind[-count:]
    if len(chosen) < count:
        side = "after" if which == "next" else "before"
        raise NoMatch(f"there is no {what} {side} the caret{_there(count)}")
    return _joined(chosen, unit)


def _joined(chosen: list[Span], unit: UnitName) -> list[Span]:
    """Neighbours as one piece, unless other text stands between them."""
    return chosen if unit in _SCATTERED else [Span(chosen[0].start, chosen[-1].end)]


def _there(count: int) -> str:
    return "" if count == 1 else f" ({count} were asked for)"


def _ordinal(which: int) -> str:
    if which == -1:
        return "last"
    names = {1: "first", 2: "second", 3: "third"}
    return names.get(which, f"{which}th") if which > 0 else f"{-which}th last"


def _distance(document: Document, span: Span) -> int:
    selection = document.selection
    if span.start <= selection.end and selection.start <= span.end:
        return 0
    return span.start - selection.end if span.start > selection.end else selection.start - span.end


def _nearest(document: Document, found: list[Span], what: str) -> list[Span]:
    best = min(_distance(document, span) for span in found)
    nearest = [span for span in found if _distance(document, span) == best]
    if len(nearest) > 1:
        raise ambiguous(document, nearest, what)
    return nearest


def this_one(document: Document, found: list[Span], unit: Unit) -> list[Span]:
    """The unit at the caret or all that the selection touches, and the following ones if count says so."""
    if unit.unit == "blank_line" and unit.count == 1:
        return _only_here(document, found)
    at = _at_caret(document, found)
    if not document.selection.is_caret and unit.count == 1:
        touched = [s for s in found if s.start < document.selection.end and s.end > document.selection.start]
        if touched:
            return [Span(touched[0].start, touched[-1].end)]
    if at + unit.count > len(found):
        raise NoMatch(f"there are not {unit.count} {noun(unit.unit)}s from here on")
    return _joined(found[at : at + unit.count], unit.unit)


def _only_here(document: Document, found: list[Span]) -> list[Span]:
    """The blank line the caret is on, else the only one. The nearest one could be far from where people
    look, and nothing in it tells them which one it was."""
    chosen = [span for span in found if _distance(document, span) == 0] or found
    if len(chosen) > 1:
        raise ambiguous(document, chosen, "the blank line")
    return chosen


def _at_caret(document: Document, found: list[Span]) -> int:
    """The unit that contains the caret, else ends there, else starts there, else is nearest."""
    caret = document.selection.start
    around = [at for at, span in enumerate(found) if span.start < caret < span.end]
    if around:
        return min(around, key=lambda at: found[at].end - found[at].start)
    for at, span in enumerate(found):
        if span.end == caret:
            return at
    for at, span in enumerate(found):
        if span.start == caret:
            return at
    return min(range(len(found)), key=lambda at: _distance(document, found[at]))


def neighbours(document: Document, found: list[Span], unit: Unit) -> list[Span]:
    """Next and previous among lines and larger units: those beside the one the caret is in."""
    selection = document.selection
    if unit.which == "next":
        chosen = [span for span in found if span.start > selection.end][: unit.count]
    else:
        chosen = [span for span in found if span.end < selection.start][-unit.count :]
    if len(chosen) < unit.count:
        raise NoMatch(f"there is no {unit.which} {noun(unit.unit)}{_there(unit.count)}")
    return _joined(chosen, unit.unit)
