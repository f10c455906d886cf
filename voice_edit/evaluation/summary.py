"""From single outcomes to what a report says: of each variant, of pairs of them, of parts of the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voice_edit.bench.summary import Spread, spread
from voice_edit.evaluation import statistics
from voice_edit.evaluation.dataset import Dataset, Item
from voice_edit.evaluation.outcomes import Heard
from voice_edit.evaluation.scoring import Counts, Score, score
from voice_edit.evaluation.statistics import Difference, Grouping, Interval

LENGTHS_S = (0.0, 2.0, 5.0, 10.0, 20.0)
"""Where the classes of lengths begin."""
MOST_VALUES = 24
"""A tag with more values than this tells recordings apart, not kinds of them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An item, what came of it, and what that is worth."""

    item: Item
    heard: Heard
    score: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One variant over a set of items."""

    items: int
    words: Interval | None
    """Word error rate after the normaliser, of items in which something is said."""
    heard: Interval | None
    """The same, without items of which nothing was taken."""
    written: Interval | None
    """Word error rate as written."""
    characters: Interval | None
    insertions: float | None
    """Words too many for each word said, deletions: words missing."""
    deletions: float | None
    edits: Interval | None
    """Share of texts that became what they should."""
    edits_right: int
    edits_wrong: int
    """Texts that were changed, and not to what was wanted."""
    edits_refused: int
    refused: Interval | None
    """Share of items in which something is said and nothing was taken of it."""
    invented: Interval | None
    """Share of items in which nothing is said and words came."""
    cut_short: int
    failed: int
    """Items that the engine could not hear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long it took; spreads over utterances, seconds unless said."""

    endpoint: Spread | None
    first: Spread | None
    final: Spread | None
    edit: Spread | None
    lag: Spread | None
    prefill: Spread | None
    decode: Spread | None
    tokens_per_s: float | None
    """Tokens of all answers in the time that decoding took."""
    rtf: float | None
    """Time that was computed for each second of sound."""
    work_s: float
    audio_s: float
    peak_bytes: int | None
    opened_bytes: int | None
    gpu_mb: float | None


@dataclass(frozen=True, slots=True)
class Column:
    """All that is said of one variant."""

    label: str
    about: Mapping[str, Any]
    judged: tuple[Judged, ...]
    row: Row
    times: Times

    def to_json(self) -> dict[str, Any]:
        """As JSON, with every item's words and what was heard."""
        items = [
            {"item": one.item.key, "said": one.item.words, "heard": one.heard.text, **asdict(one.score)}
            for one in self.judged
        ]
        return {
            "label": self.label,
            "about": dict(self.about),
            "row": asdict(self.row),
            "times": asdict(self.times),
            "items": items,
        }


@dataclass(frozen=True, slots=True)
class Pair:
    """A variant against the first one, on the same recordings."""

    first: str
    second: str
    words: Difference | None
    identical: int
    """Recordings of which both heard the same, to the letter."""
    items: int
    only_first: int
    """Texts that only the first made right, and only the second."""
    only_second: int
    chance: float | None
    """How likely that difference would be by chance; None where no text is edited."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a report says."""

    dataset: Dataset
    columns: tuple[Column, ...]
    pairs: tuple[Pair, ...]
    unreadable: tuple[str, ...]
    """Recordings that could not be opened; they are left out everywhere."""
    by_speaker: bool
    """Whether intervals come from resampling speakers."""
    seed: int

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "dataset": {"name": self.dataset.name, "layout": self.dataset.layout, "note": self.dataset.note},
            "language": self.dataset.language,
            "items": len(self.dataset.items),
            "seed": self.seed,
            "resampled": "speakers" if self.by_speaker else "recordings",
            "unreadable": list(self.unreadable),
            "variants": [column.to_json() for column in self.columns],
            "pairs": [asdict(pair) for pair in self.pairs],
        }


def summarise(
    dataset: Dataset,
    outcomes: Sequence[tuple[str, Mapping[str, Any], Sequence[Heard]]],
    *,
    seed: int,
) -> Summary:
    """Judge all outcomes: for each variant its label, what is known of it, and what it heard, in the order of
    the items. Raises UsageError where a library is missing.
    """
    unreadable = {heard.key for _, _, row in outcomes for heard in row if heard.is_unreadable}
    columns = []
    for label, about, row in outcomes:
        judged = tuple(
            Judged(item, heard, score(item, heard, dataset.language))
            for item, heard in zip(dataset.items, row, strict=True)
            if item.key not in unreadable
        )
        columns.append(Column(label, about, judged, row_of(judged, seed=seed), times_of(judged, about)))
    pairs = tuple(_pair(columns[0], other, seed=seed) for other in columns[1:])
    groups = _groups([one for one in columns[0].judged if not one.item.is_silent])
    return Summary(dataset, tuple(columns), pairs, tuple(sorted(unreadable)), groups.by_speaker, seed)


def row_of(judged: Sequence[Judged], *, seed: int) -> Row:
    """The rates of some outcomes."""
    spoken = [one for one in judged if not one.item.is_silent]
    silent = [one for one in judged if one.item.is_silent]
    edited = [one.score.edit for one in judged if one.score.edit is not None]
    words = sum((one.score.words for one in spoken), Counts())
    return Row(
        items=len(judged),
        words=_rate(spoken, lambda s: s.words, seed),
        heard=_rate([one for one in spoken if not one.score.is_refused], lambda s: s.words, seed),
        written=_rate(spoken, lambda s: s.written, seed),
        characters=_rate(spoken, lambda s: s.characters, seed),
        insertions=words.insertions / words.length if words.length else None,
        deletions=words.deletions / words.length if words.length else None,
        edits=statistics.wilson(edited.count("right"), len(edited)),
        edits_right=edited.count("right"),
        edits_wrong=edited.count("wrong"),
        edits_refused=edited.count("refused"),
        refused=statistics.wilson(sum(one.score.is_refused for one in spoken), len(spoken)),
        invented=statistics.wilson(sum(one.score.is_invented for one in silent), len(silent)),
        cut_short=sum(one.score.is_cut_short for one in judged),
        failed=sum(bool(one.heard.error) for one in judged),
    )


def times_of(judged: Sequence[Judged], about: Mapping[str, Any]) -> Times:
    """What the outcomes took."""
    utterances = [utterance for one in judged for utterance in one.heard.utterances]
    decode_s = sum(utterance.decode_s for utterance in utterances)
    audio_s = sum(one.heard.audio_s for one in judged)
    work_s = sum(one.heard.work_s for one in judged)
    peaks = [one.heard.peak_bytes for one in judged if one.heard.peak_bytes is not None]
    return Times(
        endpoint=spread(u.endpoint_s for u in utterances),
        first=spread(u.first_s for u in utterances),
        final=spread(u.final_s for u in utterances),
        edit=spread(one.heard.edit_s for one in judged),
        lag=spread(u.lag_s for u in utterances),
        prefill=spread(u.prefill_s for u in utterances),
        decode=spread(u.decode_s for u in utterances),
        tokens_per_s=sum(u.tokens for u in utterances) / decode_s if decode_s else None,
        rtf=work_s / audio_s if audio_s else None,
        work_s=work_s,
        audio_s=audio_s,
        peak_bytes=max(peaks, default=None),
        opened_bytes=about.get("opened_bytes"),
        gpu_mb=about.get("gpu_mb"),
    )


def parts(column: Column) -> dict[str, dict[str, list[Judged]]]:
    """The outcomes by what tells items apart: each tag, speakers if there are few, and length. What is the
    same for all is left out.
    """
    found: dict[str, dict[str, list[Judged]]] = {}
    for one in column.judged:
        names = [*one.item.tags, ("length", length_class(one.heard.audio_s))]
        names += [("speaker", one.item.speaker)] if one.item.speaker else []
        if one.item.edits:
            names.append(("mode", one.item.mode))
        for name, value in names:
            found.setdefault(name, {}).setdefault(value, []).append(one)
    return {
        name: dict(sorted(values.items(), key=lambda pair: _order(pair[0])))
        for name, values in found.items()
        if 1 < len(values) <= MOST_VALUES
    }


def length_class(seconds: float) -> str:
    """Which class a recording's length belongs to."""
    at = max(n for n, begin in enumerate(LENGTHS_S) if seconds >= begin)
    if at + 1 == len(LENGTHS_S):
        return f"{LENGTHS_S[at]:g} s and more"
    return f"{LENGTHS_S[at]:g} to {LENGTHS_S[at + 1]:g} s"


def _order(value: str) -> tuple[float, str]:
    head = value.partition(" ")[0]
    try:
        return float(head), value
    except ValueError:
        return float("inf"), value


def _rate(judged: Sequence[Judged], of: Callable[[Score], Counts], seed: int) -> Interval | None:
    counts = [of(one.score) for one in judged]
    groups = _groups(judged)
    return statistics.rate([c.errors for c in counts], [c.length for c in counts], groups, seed=seed)


def _groups(judged: Sequence[Judged]) -> Grouping:
    return statistics.grouping([one.item.speaker for one in judged])


def _pair(first: Column, second: Column, *, seed: int) -> Pair:
    both = [(a, b) for a, b in zip(first.judged, second.judged, strict=True)]
    spoken = [(a, b) for a, b in both if not a.item.is_silent]
    words = statistics.difference(
        [a.score.words.errors for a, _ in spoken],
        [b.score.words.errors for _, b in spoken],
        [a.score.words.length for a, _ in spoken],
        _groups([a for a, _ in spoken]),
        seed=seed,
    )
    edits = [(a.score.edit == "right", b.score.edit == "right") for a, b in both if a.score.edit is not None]
    only_first = sum(a and not b for a, b in edits)
    only_second = sum(b and not a for a, b in edits)
    return Pair(
        first.label,
        second.label,
        words,
        identical=sum(a.heard.text == b.heard.text for a, b in both),
        items=len(both),
        only_first=only_first,
        only_second=only_second,
        chance=statistics.mcnemar(only_first, only_second) if edits else None,
    )
