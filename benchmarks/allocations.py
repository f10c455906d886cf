"""Does memory grow with the frames, and how much is taken and given back for each? See `benchmarks.costs`.

The path of `one_thread` under tracemalloc, which sees what Python and numpy allocate, not what llama.cpp and
the voice detector do. Between two frames it is noted how much is held, and how much more than that was held
at most on the way: these are temporary arrays and objects.
"""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import one_thread
from benchmarks.one_thread import spread
from engine.catalog import ModelFiles
from engine.events import Samples
from engine.frames import FRAME_SAMPLES
from engine.session import Engine

WARM_FRAMES = 250
"""Ten seconds until every cache has what it will ever have."""


def run(files: ModelFiles, sound: Samples) -> dict[str, Any]:
    """Kilobytes held after each frame, and at most in it beyond what was held before."""
    with Engine.open(files) as engine, tempfile.TemporaryDirectory(prefix="voice-edit-costs-") as folder:
        return trace(engine, sound, Path(folder))


def trace(engine: Engine, sound: Samples, folder: Path, *, warm_frames: int = WARM_FRAMES) -> dict[str, Any]:
    """The same for an engine that is open; the first `warm_frames` are not counted."""
    frames_in_all = len(sound) // FRAME_SAMPLES
    held = np.zeros(frames_in_all, dtype=np.int64)
    most = np.zeros(frames_in_all, dtype=np.int64)

    def after_frame(frame: int) -> None:
        held[frame], most[frame] = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()

    gc.collect()
    tracemalloc.start()
    try:
        passed = one_thread.run(
            engine, np.zeros(3, dtype=np.int64), sound, folder, paced=False, after_frame=after_frame
        )
    finally:
        tracemalloc.stop()
    counted = held[warm_frames:]
    beyond = most[warm_frames:] - held[warm_frames - 1 : -1]
    third = max(1, len(counted) // 3)
    first, last = np.median(counted[:third]), np.median(counted[-third:])
    frames = [frame for frame in passed.frames[warm_frames:] if frame["pushed"]]
    return {
        "frames": len(counted),
        "frames_with_sound_for_the_model": len(frames),
        "held_kb": round(float(last) / 1024, 1),
        # The same phrases are said over and over: what is held goes up and down with them.
        "growth_bytes_per_frame": round(float(last - first) / max(1, len(counted) - third), 1),
        "temporary_kb_per_frame": spread([value / 1024 for value in beyond.tolist()]),
    }
