"""Rings of fixed memory: the last seconds of a source by position, and the way out of a device's callback."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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


class BlockRing:
    """Sound on its way out of a device's callback. One thread writes, one reads; neither ever waits.

    All memory is there from the beginning. Where the reader is too slow, new blocks are dropped and counted:
    what is already in the ring is never touched while it may be read.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        if capacity < 1 or channels < 1:
            raise ValueError(f"a ring needs room for a sample of a channel, not {capacity} of {channels}")
        self._blocks = np.zeros((capacity, channels), dtype=np.float32)
        self._capacity = capacity
        self._written = 0
        self._read = 0
        self.dropped = 0
        """Samples per channel that were lost: here, and for each loss that the device tells a block."""
        self.overflows = 0
        """How often something was lost."""

    @property
    def written(self) -> int:
        """Samples per channel that came in so far, dropped ones left out."""
        return self._written

    def write(self, block: npt.NDArray[np.float32], *, lost_before: bool = False) -> None:
        """Append float32[n, channels]. `lost_before`: the device says that it lost sound right before it."""
        samples = len(block)
        if lost_before:
            self.overflows += 1
            self.dropped += samples
        at = self._written % self._capacity
        if self._written + samples - self._read > self._capacity:
            self.overflows += 1
            self.dropped += samples
            return
        head = min(samples, self._capacity - at)
        self._blocks[at : at + head] = block[:head]
        self._blocks[: samples - head] = block[head:]
        self._written += samples

    def read(self) -> npt.NDArray[np.float32]:
        """What came since the last `release`, as a view float32[n, channels]; n may be 0. At the end of the
        ring's memory it stops short: read again after releasing."""
        at = self._read % self._capacity
        return self._blocks[at : at + min(self._written - self._read, self._capacity - at)]

    def release(self, samples: int) -> None:
        """The first `samples` of what `read` returned are no longer needed."""
        if not 0 <= samples <= self._written - self._read:
            raise ValueError(f"{samples} samples were not read")
        self._read += samples
