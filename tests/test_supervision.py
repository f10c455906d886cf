from __future__ import annotations

import itertools

import numpy as np
import pytest
import sounds

from engine import errors, supervision
from engine.supervision import SilenceWatch, StreamWatch, gives_up_s, pause_s


def test_a_stream_that_gives_sound_is_left_alone() -> None:
    watch = StreamWatch(now_s=100.0, slept_s=7.0)
    assert all(watch.check(320 * n, 100.0 + n, 7.0) == "" for n in range(1, 50))


def test_a_device_may_take_its_time_before_its_first_sound_but_not_for_ever() -> None:
    watch = StreamWatch(now_s=100.0, slept_s=0.0)
    assert watch.check(0, 103.9, 0.0) == ""
    assert "no sound" in watch.check(0, 104.1, 0.0)


def test_a_device_that_ran_and_falls_silent_is_given_up_sooner() -> None:
    watch = StreamWatch(now_s=100.0, slept_s=0.0)
    assert watch.check(320, 100.5, 0.0) == ""
    assert watch.check(320, 101.9, 0.0) == ""
    assert "no sound" in watch.check(320, 102.1, 0.0)


def test_a_computer_that_slept_is_noticed_although_sound_still_comes() -> None:
    watch = StreamWatch(now_s=100.0, slept_s=5.0)
    assert watch.check(320, 100.1, 5.9) == ""
    assert "asleep" in watch.check(640, 100.2, 6.1)


def test_sleep_since_the_start_is_known_and_does_not_change_while_awake() -> None:
    assert abs(supervision.machine_slept_s() - supervision.machine_slept_s()) < supervision.SLEEP_S


def test_attempts_are_made_ever_more_rarely_but_not_too_rarely_while_somebody_waits() -> None:
    waiting = [pause_s(attempt, somebody_waits=True) for attempt in range(2000)]
    idle = [pause_s(attempt, somebody_waits=False) for attempt in range(2000)]
    for pauses, longest in ((waiting, 1.0), (idle, 30.0)):
        assert pauses[0] == 0.1
        assert pauses[-1] == max(pauses) == longest
        assert all(later >= earlier for earlier, later in itertools.pairwise(pauses))


@pytest.mark.parametrize(
    ("error", "lost_s", "until_s"),
    [
        (errors.MicrophoneMissing(), None, 11.2),
        (errors.MicrophoneBusy(), None, 11.2),
        (errors.MicrophoneMissing(), 50.0, 65.0),
        (errors.PortAudioMissing(), None, 10.0),
        (errors.MicrophoneForbidden(), 50.0, 10.0),
    ],
)
def test_a_lost_microphone_is_waited_for_longer_than_one_that_never_was_there(
    error: errors.MicrophoneError, lost_s: float | None, until_s: float
) -> None:
    assert gives_up_s(error, began_s=10.0, lost_s=lost_s) == until_s


def turns(watch: SilenceWatch, sound: np.ndarray) -> list[float]:
    """At which seconds of the sound a long silence began or ended."""
    return [at / 16_000 for at in range(0, len(sound), 320) if watch.push(sound[at : at + 320])]


def test_digital_silence_is_told_after_a_second_and_when_it_is_over() -> None:
    watch = SilenceWatch()
    assert turns(watch, sounds.silence(990)) == []
    assert not watch.heard
    assert turns(watch, sounds.silence(500)) == [0.0]
    assert watch.is_long
    assert turns(watch, sounds.noise(500, dbfs=-70)) == [0.0]
    assert watch.heard
    assert not watch.is_long


@pytest.mark.parametrize("dbfs", [-80, -60, -20])
def test_a_quiet_room_is_not_digital_silence(dbfs: float) -> None:
    assert turns(SilenceWatch(), sounds.noise(3000, dbfs=dbfs)) == []


def test_a_constant_offset_and_dither_are_digital_silence() -> None:
    dither = np.random.default_rng(1).integers(-1, 2, 32_000) / 32768
    for sound in (sounds.silence(2000) + np.float32(0.1), dither.astype(np.float32)):
        assert turns(SilenceWatch(), sound)


def test_a_silence_whose_reason_is_over_is_counted_anew() -> None:
    watch = SilenceWatch()
    turns(watch, sounds.silence(3000))
    watch.begin_anew()
    assert watch.silent_s == 0


def test_a_noise_gate_that_gives_nothing_between_two_sentences_is_no_broken_microphone() -> None:
    watch = SilenceWatch()
    watch.push(sounds.noise(500, dbfs=-30))
    assert turns(watch, sounds.silence(9_900)) == []
    assert turns(watch, sounds.silence(500)) == [0.1]
