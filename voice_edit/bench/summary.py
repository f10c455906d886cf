"""From single trials to what a table says: medians, 95th percentiles, ratios, and whether words agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voice_edit.bench.trial import Trial
from voice_edit.bench.ways import PEER, WAYS


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    p95: float
    """Interpolated where there are few."""
    count: int


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all are below, interpolated between the two next to it."""
    ranked = sorted(values)
    at = share * (len(ranked) - 1)
    low = int(at)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (at - low)


def spread(values: Iterable[float | None]) -> Spread | None:
    """None where nothing was measured."""
    known = [value for value in values if value is not None]
    return Spread(quantile(known, 0.5), quantile(known, 0.95), len(known)) if known else None


MEASURES: dict[str, Callable[[Trial], float | None]] = {
    "endpoint_to_first_token_ms": lambda t: t.first_s * 1000,
    "endpoint_to_final_words_ms": lambda t: t.final_s * 1000,
    "endpoint_delay_ms": lambda t: t.endpoint_delay_s * 1000,
    "voice_to_edit_ms": lambda t: None if t.edit_s is None else t.edit_s * 1000,
    "tokens": lambda t: float(len(t.tokens)),
    "tokens_per_step": lambda t: t.tokens_per_step,
    "acceptance": lambda t: t.acceptance,
    "partials": lambda t: float(t.partials),
    "prefill_lag_ms": lambda t: t.prefill_lag_s * 1000,
    "late_ms": lambda t: t.late_s * 1000,
    "rtf": lambda t: t.rtf,
    "cpu_per_second": lambda t: t.cpu_s / t.audio_s,
    "joules": lambda t: t.joules,
    "prefill_per_second": lambda t: t.prefill_per_s,
    "decode_per_second": lambda t: t.decode_per_s,
}
"""What is reported of each way and length; docs/bench.md says what each means."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way at one length of speech."""

    way: str
    seconds: float
    measures: dict[str, Spread | None]
    against_base: float | None
    """How many times sooner than in the way of `base` the final words are there, by the medians."""

    def median(self, measure: str) -> float | None:
        """The median of a measure; None where it was not measured."""
        found = self.measures[measure]
        return None if found is None else found.median

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Words:
    """Whether all ways wrote the same."""

    utterances: int
    identical: int
    """Utterances whose tokens are the same in every way and in every run."""
    others: tuple[str, ...]
    """The others, as `28 s, take 3: stream, draft` (the ways that differ from the first)."""
    cut_short: int
    """Answers that did not end by themselves: a loop, or too long."""


def base(ways: Iterable[str]) -> str:
    """What the others are compared with: the peer, else the first of `ways.WAYS` that is there."""
    present = set(ways)
    return PEER.key if PEER.key in present else next(way for way in WAYS if way in present)


def rows(trials: Sequence[Trial]) -> list[Row]:
    """Each way at each length: lengths ascending, ways in the order of `ways.WAYS`."""
    present = {trial.way for trial in trials}
    found = []
    for seconds in sorted({trial.seconds for trial in trials}):
        of = {
            way: [trial for trial in trials if trial.way == way and trial.seconds == seconds]
            for way in WAYS
            if way in present
        }
        finals = {way: quantile([trial.final_s for trial in some], 0.5) for way, some in of.items() if some}
        for way, final in finals.items():
            measures = {name: spread(map(measure, of[way])) for name, measure in MEASURES.items()}
            first = finals.get(base(present))
            found.append(Row(way, seconds, measures, first / final if first and final > 0 else None))
    return found


def flatness(table: Sequence[Row], way: str) -> float | None:
    """Final words at the longest length against the shortest, by the medians; 1 is flat."""
    finals = [row.median("endpoint_to_final_words_ms") for row in table if row.way == way]
    if len(finals) < 2 or not finals[0] or finals[-1] is None:
        return None
    return finals[-1] / finals[0]


def words(trials: Sequence[Trial]) -> Words:
    """Compare the tokens of all ways, utterance by utterance."""
    said: dict[tuple[float, int], dict[str, set[tuple[int, ...]]]] = {}
    for trial in trials:
        ways = said.setdefault((trial.seconds, trial.take), {})
        ways.setdefault(trial.way, set()).add(trial.tokens)
    others = []
    for (seconds, take), ways in said.items():
        first = next(iter(ways.values()))
        differ = [way for way, answers in ways.items() if answers != first or len(answers) > 1]
        if differ:
            others.append(f"{seconds:g} s, take {take}: {', '.join(differ)}")
    cut = sum(trial.stop != "eos" for trial in trials)
    return Words(len(said), len(said) - len(others), tuple(others), cut)
