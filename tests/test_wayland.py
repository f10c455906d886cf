"""Windows, keys and what opens in a real compositor without a screen: sway with GTK 3, GTK 4 and Qt; weston
for a desktop that allows nothing of the kind.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from virtual_display import until
from virtual_wayland import VirtualWayland, WaylandApp, virtual_wayland

from voice_edit.desktop._wayland import open_wayland
from voice_edit.desktop._wayland_keyboard import MOST_TYPED, VirtualKeyboard
from voice_edit.desktop._wayland_sway import SwayWindows, window_in
from voice_edit.desktop._wayland_toplevels import ToplevelWindows
from voice_edit.desktop.base import Window
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError, TargetGone, TargetTimeout

TEXT = "Grüße, l'été: 你好 世界 ☺\ufe0f क\u094d\u200dष e\u0301 שלום مرحبا ČĐž €@{}[]~|\\\n\tzweite Zeile"


@pytest.fixture(scope="module")
def sway() -> Iterator[VirtualWayland]:
    with virtual_wayland() as session:
        yield session


@pytest.fixture(scope="module")
def keyboard(sway: VirtualWayland) -> Iterator[VirtualKeyboard]:
    keyboard = VirtualKeyboard(sway.env)
    yield keyboard
    keyboard.close()


@pytest.fixture(scope="module", params=["gtk4", "gtk3", "qt"])
def app(
    request: pytest.FixtureRequest, sway: VirtualWayland, keyboard: VirtualKeyboard
) -> Iterator[WaylandApp]:
    app = WaylandApp(sway, request.param)
    yield app
    app.close()


def test_text_of_every_script_arrives_as_it_is(app: WaylandApp, keyboard: VirtualKeyboard) -> None:
    app.set("")
    keyboard.type(TEXT)
    app.until_text(TEXT)


def test_a_text_with_hundreds_of_different_characters_arrives_in_order(
    app: WaylandApp, keyboard: VirtualKeyboard
) -> None:
    text = "".join(chr(0x4E00 + number) for number in range(700))
    app.set("")
    keyboard.type(text)
    app.until_text(text)


def test_chords_arrive_as_chords(app: WaylandApp, keyboard: VirtualKeyboard) -> None:
    app.set("one two")
    keyboard.press("<shift>+<left>")
    until(lambda: app.selected() == (6, 7), "Shift and an arrow selected a character")
    keyboard.press("<ctrl>+a")
    until(lambda: app.selected() == (0, 7), "Ctrl and A selected everything")
    keyboard.type("x")
    app.until_text("x")


def test_text_is_no_shortcut_while_a_modifier_is_held_on_another_keyboard(
    app: WaylandApp, keyboard: VirtualKeyboard, sway: VirtualWayland
) -> None:
    held = VirtualKeyboard(sway.env)
    try:
        held._key(29, down=True)
        held._state(4)
        held._line().roundtrip()
        app.set("")
        assert keyboard.wait_until_released(0.0)
        keyboard.type("avx zw")
        app.until_text("avx zw")
        held._key(29, down=False)
        held._state(0)
        held._line().roundtrip()
    finally:
        held.close()


def test_both_ways_to_the_windows_name_the_one_with_the_keyboard(
    app: WaylandApp, sway: VirtualWayland
) -> None:
    windows, toplevels = SwayWindows(sway.env), ToplevelWindows(sway.env)
    try:
        window = windows.active()
        assert window is not None
        assert (window.pid, window.id[:5]) == (app.pid, "sway:")
        assert window.title.startswith("a window of ")
        assert window.app == window.app.lower() != ""
        other = toplevels.active()
        assert other is not None
        assert (other.app, other.title) == (window.app, window.title)
    finally:
        windows.close()
        toplevels.close()


def test_the_active_window_changes_with_the_focus_and_is_none_on_an_empty_workspace(
    sway: VirtualWayland,
) -> None:
    windows, toplevels = SwayWindows(sway.env), ToplevelWindows(sway.env)
    app = WaylandApp(sway, "gtk3")
    try:
        first, told = windows.active(), toplevels.active()
        assert told is not None
        second_app = WaylandApp(sway, "gtk3")
        second = windows.active()
        assert first is not None
        assert second is not None
        assert (first.id, second.pid) != (second.id, first.pid)
        until(lambda: toplevels.active() != told, "the other way told the second window")
        second_app.close()
        until(lambda: windows.active() == first, "the first window got the keyboard back")
        sway.sway("workspace 7")
        until(lambda: windows.active() is None, "nothing has the keyboard on an empty workspace")
        sway.sway("workspace 1")
        until(lambda: windows.active() == first, "the window has the keyboard again")
    finally:
        app.close()
        windows.close()
        toplevels.close()


def test_what_no_key_gives_is_refused_before_anything_is_pressed(
    app: WaylandApp, keyboard: VirtualKeyboard
) -> None:
    app.set("as it was")
    for text, why in (("a\x1bb", "no key for"), ("a 😀", "no key for"), ("x" * (MOST_TYPED + 1), "too many")):
        with pytest.raises(FieldUnsupported, match=why):
            keyboard.type(text)
    for chord in ("<ctrl>+<nokey>", "<ctrl>+ß"):
        with pytest.raises(FieldUnsupported):
            keyboard.press(chord)
    assert app.text() == "as it was"


def test_everything_opens_in_sway_and_says_what_it_is_good_for(sway: VirtualWayland) -> None:
    parts = open_wayland(sway.env)
    try:
        windows, keyboard, clipboard = parts
        assert keyboard is not None
        assert clipboard is not None
        assert (keyboard.name, clipboard.name) == ("virtual-keyboard", "wayland")
        assert windows is not None
        assert [(one.part, one.name, one.works) for one in parts.means] == [
            ("windows", "sway", True), ("keyboard", "virtual-keyboard", True), ("clipboard", "wayland", True),
        ]  # fmt: skip
        assert all(one.why.endswith(".") for one in parts.means)
    finally:
        parts.close()


def test_without_sway_s_own_socket_its_windows_are_told_by_the_protocol(sway: VirtualWayland) -> None:
    environ = {**sway.env, "SWAYSOCK": "/nowhere"}
    parts = open_wayland(environ)
    parts.close()
    told = [(one.name, one.works) for one in parts.means if one.part == "windows"]
    assert told == [("sway", False), ("toplevels", True)]


def test_a_compositor_that_allows_nothing_is_told_apart_with_a_remedy_for_each_part() -> None:
    with virtual_wayland("weston") as weston:
        parts = open_wayland(weston.env)
        assert list(parts) == [None, None, None]
        told = {(one.part, one.name): one for one in parts.means}
        assert "keyboard of their own" in told["keyboard", "virtual-keyboard"].why
        assert "look after the clipboard" in told["clipboard", "wayland"].why
        assert {one.works for one in parts.means} == {False}
        assert all(one.why and one.remedy for one in parts.means)


def test_a_compositor_that_ends_is_told_and_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    with virtual_wayland() as session:
        parts = open_wayland(session.env)
        windows, keyboard, clipboard = parts.windows, parts.keyboard, parts.clipboard
        assert windows is not None
        assert keyboard is not None
        assert clipboard is not None
        session.compositor.kill()
        session.compositor.wait()
        with pytest.raises((TargetGone, TargetTimeout)):
            windows.active()
        with pytest.raises((TargetGone, TargetTimeout)):
            keyboard.press("<shift>+<insert>")
        pressed: list[str] = []
        with pytest.raises(TargetError):
            clipboard.paste("x", into=None, press=lambda: pressed.append("!"), timeout_s=1.0)
        assert not pressed
        parts.close()
    until(lambda: set(threading.enumerate()) <= before, "all threads ended")


def test_an_environment_without_wayland_opens_nothing_and_does_not_raise(tmp_path: Path) -> None:
    for environ in ({}, {"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": str(tmp_path)}):
        parts = open_wayland(environ)
        assert list(parts) == [None, None, None]
        assert all(one.remedy for one in parts.means)


TREE = {
    "id": 1,
    "nodes": [
        {"id": 3, "type": "workspace", "nodes": [
            {"id": 5, "app_id": "Foot", "name": "~", "pid": 7, "nodes": []},
            {"id": 6, "app_id": None, "window_properties": {"class": "XTerm"}, "name": None, "pid": 8},
        ], "floating_nodes": [{"id": 9, "app_id": "pad", "name": "pad", "pid": 10}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "window"),
    [
        (5, Window("sway:5", "foot", "~", 7)),
        (6, Window("sway:6", "xterm", "", 8)),
        (9, Window("sway:9", "pad", "pad", 10)),
        (3, None),  # a workspace
        (0, None),  # a launcher or a lock screen has the keyboard
        (77, None),
    ],
)
def test_a_window_of_sway_s_tree_is_found_by_its_number(number: int, window: Window | None) -> None:
    assert window_in(TREE, number) == window
