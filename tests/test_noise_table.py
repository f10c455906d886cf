"""The table: recordings with noise through the default detector, endpointing and the gate.

`python -m benchmarks.vad` measures the same with recordings of people; here are the project's own samples,
because they are always there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import inventions, noises, recordings
from benchmarks.noises import RATE, Sound
from benchmarks.recordings import Recording
from benchmarks.vad import ROOM_DBFS, SETTINGS, heard
from engine.catalog import find_model
from engine.endpointing import rejection
from engine.events import Hypothesis, Rejected
from engine.frames import ms_to_samples
from engine.listening import listen
from engine.session import Engine
from engine.source import PcmSource
from engine.vad import SpeechDetector, choose_detector

SAMPLES = sorted((Path(__file__).parent.parent / "samples").glob("*.wav"))
LEAD = RATE
ROOMS = ["white", "pink", "brown", "hum", "fan", "keyboard", "babble"]


@pytest.fixture(scope="module")
def pool() -> list[Recording]:
    own = [one for one in recordings.find()[0] if one.name.startswith("samples/")]
    assert len(own) == len(SAMPLES)
    return own


def take(one: Recording, dbfs: float, change: Sound | None = None) -> tuple[Sound, int, int]:
    """A second of the room, the recording with its speech at `dbfs`, and a second again; where speech is."""
    sound = one.samples if change is None else change
    gain = np.float32(10 ** (dbfs / 20) / recordings.speech_rms(one))
    padded = np.pad(sound * gain, LEAD)
    padded += noises.pink(len(padded) / RATE, np.random.default_rng(7)) * np.float32(10 ** (ROOM_DBFS / 20))
    return padded, one.speech[0][0] + LEAD, one.speech[-1][1] + LEAD


def assert_heard_whole(
    sound: Sound, onset: int, end: int, detector: SpeechDetector | None = None
) -> tuple[int, int]:
    """All of the speech lies between the start of an accepted utterance and the end of its tail."""
    spans = [
        (start.start_sample, stop.end_sample)
        for start, stop in heard(sound, detector or choose_detector())
        if rejection(stop, SETTINGS) is None
    ]
    spans = [(first, last) for first, last in spans if first < end and onset < last]
    assert len(spans) == 1
    [(first, last)] = spans
    assert first <= onset
    assert last + ms_to_samples(SETTINGS.tail_ms) >= end
    return first, last


@pytest.mark.parametrize("snr", [20, 10])
@pytest.mark.parametrize("room", ROOMS)
def test_speech_in_a_room_is_heard_from_its_first_to_its_last_sound(
    pool: list[Recording], room: str, snr: int
) -> None:
    voices = [one.samples for one in pool]
    for index, one in enumerate(pool):
        sound, onset, end = take(one, -26)
        seconds, rng = len(sound) / RATE, np.random.default_rng(index)
        made = (
            noises.babble(seconds, rng, voices) if room == "babble" else inventions.MAKERS[room](seconds, rng)
        )
        mixed = np.clip(sound + made * np.float32(10 ** ((-26 - snr) / 20)), -1, 1)
        first, _ = assert_heard_whole(mixed, onset, end)
        if room not in ("keyboard", "babble"):
            # Not later than the pre-roll promises, nor a second of noise before it.
            assert onset - first <= ms_to_samples(SETTINGS.pre_roll_ms + 100)


@pytest.mark.parametrize("dbfs", [-14, -26, -40, -46])
def test_a_voice_is_heard_whole_from_loud_to_faint(pool: list[Recording], dbfs: int) -> None:
    for one in pool:
        assert_heard_whole(*take(one, dbfs))


def test_a_bluetooth_headsets_eight_kilohertz_are_heard_whole(pool: list[Recording]) -> None:
    for one in pool:
        assert_heard_whole(*take(one, -26, recordings.through_bluetooth(one.samples)))


@pytest.mark.parametrize("dbfs", [-26, -40])
def test_whispered_words_are_heard_whole(pool: list[Recording], dbfs: int) -> None:
    for index, one in enumerate(pool):
        whisper = recordings.whispered(one.samples, np.random.default_rng(index))
        assert np.abs(whisper).max() > 0.05
        assert_heard_whole(*take(one, dbfs, whisper))


@pytest.mark.parametrize("dbfs", [-60, -45, -30, -15])
@pytest.mark.parametrize("kind", noises.STEADY)
def test_a_room_without_a_voice_is_refused_by_the_gate(kind: str, dbfs: int) -> None:
    for seed in range(4):
        sound = noises.at_level(noises.STEADY[kind](4.0, np.random.default_rng(seed)), dbfs)
        for _, stop in heard(sound, choose_detector()):
            assert rejection(stop, SETTINGS) is not None


@pytest.mark.parametrize("kind", ["keyboard", "mouth clicks", "breathing", "DC jumps"])
def test_silero_starts_nothing_on_sudden_sounds(kind: str) -> None:
    detector = choose_detector("silero")
    for seed in range(4):
        sound = noises.at_level(inventions.MAKERS[kind](4.0, np.random.default_rng(seed)), -30)
        for _, stop in heard(sound, detector):
            assert rejection(stop, SETTINGS) is not None


def test_takes_without_a_word_insert_nothing_and_each_is_given_a_reason() -> None:
    with Engine.open(find_model("bundled")) as engine:
        for index, (kind, sound) in enumerate(inventions.takes(2 * len(inventions.KINDS))):
            events = list(listen(PcmSource(sound), engine))
            said = [event.text for event in events if isinstance(event, Hypothesis)]
            reasons = [event for event in events if isinstance(event, Rejected)]
            assert not said, (index, kind)
            assert reasons, (index, kind)
            assert all(reason.message and reason.hint for reason in reasons)


def test_takes_are_the_same_for_the_same_seed_and_hold_every_kind() -> None:
    count = len(inventions.KINDS)
    first, again = list(inventions.takes(count, 5)), list(inventions.takes(count, 5))
    assert [kind for kind, _ in first] == list(inventions.KINDS)
    for (_, one), (_, other) in zip(first, again, strict=True):
        assert np.array_equal(one, other)
        assert one.dtype == np.float32
        assert np.isfinite(one).all()
        assert np.abs(one).max() <= 1.0
    assert not np.array_equal(first[0][1], next(inventions.takes(1, 6))[1][: len(first[0][1])])
