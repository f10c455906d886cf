"""Keyboard maps of our own, and the words of the Wayland protocol. No compositor."""

from __future__ import annotations

import os
import struct
import subprocess
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotkeys.chord import parse
from voice_edit.desktop._wayland_keymap import (
    chord_keys,
    chord_symbols,
    keymap,
    keysym,
    typed_chunks,
    untypable,
)
from voice_edit.desktop._wayland_wire import Arguments, socket_path, words
from voice_edit.errors import TargetGone

TYPABLE = st.text(
    st.characters(max_codepoint=0xFFFF, exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"))
    | st.sampled_from("\n\t")
)


def typed(text: str) -> str:
    """What the presses of the chunks give, looked up in their maps."""
    special = {"Return": "\n", "Tab": "\t", "space": " "}
    symbols = ((chunk.symbols[code] for code in chunk.codes) for chunk in typed_chunks(text))
    return "".join(special.get(name) or chr(int(name[1:], 16)) for names in symbols for name in names)


@given(TYPABLE)
def test_the_keys_pressed_for_a_text_give_exactly_that_text(text: str) -> None:
    assert untypable(text) == ""
    assert typed(text) == text


def test_more_different_characters_than_there_are_keys_take_several_maps() -> None:
    text = "".join(chr(0x4E00 + number) for number in range(200))
    chunks = typed_chunks(text)
    assert len(chunks) == 5
    assert typed(text) == text


def test_a_character_sits_where_the_keyboard_has_it_so_that_shortcuts_of_pages_see_the_right_key() -> None:
    (chunk,) = typed_chunks("a1.")
    assert chunk.codes == (30, 2, 52)


def test_no_character_sits_on_a_key_that_does_something() -> None:
    functions = {1, 14, 28, 15, 29, 42, 56, *range(59, 69), 102, 103, 110, 111, 125}
    (chunk,) = typed_chunks("".join(chr(0x3B1 + number) for number in range(24)))
    assert not functions & set(chunk.codes)


@pytest.mark.parametrize("bad", ["\x00", "\x1b", "\x7f", "\r", "\ud800", "\u2028", "😀"])
def test_characters_that_no_key_gives_are_named_once(bad: str) -> None:
    assert untypable(f"a{bad}b{bad}") == bad


def test_a_chord_is_its_modifiers_in_order_and_its_key() -> None:
    keys = chord_keys(parse("<shift>+<ctrl>+v"))
    assert keys is not None
    assert (keys.modifiers, keys.mask, keys.key) == ((42, 29), 5, 47)


def test_a_chord_on_a_key_that_only_some_keyboards_have_is_not_guessed() -> None:
    assert chord_keys(parse("<ctrl>+ß")) is None


def test_the_map_of_chords_has_letters_in_both_cases_and_the_modifiers() -> None:
    text = keymap(chord_symbols())
    assert "key <K47> { [ U0076, U0056 ] };" in text
    assert "key <K110> { [ Insert ] };" in text
    assert "modifier_map Control { <K29>, <K97> };" in text


def test_xkb_itself_accepts_the_maps(tmp_path: os.PathLike[str]) -> None:
    for symbols in (chord_symbols(), typed_chunks("Grüße 你好 א\n")[0].symbols):
        path = os.path.join(tmp_path, "map.xkb")  # noqa: PTH118
        with open(path, "w") as file:  # noqa: PTH123
            file.write(keymap(symbols))
        done = subprocess.run(
            # Not /dev/null: xkbcomp removes what it writes to first, and root may.
            ["xkbcomp", "-w", "0", path, "-xkb", "-o", f"{path}.out"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_characters_have_names_as_unicode_keysyms() -> None:
    assert [keysym(char) for char in "é😀\n "] == ["U00E9", "U1F600", "Return", "space"]


# --- the wire -----------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))), st.integers(0, 2**32 - 1))
def test_arguments_arrive_as_they_were_sent(text: str, number: int) -> None:
    body, fds = words("suhs", (text, number, 7, ""))
    assert fds == [7]
    assert len(body) % 4 == 0
    read = Arguments(body, deque(fds))
    assert (read.string(), read.uint(), read.fd(), read.string()) == (text, number, 7, "")


def test_a_string_ends_with_a_zero_and_fills_whole_words() -> None:
    assert words("s", ("abc",))[0] == struct.pack("=I4s", 4, b"abc\0")
    assert words("s", ("abcd",))[0] == struct.pack("=I8s", 5, b"abcd\0\0\0\0")


def test_the_socket_is_where_the_session_says() -> None:
    assert (
        str(socket_path({"WAYLAND_DISPLAY": "wayland-1", "XDG_RUNTIME_DIR": "/run/u"})) == "/run/u/wayland-1"
    )
    assert str(socket_path({"WAYLAND_DISPLAY": "/abs/way"})) == "/abs/way"


@pytest.mark.parametrize("environ", [{}, {"WAYLAND_DISPLAY": "wayland-1"}, {"XDG_RUNTIME_DIR": "/run/u"}])
def test_without_a_session_the_reason_comes_with_a_remedy(environ: dict[str, str]) -> None:
    with pytest.raises(TargetGone, match="no Wayland session") as caught:
        socket_path(environ)
    assert "service install" in caught.value.hint
