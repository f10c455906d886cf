"""Which window has the keyboard, as a real server and window manager have it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from virtual_desktop import VirtualDesktop, virtual_desktop
from virtual_display import TypingPad, until, virtual_display

from voice_edit.desktop._x11_windows import X11Windows


@pytest.fixture(scope="module")
def desk() -> Iterator[VirtualDesktop]:
    with virtual_desktop() as desktop:
        yield desktop


@pytest.fixture
def windows(desk: VirtualDesktop) -> Iterator[X11Windows]:
    ours = X11Windows(desk.name)
    yield ours
    ours.close()


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt", "tk", "xterm"])
def test_the_window_in_front_is_told_with_its_program_title_and_process(
    desk: VirtualDesktop, windows: X11Windows, kind: str
) -> None:
    program = desk.start(kind)
    try:
        window = windows.active()
        assert window is not None
        assert window.id == f"x11:{desk.window_of(program):#x}"
        assert (window.title, window.pid) == (program.title, program.pid)
        assert kind in window.app
        assert window.app == window.app.lower()
    finally:
        program.close()


def test_going_to_another_window_is_seen_at_once(desk: VirtualDesktop, windows: X11Windows) -> None:
    one, other = desk.start("xterm"), desk.start("xterm")
    try:
        for program in (one, other, one):
            desk.activate(program)
            window = windows.active()
            assert window is not None
            assert window.title == program.title
    finally:
        one.close()
        other.close()


def test_where_no_window_has_the_keyboard_there_is_none(desk: VirtualDesktop, windows: X11Windows) -> None:
    program = desk.start("xterm")
    program.close()
    until(lambda: windows.active() is None, "the closed window was forgotten")


def test_a_menu_that_takes_the_keyboard_is_not_taken_for_the_window_below(
    desk: VirtualDesktop, windows: X11Windows
) -> None:
    program = desk.start("xterm")
    menu = Unmanaged(desk.name)
    try:
        menu.take_keyboard()
        until(lambda: _id(windows) == f"x11:{menu.window.id:#x}", "the menu's window was told")
    finally:
        menu.close()
        program.close()


def test_without_a_window_manager_the_focus_alone_decides() -> None:
    with virtual_display(window_manager=False) as display:
        pad = TypingPad(display)
        windows = X11Windows(display.name)
        try:
            window = windows.active()
            assert window is not None
            assert window.title == "typing pad"
            assert window.pid == os.getpid(), "the server knows whose connection it is"
        finally:
            windows.close()
            pad.close()


class Unmanaged:
    """A window that places itself, as menus and launchers do."""

    def __init__(self, name: str) -> None:
        from Xlib import X
        from Xlib.display import Display

        self._display: Any = Display(name)
        screen = self._display.screen()
        self.window = screen.root.create_window(
            0, 0, 50, 50, 0, screen.root_depth, override_redirect=True, event_mask=X.ExposureMask
        )
        self.window.set_wm_class("launcher", "Launcher")
        self.window.map()
        self._display.sync()

    def take_keyboard(self) -> None:
        from Xlib import X

        self.window.set_input_focus(X.RevertToPointerRoot, X.CurrentTime)
        self._display.sync()

    def close(self) -> None:
        self._display.close()


def _id(windows: X11Windows) -> str | None:
    window = windows.active()
    return None if window is None else window.id
