"""Sounds made of numbers: a voice that says syllables, and the noises that must not be taken for one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 16_000

Sound = npt.NDArray[np.float32]


def silence(ms: float, rate: int = RATE) -> Sound:
    return np.zeros(round(ms * rate / 1000), dtype=np.float32)


def voice(ms: float, *, peak: float = 0.3, pitch_hz: float = 120.0, rate: int = RATE) -> Sound:
    """Syllables of 250 ms: a buzz with the resonances of an open vowel, swelling and fading."""
    t = np.arange(round(ms * rate / 1000)) / rate
    phase = 2 * np.pi * pitch_hz * (t + 0.002 * np.sin(2 * np.pi * 3 * t))
    sound = np.zeros_like(t)
    for harmonic in range(1, int(min(4000, rate / 2 - 200) / pitch_hz)):
        hz = harmonic * pitch_hz
        loud = sum(
            gain / (1 + ((hz - centre) / width) ** 2)
            for centre, width, gain in ((700, 90, 1.0), (1200, 110, 0.7), (2600, 160, 0.3))
        )
        sound += loud * np.sin(harmonic * phase)
    sound *= np.sin(np.pi * 4 * t) ** 2 + 0.02
    return (peak * sound / np.abs(sound).max()).astype(np.float32)


def tone(ms: float, *, hz: float = 440.0, peak: float = 0.3, rate: int = RATE) -> Sound:
    t = np.arange(round(ms * rate / 1000)) / rate
    return (peak * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def noise(ms: float, *, dbfs: float = -30.0, slope: float = 0.0, seed: int = 1, rate: int = RATE) -> Sound:
    """Steady noise whose power falls with frequency to the power of `slope`: 0 white, 1 pink, 2 brown."""
    samples = round(ms * rate / 1000)
    hz = np.fft.rfftfreq(samples, 1 / rate)
    hz[0] = hz[1]
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples)) * hz ** (-slope / 2)
    return _at_level(np.fft.irfft(spectrum, samples), dbfs)


def band_noise(ms: float, low_hz: float, high_hz: float, *, dbfs: float = -30.0, seed: int = 1) -> Sound:
    samples = round(ms * RATE / 1000)
    hz = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    return _at_level(np.fft.irfft(spectrum, samples), dbfs)


def fan(ms: float, *, dbfs: float = -30.0, seed: int = 1) -> Sound:
    return _at_level(
        band_noise(ms, 80, 500, seed=seed) + 0.3 * noise(ms, slope=1.0, seed=seed + 1).astype(np.float64),
        dbfs,
    )


def hum(ms: float, *, dbfs: float = -30.0) -> Sound:
    """Mains hum of 50 Hz with all its odd harmonics."""
    t = np.arange(round(ms * RATE / 1000)) / RATE
    return _at_level(np.sign(np.sin(2 * np.pi * 50 * t)), dbfs)


def mix(*sounds: Sound) -> Sound:
    """All at once; shorter ones end earlier. Clipped like a converter would."""
    total = np.zeros(max(map(len, sounds)), dtype=np.float32)
    for sound in sounds:
        total[: len(sound)] += sound
    return np.clip(total, -1.0, 1.0)


def _at_level(sound: npt.NDArray[np.floating], dbfs: float) -> Sound:
    return np.clip(sound / np.std(sound) * 10 ** (dbfs / 20), -1.0, 1.0).astype(np.float32)
