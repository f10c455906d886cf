"""Offsets of the toolkits turned into code points and back, and where a text window begins and ends. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

from voice_edit.desktop._atspi_names import Units

PAD: Final = "\ufeff"
"""What Gecko puts behind every character beyond U+FFFF."""
_ASTRAL: Final = "\U00010000"


def is_plain(text: str) -> bool:
    """Whether all ways of counting agree on `text`."""
    return not text or max(text) < _ASTRAL


def units_before(text: str, at: int, units: Units) -> int:
    """How the toolkit counts the first `at` code points of `text`."""
    if units == "code points":
        return at
    head = text[:at]
    return len(head) + sum(1 for char in head if char >= _ASTRAL) if not is_plain(head) else len(head)


def points_before(text: str, native: int, units: Units) -> int:
    """Which code point of `text` the toolkit calls `native`; the start of a pair for an offset inside."""
    if units == "code points" or is_plain(text):
        return max(0, min(native, len(text)))
    if native <= 0:
        return 0
    return len(text.encode("utf-16-le")[: 2 * native].decode("utf-16-le", errors="ignore"))


def unpadded(text: str, units: Units) -> str:
    """The text as it is, without the toolkit's own padding."""
    if units != "utf-16 padded" or PAD not in text:
        return text
    kept: list[str] = []
    for char in text:
        if char == PAD and kept and kept[-1] >= _ASTRAL:
            continue
        kept.append(char)
    return "".join(kept)


def told_twice(text: str, at: int) -> int | None:
    """What Chromium's GetSelection makes of the offset `at`: it takes it for a count of UTF-16 units, and
    counts again. None where that lies inside a surrogate pair: then it tells (0, 0)."""
    points = points_before(text, at, "utf-16")
    return points if units_before(text, points, "utf-16") == at else None


def untwice(prefix: str, told: tuple[int, int], caret: int) -> tuple[int, int] | None:
    """The selection of which Chromium's GetSelection tells `told`; `prefix` is the text up to its end.

    The caret is told truly and is one of the ends: so a version that counts once is noticed as well. None
    where what is told fits no selection.
    """
    meant = units_before(prefix, told[0], "utf-16"), units_before(prefix, told[1], "utf-16")
    for ends in (meant, told):
        if caret in ends and ends[0] < ends[1]:
            return ends
    return None


def length_for(text: str, length_in: str) -> int:
    """The length argument of InsertText: bytes of UTF-8, or UTF-16 units."""
    return len(text.encode()) if length_in == "utf-8" else len(text.encode("utf-16-le")) // 2


def window_around(count: int, at: int, most: int) -> tuple[int, int]:
    """At most `most` of `count` code points around `at`, all of them used where the text is long enough."""
    start = max(0, min(at - most // 2, count - most))
    return start, min(count, start + most)


def cut(text: str, start: int, count: int, keep: tuple[int, int]) -> tuple[int, int]:
    """Where in `text`, read from `start` of a text of `count`, a window may begin and end: behind a line
    break where one is near the edge, else at a border of words, and never inside `keep` (offsets in the
    whole text)."""
    first, last = max(0, keep[0] - start), max(0, min(len(text), keep[1] - start))
    margin = len(text) // 4
    begin = _border(text, 0, min(margin, first)) if start > 0 else 0
    end = len(text)
    if start + len(text) < count:
        end = _border_back(text, max(end - margin, last, begin), end)
    return begin, end


def _border(text: str, low: int, high: int) -> int:
    """The first place behind a line break, else behind a space, else where a character begins."""
    line = text.find("\n", low, high)
    if line >= 0:
        return line + 1
    for at in range(low, high):
        if text[at].isspace():
            return at + 1
    while low < high and _joins(text[low]):
        low += 1
    return low


def _border_back(text: str, low: int, high: int) -> int:
    """The last such place, read from the end; a line break and a space stay inside."""
    line = text.rfind("\n", low, high)
    if line >= 0:
        return line + 1
    for at in range(high, low, -1):
        if text[at - 1].isspace():
            return at
    # What follows is not known: the last character may go on outside.
    at = high - 1
    while at > low and _joins(text[at]):
        at -= 1
    return max(low, at) if at > low else high


def _joins(char: str) -> bool:
    """Whether a character belongs to the one before it."""
    return char == "\u200d" or "\ufe00" <= char <= "\ufe0f" or unicodedata.combining(char) > 0
