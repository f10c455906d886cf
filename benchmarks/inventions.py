"""Does it write words where nobody spoke? `python -m benchmarks.inventions`: 200 takes without a word.

Steady noise of several colours, hum, throbbing noise, clicks, beeps; typing, mouth clicks, doors, knocks, a
bad plug, radio static, breathing, music, voices far away and speech played backwards, which the bundled model
was not trained to refuse; digital silence and an idle input. From a whisper to loud, each through voice
detection, endpointing and the model. Printed as JSON: what was written, which layer refused the rest, and
what each kind came to. `takes` gives the same takes to whoever wants to play them through a microphone.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import noises
from benchmarks.noises import RATE, Sound
from engine.catalog import find_model
from engine.endpointing import hold_settings
from engine.errors import AudioError
from engine.events import Hypothesis, Rejected
from engine.listening import listen, settings_for
from engine.session import Engine
from engine.source import PcmSource, WavSource
from engine.training import augment
from engine.vad import choose_detector

SAMPLES = Path(__file__).parent.parent / "samples"

LEVELS_DBFS = (-50.0, -8.0)
"""The loudest half second of a take lies between these."""

FAR_DBFS = (-55.0, -38.0)
"""The same for voices that nobody speaks into this microphone: behind a wall, from a neighbour's radio."""


def takes(count: int, seed: int = 1) -> Iterator[tuple[str, Sound]]:
    """`count` takes of 2 to 6 s without a word: the kind of noise, and float32[n] at 16 kHz.

    Kinds take turns, so that any 20 takes in a row hold nearly all of them. The same seed gives the same
    takes.
    """
    voices = [_recording(path) for path in sorted(SAMPLES.glob("*.wav"))]
    for index, kind in enumerate(itertools.islice(itertools.cycle(KINDS), count)):
        rng = np.random.default_rng([seed, index])
        yield kind, take(kind, rng, voices)


def take(kind: str, rng: np.random.Generator, voices: list[Sound]) -> Sound:
    """One take of a kind, on the hiss of an idle input."""
    seconds = rng.uniform(2, 6)
    n = int(seconds * RATE)
    level = rng.uniform(*LEVELS_DBFS)
    far = rng.uniform(*FAR_DBFS)
    hiss = rng.standard_normal(n, np.float32) * np.float32(1e-4)
    if kind == "digital silence":
        return np.zeros(n, dtype=np.float32)
    if kind == "idle input":
        return hiss
    if kind == "trained wordless":
        sound = noises.at_level(augment.wordless(seconds, rng), level)
    elif kind == "trained noise":
        sound = noises.at_level(augment.noise(np.full(n, 1e-3, np.float32), rng, -40.0), level)
    elif kind == "voices far away":
        sound = noises.at_level(noises.babble(seconds, rng, voices, reverb_s=0.6), far)
    elif kind == "speech backwards":
        sound = noises.at_level(noises.backwards(seconds, rng, voices), far)
    else:
        sound = noises.at_level(MAKERS[kind](seconds, rng), level)
    return np.clip(sound[:n] + hiss[: len(sound)], -1.0, 1.0)


MAKERS = noises.STEADY | noises.SUDDEN | noises.VOICELIKE
KINDS = (
    *MAKERS, "voices far away", "speech backwards", "trained wordless", "trained noise", "digital silence",
    "idle input",
)  # fmt: skip


def _recording(path: Path) -> Sound:
    return np.concatenate([chunk.samples for chunk in WavSource(path).chunks()])


def main() -> None:
    """Listen and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--detector", choices=["webrtc", "silero"], default="webrtc")
    parser.add_argument("--hold", action="store_true", help="listen as while a key is held")
    a = parser.parse_args()
    written: list[dict[str, object]] = []
    refused, by_kind = Counter[str](), {kind: Counter[str]() for kind in KINDS}
    with Engine.open(find_model(a.model)) as engine:
        settings = settings_for(engine.profile)
        settings = hold_settings(settings) if a.hold else settings
        for index, (kind, sound) in enumerate(takes(a.count, a.seed)):
            outcomes = Counter[str]()
            try:
                events = listen(
                    PcmSource(sound), engine, settings=settings, detector=choose_detector(a.detector)
                )
                for event in events:
                    if isinstance(event, Hypothesis) and event.kind == "final":
                        confidence = round(event.confidence or 0.0, 2)
                        written.append(
                            {"take": index, "kind": kind, "text": event.text, "confidence": confidence}
                        )
                        outcomes["written"] += 1
                    elif isinstance(event, Rejected):
                        outcomes[_layer(event)] += 1
            except AudioError as error:
                outcomes[error.code] += 1
            if not outcomes:
                outcomes["NOTHING SAID"] += 1
            refused += outcomes
            by_kind[kind] += outcomes
    report = {"takes": a.count, "written": written, "refused": refused, "by_kind": by_kind}
    print(json.dumps(report, indent=1))


def _layer(event: Rejected) -> str:
    """Who refused it, in a few words."""
    if event.reason != "no-speech":
        return event.reason
    for words, layer in (
        ("nobody speaks", "no onset"),
        ("above the noise", "too little above the noise"),
        ("only clicks", "clicks"),
        ("sure of", "model unsure"),
        ("no words", "model silent"),
    ):
        if words in event.message:
            return layer
    return event.message


if __name__ == "__main__":
    main()
