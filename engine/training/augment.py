"""What happens to a clean voice before the model hears it: speed, colour, room, noise, level.

Every function takes float32[n] at 16 kHz and a numpy generator. Time only changes in `play_faster`;
phone times follow its factor.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft

Samples = NDArray[np.float32]
SAMPLE_RATE = 16_000


def play_faster(x: Samples, factor: float) -> Samples:
    """Play `factor` times as fast; pitch and formants move along: another body, another voice."""
    if factor == 1.0:
        return x
    return soxr.resample(x, SAMPLE_RATE * factor, SAMPLE_RATE, quality="LQ").astype(np.float32, copy=False)


def colour(x: Samples, rng: np.random.Generator) -> Samples:
    """A random smooth equaliser, sometimes a narrow band as telephones and cheap microphones have."""
    n = len(x)
    size = fft.next_fast_len(n, real=True)
    spectrum = fft.rfft(x, size)
    hertz = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
    points = np.array([0, 120, 300, 700, 1500, 2500, 3500, 5000, 6500, 8000])
    gain_db = np.interp(
        hertz, points, rng.normal(0, 3.0, len(points)) + rng.normal(0, 1.0) * (points / 2000 - 1) * 3
    )
    kind = rng.random()
    if kind < 0.12:
        gain_db -= 40 * (hertz > 3500) + 30 * (hertz < 250)
    elif kind < 0.3:
        gain_db -= 40 * (hertz > rng.uniform(3200, 7500))
    return fft.irfft(spectrum * (10 ** (gain_db / 20)).astype(np.float32), size)[:n]


def room(x: Samples, rng: np.random.Generator) -> Samples:
    """Convolve with decaying noise: a made-up room of 0.1 to 0.45 s, direct sound well ahead."""
    seconds = rng.uniform(0.1, 0.45)
    length = int(seconds * SAMPLE_RATE)
    response = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    response *= rng.uniform(0.15, 0.7) / np.sqrt((response**2).sum())
    response[: int(0.002 * SAMPLE_RATE)] = 0
    response[0] = 1.0
    size = fft.next_fast_len(len(x) + length, real=True)
    wet = fft.irfft(fft.rfft(x, size) * fft.rfft(response.astype(np.float32), size), size)
    return wet[: len(x)]


def noise(x: Samples, rng: np.random.Generator, snr_db: float, babble: Samples | None = None) -> Samples:
    """Add white, coloured, humming or babbling noise at a ratio to the whole signal's power."""
    n, kind = len(x), rng.random()
    if babble is not None and kind < 0.15:
        made = np.resize(babble[::-1], n)
        snr_db = max(snr_db, 15.0)
    elif kind < 0.5:
        made = rng.standard_normal(n, np.float32)
    elif kind < 0.9:
        size = fft.next_fast_len(n, real=True)
        spectrum = fft.rfft(rng.standard_normal(size, np.float32))
        hertz = np.maximum(np.linspace(0, SAMPLE_RATE / 2, len(spectrum), dtype=np.float32), 40)
        made = fft.irfft(spectrum * (hertz / 1000) ** rng.uniform(-1.3, 0.4), size)[:n]
    else:
        t = np.arange(n) / SAMPLE_RATE
        base = rng.choice([50.0, 60.0])
        made = sum(
            np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) / k for k in range(1, 6)
        ) + 0.2 * rng.standard_normal(n, np.float32)
    level = np.sqrt((x**2).mean() + 1e-9) * 10 ** (-snr_db / 20)
    return (x + made * level / np.sqrt((made**2).mean() + 1e-9)).astype(np.float32)


def quantise(x: Samples, rng: np.random.Generator) -> Samples:
    """Scale to a random level, clip a little at times, round to 16 bit, dither as the engine does."""
    peak = 10 ** rng.uniform(-1.6, 0.05)
    y = np.clip(x * (peak / (np.abs(x).max() + 1e-6)), -1, 1)
    y = np.round(y * 32767) / 32768
    return (y + rng.uniform(-1e-4, 1e-4, len(y))).astype(np.float32)


def wordless(seconds: float, rng: np.random.Generator) -> Samples:
    """Sound without a word in it that may pass for speech: throbbing noise, clicks, hum, beeps."""
    n = int(seconds * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    kind = rng.random()
    if kind < 0.5:
        throb = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(1.5, 8) * t + rng.uniform(0, 6))
        made = noise(np.full(n, 1e-3, np.float32), rng, -30.0) * throb ** rng.uniform(0.5, 3)
    elif kind < 0.75:
        made = np.zeros(n)
        for at in rng.integers(0, n, max(1, int(seconds * rng.uniform(2, 9)))):
            length = int(rng.uniform(0.003, 0.04) * SAMPLE_RATE)
            click = rng.standard_normal(length) * np.exp(-6 * np.arange(length) / length)
            made[at : at + length] += click[: n - at]
    else:
        pitch = rng.uniform(90, 2500) * (
            1 + rng.uniform(0, 0.3) * np.sin(2 * np.pi * rng.uniform(0.3, 6) * t)
        )
        made = np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE) * (
            np.sin(2 * np.pi * rng.uniform(0.5, 4) * t) > -0.3
        )
    return (made / (np.abs(made).max() + 1e-6)).astype(np.float32)
