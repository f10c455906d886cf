"""What a drafter model is worth: `python -m benchmarks.drafter --drafter RUN/mtp.gguf`.

The same utterances are heard without a drafter, with one that always guesses 1, 2 or 3 tokens, and with one
that chooses by itself, as it does for users; ways take turns in one run. Texts are those that training sets
aside. Measured are the words (which must be the same), the share of guesses that were right, the batches for
a token, and the time from the end of the sound to the last word, sound prefilled, nothing else guessing.
`--random SEED` takes a drafter with random weights that fits the bundled model instead: the cost of being
always wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.hearing import KINDS, recorded, spoken
from engine.catalog import ModelFiles, find_model
from engine.events import Timing
from engine.frames import FRAME_SAMPLES
from engine.mtp import LENGTHS, Pace
from engine.session import Engine
from engine.speed import Speed
from engine.training import cast, texts
from engine.training.drafter_file import DrafterShape, random_drafter, shape_of, vocabulary_of, write_drafter
from engine.training.voices import Speakers

ALONE = Speed(draft=False, prepare=False, lookup=False)
WAYS = ("none", *(f"always {n}" for n in LENGTHS[1:]), "by itself")


@dataclass
class Outcome:
    """Sums over all utterances of one way."""

    tokens: int = 0
    steps: int = 0
    drafted: int = 0
    accepted: int = 0
    different: int = 0
    """Utterances whose tokens are not those without a drafter."""
    ms: list[float] = field(default_factory=list)
    """From the end of the sound to the last word, of each utterance."""


class Fixed(Pace):
    """Always guesses so many tokens."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = length

    def choose(self) -> int:
        """See `Pace`."""
        return self._length


def sounds(voices: Sequence[str], count: int) -> list[npt.NDArray[np.float32]]:
    """Frames of `count` held-out texts of each kind and voice, float32[n, 640] each."""
    speakers, made = Speakers(), []
    for number, voice in enumerate(voices):
        for kind in KINDS:
            said = random.Random(f"drafter {voice} {kind}").sample(texts.set_aside(kind, 400), count)
            for i, pcm in enumerate(spoken(voice, said, speakers)):
                samples = recorded(pcm, number * 1000 + i, 35.0)
                whole = len(samples) // FRAME_SAMPLES
                made.append(samples[: whole * FRAME_SAMPLES].reshape(whole, FRAME_SAMPLES))
    return made


def measure(files: ModelFiles, heard: Sequence[npt.NDArray[np.float32]], threads: int) -> dict[str, Outcome]:
    """Hear everything in every way, in turns, after a warm-up."""
    outcomes = {way: Outcome() for way in WAYS}
    with ExitStack() as open_engines:
        engines = {
            way: open_engines.enter_context(
                Engine.open(files, n_threads=threads, speed=replace(ALONE, mtp=way != "none"))
            )
            for way in WAYS
        }
        for way, engine in engines.items():
            if way != "none" and engine.mtp is None:
                raise SystemExit(f"the drafter cannot be used: {engine.mtp_problem}")
            if engine.mtp is not None and way.startswith("always"):
                engine.mtp.pace = Fixed(int(way.split()[1]))
        warm_up = len(heard) // 10
        for number, frames in enumerate([*heard[:warm_up], *heard]):
            wanted: tuple[int, ...] = ()
            turn = number % len(WAYS)
            for way in ("none", *WAYS[1:][turn:], *WAYS[1:][:turn]):
                session = engines[way].session()
                session.push(frames)
                hypothesis = session.finish()
                wanted = hypothesis.tokens if way == "none" else wanted
                if number >= warm_up:
                    count(outcomes[way], hypothesis.timing, hypothesis.tokens, wanted)
        best = engines["by itself"].mtp
        assert best is not None
        print(f"chosen in the end: {best.pace.best()} tokens at once")
    return outcomes


def count(outcome: Outcome, timing: Timing, tokens: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Add one utterance."""
    outcome.tokens += len(tokens)
    outcome.steps += timing.steps
    outcome.drafted += timing.drafted
    outcome.accepted += timing.accepted
    outcome.different += tokens != wanted
    outcome.ms.append(timing.decode_s * 1000)


def random_files(files: ModelFiles, seed: int, folder: Path) -> ModelFiles:
    """The bundled model with a drafter of random weights, of the size that training makes."""
    small, words = DrafterShape(shape_of(files.model), 256, 512, 4), vocabulary_of(files.model)
    weights = random_drafter(small, len(words.tokens), seed=seed)
    return replace(files, drafter=write_drafter(folder / "mtp.gguf", small, weights, words, name="random"))


def show(outcomes: dict[str, Outcome], utterances: int) -> None:
    """Print the table."""
    table = Table("guesses", "right", "batches a token", "ms to the last word, median", "p95", "different")
    for way, o in outcomes.items():
        right = f"{o.accepted / o.drafted:.0%} of {o.drafted}" if o.drafted else "-"
        p95 = sorted(o.ms)[int(0.95 * (len(o.ms) - 1))]
        table.add_row(
            way, right, f"{o.steps / o.tokens:.2f}", f"{median(o.ms):.1f}", f"{p95:.1f}", f"{o.different}"
        )
    Console(width=110).print(f"{utterances} utterances, {outcomes['none'].tokens} tokens", table)


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="bundled")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--drafter", type=Path)
    which.add_argument("--random", type=int, metavar="SEED")
    parser.add_argument("--count", type=int, default=5, help="texts of each kind a voice")
    parser.add_argument("--voices", nargs="*", default=list(cast.TRAINED)[:4])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every number here")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = find_model(a.model)
        if a.drafter is None:
            files = random_files(files, a.random, Path(folder))
        else:
            files = replace(files, drafter=a.drafter)
        heard = sounds(a.voices, a.count)
        outcomes = measure(files, heard, a.threads)
    show(outcomes, len(heard))
    if a.json:
        a.json.write_text(json.dumps({way: asdict(o) for way, o in outcomes.items()}), encoding="utf-8")


if __name__ == "__main__":
    main()
