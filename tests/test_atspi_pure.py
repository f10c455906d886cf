"""What AT-SPI's answers mean: offsets, text windows, the focus from events, elements."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.desktop._atspi_focus import (
    Activated,
    Deactivated,
    Focus,
    Focused,
    FocusEvent,
    Left,
    Unfocused,
    decide,
)
from voice_edit.desktop._atspi_names import (
    EDITABLE,
    EDITABLE_TEXT,
    ENABLED,
    MULTI_LINE,
    PASSWORD_ROLE,
    READ_ONLY,
    SINGLE_LINE,
    TERMINAL_ROLE,
    TEXT,
    Program,
    Ref,
    element_of,
    role_name,
    toolkit_name,
    traits,
)
from voice_edit.desktop._atspi_units import (
    PAD,
    cut,
    length_for,
    points_before,
    told_twice,
    units_before,
    unpadded,
    untwice,
    window_around,
)
from voice_edit.desktop.base import Element

TEXTS = st.text(st.sampled_from("ab é\n你😀👍🏽\u0301\u200d\U00010000"), max_size=40) | st.text(max_size=20)
MUCH = {EDITABLE, ENABLED, MULTI_LINE}


# --- offsets ----------------------------------------------------------------------------------------------


@given(TEXTS, st.data())
def test_utf16_offsets_are_code_points_and_back(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    native = units_before(text, at, "utf-16")
    assert native == len(text[:at].encode("utf-16-le")) // 2
    assert points_before(text, native, "utf-16") == at


def test_an_offset_inside_a_surrogate_pair_is_where_the_pair_begins() -> None:
    assert [points_before("a😀b", native, "utf-16") for native in range(-1, 7)] == [0, 0, 1, 1, 2, 3, 3, 3]


@given(TEXTS)
def test_gecko_s_padding_is_taken_away_and_nothing_else(text: str) -> None:
    clean = text.replace(PAD, "")
    padded = "".join(char + PAD if char > "\uffff" else char for char in clean)
    assert unpadded(padded, "utf-16 padded") == clean
    assert len(padded) == units_before(clean, len(clean), "utf-16 padded")
    assert unpadded(padded, "utf-16") == padded


@pytest.mark.parametrize(("toolkit", "length"), [("gtk3", 10), ("gtk4", 10), ("qt", 5)])
def test_the_length_to_insert_is_counted_as_the_toolkit_counts_it(toolkit: str, length: int) -> None:
    length_in = traits(toolkit).length_in
    assert length_in
    assert length_for("é你a😀", length_in) == length


@pytest.mark.parametrize("toolkit", ["chromium", "gecko", "webkitgtk", "something new"])
def test_toolkits_whose_length_is_not_known_are_not_written_to_by_offsets(toolkit: str) -> None:
    assert traits(toolkit).length_in is None
    told = element(toolkit=toolkit)
    assert (told.readable, told.writable) == (True, False)


# --- Chromium's selections --------------------------------------------------------------------------------


@given(TEXTS, st.data())
def test_what_chromium_tells_of_a_selection_is_turned_back(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    told = told_twice(text, start), told_twice(text, end)
    if start == end or told[0] is None or told[1] is None:
        return
    for caret in (start, end):
        assert untwice(text[: told[1]], (told[0], told[1]), caret) == (start, end)


def test_a_selection_that_chromium_cannot_tell_is_unknown_not_guessed() -> None:
    text = "Grü, 😀 end"
    assert told_twice(text, 6) is None  # as UTF-16, 6 is inside the pair
    assert untwice("", (0, 0), 6) is None


def test_a_version_that_counts_once_is_noticed_by_the_caret() -> None:
    assert untwice("Grü, 😀 ", (2, 7), 7) == (2, 7)
    assert untwice("Grü, 😀", (2, 6), 7) == (2, 7)


# --- text windows -----------------------------------------------------------------------------------------


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 100))
def test_a_window_is_as_long_as_it_may_be_and_has_the_caret_inside(count: int, at: int, most: int) -> None:
    at = min(at, count)
    start, end = window_around(count, at, most)
    assert 0 <= start <= at <= end <= count
    assert end - start == min(most, count)


@given(TEXTS, TEXTS, TEXTS, st.data())
def test_a_cut_keeps_caret_and_selection_inside(head: str, text: str, tail: str, data: st.DataObject) -> None:
    low = data.draw(st.integers(0, len(text)))
    high = data.draw(st.integers(low, len(text)))
    start, count = len(head), len(head + text + tail)
    begin, end = cut(text, start, count, (start + low, start + high))
    assert 0 <= begin <= low <= high <= end <= len(text)
    if not head:
        assert begin == 0
    if not tail:
        assert end == len(text)


def test_a_window_is_cut_behind_a_line_break_else_a_space_else_a_character() -> None:
    lines = "end\nof it. " + "x" * 40 + " next\nlast"
    begin, end = cut(lines, 100, 1000, (120, 120))
    assert lines[begin:end].startswith("of it.")
    assert lines[begin:end].endswith("next\n")
    words = "rt of words " + "x" * 40 + " more wo"
    begin, end = cut(words, 100, 1000, (130, 130))
    assert words[begin:end] == words[3:-2]
    marks = "\u0301\u0301" + "x" * 40 + "e\u0301"
    begin, end = cut(marks, 100, 1000, (120, 120))
    assert marks[begin:end] == "x" * 40


def test_a_text_that_is_whole_is_not_cut() -> None:
    assert cut("a b\nc", 0, 5, (2, 2)) == (0, 5)


# --- the focus --------------------------------------------------------------------------------------------

ONE, OTHER = Ref(":1.1", "/field"), Ref(":1.2", "/field")
ONE_WINDOW, OTHER_WINDOW = Ref(":1.1", "/window"), Ref(":1.2", "/window")


def after(*events: FocusEvent) -> Focus:
    now = Focus()
    for event in events:
        now = decide(now, event)
    return now


def test_events_of_two_programs_mean_the_same_in_any_order() -> None:
    before = [Activated(ONE_WINDOW), Focused(ONE)]
    loses = [Deactivated(ONE_WINDOW), Unfocused(ONE)]
    gains = [Activated(OTHER_WINDOW), Focused(OTHER)]
    for places in itertools.combinations(range(4), 2):
        left, came = iter(loses), iter(gains)
        mixed: list[FocusEvent] = [next(left) if at in places else next(came) for at in range(4)]
        now = after(*before, *mixed)
        assert (now.ref, now.window, now.known) == (OTHER, OTHER_WINDOW, True), mixed


def test_a_window_that_comes_to_the_front_without_naming_a_field_is_looked_into() -> None:
    now = after(Activated(ONE_WINDOW), Focused(ONE), Deactivated(ONE_WINDOW), Activated(ONE_WINDOW))
    assert (now.ref, now.window, now.known) == (None, ONE_WINDOW, False)


def test_another_window_of_the_same_program_does_not_keep_the_field_of_the_first() -> None:
    second = Ref(":1.1", "/second")
    now = after(Activated(ONE_WINDOW), Focused(ONE), Activated(second))
    assert (now.ref, now.known) == (None, False)
    assert after(Activated(ONE_WINDOW), Focused(ONE), Activated(second), Deactivated(ONE_WINDOW)) == now


def test_a_field_that_lost_the_focus_is_forgotten_and_one_that_had_none_changes_nothing() -> None:
    assert after(Focused(ONE), Unfocused(ONE)).ref is None
    assert after(Focused(ONE), Unfocused(OTHER)).ref == ONE


def test_a_program_that_left_takes_its_focus_along() -> None:
    assert after(Activated(ONE_WINDOW), Focused(ONE), Left(":1.1")) == Focus()
    assert after(Focused(ONE), Left(":1.2")).ref == ONE


# --- elements ---------------------------------------------------------------------------------------------


def bits(states: set[int]) -> int:
    return sum(1 << state for state in states)


def element(role: int = 61, states: set[int] = MUCH, *, toolkit: str = "gtk3") -> Element:
    program = Program("pad", toolkit, 42)
    return element_of(Ref(":1.7", "/org/a11y/9"), program, role, bits(states), [TEXT, EDITABLE_TEXT])


def test_a_text_view_can_be_read_and_written() -> None:
    assert element() == Element(
        ref=":1.7/org/a11y/9",
        app="pad",
        toolkit="gtk3",
        role="text",
        pid=42,
        secret=False,
        editable=True,
        multi_line=True,
        readable=True,
        writable=True,
    )
    assert Ref.parse(element().ref) == Ref(":1.7", "/org/a11y/9")


def test_a_password_is_secret_and_neither_readable_nor_writable() -> None:
    secret = element(PASSWORD_ROLE)
    assert (secret.secret, secret.readable, secret.writable) == (True, False, False)


@pytest.mark.parametrize("states", [{ENABLED}, {EDITABLE}, {EDITABLE, ENABLED, READ_ONLY}])
def test_what_is_read_only_or_disabled_takes_no_text(states: set[int]) -> None:
    told = element(states=states)
    assert (told.editable, told.writable) == (False, False)


def test_a_terminal_takes_text_and_is_no_text_to_edit() -> None:
    told = element(TERMINAL_ROLE, {ENABLED, MULTI_LINE})
    assert (told.editable, told.readable, told.writable) == (True, False, False)


def test_a_single_line_is_no_multi_line_whatever_else_is_said() -> None:
    assert not element(states={*MUCH, SINGLE_LINE}).multi_line


def test_gtk_s_two_toolkits_are_told_apart_and_names_are_lower_case() -> None:
    told = [toolkit_name(*each) for each in (("gtk", "3.24.38"), ("GTK", "4.8.3"), ("Qt", ""), ("gtk", ""))]
    assert told == ["gtk3", "gtk4", "qt", "gtk3"]


def test_roles_have_the_names_of_the_interface_and_later_ones_a_number() -> None:
    assert [role_name(number) for number in (40, 60, 61, 79, 129)] == [
        "password text", "terminal", "text", "entry", "push button menu",
    ]  # fmt: skip
    assert role_name(1000) == "role 1000"
