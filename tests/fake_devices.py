"""A microphone and an engine for tests of the daemon that need no sound and no model."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fakes import ScriptedEngine

from engine.client import EngineState
from engine.events import AudioChunk, Samples
from engine.microphone import MicrophoneEvent
from engine.source import read_audio

SPEECH = Path(__file__).parent.parent / "samples" / "07-dictate.wav"


def speech() -> Samples:
    """Somebody says a sentence: what the voice detector takes for speech. What follows is no pause yet."""
    return read_audio(SPEECH)[: 16_000 * 33 // 10]


def silence(seconds: float = 1.0) -> Samples:
    """A quiet room."""
    noise = np.random.default_rng(0).normal(0.0, 1e-4, int(16_000 * seconds))
    return noise.astype(np.float32)


class FakeSource:
    """What was said until `stop_after` or `close`."""

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[Samples | None] = queue.SimpleQueue()
        self._position = 0
        self._over = False
        self.tail_ms: float | None = None
        self.closed = threading.Event()

    def hear(self, samples: Samples) -> None:
        for start in range(0, len(samples), 640):
            self._chunks.put(samples[start : start + 640])

    def chunks(self) -> Iterator[AudioChunk]:
        while not self._over:
            samples = self._chunks.get()
            if samples is None or self.closed.is_set():
                self._over = True
                return
            yield AudioChunk(samples, self._position)
            self._position += len(samples)

    def stop_after(self, tail_ms: float) -> None:
        self.tail_ms = tail_ms
        self._chunks.put(None)

    def close(self) -> None:
        self.closed.set()
        self._chunks.put(None)

    def problem(self) -> None:
        """Nothing is wrong with it."""


class FakeMicrophone:
    """Gives what the test says; `failure` is raised instead of opening."""

    def __init__(self, on_event: Callable[[MicrophoneEvent], None] | None = None) -> None:
        self.sources: list[FakeSource] = []
        self.failure: Exception | None = None
        self.state = "closed"
        self.device_name = "Fake Microphone"
        self.problem = None
        self.on_event = on_event or (lambda event: None)

    def begin(self, *, pre_roll_ms: int = 0) -> FakeSource:
        if self.failure is not None:
            raise self.failure
        self.sources.append(FakeSource())
        return self.sources[-1]

    def hear(self, samples: Samples) -> None:
        """Somebody says something into the newest take."""
        self.sources[-1].hear(samples)

    @contextmanager
    def quiet_room(self) -> Iterator[None]:
        """Silence keeps coming, as it does from a microphone: whoever waits for a moment of it finds one."""
        over = threading.Event()

        def breathe() -> None:
            while not over.wait(0.01):
                self.hear(silence(0.08))

        thread = threading.Thread(target=breathe)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def close(self) -> None:
        for source in self.sources:
            source.close()


class FakeEngineClient(ScriptedEngine):
    """Hears what was enqueued, in a process that is not there."""

    def __init__(self, on_state: Callable[[EngineState], None] | None = None) -> None:
        super().__init__()
        self.loads = 0
        self.unloads = 0
        self.cancelled = 0
        self.restarts = 0
        self.pid: int | None = None
        self.state = EngineState("unloaded")

    def preload(self) -> None:
        self.loads += 1

    def unload(self, *, wait_s: float = 5.0) -> bool:
        self.unloads += 1
        return True

    def cancel(self) -> None:
        self.cancelled += 1

    def rss_bytes(self) -> int | None:
        return None

    def close(self, **_: Any) -> None:
        self.closed = True


def hissed(sound: Samples) -> Samples:
    """The same as if whispered: as loud at each moment, and without vocal folds."""
    loudness = np.sqrt(np.convolve(sound**2, np.ones(320) / 320, "same"))
    hiss = np.random.default_rng(0).normal(0.0, 1.0, len(sound))
    return (loudness * hiss).astype(np.float32)
