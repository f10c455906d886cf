"""The last seconds of a source, addressed by the position of each sample. Memory is fixed."""

from __future__ import annotations

import numpy as np

from engine.events import Samples


class SampleRing:
    """Keeps the newest `capacity` samples of a stream. Positions count from the stream's first sample."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a ring needs room for at least one sample, not {capacity}")
        # Each sample is written twice, one capacity apart, so that any stretch lies in one piece.
        self._samples = np.zeros(2 * capacity, dtype=np.float32)
        self._capacity = capacity
        self._end = 0

    @property
    def end(self) -> int:
        """Position after the newest sample: how many were pushed."""
        return self._end

    @property
    def start(self) -> int:
        """Position of the oldest sample that is still here."""
        return max(0, self._end - self._capacity)

    def push(self, samples: Samples) -> None:
        """Append samples, forgetting the oldest."""
        capacity = self._capacity
        first = self._end + max(0, len(samples) - capacity)
        kept = samples[-capacity:] if len(samples) > capacity else samples
        at = first % capacity
        head = min(len(kept), capacity - at)
        for base in (0, capacity):
            self._samples[base + at : base + at + head] = kept[:head]
            self._samples[base : base + len(kept) - head] = kept[head:]
        self._end += len(samples)

    def read(self, start: int, end: int) -> Samples:
        """The samples [start, end) as a view that is valid until the next push.

        Raises LookupError where some of them are forgotten or have not been pushed yet.
        """
        if not self.start <= start <= end <= self._end:
            raise LookupError(f"[{start}, {end}) is not within [{self.start}, {self._end})")
        at = start % self._capacity
        return self._samples[at : at + end - start]
