"""Time for benchmarks: real time, or time in which nobody waits.

A benchmark of live sound spends nearly all of its time waiting for sound. `SkippingClock` leaves the waits
out and nothing else: work takes the time that it really takes, and what would have arrived meanwhile has
arrived. What differs from real time: caches and cores do not cool down between two frames.
"""

from __future__ import annotations

import time
from typing import Protocol


class BenchClock(Protocol):
    """Seconds that only grow."""

    @property
    def asleep_s(self) -> float:
        """How long was really waited so far."""
        ...

    def now_s(self) -> float:
        """The time on this clock."""
        ...

    def wait_until(self, moment_s: float) -> None:
        """Return when it is `moment_s`; at once if that is past."""
        ...


class RealClock:
    """The machine's own; waits asleep."""

    def __init__(self) -> None:
        self.asleep_s = 0.0

    def now_s(self) -> float:
        """See `BenchClock`."""
        return time.monotonic()

    def wait_until(self, moment_s: float) -> None:
        """See `BenchClock`."""
        began_s = time.monotonic()
        if moment_s > began_s:
            time.sleep(moment_s - began_s)
            self.asleep_s += time.monotonic() - began_s


class SkippingClock:
    """Runs with the machine's while something is done, and jumps where somebody would wait."""

    def __init__(self) -> None:
        self.asleep_s = 0.0
        self._skipped_s = 0.0

    def now_s(self) -> float:
        """See `BenchClock`."""
        return time.monotonic() + self._skipped_s

    def wait_until(self, moment_s: float) -> None:
        """See `BenchClock`."""
        self._skipped_s += max(0.0, moment_s - self.now_s())
