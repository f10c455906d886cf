"""What does it cost to have the model in another process? `python -m benchmarks.engine_process`

Every recording of samples/ is heard by the engine in this process and by the client of an engine process: the
tokens must be the same. Frames are pushed at the speed of a microphone. Printed, in milliseconds: how long a
push and the wait for the final words take the caller with either, and how long the process needs to be ready.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine_kills import SAMPLES
from engine.catalog import find_model
from engine.client import EngineClient
from engine.events import Hypothesis
from engine.frames import FRAME_SAMPLES, SAMPLE_RATE
from engine.session import Engine
from engine.source import read_audio
from engine.speech import SpeechEngine


def frames_of(path: Path) -> NDArray[np.float32]:
    """Whole frames of a recording."""
    samples = read_audio(path)
    return samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def paced(frames: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """One frame after the other, each when its sound would be over."""
    began = time.monotonic()
    for i, frame in enumerate(frames):
        time.sleep(max(0.0, began + (i + 1) * FRAME_SAMPLES / SAMPLE_RATE - time.monotonic()))
        yield frame[None]


def hear(
    engine: SpeechEngine, frames: NDArray[np.float32], pushes_ms: list[float], waits_ms: list[float]
) -> Hypothesis:
    """Push at the speed of speech and finish; note how long each took."""
    session = engine.session()
    for frame in paced(frames):
        began = time.perf_counter()
        session.push(frame)
        pushes_ms.append((time.perf_counter() - began) * 1000)
    began = time.perf_counter()
    words = session.finish()
    waits_ms.append((time.perf_counter() - began) * 1000)
    return words


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and worst."""
    at = {"median": 0.5, "p95": 0.95, "worst": 1.0}
    return {name: round(float(np.quantile(values, q)), 3) for name, q in at.items()}


def ready_ms(client: EngineClient) -> float:
    """From the wish for an engine process to one that has loaded."""
    client.unload()
    began = time.perf_counter()
    client.preload()
    while client.state.state != "ready":
        time.sleep(0.001)
    return (time.perf_counter() - began) * 1000


def measure(client: EngineClient, engine: Engine, rounds: int) -> dict[str, Any]:
    """Everything."""
    took: dict[str, tuple[list[float], list[float]]] = {"client": ([], []), "in_process": ([], [])}
    same = heard = 0
    starts = [ready_ms(client) for _ in range(10)]
    for _ in range(rounds):
        for path in SAMPLES:
            frames = frames_of(path)
            answers = {
                name: hear(which, frames, *took[name])
                for name, which in (("client", client), ("in_process", engine))
            }
            heard += 1
            same += (
                len({(words.tokens, words.confidence, words.text) for words in answers.values()}) == 1
                and len(answers["client"].tokens) > 0
            )
    return {
        "recordings_heard": heard,
        "identical_tokens_and_confidence": same,
        "push_of_a_frame_ms": {name: spread(pushes) for name, (pushes, _) in took.items()},
        "wait_for_the_final_ms": {name: spread(waits) for name, (_, waits) in took.items()},
        "start_until_ready_ms": spread(starts),
        "process_rss_mb": round((client.rss_bytes() or 0) / 1e6, 1),
    }


def main() -> None:
    """Parse arguments, measure, print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", default="bundled")
    a = parser.parse_args()
    files = find_model(a.model)
    with EngineClient(files) as client, Engine.open(files) as engine:
        print(json.dumps(measure(client, engine, a.rounds), indent=1))


if __name__ == "__main__":
    main()
