"""A screen that nobody sees: Xvfb with openbox, private to a test, and fingers for its keyboard.

`VirtualDisplay` picks a free display number by itself, so any number of them run side by side. The keyboard
is pressed through XTEST (xdotool), which the server treats as real keys.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

NEEDED = {"Xvfb": "xvfb", "openbox": "openbox", "xdotool": "xdotool", "setxkbmap": "x11-xkb-utils"}
"""Program -> the Debian package it comes in."""
REPEAT_DELAY_MS, REPEAT_EVERY_MS = 200, 20
"""Auto-repeat, faster than a desktop's, so that tests see much of it soon."""
PATIENCE_S = 15.0
"""How long anything may take on a busy machine before the test says it did not happen."""


def until(condition: Callable[[], object], what: str, *, patience_s: float = PATIENCE_S) -> None:
    """Wait until `condition()` holds, however long a busy machine takes; fail with `what` did not happen."""
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"this did not happen: {what}")
        time.sleep(0.005)


class VirtualDisplay:
    """One X server with a window manager."""

    def __init__(self, *, window_manager: bool = True) -> None:
        missing = [
            f"{program} (apt: {package})" for program, package in NEEDED.items() if not shutil.which(program)
        ]
        if missing:
            pytest.fail(
                f"these tests need programs that are not installed: {', '.join(missing)}", pytrace=False
            )
        reader, writer = os.pipe()
        command = [
            "Xvfb",
            "-displayfd",
            str(writer),
            "-screen",
            "0",
            "800x600x24",
            "-nolisten",
            "tcp",
            "-noreset",
            "-ardelay",
            str(REPEAT_DELAY_MS),
            "-arinterval",
            str(REPEAT_EVERY_MS),
        ]
        self.server = _spawn(command, pass_fds=(writer,))
        """The X server's process."""
        self._children = [self.server]
        os.close(writer)
        with os.fdopen(reader) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb did not start"
        self.name = f":{number}"
        self._held: list[str] = []
        self._us_keyboard = True
        self.env = {**os.environ, "DISPLAY": self.name}
        for unwanted in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "XAUTHORITY"):
            self.env.pop(unwanted, None)
        if window_manager:
            self._start_openbox()

    # --- the keyboard -------------------------------------------------------------------------------------

    def down(self, *keys: str) -> None:
        """Press keys and keep them down, in this order. X11 names: "ctrl", "space", "F9"."""
        self._held += keys
        self._keyboard("keydown", keys)

    def up(self, *keys: str) -> None:
        """Let go of keys, in this order."""
        self._keyboard("keyup", keys)
        for key in keys:
            if key in self._held:
                self._held.remove(key)

    def hands_off(self) -> None:
        """Let go of everything that is still down."""
        self.up(*reversed(self._held))

    def tap(self, *keys: str) -> None:
        """Press and release each of them."""
        self.run("xdotool", "key", *keys)

    def _keyboard(self, verb: str, keys: Sequence[str]) -> None:
        if keys:
            self.run("xdotool", *(word for key in keys for word in (verb, key)))

    def layout(self, *arguments: str) -> None:
        """Load a keyboard map: "de", or "-layout", "us,ru"."""
        self.run("setxkbmap", *arguments)
        self._us_keyboard = False

    def us_layout(self) -> None:
        """A US keyboard without options, as at the start."""
        if not self._us_keyboard:
            self.layout("-layout", "us", "-variant", "", "-option", "")
            self._us_keyboard = True

    def run(self, *command: str) -> str:
        """Run a program on this display and return what it printed."""
        done = subprocess.run(
            command,
            env=self.env,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            text=True,
        )
        return done.stdout

    # --- life ---------------------------------------------------------------------------------------------

    def spawn(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program on this display; it is ended with it."""
        child = _spawn(list(command), env=self.env)
        self._children.append(child)
        return child

    def kill_server(self) -> None:
        """What a crash of the X server looks like to its clients."""
        self.server.kill()
        self.server.wait()

    def close(self) -> None:
        """End everything that was started, last first."""
        for child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()

    def _start_openbox(self) -> None:
        """Start it and wait until it shows windows: what is mapped while it starts may never be shown."""
        from Xlib import X
        from Xlib.display import Display

        self.spawn("openbox", "--sm-disable")
        display: Any = Display(self.name)
        try:
            screen = display.screen()
            atom = display.intern_atom("_NET_SUPPORTING_WM_CHECK")
            until(
                lambda: screen.root.get_full_property(atom, X.AnyPropertyType), "the window manager came up"
            )
            probe = screen.root.create_window(0, 0, 10, 10, 0, screen.root_depth)

            def shown() -> bool:
                probe.unmap()
                probe.map()
                display.sync()
                time.sleep(0.02)
                return bool(probe.get_attributes().map_state == X.IsViewable)

            until(shown, "the window manager showed a window")
            probe.destroy()
            display.sync()
        finally:
            display.close()


def _spawn(
    command: list[str], *, env: dict[str, str] | None = None, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    # Children must not hold the test's own output open: whoever pipes it would wait for ever.
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=env, pass_fds=pass_fds, stdin=quiet, stdout=quiet, stderr=quiet)


@contextmanager
def virtual_display(*, window_manager: bool = True) -> Iterator[VirtualDisplay]:
    """A display for a with-block."""
    display = VirtualDisplay(window_manager=window_manager)
    try:
        yield display
    finally:
        display.close()


class TypingPad:
    """A window with the keyboard focus that remembers which keys it was given."""

    def __init__(self, display: VirtualDisplay) -> None:
        from Xlib import X
        from Xlib.display import Display

        self._display: Any = Display(display.name)
        screen = self._display.screen()
        self._window = screen.root.create_window(
            10,
            10,
            200,
            100,
            0,
            screen.root_depth,
            event_mask=X.KeyPressMask | X.KeyReleaseMask | X.FocusChangeMask,
        )
        self._window.set_wm_name("typing pad")
        self._window.map()
        self.pressed: list[str] = []
        """X11 names of the keys that went down here: "a", "space", "Escape"; repeats too."""
        until(self._focused, "the typing pad got the focus")

    def look(self) -> list[str]:
        """Read what arrived; `pressed` so far."""
        from Xlib import XK, X

        self._display.sync()
        names = {value: name[3:] for name, value in vars(XK).items() if name.startswith("XK_")}
        while self._display.pending_events():
            event = self._display.next_event()
            if event.type == X.KeyPress:
                keysym = self._display.keycode_to_keysym(event.detail, 0)
                self.pressed.append(names.get(keysym, str(keysym)))
        return self.pressed

    def close(self) -> None:
        self._display.close()

    def _focused(self) -> bool:
        from Xlib.error import BadMatch, CatchError

        focus = self._display.get_input_focus().focus
        if getattr(focus, "id", focus) == self._window.id:
            return True
        not_yet_mapped = CatchError(BadMatch)
        self._window.set_input_focus(1, 0, onerror=not_yet_mapped)
        self._display.sync()
        return False
