"""How soon may a take end after the key came up? `python -m benchmarks.release_tail`: words lost, time won.

Takes are cut as a release cuts them: at the end of the release tail (400 ms, the reference), or as soon as
all that was said until the release is there and the detector has heard nobody for QUIET ms
(`engine.release`). The model then gets the real sound so far, and zeros in the place of the rest of its tail.
Keys are released before, at and after the end of the voice.

First table: texts that training sets aside, in trained and in unheard voices (see `benchmarks.hearing`),
through detector, endpointing and the bundled model: words of the text that only the reference has and that
only the shorter take has, word errors of both, and how long the take went on after the release, median.
Second table: recordings of people (see `benchmarks.recordings`), without a model: takes whose last sound, by
the rule written there, lies after what is kept while the reference keeps it, and how much of it at worst.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import jiwer
import numpy as np
from numpy.typing import NDArray

from benchmarks import noises, recordings
from benchmarks.hearing import KINDS, plain, spoken
from benchmarks.noises import RATE, Sound
from engine.catalog import find_model
from engine.endpointing import hold_settings
from engine.events import Hypothesis
from engine.frames import WINDOW_SAMPLES, ms_to_samples, samples_to_ms
from engine.listening import listen, settings_for
from engine.release import is_said
from engine.session import Engine
from engine.source import PcmSource
from engine.training import cast, texts
from engine.training.voices import Speakers
from engine.vad import choose_detector

TAIL_MS = 400
QUIETS_MS = (120, 160, 200, 240)
RELEASES_MS = (-200, -100, 0, 150)
"""When the key comes up, counted from the end of the voice."""
BEFORE_S, AFTER_S = 0.6, 1.0
LOST = ms_to_samples(20)

CONDITIONS = {
    "quiet room": (-20.0, -60.0),
    "quiet voice": (-40.0, -66.0),
    "soft ends": (-20.0, -60.0),
    "noise, 15 dB": (-20.0, -35.0),
}
"""Level of the voice in its loudest half second, level of the pink noise around it, in dBFS."""


@dataclass
class Score:
    """What became of the takes of one condition with one quiet."""

    takes: int = 0
    words: int = 0
    lost: int = 0
    """Words that are right in the reference and not here."""
    gained: int = 0
    """Words that are right here and not in the reference."""
    changed: int = 0
    """Takes whose words are others."""
    errors: int = 0
    reference_errors: int = 0
    after_ms: list[float] = field(default_factory=list)
    """How long the take went on after the release."""
    examples: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Kept:
    """The same without a model."""

    takes: int = 0
    lost: int = 0
    worst_ms: float = 0.0
    after_ms: list[float] = field(default_factory=list)


def speech_flags(sound: Sound) -> NDArray[np.bool_]:
    """What the default detector says of each whole window."""
    detector = choose_detector("webrtc")
    whole = sound[: len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    return np.array([detector.is_speech(window) for window in whole], dtype=np.bool_)


def take_end(flags: Sequence[bool] | NDArray[np.bool_], released: int, *, quiet_ms: float | None) -> int:
    """First sample after a take whose key came up at sample `released`; None: after the whole tail."""
    last = released + ms_to_samples(TAIL_MS)
    if quiet_ms is None:
        return last
    speech_end, quiet = 0, ms_to_samples(quiet_ms)
    for index, is_speech in enumerate(flags):
        heard = (index + 1) * WINDOW_SAMPLES
        if heard >= last:
            break
        if is_speech:
            speech_end = heard
        if is_said(heard=heard, released=released, speech_end=speech_end, quiet=quiet):
            return heard
    return last


def voice_end(sound: Sound) -> int:
    """First sample after the last sound of a clean synthetic voice."""
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return int(loud[-1]) + 1


def in_room(sound: Sound, condition: str, rng: np.random.Generator) -> Sound:
    """A voice at its level, with silence before and after it, in noise."""
    voice_dbfs, noise_dbfs = CONDITIONS[condition]
    if condition == "soft ends":  # the last 200 ms trail off by 20 dB
        sound = sound.copy()
        end = voice_end(sound)
        span = min(end, ms_to_samples(200))
        sound[end - span : end] *= np.logspace(0, -1, span, dtype=np.float32)
    padded = np.concatenate([
        np.zeros(int(BEFORE_S * RATE), np.float32), noises.at_level(sound, voice_dbfs),
        np.zeros(int(AFTER_S * RATE), np.float32),
    ])  # fmt: skip
    noise = noises.pink(len(padded) / RATE, rng)[: len(padded)] * np.float32(10 ** (noise_dbfs / 20))
    made: Sound = np.clip(padded + noise, -1.0, 1.0).astype(np.float32)
    return made


def heard(engine: Engine, sound: Sound) -> str:
    """The words of a take, as a held key has them."""
    settings = hold_settings(settings_for(engine.profile))
    events = listen(PcmSource(sound), engine, settings=settings)
    return " ".join(one.text for one in events if isinstance(one, Hypothesis) and one.kind == "final")


def right_and_wrong(said: str, written: str) -> tuple[int, int]:
    """How many words of the text are there, and how many errors there are against it."""
    measures = jiwer.process_words(plain(said), plain(written) or "-")
    return int(measures.hits), int(measures.substitutions + measures.deletions + measures.insertions)


def judge(engine: Engine, sound: Sound, said: str, end: int, scores: dict[float, Score]) -> None:
    """Hear one take as it would be with every quiet and release."""
    flags = speech_flags(sound)
    words: dict[int, str] = {}

    def words_until(sample: int) -> str:
        if sample not in words:
            words[sample] = heard(engine, sound[:sample])
        return words[sample]

    for release_ms in RELEASES_MS:
        released = end + ms_to_samples(release_ms)
        reference = words_until(take_end(flags, released, quiet_ms=None))
        for quiet_ms, score in scores.items():
            sample = take_end(flags, released, quiet_ms=quiet_ms)
            shorter = words_until(sample)
            right, errors = right_and_wrong(said, shorter)
            reference_right, reference_errors = right_and_wrong(said, reference)
            lost = max(0, reference_right - right)
            score.takes += 1
            score.words += reference_right
            score.lost += lost
            score.gained += max(0, right - reference_right)
            score.changed += plain(reference) != plain(shorter)
            score.errors += errors
            score.reference_errors += reference_errors
            score.after_ms.append(samples_to_ms(sample - released))
            if lost:
                score.examples.append((f"{release_ms:+d} ms: {said}", reference, shorter))


def measured_words(
    engine: Engine, voices: Sequence[str], count: int
) -> Iterator[tuple[str, str, dict[float, Score]]]:
    """Yield (voice, condition, scores by quiet)."""
    speakers = Speakers()
    for index, voice in enumerate(voices):
        said = [text for kind in KINDS for text in texts.set_aside(kind, 400)[index * count :][:count]]
        try:
            sounds = spoken(voice, said, speakers)
        except (OSError, subprocess.CalledProcessError) as problem:
            print(f"left out {voice}: {problem}", file=sys.stderr)
            continue
        for number, condition in enumerate(CONDITIONS):
            scores = {float(quiet): Score() for quiet in QUIETS_MS}
            for i, (text, sound) in enumerate(zip(said, sounds, strict=True)):
                rng = np.random.default_rng([index, number, i])
                end = int(BEFORE_S * RATE) + voice_end(sound)
                judge(engine, in_room(sound, condition, rng), text, end, scores)
            yield voice, condition, scores


def measured_people() -> Iterator[tuple[str, dict[float, Kept]]]:
    """Yield (condition, scores by quiet) of people's recordings."""
    pool, missing = recordings.find()
    if missing:
        print("left out, because they are not installed:", *missing, file=sys.stderr)
    for number, (condition, (voice_dbfs, noise_dbfs)) in enumerate(CONDITIONS.items()):
        if condition == "soft ends":
            continue
        scores = {float(quiet): Kept() for quiet in QUIETS_MS}
        for i, one in enumerate(pool):
            rng = np.random.default_rng([number, i])
            gain = 10 ** (voice_dbfs / 20) / recordings.speech_rms(one)
            end = int(BEFORE_S * RATE) + one.speech[-1][1]
            sides = [np.zeros(int(s * RATE), np.float32) for s in (BEFORE_S, AFTER_S)]
            padded = np.concatenate([sides[0], one.samples * np.float32(gain), sides[1]])
            noise = noises.pink(len(padded) / RATE, rng)[: len(padded)] * np.float32(10 ** (noise_dbfs / 20))
            flags = speech_flags(np.clip(padded + noise, -1.0, 1.0).astype(np.float32))
            for release_ms in RELEASES_MS:
                released = end + ms_to_samples(release_ms)
                reference = take_end(flags, released, quiet_ms=None)
                for quiet_ms, kept in scores.items():
                    sample = take_end(flags, released, quiet_ms=quiet_ms)
                    missing_samples = min(end, reference) - sample
                    kept.takes += 1
                    kept.after_ms.append(samples_to_ms(sample - released))
                    if missing_samples > LOST:
                        kept.lost += 1
                        kept.worst_ms = max(kept.worst_ms, samples_to_ms(missing_samples))
        yield condition, scores


def added(one: Score, other: Score) -> Score:
    """Both together."""
    return Score(**{name: getattr(one, name) + getattr(other, name) for name in asdict(one)})


def markdown(words: dict[str, dict[float, Score]], people: dict[str, dict[float, Kept]]) -> str:
    """Both tables; a cell for each quiet."""
    quiets = list(QUIETS_MS)
    head = " | ".join(f"{quiet} ms" for quiet in quiets)
    lines = [
        "Right words lost / gained (errors / of the reference), take's length after the release, median ms",
        "",
        f"| condition | words | {head} |",
        "|---|---|" + "---|" * len(quiets),
    ]
    for name, row in words.items():
        cells = [
            f"{s.lost} / {s.gained} ({s.errors} / {s.reference_errors}), {median(s.after_ms):.0f}"
            for s in row.values()
        ]
        lines.append(f"| {name} | {next(iter(row.values())).words} | {' | '.join(cells)} |")
    lines += [
        "", "Takes of people that lose sound (worst ms), take's length after the release, median ms", "",
        f"| condition | takes | {head} |", "|---|---|" + "---|" * len(quiets),
    ]  # fmt: skip
    for name, kept in people.items():
        cells = [f"{s.lost} ({s.worst_ms:.0f}), {median(s.after_ms):.0f}" for s in kept.values()]
        lines.append(f"| {name} | {next(iter(kept.values())).takes} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--count", type=int, default=4, help="texts of each kind a voice")
    parser.add_argument("--voices", nargs="*", help="instead of all, as synthesiser:voice")
    parser.add_argument("--json", type=Path, help="write every number and example here")
    a = parser.parse_args()
    voices = a.voices or [*cast.TRAINED, *cast.UNHEARD]
    people = dict(measured_people())
    words: dict[str, dict[float, Score]] = {}
    with Engine.open(find_model(a.model), n_threads=1) as engine:
        for voice, condition, scores in measured_words(engine, voices, a.count):
            print(voice, condition, {quiet: one.lost for quiet, one in scores.items()}, file=sys.stderr)
            for quiet, one in scores.items():
                for example in one.examples:
                    print(f"    {quiet:g} ms:", *example, sep="\n      ", file=sys.stderr)
            held = words.setdefault(condition, {quiet: Score() for quiet in scores})
            words[condition] = {quiet: added(held[quiet], one) for quiet, one in scores.items()}
    print(markdown(words, people))
    if a.json:
        data = {
            "words": {name: {str(q): asdict(s) for q, s in row.items()} for name, row in words.items()},
            "people": {name: {str(q): asdict(s) for q, s in row.items()} for name, row in people.items()},
        }
        a.json.write_text(json.dumps(data, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
