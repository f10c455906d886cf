"""When is a microphone lost, silent, or not worth waiting for any longer? Decisions; times are arguments."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from engine.errors import MicrophoneError, MicrophoneForbidden, PortAudioMissing
from engine.events import Samples
from engine.frames import samples_to_s
from engine.loudness import SILENT_SWING

FIRST_SOUND_S = 4.0
"""Devices need up to 0.7 s from being opened to their first sample (Bluetooth); much longer is never."""

STALL_S = 1.5
"""A device that ran and gives nothing for so long is gone, whatever the sound system says."""

SLEEP_S = 1.0
"""The machine slept if the clock that counts sleep went ahead of the other by more than this."""

SILENT_S = 1.0
"""So much digital silence is told while somebody talks: no microphone that works gives it."""

SILENT_AFTER_SOUND_S = 10.0
"""The same where there was sound before: noise gates give nothing at all between two sentences."""

SOUND_S = 0.2
"""Who gave so much sound works."""

OPENING_S = 1.2
"""How long a first opening is tried: somebody holds the key and waits."""

REOPENING_S = 15.0
"""How long a lost microphone is waited for: a restart of the sound system and a plug take a few seconds."""

FIRST_PAUSE_S = 0.1
"""Between the first two attempts to open; doubled from one to the next."""

LONGEST_WAITING_PAUSE_S = 1.0
"""Between attempts while somebody talks."""

LONGEST_IDLE_PAUSE_S = 30.0
"""Between attempts while nobody talks and the microphone is to be kept open."""


@dataclass(slots=True)
class StreamWatch:
    """Watches one stream from its opening on."""

    now_s: float
    """When the newest sound came, or the stream was opened."""
    slept_s: float
    """Seconds that the machine had slept by then, since any fixed moment."""
    samples: int = 0
    """Samples that had come by then."""

    def check(self, samples: int, now_s: float, slept_s: float) -> str:
        """Why the stream must be opened anew, for people, or ''. `samples` have come in all."""
        if slept_s - self.slept_s > SLEEP_S:
            return "the computer was asleep"
        if samples > self.samples:
            self.samples, self.now_s = samples, now_s
            return ""
        patience_s = STALL_S if self.samples else FIRST_SOUND_S
        return "no sound comes from it" if now_s - self.now_s > patience_s else ""


class SilenceWatch:
    """Counts how long nothing but digital silence came."""

    def __init__(self) -> None:
        self._silent_samples = 0
        self._sound_samples = 0
        self._level = 0.0
        self.heard = False
        """Whether there was ever anything else."""

    @property
    def silent_s(self) -> float:
        """Length of the digital silence that lasts until now, in seconds."""
        return samples_to_s(self._silent_samples)

    @property
    def _works(self) -> bool:
        """Whether there was more than the click with which a device begins."""
        return samples_to_s(self._sound_samples) >= SOUND_S

    @property
    def is_long(self) -> bool:
        """Whether it lasts long enough to be told."""
        return self.silent_s >= (SILENT_AFTER_SOUND_S if self._works else SILENT_S)

    def push(self, samples: Samples) -> bool:
        """Take what came; whether a long silence begins or ends with it."""
        if not len(samples):
            return False
        was_long = self.is_long
        low, high = float(np.minimum.reduce(samples)), float(np.maximum.reduce(samples))
        if max(high - self._level, self._level - low) > 2 * SILENT_SWING:
            self._level = float(samples[-1])
            self._silent_samples = 0
            self.heard = True
            self._sound_samples += len(samples)
        else:
            self._silent_samples += len(samples)
        return was_long != self.is_long

    def begin_anew(self) -> None:
        """The silence so far had a reason that is over."""
        self._silent_samples = 0


def gives_up_s(error: MicrophoneError, began_s: float, lost_s: float | None) -> float:
    """Until when a take waits for a microphone that could not be opened because of `error`.

    `began_s`: when the take began. `lost_s`: when the microphone that it heard already was lost, or None.
    """
    if isinstance(error, PortAudioMissing | MicrophoneForbidden):
        return began_s  # waiting mends neither
    return began_s + OPENING_S if lost_s is None else lost_s + REOPENING_S


def pause_s(attempts: int, *, somebody_waits: bool) -> float:
    """How long to wait after `attempts` + 1 failed attempts to open, in seconds."""
    longest_s = LONGEST_WAITING_PAUSE_S if somebody_waits else LONGEST_IDLE_PAUSE_S
    return min(FIRST_PAUSE_S * 2.0 ** min(attempts, 16), longest_s)


def machine_slept_s() -> float:
    """Seconds that this machine has slept since it was started; 0 where that is not known."""
    for awake, always in (("CLOCK_MONOTONIC", "CLOCK_BOOTTIME"), ("CLOCK_UPTIME_RAW", "CLOCK_MONOTONIC_RAW")):
        if hasattr(time, awake) and hasattr(time, always):  # Linux; macOS
            return time.clock_gettime(getattr(time, always)) - time.clock_gettime(getattr(time, awake))
    return 0.0
