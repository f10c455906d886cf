"""What tests of the microphone share: takes that are read by a thread, and how alike two sounds are."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
from virtual_microphone import wait_for

from engine.microphone import Microphone, MicrophoneEvent, MicrophoneSource

Sound = npt.NDArray[np.float32]


class Heard:
    """Reads a take to its end in a thread."""

    def __init__(self, take: MicrophoneSource) -> None:
        self.take = take
        self.lengths: list[int] = []
        self.error: BaseException | None = None
        self._pieces: list[Sound] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def samples(self) -> int:
        return sum(self.lengths)

    def to_the_end(self) -> Sound:
        """All that came; fails if the take does not end, raises what it raised."""
        self._thread.join(30)
        assert not self._thread.is_alive(), "the take does not end"
        if self.error is not None:
            raise self.error
        return np.concatenate([np.empty(0, dtype=np.float32), *self._pieces])

    def wait_for_more(self, samples: int = 1600) -> None:
        """Until so much came after now."""
        already = self.samples
        wait_for(lambda: self.samples >= already + samples or self.error, "sound to come")

    def _read(self) -> None:
        try:
            for chunk in self.take.chunks():
                assert chunk.start_sample == self.samples
                self._pieces.append(chunk.samples)
                self.lengths.append(len(chunk.samples))
        except BaseException as error:
            self.error = error


class Told:
    """The events of a microphone."""

    def __init__(self) -> None:
        self.events: list[MicrophoneEvent] = []

    def __call__(self, event: MicrophoneEvent) -> None:
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def wait_for(self, kind: str, *, count: int = 1) -> MicrophoneEvent:
        """The `count`-th event of that kind, as soon as it comes."""

        def found() -> MicrophoneEvent | None:
            events = [event for event in self.events if event.kind == kind]
            return events[count - 1] if len(events) >= count else None

        event = wait_for(found, f"the microphone to tell “{kind}”; it told {self.kinds}")
        assert isinstance(event, MicrophoneEvent)
        return event


class Listening:
    """A microphone, a take and who reads it."""

    def __init__(self, device: str = "default", *, pre_roll_ms: int = 0) -> None:
        self.told = Told()
        self.microphone = Microphone(device, on_event=self.told)
        self.take = self.microphone.begin(pre_roll_ms=pre_roll_ms)
        self.heard = Heard(self.take)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.microphone.close()

    def to_the_end(self, tail_ms: float = 400) -> Sound:
        self.take.stop_after(tail_ms)
        return self.heard.to_the_end()


def find(said: Sound, heard: Sound) -> int:
    """Where in `heard` the sound `said` lies best."""
    assert len(heard) >= len(said), f"only {len(heard)} samples were heard of {len(said)}"
    size = 1 << (len(heard) + len(said)).bit_length()
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    return int(np.argmax(products[: len(heard) - len(said) + 1]))


def likeness(said: Sound, heard: Sound) -> tuple[float, float, float]:
    """Correlation of what was said with what was heard of it: the whole, its first and its last 100 ms."""
    at = find(said, heard)
    there = heard[at : at + len(said)]
    parts = [slice(None), slice(1600), slice(-1600, None)]
    whole, first, last = (float(np.corrcoef(there[part], said[part])[0, 1]) for part in parts)
    return whole, first, last
