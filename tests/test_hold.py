"""While a key is held: pauses do not end the utterance, the limit and the release do."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import sounds
from hypothesis import given, settings
from hypothesis import strategies as st
from windows import Window, coverage, drawn, heard, run, stretches, utterances, windows_of

from engine.catalog import find_model
from engine.endpointing import Endpointing, EndpointingSettings, hold_settings
from engine.events import Hypothesis, SpeechStarted, SpeechStopped
from engine.frames import WINDOW_SAMPLES, ms_to_samples
from engine.joining import as_one
from engine.listening import listen, settings_for
from engine.session import Engine
from engine.source import PcmSource, WavSource

FREE = EndpointingSettings(limit_ms=3000, search_ms=600, pre_roll_ms=600, tail_ms=200, hangover_ms=300)
HELD = hold_settings(FREE, whole=True)
PIECES = hold_settings(FREE)
UNLIMITED = EndpointingSettings(limit_ms=30_000, patience=1.0, pre_roll_ms=600, tail_ms=200, hangover_ms=300)


def first_onset(windows: list[Window]) -> int | None:
    """The window where the first run of three speech windows begins."""
    speech = [window[0] for window in windows]
    return next((i for i in range(len(speech) - 2) if all(speech[i : i + 3])), None)


@settings(deadline=None)
@given(stretches)
def test_a_held_utterance_never_ends_at_a_pause(stretches: list) -> None:
    for _, stop in utterances(run(windows_of(stretches), HELD)):
        assert stop.reason in ("limit", "end_of_source")


@settings(deadline=None)
@given(stretches)
def test_a_take_that_the_limit_is_far_from_is_one_utterance_up_to_its_last_speech(stretches: list) -> None:
    windows = windows_of(stretches)[: HELD.patient_windows]
    events = utterances(run(windows, HELD))
    onset = first_onset(windows)
    assert len(events) == (onset is not None)
    for start, stop in events:
        last = max(i for i, window in enumerate(windows) if window[0])
        assert start.onset_sample == (onset or 0) * WINDOW_SAMPLES
        assert (stop.end_sample, stop.reason) == ((last + 1) * WINDOW_SAMPLES, "end_of_source")
        assert stop.hangover_samples == (len(windows) - last - 1) * WINDOW_SAMPLES


@settings(deadline=None)
@given(stretches)
def test_held_utterances_are_in_order_never_overlap_and_never_exceed_the_limit(stretches: list) -> None:
    last_end = 0
    for start, stop in utterances(run(windows_of(stretches), HELD)):
        assert last_end <= start.start_sample <= start.onset_sample < stop.end_sample
        assert stop.end_sample - start.start_sample + ms_to_samples(HELD.tail_ms) <= ms_to_samples(3000)
        assert 0 <= stop.speech_samples <= stop.end_sample - start.start_sample
        last_end = stop.end_sample


@settings(deadline=None)
@given(stretches)
def test_holding_loses_no_speech_that_listening_freely_would_have_kept(stretches: list) -> None:
    windows = windows_of(stretches)
    speech = np.array([window[0] for window in windows], dtype=bool)
    held = coverage(run(windows, HELD), len(windows))
    free = coverage(run(windows, UNLIMITED), len(windows))
    assert (held[speech] >= free[speech]).all()
    assert held.max(initial=0) <= 1
    for is_speech, group in itertools.groupby(range(len(windows)), key=lambda index: windows[index][0]):
        indexes = list(group)
        if is_speech and len(indexes) >= 3:
            assert (held[indexes] == 1).all()


@settings(deadline=None)
@given(stretches)
def test_no_held_event_and_no_word_after_a_long_pause_reaches_behind_the_audio_that_is_kept(
    stretches: list,
) -> None:
    machine = Endpointing(HELD)
    speech_end = 0
    for index, window in enumerate(windows_of(stretches)):
        keep_from = machine.keep_from_sample
        if machine.in_utterance:
            # What was not fed yet, everything after the last speech and its tail, must still be there.
            assert (index + 1 - speech_end) * WINDOW_SAMPLES <= HELD.history_samples
        for event in machine.push(*window):
            start = event.start_sample if isinstance(event, SpeechStarted) else event.end_sample
            assert start >= keep_from
            assert (index + 1) * WINDOW_SAMPLES - start <= HELD.history_samples
        speech_end = index + 1 if window[0] else speech_end


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_any_chunking_of_a_held_take_gives_the_same_endpoints(lengths: list[int]) -> None:
    assert heard(TAKE, HELD, itertools.cycle(lengths)) == WHOLE_TAKE


TAKE = sounds.mix(
    np.concatenate([sounds.voice(500), sounds.silence(700), sounds.voice(2500)]),
    sounds.noise(3700, dbfs=-50),
)
WHOLE_TAKE = heard(TAKE, HELD, itertools.repeat(len(TAKE)))


def test_the_take_of_the_chunking_test_goes_over_a_pause_and_is_cut_at_the_limit() -> None:
    whole = utterances(WHOLE_TAKE)
    assert {stop.reason for _, stop in whole} == {"limit", "end_of_source"}
    assert whole[0][1].end_sample > ms_to_samples(500 + 700)
    free = utterances(heard(TAKE, FREE, itertools.repeat(640)))
    assert free[0][1].reason == "pause"


def test_a_pause_of_many_hangovers_goes_on_as_long_as_the_key_is_down() -> None:
    [(start, stop)] = utterances(run(drawn("." * 10 + "######" + "." * 60 + "###" + "....."), HELD))
    assert start.onset_sample == 10 * 320
    assert stop == SpeechStopped(
        end_sample=79 * 320,
        hangover_samples=5 * 320,
        reason="end_of_source",
        speech_samples=9 * 320,
        has_vowel=True,
    )


def test_thinking_until_the_limit_comes_near_cuts_at_the_pause_and_the_next_word_needs_an_onset() -> None:
    picture = "####" + "." * 90 + "#" + "." * 10 + "#####" + "....."
    first, second = utterances(run(drawn(picture), HELD))
    assert (first[1].end_sample, first[1].reason) == (4 * 320, "limit")
    assert first[1].hangover_samples >= 80 * 320
    assert second[0].onset_sample == 105 * 320
    assert (second[1].end_sample, second[1].reason) == (110 * 320, "end_of_source")


def test_the_limit_cuts_a_held_monologue_exactly_where_it_cuts_a_free_one() -> None:
    windows = drawn("#" * 100 + "..." + "#" * 15 + "." * 5 + "#" * 125 + "+++" + "#" * 60)
    assert run(windows, HELD) == run(windows, FREE)


def test_the_release_right_after_the_word_and_before_any_word() -> None:
    [(_, stop)] = utterances(run(drawn("#####"), HELD))
    assert (stop.end_sample, stop.hangover_samples, stop.reason) == (5 * 320, 0, "end_of_source")
    assert run(drawn("." * 200), HELD) == []


def test_holding_changes_nothing_else() -> None:
    assert hold_settings(PIECES) == PIECES
    assert (HELD.limit_ms, HELD.tail_ms, HELD.pre_roll_ms) == (FREE.limit_ms, FREE.tail_ms, FREE.pre_roll_ms)
    assert FREE.ends_at_pause
    assert not HELD.ends_at_pause
    assert not PIECES.ends_at_pause


@settings(deadline=None)
@given(stretches)
def test_in_pieces_a_held_take_is_cut_where_a_free_one_ends_and_no_cut_is_called_an_end(
    stretches: list,
) -> None:
    windows = windows_of(stretches)
    free, pieces = utterances(run(windows, FREE)), utterances(run(windows, PIECES))
    for _, stop in pieces:
        assert stop.reason in ("limit", "end_of_source")
    ends = lambda pairs: [stop.end_sample for _, stop in pairs]  # noqa: E731
    assert ends(free) == ends(pieces)
    for (_, ended), (_, cut) in zip(free, pieces, strict=True):
        assert (cut.reason == "end_of_source") == (ended.reason == "end_of_source")


@pytest.mark.parametrize("pause_ms", [700, 1500, 4000])
def test_a_pause_in_a_held_take_costs_no_word(pause_ms: int) -> None:
    samples = Path(__file__).parent.parent / "samples"
    said = [
        np.concatenate([chunk.samples for chunk in WavSource(samples / name).chunks()])
        for name in ("01-change.wav", "03-delete.wav")
    ]
    take = np.concatenate([said[0], sounds.silence(pause_ms), said[1]])
    with Engine.open(find_model("bundled")) as engine:
        held = hold_settings(settings_for(engine.profile))
        events = list(listen(PcmSource(take), engine, settings=held))
    finals = [event for event in events if isinstance(event, Hypothesis)]
    assert "pause" not in {event.reason for event in events if isinstance(event, SpeechStopped)}
    assert (
        as_one(finals).text == "Change Monday to Wednesday. Delete the last sentence of the second paragraph."
    )
