"""Whether looked-up drafts pay, measured while they are used.

A batch that checks guesses costs more than one that writes a single token, by how much depends on the machine
and the model: next to nothing on a graphics card, and as much as writing the tokens one by one where a small
model runs on one core. How many guesses are right depends on the text. Both are measured, and a draft is
proposed in the length that brings most tokens a second, or not at all. A draft that is held back is still
compared with what the model writes, so that a text that begins to repeat its original is noticed for nothing.
Has no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

Round: TypeAlias = tuple[float, float]
"""Tokens, written or guessed, and seconds."""

TRIES = 3
"""Rounds with a draft, and rounds without, before one is preferred."""

TRY_TOKENS = 4
"""Guesses in a draft that is only tried: what more of them cost is calculated from that."""

KEPT_ROUNDS = 24
"""Rounds of each kind that are remembered."""

TRY_AGAIN = 200
"""Rounds after which the other way is tried again: the machine may be less busy by now. As long as that
changes nothing, it takes twice as many rounds to the next time."""

LEAST_GAIN = 1.05
"""A draft must be this much faster than none: both are measured, and measurements err."""

FADES = 0.9
"""What an older guess says of the next one, for every guess since."""


@dataclass(frozen=True, slots=True)
class HitRate:
    """How often a guess was right of late."""

    hits: float
    checks: float

    @property
    def rate(self) -> float:
        """0 to 1."""
        return self.hits / self.checks

    def after(self, proposed: int, kept: int) -> HitRate:
        """Behind a draft; what stands behind the first wrong token of it says nothing."""
        now = self
        for at in range(min(kept + 1, proposed)):
            now = replace(now, hits=now.hits * FADES + (at < kept), checks=now.checks * FADES + 1)
        return now


FOLLOWING = HitRate(3.6, 4.0)
GUESSING = HitRate(2.0, 4.0)
"""What is believed before anything was checked: a rewrite mostly repeats its original."""


class DraftGate:
    """Learns from answer to answer what drafts cost here."""

    def __init__(self) -> None:
        self._without: deque[Round] = deque(maxlen=KEPT_ROUNDS)
        """Tokens and seconds of rounds in which nothing was proposed."""
        self._with: dict[int, deque[Round]] = {}
        """Guesses and seconds of the other ones, by the bits of how many guesses there were."""
        self._due = [True, False] * TRIES
        """Whether a draft has to be tried, or none."""
        self._was_on: bool | None = None
        """What was better before they were tried again; None where nothing was known yet."""
        self._is_on = True
        self._patience = TRY_AGAIN
        self._since = 0
        """Rounds since then."""

    def most(self, found: int, hit_rate: float) -> int:
        """How many of `found` tokens to propose that are right with `hit_rate` each; 0 for none."""
        if not found:
            return 0
        if self._due:
            return min(found, TRY_TOKENS) if self._due[0] else 0
        lengths = sorted({found, *(n for n in (1, 2, 4, 8, 16) if n < found)})
        best = max(lengths, key=lambda n: _expected(n, hit_rate) / self._cost_s(n))
        gains = _expected(best, hit_rate) / self._cost_s(best) >= LEAST_GAIN * self._plain_rate()
        self._is_on = gains
        return best if gains else 0

    def took(self, proposed: int, tokens: int, seconds: float) -> None:
        """A round in which `proposed` tokens were guessed brought `tokens` and took `seconds`."""
        seconds = max(seconds, 1e-9)
        if proposed:
            kept = self._with.setdefault(proposed.bit_length(), deque(maxlen=KEPT_ROUNDS))
            kept.append((proposed, seconds))
        else:
            self._without.append((tokens, seconds))
        if self._due:
            if bool(proposed) in self._due:
                self._due.remove(bool(proposed))
            return
        self._since += 1
        if self._since >= self._patience:
            self._patience = TRY_AGAIN if self._was_on not in (None, self._is_on) else 2 * self._patience
            self._since, self._was_on = 0, self._is_on
            self._due = [not self._is_on] * 2

    def _plain_rate(self) -> float:
        """Tokens a second without a draft of ours, whoever else guesses then."""
        rounds = _without_slowest(self._without, lambda one: one[1] / one[0])
        return sum(tokens for tokens, _ in rounds) / sum(seconds for _, seconds in rounds)

    def _cost_s(self, guesses: int) -> float:
        """Seconds of a round with so many guesses: measured, and in between a straight line."""
        points = [(0.0, _mean([seconds for _, seconds in _usual(self._without)]))]
        for rounds in self._with.values():
            usual = _usual(rounds)
            points.append((_mean([n for n, _ in usual]), _mean([seconds for _, seconds in usual])))
        points.sort()
        for (n, seconds), (next_n, next_s) in pairwise(points):
            if guesses <= next_n:
                return max(1e-9, seconds + (next_s - seconds) * (guesses - n) / (next_n - n))
        (first_n, first_s), (last_n, last_s) = points[0], points[-1]
        return max(last_s, last_s + (last_s - first_s) * (guesses - last_n) / (last_n - first_n))


def _expected(guesses: int, hit_rate: float) -> float:
    """Tokens that a round brings: the guesses up to the first wrong one, and the model's own behind them."""
    return sum(hit_rate**n for n in range(guesses + 1))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _usual(rounds: Iterable[Round]) -> list[Round]:
    return _without_slowest(rounds, lambda one: one[1])


def _without_slowest(rounds: Iterable[Round], slowness: Callable[[Round], float]) -> list[Round]:
    """A round may contain a pause that has nothing to do with it."""
    found = sorted(rounds, key=slowness)
    return found[: len(found) - max(len(found) >= TRIES, len(found) // 8)]
