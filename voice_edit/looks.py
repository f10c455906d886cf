"""Changes for how text looks: letter case, Markdown marks, headings, lists, joined, split and sorted
lines."""

from itertools import pairwise
from typing import Literal

import regex

from voice_edit import repairs
from voice_edit.edits import Change, Document
from voice_edit.errors import NoMatch
from voice_edit.planning import change
from voice_edit.resolving import Span
from voice_edit.spoken.forms import folded
from voice_edit.text_units import (
    HEADING,
    MARKER,
    heading_level,
    is_blank,
    is_item,
    lines,
    marker_end,
    sentences,
    words,
)
from voice_edit.wordlists import wordlist

Style = Literal["capitalise", "upper", "lower", "title"]

_MARKS = {"bold": "**", "italic": "*", "code": "`"}
_MINOR = wordlist(
    "a an the and but or nor for so yet as at by in of on to up via per from into over with than if"
)


def change_case(document: Document, span: Span, style: Style, *, each_word: bool) -> list[Change]:
    """Only the letters that change are changes, so that a caret among them stays where it is."""
    text = document.text
    old = text[span.start : span.end]
    match style:
        case "upper":
            new = [c.upper() for c in old]
        case "lower":
            new = [c.lower() for c in old]
        case _:
            new = list(old)
            all_words = words(old)
            for at, (start, end) in enumerate(all_words):
                edge = at in (0, len(all_words) - 1)
                if style == "title" and not edge and old[start:end].lower() in _MINOR:
                    continue
                if at == 0 or each_word or style == "title":
                    new[start] = _capital(old[start])
    return _letters(document, span.start, old, new)


def _capital(letter: str) -> str:
    return letter.title() if len(letter.title()) == 1 else letter


def _letters(document: Document, start: int, old: str, new: list[str]) -> list[Change]:
    borders = {document.selection.anchor, document.selection.head}
    changes: list[Change] = []
    for at, (was, is_now) in enumerate(zip(old, new, strict=True), start=start):
        if was == is_now:
            continue
        if changes and changes[-1].end == at and at not in borders:
            changes[-1] = Change(changes[-1].start, changes[-1].old + was, changes[-1].new + is_now)
        else:
            changes.append(Change(at, was, is_now))
    return changes


def mark(document: Document, span: Span, style: Literal["bold", "italic", "code", "plain"]) -> list[Change]:
    """Markdown marks around every line's part of a span; `plain` takes marks away inside and around it."""
    text = document.text
    if style == "plain":
        return _unmark(text, span)
    sign = _MARKS[style]
    changes: list[Change] = []
    for a, b in lines(text[span.start : span.end]):
        start, end = span.start + a, span.start + b
        if repairs.line_start(text, start) == start:
            start = max(start, marker_end(text, (start, end)))
        piece = text[start:end]
        start, end = start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
        if start >= end or _marked(text, start, end, sign):
            continue
        used = _longer_fence(text[start:end]) if style == "code" else sign
        changes += [Change(start, "", used), Change(end, "", used)]
    return changes


def _longer_fence(piece: str) -> str:
    runs = [len(run) for run in regex.findall(r"`+", piece)]
    return "`" * (max(runs, default=0) + 1)


def _marked(text: str, start: int, end: int, sign: str) -> bool:
    """Whether the sign stands around or at both ends of this piece already."""
    before = regex.search(r"[*_`]*$", text[:start])
    after = regex.match(r"[*_`]*", text[end:])
    around = before is not None and after is not None and _has(before[0], sign) and _has(after[0], sign)
    piece = text[start:end]
    inside = len(piece) > 2 * len(sign) and piece.startswith(sign) and piece.endswith(sign)
    return around or (inside and (sign != "*" or not piece.startswith("**") or piece.startswith("***")))


def _has(run: str, sign: str) -> bool:
    stars = run.count("*")
    return {"**": stars >= 2, "*": stars in (1, 3), "`": "`" in run}[sign]


def _unmark(text: str, span: Span) -> list[Change]:
    changes: list[Change] = []
    before = regex.search(r"(?<![*_`\\])[*`_]+$", text[: span.start])
    after = regex.match(r"[*`_]+", text[span.end :])
    if before is not None and after is not None and before[0] == after[0][::-1]:
        changes.append(change(text, before.start(), span.start, ""))
        changes.append(change(text, span.end, span.end + len(after[0]), ""))
    body_start = span.start
    for a, b in lines(text[span.start : span.end]):
        start, end = span.start + a, span.start + b
        body_start = max(start, marker_end(text, (repairs.line_start(text, start), end)))
        for found in regex.finditer(r"(\*\*\*|\*\*|\*|__|`+)(?=\S)(.+?)(?<=\S)\1", text[body_start:end]):
            size = len(found[1])
            for at in (body_start + found.start(), body_start + found.end() - size):
                changes.append(change(text, at, at + size, ""))
    return sorted(changes, key=lambda c: c.start)


# --- headings and lists ---


def _lines_of(text: str, span: Span) -> list[tuple[int, int]]:
    """The lines a span touches, whole."""
    start, end = repairs.line_start(text, span.start), repairs.line_end(text, span.end)
    return [(start + a, start + b) for a, b in lines(text[start:end])]


def make_heading(document: Document, span: Span, level: int) -> list[Change]:
    """Heading marks in front of every line of the span that is not blank; other marks there go."""
    text = document.text
    found = [line for line in _lines_of(text, span) if not is_blank(text, line)]
    if not found:
        raise NoMatch("there is no text there to make a heading of")
    return [change(text, line[0], marker_end(text, line), "#" * level + " ") for line in found]


def make_list(
    document: Document, span: Span, style: Literal["bullet", "numbered"], *, by_line: bool
) -> list[Change]:
    """Markers in front of every line; one line with several sentences becomes an item for each of them."""
    text = document.text
    found = [line for line in _lines_of(text, span) if not is_blank(text, line)]
    if not found:
        raise NoMatch("there is no text there to make a list of")
    if len(found) == 1 and not by_line and not is_item(text, found[0]):
        start, end = found[0]
        parts = [(start + a, start + b) for a, b in sentences(text[start:end])]
        if len(parts) > 1:
            changes = [change(text, start, parts[0][0], _marker(style, 1))]
            for number, (left, right) in enumerate(pairwise(parts), start=2):
                changes.append(change(text, left[1], right[0], document.newline + _marker(style, number)))
            return changes
    changes = []
    for number, line in enumerate(found, start=1):
        body = marker_end(text, line)
        old = text[line[0] : body]
        indent = old[: len(old) - len(old.lstrip())] if is_item(text, line) else ""
        box = regex.search(r"\[[ xX]\][ \t]+$", old)
        new = indent + _marker(style, number) + (box[0] if box is not None else "")
        changes.append(change(text, line[0], body, new))
    return changes


def _marker(style: str, number: int) -> str:
    return "- " if style == "bullet" else f"{number}. "


# --- lines ---


def join_lines(document: Document, span: Span, *, by_paragraph: bool) -> list[Change]:
    """Line breaks become spaces. `by_paragraph`: blank lines and headings stay and part what is joined."""
    text = document.text
    found = _lines_of(text, span)
    if len(found) < 2:
        end = repairs.line_end(text, span.end)
        below = repairs.line_start(text, min(len(text), end + 2))
        rest = [line for line in lines(text) if line[0] > end]
        if not rest or not found:
            raise NoMatch("there is no line below to join it with")
        del below
        found = [*found[:1], next((line for line in rest if not is_blank(text, line)), rest[0])]
    changes = []
    full = [line for line in found if not is_blank(text, line)]
    for upper, lower in pairwise(full):
        apart = text[upper[1] : lower[0]]
        if by_paragraph and (
            len(lines(apart)) > 1 or heading_level(text, upper) or heading_level(text, lower)
        ):
            continue
        left = repairs.space_before(text, upper[1])
        right = marker_end(text, lower) if is_item(text, lower) else repairs.space_after(text, lower[0])
        changes.append(change(text, left, right, " "))
    return changes


def split_lines(document: Document, span: Span, by: Literal["sentence", "comma", "word"]) -> list[Change]:
    """Parts of the span go on lines of their own; the marks and spaces between them make way."""
    text = document.text
    piece = text[span.start : span.end]
    if by == "comma":
        cuts = [found.span() for found in regex.finditer(r"[ \t]*,(?!\d)[ \t]*(?=[^\s])", piece)]
    else:
        parts = sentences(piece) if by == "sentence" else words(piece)
        cuts = []
        for left, right in pairwise(parts):
            between = piece[left[1] : right[0]]
            if not between.strip():
                cuts.append((left[1], right[0]))
            elif by == "word" and (space := regex.search(r"[ \t]+", between)) is not None:
                cuts.append((left[1] + space.start(), left[1] + space.end()))
    cuts = [cut for cut in cuts if "\n\n" not in piece[cut[0] : cut[1]].replace("\r", "")]
    if not cuts:
        raise NoMatch("there is nothing there to split")
    start = repairs.line_start(text, span.start)
    marker = MARKER.match(text, start)
    prefix = document.newline + (marker[0] if marker is not None and "\n" not in piece else "")
    return [change(text, span.start + a, span.start + b, prefix) for a, b in cuts]


def sort_lines(document: Document, span: Span, *, descending: bool) -> list[Change]:
    """Lines in order within each run of lines; blank lines and headings part the runs. List numbers stay in
    place."""
    text = document.text
    changes: list[Change] = []
    run: list[tuple[int, int]] = []
    for line in [*_lines_of(text, span), (len(text), len(text))]:
        if is_blank(text, line) or HEADING.match(text, line[0], line[1]) is not None:
            changes += _sort_run(text, run, descending=descending)
            run = []
        else:
            run.append(line)
    return changes


def _sort_run(text: str, run: list[tuple[int, int]], *, descending: bool) -> list[Change]:
    numbered = all(regex.match(r"[ \t]*\d+[.)][ \t]", text[a:b]) is not None for a, b in run)
    bodies = [(regex.match(r"[ \t]*\d+[.)][ \t]+", text[a:b]) if numbered else None, a, b) for a, b in run]
    starts = [a + (found.end() if found is not None else 0) for found, a, _ in bodies]
    contents = [text[s:b] for s, (_, b) in zip(starts, run, strict=True)]
    ordered = sorted(contents, key=_sort_key, reverse=descending)
    return [
        change(text, s, b, new)
        for s, (_, b), new in zip(starts, run, ordered, strict=True)
        if text[s:b] != new
    ]


def _sort_key(line: str) -> list[tuple[int, int, str]]:
    body = line[MARKER.match(line).end() if MARKER.match(line) else 0 :]
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in regex.findall(r"\d+|\D+", folded(body.strip()))
    ]
