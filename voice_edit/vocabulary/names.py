"""Names in a text: what the document around the caret teaches about the words that may be said next.

Taken are: capitalised words inside a sentence, and at its start those that are no ordinary words ("Ada
Lovelace", "Zürich"); identifiers (GitLab, iPhone, max_tokens); words in small letters that are no ordinary
ones and come up more than once (kubectl). Pure; a text of 8,000 characters takes a few milliseconds.
"""

# ruff: noqa: RUF001  (names have apostrophes)

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import regex

from voice_edit.vocabulary.lexicon import is_ordinary
from voice_edit.wordlists import wordlist

MOST_NAMES = 200
"""Of one text; the first ones count."""
LONGEST_NAME = 40
LONGEST_TEXT = 32_000
"""Characters that are looked at, the middle of a longer text."""
_PARTS = 3
"""Words in a name of several."""

_TOKEN = regex.compile(r"(?:https?://|www\.)\S+|\S+@\S+|[\p{L}\p{M}\p{N}_]+(?:[-'’][\p{L}\p{M}\p{N}_]+)*")
_IDENTIFIER = regex.compile(
    r"(?=[^_]*\p{L})(?:\p{L}[\p{L}\p{N}]*(?:_[\p{L}\p{N}]+)+|\p{Ll}+(?:\p{Lu}[\p{L}\p{N}]*)+"
    r"|\p{Lu}\p{Ll}+(?:\p{Lu}[\p{L}\p{N}]*)+|\p{Lu}{2,}\p{Ll}[\p{L}\p{N}]*)"
)
_CAPITAL = regex.compile(r"\p{Lu}[\p{Ll}\p{M}'’-]*(?:[\p{L}\p{M}'’-]*)")
_JARGON = regex.compile(r"\p{Ll}[\p{Ll}\p{M}]{3,}\d{0,2}")
_NO_NAMES = wordlist(
    """i i'm i've i'll i'd mr mrs ms dr monday tuesday wednesday thursday friday saturday sunday january
    february march april may june july august september october november december"""
)
_TIGHT = regex.compile(r"[ \u00a0]")


@lru_cache(maxsize=4)
def names_in(text: str) -> tuple[str, ...]:
    """The names in a text, each once, in the order in which they first come up."""
    if len(text) > LONGEST_TEXT:
        middle = len(text) // 2
        text = text[middle - LONGEST_TEXT // 2 : middle + LONGEST_TEXT // 2]
    found: dict[str, None] = {}
    small: Counter[str] = Counter()
    run: list[str] = []
    """Capitalised words that follow each other."""
    behind = 0
    for token in _TOKEN.finditer(text):
        word = token[0].removesuffix("'s").removesuffix("’s")
        gap = text[behind : token.start()]
        starts = _starts_sentence(gap, behind)
        if run and (starts or not _TIGHT.fullmatch(gap) or len(run) == _PARTS):
            _keep(found, run)
            run = []
        behind = token.end()
        if len(word) > LONGEST_NAME or "@" in word or "/" in word:
            continue
        if _IDENTIFIER.fullmatch(word):
            found.setdefault(word)
        elif _is_capital(word, starts):
            run.append(word)
            if word != token[0]:  # a possessive ends a name
                _keep(found, run)
                run = []
            continue
        elif _JARGON.fullmatch(word) and not is_ordinary(word):
            small[word] += 1
            if small[word] == 2:
                found.setdefault(word)
        if run:
            _keep(found, run)
            run = []
    if run:
        _keep(found, run)
    return tuple(found)[:MOST_NAMES]


@lru_cache(maxsize=4)
def words_of(text: str) -> frozenset[str]:
    """Every word of a text in small letters: what stands there is spelled as it is meant."""
    return frozenset(token[0].casefold() for token in _TOKEN.finditer(text[-LONGEST_TEXT:]))


def _starts_sentence(gap: str, behind: int) -> bool:
    return behind == 0 or "\n" in gap or any(mark in gap for mark in '.!?:…•*#|>“"')


def _is_capital(word: str, starts: bool) -> bool:
    if not _CAPITAL.fullmatch(word) or word.casefold().replace("’", "'") in _NO_NAMES or len(word) < 2:
        return False
    if word.isupper() and (len(word) > 5 or is_ordinary(word)):  # SHOUTING
        return False
    return not (starts and is_ordinary(word))


def _keep(found: dict[str, None], run: list[str]) -> None:
    """A run of capitalised words as a name; of "Green Bridge" no part is one, of "Ada Lovelace" both are."""
    name = " ".join(run)
    if len(run) > 1 and len(name) <= LONGEST_NAME:
        found.setdefault(name)
    for word in run:
        if not is_ordinary(word):
            found.setdefault(word)
