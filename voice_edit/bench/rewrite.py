"""Rewriting, measured: the same text written plainly, looked up in the old one, and guessed by a drafter.

Whatever the model, it is made to write a given text, in which ten words of an old one have changed: that is
what a rewrite looks like, and the small models cannot do it. Everything but these words is real: the index
over the old text, the drafter, the batches in which guesses are checked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files as package_files
from typing import TYPE_CHECKING, Any

from engine.loading import Loading
from engine.speed import PLAIN, Speed
from voice_edit.bench import tables
from voice_edit.bench.forced import ACCEPTANCE, end_token, force
from voice_edit.bench.summary import Spread, spread
from voice_edit.bench.ways import Opening

if TYPE_CHECKING:
    from engine.catalog import ModelFiles
    from engine.session import Engine
    from engine.writing import TextPass
    from voice_edit.bench.forced import ForcedPicker

TEXT_CONTEXT = 2048
"""Positions of the text pass: an instruction, a paragraph and its new version, character by character at
worst."""

INSTRUCTION = "Rewrite the text. Answer with the new text only.\n\n"
SAID = "\n\nMake it sound better.\n\n"


@dataclass(frozen=True, slots=True)
class RewriteWay:
    """One way of writing."""

    key: str
    title: str
    speed: Speed


WAYS = (
    RewriteWay("plain", "plain", replace(PLAIN, ahead=True)),
    RewriteWay("lookup", "looked up in the old text", replace(PLAIN, ahead=True, lookup=True)),
    RewriteWay("mtp", "guessed by a drafter", replace(PLAIN, ahead=True, mtp=True)),
    RewriteWay("both", "looked up, else guessed", replace(PLAIN, ahead=True, lookup=True, mtp=True)),
)


@dataclass(frozen=True, slots=True)
class RewriteTrial:
    """One text, written once."""

    way: str
    pair: int
    run: int
    tokens: int
    """Written, the end token left out."""
    steps: int
    drafted: int
    accepted: int
    first_s: float
    """From the moment when everything was known that is asked, to the first token."""
    final_s: float
    """And to the last."""


@dataclass(frozen=True, slots=True)
class Rewrites:
    """What came of it."""

    trials: Sequence[RewriteTrial]
    has_drafter: bool

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        assumed = ACCEPTANCE if self.has_drafter else None
        return {"trials": [asdict(trial) for trial in self.trials], "assumed_acceptance_of_drafter": assumed}

    def to_markdown(self) -> str:
        """As a section of the report."""
        heading = [
            "",
            "tokens",
            "steps per token",
            "accepted",
            "first token, ms",
            "whole text, ms",
            "plain / this",
        ]
        plain = self._spread("plain", lambda t: t.final_s)
        lines = []
        for way in WAYS:
            final = self._spread(way.key, lambda t: t.final_s * 1000)
            if final is None or plain is None:
                continue
            first = self._spread(way.key, lambda t: t.first_s * 1000)
            tokens = self._spread(way.key, lambda t: float(t.tokens))
            share = self._spread(way.key, lambda t: t.accepted / t.drafted if t.drafted else None)
            steps = self._spread(way.key, lambda t: t.steps / t.tokens)
            lines.append(
                [
                    way.title, tables.middle(tokens, 0), tables.pair(steps, digits=3), tables.share(share),
                    tables.pair(first), tables.pair(final), tables.times(plain.median * 1000 / final.median),
                ]
            )  # fmt: skip
        drafter = (
            " The drafter computes its guesses, which are then replaced by given ones: "
            f"{ACCEPTANCE:.0%} of them are right."
            if self.has_drafter
            else " There is no drafter for this model."
        )
        pairs = len({trial.pair for trial in self.trials})
        how = (
            f"{pairs} paragraphs of about 120 words in which ten words change, in the vocabulary of this "
            f"model. The new text is given, as if the model wrote it; all else is real.{drafter}"
        )
        return f"## Rewriting (median / p95)\n\n{how}\n\n{tables.table(heading, lines)}"

    def _spread(self, way: str, measure: Callable[[RewriteTrial], float | None]) -> Spread | None:
        return spread(measure(trial) for trial in self.trials if trial.way == way)


def pairs() -> list[tuple[str, str]]:
    """Old and new paragraphs."""
    text = package_files("voice_edit.bench").joinpath("rewriting.txt").read_text(encoding="utf-8")
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    found = []
    for paragraph in body.strip().split("\n\n"):
        flat = " ".join(paragraph.split())
        old, new = (re.sub(r"\{([^|}]*)\|([^}]*)\}", rf"\{side}", flat) for side in (1, 2))
        found.append((old, new))
    return found


def execute(
    files: ModelFiles,
    opening: Opening,
    runs: int,
    *,
    on_trial: Callable[[RewriteTrial], None] | None = None,
) -> Rewrites:
    """Write every paragraph in every way, in turns, `runs` times after one that does not count.

    Raises what the engine raises.
    """
    from engine.session import Engine
    from engine.writing import TextPass

    with Engine.open(
        files,
        n_ctx=256,
        text_ctx=TEXT_CONTEXT,
        n_threads=opening.threads,
        loading=Loading(gpu_layers=opening.gpu_layers),
    ) as engine:
        has_drafter = engine.mtp is not None
        picker, writer = force(engine), TextPass(engine)
        ways = [way for way in WAYS if has_drafter or not way.speed.mtp]
        trials = []
        for run in range(-1, runs):
            for number, pair in enumerate(pairs()):
                for turn in range(len(ways)):
                    way = ways[(turn + run + number) % len(ways)]
                    done = _write(engine, writer, picker, way, number, pair, run)
                    if run >= 0:
                        trials.append(done)
                    if on_trial is not None:
                        on_trial(done)
        return Rewrites(trials, has_drafter)


def _write(
    engine: Engine,
    writer: TextPass,
    picker: ForcedPicker,
    way: RewriteWay,
    number: int,
    pair: tuple[str, str],
    run: int,
) -> RewriteTrial:
    old, new = (writer.tokens(text) for text in pair)
    engine.speed = way.speed
    writer.clear()
    writer.begin(writer.tokens(INSTRUCTION + pair[0], begins=True))
    while writer.prefill_some():  # while somebody speaks
        pass
    picker.begin([*new, end_token(engine.model)])
    asked_s = time.monotonic()
    written = writer.answer(writer.tokens(SAID), originals=[old], max_tokens=len(new) + 1)
    timing = written.timing
    assert list(written.tokens) == new, "what was written is not what was given"
    return RewriteTrial(
        way=way.key,
        pair=number,
        run=run,
        tokens=len(new),
        steps=timing.steps,
        drafted=timing.drafted,
        accepted=timing.accepted,
        first_s=timing.first_token_s - asked_s,
        final_s=timing.final_s - asked_s,
    )
