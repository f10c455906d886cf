"""pynput on a real X server: in a process of its own, since it picks its display when it is imported."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from virtual_display import PATIENCE_S, TypingPad, VirtualDisplay, until, virtual_display

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

        self._said: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def next(self) -> str:
        """The next line that it prints; "" at the end."""
        return self._said.get(timeout=PATIENCE_S)

    def close(self) -> tuple[list[str], str]:
        """End it; what it said that nobody asked for, and what it complained about."""
        self._child.terminate()
        return self.wait()

    def wait(self) -> tuple[list[str], str]:
        """Wait until it ends by itself."""
        try:
            self._child.wait(PATIENCE_S)
        finally:
            self._child.kill()
        self._reader.join(PATIENCE_S)
        rest = []
        while not self._said.empty() and (line := self._said.get()):
            rest.append(line)
        assert self._child.stderr is not None
        assert self._child.stdout is not None
        complaints = "" if self._child.stderr.closed else self._child.stderr.read()
        self._child.stderr.close()
        self._child.stdout.close()
        return rest, complaints

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._said.put(line.strip())
        self._said.put("")


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
    assert (said, complaints) == ([], "")


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
    assert said[0] == "TalkStop"
    assert said[1].startswith("ListenerLost pynput stopped listening")
    assert complaints == ""


def test_without_a_display_the_reason_is_told_and_no_traceback(display: VirtualDisplay) -> None:
    env = {name: value for name, value in display.env.items() if name != "DISPLAY"}
    done = subprocess.run(
        [sys.executable, "-c", EAR, "{}"],
        env=env, cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("BackendUnavailable pynput cannot reach the keyboard:")
    assert done.stderr == ""
