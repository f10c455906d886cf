"""A long recording in real time: `python -m benchmarks.soak --minutes 10`

Synthetic voices say sentences with pauses of all lengths, and now and then talk on without any. The
recording is played at the speed of a microphone through voice detection, endpointing and the model.
Printed: memory over time, samples recorded against samples played, utterances, words, and the delay from
the end of speech to the final words. Needs libespeak-ng1 and libflite1.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.hearing import plain
from engine.catalog import find_model
from engine.events import Hypothesis, Rejected, SpeechStarted, SpeechStopped
from engine.listening import listen
from engine.session import Engine
from engine.source import WavSource
from engine.training import texts
from engine.training.voices import Speakers

SAMPLE_RATE = 16_000
VOICES = ("espeak:en-us", "espeak:en-us+f2", "espeak:en-us+m3", "flite:rms", "flite:kal16")


def recording(path: Path, minutes: float, seed: int) -> list[str]:
    """Write a recording of at least `minutes` and return what is said in it."""
    rng, gen, speakers = random.Random(seed), np.random.default_rng(seed), Speakers()
    pool = texts.set_aside("sentence", 400)
    said: list[str] = []
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as out:

        def write(x: NDArray[np.float32]) -> None:
            out.write(x * 0.5 + gen.standard_normal(len(x), np.float32) * 2e-4)

        write(np.zeros(SAMPLE_RATE, np.float32))
        while out.tell() < minutes * 60 * SAMPLE_RATE:
            voice, talks_on = rng.choice(VOICES), rng.random() < 0.1
            for _ in range(8 if talks_on else rng.randint(1, 3)):
                said.append(rng.choice(pool))
                write(speakers.say(voice, said[-1], rate=1.0, pitch=0.5, pitch_range=0.5).samples)
                write(np.zeros(int((0.05 if talks_on else rng.uniform(0.2, 0.5)) * SAMPLE_RATE), np.float32))
            write(np.zeros(int(rng.uniform(0.8, 2.5) * SAMPLE_RATE), np.float32))
    return said


def resident_mb() -> float:
    """Memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def soak(engine: Engine, path: Path) -> dict[str, Any]:
    """Play the recording and return what was measured."""
    length = soundfile.info(path).frames
    recorded, memory, delays, words = 0, [], [], []
    utterances, longest, rejected, stopped = 0, 0.0, 0, {"pause": 0, "limit": 0, "end_of_source": 0}
    start, next_look = 0, 0.0

    def recorder(samples: NDArray[np.float32]) -> None:
        nonlocal recorded
        recorded += len(samples)

    source = WavSource(path, paced=True)
    began = time.monotonic()
    cpu = time.process_time()
    for event in listen(source, engine, recorder=recorder):
        match event:
            case SpeechStarted():
                utterances, start = utterances + 1, event.start_sample
            case SpeechStopped():
                stopped[event.reason] += 1
                longest = max(longest, (event.end_sample - start) / SAMPLE_RATE)
            case Hypothesis(kind="final"):
                words.append(event.text)
                if event.timing.time_to_final_s is not None:
                    delays.append(event.timing.time_to_final_s)
            case Rejected():
                rejected += 1
            case _:
                pass
        if time.monotonic() - began >= next_look:
            memory.append((round(time.monotonic() - began), round(resident_mb(), 1)))
            next_look += 30
    return {
        "seconds": round(time.monotonic() - began, 1),
        "processor_share": round((time.process_time() - cpu) / (time.monotonic() - began), 3),
        "samples_in_file": length,
        "samples_recorded": recorded,
        "worst_lag_ms": round(source.worst_lag_s * 1000, 1),
        "utterances": utterances,
        "longest_utterance_s": round(longest, 2),
        "stopped": stopped,
        "rejected": rejected,
        "end_of_speech_to_words_ms": {
            "median": round(float(np.median(delays)) * 1000, 1),
            "p95": round(float(np.quantile(delays, 0.95)) * 1000, 1),
        }
        if delays
        else None,
        "memory_mb": memory,
        "words": words,
    }


def main() -> None:
    """Parse arguments, record, play, print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Engine.open(find_model(a.model)) as engine:
        path = Path(folder, "long.wav")
        said = recording(path, a.minutes, a.seed)
        result = soak(engine, path)
    measured = jiwer.process_words(plain(" ".join(said)), plain(" ".join(result.pop("words"))) or "-")
    result |= {"words_said": sum(len(plain(s).split()) for s in said), "wer": round(measured.wer, 4)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
