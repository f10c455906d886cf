"""What was measured, for people (Markdown) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voice_edit.bench import summary, tables
from voice_edit.bench.forced import ACCEPTANCE
from voice_edit.bench.machine import Machine
from voice_edit.bench.rewrite import Rewrites
from voice_edit.bench.runner import Plan, Result
from voice_edit.bench.summary import Row
from voice_edit.bench.ways import MTP, WAYS

MEANINGLESS = (
    "The weights are random and the words mean nothing: given tokens stand in for the model's own, at the "
    "rate of ordinary speech (33 words, 43 tokens in 10 s). All that is timed is really computed."
)
ASSUMED_DRAFT = "Of partial words, the newest token is taken to be wrong and the others to be right."
ASSUMED_GUESSES = f"Of the drafter's guesses, {ACCEPTANCE:.0%} are taken to be right."


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one run of the bench says."""

    machine: Machine
    command: str
    model: str
    model_bytes: int
    plan: Plan
    result: Result
    rewrites: Rewrites | None = None
    note: str = ""
    """What is not as in the published model, where a shape stands in for it."""

    def to_json(self) -> dict[str, Any]:
        """Medians, p95, and every single trial."""
        plan, trials = self.plan, self.result.trials
        data: dict[str, Any] = {
            "machine": self.machine.to_json(),
            "command": self.command,
            "model": self.model,
            "model_bytes": self.model_bytes,
            "words_are_meaningless": plan.forced,
            "note": self.note,
            "assumed": " ".join(self._assumed()) if plan.forced else "",
            "threads": plan.opening.threads,
            "waited_for_sound": plan.paced,
            "runs": plan.runs,
            "ways": {way.key: way.meaning for way in plan.ways},
        }
        if trials:
            table = summary.rows(trials)
            data |= {
                "table": [row.to_json() for row in table],
                "longest_against_shortest": {way.key: summary.flatness(table, way.key) for way in plan.ways},
                "words": asdict(summary.words(trials)),
                "loaded": {kind: asdict(loaded) for kind, loaded in self.result.loaded.items()},
                "peak_bytes": self.result.peak_bytes,
                "trials": [trial.to_json() for trial in trials],
            }
        if self.rewrites is not None:
            data["rewrites"] = self.rewrites.to_json()
        return data

    def to_markdown(self) -> str:
        """The page."""
        parts = ["# What each way of hearing costs", self.machine.sentence() + ".", f"`{self.command}`"]
        parts.append(f"Model: {self.model} ({tables.size(self.model_bytes)}). {self._how()}")
        if self.plan.forced:
            parts.append(f"**{MEANINGLESS}**")
            parts += [*self._assumed(), *([self.note] if self.note else [])]
        if self.result.trials:
            table = summary.rows(self.result.trials)
            parts += [self._finals(table), self._details(table), self._words(), self._memory()]
        if self.rewrites is not None:
            parts.append(self.rewrites.to_markdown())
        return "\n\n".join(part for part in parts if part) + "\n"

    def _assumed(self) -> list[str]:
        """What decides how much of a draft is accepted, where the words mean nothing."""
        said = [ASSUMED_DRAFT] if any(way.partials for way in self.plan.ways) else []
        said += [ASSUMED_GUESSES] if any(way.speed.mtp for way in self.plan.ways) else []
        return [" ".join(said)] if said else []

    def _how(self) -> str:
        pace = (
            "Sound was waited for as it would be spoken."
            if self.plan.paced
            else "Waiting for sound is skipped on a clock of its own; all work takes the time it takes."
        )
        threads = self.plan.opening.threads
        return (
            f"{pace} {tables.count(self.plan.runs, 'run')} after warming up, "
            f"{'threads as the engine chooses' if threads is None else tables.count(threads, 'thread')}, "
            "in turns, in one process."
        )

    def _finals(self, table: Sequence[Row]) -> str:
        """The table that matters: lengths by ways."""
        ways = [way for way in WAYS.values() if any(row.way == way.key for row in table)]
        first, last = WAYS[summary.base(row.way for row in table)], ways[-1]
        heading = ["speech", *(way.title for way in ways)]
        ratio = len(ways) > 1
        lines = []
        for seconds in sorted({row.seconds for row in table}):
            of = {row.way: row for row in table if row.seconds == seconds}
            cells = [
                tables.pair(of[w.key].measures["endpoint_to_final_words_ms"]) for w in ways if w.key in of
            ]
            against = of[last.key].against_base if last.key in of else None
            lines.append([f"{seconds:g} s", *cells, *([tables.times(against)] if ratio else [])])
        if ratio:
            heading.append(f"{_number(first.title)} / {_number(last.title)}")
        flat = ["longest / shortest", *(tables.times(summary.flatness(table, way.key)) for way in ways)]
        if len(lines) > 1:
            lines.append([*flat, *([""] if ratio else [])])
        meanings = "\n".join(f"* {way.title}: {way.meaning}" for way in ways)
        title = "## From the endpoint to the final words, in ms (median / p95)"
        return f"{title}\n\n{tables.table(heading, lines)}\n\n{meanings}"

    def _details(self, table: Sequence[Row]) -> str:
        columns: dict[str, Callable[[Row], str]] = {
            "first token, ms": lambda row: tables.pair(row.measures["endpoint_to_first_token_ms"]),
            "final words, ms": lambda row: tables.pair(row.measures["endpoint_to_final_words_ms"]),
            "voice to edit, ms": lambda row: tables.pair(row.measures["voice_to_edit_ms"], digits=0),
            "tokens": lambda row: tables.middle(row.measures["tokens"], 0),
            "tokens per step": lambda row: tables.middle(row.measures["tokens_per_step"], 2),
            "accepted": lambda row: tables.share(row.measures["acceptance"]),
            "partials": lambda row: tables.middle(row.measures["partials"], 0),
            "prefill lag, ms": lambda row: tables.middle(row.measures["prefill_lag_ms"], 0),
            "late at worst, ms": lambda row: tables.middle(row.measures["late_ms"], 0),
            "prefill, frames/s": lambda row: tables.middle(row.measures["prefill_per_second"], 0),
            "decode, tokens/s": lambda row: tables.middle(row.measures["decode_per_second"], 0),
            "RTF": lambda row: tables.middle(row.measures["rtf"], 3),
            "CPU s per s": lambda row: tables.middle(row.measures["cpu_per_second"], 3),
            "energy, J": lambda row: tables.middle(row.measures["joules"], 1),
        }
        cells = [[f(row) for f in columns.values()] for row in table]
        shown = [i for i in range(len(columns)) if any(line[i] != "" for line in cells)]
        heading = ["speech", "way", *(list(columns)[i] for i in shown)]
        lines = [
            [f"{row.seconds:g} s", _number(WAYS[row.way].title), *(line[i] for i in shown)]
            for row, line in zip(table, cells, strict=True)
        ]
        notes = [] if "energy, J" in heading else ["Energy could not be read on this machine."]
        guessing = [row for row in table if row.way == MTP.key]
        if guessing and all(row.median("acceptance") is None for row in guessing):
            notes.append("The drafter stopped guessing by itself: measured while warming up, it did not pay.")
        return "\n\n".join(["## Everything", tables.table(heading, lines), *notes])

    def _words(self) -> str:
        found = summary.words(self.result.trials)
        of = tables.count(found.utterances, "utterance")
        compared = not self.plan.forced and len({trial.way for trial in self.result.trials}) > 1
        same = f"Identical tokens in all ways: {found.identical} of {of}." if compared else ""
        if found.others:
            same += " Different: " + "; ".join(found.others) + "."
        if found.cut_short:
            ends = "by itself" if found.cut_short == 1 else "by themselves"
            same += f" {tables.count(found.cut_short, 'answer')} did not end {ends} (a loop, or too long)."
        return f"## Words\n\n{same.strip()}" if same else ""

    def _memory(self) -> str:
        names = {"mtmd": "the peer's engine", "ours": "our engine"}
        lines = []
        for kind, loaded in self.result.loaded.items():
            gpu = "" if loaded.gpu_mb is None else f", GPU {loaded.gpu_mb:.0f} MB"
            size = "unknown" if loaded.resident is None else tables.size(loaded.resident)
            lines.append(f"* opening {names[kind]}: {size}{gpu}")
        if self.result.peak_bytes:
            lines.append(f"* the whole process, at most: {tables.size(max(self.result.peak_bytes.values()))}")
        note = (
            "Opening: by how much the process grew. llama.cpp maps the weights from the file and lays some "
            "out anew for the processor; those are there twice, and once more for each engine."
        )
        return "## Memory\n\n" + "\n".join(lines) + f"\n\n{note}"


def _number(title: str) -> str:
    return title.split()[0]
