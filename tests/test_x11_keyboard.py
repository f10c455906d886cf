"""Keys for real programs, in several layouts, and never into the wrong place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from virtual_desktop import VirtualDesktop, virtual_desktop
from virtual_display import TypingPad, until
from x11_groups import lock_group

from voice_edit.desktop import _x11_keyboard
from voice_edit.desktop._x11_clipboard import X11Clipboard
from voice_edit.desktop._x11_keyboard import X11Keyboard
from voice_edit.desktop.errors import FieldUnsupported, KeysHeld
from voice_edit.errors import TargetUncertain

TEXT = (
    "The quick (brown) fox; 100% \"ok\" {[~]} @#$ it's a^b `c`\nZwölf Öl für Straße € é è à ç ñ\n"
    "Привет, мир! №"
)  # fmt: skip
LAYOUTS = {
    "us": ("us",),
    "de": ("de",),
    "fr": ("fr",),
    "ru": ("ru",),
    "us with AltGr": ("-layout", "us", "-variant", "altgr-intl"),
}


@pytest.fixture(scope="module")
def desk() -> Iterator[VirtualDesktop]:
    with virtual_desktop() as desktop:
        yield desktop


@pytest.fixture
def keyboard(desk: VirtualDesktop) -> Iterator[X11Keyboard]:
    desk.us_layout()
    ours = X11Keyboard(desk.name)
    yield ours
    desk.hands_off()
    ours.close()


@pytest.fixture
def program(desk: VirtualDesktop, keyboard: X11Keyboard) -> Iterator[Any]:
    """A window of GTK 3 in front."""
    app = desk.start("gtk3")
    yield app
    app.close()


@pytest.fixture
def pad(desk: VirtualDesktop, keyboard: X11Keyboard) -> Iterator[TypingPad]:
    """A window that notes the keys it gets."""
    window = TypingPad(desk)
    yield window
    window.close()


def pressed(pad: TypingPad, keyboard: X11Keyboard) -> list[str]:
    """What the pad got, in order; a last Escape tells that nothing is under way."""
    keyboard.press("<esc>")
    until(lambda: "Escape" in pad.look(), "the Escape arrived")
    return pad.pressed[: pad.pressed.index("Escape")]


# --- typing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt", "tk", "xterm"])
def test_what_the_layout_has_arrives_byte_by_byte(
    desk: VirtualDesktop, keyboard: X11Keyboard, kind: str
) -> None:
    program = desk.start(kind)
    try:
        for arguments in LAYOUTS.values():
            desk.us_layout()
            desk.layout(*arguments)
            untypable = keyboard.untypable(TEXT)
            typable = "".join(char for char in TEXT if char not in untypable)
            program.set("")
            keyboard.type(typable)
            program.expect(typable)
    finally:
        program.close()


def test_the_second_layout_of_a_map_is_typed_while_it_is_on(
    desk: VirtualDesktop, keyboard: X11Keyboard
) -> None:
    desk.layout("-layout", "us,ru")
    assert keyboard.untypable("hello привет") == "привет"
    lock_group(desk.name, 1)
    try:
        assert keyboard.untypable("hello привет") == "helo"
    finally:
        lock_group(desk.name, 0)


def test_what_no_key_types_is_named_once_and_nothing_is_typed(
    desk: VirtualDesktop, keyboard: X11Keyboard, pad: TypingPad
) -> None:
    assert keyboard.untypable("a 你好 你 😀\t") == "你好😀\t"
    with pytest.raises(FieldUnsupported, match="has no key for 1 of") as refused:
        keyboard.type("abc 你")
    assert "paste" in refused.value.hint
    assert pressed(pad, keyboard) == []


def test_typing_is_right_while_caps_lock_is_on(desk: VirtualDesktop, keyboard: X11Keyboard) -> None:
    program = desk.start("xterm")
    try:
        desk.tap("Caps_Lock")
        text = "".join(
            char
            for char in "Small and LARGE, 100%"
            if char not in keyboard.untypable("Small and LARGE, 100%")
        )
        keyboard.type(text)
        program.expect(text)
    finally:
        desk.tap("Caps_Lock")
        program.close()


def test_the_keyboard_map_is_never_touched(
    desk: VirtualDesktop, keyboard: X11Keyboard, pad: TypingPad
) -> None:
    before = desk.run("xkbcomp", "-w0", desk.name, "-")
    keyboard.type("some text")
    with pytest.raises(FieldUnsupported):
        keyboard.type("你")
    assert desk.run("xkbcomp", "-w0", desk.name, "-") == before


# --- chords -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chord", "arrived"),
    [
        ("<shift>+<insert>", ["Shift_L", "Insert"]),
        ("<ctrl>+v", ["Control_L", "v"]),
        ("<ctrl>+<shift>+v", ["Control_L", "Shift_L", "v"]),
        ("<backspace>", ["BackSpace"]),
    ],
)
def test_a_chord_goes_down_with_its_modifiers_around_it(
    keyboard: X11Keyboard, pad: TypingPad, chord: str, arrived: list[str]
) -> None:
    keyboard.press(chord)
    assert pressed(pad, keyboard) == arrived


@pytest.mark.parametrize("layout", [("us", 0), ("de", 0), ("fr", 0), ("us,ru", 1), ("us,fr", 1)])
def test_both_paste_chords_paste_in_every_layout(
    desk: VirtualDesktop, keyboard: X11Keyboard, program: Any, layout: tuple[str, int]
) -> None:
    clipboard = X11Clipboard(desk.name)
    name, group = layout
    desk.layout("-layout", name)
    lock_group(desk.name, group)
    try:
        for chord in ("<shift>+<insert>", "<ctrl>+v"):
            program.set("")
            state = clipboard.paste("words", into=None, press=partial(keyboard.press, chord), timeout_s=10.0)
            assert state == "claimed"
            program.expect("words")
    finally:
        lock_group(desk.name, 0)
        clipboard.close()


def test_a_chord_that_makes_no_sense_is_told(keyboard: X11Keyboard) -> None:
    for chord in ("<ctrl>+<nonsense>", "", "<mic_mute>+a"):
        with pytest.raises(FieldUnsupported):
            keyboard.press(chord)


# --- held keys, and the user meanwhile ----------------------------------------------------------------------


@pytest.mark.parametrize("modifier", ["ctrl", "shift", "alt", "super", "ISO_Level3_Shift"])
def test_nothing_is_pressed_while_a_modifier_is_held(
    desk: VirtualDesktop, keyboard: X11Keyboard, pad: TypingPad, modifier: str
) -> None:
    desk.down(modifier)
    with pytest.raises(KeysHeld, match="is held down"):
        keyboard.press("<shift>+<insert>")
    with pytest.raises(KeysHeld):
        keyboard.type("text")
    assert not keyboard.wait_until_released(0.05)
    desk.up(modifier)
    assert keyboard.wait_until_released(5.0)
    assert not {"Insert", "t"} & set(pressed(pad, keyboard))


def test_a_held_letter_does_not_matter(desk: VirtualDesktop, keyboard: X11Keyboard, pad: TypingPad) -> None:
    desk.down("a")
    assert keyboard.wait_until_released(0.0)
    desk.up("a")


def test_typing_stops_where_a_modifier_goes_down(
    desk: VirtualDesktop, keyboard: X11Keyboard, pad: TypingPad, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_chunk(monkeypatch, 2, lambda: desk.down("ctrl"))
    with pytest.raises(TargetUncertain, match="32 of 100 characters were typed"):
        keyboard.type("a" * 100)
    desk.up("ctrl")
    assert pressed(pad, keyboard).count("a") == 32


def test_typing_stops_where_the_focus_moves(
    desk: VirtualDesktop, keyboard: X11Keyboard, pad: TypingPad, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[TypingPad] = []
    after_chunk(monkeypatch, 1, lambda: others.append(TypingPad(desk)))
    try:
        with pytest.raises(TargetUncertain, match=r"focus moved .* after 16 characters"):
            keyboard.type("a" * 100)
        assert "a" not in pressed(others[0], keyboard)
    finally:
        for other in others:
            other.close()


def test_typing_stops_where_the_layout_changes(
    desk: VirtualDesktop, keyboard: X11Keyboard, pad: TypingPad, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_chunk(monkeypatch, 1, lambda: desk.layout("ru"))
    with pytest.raises(TargetUncertain, match="layout changed"):
        keyboard.type("a" * 100)


def after_chunk(monkeypatch: pytest.MonkeyPatch, number: int, happen: Any) -> None:
    """Let something happen between two chunks of typing."""
    original, chunks = X11Keyboard._type, [0]

    def typed(self: X11Keyboard, *arguments: Any) -> None:
        if chunks[0] == number:
            happen()
        chunks[0] += 1
        original(self, *arguments)

    monkeypatch.setattr(_x11_keyboard.X11Keyboard, "_type", typed)
    monkeypatch.setattr(_x11_keyboard, "CHUNK_S", 30.0)
