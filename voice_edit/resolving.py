"""Selector + document -> spans. The rules are told in docs/commands.md ("Which text is meant").

`resolve_all` gives every span a selector names (several only for "every" and "all"), `resolve` the one from
the first
to the last, `resolve_place` an offset. All raise NoMatch (with what nearly matched) or Ambiguous (with the
choices).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from voice_edit.edits import Document
from voice_edit.errors import Ambiguous, Choice, NoMatch
from voice_edit.graphemes import clusters, snap_left, snap_right
from voice_edit.matching import find_quote, near_misses
from voice_edit.repairs import BOM
from voice_edit.selectors import (
    Caret,
    Edge,
    Everything,
    Exact,
    Place,
    Quote,
    Range,
    Selected,
    Selector,
    That,
    Unit,
    UnitName,
    Which,
    Whole,
)
from voice_edit.spoken_units import which_at_start
from voice_edit.text_units import sentences, units

_EXCERPT = 24
"""Code points shown on each side of a choice."""
_FLOWING: tuple[UnitName, ...] = ("character", "word", "sentence")
"""Units of which several stand on a line; their next one may begin right at the caret."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a document's text, in code points."""

    start: int
    end: int


def resolve(document: Document, selector: Selector) -> Span:
    """The one piece of text a selector names; several neighbours ("the last two words") as one piece."""
    spans = resolve_all(document, selector)
    return Span(spans[0].start, spans[-1].end)


def resolve_all(document: Document, selector: Selector) -> list[Span]:
    """Every piece of text a selector names, in order, on grapheme borders."""
    text = document.text
    found = [Span(snap_left(text, s.start), snap_right(text, s.end)) for s in _resolve(document, selector)]
    kept: list[Span] = []
    for span in found:
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def resolve_place(document: Document, place: Place) -> int:
    """The offset a place names. For the caret with a selection: its start."""
    if isinstance(place, Caret):
        return snap_left(document.text, document.selection.start)
    span = resolve(document, place.of)
    return span.start if place.side in ("before", "start") else span.end


def ambiguous(document: Document, spans: Sequence[Span], what: str) -> Ambiguous:
    """The error that offers these places."""
    choices = [Choice(span.start, span.end, _excerpt(document.text, span)) for span in spans]
    return Ambiguous(f"{len(spans)} places match {what}", choices=choices)


def _excerpt(text: str, span: Span) -> str:
    start, end = max(0, span.start - _EXCERPT), min(len(text), span.end + _EXCERPT)
    start, end = snap_left(text, start), snap_right(text, end)
    shown = " ".join(text[start:end].split())
    return ("…" if start > 0 else "") + shown + ("…" if end < len(text) else "")


def _resolve(document: Document, selector: Selector) -> list[Span]:
    match selector:
        case Whole():
            return [_whole(document.text)]
        case Selected():
            if document.selection.is_caret:
                raise NoMatch("nothing is selected", hint="Nothing was changed. Say “select ...” first.")
            return [Span(document.selection.start, document.selection.end)]
        case That():
            return [_that(document)]
        case Exact(start=start, end=end):
            if end > len(document.text):
                raise NoMatch(f"the text ends at {len(document.text)}, before the span {start} to {end}")
            return [Span(start, end)]
        case Quote():
            return _quote(document, selector)
        case Unit():
            return _unit(document, selector)
        case Range():
            return [_range(document, selector)]
        case Everything():
            return [_everything(document, selector)]


def _that(document: Document) -> Span:
    if not document.selection.is_caret:
        return Span(document.selection.start, document.selection.end)
    if not document.text.strip():
        raise NoMatch("there is nothing yet that “that” could mean")
    return resolve(document, Unit(unit="sentence"))


def _whole(text: str) -> Span:
    return Span(1 if text[:1] == BOM else 0, len(text))


def _scope(document: Document, within: Selector | None) -> Span:
    return _whole(document.text) if within is None else resolve(document, within)


def _each_scope(document: Document, selector: Quote | Unit) -> list[Span] | None:
    """ "the last word of every line": what is named in each of several scopes. None if there is only one
    scope."""
    if selector.within is None:
        return None
    scopes = resolve_all(document, selector.within)
    if len(scopes) < 2:
        return None
    found: list[Span] = []
    for scope in scopes:
        inner = selector.model_copy(update={"within": Exact(start=scope.start, end=scope.end)})
        try:
            found += resolve_all(document, inner)
        except NoMatch:
            continue
    if not found:
        raise NoMatch("none of those places has it")
    return found


# --- quotes ---


def _quote(document: Document, quote: Quote) -> list[Span]:
    if (each := _each_scope(document, quote)) is not None:
        return each
    scope = _scope(document, quote.within)
    found = _places(document, quote.text, scope)
    if not found and (read := _read_further(quote)) is not None:
        try:
            return _quote(document, read)
        except NoMatch:
            pass
    where = "" if quote.within is None else " there"
    if not found:
        near = near_misses(document.text[scope.start : scope.end], quote.text)
        raise NoMatch(f"“{quote.text}” is not in the text{where}", near=near)
    if quote.which is None:
        selected = [span for span in found if _in_selection(document, span)]
        if len(selected) == 1:
            return selected
        if len(found) > 1:
            raise ambiguous(document, selected or found, f"“{quote.text}”")
        return found
    if quote.which == "all":
        return [span for span in found if _in_selection(document, span)] or found
    return _choose(document, found, quote.which, 1, f"“{quote.text}”")


def _places(document: Document, text: str, scope: Span) -> list[Span]:
    piece = document.text[scope.start : scope.end]
    return [Span(scope.start + a, scope.start + b) for a, b in find_quote(piece, text)]


def _read_further(quote: Quote) -> Quote | None:
    """Words that stand nowhere may say which place they mean: "the comma", "this foo", "last foo"."""
    words = quote.text.split()
    if len(words) < 2 or quote.which is not None:
        return None
    head = words[0].lower()
    rest = " ".join(words[1:])
    if head in ("the", "a", "an"):
        return quote.model_copy(update={"text": rest})
    if head in ("this", "that", "these", "those"):
        return quote.model_copy(update={"text": rest, "which": "nearest"})
    read = which_at_start(tuple(word.lower() for word in words))
    if read is not None and read[1]:
        text = " ".join(words[len(words) - len(read[1]) :])
        return quote.model_copy(update={"text": text, "which": read[0]})
    return None


def _in_selection(document: Document, span: Span) -> bool:
    selection = document.selection
    return not selection.is_caret and selection.start <= span.start and span.end <= selection.end


# --- counting ---


def _choose(document: Document, found: list[Span], which: Which, count: int, what: str) -> list[Span]:
    """The which-th of these places, and its neighbours if count says so."""
    selection = document.selection
    if isinstance(which, int):
        at = which - 1 if which > 0 else len(found) + which
        first, last = (at, at + count) if which > 0 else (at - count + 1, at + 1)
        if first < 0 or last > len(found):
            raise NoMatch(f"there is no {_ordinal(which)} {what}: only {len(found)}{_there(count)}")
        return [Span(found[first].start, found[last - 1].end)]
    if which == "all":
        return found
    if which == "nearest":
        return _nearest(document, found, what)
    if which == "this":
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
    return [Span(chosen[0].start, chosen[-1].end)]


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


# --- units ---


def _unit(document: Document, unit: Unit) -> list[Span]:
    if (each := _each_scope(document, unit)) is not None:
        return each
    scope = _scope(document, unit.within)
    piece = document.text[scope.start : scope.end]
    found = [Span(scope.start + a, scope.start + b) for a, b in units(piece, unit.unit)]
    if not found:
        raise NoMatch(f"there is no {unit.unit} {'there' if unit.within else 'in the text'}")
    what = unit.unit
    if unit.called is not None:
        return _choose_named(document, unit, _called(document, found, unit))
    if unit.containing is not None:
        return _choose_named(document, unit, _containing(document, found, unit.containing))
    if unit.which == "this":
        return _this(document, found, unit)
    if unit.which == "all":
        return [span for span in found if _in_selection(document, span)] or found
    if unit.which in ("next", "previous") and unit.unit not in _FLOWING:
        return _neighbours(document, found, unit)
    if unit.which in ("next", "previous") and unit.unit == "character":
        found = [Span(a, b) for a, b in _all_clusters(document.text, scope)]
    return _choose(document, found, unit.which, unit.count, what)


def _all_clusters(text: str, scope: Span) -> list[tuple[int, int]]:
    return list(clusters(text, scope.start, scope.end))


def _choose_named(document: Document, unit: Unit, found: list[Span]) -> list[Span]:
    if unit.which == "this":
        if len(found) > 1:
            raise ambiguous(document, found, f"that {unit.unit}")
        return found
    return _choose(document, found, unit.which, unit.count, unit.unit)


def _called(document: Document, found: list[Span], unit: Unit) -> list[Span]:
    title = unit.called or ""
    exact: list[Span] = []
    partly: list[Span] = []
    for span in found:
        first_line = document.text[span.start : span.end].split("\n")[0].strip(" \t\r#")
        places = find_quote(first_line, title)
        if places:
            whole = places[0] == (0, len(first_line.rstrip(".:!? ")))
            (exact if whole else partly).append(span)
    if not exact and not partly:
        raise NoMatch(f"no {unit.unit} is called “{title}”", near=near_misses(document.text, title))
    return exact or partly


def _containing(document: Document, found: list[Span], containing: Selector) -> list[Span]:
    inner = containing
    if isinstance(inner, Quote) and inner.which is None:
        inner = inner.model_copy(update={"which": "all"})
    places = resolve_all(document.select(0, 0), inner)
    kept = [
        span for span in found if any(span.start <= place.start and place.end <= span.end for place in places)
    ]
    if not kept:
        raise NoMatch("those words do not stand within one of them")
    return kept


def _this(document: Document, found: list[Span], unit: Unit) -> list[Span]:
    at = _at_caret(document, found)
    if not document.selection.is_caret and unit.count == 1:
        touched = [s for s in found if s.start < document.selection.end and s.end > document.selection.start]
        if touched:
            return [Span(touched[0].start, touched[-1].end)]
    if at + unit.count > len(found):
        raise NoMatch(f"there are not {unit.count} {unit.unit}s from here on")
    return [Span(found[at].start, found[at + unit.count - 1].end)]


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


def _neighbours(document: Document, found: list[Span], unit: Unit) -> list[Span]:
    """Next and previous among lines and larger units: those beside the one the caret is in."""
    selection = document.selection
    if unit.which == "next":
        chosen = [span for span in found if span.start > selection.end][: unit.count]
    else:
        chosen = [span for span in found if span.end < selection.start][-unit.count :]
    if len(chosen) < unit.count:
        raise NoMatch(f"there is no {unit.which} {unit.unit}{_there(unit.count)}")
    return [Span(chosen[0].start, chosen[-1].end)]


# --- stretches ---


def _range_end(document: Document, end: Selector | Place) -> Span:
    if isinstance(end, Caret | Edge):
        at = resolve_place(document, end)
        return Span(at, at)
    return resolve(document, end)


def _range(document: Document, chosen: Range) -> Span:
    scope = _scope(document, chosen.within)
    start = Span(scope.start, scope.start)
    if chosen.start is not None:
        start = _range_end(document, _narrowed(chosen.start, chosen.within))
    if chosen.end is None:
        return Span(start.start, _ends(document.text, scope))
    # What the end is relative to is the start: "from alpha to the end of the line" is alpha's line.
    seen = (
        document
        if chosen.start is None or isinstance(chosen.start, Caret)
        else document.select(start.end, start.end)
    )
    end = _end_after(seen, _narrowed(chosen.end, chosen.within), start, scope, first=chosen.start is not None)
    if end.end < start.start:
        start, end = end, start
    if chosen.inclusive:
        return Span(start.start, max(start.end, end.end))
    return _trimmed(document.text, start.end, max(start.end, end.start), " \t\r\n,;:")


def _narrowed(end: Selector | Place, within: Selector | None) -> Selector | Place:
    if within is not None and isinstance(end, Quote | Unit) and end.within is None:
        return end.model_copy(update={"within": within})
    return end


def _end_after(document: Document, end: Selector | Place, start: Span, scope: Span, *, first: bool) -> Span:
    if isinstance(end, Quote) and end.which is None and first:
        behind = _places(document, end.text, Span(start.end, scope.end))
        if behind:
            return behind[0]
        read = _read_further(end)
        if read is not None and (behind := _places(document, read.text, Span(start.end, scope.end))):
            return behind[0]
        near = near_misses(document.text[start.end : scope.end], end.text)
        raise NoMatch(f"“{end.text}” does not come after that", near=near)
    return _range_end(document, end)


def _ends(text: str, scope: Span) -> int:
    """The end of a scope without a final line break, which belongs to no stretch of text."""
    return scope.start + len(text[scope.start : scope.end].rstrip("\r\n"))


def _everything(document: Document, chosen: Everything) -> Span:
    scope = _scope(document, chosen.within)
    of = _range_end(document, _narrowed(chosen.of, chosen.within))
    if chosen.side == "after":
        return _trimmed(document.text, of.end, max(of.end, _ends(document.text, scope)), " \t\r\n")
    return _trimmed(document.text, min(scope.start, of.start), of.start, " \t\r\n")


def _trimmed(text: str, start: int, end: int, chars: str) -> Span:
    piece = text[start:end]
    if not piece.strip(chars):
        raise NoMatch("there is no text there")
    start += len(piece) - len(piece.lstrip(chars))
    return Span(start, start + len(piece.strip(chars)))


def sentence_around(text: str, at: int) -> Span | None:
    """The sentence in which an offset lies."""
    return next((Span(a, b) for a, b in sentences(text) if a <= at < b), None)


__all__ = ["Span", "ambiguous", "resolve", "resolve_all", "resolve_place", "sentence_around"]
