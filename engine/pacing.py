"""How often partial words may be computed: only in time that the sound does not need. Pure.

A machine that takes in sound just as fast as it comes shows no partial words at all; what is said is in the
model all the same, and the final words come as they would.
"""

from __future__ import annotations

from engine.frames import FRAME_SAMPLES, samples_to_s

SHARE = 0.5
"""Of the time that prefill leaves, at most this much goes into partial words."""

MOST_BUSY = 0.8
"""Where prefill takes more of the time than this, there are none."""

LONGEST_S = 0.5
"""A partial is given up after so long: it holds up what is said meanwhile by as much. As far as it came, it
is the draft of the next one, which comes further."""

HALF_LIFE_FRAMES = 50
"""What was measured is half forgotten after so much sound, 2 s."""


class Pacer:
    """Measures what sound and partial words cost on this machine, now."""

    def __init__(self) -> None:
        self._sound_s = 0.0
        self._work_s = 0.0
        self._cost_s = 0.0
        self._last_s: float | None = None

    @property
    def busy(self) -> float:
        """Seconds of prefill for a second of sound."""
        return self._work_s / self._sound_s if self._sound_s else 0.0

    def pushed(self, frames: int, seconds: float) -> None:
        """Taking in that many frames took `seconds`."""
        fade = 0.5 ** (frames / HALF_LIFE_FRAMES)
        self._sound_s = self._sound_s * fade + samples_to_s(frames * FRAME_SAMPLES)
        self._work_s = self._work_s * fade + seconds

    def computed(self, seconds: float, now_s: float) -> None:
        """Partial words took `seconds`, until now."""
        self._cost_s, self._last_s = seconds, now_s

    def is_too_long(self, began_s: float, now_s: float) -> bool:
        """Whether partial words that were begun at `began_s` are to be given up."""
        return now_s - began_s > LONGEST_S

    def allows(self, now_s: float) -> bool:
        """Whether there is time for partial words now."""
        if self.busy > MOST_BUSY:
            return False
        if self._last_s is None:
            return True
        if self._cost_s > 2 * LONGEST_S:
            # A single batch takes too long. Perhaps not for ever: something else may have made it slow.
            return now_s - self._last_s >= 20 * self._cost_s
        return now_s - self._last_s >= self._cost_s / (SHARE * (1.0 - self.busy))
