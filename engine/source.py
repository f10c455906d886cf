"""Where sound comes from: recordings and arrays, as fast as they are read or paced like a microphone.

A source hands over mono chunks at 16 kHz. What it holds is checked before the first chunk leaves, so that a
recording that cannot be heard is refused before anything has happened.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from engine.errors import AudioNotFinite
from engine.events import AudioChunk, Samples
from engine.frames import FRAME_SAMPLES, SAMPLE_RATE, ms_to_samples, samples_to_s
from engine.loudness import check_signal

__all__ = [
    "AudioSource",
    "Clock",
    "MonotonicClock",
    "PcmSource",
    "WavSource",
    "check_signal",
    "read_audio",
]


class AudioSource(Protocol):
    """Gives chunks of sound in order, without gaps, until it ends or is closed."""

    def chunks(self) -> Iterator[AudioChunk]:
        """The sound from its beginning. Each chunk starts where the one before ended."""
        ...

    def close(self) -> None:
        """Let go of the device or file; `chunks` ends soon. May be called from another thread, and twice."""
        ...


class Clock(Protocol):
    """Time for paced sources; tests bring one that need not wait."""

    def now_s(self) -> float:
        """Seconds that only grow."""
        ...

    def wait(self, seconds: float, closed: threading.Event) -> None:
        """Return after `seconds`, or as soon as `closed` is set."""
        ...


class MonotonicClock:
    """The machine's clock; waits asleep, not in a loop."""

    def now_s(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    def wait(self, seconds: float, closed: threading.Event) -> None:
        """See `Clock`."""
        closed.wait(seconds)


class _FiniteSource(ABC):
    """Cuts blocks of sound into chunks and, where asked to, gives each when a microphone would have."""

    def __init__(
        self, *, paced: bool, chunk_samples: int, trailing_silence_ms: float, clock: Clock | None
    ) -> None:
        if chunk_samples < 1:
            raise ValueError(f"a chunk needs at least one sample, not {chunk_samples}")
        if trailing_silence_ms < 0:
            raise ValueError(f"trailing silence cannot last {trailing_silence_ms} ms")
        self._paced = paced
        self._chunk_samples = chunk_samples
        self._trailing_samples = ms_to_samples(trailing_silence_ms)
        self._clock = clock or MonotonicClock()
        self._closed = threading.Event()
        self.worst_lag_s = 0.0
        """By how many seconds the latest chunk was late, because whoever reads is too slow. Nothing is
        dropped."""

    def chunks(self) -> Iterator[AudioChunk]:
        """See `AudioSource`. Every call begins anew. The last chunk may be shorter than the others.

        Paced, a chunk comes when its last sample would have been recorded, counted from the first request:
        deadlines are absolute, so neither waiting nor reading adds up to a drift.
        """
        position = 0
        began_s = self._clock.now_s()
        for samples in _cut(self._with_silence(), self._chunk_samples):
            if self._paced:
                self._wait_until(began_s + samples_to_s(position + len(samples)))
            if self._closed.is_set():
                return
            samples.flags.writeable = False
            yield AudioChunk(samples, position)
            position += len(samples)

    def close(self) -> None:
        """See `AudioSource`."""
        self._closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _blocks(self) -> Iterator[Samples]:
        """The sound in blocks of any length that are never written to again."""

    def _with_silence(self) -> Iterator[Samples]:
        yield from self._blocks()
        left = self._trailing_samples
        while left > 0:
            yield np.zeros(min(left, SAMPLE_RATE), dtype=np.float32)
            left -= SAMPLE_RATE

    def _wait_until(self, deadline_s: float) -> None:
        ahead_s = deadline_s - self._clock.now_s()
        if ahead_s > 0:
            self._clock.wait(ahead_s, self._closed)
        else:
            self.worst_lag_s = max(self.worst_lag_s, -ahead_s)


class WavSource(_FiniteSource):
    """A recording: WAV, FLAC, OGG or MP3 of any rate and any number of channels.

    It is read through once when the source is made, and refused then if nothing can be heard in it: see the
    `AudioError` tree. Memory does not grow with its length.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        paced: bool = False,
        chunk_samples: int = FRAME_SAMPLES,
        trailing_silence_ms: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        from engine import _soundfile

        super().__init__(
            paced=paced, chunk_samples=chunk_samples, trailing_silence_ms=trailing_silence_ms, clock=clock
        )
        self.path = Path(path)
        self._recipe = _soundfile.inspect(self.path)
        self.duration_s: float = self._recipe.seconds
        """How long the recording is, without trailing silence."""
        self.missing_s: float = self._recipe.missing_s
        """Seconds that its header promises and that are not there; 0 for a whole file."""
        self.cut_off: bool = self._recipe.cut_off
        """The end is missing, by an unknown length."""

    def what_is_missing(self) -> str:
        """One sentence for people on sound that should be there and is not, or ''."""
        if self.missing_s > 0:
            return f"{self.path} ends {self.missing_s:.1f} s before its header says; the rest is missing."
        return f"{self.path} was cut off: its end is missing." if self.cut_off else ""

    def _blocks(self) -> Iterator[Samples]:
        from engine import _soundfile

        return _soundfile.blocks(self._recipe)


class PcmSource(_FiniteSource):
    """An array of mono samples at 16 kHz: float in [-1, 1] or int16. Anything beyond [-1, 1] is clipped.

    Raises ValueError for another shape or type and AudioNotFinite for NaN; silence is allowed, unlike in
    files.
    """

    def __init__(
        self,
        samples: npt.NDArray[Any],
        *,
        paced: bool = False,
        chunk_samples: int = FRAME_SAMPLES,
        trailing_silence_ms: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            paced=paced, chunk_samples=chunk_samples, trailing_silence_ms=trailing_silence_ms, clock=clock
        )
        self._samples = _as_samples(samples)
        self.duration_s = samples_to_s(len(self._samples))
        """How long the array is, without trailing silence."""

    def _blocks(self) -> Iterator[Samples]:
        yield self._samples


def read_audio(path: str | Path) -> Samples:
    """A whole recording as float32[n], mono, 16 kHz, in [-1, 1]: exactly what `WavSource` gives in chunks.

    Raises the `AudioError` that says what is wrong with the file.
    """
    from engine import _soundfile

    return np.concatenate(list(_soundfile.blocks(_soundfile.inspect(Path(path)))))


def _as_samples(samples: npt.NDArray[Any]) -> Samples:
    if samples.ndim != 1:
        raise ValueError(f"samples must be mono with one dimension, not of shape {samples.shape}")
    if samples.dtype == np.int16:
        scaled: Samples = samples.astype(np.float32)
        scaled /= 32768.0
        return scaled
    if samples.dtype not in (np.float32, np.float64):
        raise ValueError(f"samples must be int16, float32 or float64, not {samples.dtype}")
    if not np.isfinite(samples).all():
        raise AudioNotFinite("the samples hold NaN or infinite values")
    clipped: Samples = np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False)
    return clipped


def _cut(blocks: Iterable[Samples], size: int) -> Iterator[Samples]:
    """Pieces of `size` samples as views of the blocks; only what spans two blocks is copied."""
    rest = np.empty(0, dtype=np.float32)
    for block in blocks:
        at = 0
        if len(rest):
            at = min(size - len(rest), len(block))
            rest = np.concatenate((rest, block[:at]))
            if len(rest) < size:
                continue
            yield rest
        while at + size <= len(block):
            yield block[at : at + size]
            at += size
        rest = block[at:]
    if len(rest):
        yield rest
