"""A spoken phrase as words that can be compared, sliced and given back as they were written; and patterns
over it.

A pattern is written as people read it:  "change|alter {find} to|into {text}"
    word      must stand there; `a|b` are alternatives; `get_rid_of` are three words
    [word]    may stand there
    {slot}    one or more words, as few as possible first
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

_QUOTED = r"“[^”]+”|„[^“”]+[“”]|«[^»]+»|\"[^\"]+\""
_TOKEN = re.compile(rf"{_QUOTED}|[^\s\-‐‑–—]+")
_QUOTED_ALONE = re.compile(rf"(?:{_QUOTED})")
_CORE = re.compile(r"[\w@#$€£&%+=*_/\\](?:.*[\w@#$€£&%+=*_/\\)])?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a phrase."""

    norm: str
    """Small letters, straight apostrophes, no punctuation around it; quoted text keeps its marks and so
    never steers."""
    start: int
    """First code point in the phrase's source, punctuation around it left out."""
    end: int


@dataclass(frozen=True)
class Phrase:
    """A run of words of one utterance."""

    source: str
    words: tuple[Word, ...]

    @classmethod
    def of(cls, text: str) -> "Phrase":
        """Split an utterance into words. Hyphenated words are several."""
        words = []
        for token in _TOKEN.finditer(text):
            if _QUOTED_ALONE.fullmatch(token[0]):
                words.append(Word(token[0].lower(), token.start(), token.end()))
            elif core := _CORE.search(token[0]):
                norm = core[0].lower().replace("’", "'")
                words.append(Word(norm, token.start() + core.start(), token.start() + core.end()))
        return cls(text, tuple(words))

    @cached_property
    def norms(self) -> tuple[str, ...]:
        """The words for comparing."""
        return tuple(word.norm for word in self.words)

    @property
    def text(self) -> str:
        """The words as they were written, punctuation between them kept, around them left out."""
        if not self.words:
            return ""
        text = self.source[self.words[0].start : self.words[-1].end]
        return text[1:-1] if len(self.words) == 1 and _QUOTED_ALONE.fullmatch(text) else text

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, part: slice) -> "Phrase":
        return Phrase(self.source, self.words[part])

    def starts(self, *words: str) -> bool:
        """Whether the phrase begins with these words."""
        return self.norms[: len(words)] == words

    def ends(self, *words: str) -> bool:
        """Whether the phrase ends with these words."""
        return len(self) >= len(words) and self.norms[len(self) - len(words) :] == words

    def after_any(self, *heads: str) -> "Phrase":
        """The phrase without the first of these heads ("the", "all of") that it begins with."""
        for head in heads:
            words = tuple(head.split())
            if self.starts(*words):
                return self[len(words) :]
        return self


@dataclass(frozen=True, slots=True)
class _Part:
    slot: str | None
    choices: tuple[tuple[str, ...], ...]
    optional: bool


@cache
def _compiled(pattern: str) -> tuple[_Part, ...]:
    parts = []
    for item in pattern.split():
        if item.startswith("{"):
            parts.append(_Part(item[1:-1], (), False))
            continue
        optional = item.startswith("[")
        choices = tuple(tuple(choice.split("_")) for choice in item.strip("[]").split("|"))
        parts.append(_Part(None, choices, optional))
    return tuple(parts)


def match(pattern: str, phrase: Phrase) -> Iterator[dict[str, Phrase]]:
    """Every way the whole phrase fits the pattern, shorter first slots first."""
    yield from _match(_compiled(pattern), phrase)


def _match(parts: tuple[_Part, ...], phrase: Phrase) -> Iterator[dict[str, Phrase]]:
    if not parts:
        if not len(phrase):
            yield {}
        return
    part, rest = parts[0], parts[1:]
    if part.slot is not None:
        if not rest:
            if len(phrase):
                yield {part.slot: phrase}
            return
        for length in range(1, len(phrase)):
            for found in _match(rest, phrase[length:]):
                yield {part.slot: phrase[:length], **found}
        if all(other.optional for other in rest) and len(phrase):
            yield {part.slot: phrase}
        return
    for choice in part.choices:
        if phrase.starts(*choice):
            yield from _match(rest, phrase[len(choice) :])
    if part.optional:
        yield from _match(rest, phrase)
