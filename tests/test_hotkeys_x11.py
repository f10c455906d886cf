"""Grabs on a real X server, with keys that the server takes for real ones."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from virtual_display import PATIENCE_S, TypingPad, VirtualDisplay, until, virtual_display

from hotkeys import Bindings, Cancel, HotkeyError, HotkeyListener, TalkEvent, TalkStart, TalkStop
from hotkeys._x11 import X11Listener


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display() as shown:
        yield shown


class Ear:
    """Consumes a listener in a thread, as the daemon does."""

    def __init__(self, listener: HotkeyListener) -> None:
        self.listener = listener
        self.error: HotkeyError | None = None
        self._heard: queue.Queue[TalkEvent | None] = queue.Queue()
        self._thread = threading.Thread(target=self._consume)
        self._thread.start()

    def next(self) -> str:
        """The next gesture: "start edit", "stop", "cancel"; "end" when there are no more."""
        event = self._heard.get(timeout=PATIENCE_S)
        match event:
            case TalkStart(mode):
                return f"start {mode}"
            case TalkStop():
                return "stop"
            case Cancel():
                return "cancel"
        return "end"

    def close(self) -> list[str]:
        """Close the listener; the gestures that nobody asked for."""
        self.listener.close()
        self._thread.join(PATIENCE_S)
        rest = []
        while (told := self.next()) != "end":
            rest.append(told)
        return rest

    def _consume(self) -> None:
        try:
            for event in self.listener.events():
                self._heard.put(event)
        except HotkeyError as error:
            self.error = error
        self._heard.put(None)


@contextmanager
def listening(display: VirtualDisplay, **bindings: object) -> Iterator[Ear]:
    """An ear on this display; fails when it heard what the test did not ask for."""
    ear = Ear(X11Listener(Bindings(**bindings), display=display.name))  # type: ignore[arg-type]
    try:
        yield ear
    except BaseException:
        ear.close()
        raise
    assert ear.close() == []


def test_holding_the_chord_talks_and_the_window_with_the_focus_sees_nothing_of_it(
    display: VirtualDisplay,
) -> None:
    pad = TypingPad(display)
    with listening(display, style="hold") as ear:
        display.down("ctrl", "alt", "space")
        assert ear.next() == "start dictate"
        display.up("space", "alt", "ctrl")
        assert ear.next() == "stop"
        display.tap("a", "space")
        until(lambda: "space" in pad.look(), "other keys still reach the window")
    assert [key for key in pad.pressed if len(key) == 1 or key == "space"] == ["a", "space"]
    pad.close()
