"""When a key begins, ends or gives up talking: the decision alone, with times as arguments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotkeys import Cancel, Style, TalkEvent, TalkStart, TalkStop
from hotkeys.gesture import (
    REPEAT_GAP_MS,
    CancelPress,
    Gesture,
    KeyEvent,
    Press,
    Release,
    Rules,
    Talking,
    Tick,
    deadline_ms,
    decide,
)

DOWN, UP = Press("dictate"), Release("dictate")
EDIT_DOWN, EDIT_UP = Press("edit"), Release("edit")
ESC = CancelPress()


def play(style: Style, *steps: tuple[int, KeyEvent], until_ms: int | None = None, **rules: int) -> list[str]:
    """What comes of (ms, event) steps when every deadline is kept, as "10 start dictate"."""
    state, said = Gesture(Rules(style, **rules)), []
    last_ms = steps[-1][0] + 1000 if until_ms is None else until_ms

    def feed(event: KeyEvent, now_ms: int) -> None:
        nonlocal state
        state, gestures = decide(state, event, now_ms)
        said.extend(told(gesture) for gesture in gestures)

    def catch_up(now_ms: int) -> None:
        while (due_ms := deadline_ms(state)) is not None and due_ms < now_ms:
            feed(Tick(), due_ms)

    for at_ms, event in steps:
        catch_up(at_ms)
        feed(event, at_ms)
    catch_up(last_ms)
    return said


def told(gesture: TalkEvent) -> str:
    at_ms = round(gesture.at_s * 1000)
    match gesture:
        case TalkStart(mode):
            return f"{at_ms} start {mode}"
        case TalkStop():
            return f"{at_ms} stop"
        case Cancel():
            return f"{at_ms} cancel"


# --- the three styles ---------------------------------------------------------------------------------------


def test_hold_talks_while_the_key_is_down() -> None:
    assert play("hold", (10, DOWN), (900, UP)) == ["10 start dictate", "900 stop"]


def test_hold_takes_even_a_short_press_for_what_it_is() -> None:
    assert play("hold", (10, DOWN), (60, UP)) == ["10 start dictate", "60 stop"]


def test_the_key_chooses_the_mode() -> None:
    assert play("hold", (10, EDIT_DOWN), (900, EDIT_UP)) == ["10 start edit", "900 stop"]


def test_toggle_starts_with_one_press_and_ends_with_the_next_one_as_it_goes_down() -> None:
    steps = ((10, DOWN), (100, UP), (2000, DOWN), (2100, UP))
    assert play("toggle", *steps) == ["10 start dictate", "2000 stop"]


def test_toggle_does_not_care_how_long_the_key_is_held() -> None:
    steps = ((10, DOWN), (9000, UP), (20_000, DOWN), (29_000, UP))
    assert play("toggle", *steps) == ["10 start dictate", "20000 stop"]


def test_hybrid_tap_goes_on_until_the_next_press() -> None:
    steps = ((10, DOWN), (309, UP), (5000, DOWN), (5900, UP))
    assert play("hybrid", *steps, tap_ms=300) == ["10 start dictate", "5000 stop"]


def test_hybrid_press_of_exactly_the_tap_time_is_a_hold() -> None:
    assert play("hybrid", (10, DOWN), (310, UP), tap_ms=300) == ["10 start dictate", "310 stop"]


def test_the_tap_time_is_measured_to_the_release_not_to_the_end_of_its_debounce() -> None:
    steps = ((10, DOWN), (300, UP), (5000, DOWN))
    assert play("hybrid", *steps, tap_ms=300, debounce_ms=100) == ["10 start dictate", "5000 stop"]


# --- repeats, bounce ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["hold", "hybrid"])
def test_repeated_presses_of_a_held_key_are_one_press(style: Style) -> None:
    repeats = [(at, DOWN) for at in range(670, 3000, 33)]
    assert play(style, (10, DOWN), *repeats, (3000, UP)) == ["10 start dictate", "3000 stop"]


@pytest.mark.parametrize("apart_ms", [0, 1, 5])
@pytest.mark.parametrize("style", ["hold", "hybrid"])
def test_pairs_of_release_and_press_with_nearly_one_timestamp_are_one_press(
    style: Style, apart_ms: int
) -> None:
    pairs = [step for at in range(670, 3000, 33) for step in ((at, UP), (at + apart_ms, DOWN))]
    assert play(style, (10, DOWN), *pairs, (3000, UP)) == ["10 start dictate", "3000 stop"]


def test_pairs_do_not_toggle() -> None:
    pairs = [step for at in range(670, 3000, 33) for step in ((at, UP), (at, DOWN))]
    assert play("toggle", (10, DOWN), *pairs, (3000, UP)) == ["10 start dictate"]


def test_a_contact_that_bounces_at_the_press_starts_once() -> None:
    steps = ((10, DOWN), (13, UP), (17, DOWN), (900, UP))
    assert play("hybrid", *steps, debounce_ms=30) == ["10 start dictate", "900 stop"]


def test_a_contact_that_bounces_at_the_release_stops_once_and_when_it_came_to_rest() -> None:
    steps = ((10, DOWN), (900, UP), (905, DOWN), (908, UP))
    assert play("hold", *steps, debounce_ms=30) == ["10 start dictate", "908 stop"]


def test_two_presses_further_apart_than_the_debounce_are_two() -> None:
    steps = ((10, DOWN), (900, UP), (931, DOWN), (1900, UP))
    assert play("hold", *steps, debounce_ms=30) == [
        "10 start dictate", "900 stop", "931 start dictate", "1900 stop"
    ]  # fmt: skip


def test_another_key_right_after_a_release_is_no_bounce_of_the_first() -> None:
    steps = ((10, DOWN), (900, UP), (910, EDIT_DOWN), (1900, EDIT_UP))
    assert play("hold", *steps, debounce_ms=30) == [
        "10 start dictate", "900 stop", "910 start edit", "1900 stop"
    ]  # fmt: skip


def test_a_stop_that_nobody_ticked_for_comes_before_the_start_that_follows() -> None:
    state, _ = decide(Gesture(Rules("hold")), DOWN, 10)
    state, _ = decide(state, UP, 900)
    _, gestures = decide(state, DOWN, 5000)
    assert [told(gesture) for gesture in gestures] == ["900 stop", "5000 start dictate"]


def test_without_debounce_a_release_counts_at_once() -> None:
    state, _ = decide(Gesture(Rules("hold", debounce_ms=0)), DOWN, 10)
    _, gestures = decide(state, UP, 900)
    assert [told(gesture) for gesture in gestures] == ["900 stop"]


# --- cancel -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["hold", "toggle", "hybrid"])
def test_escape_in_the_middle_of_a_hold_cancels_and_the_release_does_nothing(style: Style) -> None:
    assert play(style, (10, DOWN), (900, ESC), (1500, UP)) == ["10 start dictate", "900 cancel"]


def test_repeats_of_a_key_that_was_cancelled_start_nothing() -> None:
    repeats = [(at, DOWN) for at in range(930, 9000, 33)]
    assert play("hold", (10, DOWN), (900, ESC), *repeats, (9000, UP)) == ["10 start dictate", "900 cancel"]


def test_escape_cancels_a_tapped_talk() -> None:
    steps = ((10, DOWN), (60, UP), (900, ESC), (5000, DOWN), (5900, UP))
    assert play("hybrid", *steps) == ["10 start dictate", "900 cancel", "5000 start dictate", "5900 stop"]


def test_escape_between_a_release_and_the_end_of_its_debounce_wins() -> None:
    assert play("hold", (10, DOWN), (900, UP), (910, ESC), debounce_ms=30) == [
        "10 start dictate",
        "910 cancel",
    ]


def test_escape_while_nobody_talks_does_nothing_nor_does_a_second_one() -> None:
    assert play("hold", (5, ESC), (10, DOWN), (900, ESC), (910, ESC), (950, UP)) == [
        "10 start dictate", "900 cancel"
    ]  # fmt: skip


# --- two keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["hold", "toggle", "hybrid"])
def test_a_second_talk_key_while_the_first_is_held_does_nothing(style: Style) -> None:
    said = play(style, (10, DOWN), (500, EDIT_DOWN), (700, EDIT_UP), (900, UP))
    assert said == (["10 start dictate"] if style == "toggle" else ["10 start dictate", "900 stop"])


def test_a_second_key_held_beyond_the_first_does_not_take_over() -> None:
    repeats = [(at, EDIT_DOWN) for at in range(540, 3000, 33)]
    said = play("hold", (10, DOWN), (500, EDIT_DOWN), (520, UP), *repeats, (3000, EDIT_UP), (4000, EDIT_DOWN))
    assert said == ["10 start dictate", "520 stop", "4000 start edit"]


def test_a_second_key_whose_release_got_lost_works_again_once_it_was_silent() -> None:
    steps = ((10, DOWN), (500, EDIT_DOWN), (520, UP), (500 + REPEAT_GAP_MS + 1, EDIT_DOWN), (9000, EDIT_UP))
    assert play("hold", *steps) == ["10 start dictate", "520 stop", "3001 start edit", "9000 stop"]


@pytest.mark.parametrize("style", ["toggle", "hybrid"])
def test_either_key_ends_a_tapped_talk(style: Style) -> None:
    steps = ((10, DOWN), (60, UP), (2000, EDIT_DOWN), (2900, EDIT_UP))
    assert play(style, *steps) == ["10 start dictate", "2000 stop"]


# --- releases that nobody saw -------------------------------------------------------------------------------


def test_a_key_that_is_never_released_stops_after_the_longest_hold() -> None:
    said = play("hold", (10, DOWN), until_ms=600_000, longest_hold_ms=300_000)
    assert said == ["10 start dictate", "300010 stop"]


def test_a_key_that_is_truly_held_longer_than_that_does_not_start_again_by_repeating() -> None:
    repeats = [(at, DOWN) for at in range(670, 20_000, 33)]
    said = play("hold", (10, DOWN), *repeats, (20_000, UP), longest_hold_ms=5000)
    assert said == ["10 start dictate", "5010 stop"]


@pytest.mark.parametrize("style", ["hold", "hybrid"])
def test_after_a_lost_release_the_next_press_ends_with_its_own_release(style: Style) -> None:
    steps = ((10, DOWN), (9000, DOWN), (9900, UP))
    assert play(style, *steps) == ["10 start dictate", "9900 stop"]


def test_after_a_lost_release_the_next_press_still_toggles() -> None:
    assert play("toggle", (10, DOWN), (9000, DOWN)) == ["10 start dictate", "9000 stop"]


def test_after_a_lost_release_the_other_key_works_again() -> None:
    steps = ((10, DOWN), (500, ESC), (500 + REPEAT_GAP_MS + 1, EDIT_DOWN), (9900, EDIT_UP))
    assert play("hold", *steps)[2:] == ["3001 start edit", "9900 stop"]


# --- talk that began or ended elsewhere ---------------------------------------------------------------------


def test_a_press_ends_a_talk_that_was_begun_by_command() -> None:
    assert play("hybrid", (10, Talking(True)), (900, DOWN), (950, UP)) == ["900 stop"]


def test_holding_takes_over_a_talk_that_was_begun_by_command() -> None:
    assert play("hold", (10, Talking(True)), (900, DOWN), (1900, UP)) == ["900 start dictate", "1900 stop"]


def test_escape_cancels_a_talk_that_was_begun_by_command() -> None:
    assert play("hold", (10, Talking(True)), (900, ESC)) == ["900 cancel"]


def test_when_a_take_ended_by_command_the_release_does_nothing_and_the_next_press_starts() -> None:
    steps = ((10, DOWN), (500, Talking(False)), (900, UP), (2000, DOWN))
    assert play("toggle", *steps) == ["10 start dictate", "2000 start dictate"]
    assert play("hold", *steps, (2900, UP)) == ["10 start dictate", "2000 start dictate", "2900 stop"]


# --- whatever fingers, cables and servers do ----------------------------------------------------------------

EVENTS = st.sampled_from([DOWN, UP, EDIT_DOWN, EDIT_UP, ESC, Tick(), Talking(True), Talking(False)])
KEYS = st.sampled_from([DOWN, UP, EDIT_DOWN, EDIT_UP, ESC, Tick()])
GAPS = st.one_of(st.sampled_from([0, 1, 29, 30, 31, 299, 300, 2501]), st.integers(0, 400_000))
RULES = st.builds(
    Rules,
    style=st.sampled_from(["hold", "toggle", "hybrid"]),
    tap_ms=st.integers(1, 1000),
    debounce_ms=st.integers(0, 200),
    longest_hold_ms=st.integers(1, 3_600_000),
)


def gestures_of(
    rules: Rules, steps: list[tuple[int, KeyEvent]], *, ticking: bool
) -> tuple[Gesture, list[TalkEvent]]:
    state, said, now_ms = Gesture(rules), [], 0
    for gap_ms, event in steps:
        now_ms += gap_ms
        while ticking and (due_ms := deadline_ms(state)) is not None and due_ms < now_ms:
            state, gestures = decide(state, Tick(), due_ms)
            said += gestures
        state, gestures = decide(state, event, now_ms)
        said += gestures
    return state, said


@given(RULES, st.lists(st.tuples(GAPS, KEYS), max_size=40), st.booleans())
def test_starts_and_ends_alternate_whatever_the_keys_do(
    rules: Rules, steps: list[tuple[int, KeyEvent]], ticking: bool
) -> None:
    state, said = gestures_of(rules, steps, ticking=ticking)
    kinds = ["start" if isinstance(gesture, TalkStart) else "end" for gesture in said]
    assert kinds == ["start" if place % 2 == 0 else "end" for place in range(len(kinds))]
    assert state.is_talking == (len(kinds) % 2 == 1)


@given(RULES, st.lists(st.tuples(GAPS, EVENTS), max_size=40), st.booleans())
def test_with_commands_in_between_there_are_never_two_starts_without_a_word_that_it_ended(
    rules: Rules, steps: list[tuple[int, KeyEvent]], ticking: bool
) -> None:
    state, on, began_outside, now_ms = Gesture(rules), False, False, 0
    for gap_ms, event in steps:
        now_ms += gap_ms
        if ticking and (due_ms := deadline_ms(state)) is not None and due_ms < now_ms:
            now_ms = due_ms
            heard: KeyEvent = Tick()
        else:
            heard = event
        state, gestures = decide(state, heard, now_ms)
        for gesture in gestures:
            if isinstance(gesture, TalkStart):
                assert not on or began_outside
                on, began_outside = True, False
            else:
                assert on
                on = False
        if isinstance(heard, Talking):
            began_outside = heard.on and (began_outside or not on)
            on = heard.on
        assert state.is_talking == on


@given(RULES, st.lists(st.tuples(GAPS, EVENTS), max_size=40), st.booleans())
def test_times_never_run_backwards(rules: Rules, steps: list[tuple[int, KeyEvent]], ticking: bool) -> None:
    _, said = gestures_of(rules, steps, ticking=ticking)
    assert [gesture.at_s for gesture in said] == sorted(gesture.at_s for gesture in said)


@given(RULES, st.lists(st.tuples(GAPS, KEYS), max_size=40))
def test_hold_and_its_likes_come_to_rest_when_all_fingers_are_off(
    rules: Rules, steps: list[tuple[int, KeyEvent]]
) -> None:
    state, _ = gestures_of(rules, [*steps, (5000, UP), (0, EDIT_UP), (5000, Tick())], ticking=True)
    assert state.down is None
    assert state.talk in ("off", "latched")
    assert deadline_ms(state) is None


@given(RULES, st.lists(st.tuples(GAPS, EVENTS), max_size=40))
def test_a_deadline_is_never_asked_for_again_once_it_was_kept(
    rules: Rules, steps: list[tuple[int, KeyEvent]]
) -> None:
    state, _ = gestures_of(rules, steps, ticking=True)
    for _ in range(3):
        if (due_ms := deadline_ms(state)) is None:
            return
        state, _ = decide(state, Tick(), due_ms)
    assert deadline_ms(state) is None
