"""Does it write words where nobody spoke? `python -m benchmarks.inventions`: 200 recordings without a voice.

Steady noise of several colours, hum, throbbing noise, clicks and beeps, at levels from a whisper to loud,
each through voice detection, endpointing and the model. Printed: what was written, and which layer refused
the rest. Every second take comes from the generator that also makes the training's wordless sound.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from engine.catalog import find_model
from engine.errors import AudioError
from engine.events import Hypothesis, Rejected
from engine.listening import listen
from engine.session import Engine
from engine.source import PcmSource
from engine.training import augment

SAMPLE_RATE = 16_000


def take(index: int) -> NDArray[np.float32]:
    """A recording of 2 to 6 s without a word."""
    rng = np.random.default_rng(index)
    seconds = rng.uniform(2, 6)
    peak = 10 ** rng.uniform(-2.2, -0.1)
    if index % 2:
        sound = augment.wordless(seconds, rng)
    else:
        sound = augment.noise(np.full(int(seconds * SAMPLE_RATE), 1e-3, np.float32), rng, -40.0)
        sound /= np.abs(sound).max()
    floor = rng.standard_normal(len(sound), np.float32) * np.float32(1e-4)
    return sound * np.float32(peak) + floor


def main() -> None:
    """Listen and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--model", default="bundled")
    a = parser.parse_args()
    refused, written = Counter[str](), []
    with Engine.open(find_model(a.model)) as engine:
        for index in range(a.count):
            try:
                for event in listen(PcmSource(take(100_000 + index)), engine):
                    if isinstance(event, Hypothesis) and event.kind == "final":
                        written.append((index, event.text, round(event.confidence or 0.0, 2)))
                    elif isinstance(event, Rejected):
                        refused[event.message.split(" (")[0].split(" in these")[0]] += 1
            except AudioError as error:
                refused[error.code] += 1
    print(json.dumps({"takes": a.count, "written": written, "refused": refused}, indent=1))


if __name__ == "__main__":
    main()
