"""How far the model's own doubt can be trusted: `python -m benchmarks.calibration collect|fit`.

`collect` hears what training never said (`engine.training.texts.set_aside`), spoken by trained voices and by
voices that were never heard, in rooms from quiet to noisy, and sounds without a word
(`benchmarks.inventions`); each answer becomes a line of a file: what was said, what was written, how sure the
model was of it all and of each word. `fit` reads such files: it finds curves and thresholds with half of the
lines, chosen by their text, and prints what they are worth on the other half. Real recordings can be used as
well: `fit` needs no more than the lines.

Needs what `benchmarks.hearing` needs; a synthesiser that is missing is named and left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks import inventions
from benchmarks.calibration_fit import Row, report
from benchmarks.hearing import KINDS, recorded, spoken
from engine.catalog import find_model
from engine.events import Hypothesis, Samples, SpeechStopped
from engine.frames import samples_to_s
from engine.listening import listen
from engine.opening import open_engine
from engine.source import PcmSource
from engine.speech import SpeechEngine
from engine.training import cast, texts
from engine.training.voices import Speakers

SNRS_DB = (35.0, 25.0, 15.0, 8.0)
"""Rooms, in turn: quiet, an office, a street, too loud."""


def heard(engine: SpeechEngine, pcm: Samples) -> Iterator[tuple[Hypothesis, float]]:
    """Every answer of the model to a recording, and how many seconds of it were speech."""
    speech_s = 0.0
    for event in listen(PcmSource(pcm), engine):
        if isinstance(event, SpeechStopped):
            speech_s = samples_to_s(event.speech_samples)
        elif isinstance(event, Hypothesis) and event.kind == "final":
            yield event, speech_s


def row(voice: str, kind: str, snr_db: float, said: str, found: list[tuple[Hypothesis, float]]) -> Row:
    """One utterance as a line; one that was cut is put together again."""
    from engine.joining import as_one

    one = as_one([hypothesis for hypothesis, _ in found])
    return Row(
        voice=voice,
        kind=kind,
        snr_db=snr_db,
        said=said,
        written=one.text,
        confidence=one.confidence,
        word_log_probs=one.word_log_probs,
        stop=one.stop,
        speech_s=round(sum(seconds for _, seconds in found), 3),
    )


def said_rows(engine: SpeechEngine, voice: str, count: int, seed: int) -> Iterator[Row]:
    """What a voice says, `count` texts of each kind."""
    speakers = Speakers()
    for kind in KINDS:
        pool = texts.set_aside(kind, max(400, count))
        chosen = random.Random(f"{voice} {kind} {seed}").sample(pool, count)
        sounds = spoken(voice, chosen, speakers)
        for index, (text, pcm, snr_db) in enumerate(
            zip(chosen, sounds, itertools.cycle(SNRS_DB), strict=False)
        ):
            noise_seed = 1_000_000 * seed + 1_000 * len(voice) + index
            found = list(heard(engine, recorded(pcm, noise_seed, snr_db)))
            if found:
                yield row(voice, kind, snr_db, text, found)


def wordless_rows(engine: SpeechEngine, count: int, seed: int) -> Iterator[Row]:
    """What is written where nobody speaks."""
    for kind, pcm in inventions.takes(count, seed):
        found = list(heard(engine, pcm))
        if found:
            yield row("", f"wordless: {kind}", 0.0, "", found)


def collect(model: str, out: Path, *, voices: list[str], count: int, wordless: int, seed: int) -> None:
    """Hear everything and write a line for each answer."""
    files = find_model(model)
    # Nothing is refused here: what it would be worth to refuse is what is asked.
    files = replace(files, profile=replace(files.profile, min_confidence=-100.0))
    with open_engine(files, n_threads=1) as engine, out.open("a", encoding="utf-8") as lines:

        def write(rows: Iterator[Row]) -> None:
            for one in rows:
                lines.write(json.dumps(asdict(one)) + "\n")

        for voice in voices:
            try:
                write(said_rows(engine, voice, count, seed))
            except (OSError, subprocess.CalledProcessError) as problem:
                print(f"left out {voice}: {problem}", file=sys.stderr)
            lines.flush()
        write(wordless_rows(engine, wordless, seed))


def main() -> None:
    """Parse arguments, collect or fit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    collecting = verbs.add_parser("collect")
    collecting.add_argument("out", type=Path)
    collecting.add_argument("--model", default="bundled")
    collecting.add_argument("--voices", nargs="*")
    collecting.add_argument("--count", type=int, default=20, help="texts of each kind a voice")
    collecting.add_argument("--wordless", type=int, default=200, help="takes in which nobody speaks")
    collecting.add_argument("--seed", type=int, default=1)
    fitting = verbs.add_parser("fit")
    fitting.add_argument("rows", type=Path, nargs="+")
    fitting.add_argument("--model", default="bundled", help="whose answers they are")
    fitting.add_argument("--json", type=Path)
    a = parser.parse_args()
    if a.verb == "collect":
        voices = a.voices or [*cast.TRAINED, *cast.UNHEARD]
        collect(a.model, a.out, voices=voices, count=a.count, wordless=a.wordless, seed=a.seed)
        return
    found = [Row.read(line) for path in a.rows for line in path.read_text(encoding="utf-8").splitlines()]
    told = report(found, min_confidence=find_model(a.model).profile.min_confidence)
    print(told.text)
    if a.json:
        a.json.write_text(json.dumps(told.data, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
