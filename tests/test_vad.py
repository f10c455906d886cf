from __future__ import annotations

import math

import numpy as np
import pytest
import sounds

from engine.frames import WINDOW_SAMPLES
from engine.vad import SILENCE_DBFS, Room, WebRtcDetector, level_dbfs, rms_dbfs


def speech_share(sound: sounds.Sound, detector: WebRtcDetector | None = None) -> float:
    """Share of the windows of `sound` that the detector calls speech."""
    detector = detector or WebRtcDetector()
    windows = sound[: len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    return sum(detector.is_speech(window) for window in windows) / len(windows)


def test_a_voice_is_speech_and_silence_is_not() -> None:
    assert speech_share(sounds.voice(2000)) > 0.7
    assert speech_share(sounds.silence(2000)) == 0.0


@pytest.mark.parametrize("peak", [0.03, 0.1, 0.3, 1.0, 3.0])
def test_a_voice_is_speech_whether_soft_loud_or_clipped(peak: float) -> None:
    assert speech_share(np.clip(sounds.voice(2000, peak=peak), -1, 1)) > 0.5


def test_a_constant_offset_changes_neither_level_nor_verdict() -> None:
    shifted = sounds.voice(2000) + np.float32(0.2)
    assert speech_share(shifted) > 0.7
    assert rms_dbfs(np.full(WINDOW_SAMPLES, 0.4, dtype=np.float32)) == SILENCE_DBFS
    assert level_dbfs(np.full(WINDOW_SAMPLES, 0.4, dtype=np.float32)) == SILENCE_DBFS


@pytest.mark.parametrize(
    "noise",
    [
        sounds.noise(5000, dbfs=-15),
        sounds.noise(5000, dbfs=-30, slope=1.0),
        sounds.noise(5000, dbfs=-20, slope=2.0),
        sounds.band_noise(5000, 300, 3400, dbfs=-20),
        sounds.fan(5000, dbfs=-20),
        sounds.hum(5000, dbfs=-15),
        sounds.tone(5000),
    ],
    ids=["white", "pink", "brown", "telephone band", "fan", "hum", "tone"],
)
def test_steady_noise_of_any_loudness_is_no_speech_once_the_room_is_known(noise: sounds.Sound) -> None:
    detector = WebRtcDetector()
    speech_share(noise[:16_000], detector)
    assert speech_share(noise[16_000:], detector) < 0.1


def test_a_voice_in_a_loud_room_is_still_speech() -> None:
    room = sounds.noise(4000, dbfs=-30, slope=1.0)
    detector = WebRtcDetector()
    speech_share(room[:32_000], detector)
    assert speech_share(sounds.mix(room[32_000:], sounds.voice(2000)), detector) > 0.5


def test_hiss_below_the_floor_is_no_speech_from_the_first_window_on() -> None:
    assert speech_share(sounds.noise(1000, dbfs=-57)) == 0.0
    assert speech_share(sounds.voice(1000, peak=0.1), WebRtcDetector(floor_dbfs=-10)) == 0.0


def test_reset_makes_the_detector_hear_the_same_again() -> None:
    sound = sounds.mix(sounds.noise(2000, dbfs=-40), sounds.voice(1500))
    windows = sound.reshape(-1, WINDOW_SAMPLES)
    detector = WebRtcDetector()
    first = [detector.is_speech(window) for window in windows]
    detector.reset()
    assert [detector.is_speech(window) for window in windows] == first
    assert any(first)


def test_the_window_is_not_changed_and_may_be_read_only() -> None:
    window = sounds.voice(20)
    before = window.copy()
    window.flags.writeable = False
    WebRtcDetector().is_speech(window)
    assert np.array_equal(window, before)


@pytest.mark.parametrize("length", [0, 319, 640])
def test_a_window_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="320 samples"):
        WebRtcDetector().is_speech(np.zeros(length, dtype=np.float32))


@pytest.mark.parametrize(
    "arguments",
    [{"aggressiveness": 4}, {"floor_dbfs": 3.0}, {"floor_dbfs": -200.0}, {"room_margin_db": -1.0}],
)
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not"):
        WebRtcDetector(**arguments)  # type: ignore[arg-type]


def test_levels_are_in_decibels_of_full_scale() -> None:
    assert rms_dbfs(sounds.tone(20, hz=1000, peak=1.0)) == pytest.approx(-3.01, abs=0.01)
    assert level_dbfs(sounds.tone(20, hz=1000, peak=1.0)) == pytest.approx(-3.0, abs=0.2)
    assert rms_dbfs(sounds.tone(20, hz=1000, peak=0.1)) == pytest.approx(-23.01, abs=0.01)
    assert level_dbfs(sounds.tone(20, hz=50, peak=1.0)) < -40
    assert rms_dbfs(sounds.silence(20)) == level_dbfs(sounds.silence(20)) == SILENCE_DBFS
    assert rms_dbfs(sounds.silence(0)) == level_dbfs(sounds.silence(0)) == SILENCE_DBFS


def test_the_room_is_unknown_first_then_its_quietest_tenth_and_follows() -> None:
    room = Room()
    assert [room.push(-40.0) for _ in range(24)] == [math.inf] * 24
    assert room.push(-40.0) == pytest.approx(0.0, abs=0.01)
    for _ in range(5):
        room.push(-10.0)
    assert room.push(-10.0) == pytest.approx(30.0, abs=0.01)
    for _ in range(160):
        last = room.push(-20.0)
    assert last == pytest.approx(0.0, abs=0.01)
