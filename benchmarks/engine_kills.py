"""`kill -9` of the engine process while somebody speaks: `python -m benchmarks.engine_kills --count 50`

Recordings are played at the speed of a microphone through voice detection, endpointing and the engine client,
as the daemon does it. At a random moment of the speech the engine process is killed. Each utterance must come
out with the words that it has when nobody is killed. Printed: how many were lost or changed, and what the
restart costs from the last sound of speech to the final words.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.catalog import find_model
from engine.client import EngineClient
from engine.events import Hypothesis
from engine.frames import SAMPLE_RATE
from engine.listening import listen
from engine.source import WavSource

SAMPLES = sorted((Path(__file__).parent.parent / "samples").glob("*.wav"))


def hear(client: EngineClient, path: Path, kill_at_s: float | None = None) -> list[Hypothesis]:
    """Play one recording; with `kill_at_s`, kill the process so many seconds after the first sound."""
    source = WavSource(path, paced=True)
    killer = None
    if kill_at_s is not None:
        killer = threading.Timer(kill_at_s, kill, [client])
        killer.start()
    heard = listen(source, client, partial_every_ms=1000)
    finals = [event for event in heard if isinstance(event, Hypothesis) and event.kind == "final"]
    if killer is not None:
        killer.join()
    return finals


def kill(client: EngineClient) -> None:
    """SIGKILL the process, as soon as there is one."""
    while client.pid is None:
        time.sleep(0.001)
    os.kill(client.pid, signal.SIGKILL)


def words(finals: list[Hypothesis]) -> list[tuple[str, tuple[int, ...]]]:
    """What must not change."""
    return [(final.text, final.tokens) for final in finals]


def delays_ms(finals: list[Hypothesis]) -> list[float]:
    """From the last sound of speech to the final words."""
    times = [final.timing.time_to_final_s for final in finals]
    return [seconds * 1000 for seconds in times if seconds is not None]


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and worst."""
    return {
        "median": round(float(np.median(values)), 1),
        "p95": round(float(np.quantile(values, 0.95)), 1),
        "worst": round(max(values), 1),
    }


def run(client: EngineClient, count: int, rng: random.Random) -> dict[str, Any]:
    """Play and kill; what was found."""
    undisturbed = {path: hear(client, path) for path in SAMPLES}
    lost = changed = utterances = missed = 0
    disturbed: list[float] = []
    for _ in range(count):
        path = rng.choice(SAMPLES)
        expected = undisturbed[path]
        spoken = rng.choice(expected)
        kill_at_s = rng.uniform(spoken.start_sample, spoken.end_sample) / SAMPLE_RATE
        before = client.restarts
        heard = hear(client, path, kill_at_s)
        utterances += len(expected)
        lost += max(0, len(expected) - len(heard))
        changed += sum(a != b for a, b in zip(words(heard), words(expected), strict=False))
        missed += client.restarts == before
        disturbed += delays_ms(heard)
    return {
        "kills": count,
        "utterances": utterances,
        "utterances_lost": lost,
        "utterances_changed": changed,
        "kills_outside_an_open_utterance": missed,
        "end_of_speech_to_words_ms": {
            "undisturbed": spread([delay for finals in undisturbed.values() for delay in delays_ms(finals)]),
            "killed": spread(disturbed),
        },
    }


def main() -> None:
    """Parse arguments, kill, print JSON; exit code 1 if an utterance was lost or changed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    with EngineClient(find_model(a.model)) as client:
        found = run(client, a.count, random.Random(a.seed))
    print(json.dumps(found, indent=1))
    raise SystemExit(1 if found["utterances_lost"] or found["utterances_changed"] else 0)


if __name__ == "__main__":
    main()
