"""Selector + document -> spans. The rules are told in docs/commands.md ("Which text is meant").

`resolve_all` gives every span a selector names (several only for "every" and "all"), `resolve` the one from
the first
to the last, `resolve_place` an offset. All raise NoMatch (with what nearly matched) or Ambiguous (with the
choices).
"""

from voice_edit.counting import Span, ambiguous, choose, in_selection, neighbours, noun, this_one
from voice_edit.edits import Document
from voice_edit.errors import Ambiguous, NoMatch
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
    WhatWasSaid,
    Whole,
)
from voice_edit.spoken.units import which_at_start
from voice_edit.text_units import sentences, units

_FLOWING: tuple[UnitName, ...] = ("character", "word", "sentence")
"""Units of which several stand on a line; their next one may begin right at the caret."""

_TITLE = ("title", "the title")
"""The first heading, where the word itself does not stand in the text."""


def resolve(document: Document, selector: Selector) -> Span:
    """The one piece of text a selector names; several neighbours ("the last two words") as one piece."""
    spans = resolve_all(document, selector)
    return Span(spans[0].start, spans[-1].end)


def resolve_all(document: Document, selector: Selector) -> list[Span]:
    """Every piece of text a selector names, in order, on grapheme borders."""
    text = document.text
    try:
        spans = _resolve(document, selector)
    except Ambiguous as several:
        several.selector = several.selector or selector  # the innermost one is what it is about
        raise
    found = [Span(snap_left(text, s.start), snap_right(text, s.end)) for s in spans]
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
        case WhatWasSaid():
            raise NoMatch(
                "nothing was said yet that is still in the text",
                hint="Nothing was changed. Name it by its words: “delete the sentence with Tuesday”.",
            )
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
    if not found and quote.which is None and quote.text.casefold() in _TITLE:
        try:
            return _unit(document, Unit(unit="heading", which=1, within=quote.within))
        except NoMatch:
            pass
    where = "" if quote.within is None else " there"
    if not found:
        near = near_misses(document.text[scope.start : scope.end], quote.text)
        raise NoMatch(f"“{quote.text}” is not in the text{where}", near=near)
    if quote.which is None:
        selected = [span for span in found if in_selection(document, span)]
        if len(selected) == 1:
            return selected
        if len(found) > 1:
            raise ambiguous(document, selected or found, f"“{quote.text}”")
        return found
    if quote.which == "all":
        return [span for span in found if in_selection(document, span)] or found
    return choose(document, found, quote.which, f"“{quote.text}”")


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


# --- units ---


def _unit(document: Document, unit: Unit) -> list[Span]:
    if (each := _each_scope(document, unit)) is not None:
        return each
    scope = _scope(document, unit.within)
    piece = document.text[scope.start : scope.end]
    found = [Span(scope.start + a, scope.start + b) for a, b in units(piece, unit.unit)]
    if isinstance(unit.within, Exact):
        found = _whole_units(document, unit.unit, scope) or found
    if not found:
        raise NoMatch(f"there is no {noun(unit.unit)} {'there' if unit.within else 'in the text'}")
    if unit.after is not None or unit.before is not None:
        return _beside(document, found, unit)
    return _which_of(document, found, unit, scope)


def _whole_units(document: Document, name: UnitName, scope: Span) -> list[Span]:
    """The document's own units, if from the first to the last they are just this stretch.

    An item or a blank line is none without what stands around it.
    """
    inside = [Span(a, b) for a, b in units(document.text, name) if scope.start <= a and b <= scope.end]
    fits = inside and (inside[0].start, inside[-1].end) == (scope.start, scope.end)
    return inside if fits else []


def _which_of(document: Document, found: list[Span], unit: Unit, scope: Span) -> list[Span]:
    """Those of the units found that are called so, hold that, or are the counted ones."""
    if unit.called is not None:
        return _choose_named(document, unit, _called(document, found, unit))
    if unit.containing is not None:
        return _choose_named(document, unit, _containing(document, found, unit.containing))
    if unit.which == "this":
        return this_one(document, found, unit)
    if unit.which == "all":
        return [span for span in found if in_selection(document, span)] or found
    if unit.which in ("next", "previous") and unit.unit not in _FLOWING:
        return neighbours(document, found, unit)
    if unit.which in ("next", "previous") and unit.unit == "character":
        found = [Span(a, b) for a, b in _all_clusters(document.text, scope)]
    return choose(document, found, unit.which, noun(unit.unit), count=unit.count, unit=unit.unit)


def _beside(document: Document, found: list[Span], unit: Unit) -> list[Span]:
    """Units after or before something. Where that stands several times it must come to the same units."""
    side = "between those" if unit.after and unit.before else "after that" if unit.after else "before that"
    chosen: dict[tuple[Span, ...], None] = {}
    reason = NoMatch(f"there is no {noun(unit.unit)} {side}")
    gaps, each = _gaps(document, unit)
    for left, right in gaps:
        there = [span for span in found if _lies_between(span, left, right)]
        if not there:
            continue
        try:
            chosen[tuple(_which_of(document, there, unit, _whole(document.text)))] = None
        except NoMatch as error:
            reason = error
    if not chosen:
        raise reason
    if len(chosen) > 1 and not each:
        raise ambiguous(document, [Span(spans[0].start, spans[-1].end) for spans in chosen], side)
    return sorted({span for spans in chosen for span in spans}, key=lambda span: (span.start, span.end))


def _gaps(document: Document, unit: Unit) -> tuple[list[tuple[Span | None, Span | None]], bool]:
    """What the units stand after and before, and whether that is every such place ("after every comma").

    Between two, the second is the first one behind the first, as in a range.
    """
    after, every_after = _anchors(document, unit.after, unit.within)
    before, every_before = _anchors(document, unit.before, unit.within)
    if unit.before is None:
        return [(left, None) for left in after], every_after
    if unit.after is None:
        return [(None, right) for right in before], every_before
    gaps = [(left, next((right for right in before if right.start >= left.end), None)) for left in after]
    return [gap for gap in gaps if gap[1] is not None], every_after


def _anchors(document: Document, of: Selector | None, within: Selector | None) -> tuple[list[Span], bool]:
    """The places of what is meant, and whether all of them are; a quote with several places has them all."""
    if of is None:
        return [], False
    narrowed = _narrowed(of, within)
    if not isinstance(narrowed, Quote):
        spans = resolve_all(document, narrowed)  # type: ignore[arg-type]
        return spans, len(spans) > 1
    if narrowed.within is not None:
        resolve_all(document, narrowed.within)  # several of those are not several of the quote
    try:
        spans = resolve_all(document, narrowed)
    except Ambiguous as several:
        return [Span(choice.start, choice.end) for choice in several.choices], False
    return spans, len(spans) > 1


def _lies_between(span: Span, left: Span | None, right: Span | None) -> bool:
    after = left is None or (span.start >= left.end and span != left)
    return after and (right is None or (span.end <= right.start and span != right))


def _all_clusters(text: str, scope: Span) -> list[tuple[int, int]]:
    return list(clusters(text, scope.start, scope.end))


def _choose_named(document: Document, unit: Unit, found: list[Span]) -> list[Span]:
    if unit.which == "this":
        if len(found) > 1:
            raise ambiguous(document, found, f"that {noun(unit.unit)}")
        return found
    return choose(document, found, unit.which, noun(unit.unit), count=unit.count, unit=unit.unit)


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
        raise NoMatch(f"no {noun(unit.unit)} is called “{title}”", near=near_misses(document.text, title))
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
