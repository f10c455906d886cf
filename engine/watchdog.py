"""When does an engine process count as hung? Pure: how long was waited is an argument."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an engine process is waited for, in seconds, and how often it is replaced."""

    start_s: float = 60.0
    """Without a sign of life while it loads: linking the libraries of a GPU from a cold disk stops it all."""
    silent_s: float = 15.0
    """Without a sign of life while there is work later on: it is stopped, or starved."""
    stuck_s: float = 120.0
    """With signs of life, but not one block prefilled or token decoded: its driver hangs. The slowest machine
    that is of any use takes a few seconds for a block."""
    load_s: float = 900.0
    """For loading the model."""
    losses: int = 3
    """Processes that one utterance may cost; then its sound is what is wrong, or the machine."""

    @property
    def beat_s(self) -> float:
        """How often a sign of life is wanted."""
        return min(1.0, self.silent_s / 4)


class Watchdog:
    """Watches one process from its start. While nothing is asked of it, nothing is expected, however long.

    Time is counted in the waits for it, at most two beats each: a daemon that was itself stopped, or a
    machine that slept, cannot tell how long the process had.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sent = 0
        self._done = 0
        self._steps = 0
        self._has_loaded = False
        self._silent_s = 0.0
        self._stuck_s = 0.0

    @property
    def is_expecting(self) -> bool:
        """Whether there is work that it has not said to have done."""
        return not self._has_loaded or self._done < self._sent

    def timeout_s(self) -> float | None:
        """How long to wait for it before `waited` must be called; None for ever."""
        return self._limits.beat_s if self.is_expecting else None

    def sent(self) -> None:
        """It was sent a message that it will count as done."""
        if not self.is_expecting:
            self._silent_s = self._stuck_s = 0.0
        self._sent += 1

    def loaded(self) -> None:
        """It has said that its model is loaded."""
        self._has_loaded = True
        self._stuck_s = 0.0

    def beat(self, done: int, steps: int) -> None:
        """It has said how many messages are done, and how many steps in all."""
        if (done, steps) != (self._done, self._steps):
            self._stuck_s = 0.0
        self._done, self._steps = done, steps

    def waited(self, waited_s: float, *, was_heard: bool) -> str:
        """It was waited for, and said something or not. Why it counts as hung, for people, or ''."""
        if not self.is_expecting:
            return ""
        counted_s = min(waited_s, 2 * self._limits.beat_s)
        self._stuck_s += counted_s
        self._silent_s = 0.0 if was_heard else self._silent_s + counted_s
        limits = self._limits
        if self._silent_s > (limits.silent_s if self._has_loaded else limits.start_s):
            return f"gave no sign of life for {self._silent_s:.0f} s"
        if self._stuck_s > (limits.stuck_s if self._has_loaded else limits.load_s):
            return f"did not get on for {self._stuck_s:.0f} s"
        return ""
