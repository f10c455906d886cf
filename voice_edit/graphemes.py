"""Grapheme clusters: what a reader takes for one character. Edits and selections never cut one."""

from collections.abc import Iterator

import regex

_CLUSTER = regex.compile(r"\X")
_SURE = regex.compile(r"\p{GCB=Other}\p{GCB=Other}")
"""Between two of these there is always a border: most letters, signs, spaces, and each emoji's first part."""


def clusters(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Spans of the grapheme clusters of `text[start:end]`; CR LF is one."""
    stop = len(text) if end is None else end
    for found in _CLUSTER.finditer(text, start, stop):
        yield found.start(), found.end()


def _around(text: str, at: int) -> tuple[int, int]:
    """The cluster that holds offset `at` strictly inside, else (at, at)."""
    if at <= 0 or at >= len(text):
        return at, at
    # A cluster never reaches over a line feed, so counting may begin behind the last one.
    begin = text.rfind("\n", 0, at) + 1
    if begin == at and text[at - 2 : at] == "\r\n":
        return at, at
    if text[at] == "\n" and text[at - 1] == "\r":
        return at - 1, at + 1
    # Nor over a sure border; a paragraph may be one long line, and many offsets are asked for.
    sure = at
    while sure > begin and not _SURE.match(text, sure - 1, sure + 1):
        sure -= 1
    for start, end in clusters(text, max(begin, sure)):
        if start < at < end:
            return start, end
        if end >= at:
            break
    return at, at


def snap_left(text: str, at: int) -> int:
    """The last cluster border at or before `at`."""
    return _around(text, at)[0]


def snap_right(text: str, at: int) -> int:
    """The first cluster border at or after `at`."""
    return _around(text, at)[1]
