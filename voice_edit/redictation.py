"""Words said again to put a passage right: "the green bridge on Thursday" where the text says "the old bridge
on Tuesday". People correct in this way as often as by command.

The words are laid against the whole text at once (approximate matching after Sellers: the cheapest way to
turn some stretch of the text into the words), so the cost grows with words times text and not with the number
of stretches. Only what differs is replaced. Whoever calls this asks before anything is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from voice_edit import repairs
from voice_edit.commands import AnyCommand, Delete, Insert, Replace
from voice_edit.correcting import of_a_kind
from voice_edit.matching import sounds_like
from voice_edit.numbers import digit_readings
from voice_edit.phrase import Phrase
from voice_edit.selectors import Edge, Exact
from voice_edit.spoken.forms import Token, tokens
from voice_edit.wordlists import wordlist

if TYPE_CHECKING:
    from voice_edit.edits import Document
    from voice_edit.recent import Said

MOST_WORDS = 40
"""Longer utterances are no passage said again."""
FEWEST_ALIKE = 2
"""Words of the passage that must be in what was said."""

_MISSING = 1.0
"""What a word costs that only one side has."""
_ANOTHER = 1.0
"""What another word costs in the place of a word: as much as a word less, so that words stay in pairs."""
_SAME_KIND = 0.4
_SOUNDS = 0.3
_UNLIKE = 1.6
"""A small word and a large one do not stand for each other."""
_LARGEST_SHARE = 0.5
"""Of the words that may be different: what is less alike is another passage."""
_NEAR = 1e-6

_SMALL = wordlist(
    """a an the this that these those and or but of to in on at by for from with as is are was were be it he
    she we you they i my your his her our their not no do does did has have had will would can could"""
)

Step: TypeAlias = Literal["same", "other", "new", "old"]
"""same and other: a word of each side; new: only said; old: only in the text."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One step of an alignment."""

    step: Step
    there: int
    """Index of the word of the text; for "new" that of the word in front of which it belongs."""
    said: int
    """Index of the word that was said; for "old" that of the next one."""


def commands(document: Document, words: str, *, said: Sequence[Said] = ()) -> tuple[AnyCommand, ...]:
    """What puts the passage right that the words resemble most, from its end to its start; empty when
    nothing resembles them enough, or when it is there already.

    Of several that are equally like it the one said last is meant, else the one nearest to the caret.
    """
    phrase = Phrase.of(words)
    spoken, there = tokens(phrase.text), tokens(document.text)
    if not 2 <= len(spoken) <= MOST_WORDS or not there:
        return ()
    ends = _cheapest_ends(spoken, there)
    if not ends:
        return ()
    paths = [_path(spoken, there, end) for end in ends]
    best = min(paths, key=lambda path: _rank(document, path, there, said))
    if not _is_like(best, spoken, there):
        return ()
    return tuple(_changes(best, spoken, there, phrase.text))


# --- laying the words against the text ---


def _cost(one: Token, other: Token) -> float:
    if set(one.forms) & set(other.forms) or _same_number(one, other):
        return 0.0
    a, b = one.forms[0][0], other.forms[0][0]
    if of_a_kind(a, b):
        return _SAME_KIND
    if (a[:3] == b[:3] and min(len(a), len(b)) > 3) or sounds_like(a, b):
        return _SOUNDS
    return _UNLIKE if (a in _SMALL) != (b in _SMALL) else _ANOTHER


def _same_number(one: Token, other: Token) -> bool:
    if one.number is None or other.number is None:
        return False
    return bool(digit_readings((one.number,)) & digit_readings((other.number,)))


def _table(spoken: Sequence[Token], there: Sequence[Token]) -> list[list[float]]:
    """[words said][words of the text]: the least cost of the first, said of a stretch that ends there."""
    rows = [[0.0] * (len(there) + 1)]
    known: dict[tuple[str, str], float] = {}
    for number, word in enumerate(spoken, start=1):
        last, row = rows[-1], [number * _MISSING]
        for at, other in enumerate(there, start=1):
            key = word.forms[0][0], other.forms[0][0]
            cost = known.get(key)
            if cost is None:
                cost = known[key] = _cost(word, other)
            row.append(min(last[at - 1] + cost, last[at] + _MISSING, row[at - 1] + _MISSING))
        rows.append(row)
    return rows


def _cheapest_ends(spoken: Sequence[Token], there: Sequence[Token]) -> list[int]:
    last = _table(spoken, there)[-1]
    least = min(last[1:])
    if least > len(spoken) * _LARGEST_SHARE:
        return []
    return [at for at in range(1, len(there) + 1) if last[at] <= least + _NEAR]


def _path(spoken: Sequence[Token], there: Sequence[Token], end: int) -> list[_Pair]:
    """The way to the cheapest stretch that ends in front of word `end`; words in pairs where that is as
    cheap.
    """
    first = max(0, end - 2 * len(spoken) - 2)
    part = there[first:end]
    rows = _table(spoken, part)
    number, at = len(spoken), len(part)
    pairs: list[_Pair] = []
    while number:
        here = rows[number][at]
        cost = _cost(spoken[number - 1], part[at - 1]) if at else 0.0
        if at and abs(rows[number - 1][at - 1] + cost - here) < _NEAR:
            number, at = number - 1, at - 1
            pairs.append(_Pair("other" if cost else "same", first + at, number))
        elif abs(rows[number - 1][at] + _MISSING - here) < _NEAR:
            number -= 1
            pairs.append(_Pair("new", first + at, number))
        else:
            at -= 1
            pairs.append(_Pair("old", first + at, number))
    return pairs[::-1]


def _rank(
    document: Document, path: Sequence[_Pair], there: Sequence[Token], said: Sequence[Said]
) -> tuple[int, int]:
    """Smaller is likelier: how long ago it was said, then how far it is from the caret."""
    held = [pair.there for pair in path if pair.step != "new"]
    start, end = there[held[0]].start, there[held[-1]].end
    for age, one in enumerate(said):
        if any(a <= start and end <= b for a, b in one.spans):
            return age, 0
    caret = document.selection.head
    return len(said), max(start - caret, caret - end, 0)


def _is_like(path: Sequence[_Pair], spoken: Sequence[Token], there: Sequence[Token]) -> bool:
    """Whether it is the same passage, and said otherwise: something is to be changed, most stays."""
    same = [there[pair.there] for pair in path if pair.step == "same"]
    changed = [pair for pair in path if pair.step != "same"]
    if not changed or not any(token.forms[0][0] not in _SMALL for token in same):
        return False
    if len(same) >= FEWEST_ALIKE:
        return True
    costs = [_cost(spoken[p.said], there[p.there]) for p in changed if p.step == "other"]
    return len(costs) == len(changed) and all(cost < _ANOTHER for cost in costs)


# --- what differs ---


def _changes(
    path: Sequence[_Pair], spoken: Sequence[Token], there: Sequence[Token], words: str
) -> Iterable[AnyCommand]:
    """A command for each run of words that differ, the last one first: then the places of the others hold."""
    runs: list[list[_Pair]] = []
    for before, pair in zip([None, *path], path, strict=False):
        if pair.step == "same":
            continue
        if before is None or before.step == "same":
            runs.append([])
        runs[-1].append(pair)
    for run in reversed(runs):
        old = [pair.there for pair in run if pair.step != "new"]
        new = [pair.said for pair in run if pair.step != "old"]
        put = words[spoken[new[0]].start : spoken[new[-1]].end] if new else ""
        if new and new[0] == 0 and repairs.can_be_lowered(repairs.first_word(put)):
            put = repairs.lowered(put)  # the recogniser's capital is no part of the words
        if old:
            place = Exact(start=there[old[0]].start, end=there[old[-1]].end)
            yield Replace(find=place, text=put) if put else Delete(what=place)
        elif run[0].there:
            word = there[run[0].there - 1]
            yield Insert(text=put, at=Edge(side="after", of=Exact(start=word.start, end=word.end)))
        else:
            word = there[0]
            yield Insert(text=put, at=Edge(side="before", of=Exact(start=word.start, end=word.end)))
