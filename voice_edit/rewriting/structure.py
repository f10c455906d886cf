"""What of a passage's Markdown has to come through a rewrite, and what has to come through letter by letter.
Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from voice_edit import text_units

_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(
    r"\]\(\s*<?([^)\s>]+)|(https?://[^\s)>\]\"']*[^\s)>\]\"'.,;:!?])|([\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
)
"""Where a link leads; what it is called may change."""
_HOLE = re.compile(r"\{\{[^}\n]*\}\}|\$\{[^}\n]*\}|%\([a-z_]+\)s|<<[^>\n]+>>")
_TABLE = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?^ {0,3}\1[`~]*[ \t]*$", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"[ \t]*>")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(?:.+?)(?<=\S)\1")
_BOX = re.compile(r"\[([ xX])\][ \t]")
_BLANK = re.compile(r"\n[ \t]*\n")


def differences(new: str, old: str) -> Iterator[str]:
    """What of the old text's structure the new one has not, or has besides: "headings"."""
    new, old = _FENCED.sub("", new), _FENCED.sub("", old)
    for what, shape in _SHAPES.items():
        if shape(new) != shape(old):
            yield what
    blocks, old_blocks = (len(_BLANK.split(text.strip())) for text in (new, old))
    if blocks < old_blocks:
        yield "paragraphs"
    elif "\n" in old.strip() and "\n" not in new.strip():
        yield "lines"


def verbatim(new: str, old: str, *, may_go: bool) -> Iterator[str]:
    """What has to be the same to the letter and is not: "links". `may_go`: some may be left out."""
    for what, pattern in (("code", _CODE), ("links", _LINK), ("placeholders", _HOLE)):
        there, was = (Counter(found[0] for found in _found(pattern, text)) for text in (new, old))
        if there - was or (was - there and not may_go):
            yield what
    if [found[0] for found in _FENCED.finditer(old)] != [found[0] for found in _FENCED.finditer(new)]:
        yield "blocks of code"


def _found(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str]]:
    for found in pattern.finditer(text):
        yield (next((group for group in found.groups() if group), found[0]),)


def _items(text: str) -> list[tuple[int, bool, str]]:
    """Depth, whether it has a number, and the box of every list item."""
    found, indents = [], [0]
    for line in text_units.lines(text):
        if not text_units.is_item(text, line):
            continue
        marker = text[line[0] : text_units.marker_end(text, line)]
        indent = len(marker) - len(marker.lstrip())
        while len(indents) > 1 and indent < indents[-1]:
            indents.pop()
        if indent > indents[-1]:
            indents.append(indent)
        box = _BOX.search(marker)
        found.append((len(indents), marker.strip()[0].isdigit(), box[1].lower() if box is not None else ""))
    return found


def _headings(text: str) -> list[int]:
    return [level for _, level in text_units.headings_with_levels(text)]


def _rows(text: str) -> list[int]:
    """Cells of every table row."""
    return [line.count("|") for line in text.splitlines() if _TABLE.match(line)]


def _quotes(text: str) -> bool:
    return any(_QUOTED.match(line) for line in text.splitlines())


_SHAPES: dict[str, Callable[[str], object]] = {
    "headings": _headings,
    "list items": _items,
    "table rows": _rows,
    "quoted lines": _quotes,
    "bold words": lambda text: len(_STRONG.findall(text)),
}
