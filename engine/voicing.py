"""Is there a voice in it, as vocal folds make it: sound that repeats itself 70 to 400 times a second?

Asked only where a whole utterance is one word, which a click can be taken for. Whispering has none.
"""

from __future__ import annotations

import numpy as np

from engine.events import Samples
from engine.frames import SAMPLE_RATE

WINDOW = SAMPLE_RATE // 20
"""50 ms: at 70 Hz, three and a half periods."""
STEP = SAMPLE_RATE // 100
LAGS = range(SAMPLE_RATE // 400, SAMPLE_RATE // 70 + 2, 2)
SMOOTHING = np.ones(8) / 8
"""Applied twice: little above 1 kHz is left, where breath and hiss are."""
ALIKE = 0.8
"""Correlation of a stretch with itself one period later."""
LOUD = 0.01
"""Power against the loudest stretch: 20 dB below it."""
LONGEST = 3 * SAMPLE_RATE


def voiced_ms(samples: Samples) -> float:
    """The longest stretch in float32[n] (16 kHz; the first 3 s of it) that repeats itself, in milliseconds.

    A step of 10 ms counts where 50 ms from it on are as loud as the rest and like themselves a period later.
    """
    sound = np.asarray(samples[:LONGEST], dtype=np.float64)
    if len(sound) < WINDOW:
        return 0.0
    sound = np.convolve(np.convolve(sound - sound.mean(), SMOOTHING, "same"), SMOOTHING, "same")
    stretches = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::STEP]
    stretches = stretches - stretches.mean(axis=1, keepdims=True)
    power = np.einsum("ij,ij->i", stretches, stretches)
    if power.max() <= 0.0:
        return 0.0
    likeness = np.zeros(len(stretches))
    for lag in LAGS:
        before, after = stretches[:, :-lag], stretches[:, lag:]
        size = np.sqrt(np.einsum("ij,ij->i", before, before) * np.einsum("ij,ij->i", after, after))
        alike = np.einsum("ij,ij->i", before, after) / np.maximum(size, 1e-12)
        np.maximum(likeness, alike, out=likeness)
    longest = run = 0
    for voiced in (likeness > ALIKE) & (power > LOUD * power.max()):
        run = run + 1 if voiced else 0
        longest = max(longest, run)
    return 1000.0 * longest * STEP / SAMPLE_RATE
