"""Where the words, sentences, lines, items, headings, paragraphs, sections and lists of a text are.

Every function gives spans (start, end) in code points, in order. Line breaks are LF, CR LF and CR.
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

import regex

from voice_edit.graphemes import clusters
from voice_edit.selectors import UnitName
from voice_edit.wordlists import wordlist

Span = tuple[int, int]

_LINE = regex.compile(r"[^\r\n]*(?:\r\n|\n|\r|$)")
_WORD = regex.compile(
    r"\p{N}+(?:[.,:]\p{N}+)*(?=[^\p{L}\p{N}\p{M}_]|$)|"
    r"[\p{L}\p{M}\p{N}_\u200c\u200d]+(?:['’\-‐‑][\p{L}\p{M}\p{N}_]+)*"
)
MARKER = regex.compile(r"[ \t]*(?:[-*+•]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
HEADING = regex.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)")
_FENCE = regex.compile(r" {0,3}(```|~~~)")
_SENTENCE_END = regex.compile(r"[.!?…。！？]+[\"'”’»)\]*_]*(?=\s|$)|[。！？]+")
_ABBREVIATIONS = wordlist(
    "mr mrs ms dr prof st no nr vs etc eg ie e.g i.e approx dept fig jr sr inc ltd co cf vol pp a.m p.m"
)


def lines(text: str) -> list[Span]:
    """Lines without their breaks. After a final break there is no further line; an empty text has none."""
    spans = []
    at = 0
    while at < len(text):
        found = _LINE.match(text, at)
        if found is None:
            break
        whole = found[0]
        spans.append((at, at + len(whole.rstrip("\r\n"))))
        at = found.end()
    return spans


def words(text: str) -> list[Span]:
    """Words without the marks around them; apostrophes and hyphens inside belong to them."""
    return [found.span() for found in _WORD.finditer(text)]


def characters(text: str) -> list[Span]:
    """Grapheme clusters that are not line breaks."""
    return [(a, b) for a, b in clusters(text) if text[a] not in "\r\n"]


def is_blank(text: str, span: Span) -> bool:
    """Whether there is nothing to see in this line."""
    return not text[span[0] : span[1]].strip()


def marker_end(text: str, line: Span) -> int:
    """Where the content of a line begins: behind a list marker or heading marks, else at its start."""
    for pattern in (MARKER, HEADING):
        found = pattern.match(text, line[0], line[1])
        if found is not None:
            return int(found.end())
    return line[0]


def is_item(text: str, line: Span) -> bool:
    """Whether the line is a list item."""
    return MARKER.match(text, line[0], line[1]) is not None


def heading_level(text: str, line: Span) -> int:
    """1 to 6, or 0 if the line is no heading."""
    found = HEADING.match(text, line[0], line[1])
    return len(found[1]) if found is not None else 0


def headings_with_levels(text: str) -> list[tuple[Span, int]]:
    """Heading lines outside of code fences, with their levels."""
    found = []
    fenced = ""
    for line in lines(text):
        fence = _FENCE.match(text, line[0], line[1])
        if fence is not None and (not fenced or fence[1] == fenced):
            fenced = "" if fenced else fence[1]
        elif not fenced and (level := heading_level(text, line)):
            found.append((line, level))
    return found


def headings(text: str) -> list[Span]:
    """The words of the headings."""
    return [(marker_end(text, line), line[1]) for line, _ in headings_with_levels(text)]


def items(text: str) -> list[Span]:
    """The words of the list items, without markers."""
    return [(marker_end(text, line), line[1]) for line in lines(text) if is_item(text, line)]


def _runs(text: str, members: list[bool], spans: list[Span]) -> list[Span]:
    found: list[Span] = []
    start: int | None = None
    for at, belongs in enumerate([*members, False]):
        if belongs and start is None:
            start = at
        elif not belongs and start is not None:
            found.append((spans[start][0], spans[at - 1][1]))
            start = None
    return found


def paragraphs(text: str) -> list[Span]:
    """Runs of lines that are neither blank nor headings."""
    all_lines = lines(text)
    heads = {line for line, _ in headings_with_levels(text)}
    return _runs(text, [not is_blank(text, line) and line not in heads for line in all_lines], all_lines)


def lists(text: str) -> list[Span]:
    """Runs of list items; indented lines after an item belong to it."""
    all_lines = lines(text)
    members = []
    inside = False
    for line in all_lines:
        indented = text[line[0] : line[0] + 1] in (" ", "\t") and not is_blank(text, line)
        inside = is_item(text, line) or (inside and indented)
        members.append(inside)
    return _runs(text, members, all_lines)


def sections(text: str) -> list[Span]:
    """From each heading to before the next one of the same or a higher level, blank lines at the end left
    out."""
    heads = headings_with_levels(text)
    found = []
    for at, (line, level) in enumerate(heads):
        end = next((other[0] for other, depth in heads[at + 1 :] if depth <= level), len(text))
        found.append((line[0], line[0] + len(text[line[0] : end].rstrip())))
    return found


def sentences(text: str) -> list[Span]:
    """Sentences with their final marks. Paragraphs, headings and list items end one even without a mark."""
    found: list[Span] = []
    for start, end in _blocks(text):
        at = start
        for mark in _SENTENCE_END.finditer(text, start, end):
            if _goes_on(text, at, mark.start(), mark.end(), end):
                continue
            _add(text, at, mark.end(), found)
            at = mark.end()
        _add(text, at, end, found)
    return found


def _add(text: str, start: int, end: int, found: list[Span]) -> None:
    piece = text[start:end]
    if piece.strip():
        start += len(piece) - len(piece.lstrip())
        found.append((start, start + len(piece.strip())))


def _goes_on(text: str, start: int, mark: int, after: int, end: int) -> bool:
    """Whether a mark does not end the sentence: abbreviations, initials, small letters after a full stop."""
    if mark < start or text[mark] not in ".…":
        return False
    following = text[after:end].lstrip()[:1]
    if not following or text[mark:after].strip("\"'”’»)]*_") not in (".", "...", "…"):
        return False
    before = regex.search(r"[\p{L}.]+$", text[start:mark])
    word = before[0].lower() if before is not None else ""
    if word in ("no", "nr", "fig", "vol", "pp"):
        return following.isdigit()
    if word in _ABBREVIATIONS:
        return word not in ("etc", "a.m", "p.m", "inc", "ltd", "co") or following.islower()
    if len(word) == 1 and word.isalpha() and before is not None and before[0].isupper():
        # "J. Smith", but not "A. B. C." where every letter is a sentence of its own.
        name = regex.match(r"\s*\p{Lu}\p{Ll}", text[after:end])
        return name is not None and bool(text[start : mark - 1].strip())
    return following.islower() and text[mark:after] in ("...", "…")


def _blocks(text: str) -> list[Span]:
    """Stretches in which sentences may run over line ends: paragraphs, single items, single headings."""
    blocks: list[Span] = []
    open_block = False
    heads = {line for line, _ in headings_with_levels(text)}
    for line in lines(text):
        if is_blank(text, line):
            open_block = False
        elif line in heads or is_item(text, line):
            blocks.append((marker_end(text, line), line[1]))
            open_block = line not in heads
        elif open_block:
            blocks[-1] = (blocks[-1][0], line[1])
        else:
            blocks.append(line)
            open_block = True
    return blocks


def units(text: str, unit: UnitName) -> list[Span]:
    """All units of one kind."""
    match unit:
        case "character":
            return characters(text)
        case "word":
            return words(text)
        case "sentence":
            return sentences(text)
        case "line":
            return lines(text)
        case "blank_line":
            return [line for line in lines(text) if is_blank(text, line)]
        case "item":
            return items(text)
        case "heading":
            return headings(text)
        case "paragraph":
            return paragraphs(text)
        case "section":
            return sections(text)
        case "list":
            return lists(text)
