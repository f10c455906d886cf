"""Noises that rooms, devices and people make, at 16 kHz: shared by the benchmarks and by tests.

Every maker takes seconds and a numpy generator and gives float32[n] whose loudest half second has a root mean
square of 1; `at_level` brings it to a level. Those made of voices take recordings of speech as well. They
are made of numbers, so that everybody gets the same ones, and each is drawn anew: no two are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Maker = Callable[[float, np.random.Generator], Sound]

RATE = 16_000


def loudest_rms(sound: Sound) -> float:
    """Root mean square of the loudest half second (of all, if shorter)."""
    size = min(len(sound), RATE // 2)
    sums = np.concatenate(([0.0], np.cumsum(sound.astype(np.float64) ** 2)))
    return float(np.sqrt((sums[size:] - sums[:-size]).max() / size + 1e-20))


def at_level(sound: Sound, dbfs: float) -> Sound:
    """Scaled so that its loudest half second is at `dbfs`, and clipped as a converter would."""
    return np.clip(sound * np.float32(10 ** (dbfs / 20) / loudest_rms(sound)), -1.0, 1.0)


# --- steady ---------------------------------------------------------------------------------------------


def coloured(seconds: float, rng: np.random.Generator, slope: float) -> Sound:
    """Steady noise whose power falls with frequency to the power of `slope`: 0 white, 1 pink, 2 brown."""
    n = _samples(seconds)
    hertz = np.fft.rfftfreq(n, 1 / RATE)
    spectrum = np.fft.rfft(rng.standard_normal(n)) * np.maximum(hertz, 20.0) ** (-slope / 2)
    return _unit(np.fft.irfft(spectrum, n))


def white(seconds: float, rng: np.random.Generator) -> Sound:
    """The hiss of a cheap input."""
    return coloured(seconds, rng, 0.0)


def pink(seconds: float, rng: np.random.Generator) -> Sound:
    """A room's own noise."""
    return coloured(seconds, rng, 1.0)


def brown(seconds: float, rng: np.random.Generator) -> Sound:
    """Traffic behind a window."""
    return coloured(seconds, rng, 2.0)


def hum(seconds: float, rng: np.random.Generator) -> Sound:
    """Mains hum with its harmonics up to 3 kHz, in random strength and phase, slowly beating."""
    t = _time(seconds)
    base = rng.choice([50.0, 60.0]) * (1 + 2e-4 * np.sin(2 * np.pi * 0.2 * t))
    phase = 2 * np.pi * np.cumsum(base) / RATE
    total = np.zeros_like(t)
    for harmonic in range(1, 50):
        loud = rng.uniform(0.2, 1.0) / harmonic ** rng.uniform(0.4, 1.2)
        total += loud * np.sin(harmonic * phase + rng.uniform(0, 6.28))
    return _unit(total + 0.02 * rng.standard_normal(len(t)))


def fan(seconds: float, rng: np.random.Generator) -> Sound:
    """Blades: a low band of noise that swells with each blade, and their whine."""
    t = _time(seconds)
    blades = rng.uniform(30, 120)
    low = _band(rng.standard_normal(len(t)), 60, 700)
    swell = 1 + 0.3 * np.sin(2 * np.pi * blades / 4 * t + 0.5 * np.sin(2 * np.pi * 0.3 * t))
    whine = sum(np.sin(2 * np.pi * blades * k * t + rng.uniform(0, 6)) / k for k in range(1, 6))
    return _unit(low / low.std() * swell + 0.3 * whine + 0.4 * coloured(seconds, rng, 1.0))


# --- sudden ---------------------------------------------------------------------------------------------


def keyboard(seconds: float, rng: np.random.Generator) -> Sound:
    """Typing: bursts of key strokes, each a click of the switch, a thud of the case and a click back up."""
    total, at = np.zeros(_samples(seconds)), rng.uniform(0.05, 0.4)
    while at < seconds:
        loud = rng.uniform(0.4, 1.0)
        down = _click(rng, rng.uniform(2, 6), rng.uniform(1800, 4500)) * loud
        thud = _ring(rng, rng.uniform(15, 40), rng.uniform(150, 500)) * loud * rng.uniform(0.2, 0.7)
        up = _click(rng, rng.uniform(1, 4), rng.uniform(2500, 6000)) * loud * rng.uniform(0.2, 0.6)
        for sound, when in ((down, at), (thud, at + 0.002), (up, at + rng.uniform(0.05, 0.12))):
            _put(total, sound, when)
        at += rng.uniform(0.08, 0.25) if rng.random() < 0.85 else rng.uniform(0.4, 1.2)
    return _unit(total)


def mouth(seconds: float, rng: np.random.Generator) -> Sound:
    """Lips and tongue close to the microphone: small wet clicks, some in pairs, and smacks."""
    total, at = np.zeros(_samples(seconds)), rng.uniform(0.1, 0.6)
    while at < seconds:
        for _ in range(rng.integers(1, 4)):
            _put(total, _ring(rng, rng.uniform(4, 25), rng.uniform(900, 3200)) * rng.uniform(0.3, 1.0), at)
            at += rng.uniform(0.02, 0.09)
        at += rng.uniform(0.3, 1.5)
    return _unit(total)


def door(seconds: float, rng: np.random.Generator) -> Sound:
    """A door: a creak perhaps, the slam, and the room after it."""
    total, at = np.zeros(_samples(seconds)), rng.uniform(0.4, max(0.5, seconds - 1.0))
    if rng.random() < 0.5:
        t = np.arange(int(0.35 * RATE)) / RATE
        pitch = np.cumsum(rng.uniform(300, 700) * (1 + 0.4 * t)) / RATE
        _put(total, np.sign(np.sin(2 * np.pi * pitch)) * 0.05 * np.sin(np.pi * t / 0.35), max(0.0, at - 0.4))
    t = np.arange(int(0.6 * RATE)) / RATE
    bang = _band(rng.standard_normal(len(t)), 30, 900) * np.exp(-t / rng.uniform(0.03, 0.08))
    ring = np.sin(2 * np.pi * rng.uniform(60, 140) * t) * np.exp(-t / 0.1)
    _put(total, bang / np.abs(bang).max() + 0.7 * ring, at)
    _put(total, _click(rng, 8, 2500) * 0.4, at + rng.uniform(0.02, 0.06))
    return _unit(total)


def thumps(seconds: float, rng: np.random.Generator) -> Sound:
    """The desk or the microphone is touched: low knocks and the rub of fingers."""
    total, at = np.zeros(_samples(seconds)), rng.uniform(0.1, 0.6)
    while at < seconds:
        _put(total, _ring(rng, rng.uniform(40, 120), rng.uniform(50, 180)) * rng.uniform(0.4, 1.0), at)
        if rng.random() < 0.4:
            t = np.arange(int(rng.uniform(0.1, 0.4) * RATE)) / RATE
            rub = _band(rng.standard_normal(len(t)), 400, 3000) * np.sin(np.pi * t / t[-1])
            _put(total, 0.2 * rub / np.abs(rub).max(), at + 0.05)
        at += rng.uniform(0.15, 1.0)
    return _unit(total)


def dc_jumps(seconds: float, rng: np.random.Generator) -> Sound:
    """A bad plug: the offset jumps and creeps back."""
    total, at = np.zeros(_samples(seconds)), rng.uniform(0.1, 0.5)
    while at < seconds:
        t = np.arange(_samples(seconds) - int(at * RATE)) / RATE
        _put(total, rng.uniform(-1, 1) * np.exp(-t / rng.uniform(0.02, 0.5)), at)
        at += rng.uniform(0.1, 0.9)
    return _unit(total)


def static(seconds: float, rng: np.random.Generator) -> Sound:
    """A radio between stations: noise in bursts of a syllable's length, with crackle and whistles."""
    n, t = _samples(seconds), _time(seconds)
    total = 0.1 * _band(rng.standard_normal(n), 300, 3400)
    at = rng.uniform(0.05, 0.4)
    while at < seconds:
        length = rng.uniform(0.03, 0.5)
        burst = _band(rng.standard_normal(int(length * RATE)), rng.uniform(200, 800), rng.uniform(2500, 7000))
        _put(total, burst / burst.std() * rng.uniform(0.3, 1.0), at)
        at += length + rng.uniform(0.03, 0.6)
    crackle = (rng.random(n) < 5e-4) * rng.standard_normal(n) * 3
    whistle = 0.2 * np.sin(2 * np.pi * np.cumsum(1200 + 600 * np.sin(2 * np.pi * 0.4 * t)) / RATE)
    return _unit(total + crackle + whistle * (rng.random() < 0.5))


# --- like a voice ---------------------------------------------------------------------------------------


def breathing(seconds: float, rng: np.random.Generator) -> Sound:
    """In and out at the microphone: noise shaped by the mouth, without a voice."""
    total, at = np.zeros(_samples(seconds)), rng.uniform(0.0, 0.5)
    inward = rng.random() < 0.5
    while at < seconds:
        t = np.arange(int(rng.uniform(0.5, 1.4) * RATE)) / RATE
        centre = rng.uniform(900, 1800) if inward else rng.uniform(400, 1100)
        air = _band(rng.standard_normal(len(t)), centre / 2, centre * 3)
        _put(total, air / air.std() * np.abs(np.sin(np.pi * t / t[-1])) ** 1.5 * (0.6 if inward else 1.0), at)
        at += t[-1] + rng.uniform(0.1, 0.8)
        inward = not inward
    return _unit(total + 0.01 * rng.standard_normal(len(total)))


def music(seconds: float, rng: np.random.Generator) -> Sound:
    """Notes and chords with overtones, struck or swelling, some with vibrato."""
    total, at = np.zeros(_samples(seconds)), rng.uniform(0.0, 0.3)
    root, beat = rng.uniform(110, 330), rng.uniform(0.15, 0.7)
    while at < seconds:
        t = np.arange(int(beat * rng.choice([1, 1, 2, 3]) * RATE)) / RATE
        struck = np.exp(-t / rng.uniform(0.1, 0.6)) if rng.random() < 0.6 else np.sin(np.pi * t / t[-1])
        wobble = 0.004 * np.sin(2 * np.pi * 5.5 * t) * (rng.random() < 0.4)
        steps = rng.choice([0, 2, 4, 5, 7, 9, 11, 12], size=rng.integers(1, 4), replace=False)
        for step in steps:
            phase = 2 * np.pi * np.cumsum(root * 2 ** (step / 12) * (1 + wobble)) / RATE
            note = sum(np.sin(k * phase) / k ** rng.uniform(0.8, 2) for k in range(1, 8))
            _put(total, note * struck * (1 - np.exp(-t / 0.004)), at)
        at += t[-1]
    return _unit(total)


def beeps(seconds: float, rng: np.random.Generator) -> Sound:
    """A device that wants attention: pure or square tones on and off, dialling tones among them."""
    total, at = np.zeros(_samples(seconds)), rng.uniform(0.1, 0.5)
    on, off, square = rng.uniform(0.06, 0.6), rng.uniform(0.05, 0.5), rng.random() < 0.3
    while at < seconds:
        t = np.arange(int(on * RATE)) / RATE
        pair = rng.choice([697, 770, 852, 941]), rng.choice([1209, 1336, 1477])
        tone = sum(np.sin(2 * np.pi * hz * t) for hz in pair)
        _put(total, (np.sign(tone) if square else tone) * np.minimum(1, np.minimum(t, t[::-1]) / 0.005), at)
        at += on + off
    return _unit(total)


def babble(
    seconds: float,
    rng: np.random.Generator,
    voices: Sequence[Sound],
    *,
    speakers: int = 6,
    reverb_s: float = 0.3,
) -> Sound:
    """Many people at once in a room: nobody can be understood."""
    n = _samples(seconds)
    total = np.zeros(n)
    for _ in range(speakers):
        line = np.zeros(0, dtype=np.float32)
        while len(line) < n + RATE:
            voice = voices[rng.integers(len(voices))]
            line = np.concatenate(
                [line, at_level(voice, -20.0), np.zeros(int(rng.uniform(0, 0.3) * RATE), np.float32)]
            )
        first = rng.integers(0, len(line) - n)
        total += line[first : first + n] * rng.uniform(0.6, 1.0)
    return _unit(_reverberant(total, rng, reverb_s))


def backwards(seconds: float, rng: np.random.Generator, voices: Sequence[Sound]) -> Sound:
    """Speech played backwards: the sounds of a voice, and no word."""
    n = _samples(seconds)
    line = np.zeros(int(rng.uniform(0.2, 0.8) * RATE), dtype=np.float32)
    while len(line) < n:
        line = np.concatenate([line, at_level(voices[rng.integers(len(voices))][::-1], -20.0)])
    return _unit(line[:n])


STEADY: dict[str, Maker] = {"white": white, "pink": pink, "brown": brown, "hum": hum, "fan": fan}
SUDDEN: dict[str, Maker] = {
    "keyboard": keyboard, "mouth clicks": mouth, "door": door, "thumps": thumps, "DC jumps": dc_jumps,
    "static": static,
}  # fmt: skip
VOICELIKE: dict[str, Maker] = {"breathing": breathing, "music": music, "beeps": beeps}


# --- parts ----------------------------------------------------------------------------------------------


def _samples(seconds: float) -> int:
    return round(seconds * RATE)


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(_samples(seconds)) / RATE


def _unit(sound: NDArray[np.floating]) -> Sound:
    single = sound.astype(np.float32)
    return single / np.float32(loudest_rms(single))


def _band(sound: NDArray[np.float64], low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Only what lies between two frequencies, with slopes of 12 dB an octave."""
    hertz = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), 1.0)
    gain = 1 / (1 + (low_hz / hertz) ** 4) ** 0.5 / (1 + (hertz / high_hz) ** 4) ** 0.5
    return np.fft.irfft(np.fft.rfft(sound) * gain, len(sound))


def _click(rng: np.random.Generator, ms: float, hertz: float) -> NDArray[np.float64]:
    t = np.arange(int(ms * RATE / 1000) * 4) / RATE
    return _band(rng.standard_normal(len(t)), hertz / 2, hertz * 2) * np.exp(-t * 1000 / ms)


def _ring(rng: np.random.Generator, ms: float, hertz: float) -> NDArray[np.float64]:
    t = np.arange(int(ms * RATE / 1000) * 4) / RATE
    return np.sin(2 * np.pi * hertz * t + rng.uniform(0, 6.28)) * np.exp(-t * 1000 / ms)


def _put(total: NDArray[np.float64], sound: NDArray[np.float64], at_s: float) -> None:
    """Add `sound` at a time; what reaches over the end is lost."""
    first = int(at_s * RATE)
    part = sound[: max(0, len(total) - first)]
    total[first : first + len(part)] += part


def _reverberant(sound: NDArray[np.float64], rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    length = int(seconds * RATE)
    response = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    response[0] = 3.0
    size = len(sound) + length
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)]
