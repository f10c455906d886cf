"""What an evaluation says, as sections of sentences and tables; `markdown` and `html` put them on a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voice_edit.bench.summary import Spread
from voice_edit.bench.tables import count, size
from voice_edit.evaluation import summary, verdict
from voice_edit.evaluation.statistics import SURE, Interval
from voice_edit.evaluation.summary import Column, Judged, Summary
from voice_edit.evaluation.variants import WAYS

if TYPE_CHECKING:
    from voice_edit.bench.machine import Machine

MOST_MISTAKES = 12
"""So many of the worst recordings are shown of each variant."""


@dataclass(frozen=True, slots=True)
class Table:
    """The first column names the rows; the others are numbers."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_text: bool = False
    """Whether the other columns are words instead."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report."""

    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[str, ...] = ()
    """Names of pictures that belong here; see `pictures`."""


@dataclass(frozen=True, slots=True)
class Report:
    """A summary, and what it was made with."""

    summary: Summary
    machine: Machine
    command: str
    note: str = ""
    sections: tuple[Section, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "sections", tuple(_sections(self)))

    @property
    def title(self) -> str:
        """Of the page."""
        return f"Evaluation: {self.summary.dataset.name}"

    def to_json(self) -> dict[str, Any]:
        """As JSON, for programs."""
        about = {"command": self.command, "machine": self.machine.to_json()}
        return {**about, **self.summary.to_json()}


def _sections(report: Report) -> list[Section]:
    found = summary_sections(report.summary)
    dataset = report.summary.dataset
    spoken_s = report.summary.columns[0].times.audio_s
    about = [
        f"{dataset.layout}: {count(len(dataset.items), 'recording')}, {spoken_s / 60:.1f} minutes, language "
        f"{dataset.language}.",
        *([dataset.note] if dataset.note else []),
        f"Measured on {report.machine.sentence()}.",
        f"`{report.command}`",
        *([report.note] if report.note else []),
    ]
    return [
        Section("Verdict", tuple(verdict.sentences(report.summary))),
        *found,
        Section("How", tuple(about)),
    ]


def summary_sections(found: Summary) -> list[Section]:
    """All that comes from the numbers alone."""
    sections = [_accuracy(found)]
    if any(column.row.edits is not None for column in found.columns):
        sections.append(_edits(found))
    sections += [_times(found), *([_pairs(found)] if found.pairs else [])]
    sections += [_parts(found), _mistakes(found), _meaning(found)]
    return [section for section in sections if section.tables or section.sentences]


# --- sections ---


def _accuracy(found: Summary) -> Section:
    silent = any(column.row.invented is not None for column in found.columns)
    columns: list[tuple[str, Callable[[Column], str]]] = [
        ("WER", lambda c: interval(c.row.words)),
        ("WER as written", lambda c: interval(c.row.written)),
        ("CER", lambda c: interval(c.row.characters)),
        ("WER of what was heard", lambda c: interval(c.row.heard)),
        ("words missing", lambda c: percent(c.row.deletions)),
        ("words too many", lambda c: percent(c.row.insertions)),
        ("refused", lambda c: interval(c.row.refused)),
    ]
    if silent:
        columns.append(("invented", lambda c: interval(c.row.invented)))
    columns.append(("cut short", lambda c: str(c.row.cut_short)))
    columns.append(("failed", lambda c: str(c.row.failed)))
    sentences = []
    if found.unreadable:
        n = count(len(found.unreadable), "recording")
        sentences.append(f"Left out, because they cannot be read: {n} ({', '.join(found.unreadable[:5])}).")
    tables = (_table(found, columns), *_reasons(found))
    return Section("Words", tuple(sentences), tables, ("words", "lengths", "words-against-time"))


def _reasons(found: Summary) -> list[Table]:
    """Why nothing was taken of recordings in which something is said."""
    counted = [
        Counter(
            reason
            for one in column.judged
            if one.score.is_refused
            for reason in {*one.heard.refusals} or {one.heard.error or "no-speech"}
        )
        for column in found.columns
    ]
    reasons = sorted({reason for counts in counted for reason in counts})
    if not reasons:
        return []
    rows = tuple(
        (column.label, *(str(counts[reason]) for reason in reasons))
        for column, counts in zip(found.columns, counted, strict=True)
    )
    return [Table(("refused because", *reasons), rows)]


def _edits(found: Summary) -> Section:
    columns: list[tuple[str, Callable[[Column], str]]] = [
        ("right", lambda c: interval(c.row.edits)),
        ("texts", lambda c: str(c.row.edits_right + c.row.edits_wrong + c.row.edits_refused)),
        ("wrongly changed", lambda c: str(c.row.edits_wrong)),
        ("left as it was", lambda c: str(c.row.edits_refused)),
        ("carried out, ms", lambda c: pair_ms(c.times.edit)),
    ]
    return Section("Edits", (), (_table(found, columns),), ("edits",))


def _times(found: Summary) -> Section:
    columns: list[tuple[str, Callable[[Column], str]]] = [
        ("endpoint, ms", lambda c: pair_ms(c.times.endpoint)),
        ("then first token, ms", lambda c: pair_ms(c.times.first)),
        ("then final words, ms", lambda c: pair_ms(c.times.final)),
        ("sound behind, ms", lambda c: pair_ms(c.times.lag)),
        ("prefill, ms", lambda c: pair_ms(c.times.prefill)),
        ("decoding, ms", lambda c: pair_ms(c.times.decode)),
        ("tokens/s", lambda c: number(c.times.tokens_per_s, 0)),
        ("RTF", lambda c: number(c.times.rtf, 3)),
        ("memory, most", lambda c: "" if c.times.peak_bytes is None else size(c.times.peak_bytes)),
        ("opening took", lambda c: "" if c.times.opened_bytes is None else size(c.times.opened_bytes)),
        ("GPU", lambda c: "" if not c.times.gpu_mb else f"{c.times.gpu_mb:.0f} MB"),
    ]
    return Section(
        "Times and memory",
        ("Median / 95th percentile over utterances, as a live speaker would wait.",),
        (_table(found, columns),),
        ("times",),
    )


def _pairs(found: Summary) -> Section:
    heading = ["against " + found.columns[0].label, "WER difference", "fewer errors, share of resamples"]
    heading += ["recordings better", "worse", "word for word the same"]
    edits = any(pair.chance is not None for pair in found.pairs)
    heading += ["edits only it gets right", "only the other", "by chance"] if edits else []
    rows = []
    for pair in found.pairs:
        d = pair.words
        row = [pair.second]
        if d is None:
            row += ["", "", "", ""]
        elif d.better == d.worse == 0:
            row += ["none", "", "0", "0"]
        else:
            row += [points(d.interval), percent(d.fewer, 0), str(d.better), str(d.worse)]
        row.append(f"{pair.identical} of {pair.items}")
        if edits:
            chance = "" if pair.chance is None else f"p = {pair.chance:.3f}"
            row += [str(pair.only_second), str(pair.only_first), chance]
        rows.append(tuple(row))
    return Section("Side by side, on the same recordings", (), (Table(tuple(heading), tuple(rows)),))


def _parts(found: Summary) -> Section:
    tables = []
    split = [summary.parts(column) for column in found.columns]
    for name in split[0]:
        heading = (name, "recordings", *(column.label for column in found.columns))
        rows = []
        for value, judged in split[0][name].items():
            cells = [_cell(parts.get(name, {}).get(value, []), found.seed) for parts in split]
            rows.append((value, str(len(judged)), *cells))
        tables.append(Table(heading, tuple(rows)))
    sentence = "WER with its interval; behind it, where texts are edited, the share that came out right."
    return Section("By kind", (sentence,) if tables else (), tuple(tables))


def _cell(judged: Sequence[Judged], seed: int) -> str:
    row = summary.row_of(judged, seed=seed)
    cells = [interval(row.words)] if row.words is not None else []
    if row.edits is not None:
        cells.append(f"edits {percent(row.edits.value, 0)}")
    if row.invented is not None:
        cells.append(f"invented {percent(row.invented.value, 0)}")
    return ", ".join(cells)


def _mistakes(found: Summary) -> Section:
    tables: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for column in found.columns:
        rows = tuple(
            (one.item.key, one.item.words or "(nothing)", one.heard.text or _refusal(one), _became(one))
            for one in worst(column.judged)
        )
        if rows:
            tables.setdefault(rows, []).append(column.label)
    shown = [
        Table((label, "said", "heard", "text"), rows, is_text=True) for rows, (label, *_) in tables.items()
    ]
    alike = [f"{' and '.join(others)}: the same as {label}." for label, *others in tables.values() if others]
    return Section("The worst recordings of each", tuple(alike), tuple(shown))


def worst(judged: Sequence[Judged]) -> list[Judged]:
    """Where most words are wrong, then where the text is."""
    wrong = [one for one in judged if one.score.words.errors or one.score.edit in ("wrong", "refused")]
    wrong.sort(key=lambda one: (-one.score.words.errors, one.score.edit != "wrong", one.item.key))
    return wrong[:MOST_MISTAKES]


def _refusal(one: Judged) -> str:
    reasons = one.heard.refusals or ((one.heard.error,) if one.heard.error else ())
    return f"({', '.join(dict.fromkeys(reasons)) or 'nothing'})"


def _became(one: Judged) -> str:
    if one.score.edit is None:
        return ""
    return one.score.edit + (f" ({one.heard.edit_error})" if one.heard.edit_error else "")


def _meaning(found: Summary) -> Section:
    whose = "speakers" if found.by_speaker else "recordings"
    ways = {column.about.get("way") for column in found.columns}
    return Section(
        "What the numbers mean",
        (
            f"In brackets: where the value lies with {100 * SURE:.0f} % confidence, from resampling {whose} "
            f"(seed {found.seed}); of shares, by Wilson's formula; where no word is wrong, by the rule of "
            "three.",
            "WER: words that are wrong, missing or too many, for each word that was said, after the "
            "normaliser that was published with Whisper. As written: blanks separate words; capitals and "
            "marks count.",
            "Of what was heard: without the recordings that were refused. CER: the same of characters.",
            "Refused: something is said, and nothing was taken of it. Invented: nothing is said, "
            "and words came. Cut short: an answer did not end by itself.",
            "Endpoint: from the last speech until it is known that it was the last. Then: from there on. "
            "Behind: sound that the model had not taken in. RTF: computed time for each second of sound.",
            "Memory: of the process that hears, the program itself included.",
            *(f"{way}: {WAYS[way]}." for way in WAYS if way in ways),
        ),
    )


# --- cells ---


def _table(found: Summary, columns: Sequence[tuple[str, Callable[[Column], str]]]) -> Table:
    cells = [[cell(column) for _, cell in columns] for column in found.columns]
    shown = [at for at in range(len(columns)) if any(row[at] for row in cells)]
    rows = tuple(
        (column.label, *(row[at] for at in shown)) for column, row in zip(found.columns, cells, strict=True)
    )
    return Table(("", *(columns[at][0] for at in shown)), rows)


def percent(value: float | None, digits: int = 1) -> str:
    """A share."""
    return "" if value is None else f"{100 * value:.{digits}f} %"


def interval(found: Interval | None) -> str:
    """A share with where it lies."""
    if found is None:
        return ""
    if not found.is_known:
        return f"{100 * found.value:.1f} %"
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def points(found: Interval) -> str:
    """A difference of shares, in percentage points."""
    if not found.is_known:
        return f"{100 * found.value:+.1f}"
    return f"{100 * found.value:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def pair_ms(found: Spread | None) -> str:
    """Median and 95th percentile of seconds, in milliseconds."""
    return "" if found is None else f"{1000 * found.median:.0f} / {1000 * found.p95:.0f}"


def number(value: float | None, digits: int) -> str:
    """A number; empty where it was not measured."""
    return "" if value is None else f"{value:.{digits}f}"
