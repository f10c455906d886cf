"""Is there enough signal to listen to? Pure checks on numbers, shared by files and arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import AudioEmpty, AudioNotFinite, AudioSilent, AudioTooQuiet, AudioTooShort
from engine.events import Samples
from engine.frames import SAMPLE_RATE, WINDOW_SAMPLES, samples_to_s

SHORTEST_S = 0.1
"""The shortest word, said fast, takes longer."""

SILENT_SWING = 1.5 / 32768
"""A 16-bit sample that never leaves its value by more than one step is digital silence with dither at
most."""

TOO_QUIET_DBFS = -50.0
"""If not even the loudest 20 ms reach this, the detector hears fragments at best. Speech peaks at -35 to
-10."""

LOUD_ENOUGH = 10.0 ** (TOO_QUIET_DBFS / 10.0)
"""The same as a mean square: what is louder need not be measured any more."""


def mean(samples: Samples) -> np.floating[Any]:
    """What `samples.mean()` computes, without the Python around it: that would take five times as long for a
    window."""
    total: np.floating[Any] = np.add.reduce(samples)
    return total / len(samples)


def power(samples: Samples) -> float:
    """Mean square of float32[n] around its mean; n > 0."""
    sound = samples - mean(samples)
    return float(np.dot(sound, sound)) / len(samples)


@dataclass(frozen=True, slots=True)
class Loudness:
    """What decides whether a recording can be listened to."""

    seconds: float
    """How long it is."""
    swing: float
    """Half the distance between the lowest and the highest sample; a constant offset does not count."""
    loudest_power: float
    """Mean square, around the mean, of the loudest 20 ms."""


def check_loudness(measured: Loudness, name: str) -> None:
    """Raise AudioTooShort, AudioSilent or AudioTooQuiet, naming the recording, if there is nothing to
    hear."""
    if measured.seconds < SHORTEST_S:
        raise AudioTooShort(f"{name}: {measured.seconds * 1000:.0f} ms is too short for a word")
    if measured.swing <= SILENT_SWING:
        raise AudioSilent(f"{name}: digital silence, the samples never change in {measured.seconds:.1f} s")
    loudest = 10.0 * math.log10(max(measured.loudest_power, 1e-10))
    if loudest < TOO_QUIET_DBFS:
        raise AudioTooQuiet(
            f"{name}: too quiet, its loudest 20 ms are at {loudest:.0f} dBFS; speech reaches -35 and more"
        )


def check_signal(samples: Samples, name: str = "the recording") -> None:
    """Raise the AudioError that fits if nothing can be heard in `samples` (mono, 16 kHz); `name` goes into
    it.

    AudioEmpty, AudioNotFinite, AudioTooShort, AudioSilent or AudioTooQuiet. Whether it is a *voice* that
    can be heard is for `vad` and `endpointing` to say.
    """
    if len(samples) == 0:
        raise AudioEmpty(f"{name}: no samples in it")
    finite = np.isfinite(samples)
    if not finite.all():
        second = samples_to_s(int(np.argmin(finite)))
        raise AudioNotFinite(f"{name}: a sample at {second:.3f} s is not a number (NaN or infinite)")
    whole = len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES
    windows = samples[:whole].reshape(-1, WINDOW_SAMPLES).astype(np.float64)
    loudest = float(windows.var(axis=1).max()) if whole else 0.0
    swing = (float(samples.max()) - float(samples.min())) / 2
    check_loudness(Loudness(len(samples) / SAMPLE_RATE, swing, loudest), name)
