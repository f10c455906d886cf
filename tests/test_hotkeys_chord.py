"""How chords are written, and when one is pressed."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotkeys import Bindings, ChordInvalid, parse
from hotkeys.chord import Chord, cancels, triggered
from hotkeys.gesture import CancelPress, KeyEvent, Press, Release
from hotkeys.keys import KEYS, MODIFIERS, NAMED, SIDES
from hotkeys.pressed import FORGET_MS, Pressed

# --- writing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "modifiers"),
    [
        ("<ctrl>+<alt>+space", "space", {"ctrl", "alt"}),
        ("<ctrl>+<alt>+<space>", "space", {"ctrl", "alt"}),
        ("ctrl+alt+space", "space", {"ctrl", "alt"}),
        ("Alt + Control + SPACE", "space", {"ctrl", "alt"}),
        ("<f9>", "f9", set()),
        ("F24", "f24", set()),
        ("<pause>", "pause", set()),
        ("<right_alt>", "right_alt", set()),
        ("<alt_gr>", "right_alt", set()),
        ("<right_ctrl>+<f9>", "f9", {"right_ctrl"}),
        ("`", "`", set()),
        ("<grave>", "`", set()),
        ("<cmd>+<shift>+A", "a", {"super", "shift"}),
        ("<ctrl>++", "+", {"ctrl"}),
        ("+", "+", set()),
        ("<ctrl>+-", "-", {"ctrl"}),
        ("<ctrl>+<", "<", {"ctrl"}),
        ("<ctrl>+ё", "ё", {"ctrl"}),
        ("<page-up>", "page_up", set()),
        ("<esc>", "esc", set()),
        ("<Escape>", "esc", set()),
    ],
)
def test_chords_are_read(text: str, key: str, modifiers: set[str]) -> None:
    assert parse(text) == Chord(key, frozenset(modifiers))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("<ctrl>+", "nothing between two plus signs"),
        ("<ctrl>+<alt>++space", "nothing between two plus signs"),
        ("<ctrl>+<alt>", "modifiers only"),
        ("<ctrl>", "would take both Ctrl keys away"),
        ("a+b", "two keys besides modifiers: a and b"),
        ("<ctrl>+<control>+a", "names a key twice"),
        ("<ctrl>+<right_ctrl>+a", "one of them is enough"),
        ("<ctrl>+<spcae>", "names no key we know: spcae"),
        ("<ctrl>+ab", "names no key we know: ab"),
        ("<ctrl>+<f99>", "names no key we know: f99"),
        ("\n", "is empty"),
        ("<ctrl>+\x07", "names no key we know"),
    ],
)
def test_what_no_keyboard_could_press_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ChordInvalid) as caught:
        parse(text)
    assert says in str(caught.value)
    assert caught.value.hint


def test_a_misspelled_key_is_guessed() -> None:
    with pytest.raises(ChordInvalid) as caught:
        parse("<ctrl>+<spcae>")
    assert "Did you mean <space>?" in caught.value.hint


CHARACTERS = st.characters(categories=["Ll", "Nd"])
CHORDS = st.builds(
    Chord,
    st.sampled_from(sorted(set(KEYS) - set(SIDES))) | CHARACTERS,
    st.frozensets(st.sampled_from(MODIFIERS)),
)


@given(CHORDS)
def test_a_chord_that_is_written_out_is_read_as_the_same(chord: Chord) -> None:
    assert parse(str(chord)) == chord


@given(st.text(max_size=30))
def test_any_text_is_a_chord_or_refused_as_one(text: str) -> None:
    try:
        chord = parse(text)
    except ChordInvalid:
        return
    assert parse(str(chord)) == chord


@given(st.lists(st.sampled_from(sorted({*NAMED, *MODIFIERS, "a", "+", "<", ">", "", "<ctrl>"})), max_size=5))
def test_any_sum_of_names_is_a_chord_or_refused_as_one(parts: list[str]) -> None:
    try:
        chord = parse("+".join(parts))
    except ChordInvalid:
        return
    assert parse(str(chord)) == chord


# --- pressing -----------------------------------------------------------------------------------------------

BOUND = {"dictate": parse("<ctrl>+<alt>+space"), "edit": parse("<ctrl>+<alt>+<shift>+space")}


@pytest.mark.parametrize("order", list(itertools.permutations(["left_ctrl", "left_alt", "right_shift"])))
def test_a_chord_inside_another_chord_does_not_fire_in_whatever_order_the_modifiers_went_down(
    order: tuple[str, ...],
) -> None:
    assert triggered(BOUND, frozenset(order), "space") == "edit"
    assert triggered({"dictate": BOUND["dictate"]}, frozenset(order), "space") is None
    assert triggered(BOUND, frozenset(order[:2]), "space") == (
        "dictate" if set(order[:2]) == {"left_ctrl", "left_alt"} else None
    )


def test_either_side_of_a_modifier_will_do_and_both_as_well() -> None:
    for held in (
        {"left_ctrl", "left_alt"},
        {"right_ctrl", "right_alt"},
        {"left_ctrl", "right_ctrl", "left_alt"},
    ):
        assert triggered(BOUND, held, "space") == "dictate"


def test_the_chord_that_names_a_side_wins_over_the_one_that_does_not() -> None:
    bound = {"any": parse("<alt>+space"), "right": parse("<right_alt>+space")}
    assert triggered(bound, {"right_alt"}, "space") == "right"
    assert triggered(bound, {"left_alt"}, "space") == "any"
    assert triggered(bound, {"left_alt", "right_alt"}, "space") == "any"


def test_other_keys_that_are_down_do_not_matter() -> None:
    assert triggered({"talk": parse("<f9>")}, {"w", "a", "left_shift"}, "f9") is None
    assert triggered({"talk": parse("<f9>")}, {"w", "a"}, "f9") == "talk"


def test_a_modifier_alone_is_a_key_unless_another_one_is_down() -> None:
    assert triggered({"talk": parse("<right_alt>")}, set(), "right_alt") == "talk"
    assert triggered({"talk": parse("<right_alt>")}, {"left_ctrl"}, "right_alt") is None
    assert triggered({"talk": parse("<right_alt>")}, set(), "left_alt") is None


def test_escape_cancels_while_the_modifiers_of_the_talk_chord_are_still_down_but_alt_escape_does_not() -> (
    None
):
    escape, talk = parse("<esc>"), BOUND["dictate"]
    assert cancels(escape, {"left_ctrl", "left_alt", "space"}, "esc", talk)
    assert not cancels(escape, {"left_alt"}, "esc", None)
    assert not cancels(escape, {"left_ctrl", "left_alt", "left_super", "space"}, "esc", talk)
    assert cancels(escape, set(), "esc", None)
    assert cancels(escape, {"right_alt"}, "esc", parse("<right_alt>"))
    assert cancels(parse("<ctrl>+g"), {"left_ctrl", "left_alt"}, "g", talk)


# --- the pressed set ----------------------------------------------------------------------------------------


def feed(*moves: str, bindings: Bindings | None = None, apart_ms: int = 50) -> list[KeyEvent]:
    """What keys mean: "+space" goes down, "-space" comes up, 50 ms apart; "~40000" waits."""
    state, said, now_ms = Pressed(bindings or Bindings()), [], 0
    for move in moves:
        if move.startswith("~"):
            now_ms += int(move[1:])
            continue
        now_ms += apart_ms
        state, event = (state.press if move[0] == "+" else state.release)(move[1:], now_ms)
        if event is not None:
            said.append(event)
    return said


DOWN, UP = Press("dictate"), Release("dictate")


def test_the_key_triggers_not_the_modifiers() -> None:
    assert feed("+left_ctrl", "+left_alt", "+space", "-space", "-left_alt", "-left_ctrl") == [DOWN, UP]
    assert feed("+left_alt", "+left_ctrl", "+space", "-space") == [DOWN, UP]
    assert feed("+space", "+left_ctrl", "+left_alt", "-space") == []


def test_a_key_that_repeats_when_the_modifiers_come_triggers_nothing() -> None:
    assert feed("+space", "+space", "+left_ctrl", "+left_alt", "+space", "+space", "-space") == []


def test_modifiers_released_before_the_key_do_not_end_the_hold() -> None:
    moves = ("+left_ctrl", "+left_alt", "+space", "-left_ctrl", "-left_alt", "+space", "-space")
    assert feed(*moves) == [DOWN, DOWN, UP]


def test_a_pair_of_auto_repeat_without_modifiers_still_belongs_to_the_hold() -> None:
    moves = ("+left_ctrl", "+left_alt", "+space", "-left_ctrl", "-left_alt", "-space", "+space", "-space")
    assert feed(*moves, apart_ms=1) == [DOWN, UP, DOWN, UP]
    assert feed(*moves, apart_ms=500) == [DOWN, UP]


def test_escape_is_told_with_and_without_the_chord() -> None:
    assert feed("+left_ctrl", "+left_alt", "+space", "+esc") == [DOWN, CancelPress()]
    assert feed("+esc", "-esc") == [CancelPress()]
    assert feed("+left_alt", "+esc") == []


def test_a_modifier_whose_release_got_lost_is_forgotten_after_a_silence() -> None:
    chord = ("+left_ctrl", "+left_alt", "+space")
    assert feed("+left_shift", *chord) == []
    assert feed("+left_shift", f"~{FORGET_MS}", *chord) == [DOWN]


def test_a_talk_key_that_is_held_in_silence_is_not_forgotten() -> None:
    assert feed("+left_ctrl", "+left_alt", "+space", f"~{FORGET_MS}", "-space") == [DOWN, UP]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([*SIDES, "space", "e", "esc", "x"])), max_size=60))
def test_every_release_that_is_told_was_pressed_before(moves: list[tuple[bool, str]]) -> None:
    said = feed(*("+-"[not down] + key for down, key in moves))
    down: set[str] = set()
    for event in said:
        if isinstance(event, Press):
            down.add(event.mode)
        elif isinstance(event, Release):
            assert event.mode in down


# --- bindings -----------------------------------------------------------------------------------------------


def test_two_gestures_may_not_share_a_chord() -> None:
    with pytest.raises(ChordInvalid, match=r"<ctrl>\+<alt>\+<space> is bound to both dictate and edit"):
        Bindings(dictate="<ctrl>+<alt>+space", edit="alt+control+space")
    with pytest.raises(ChordInvalid, match="both cancel and edit"):
        Bindings(edit="<esc>")


def test_an_empty_chord_is_no_key() -> None:
    assert set(Bindings(edit="").chords()) == {"dictate", "cancel"}
    assert Bindings(dictate="", edit=" ").talk_chords() == {}
