"""Gestures in, takes out: decided without device, clock or thread."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voice_edit.daemon.talk_state import (
    Begin,
    Cancel,
    End,
    Ended,
    Gesture,
    GiveUp,
    SetHandsFree,
    Start,
    Stop,
    StopWork,
    Talking,
    Toggle,
    decide,
)

IDLE = Talking()
DICTATE = Begin("dictate", hold=True)
FREE = Begin("edit", hold=False)


def after(*gestures: Gesture, state: Talking = IDLE) -> tuple[Talking, list[object]]:
    done: list[object] = []
    for gesture in gestures:
        state, actions = decide(state, gesture)
        done += actions
    return state, done


def test_a_key_that_goes_down_and_up_is_one_take_with_a_tail() -> None:
    assert after(Start("dictate"), Stop()) == (IDLE, [DICTATE, End(tail=True)])


def test_starting_twice_and_stopping_twice_changes_nothing() -> None:
    assert after(Start("dictate"), Start("dictate"), Stop(), Stop())[1] == [DICTATE, End(tail=True)]


def test_the_other_key_does_not_interrupt_who_talks() -> None:
    state, actions = after(Start("dictate"), Start("edit"))
    assert state.take == DICTATE
    assert actions == [DICTATE]


def test_a_toggle_starts_and_the_next_one_stops() -> None:
    assert after(Toggle("dictate"), Toggle("dictate")) == (IDLE, [DICTATE, End(tail=True)])


def test_a_toggle_of_the_other_mode_stops_too() -> None:
    assert after(Toggle("dictate"), Toggle("edit")) == (IDLE, [DICTATE, End(tail=True)])


def test_escape_gives_up_the_take() -> None:
    assert after(Start("dictate"), Cancel()) == (IDLE, [DICTATE, GiveUp()])


def test_the_release_after_escape_does_nothing() -> None:
    assert after(Start("dictate"), Cancel(), Stop())[1] == [DICTATE, GiveUp()]


def test_escape_when_nobody_talks_stops_what_is_made_of_the_last_take() -> None:
    assert after(Start("dictate"), Stop(), Cancel())[1] == [DICTATE, End(tail=True), StopWork()]


def test_hands_free_listening_begins_and_ends_without_a_tail() -> None:
    state, actions = after(SetHandsFree("edit"), SetHandsFree("off"))
    assert (state, actions) == (IDLE, [FREE, End(tail=False)])


def test_setting_hands_free_again_does_not_begin_again() -> None:
    assert after(SetHandsFree("edit"), SetHandsFree("edit"))[1] == [FREE]


def test_another_mode_of_hands_free_begins_anew() -> None:
    assert after(SetHandsFree("edit"), SetHandsFree("dictate"))[1] == [
        FREE,
        End(tail=False),
        Begin("dictate", hold=False),
    ]


def test_a_key_interrupts_hands_free_listening_which_goes_on_afterwards() -> None:
    state, actions = after(SetHandsFree("edit"), Start("dictate"), Stop())
    assert actions == [FREE, End(tail=False), DICTATE, End(tail=True), FREE]
    assert state == Talking(FREE, "edit")


def test_hands_free_that_is_switched_on_while_a_key_is_held_waits_for_the_release() -> None:
    assert after(Start("dictate"), SetHandsFree("edit"), Stop())[1] == [DICTATE, End(tail=True), FREE]


def test_escape_while_listening_hands_free_gives_up_what_was_said_and_listens_on() -> None:
    assert after(SetHandsFree("edit"), Cancel())[1] == [FREE, GiveUp(), FREE]


def test_a_take_that_ended_by_itself_is_not_ended_again_by_the_release() -> None:
    assert after(Start("dictate"), Ended(), Stop()) == (IDLE, [DICTATE])


def test_hands_free_listening_that_broke_off_does_not_loop() -> None:
    assert after(SetHandsFree("edit"), Ended()) == (IDLE, [FREE])


def test_a_spoken_stop_ends_hands_free_listening() -> None:
    assert after(SetHandsFree("edit"), Ended(hands_free_too=True)) == (IDLE, [FREE])


GESTURES = st.one_of(
    st.builds(Start, st.sampled_from(["dictate", "edit"])),
    st.builds(Toggle, st.sampled_from(["dictate", "edit"])),
    st.just(Stop()),
    st.just(Cancel()),
    st.builds(SetHandsFree, st.sampled_from(["off", "dictate", "edit"])),
    st.builds(Ended, st.booleans()),
)


@given(st.lists(GESTURES, max_size=30))
def test_at_most_one_take_is_recorded_whatever_happens(gestures: list[Gesture]) -> None:
    state, recording = IDLE, None
    for gesture in gestures:
        state, actions = decide(state, gesture)
        if isinstance(gesture, Ended):
            recording = None
        for action in actions:
            match action:
                case Begin():
                    assert recording is None
                    recording = action
                case End() | GiveUp():
                    assert recording is not None
                    recording = None
        assert state.take == recording
