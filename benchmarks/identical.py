"""Does anything that makes it fast change a word? `python -m benchmarks.identical`

Sound: every recording in samples/, and texts that training sets aside, by every voice of the tables (trained
ones and voices never heard). Each is played at the speed of speech, on a clock that skips the waiting,
through voice detection, endpointing and the model, so that partial words are computed in pauses and final
words ahead. That is done with every switch of `engine.speed.Speed` on, with each of them off, with each of
them alone, and with all of them off; the tokens of every utterance must be the same each time, also of those
whose words are refused as unsure.

Text: the same set-aside texts, rewritten by the text pass with every switch on and off, with and without a
grammar. (A model that can only hear writes words without meaning; they must be the same all the same.)

Needs what benchmarks.hearing needs. A synthesiser that is missing is named and left out. Exits with 1 where
anything differs.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.hearing import KINDS, recorded, spoken
from engine.catalog import find_model
from engine.listening import listen
from engine.session import Engine
from engine.source import read_audio
from engine.speed import PLAIN, Speed
from engine.training import cast, texts
from engine.training.voices import Speakers
from engine.writing import TextPass
from voice_edit.bench.clock import SkippingClock
from voice_edit.bench.machine import this_machine
from voice_edit.bench.measured import MeasuredEngine
from voice_edit.bench.playback import Playback

Tokens = tuple[tuple[int, ...], ...]
"""Of each utterance."""

HEARING = ("stream", "draft", "prepare", "mtp")
WRITING = ("lookup", "mtp", "ahead", "forced")
GRAMMAR = 'root ::= "{\\"words\\": \\"" [a-z ]{1,40} "\\", \\"done\\": true}"'
TEXT_TOKENS = 24
"""Length of a text; a model that cannot write would go on for ever."""


@dataclass
class Count:
    """What was compared, and what differed."""

    sounds: int = 0
    utterances: int = 0
    tokens: int = 0
    comparisons: int = 0
    different: list[str] = field(default_factory=list)
    drafted: int = 0
    accepted: int = 0
    partials: int = 0


def variants(names: Sequence[str]) -> Iterator[tuple[str, Speed]]:
    """Every switch on; each of `names` off; each alone."""
    yield "all on", Speed()
    for name in names:
        yield f"without {name}", replace(Speed(), **{name: False})
    for name in names:
        yield f"only {name}", replace(PLAIN, **{name: True})


def heard(engine: Engine, pcm: NDArray[np.float32], speed: Speed, count: Count) -> Tokens:
    """Final tokens of every utterance in a recording that is played at the speed of speech."""
    engine.speed = speed
    clock = SkippingClock()
    playback = Playback(pcm, clock)
    measured = MeasuredEngine(engine, clock, late_s=lambda: playback.late_s)
    for _ in listen(playback, measured, partial_every_ms=1_000, clock=clock.now_s):
        pass
    finals = [notes.final for notes in measured.notes if notes.final is not None]
    count.drafted += sum(final.timing.drafted for final in finals)
    count.accepted += sum(final.timing.accepted for final in finals)
    count.partials += sum(notes.partials for notes in measured.notes)
    return tuple(final.tokens for final in finals)


def recordings() -> Iterator[tuple[str, NDArray[np.float32]]]:
    """What ships with the source."""
    for path in sorted(Path("samples").glob("*.wav")):
        yield path.name, read_audio(path)


def held_out(count: int, snr_db: float) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """`count` set-aside texts of each kind by each voice."""
    speakers = Speakers()
    pools = {kind: texts.set_aside(kind, max(400, count)) for kind in KINDS} if count else {}
    for index, voice in enumerate((*cast.TRAINED, *cast.UNHEARD)):
        for kind, pool in pools.items():
            said = random.Random(f"{voice} {kind}").sample(pool, count)
            try:
                sounds = spoken(voice, said, speakers)
            except (OSError, subprocess.CalledProcessError) as problem:
                print(f"left out {voice}: {problem}", file=sys.stderr)
                break
            for i, pcm in enumerate(sounds):
                yield f"{voice} {kind} {i}", recorded(pcm, index * 1000 + i, snr_db)


def compare_hearing(engine: Engine, sounds: Iterator[tuple[str, NDArray[np.float32]]]) -> Count:
    """Every sound in every variant against the plain way."""
    count = Count()
    for name, pcm in sounds:
        plain = heard(engine, pcm, PLAIN, Count())
        count.sounds += 1
        count.utterances += len(plain)
        count.tokens += sum(map(len, plain))
        for title, speed in variants(HEARING):
            count.comparisons += 1
            if heard(engine, pcm, speed, count) != plain:
                count.different.append(f"{name}: {title}")
        if count.sounds % 20 == 0:
            print(f"{count.sounds} sounds, {len(count.different)} differences", file=sys.stderr)
    return count


def written(
    engine: Engine, writer: TextPass, text: str, speed: Speed, grammar: str | None
) -> tuple[int, ...]:
    """What the text pass writes behind a text; the prompt is prefilled ahead where the switch allows it."""
    engine.speed = speed
    writer.clear()
    writer.begin(writer.tokens(f"{text} Again: ", begins=True))
    while writer.prefill_some():
        pass
    original = writer.tokens(text)
    done = writer.answer(original[:2], originals=[original], grammar=grammar, max_tokens=TEXT_TOKENS)
    return done.tokens


def compare_writing(engine: Engine, count: int) -> Count:
    """Set-aside texts in every variant, with and without a grammar."""
    found = Count()
    writer = TextPass(engine)
    for kind in KINDS:
        for text in texts.set_aside(kind, count):
            for grammar in (None, GRAMMAR):
                plain = written(engine, writer, text, PLAIN, grammar)
                found.utterances += 1
                found.tokens += len(plain)
                for title, speed in variants(WRITING):
                    found.comparisons += 1
                    if written(engine, writer, text, speed, grammar) != plain:
                        found.different.append(f"{text!r}, {'grammar' if grammar else 'free'}: {title}")
    return found


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="bundled", help="a model of the catalogue or the path of a GGUF")
    parser.add_argument("--count", type=int, default=2, help="texts of each kind by each voice")
    parser.add_argument("--snr", type=float, default=35.0, help="signal to noise in dB")
    parser.add_argument("--texts", type=int, default=20, help="texts of each kind that are rewritten")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--json", type=Path, help="write the counts here")
    a = parser.parse_args()
    assert {field.name for field in fields(Speed)} == {*HEARING, *WRITING}, "a switch is compared nowhere"
    with Engine.open(find_model(a.model), n_threads=a.threads, text_ctx=1024) as engine:
        parts = {
            "recordings": compare_hearing(engine, recordings()),
            "held-out texts": compare_hearing(engine, held_out(a.count, a.snr)),
            "rewritten texts": compare_writing(engine, a.texts),
        }
        has_drafter = engine.mtp is not None
    print(this_machine().sentence())
    print(
        f"model {a.model}, {'with a drafter' if has_drafter else 'no drafter: the switch mtp does nothing'}"
    )
    for name, part in parts.items():
        drafts = (
            f"; {part.partials} partials; drafted {part.drafted}, accepted {part.accepted}"
            if part.drafted
            else ""
        )
        print(
            f"{name}: {part.utterances} answers ({part.tokens} tokens), {part.comparisons} comparisons, "
            f"{len(part.different)} differences{drafts}"
        )
        for line in part.different:
            print(f"  {line}")
    if a.json:
        data = {name: asdict(part) for name, part in parts.items()}
        a.json.write_text(json.dumps({"machine": this_machine().to_json(), **data}, indent=1), "utf-8")
    return int(any(part.different for part in parts.values()))


if __name__ == "__main__":
    sys.exit(main())
