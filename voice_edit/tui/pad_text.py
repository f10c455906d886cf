"""Between the pad's lines and the offsets of the protocol. Pure; all counts are code points.

The pad's text is its lines joined by "\\n", so an offset is the lines before it, a line break each, and the
column. Textual's columns count code points too: nothing is to be said of graphemes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Location: TypeAlias = tuple[int, int]
"""Line and column, from 0."""

# `str.splitlines` breaks lines at these too, and so does Textual's document: what was one line would be two.
_BREAKS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_TO_SPACE = dict.fromkeys(map(ord, _BREAKS), " ")
_REMOVED = dict.fromkeys(
    code
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000))
    if chr(code) not in "\n\t" + _BREAKS
)
_CLEANED = _TO_SPACE | _REMOVED


@dataclass(frozen=True, slots=True)
class Replacement:
    """The one stretch in which two texts differ."""

    start: int
    """First code point of `old` in the text before."""
    old: str
    new: str


def clean(text: str) -> str:
    """The text as the pad can hold it: one kind of line break, nothing that steers a terminal."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CLEANED)


def offset_of(lines: Sequence[str], location: Location) -> int:
    """The offset of a place in the text; places beyond the end of a line are its end."""
    row, column = location
    row = min(max(row, 0), len(lines) - 1)
    return sum(len(line) + 1 for line in lines[:row]) + min(max(column, 0), len(lines[row]))


def location_of(lines: Sequence[str], offset: int) -> Location:
    """The place of an offset; offsets beyond the text are its end."""
    left = max(offset, 0)
    for row, line in enumerate(lines):
        if left <= len(line):
            return row, left
        left -= len(line) + 1
    return len(lines) - 1, len(lines[-1])


def difference(before: str, after: str) -> Replacement:
    """The shortest stretch that, replaced, turns one text into the other; empty where they are equal."""
    limit = min(len(before), len(after))
    start = 0
    while start < limit and before[start] == after[start]:
        start += 1
    tail = 0
    while tail < limit - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return Replacement(start, before[start : len(before) - tail], after[start : len(after) - tail])
