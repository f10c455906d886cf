from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import sounds
from hypothesis import given, settings
from hypothesis import strategies as st
from windows import coverage, drawn, heard, run, stretches, utterances, windows_of

from engine.endpointing import Endpointing, EndpointingSettings, rejection
from engine.errors import NoSpeech
from engine.events import SpeechStarted, SpeechStopped
from engine.frames import WINDOW_SAMPLES, ms_to_samples

SMALL = EndpointingSettings(limit_ms=3000, search_ms=600, pre_roll_ms=100, tail_ms=200, hangover_ms=300)
EAGER = EndpointingSettings(limit_ms=3000, search_ms=600, pre_roll_ms=600, tail_ms=200, hangover_ms=300)
"""More pre-roll than hangover: whatever may overlap, does."""
UNLIMITED = EndpointingSettings(limit_ms=30_000, patience=1.0, pre_roll_ms=600, tail_ms=200, hangover_ms=300)


@settings(deadline=None)
@given(stretches)
def test_utterances_are_in_order_never_overlap_and_never_exceed_the_limit(stretches: list) -> None:
    windows = windows_of(stretches)
    machine = Endpointing(EAGER)
    start_sample = 0
    for count, window in enumerate(windows, start=1):
        for event in machine.push(*window):
            start_sample = event.start_sample if isinstance(event, SpeechStarted) else start_sample
        if machine.in_utterance:
            assert count * WINDOW_SAMPLES - start_sample + ms_to_samples(EAGER.tail_ms) < ms_to_samples(3000)
    last_end = 0
    for start, stop in utterances(run(windows, EAGER)):
        assert last_end <= start.start_sample <= start.onset_sample < stop.end_sample
        assert stop.end_sample <= len(windows) * WINDOW_SAMPLES
        assert stop.end_sample - start.start_sample + ms_to_samples(EAGER.tail_ms) <= ms_to_samples(3000)
        assert stop.hangover_samples % WINDOW_SAMPLES == 0
        assert 0 <= stop.speech_samples <= stop.end_sample - start.start_sample
        last_end = stop.end_sample


@settings(deadline=None)
@given(stretches)
def test_every_window_of_a_run_of_speech_is_inside_exactly_one_utterance(stretches: list) -> None:
    windows = windows_of(stretches)
    count = coverage(run(windows, EAGER), len(windows))
    for speech, group in itertools.groupby(range(len(windows)), key=lambda index: windows[index][0]):
        indexes = list(group)
        if speech and len(indexes) >= 3:
            assert (count[indexes] == 1).all()


@settings(deadline=None)
@given(stretches)
def test_the_limit_loses_no_speech_that_patience_would_have_kept(stretches: list) -> None:
    windows = windows_of(stretches)
    speech = np.array([window[0] for window in windows], dtype=bool)
    limited = coverage(run(windows, EAGER), len(windows))
    unlimited = coverage(run(windows, UNLIMITED), len(windows))
    assert (limited[speech] >= unlimited[speech]).all()
    assert limited.max(initial=0) <= 1


@settings(deadline=None)
@given(stretches)
def test_no_event_reaches_behind_the_audio_that_must_be_kept(stretches: list) -> None:
    machine = Endpointing(EAGER)
    for index, window in enumerate(windows_of(stretches)):
        keep_from = machine.keep_from_sample
        assert index * WINDOW_SAMPLES - keep_from <= EAGER.history_samples or machine.in_utterance
        for event in machine.push(*window):
            if isinstance(event, SpeechStarted):
                assert event.start_sample >= keep_from
                assert (index + 1) * WINDOW_SAMPLES - event.start_sample <= EAGER.history_samples


@settings(deadline=None)
@given(stretches)
def test_a_reset_machine_says_the_same_again(stretches: list) -> None:
    windows = windows_of(stretches)
    machine = Endpointing(SMALL)
    first = [event for window in windows for event in machine.push(*window)]
    machine.reset()
    assert [event for window in windows for event in machine.push(*window)] == first


MONOLOGUE = sounds.mix(
    np.concatenate([sounds.silence(400), sounds.voice(4500), sounds.silence(700), sounds.voice(600)]),
    sounds.noise(6200, dbfs=-50),
)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_any_chunking_of_the_sound_gives_the_same_endpoints(lengths: list[int]) -> None:
    assert heard(MONOLOGUE, SMALL, itertools.cycle(lengths)) == WHOLE_MONOLOGUE


WHOLE_MONOLOGUE = heard(MONOLOGUE, SMALL, itertools.repeat(len(MONOLOGUE)))


def test_the_monologue_of_the_chunking_test_has_pauses_and_cuts() -> None:
    stops = [event for event in WHOLE_MONOLOGUE if isinstance(event, SpeechStopped)]
    assert {stop.reason for stop in stops} == {"limit", "pause", "end_of_source"}


def test_a_click_shorter_than_the_onset_starts_nothing() -> None:
    assert run(drawn("........ ## ........ ## ......"), SMALL) == []


def test_pre_roll_reaches_back_before_the_onset_and_the_hangover_is_reported() -> None:
    [(start, stop)] = utterances(run(drawn("." * 20 + "#" * 10 + "." * 40), SMALL))
    assert start == SpeechStarted(start_sample=15 * 320, onset_sample=20 * 320)
    assert stop == SpeechStopped(
        end_sample=30 * 320,
        hangover_samples=15 * 320,
        reason="pause",
        speech_samples=3200,
        has_vowel=True,
    )


def test_pre_roll_stops_at_the_beginning_of_the_source_and_at_the_utterance_before() -> None:
    first, second = utterances(run(drawn("## # " + "." * 16 + "####" + "." * 20), SMALL))
    assert first[0].start_sample == 0
    assert second[0].start_sample == (3 + 16 - 5) * 320
    patient = EndpointingSettings(hangover_ms=100, pre_roll_ms=300, shortest_pause_ms=100)
    first, second = utterances(run(drawn("#### ...... ####"), patient))
    assert second[0].start_sample == first[1].end_sample == 4 * 320


def test_a_pause_shorter_than_the_hangover_goes_on() -> None:
    [(start, stop)] = utterances(run(drawn("#" * 10 + "." * 14 + "#" * 10), SMALL))
    assert (start.start_sample, stop.end_sample, stop.reason) == (0, 34 * 320, "end_of_source")


def test_the_end_of_the_source_closes_an_utterance_at_its_last_speech() -> None:
    [(_, stop)] = utterances(run(drawn("#####....."), SMALL))
    assert (stop.end_sample, stop.hangover_samples, stop.reason) == (5 * 320, 5 * 320, "end_of_source")


@settings(deadline=None, max_examples=20)
@given(stretches)
def test_what_the_stop_would_be_now_can_be_asked_at_any_time_and_changes_nothing(stretches: list) -> None:
    windows = windows_of(stretches)[:200]
    asked, events = Endpointing(SMALL), []
    for window in windows:
        events += asked.push(*window)
        if asked.in_utterance:
            assert copy.deepcopy(asked).finish() == [asked.so_far()]
    assert events + asked.finish() == run(windows, SMALL)


def test_near_the_limit_a_short_pause_suffices() -> None:
    windows = drawn("#" * 115 + "." * 5 + "#" * 20 + "." * 30)
    first, second = utterances(run(windows, SMALL))
    assert (first[1].end_sample, first[1].reason) == (115 * 320, "limit")
    assert first[1].hangover_samples == 5 * 320
    assert second[0].start_sample == 115 * 320
    assert second[1].end_sample == 140 * 320


def test_early_in_an_utterance_the_same_pause_does_not_end_it() -> None:
    [(_, stop)] = utterances(run(drawn("#" * 40 + "." * 5 + "#" * 20 + "." * 30), SMALL))
    assert stop.end_sample == 65 * 320


def test_speech_without_a_pause_is_cut_at_the_quietest_place_and_joins_without_a_gap() -> None:
    windows = drawn("#" * 125 + "+++" + "#" * 60 + "." * 20)
    first, second = utterances(run(windows, SMALL))
    assert first[1] == SpeechStopped(
        end_sample=127 * 320, hangover_samples=0, reason="limit", speech_samples=first[1].speech_samples
    )
    assert second[0].start_sample == second[0].onset_sample == 127 * 320
    assert second[1].end_sample == 188 * 320


def test_a_short_gap_is_preferred_over_a_soft_word_for_the_cut() -> None:
    windows = drawn("#" * 118 + ".." + "####" + "+++" + "#" * 60)
    first, _ = utterances(run(windows, SMALL))
    assert 119 * 320 <= first[1].end_sample <= 120 * 320


def test_a_word_after_a_cut_pause_needs_no_onset_of_its_own() -> None:
    windows = drawn("#" * 115 + "." * 6 + "#" + "." * 40)
    first, second = utterances(run(windows, SMALL))
    assert first[1].reason == "limit"
    assert (second[0].onset_sample, second[1].end_sample) == (121 * 320, 122 * 320)


def test_the_default_limit_keeps_utterance_and_tail_within_fifteen_seconds() -> None:
    events = utterances(run([(True, -20.0 + index % 5) for index in range(3000)], EndpointingSettings()))
    assert len(events) > 3
    assert max(stop.end_sample - start.start_sample for start, stop in events) + 6400 <= 15 * 16_000


def test_levels_that_are_not_numbers_count_as_silence() -> None:
    assert run([(True, float("nan"))] * 10 + [(False, -float("inf"))] * 40, SMALL)[0].onset_sample == 0


RELAXED = EndpointingSettings()
PAUSE = sounds.silence(1000)


@pytest.mark.parametrize(
    ("sound", "expected_ms"),
    [
        (np.concatenate([PAUSE, sounds.voice(1000), PAUSE]), [(700, 2000)]),
        (
            np.concatenate([PAUSE, sounds.voice(1000), PAUSE, sounds.voice(500), PAUSE]),
            [(700, 2000), (2700, 3500)],
        ),
        (
            np.concatenate([PAUSE, sounds.voice(1000), sounds.silence(300), sounds.voice(500), PAUSE]),
            [(700, 2800)],
        ),
        (np.concatenate([sounds.voice(1000), PAUSE]), [(0, 1000)]),
        (sounds.voice(1000), [(0, 1000)]),
        (sounds.voice(1000, peak=0.05), [(0, 1000)]),
        (np.concatenate([PAUSE, sounds.voice(1000, pitch_hz=220), PAUSE]), [(700, 2000)]),
        (
            sounds.mix(
                np.concatenate([PAUSE, PAUSE, sounds.voice(1000), PAUSE]),
                sounds.noise(4000, dbfs=-50, slope=1),
            ),
            [(1700, 3000)],
        ),
        (
            sounds.mix(np.concatenate([PAUSE, PAUSE, sounds.voice(1000), PAUSE]), sounds.fan(4000, dbfs=-40)),
            [(1700, 3000)],
        ),
        (np.concatenate([PAUSE, sounds.voice(1000), PAUSE]) + np.float32(0.1), [(700, 2000)]),
        (sounds.silence(3000), []),
    ],
    ids=[
        "one word",
        "two words, a second apart",
        "two words, 300 ms apart",
        "speech at once",
        "speech only",
        "soft speech",
        "high voice",
        "in pink noise",
        "beside a fan",
        "constant offset",
        "digital silence",
    ],
)
def test_golden_sounds_give_these_utterances(sound: sounds.Sound, expected_ms: list[tuple[int, int]]) -> None:
    events = heard(sound, RELAXED, itertools.repeat(640))
    accepted = [pair for pair in utterances(events) if rejection(pair[1], RELAXED) is None]
    found_ms = [(start.start_sample / 16, stop.end_sample / 16) for start, stop in accepted]
    assert len(found_ms) == len(expected_ms)
    for found, expected in zip(found_ms, expected_ms, strict=True):
        # The detector lingers up to 150 ms after a voice; words must not lose a window of their own.
        assert expected[0] - 120 <= found[0] <= expected[0] + 60
        assert expected[1] - 60 <= found[1] <= expected[1] + 200


NOISES = {
    "white": lambda dbfs, seed: sounds.noise(3000, dbfs=dbfs, seed=seed),
    "pink": lambda dbfs, seed: sounds.noise(3000, dbfs=dbfs, slope=1.0, seed=seed),
    "brown": lambda dbfs, seed: sounds.noise(3000, dbfs=dbfs, slope=2.0, seed=seed),
    "telephone band": lambda dbfs, seed: sounds.band_noise(3000, 300, 3400, dbfs=dbfs, seed=seed),
    "fan": lambda dbfs, seed: sounds.fan(3000, dbfs=dbfs, seed=seed),
    "hum": lambda dbfs, seed: sounds.hum(3000, dbfs=dbfs),
    "tone": lambda dbfs, seed: sounds.tone(3000, peak=10 ** (dbfs / 20)),
}


@pytest.mark.parametrize("dbfs", [-45, -30, -15])
@pytest.mark.parametrize("name", NOISES)
def test_noise_alone_holds_no_utterance_worth_hearing(name: str, dbfs: int) -> None:
    for seed in (1, 2):
        for _, stop in utterances(heard(NOISES[name](dbfs, seed), RELAXED, itertools.repeat(640))):
            refused = rejection(stop, RELAXED)
            assert isinstance(refused, NoSpeech)
            assert "noise" in str(refused)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"limit_ms": 30_001}, "at most 30000 ms"),
        ({"limit_ms": 1_000}, "no room for speech"),
        ({"onset_ms": 0}, "onset_ms = 0: choose 20 to 1000"),
        ({"hangover_ms": 50}, "hangover_ms = 50"),
        ({"pre_roll_ms": -1}, "pre_roll_ms = -1"),
        ({"tail_ms": 9_000}, "tail_ms = 9000"),
        ({"patience": 0.0}, "patience = 0.0"),
        ({"shortest_pause_ms": 700}, "shortest_pause_ms = 700: choose 40 to 600"),
        ({"search_ms": 0}, "search_ms = 0"),
        ({"min_speech_ms": -5}, "min_speech_ms = -5"),
        ({"noise_margin_db": 99.0}, "noise_margin_db = 99.0"),
        ({"vowel_ms": 0}, "vowel_ms = 0"),
        ({"vowel_range_db": 1.0}, "vowel_range_db = 1.0"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_what_to_choose(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        EndpointingSettings(**arguments)


def test_the_hard_limit_itself_is_allowed() -> None:
    assert EndpointingSettings(limit_ms=30_000).longest_windows == (30_000 - 400) // 20


def refusal(windows: list[tuple[bool, float]], settings: EndpointingSettings = SMALL) -> str:
    """What the gate says of the only utterance in `windows`, between silences; empty if it lets it pass."""
    quiet = [(False, -70.0)] * 30
    [(_, stop)] = utterances(run(quiet + windows + quiet, settings))
    return str(rejection(stop, settings) or "")


def test_clicks_that_a_detector_takes_for_a_voice_are_refused_and_a_short_vowel_is_not() -> None:
    click = [(True, -20.0), (True, -30.0), (True, -45.0), (True, -55.0), (True, -60.0)]
    assert "clicks" in refusal(click * 8)
    assert refusal([(True, -28.0 - 3 * (i % 2)) for i in range(6)]) == ""
    assert "clicks" in refusal([(True, -28.0)] * 5)


def test_a_loud_click_hides_no_soft_word_beside_it() -> None:
    assert refusal([(True, -5.0), (True, -20.0), (True, -45.0), *[(True, -50.0)] * 8]) == ""


def test_in_loud_noise_clicks_cannot_be_told_and_pass() -> None:
    room = [(False, -35.0)] * 60
    [(_, stop)] = utterances(run(room + [(True, -20.0)] * 5 + room, SMALL))
    assert stop.has_vowel is None
    assert rejection(stop, SMALL) is None


def test_the_rest_of_a_cut_utterance_may_be_a_consonant() -> None:
    windows = drawn("." * 30 + "#" * 100 + "." * 5 + "#" * 20 + "." * 5 + "#####" + "." * 30)
    first, second = utterances(run(windows, SMALL))
    assert first[1].reason == "limit"
    assert first[1].has_vowel
    assert second[1].has_vowel is None
