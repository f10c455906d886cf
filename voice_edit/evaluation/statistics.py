"""What many outcomes say, and how sure that is: intervals by resampling, pairs compared. Pure and seeded.

What is resampled are speakers where they are known and there are enough of them, because recordings of one
person resemble each other; else single recordings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
LEAST_SPEAKERS = 8
"""With fewer, their resampling says nothing; recordings are taken instead."""
SURE = 0.95
MOST_AT_ONCE = 1 << 20
"""Numbers drawn at once, so that a large folder takes little memory."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A rate and where it lies with 95 % confidence."""

    value: float
    low: float
    high: float
    is_known: bool = True
    """False where there is a single recording: it says nothing of others."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two rates on the same recordings, the second less the first: below 0, the second has fewer."""

    interval: Interval
    fewer: float
    """Share of the resamples in which the second has fewer, ties counted half."""
    better: int
    """Recordings on which the second does better, and worse."""
    worse: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.interval.is_known and not self.interval.low <= 0.0 <= self.interval.high


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which recordings belong together: for each its group, from 0."""

    groups: npt.NDArray[np.intp]
    count: int
    by_speaker: bool


def grouping(speakers: Sequence[str]) -> Grouping:
    """By speaker where that makes sense, else each recording for itself."""
    names = sorted(set(speakers))
    if "" not in names and LEAST_SPEAKERS <= len(names) < len(speakers):
        places = {name: at for at, name in enumerate(names)}
        return Grouping(np.array([places[name] for name in speakers], dtype=np.intp), len(names), True)
    return Grouping(np.arange(len(speakers), dtype=np.intp), len(speakers), False)


def rate(
    errors: Sequence[float], lengths: Sequence[float], groups: Grouping, *, seed: int
) -> Interval | None:
    """Errors in proportion to lengths, summed over all; None where there is no length."""
    sums = _sums((errors, lengths), groups)
    total = float(sums[1].sum())
    if not total:
        return None
    if not sums[0].any():  # resampling nothing gives nothing; three in so many would hardly have been missed
        return Interval(0.0, 0.0, min(1.0, 3.0 / total))
    drawn = _resampled(sums, groups.count, seed)
    return _interval(float(sums[0].sum()) / total, _ratio(drawn[0], drawn[1]), groups)


def difference(
    first: Sequence[float],
    second: Sequence[float],
    lengths: Sequence[float],
    groups: Grouping,
    *,
    seed: int,
) -> Difference | None:
    """Of two rows of errors on the same recordings. Both are resampled alike."""
    sums = _sums((first, second, lengths), groups)
    total = float(sums[2].sum())
    if not total:
        return None
    drawn = _resampled(sums, groups.count, seed)
    differences = _ratio(drawn[1] - drawn[0], drawn[2])
    pairs = list(zip(first, second, strict=True))
    return Difference(
        _interval(float((sums[1] - sums[0]).sum()) / total, differences, groups),
        fewer=float((differences < 0).mean() + (differences == 0).mean() / 2),
        better=sum(b < a for a, b in pairs),
        worse=sum(b > a for a, b in pairs),
    )


def wilson(hits: int, count: int) -> Interval | None:
    """A share of few independent cases, for which resampling would see no doubt at 0 and at 1."""
    if not count:
        return None
    z = 1.959964
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    # At its ends the formula is exact but for rounding.
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(share, low if hits else 0.0, high if hits < count else 1.0)


def mcnemar(only_first: int, only_second: int) -> float:
    """How likely so uneven a row of cases that only one got right is, were both equally good (exact,
    two-sided).
    """
    n, k = only_first + only_second, min(only_first, only_second)
    if not n:
        return 1.0
    tail = float(sum(math.comb(n, i) for i in range(k + 1)) / 2**n)
    return min(1.0, 2 * tail)


def _sums(rows: Sequence[Sequence[float]], groups: Grouping) -> list[Numbers]:
    found = []
    for row in rows:
        sums: Numbers = np.zeros(groups.count)
        np.add.at(sums, groups.groups, np.asarray(row, dtype=np.float64))
        found.append(sums)
    return found


def _resampled(sums: Sequence[Numbers], count: int, seed: int) -> list[Numbers]:
    """Sums over groups drawn with replacement, once for each resample; all rows are drawn alike."""
    rng = np.random.default_rng(seed)
    found: list[list[Numbers]] = [[] for _ in sums]
    at_once = max(1, MOST_AT_ONCE // count)
    for begun in range(0, RESAMPLES, at_once):
        chosen = rng.integers(0, count, (min(at_once, RESAMPLES - begun), count))
        for row, drawn in zip(sums, found, strict=True):
            drawn.append(row[chosen].sum(axis=1))
    return [np.concatenate(drawn) for drawn in found]


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _interval(value: float, drawn: Numbers, groups: Grouping) -> Interval:
    edge = (1 - SURE) / 2
    low, high = np.quantile(drawn, [edge, 1 - edge])
    return Interval(value, float(low), float(high), is_known=groups.count > 1)
