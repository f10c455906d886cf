"""An utterance as words with the marks around them, and pieces cut out of it."""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from voice_edit import repairs

_TOKEN = regex.compile(r"\S+")
_ABBREVIATION = regex.compile(r"(?:\p{L}\.){2,}")
_CORE = regex.compile(
    r"[\p{L}\p{M}\p{N}@#$€£&%+=*_/\\~](?:.*[\p{L}\p{M}\p{N}@#$€£&%+=*_/\\~])?", regex.DOTALL
)
_QUOTED = regex.compile(r"“[^”]*”|„[^“”]*[“”]|«[^»]*»|(?<!\w)\"[^\"]*\"(?!\w)")
SENTENCE_MARKS = ".!?…"


@dataclass(frozen=True, slots=True)
class Word:
    """One word of an utterance."""

    norm: str
    """Small letters, straight apostrophes, no marks around; empty if there are only marks."""
    core: str
    """As written, no marks around."""
    lead: str
    """Marks right in front: "(", an opening quotation mark."""
    trail: str
    """Marks right behind: ",", ".", a closing quotation mark."""
    start: int
    """Of the marks in front, in code points of the utterance."""
    end: int
    """Behind the marks behind."""
    quoted: bool
    """Within quotation marks: somebody else's words, or words about words."""
    opens: bool
    """The first word of the utterance, of a sentence, or of a line."""

    @property
    def core_end(self) -> int:
        """Where the marks behind begin."""
        return self.end - len(self.trail)

    @property
    def ends_sentence(self) -> bool:
        """Whether a mark that ends a sentence stands behind it."""
        return any(mark in self.trail for mark in SENTENCE_MARKS)


def words_of(text: str) -> list[Word]:
    """The words of an utterance, in order."""
    quoted = [(found.start(), found.end()) for found in _QUOTED.finditer(text)]
    words: list[Word] = []
    end = 0
    for token in _TOKEN.finditer(text):
        lead, core, trail = _parts(token[0])
        first = not words or words[-1].ends_sentence or "\n" in text[end : token.start()]
        inside = any(a < token.end() and token.start() < b for a, b in quoted)
        norm = core.casefold().replace("’", "'")
        words.append(Word(norm, core, lead, trail, token.start(), token.end(), inside, first))
        end = token.end()
    return words


def _parts(token: str) -> tuple[str, str, str]:
    core = _CORE.search(token)
    if core is None:
        return "", "", token
    end = core.end()
    short = _ABBREVIATION.match(token, core.start())
    if (
        short is not None
        and short.end() == end + 1
        and not (end + 1 == len(token) and end - core.start() < 2)
    ):
        end += 1
    return token[: core.start()], token[core.start() : end], token[end:]


def norms_at(words: Sequence[Word], at: int, count: int) -> tuple[str, ...]:
    """The norms of `count` words from `at` on; fewer at the end."""
    return tuple(word.norm for word in words[at : at + count])


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of the utterance that is replaced."""

    start: int
    end: int
    new: str = ""
    raises: bool = False
    """The word behind it opens the sentence now."""


def with_cuts(text: str, cuts: Iterable[Cut]) -> str:
    """The utterance after the cuts. Where two overlap, the first one counts."""
    pieces: list[str] = []
    at, raises = 0, False
    for cut in sorted(cuts, key=lambda c: (c.start, -c.end)):
        if cut.start < at:
            continue
        kept = text[at : cut.start]
        pieces += [repairs.raised(kept) if raises else kept, cut.new]
        raises = cut.raises or (raises and not kept.strip())
        at = cut.end
    rest = text[at:]
    pieces.append(repairs.raised(rest) if raises else rest)
    return "".join(pieces).strip(" ")
