"""Which keys type what: the rules on maps made up here, and the reading of maps that a real server has."""

# ruff: noqa: RUF001  (letters that look like others are what this is about)

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from virtual_display import VirtualDisplay, virtual_display

from voice_edit.desktop._x11_keysyms import character, uppercase
from voice_edit.desktop._x11_layout import LOCK, Key, KeyType, Layout, Stroke
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop._x11_xkb import Xkb, parse_map

SHIFT, LEVEL3, NUM = 1, 0x80, 0x10
ONE_LEVEL = KeyType(0, {})
TWO_LEVELS = KeyType(SHIFT, {SHIFT: 1})
LETTERS = KeyType(SHIFT | LOCK, {SHIFT: 1, LOCK: 1})
FOUR_LEVELS = KeyType(SHIFT | LEVEL3, {SHIFT: 1, LEVEL3: 2, SHIFT | LEVEL3: 3})
SHIFT_KEY, ALTGR_KEY, LETTER_KEY, DIGIT_KEY = 50, 92, 38, 10
MODIFIERS = {SHIFT_KEY: SHIFT, ALTGR_KEY: LEVEL3}


def layout(*, group: int = 0, locked: int = 0, beyond: str = "wrap") -> Layout:
    """A keyboard with Shift, AltGr, a letter key (a, in the second group ф) and a digit key (2 " ² €)."""
    return Layout(
        {
            SHIFT_KEY: Key([(ONE_LEVEL, [0xFFE1])]),
            ALTGR_KEY: Key([(ONE_LEVEL, [0xFE03])]),
            LETTER_KEY: Key([(LETTERS, [0x61, 0x41]), (LETTERS, [0x6C6, 0x6E6])]),
            DIGIT_KEY: Key([(FOUR_LEVELS, [0x32, 0x22, 0xB2, 0x20AC])], beyond),
        },
        MODIFIERS,
        group,
        locked,
    )


# --- strokes ------------------------------------------------------------------------------------------------


def test_each_level_of_a_key_is_reached_with_the_modifiers_it_needs() -> None:
    strokes = layout().strokes()
    assert strokes["2"] == Stroke(DIGIT_KEY)
    assert strokes['"'] == Stroke(DIGIT_KEY, (SHIFT_KEY,))
    assert strokes["²"] == Stroke(DIGIT_KEY, (ALTGR_KEY,))
    assert strokes["€"] == Stroke(DIGIT_KEY, (SHIFT_KEY, ALTGR_KEY))


def test_only_the_group_of_the_moment_counts() -> None:
    assert "a" in layout().strokes()
    assert set("фФ") < set(layout(group=1).strokes())
    assert "a" not in layout(group=1).strokes()


@pytest.mark.parametrize(("beyond", "group"), [("wrap", 3), ("clamp", 1), ("redirect:0", 2)])
def test_a_key_with_fewer_groups_still_types(beyond: str, group: int) -> None:
    assert layout(group=group, beyond=beyond).strokes()["2"] == Stroke(DIGIT_KEY)


def test_while_caps_lock_is_on_a_small_letter_needs_shift() -> None:
    strokes = layout(locked=LOCK).strokes()
    assert strokes["A"] == Stroke(LETTER_KEY)
    assert strokes["a"] == Stroke(LETTER_KEY, (SHIFT_KEY,))


def test_caps_lock_also_acts_on_keys_that_do_not_know_it() -> None:
    key = Key([(FOUR_LEVELS, [0x61, 0x41, 0xE6, 0xC6])])
    assert key.types(0, LOCK) == 0x41
    assert key.types(0, LOCK | LEVEL3) == 0xC6


def test_num_lock_changes_nothing_for_letters() -> None:
    assert layout(locked=NUM).strokes() == layout().strokes()


def test_a_key_that_no_keyboard_has_is_used_last() -> None:
    keys = {
        SHIFT_KEY: Key([(ONE_LEVEL, [0xFFE1])]),
        18: Key([(TWO_LEVELS, [0x39, 0x28])]),
        187: Key([(ONE_LEVEL, [0x28])]),
    }
    assert Layout(keys, {SHIFT_KEY: SHIFT}).strokes()["("] == Stroke(18, (SHIFT_KEY,))


def test_modifiers_that_are_no_shift_are_never_held() -> None:
    control = {**layout().keys, 37: Key([(ONE_LEVEL, [0xFFE3])])}
    keys = {**control, 24: Key([(KeyType(4, {4: 1}), [0x71, 0x51])])}
    assert "Q" not in Layout(keys, {**MODIFIERS, 37: 4}).strokes()


def test_the_key_of_a_chord_is_where_the_present_layout_has_its_character() -> None:
    assert layout().plain("a", 0) == LETTER_KEY
    assert layout().plain("A", SHIFT) == LETTER_KEY
    assert layout(group=1).plain("a", 0) == 0


# --- keysyms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keysym", "char"),
    [
        (0x61, "a"), (0xDF, "ß"), (0x1000153, "œ"), (0x13BD, "œ"), (0x1B3, "ł"), (0x20AC, "€"), (0x6C6, "ф"),
        (0x6A3, "ё"), (0x6B0, "№"), (0x7E1, "α"), (0x7F3, "ς"), (0x7B1, "ά"), (0xCE0, "א"), (0xDA1, "ก"),
        (0xFF0D, "\n"), (0xAD3, "\u201d"), (0x101F600, "😀"),
    ],
)  # fmt: skip
def test_keysyms_of_every_age_are_known(keysym: int, char: str) -> None:
    assert character(keysym) == char


@pytest.mark.parametrize("keysym", [0, 0xFF09, 0xFF08, 0xFF8D, 0xFFE1, 0xFE51, 0x1008FF14, 0x80])
def test_keys_that_type_no_character_type_none(keysym: int) -> None:
    assert character(keysym) == ""


def test_upper_case_is_that_of_the_character_and_only_where_it_is_one() -> None:
    assert character(uppercase(0x6C6)) == "Ф"
    assert uppercase(0xDF) == 0xDF
    assert uppercase(0x32) == 0x32


# --- reading a map ------------------------------------------------------------------------------------------


def test_a_map_is_read_as_the_protocol_lays_it_out() -> None:
    kind = struct.pack("=BBHBBBx", SHIFT, SHIFT, 0, 2, 1, 1) + struct.pack("=BBBBHxx", 1, SHIFT, 1, SHIFT, 0)
    preserve = struct.pack("=BBH", SHIFT, SHIFT, 0)
    key = struct.pack("=4BBBH", 0, 0, 0, 0, 0x40 | 1, 2, 2) + struct.pack("=2I", 0x61, 0x41)
    held = struct.pack("=BBxx", SHIFT_KEY, SHIFT)
    keys, modifiers = parse_map(kind + preserve + key + held, 1, 38, 1, 1)
    assert keys == {38: Key([(KeyType(SHIFT, {SHIFT: 1}, {SHIFT: SHIFT}), (0x61, 0x41))], "clamp")}
    assert modifiers == {SHIFT_KEY: SHIFT}


def test_a_map_that_is_cut_off_is_no_map() -> None:
    with pytest.raises(struct.error):
        parse_map(b"\1\1", 1, 38, 1, 0)


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(window_manager=False) as shown:
        yield shown


@pytest.mark.parametrize(
    ("arguments", "typed", "not_typed"),
    [
        (("us",), "az[]~`'^|\\", "äéфß€"),
        (("de",), "äöüßÄÖÜ€@~|{}", "éф"),
        (("fr",), "éèçàù€#{[|`\\@", "äфê"),
        (("ru",), "абвгдеёж№.,", "a['"),
        (("pl",), "ąćęłńóśźżŻ€", "éф"),
        (("gr",), "αβγςσΩ", "aф"),
        (("-layout", "us", "-variant", "altgr-intl"), "äéßñ€a'", "ф"),
    ],
)
def test_layouts_of_a_real_server_type_what_their_keys_show(
    display: VirtualDisplay, arguments: tuple[str, ...], typed: str, not_typed: str
) -> None:
    display.us_layout()
    display.layout(*arguments)
    thread = XThread(display.name, "layout")
    try:
        strokes = thread.call(lambda: Xkb(thread.display).layout()).strokes()
    finally:
        thread.close()
    assert [char for char in typed if char not in strokes] == []
    assert [char for char in not_typed if char in strokes] == []
