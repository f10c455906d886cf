"""Windows of compositors built on wlroots other than sway: Hyprland, labwc, river, Wayfire.

The protocol zwlr_foreign_toplevel_management_v1 tells title, app id and which window is active, but not its
process, and not whether a launcher in front of it has the keyboard.
"""

from __future__ import annotations

import itertools
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from voice_edit.desktop._wayland_wire import OPEN_S, Arguments, Connection, connect
from voice_edit.desktop.base import ANSWER_S, Window
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError, TargetTimeout

MANAGER: Final = "zwlr_foreign_toplevel_manager_v1"
_TOPLEVEL, _FINISHED = 0, 1
_TITLE, _APP_ID, _STATE, _DONE, _CLOSED = 0, 1, 4, 5, 6
_ACTIVATED = 2
_DESTROY = 7
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Toplevel:
    """What is known of one window."""

    id: str
    title: str = ""
    app: str = ""
    active: bool = False


class ToplevelWindows:
    """Told by events. Raises FieldUnsupported where there is no such protocol, TargetGone, TargetTimeout."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._lock = threading.Lock()
        self._open()

    def active(self) -> Window | None:
        """The window that is shown as active."""
        with self._lock:
            if self._line.lost:
                self._open()
            done = threading.Event()
            self._line.sync(done.set)
            if not done.wait(ANSWER_S) and not self._line.lost:
                raise TargetTimeout("The compositor does not answer.")
            told = [one for one in list(self._told.values()) if one.active]
        return Window(told[0].id, told[0].app, told[0].title) if told else None

    def close(self) -> None:
        # The thread waits for events: asked for one, it sees that it is over.
        self._closing = True
        with self._lock:
            if not self._line.lost:
                self._line.sync(lambda: None)
            self._thread.join(2.0)

    def _open(self) -> None:
        self._closing = False
        self._being_told: dict[int, _Toplevel] = {}
        self._told: dict[int, _Toplevel] = {}
        self._line: Connection = connect(self._environ)
        try:
            if not self._line.version(MANAGER):
                raise FieldUnsupported("The compositor does not tell which window is active.")
            self._line.bind(MANAGER, 3, self._on_manager)
            self._line.roundtrip(OPEN_S)
        except BaseException:
            self._line.close()
            raise
        self._thread = threading.Thread(target=self._listen, name="wayland-windows", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            while not self._closing:
                self._line.pump(60.0)
        except TargetError:
            pass  # told to whoever asks next
        finally:
            self._line.close()

    def _on_manager(self, opcode: int, told: Arguments) -> None:
        if opcode == _TOPLEVEL:
            number = told.uint()
            self._being_told[number] = _Toplevel(f"toplevel:{next(_numbers)}")
            self._line.adopt(number, lambda opcode, told: self._on_toplevel(number, opcode, told))
        elif opcode == _FINISHED:
            self._line.lost = "it tells no more of windows"

    def _on_toplevel(self, number: int, opcode: int, told: Arguments) -> None:
        known = self._being_told.get(number)
        if known is None:
            return
        if opcode == _TITLE:
            self._being_told[number] = replace(known, title=told.string())
        elif opcode == _APP_ID:
            self._being_told[number] = replace(known, app=told.string().lower())
        elif opcode == _STATE:
            packed = told.array()
            states = struct.unpack(f"={len(packed) // 4}I", packed)
            self._being_told[number] = replace(known, active=_ACTIVATED in states)
        elif opcode == _DONE:
            self._told[number] = known
        elif opcode == _CLOSED:
            self._being_told.pop(number, None)
            self._told.pop(number, None)
            self._line.send(number, _DESTROY)
            self._line.forget(number)
