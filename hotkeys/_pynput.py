"""Keys through pynput: the fallback on X11, and the way on macOS. It hears keys and cannot keep them.

Whatever is pressed is seen by the program with the focus as well, so chords that type nothing are the ones to
choose. Only imported when chosen: pynput raises where there is no display.

Written for macOS after pynput's documentation; tried on X11 only.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sys
import threading
from collections.abc import Iterable
from typing import Any, Final

from hotkeys.bindings import Bindings
from hotkeys.errors import BackendUnavailable, ListenerLost, Problem
from hotkeys.gesture import KeyEvent
from hotkeys.keys import ALIASES, MODIFIERS, NAMED
from hotkeys.listener import OnProblems, ThreadedListener
from hotkeys.pressed import Pressed

logger = logging.getLogger(__name__)

READY_S: Final = 5.0
"""How long pynput's thread may take to begin; when it fails to, it never says so."""
NOT_CONSUMED: Final = Problem(
    "not-consumed",
    "the program with the focus sees the talk keys too",
    "Choose keys that type nothing, such as <f9> or <pause>, or use a backend that keeps them: x11, portal.",
)
MAC_PERMISSION: Final = (
    "Allow your terminal (or voice-edit) in System Settings > Privacy & Security > Input Monitoring and "
    "Accessibility, then start voice-edit again."
)
# fmt: off
_MAC_CODES: Final = dict(zip(
    (*range(10), *range(11, 36), *range(37, 48), 50),
    "asdfhgzxcvbqweryt123465=97-80]ou[iplj'k;\\,/nm.`", strict=True,
))
# fmt: on
"""Virtual key code of macOS -> what a US keyboard has there: Option turns it into other characters."""


def import_pynput() -> Any:
    """pynput's keyboard module. Raises BackendUnavailable with the reason."""
    try:
        from pynput import keyboard
    except Exception as error:  # an X error, an ImportError with a long story, ...: all mean the same
        reason = str(error).strip().splitlines()
        raise BackendUnavailable(
            f"pynput cannot reach the keyboard: {reason[0] if reason else type(error).__name__}",
            hint="Start voice-edit inside the graphical session, with its DISPLAY and XAUTHORITY.",
        ) from error
    return keyboard


class PynputListener(ThreadedListener):
    """Hears every key; decides by the pressed set. Raises BackendUnavailable."""

    backend = "pynput"
    consumes = False

    def __init__(self, bindings: Bindings, *, on_problems: OnProblems | None = None) -> None:
        keyboard = import_pynput()
        super().__init__(bindings, on_problems=on_problems)
        self._pressed = Pressed(bindings)
        self._moves: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()
        """(key, is_down); None wakes."""
        self._unshifted = _unshifted() if sys.platform != "darwin" else {}
        self._keyboard = keyboard
        self._ear = _quiet(keyboard.Listener)(on_press=self._on_press, on_release=self._on_release)
        self._ear.start()
        ready = threading.Event()

        def wait() -> None:
            self._ear.wait()
            ready.set()

        threading.Thread(target=wait, daemon=True).start()
        if not ready.wait(READY_S):
            raise BackendUnavailable("pynput does not start listening", hint="Use hotkeys.backend = 'x11'.")
        if sys.platform == "darwin" and not getattr(self._ear, "IS_TRUSTED", True):
            self._ear.stop()
            raise BackendUnavailable("macOS does not let this program hear keys", hint=MAC_PERMISSION)
        self._set_problems([NOT_CONSUMED])
        self._watch = threading.Thread(target=self._wait_for_the_end, name="hotkeys-pynput-end", daemon=True)
        self._watch.start()
        self._start()

    def _on_press(self, key: Any, injected: bool = False) -> None:
        if not injected and (name := self._name(key)):
            self._moves.put((name, True))

    def _on_release(self, key: Any, injected: bool = False) -> None:
        if not injected and (name := self._name(key)):
            self._moves.put((name, False))

    def _name(self, key: Any) -> str | None:
        """Our name of pynput's key; one and the same with and without Shift."""
        if key is None:
            return None
        if isinstance(key, self._keyboard.Key):
            name = ALIASES.get(key.name, key.name)
            name = f"left_{name}" if name in MODIFIERS else name
            return name if name in NAMED else None
        if sys.platform == "darwin" and key.vk in _MAC_CODES:
            return _MAC_CODES[key.vk]
        if key.vk in self._unshifted:
            return self._unshifted[key.vk]
        return key.char.lower() if key.char else None

    def _wait_for_the_end(self) -> None:
        # Not its own join: that waits for ever where the thread died of an X error.
        threading.Thread.join(self._ear)
        self._wake()

    def _wait(self, timeout_s: float | None) -> Iterable[KeyEvent]:
        try:
            move = self._moves.get(timeout=timeout_s)
        except queue.Empty:
            return
        if move is None:
            if not self._ear.is_alive() and not self._closing.is_set():
                raise ListenerLost("pynput stopped listening: the X server or the permission is gone")
            return
        key, is_down = move
        now_ms = round(self._now_s() * 1000)
        self._pressed, event = (self._pressed.press if is_down else self._pressed.release)(key, now_ms)
        if event is not None:
            yield event

    def _wake(self) -> None:
        self._moves.put(None)

    def _let_go(self) -> None:
        with contextlib.suppress(Exception):  # it talks to the X server, which may be gone
            self._ear.stop()


def _quiet(listener: Any) -> Any:
    """pynput's listener, without the traceback that it prints when the X server dies."""

    class Quiet(listener):  # type: ignore[misc]
        def run(self) -> None:
            try:
                super().run()
            except Exception as error:
                logger.debug("pynput ended: %s", error)
                for name in ("_display_stop", "_display_record"):
                    if (display := getattr(self, name, None)) is not None:
                        display.display.socket.close()

    return Quiet


def _unshifted() -> dict[int, str]:
    """X11: keysym of any level -> the character that its key types on its own, as the map is now."""
    from hotkeys._x11 import connect
    from hotkeys._x11keys import Keymap

    display = connect()
    try:
        return Keymap.read(display).characters()
    finally:
        display.close()
