"""Sound goes to disk first: a source is read by a thread of its own, so that neither the device nor the
recording ever waits for the model.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from engine.errors import FallenBehind
from engine.events import AudioChunk, Samples
from engine.frames import SAMPLE_RATE, samples_to_s
from engine.source import AudioSource

MOST_BEHIND_S = 1800.0
"""Half an hour, 115 MB: whoever is so far behind will never catch up. The recording goes on to that point."""

CLOSE_S = 5.0
"""How long `close` waits for a recorder that is just writing."""


class RecordingSource:
    """An `AudioSource` that hands on the chunks of another one after they were recorded.

    Reading begins when it is made. Every chunk goes to `recorder` before it can be had here. An error of the
    source or of the recorder ends `chunks` in its place: what was recorded before it is given first.
    """

    def __init__(self, source: AudioSource, recorder: Callable[[Samples], None]) -> None:
        self._source = source
        self._recorder = recorder
        self._chunks: queue.SimpleQueue[AudioChunk | BaseException | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._ended = False
        self.recorded_samples = 0
        """How many went to the recorder so far."""
        self.given_samples = 0
        """How many of them were read here."""
        self._thread = threading.Thread(target=self._pump, name="recording", daemon=True)
        self._thread.start()

    @property
    def behind_s(self) -> float:
        """Seconds of sound that were recorded and not read yet."""
        return samples_to_s(self.recorded_samples - self.given_samples)

    def chunks(self) -> Iterator[AudioChunk]:
        """See `AudioSource`. A second call goes on where the first stopped. Raises what the source or the
        recorder raised, and FallenBehind."""
        while not self._ended:
            chunk = self._chunks.get()
            if isinstance(chunk, AudioChunk):
                if self._closed.is_set():
                    return
                self.given_samples += len(chunk.samples)
                yield chunk
                continue
            self._ended = True
            if chunk is not None and not self._closed.is_set():
                raise chunk

    def stop_after(self, tail_ms: float) -> None:
        """The speaker stopped: see `MicrophoneSource.stop_after`. A source that cannot do that is closed."""
        stop_after: Any = getattr(self._source, "stop_after", None)
        if stop_after is None:
            self._source.close()
        else:
            stop_after(tail_ms)

    @property
    def released_sample(self) -> int | None:
        """See `HeldSource`."""
        sample: int | None = getattr(self._source, "released_sample", None)
        return sample

    def enough(self) -> None:
        """See `HeldSource`. What came already is still recorded."""
        enough: Any = getattr(self._source, "enough", None)
        if enough is None:
            self._source.close()
        else:
            enough()

    def close(self) -> None:
        """See `AudioSource`. When it returns, the recorder is not called any more."""
        self._closed.set()
        self._source.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pump(self) -> None:
        try:
            for chunk in self._source.chunks():
                if self._closed.is_set():
                    break
                self._recorder(chunk.samples)
                self.recorded_samples += len(chunk.samples)
                self._chunks.put(chunk)
                if self.recorded_samples - self.given_samples > MOST_BEHIND_S * SAMPLE_RATE:
                    raise FallenBehind(f"{self.behind_s:.0f} s of sound wait to be heard")
        except BaseException as error:
            self._chunks.put(error)
            self._source.close()
        else:
            self._chunks.put(None)
