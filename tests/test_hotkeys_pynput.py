"""pynput on a real X server: in a process of its own, since it picks its display when it is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from virtual_display import TypingPad, VirtualDisplay, until, virtual_display

EAR = """
import logging, sys
logging.getLogger("hotkeys").setLevel(logging.ERROR)
from hotkeys import Bindings, HotkeyError
from hotkeys._pynput import PynputListener
try:
    listener = PynputListener(Bindings(**eval(sys.argv[1])))
    print("problems", *(problem.code for problem in listener.problems), flush=True)
    for event in listener.events():
        print(type(event).__name__, getattr(event, "mode", ""), flush=True)
except HotkeyError as error:
    print(type(error).__name__, error, flush=True)
"""


class Process:
    """A listener in another process."""

    def __init__(self, display: VirtualDisplay, bindings: dict[str, object]) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-c", EAR, repr(bindings)],
            env=display.env,
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def next(self) -> str:
        assert self._child.stdout is not None
        return self._child.stdout.readline().strip()

    def close(self) -> tuple[str, str]:
        """End it; what it said that nobody asked for, and what it complained about."""
        self._child.terminate()
        said, complaints = self._child.communicate(timeout=15)
        return said, complaints

    def wait(self) -> tuple[str, str]:
        """Wait until it ends by itself."""
        said, complaints = self._child.communicate(timeout=15)
        return said, complaints


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display() as shown:
        yield shown


@contextmanager
def listening(display: VirtualDisplay, **bindings: object) -> Iterator[Process]:
    process = Process(display, bindings)
    try:
        assert process.next() == "problems not-consumed"
        yield process
    finally:
        display.hands_off()
        said, complaints = process.close()
    assert (said, complaints) == ("", "")


def test_holding_the_chord_talks_although_the_window_sees_it_too(display: VirtualDisplay) -> None:
    pad = TypingPad(display)
    with listening(display, style="hold", dictate="<f9>") as ear:
        display.down("F9")
        assert ear.next() == "TalkStart dictate"
        until(lambda: pad.look().count("F9") > 5, "the key repeated in the window")
        display.up("F9")
        assert ear.next() == "TalkStop"
    pad.close()


def test_chords_escape_and_modifiers_released_early(display: VirtualDisplay) -> None:
    with listening(display, style="hold") as ear:
        display.down("ctrl", "alt", "shift", "space")
        display.up("space", "shift")
        display.down("space")
        assert ear.next() == "TalkStart dictate"
        display.up("alt", "ctrl")
        display.up("space")
        assert ear.next() == "TalkStop"
        display.down("alt", "ctrl", "e")
        assert ear.next() == "TalkStart edit"
        display.tap("Escape")
        assert ear.next() == "Cancel"
        display.up("e", "ctrl", "alt")


def test_a_key_is_the_same_with_and_without_shift(display: VirtualDisplay) -> None:
    with listening(display, style="hold", dictate="<shift>+a", edit="<shift>+/") as ear:
        display.down("shift", "a")
        assert ear.next() == "TalkStart dictate"
        display.up("shift", "a")  # its release says "a" where its press said "A"
        assert ear.next() == "TalkStop"
        display.down("shift", "61")  # press "?", release "/"
        assert ear.next() == "TalkStart edit"
        display.up("shift", "61")
        assert ear.next() == "TalkStop"


def test_a_dead_server_ends_the_talk_and_is_told() -> None:
    with virtual_display(window_manager=False) as doomed:
        ear = Process(doomed, {"style": "hold", "dictate": "<f9>"})
        try:
            ear.next()
            doomed.down("F9")
            assert ear.next() == "TalkStart dictate"
            doomed.kill_server()
            said, complaints = ear.wait()
        finally:
            ear.close()
    assert said.splitlines()[0].strip() == "TalkStop"
    assert "ListenerLost pynput stopped listening" in said
    assert complaints == ""


def test_without_a_display_the_reason_is_told_and_no_traceback(display: VirtualDisplay) -> None:
    env = {name: value for name, value in display.env.items() if name != "DISPLAY"}
    done = subprocess.run(
        [sys.executable, "-c", EAR, "{}"],
        env=env, cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("BackendUnavailable pynput cannot reach the keyboard:")
    assert done.stderr == ""
