"""An utterance as a microphone would give it: each piece not before its last sample was spoken."""

from __future__ import annotations

from collections.abc import Iterator

from engine.events import AudioChunk, Samples
from engine.frames import WINDOW_SAMPLES, samples_to_s
from voice_edit.bench.clock import BenchClock


class Playback:
    """An `engine.source.AudioSource` of one utterance. Pieces have 20 ms; nothing is ever dropped."""

    def __init__(self, samples: Samples, clock: BenchClock) -> None:
        """`samples`: float32[n] at 16 kHz."""
        self._samples = samples
        self._clock = clock
        self._closed = False
        self.began_s = 0.0
        """When sample 0 was spoken, on the clock."""
        self.late_s = 0.0
        """By how much the newest piece was taken later than it was there: whoever listens was busy."""
        self.worst_late_s = 0.0
        """The same, at worst."""

    def chunks(self) -> Iterator[AudioChunk]:
        """See `AudioSource`."""
        self.began_s = self._clock.now_s()
        for start in range(0, len(self._samples), WINDOW_SAMPLES):
            piece = self._samples[start : start + WINDOW_SAMPLES]
            spoken_s = self.moment_s(start + len(piece))
            self._clock.wait_until(spoken_s)
            self.late_s = self._clock.now_s() - spoken_s
            self.worst_late_s = max(self.worst_late_s, self.late_s)
            if self._closed:
                return
            yield AudioChunk(piece, start)

    def close(self) -> None:
        """See `AudioSource`."""
        self._closed = True

    def moment_s(self, sample: int) -> float:
        """When the sample before `sample` was spoken, on the clock."""
        return self.began_s + samples_to_s(sample)
