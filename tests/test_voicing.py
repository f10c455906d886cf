"""A voice repeats itself; clicks, hiss and breath do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.source import read_audio
from engine.voicing import voiced_ms

SAMPLES = Path(__file__).parent.parent / "samples"
NOISE = np.random.default_rng(1)


def clicks() -> np.ndarray:
    """Five clicks in half a second, each a few milliseconds of noise that dies away."""
    sound = np.zeros(8_000, np.float32)
    for at in range(400, 8_000, 1_600):
        sound[at : at + 160] = NOISE.normal(0, 0.3, 160) * np.exp(-np.arange(160) / 30)
    return sound


@pytest.mark.parametrize("name", [path.name for path in sorted(SAMPLES.glob("*.wav"))])
def test_every_recording_of_a_voice_has_one(name: str) -> None:
    assert voiced_ms(read_audio(SAMPLES / name)) >= 80


@pytest.mark.parametrize("hertz", [80, 120, 240, 390])
def test_a_buzz_in_the_range_of_a_voice_is_voiced_all_through(hertz: int) -> None:
    time = np.arange(8_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * hertz * n * time) / n for n in range(1, 6))
    assert voiced_ms(np.asarray(buzz, np.float32)) >= 400


def test_clicks_have_no_voice() -> None:
    assert voiced_ms(clicks()) <= 20


def test_hiss_has_no_voice() -> None:
    assert voiced_ms(NOISE.normal(0, 0.1, 16_000).astype(np.float32)) <= 20


@pytest.mark.parametrize("sound", [np.zeros(16_000, np.float32), np.zeros(0, np.float32)])
def test_silence_has_no_voice(sound: np.ndarray) -> None:
    assert voiced_ms(sound) == 0.0
