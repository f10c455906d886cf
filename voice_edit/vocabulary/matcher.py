"""Heard words that sound like a known name become it, as it is written.

    spelled alike     "git lab" is GitLab, "muller" is Müller
    said so           what the user wrote under `sounds_like`
    sounds alike      "cafka" is Kafka

Conservative, because a word that was heard rightly must stay: an ordinary word alone is never touched (who
says "read" does not mean Reed), what stands so in the text around is right as it is, and of two names that
fit alike neither is taken.
"""

# ruff: noqa: RUF001  (names have apostrophes)

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

import regex

from voice_edit.vocabulary.lexicon import FUNCTION_WORDS, is_known_name, is_ordinary
from voice_edit.vocabulary.sounds import distance, phones

Why: TypeAlias = Literal["spelling", "sounds_like", "sound"]

MOST_WORDS = 4
"""Heard words that may be one name."""

# Distances of `sounds.distance`, chosen with `benchmarks/names.py`, where clean sentences count for more than
# misheard ones.
OF_USER = 0.20
"""A strange word this near to a name that the user wrote down is that name."""
OF_TEXT = 0.14
"""The same for a name that only stands in the text around."""
OF_SHORT = 0.12
"""The same where the name is short, whoever knows it."""
OF_PIECES = 0.12
"""Several words this near to a name of the user's, some of them strange."""
OF_ORDINARY = 0.10
"""Several ordinary words this near to a name of the user's."""
_SAME = 0.001
_APART = 0.06
"""A name must be nearer than every other one by this."""
_LEAST, _SHORT, _LONG = 4, 7, 6
"""Sounds that a name must have: for what is only near, to be no short one, for ordinary words that are it."""

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)*")
_QUOTED = regex.compile(r"“[^”]*”|„[^“”]*[“”]|«[^»]*»|\"[^\"]*\"")
_TIGHT = frozenset((" ", "-", "\u00a0"))


@dataclass(frozen=True, slots=True)
class Name:
    """A name that may be said."""

    write: str
    """As it is written."""
    sounds_like: tuple[str, ...] = ()
    """Other ways to hear it, in plain spelling."""
    is_users: bool = True
    """Whether the user wrote it down; else it stands in the text around."""


@dataclass(frozen=True, slots=True)
class Change:
    """One place in the words that becomes something else."""

    start: int
    """First code point of what was heard."""
    end: int
    heard: str
    write: str
    why: Why


@dataclass(frozen=True, slots=True)
class _Heard:
    start: int
    end: int
    """Without a possessive ending, which stays."""
    text: str
    folded: str
    is_last: bool
    """It has a possessive ending: no name goes on behind it."""


@dataclass(slots=True)
class Names:
    """Known names, ready to be looked for. Made once for many utterances."""

    names: Sequence[Name]
    spelled: dict[str, Name] = field(init=False)
    said: dict[tuple[str, ...], Name] = field(init=False)
    sounds: list[tuple[str, Name]] = field(init=False)
    """What it may sound like, in letters, and the name; by the first sound it is looked up below."""

    def __post_init__(self) -> None:
        self.spelled, self.said, self.sounds = {}, {}, []
        for name in self.names:
            self.spelled.setdefault(folded(name.write), name)
            for like in name.sounds_like:
                self.said.setdefault(tuple(folded(word) for word in _words_in(like)), name)
            for like in (name.write, *name.sounds_like):
                if len(phones(like)) >= 2:
                    self.sounds.append((like, name))

    def changes(self, words: str, *, right: frozenset[str] = frozenset(), edit: bool = False) -> list[Change]:
        """What in `words` becomes a name, from left to right.

        `right`: words in small letters that are as they are meant, those of the text around. `edit`: the
        words are a command, in which a name that is well known may be meant as it is, against the text.
        """
        heard = _heard(words)
        changes: list[Change] = []
        at = 0
        while at < len(heard):
            found = self._at(words, heard, at, right, edit)
            if found is None:
                at += 1
                continue
            length, change = found
            at += length
            if change is not None:
                changes.append(change)
        return changes

    def _at(
        self, words: str, heard: list[_Heard], at: int, right: frozenset[str], edit: bool
    ) -> tuple[int, Change | None] | None:
        """The name that begins with word `at`: how many words it is, and what is to be done, if anything."""
        runs = list(_runs(words, heard, at))
        for run in reversed(runs):
            name = self.said.get(tuple(one.folded for one in run))
            if name is not None:
                return len(run), _change(words, run, name, "sounds_like")
        for run in reversed(runs):
            name = self.spelled.get("".join(one.folded for one in run))
            if name is not None:
                if _may_be_respelled(run, name):
                    return len(run), _change(words, run, name, "spelling")
                return (len(run), None) if len(run) == 1 else None
        best: tuple[float, list[_Heard], Name] | None = None
        for run in runs:
            nearest = _clearly_nearest(self._sounding_like(run, right, edit))
            # Of two runs that fit alike, the longer one: "post gress" and not "gress".
            if nearest is not None and (best is None or nearest[0] < best[0] + 0.01):
                best = nearest[0], run, nearest[1]
        return None if best is None else (len(best[1]), _change(words, best[1], best[2], "sound"))

    def _sounding_like(
        self, run: list[_Heard], right: frozenset[str], edit: bool
    ) -> Iterator[tuple[float, Name]]:
        """Names that the words of a run may have been, and how far from it."""
        texts = [one.text for one in run]
        ordinary = [is_ordinary(text) or any(c.isdigit() for c in text) for text in texts]
        joined = "".join(one.folded for one in run)
        known = len(run) == 1 and is_known_name(texts[0])
        if len(run) == 1 and (ordinary[0] or run[0].folded in self.spelled):
            return
        if all(one.text.casefold() in right for one in run) or not joined.isalpha() or len(joined) < 3:
            return
        if any(text.isupper() for text in texts):  # letters that were said one by one: CLI, KDE
            return
        if len(run) > 1 and (texts[0].casefold() in FUNCTION_WORDS or texts[-1].casefold() in FUNCTION_WORDS):
            return
        sounding = phones(joined)
        for like, name in self.sounds:
            if not name.is_users and (len(run) > 1 or (edit and known)):
                continue
            most = _most(name, len(run), all(ordinary), known, len(phones(like)))
            if most is None or (sounding[:1] != phones(like)[:1] and most <= _SAME):
                continue
            far = distance(joined, like, most=most)
            if far <= (most if len(joined) > 3 else _SAME):
                yield far, name


def folded(text: str) -> str:
    """Letters and digits only, small, without accents: "Jean-Luc" and "jean luc" are one."""
    plain = unicodedata.normalize(
        "NFKD", text.casefold().replace("ß", "ss").replace("ø", "o").replace("ł", "l")
    )
    return "".join(c for c in plain if c.isalnum())


def changed(words: str, changes: Sequence[Change]) -> str:
    """The words with the changes made."""
    parts, at = [], 0
    for change in changes:
        parts += [words[at : change.start], change.write]
        at = change.end
    return "".join([*parts, words[at:]])


@lru_cache(maxsize=4096)
def _most(name: Name, length: int, all_ordinary: bool, known: bool, sounds: int) -> float | None:
    """How far from it a run may sound and still be this name; None if it never is."""
    if known:
        return _SAME
    if sounds < _LEAST:
        return _SAME if length == 1 else None
    if all_ordinary:
        return OF_ORDINARY if sounds >= _LONG else None
    if length > 1:
        return OF_PIECES
    if sounds < _SHORT:
        return OF_SHORT
    return OF_USER if name.is_users else OF_TEXT


def _clearly_nearest(found: Iterator[tuple[float, Name]]) -> tuple[float, Name] | None:
    """The nearest name, unless another one is about as near."""
    by_distance = sorted(found, key=lambda one: one[0])
    if not by_distance:
        return None
    far, name = by_distance[0]
    rivals = [there for there, other in by_distance if other.write != name.write]
    return None if rivals and rivals[0] < far + _APART else (far, name)


def _may_be_respelled(run: list[_Heard], name: Name) -> bool:
    """Whether words that are spelled like a name are it, and not ordinary words."""
    ordinary = all(is_ordinary(one.text) for one in run)
    if not ordinary:
        return True
    if len(run) == 1:  # "typescript", but not "us", "will", "rust"
        return name.is_users and name.write != name.write.upper() and name.write[1:] != name.write[1:].lower()
    edges = (run[0].text.casefold(), run[-1].text.casefold())
    return name.is_users and not FUNCTION_WORDS & set(edges)


def _change(words: str, run: list[_Heard], name: Name, why: Why) -> Change | None:
    start, end = run[0].start, run[-1].end
    heard = words[start:end]
    return None if heard == name.write else Change(start, end, heard, name.write, why)


def _heard(words: str) -> list[_Heard]:
    """The words outside quotation marks."""
    quoted = [found.span() for found in _QUOTED.finditer(words)]
    found = []
    for token in _WORD.finditer(words):
        if any(start <= token.start() < end for start, end in quoted):
            continue
        text = token[0]
        owns = text[-2:].casefold() in ("'s", "’s") and len(text) > 3
        plain = text[:-2] if owns else text
        found.append(_Heard(token.start(), token.start() + len(plain), plain, folded(plain), owns))
    return found


def _runs(words: str, heard: list[_Heard], at: int) -> Iterator[list[_Heard]]:
    """The word `at` alone, with the one behind it, and so on, as far as nothing but spaces is between."""
    for end in range(at + 1, min(at + MOST_WORDS, len(heard)) + 1):
        run = heard[at:end]
        if len(run) > 1 and (run[-2].is_last or words[run[-2].end : run[-1].start] not in _TIGHT):
            return
        yield run


def _words_in(text: str) -> list[str]:
    return [token[0] for token in _WORD.finditer(text)]
