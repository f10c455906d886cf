"""A passage in pieces that are rewritten one by one, and put together again. Pure.

What is between the pieces never reaches a model and comes back as it was: blank lines, code fences, and, for
a model that knows prose only, heading marks, list markers, tables and what else is no prose (`kept_lines`).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from voice_edit import text_units
from voice_edit.rewriting.kept_lines import kept_lines

_EDGES = re.compile(r"\A(\s*)(.*?)(\s*)\Z", re.DOTALL)
_QUOTE = re.compile(r"[ \t]*(?:>[ \t]?)+")
_HARD_BREAK = re.compile(r"(?: {2,}|\\)\Z")
_STOPS = ".!?…:;,。"

LEAST_WIDTH = 40
"""Lines that are shorter than this were not broken because they were full."""
EVEN = 0.6
"""Every line but the last of a paragraph that was broken by width is at least so full."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a passage, line breaks as "\\n"."""

    text: str
    is_asked: bool
    """Whether it is to be rewritten; the rest stays as it is."""
    width: int | None = None
    """It was broken into lines of about so many characters, and its text here is one line."""
    is_point: bool = False
    """It is a heading or a list item, or a line of its own, where no full stop belongs that was not there."""

    def fitted(self, answer: str) -> str:
        """An answer without a full stop that models put behind everything."""
        added = answer.endswith(".") and not answer.endswith("..") and self.text[-1:] not in _STOPS
        return answer[:-1] if self.is_point and added else answer


def trimmed(text: str) -> tuple[str, str, str]:
    """White space before, the passage, white space behind. A text of nothing else is all "before"."""
    found = _EDGES.match(text)
    assert found is not None, "the pattern fits any text"
    return found[1], found[2], found[3]


def whole(text: str) -> list[Piece]:
    """The passage as one piece."""
    return [*_with_edges(text)]


def by_paragraph(text: str, most_chars: int, *, prose_only: bool) -> list[Piece]:
    """Pieces of one or more paragraphs, of up to `most_chars` where paragraphs are that short.

    `prose_only`: each is one paragraph, or the words of one heading or list item, without marks, on one line;
    a long one is cut between its sentences.
    """
    blocks = list(_blocks(text, prose_only=prose_only))
    if prose_only:
        return [piece for block in blocks for piece in _short_enough(block, most_chars)]
    return [piece for block in _joined(blocks, most_chars) for piece in _short_enough(block, most_chars)]


def as_prose(text: str) -> str:
    """The same without list markers and heading marks, each item a sentence; paragraphs stay apart."""
    paragraphs = []
    for block in re.split(r"\n[ \t]*\n", text):
        found = []
        for line in filter(str.strip, block.split("\n")):
            at = _behind_marks(line)
            words = line[at:].strip()
            found.append(words if not at or words[-1:] in ".!?:;" else f"{words}.")
        paragraphs.append(" ".join(found))
    return "\n\n".join(paragraphs)


def together(pieces: Sequence[Piece], answers: Sequence[str]) -> str:
    """The passage with `answers` in place of the pieces that were asked for, in order. ValueError for another
    number of them.
    """
    asked = iter(answers)
    found = []
    for piece in pieces:
        if not piece.is_asked:
            found.append(piece.text)
            continue
        answer = next(asked, None)
        if answer is None:
            raise ValueError("there are fewer answers than pieces")
        found.append(_broken(answer, piece.width))
    if next(asked, None) is not None:
        raise ValueError("there are more answers than pieces")
    return "".join(found)


def _with_edges(text: str) -> list[Piece]:
    before, inner, behind = trimmed(text)
    found = [Piece(before, False), _unwrapped(inner, True), Piece(behind, False)]
    return [piece for piece in found if piece.text]


def _prose(text: str, *, is_point: bool) -> list[Piece]:
    """A paragraph or a point for a model that takes one line at a time."""
    before, inner, behind = trimmed(text)
    piece = _unwrapped(inner, True)
    if "\n" not in piece.text:
        found = [replace(piece, is_point=is_point)]
    else:
        lines = inner.split("\n")
        width = max(map(len, lines))
        if width < LEAST_WIDTH or any(_HARD_BREAK.search(line) for line in lines[:-1]):
            found = _apart(lines)
        else:
            found = [Piece(" ".join(line.strip() for line in lines), True, width, is_point)]
    return [piece for piece in (Piece(before, False), *found, Piece(behind, False)) if piece.text]


def _apart(lines: Sequence[str]) -> list[Piece]:
    """Lines that stay lines: an address, a verse."""
    found = []
    for number, line in enumerate(lines):
        words = line.strip(" \t\\")
        at = line.index(words)
        end = "" if number == len(lines) - 1 else "\n"
        found += [Piece(line[:at], False), Piece(words, True, is_point=True)]
        found.append(Piece(line[at + len(words) :] + end, False))
    return found


def _blocks(text: str, *, prose_only: bool) -> list[Piece]:
    """Paragraphs, and what is between them."""
    found: list[Piece] = []
    prose: list[str] = []
    is_point = False

    def end_prose() -> None:
        nonlocal is_point
        if prose:
            said = "".join(prose)
            found.extend(_prose(said, is_point=is_point) if prose_only else _with_edges(said))
            prose.clear()
        is_point = False

    lines = text.splitlines(keepends=True)
    for line, is_kept in zip(lines, kept_lines(lines, prose_only=prose_only), strict=True):
        if is_kept or not line.strip():
            end_prose()
            found.append(Piece(line, False))
        elif prose_only and (at := _behind_marks(line)):
            end_prose()
            found.append(Piece(line[:at], False))
            prose.append(line[at:])
            is_point = text_units.marker_end(line, (0, len(line))) > 0
            if text_units.HEADING.match(line) is not None:
                end_prose()
        else:
            prose.append(line)
    end_prose()
    return found


def _behind_marks(line: str) -> int:
    quote = _QUOTE.match(line)
    start = quote.end() if quote is not None else 0
    return text_units.marker_end(line, (start, len(line.rstrip("\n")))) if line[start:].strip() else start


def _joined(blocks: Sequence[Piece], most_chars: int) -> list[Piece]:
    """Neighbours in one piece as long as they fit, with what is between them."""
    found: list[Piece] = []
    for block in blocks:
        if block.is_asked and len(found) >= 2 and found[-2].is_asked and not found[-1].is_asked:
            first, between = found[-2:]
            text = _broken(first.text, first.width) + between.text + _broken(block.text, block.width)
            if len(text) <= most_chars and not between.text.strip():
                found[-2:] = [Piece(text, True)]
                continue
        if not block.is_asked and found and not found[-1].is_asked:
            found[-1] = Piece(found[-1].text + block.text, False)
            continue
        found.append(block)
    return found


def _short_enough(piece: Piece, most_chars: int) -> list[Piece]:
    """A long piece cut between sentences. One long sentence stays whole."""
    if not piece.is_asked or len(piece.text) <= most_chars:
        return [piece]
    cuts = [0]
    last = 0
    for start, _ in text_units.sentences(piece.text)[1:]:
        if start - cuts[-1] > most_chars and last > cuts[-1]:
            cuts.append(last)
        last = start
    if len(piece.text) - cuts[-1] > most_chars and last > cuts[-1]:
        cuts.append(last)
    parts = [piece.text[a:b] for a, b in zip(cuts, [*cuts[1:], len(piece.text)], strict=True)]
    if len(parts) == 1:
        return [piece]
    return [one for part in parts for one in _kept_apart(part)]


def _kept_apart(part: str) -> list[Piece]:
    before, inner, behind = trimmed(part)
    return [p for p in (Piece(before, False), Piece(inner, True), Piece(behind, False)) if p.text]


def _unwrapped(text: str, is_asked: bool) -> Piece:
    """A paragraph that was broken into lines of one width as a single line."""
    lines = text.split("\n")
    longest = max(map(len, lines))
    plain = all(line.strip() == line and text_units.marker_end(line, (0, len(line))) == 0 for line in lines)
    even = all(len(line) >= EVEN * longest for line in lines[:-1])
    if len(lines) < 2 or longest < LEAST_WIDTH or not plain or not even:
        return Piece(text, is_asked)
    return Piece(" ".join(lines), is_asked, width=longest)


def _broken(text: str, width: int | None) -> str:
    if width is None or "\n" in text:
        return text
    return "\n".join(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False))
