"""How long llama.cpp, the projection and the voice detector compute, told apart from our own Python.

Functions are put before them that count the processor time of the calling thread. What an engine process
counts lies in a small file that both processes map, so that it can be read at any moment.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

CLOCK_FILE: Final = "VOICE_EDIT_BENCHMARK_CLOCK"
"""Environment variable with the file that a timed engine process counts in."""

NAMES: Final = ("llama", "projection", "batches")
"""Nanoseconds in `llama_decode`, nanoseconds in the matrix product, batches."""

MODEL_CALLS: Final = ("llama_decode", "llama_get_logits_ith", "llama_memory_seq_rm", "llama_memory_seq_cp")
"""llama.cpp's functions that are called while somebody speaks."""


def shared(path: Path) -> npt.NDArray[np.int64]:
    """The counters in that file, int64 in the order of `NAMES`. It is created where it is missing."""
    size = 8 * len(NAMES)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(fd, size)
        return np.frombuffer(mmap.mmap(fd, size), dtype=np.int64)
    finally:
        os.close(fd)


def timed(function: Callable[..., Any], counters: npt.NDArray[np.int64], at: int) -> Callable[..., Any]:
    """The same function, its processor time added to `counters[at]`."""

    def call(*arguments: Any, **named: Any) -> Any:
        began = time.thread_time_ns()
        try:
            return function(*arguments, **named)
        finally:
            counters[at] += time.thread_time_ns() - began

    return call


@contextmanager
def time_the_model(counters: npt.NDArray[np.int64]) -> Iterator[None]:
    """Count meanwhile what llama.cpp and the projection compute in this process."""
    from engine import llama
    from engine.projection import Projection

    functions = {name: getattr(llama.C, name) for name in MODEL_CALLS}
    project = Projection.project

    def decode(*arguments: Any) -> Any:
        counters[2] += 1
        return timed(functions["llama_decode"], counters, 0)(*arguments)

    for name, function in functions.items():
        setattr(llama.C, name, timed(function, counters, 0))
    llama.C.llama_decode = decode
    Projection.project = timed(project, counters, 1)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for name, function in functions.items():
            setattr(llama.C, name, function)
        Projection.project = project  # type: ignore[method-assign]


class TimedDetector:
    """WebRTC's detector inside ours, with a clock around it. Takes the place of `webrtcvad.Vad`."""

    def __init__(self, vad: Any) -> None:
        self.counters = np.zeros(1, dtype=np.int64)
        self.is_speech = timed(vad.is_speech, self.counters, 0)
