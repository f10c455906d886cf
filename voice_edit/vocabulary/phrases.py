"""Replacements and snippets in what was said. Pure.

A replacement is made wherever it is said. A snippet has a name that may come up in any sentence, so it is
taken only where it is said alone or after the word "snippet". In a command both are texts like any other:
only where one can stand ("... with my email"), and quoted, so that no word of it steers.
"""

# ruff: noqa: RUF001  (quotation marks are what this file is about)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from voice_edit.vocabulary.entries import Phrase
from voice_edit.vocabulary.matcher import folded
from voice_edit.wordlists import wordlist

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)*")
_BETWEEN = regex.compile(r"[\s,\-–—]*")
"""What may stand between the words of a phrase: a recogniser sets commas as it likes."""
_SOFT = ",;"
_FINAL = ".!?…"
_TAKES_TEXT = wordlist(
    "insert add type write append prepend say put enter with to into by as include place snippet"
)
"""In a command, words that a text may follow."""
_SNIPPET = "snippet"
_PLAIN = regex.compile(r"\p{Ll}[\p{Ll}\p{M} '’,-]*")
_QUOTES = (("“", "”"), ("«", "»"), ('"', '"'), ("„", "“"))


@dataclass(frozen=True, slots=True)
class Filled:
    """Words with phrases filled in."""

    words: str
    used: tuple[Phrase, ...]
    """In the order in which they were said."""
    exact: bool
    """All of it is one text of the user's, to be written as it stands."""


@dataclass(frozen=True, slots=True)
class _Said:
    start: int
    end: int
    folded: str


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    end: int
    phrase: Phrase


class Phrases:
    """Replacements and snippets, ready to be looked for."""

    def __init__(self, replacements: Sequence[Phrase], snippets: Sequence[Phrase]) -> None:
        self._replacements = {_key(one.say): one for one in replacements}
        self._snippets = {_key(one.say): one for one in snippets}
        keys = [*self._replacements, *self._snippets]
        self._longest = max((len(key) for key in keys), default=0)
        self.words = frozenset(word for key in keys for word in key)
        """Every word of every phrase, as `folded` gives it."""

    def in_dictation(self, words: str) -> Filled:
        """Words that are written down."""
        said = _said(words)
        whole = self._whole(said) if _is_one(words, said) else None
        if whole is not None:
            return Filled(whole.write, (whole,), True)
        hits = self._hits(words, said)
        return Filled(_filled(words, hits), tuple(hit.phrase for hit in hits), False)

    def places(self, words: str) -> list[tuple[int, int]]:
        """Where phrases stand in words that are written down: from, to."""
        said = _said(words)
        if said and _is_one(words, said) and self._whole(said) is not None:
            return [(said[0].start, said[-1].end)]
        return [(hit.start, hit.end) for hit in self._hits(words, said)]

    def in_command(self, words: str) -> Filled:
        """Words of a command: a phrase at its end, after a word that a text may follow, becomes that text in
        quotation marks.
        """
        said = _said(words)
        for at in range(1, len(said)):
            key = tuple(one.folded for one in said[at:])
            phrase = self._snippets.get(key) or self._replacements.get(key)
            if phrase is None or said[at - 1].folded not in _TAKES_TEXT or not _is_one(words, said[at:]):
                continue
            quoted = _quoted(phrase.write)
            if quoted is None:
                break
            before = at - 1
            while before > 0 and said[before].folded == _SNIPPET:
                before -= 1
            head = words[: said[before].end]
            if said[before].folded == _SNIPPET:
                head = "insert"
            return Filled(f"{head} {quoted}", (phrase,), False)
        return Filled(words, (), False)

    def _whole(self, said: list[_Said]) -> Phrase | None:
        """The phrase that is all that was said, perhaps with "snippet" in front."""
        key = tuple(one.folded for one in said)
        snippet = self._snippets.get(key) or self._snippets.get(_without_lead(key))
        return snippet or self._replacements.get(key)

    def _hits(self, words: str, said: list[_Said]) -> list[_Hit]:
        hits: list[_Hit] = []
        at = 0
        while at < len(said):
            hit, length = self._dictated(words, said, at)
            if hit is not None:
                hits.append(hit)
            at += length
        return hits

    def _dictated(self, words: str, said: list[_Said], at: int) -> tuple[_Hit | None, int]:
        """The phrase that begins with word `at`, and how many words are dealt with."""
        for length in range(min(self._longest + 2, len(said) - at), 0, -1):
            run = said[at : at + length]
            key = tuple(one.folded for one in run)
            phrase = self._replacements.get(key)
            if phrase is None and _SNIPPET in key[:2]:
                phrase = self._snippets.get(_without_lead(key))
            if phrase is not None and _is_one(words, run):
                return _Hit(run[0].start, run[-1].end, phrase), length
        return None, 1


def _without_lead(key: tuple[str, ...]) -> tuple[str, ...]:
    """Without "snippet" or "insert snippet"."""
    if key[:2] == ("insert", _SNIPPET):
        return key[2:]
    return key[1:] if key[:1] == (_SNIPPET,) else key


def _filled(words: str, hits: Sequence[_Hit]) -> str:
    text, at = "", 0
    for hit in hits:
        text += words[at : hit.start]
        write, at = hit.phrase.write, hit.end
        if not text.strip() or text.rstrip()[-1:] in _FINAL:
            write = _raised(write, words[hit.start : hit.start + 1])
        opens, closes = write[0], write[-1]
        if (
            opens.isspace() or opens in ",.;:!?)"
        ):  # it comes right behind what stands there, without its comma
            text = text.rstrip().rstrip(_SOFT)
        if closes.isspace() or closes in ",.;:!?":  # nor does a mark of the recogniser's follow it
            while at < len(words) and words[at] in _SOFT + _FINAL:
                at += 1
        if closes.isspace():
            while at < len(words) and words[at].isspace():
                at += 1
        text += write
    return text + words[at:]


def _raised(write: str, heard: str) -> str:
    """With the capital that the words had at the start of a sentence, if it is words too."""
    return write[:1].upper() + write[1:] if heard.isupper() and _PLAIN.fullmatch(write) else write


def _quoted(text: str) -> str | None:
    for opens, closes in _QUOTES:
        if opens not in text and closes not in text:
            return f"{opens}{text}{closes}"
    return None


def _key(say: str) -> tuple[str, ...]:
    return tuple(one.folded for one in _said(say))


def _said(words: str) -> list[_Said]:
    return [_Said(one.start(), one.end(), folded(one[0])) for one in _WORD.finditer(words) if folded(one[0])]


def _is_one(words: str, run: list[_Said]) -> bool:
    """Whether nothing but spaces and commas is between the words."""
    return all(_BETWEEN.fullmatch(words, one.end, other.start) for one, other in pairwise(run))
