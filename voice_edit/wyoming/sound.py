"""Sound that comes in pieces over a connection, as a source: heard while it arrives.

The connection pushes from the daemon's loop, the model's thread takes. What waits in between is bounded: who
pushes is told when there is too much, and stops reading, so that the other side waits too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import Cancelled
from engine.events import AudioChunk, Samples
from engine.frames import SAMPLE_RATE
from engine.resampling import Converter
from voice_edit.wyoming.reading import ProtocolError

MOST_WAITING = 30 * SAMPLE_RATE
"""Samples that may wait for the model: half a minute, 2 MB."""

RATES = range(8_000, 192_001)
CHANNELS = range(1, 9)
WIDTHS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Format:
    """How PCM lies in its bytes."""

    rate: int
    """Samples a second, per channel."""
    width: int
    """Bytes of a sample: unsigned for 1, signed little-endian for 2 and 4."""
    channels: int

    def __post_init__(self) -> None:
        """Raises ProtocolError for what cannot be heard."""
        for name, allowed in (("rate", RATES), ("width", WIDTHS), ("channels", CHANNELS)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
                raise ProtocolError(f"{name} {value!r} is not supported", "unsupported-audio")

    def samples(self, data: bytes) -> npt.NDArray[np.float32]:
        """float32[n, channels] in [-1, 1]. Raises ProtocolError for a part of a sample."""
        if len(data) % (self.width * self.channels):
            raise ProtocolError("a chunk ends inside a sample")
        if self.width == 1:
            sound = (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
        elif self.width == 2:
            sound = np.frombuffer(data, "<i2").astype(np.float32) / 32768.0
        else:
            sound = (np.frombuffer(data, "<i4") / 2147483648.0).astype(np.float32)
        return sound.reshape(-1, self.channels)


class PushedSource:
    """An `AudioSource` that is fed from outside. `push`, `end` and `close` may be called from any thread."""

    def __init__(self, form: Format, *, on_room: Callable[[], object] = lambda: None) -> None:
        """`on_room` is called, in the thread that hears, when `is_full` ends to be true."""
        self.form = form
        self._converter = Converter(form.rate, form.channels)
        self._changed = threading.Condition()
        self._waiting: deque[Samples] = deque()
        self._samples_waiting = 0
        self._on_room = on_room
        self._is_over = False
        self._is_closed = False
        self.pushed = 0
        """Samples of 16 kHz so far."""

    @property
    def is_full(self) -> bool:
        """Whether as much waits as may."""
        return self._samples_waiting >= MOST_WAITING

    def push(self, data: bytes) -> None:
        """Take PCM. Raises ProtocolError."""
        self._take(self._converter.push(self.form.samples(data)))

    def end(self) -> None:
        """That was all."""
        self._take(self._converter.flush())
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody wants the words any more: `chunks` raises Cancelled. May be called twice."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._samples_waiting = 0
            self._changed.notify_all()

    def chunks(self) -> Iterator[AudioChunk]:
        """See `AudioSource`. Once only. Raises Cancelled."""
        position = 0
        while True:
            with self._changed:
                while not self._waiting and not self._is_over and not self._is_closed:
                    self._changed.wait()
                if self._is_closed:
                    raise Cancelled("the other side has gone")
                if not self._waiting:
                    return
                samples = self._waiting.popleft()
                was_full = self.is_full
                self._samples_waiting -= len(samples)
                has_room = was_full and not self.is_full
            if has_room:
                self._on_room()
            yield AudioChunk(samples, position)
            position += len(samples)

    def _take(self, samples: Samples) -> None:
        if not len(samples):
            return
        with self._changed:
            if self._is_closed:
                return
            self._waiting.append(samples)
            self._samples_waiting += len(samples)
            self.pushed += len(samples)
            self._changed.notify_all()
