"""What our own Python costs while somebody speaks. `python -m benchmarks.costs`

* stages: processor time per 40 ms frame, stage by stage, in one thread (see `one_thread`): once as fast as it
  goes, once at the speed of speech, where other programs have used the processor's caches meanwhile. What
  llama.cpp and WebRTC's detector compute stands apart; the projection's matrix product, done by numpy, is
  ours.
* threads: the same take through the real threads and a real engine process (see `frame_costs`): what the
  system needs to wake them is in it.
* allocations: the path in one thread under tracemalloc: does memory grow with the frames, and how much is
  taken for a frame and given back?
* memory: what daemon, engine process and terminal interface have in RAM.
* profile: the functions that take most of it, by cProfile on the thread's processor time.

Recordings of samples/ are played one after the other, with short pauses between them. Processor time is
that of this machine at this moment: with other programs on the same cores, caches are cold and all of it
takes up to three times as long. The machine's load is in the result.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import pstats
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import allocations, frame_costs, memory, one_thread
from benchmarks.c_clock import NAMES, time_the_model
from benchmarks.frame_costs import THREADS, Slot, Take
from benchmarks.one_thread import STAGES, spread
from engine.catalog import ModelFiles, find_model
from engine.events import Samples
from engine.frames import SAMPLE_RATE
from engine.session import Engine
from engine.source import read_audio
from voice_edit.bench.machine import this_machine

SAMPLES = sorted((Path(__file__).parent.parent / "samples").glob("*.wav"))
GAP_S = 0.3
"""Shorter than the hangover: the voice is back before the utterance would be over."""


def sound(seconds: float) -> Samples:
    """The recordings with short pauses, over and over, `seconds` long."""
    gap = np.random.default_rng(0).normal(0.0, 1e-4, int(GAP_S * SAMPLE_RATE)).astype(np.float32)
    parts: list[Samples] = []
    while sum(len(part) for part in parts) < seconds * SAMPLE_RATE:
        for path in SAMPLES:
            parts += [read_audio(path), gap]
    return np.concatenate(parts)[: int(seconds * SAMPLE_RATE)]


def by_thread(take: Take) -> dict[str, Any]:
    """Microseconds per frame, of the frames in which sound went to the model and of the others."""
    speaking = [slot for slot in take.slots if slot.pushed]
    silent = [slot for slot in take.slots if not slot.pushed]
    return {
        "frames": len(take.slots),
        "frames_with_sound_for_the_model": len(speaking),
        "slowest_began_late_by_ms": round(take.late_s * 1000, 1),
        "share_in_the_kernel": round(take.kernel_share, 2),
        "while_speaking": _table(speaking),
        "while_silent": _table(silent) if silent else None,
        "words_heard": sum(len(text.split()) for text in take.words),
    }


def _table(slots: list[Slot]) -> dict[str, Any]:
    frames = sum(slot.pushed for slot in slots) or len(slots)
    return {
        "ours_us": spread([slot.ours / 1000 for slot in slots]),
        "ours_without_projection_us": spread([(slot.ours - slot.projection) / 1000 for slot in slots]),
        "threads_us": {
            f"{name} ({what})": spread([slot.threads[name] / 1000 for slot in slots])
            for name, what in THREADS.items()
        },
        "not_ours_us": {
            "voice detector": spread([slot.detector / 1000 for slot in slots]),
            "llama.cpp": spread([slot.llama / 1000 for slot in slots]),
        },
        "projection_us": spread([slot.projection / 1000 for slot in slots]),
        "batches_per_frame": round(sum(slot.batches for slot in slots) / frames, 3),
    }


def by_stage(files: ModelFiles, heard: Samples) -> dict[str, Any]:
    """Microseconds per frame in which sound went to the model, by stage; hot and paced."""
    clock = np.zeros(len(NAMES), dtype=np.int64)
    found: dict[str, Any] = {"stages": STAGES}
    with (
        Engine.open(files) as engine,
        tempfile.TemporaryDirectory(prefix="voice-edit-costs-") as folder,
        time_the_model(clock),
    ):
        for name, paced in (("as_fast_as_it_goes", False), ("at_the_speed_of_speech", True)):
            passed = one_thread.run(engine, clock, heard, Path(folder), paced=paced)
            frames = [frame for frame in passed.frames if frame["pushed"]]
            found[name] = {
                "frames": len(frames),
                "ours_us": spread([one_thread.ours(frame) / 1000 for frame in frames]),
                "by_stage_us": one_thread.by_stage(frames),
                "words_heard": sum(len(text.split()) for text in passed.words),
            }
    return found


def profile(files: ModelFiles, heard: Samples, top: int = 25) -> list[str]:
    """The functions with most processor time of their own, as cProfile prints them."""
    clock = np.zeros(len(NAMES), dtype=np.int64)
    with Engine.open(files) as engine, tempfile.TemporaryDirectory(prefix="voice-edit-costs-") as folder:
        one_thread.run(engine, clock, heard[: 4 * SAMPLE_RATE], Path(folder), paced=False)
        profiler = cProfile.Profile(time.thread_time)
        profiler.runcall(one_thread.run, engine, clock, heard, Path(folder), paced=False)
    out = io.StringIO()
    pstats.Stats(profiler, stream=out).sort_stats("tottime").print_stats(top)
    root = f"{Path(__file__).parent.parent}/"
    lines = out.getvalue().replace(root, "").splitlines()
    return [re.sub(r"/\S*/(?:lib/python[\d.]+|site-packages)/", "", line) for line in lines if line.strip()]


def main() -> None:
    """Parse arguments, measure, print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {
        "stages": lambda: by_stage(files, sound(a.seconds)),
        "threads": lambda: by_thread(frame_costs.run(files, sound(a.seconds))),
        "allocations": lambda: allocations.run(files, sound(max(20.0, a.seconds))),
        "memory": lambda: memory.run(a.model),
        "profile": lambda: profile(files, sound(a.seconds)),
    }
    parser.add_argument("--seconds", type=float, default=60.0, help="of sound")
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--only", nargs="*", choices=list(parts), default=list(parts))
    a = parser.parse_args()
    files = find_model(a.model)
    result: dict[str, Any] = {"machine": this_machine().to_json(), "seconds": a.seconds}
    for name in a.only:
        result[name] = parts[name]()
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
