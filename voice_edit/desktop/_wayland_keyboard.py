"""A keyboard of our own, for compositors that allow one: sway, Hyprland and others built on wlroots.

It is made once and kept: where a seat has no other keyboard, programs begin to listen only when the first one
comes, and would miss what is pressed meanwhile. The protocol is zwp_virtual_keyboard_v1; GNOME and KDE do not
offer it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from hotkeys.chord import parse
from hotkeys.errors import ChordInvalid
from voice_edit.desktop._wayland_keymap import (
    ChordKeys,
    TypedChunk,
    chord_keys,
    chord_symbols,
    keymap,
    typed_chunks,
    untypable,
)
from voice_edit.desktop._wayland_wire import OPEN_S, Connection, connect
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetGone

MANAGER: Final = "zwp_virtual_keyboard_manager_v1"
SEAT: Final = "wl_seat"
_CREATE, _KEYMAP, _KEY, _MODIFIERS, _DESTROY = 0, 0, 1, 2, 3
_XKB_V1 = 1
CHUNK = 32
"""Characters after which we wait until the compositor has passed them on."""
MOST_TYPED: Final = 2000
"""Characters in one go. A compositor cuts a program off that does not fetch its keys; a frozen one has room
for about twice as many."""

_Result = TypeVar("_Result")


class VirtualKeyboard:
    """Keys in the name of the user. Raises FieldUnsupported, TargetGone, TargetTimeout."""

    name = "virtual-keyboard"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._keyboard = 0
        self._symbols: Mapping[int, str] = {}
        self._began_s = time.monotonic()
        with self._lock:
            self._open()

    def wait_until_released(self, timeout_s: float) -> bool:
        """True: nobody can tell on Wayland. It does no harm here: each keyboard has its own modifiers, and
        those held on another one do not change the keys of this one.
        """
        return True

    def press(self, chord: str) -> None:
        """Press and release a chord."""
        try:
            keys = chord_keys(parse(chord))
        except ChordInvalid as error:
            raise FieldUnsupported(str(error), hint=error.hint) from error
        if keys is None:
            raise FieldUnsupported(f"The chord {chord!r} has a key that no Wayland keyboard of ours has.")
        self._do(lambda: self._press(keys))

    def untypable(self, text: str) -> str:
        """Control characters and emoji; everything else gets a key of its own."""
        return untypable(text)

    def type(self, text: str) -> None:
        """Type it, whatever the user's layout is."""
        if bad := untypable(text):
            raise FieldUnsupported(f"There is no key for “{bad}”.")
        if len(text) > MOST_TYPED:
            raise FieldUnsupported(f"{len(text)} characters are too many to be typed; {MOST_TYPED} are not.")
        for chunk in typed_chunks(text):
            self._do(lambda chunk=chunk: self._type(chunk))  # type: ignore[misc]

    def close(self) -> None:
        """Take the keyboard away."""
        with self._lock:
            self._drop()

    # --- the shell ----------------------------------------------------------------------------------------

    def _do(self, action: Callable[[], _Result]) -> _Result:
        """Do it; once more on a new connection if the old one was dead before anything was pressed."""
        with self._lock:
            try:
                self._line().roundtrip()
            except TargetGone:  # the compositor was started anew
                self._drop()
                self._open()
            return action()

    def _open(self) -> None:
        connection = connect(self._environ)
        try:
            if not connection.version(MANAGER) or not connection.version(SEAT):
                raise FieldUnsupported("The compositor does not let programs bring a keyboard of their own.")
            manager = connection.bind(MANAGER, 1, _unheard)
            seat = connection.bind(SEAT, 1, _unheard)
            self._keyboard = connection.create(_unheard)
            connection.send(manager, _CREATE, "uu", seat, self._keyboard)
            self._connection = connection
            self._use(chord_symbols())
            connection.roundtrip(OPEN_S)
        except TargetGone as error:
            connection.close()
            self._connection = None
            raise FieldUnsupported(f"The compositor refuses a keyboard of our own: {error}") from error
        except BaseException:
            connection.close()
            self._connection = None
            raise

    def _drop(self) -> None:
        connection, self._connection, self._symbols = self._connection, None, {}
        if connection is not None:
            with contextlib.suppress(TargetGone):
                connection.send(self._keyboard, _DESTROY)
            connection.close()

    def _line(self) -> Connection:
        if self._connection is None:
            raise TargetGone("The keyboard was closed.")
        return self._connection

    def _press(self, keys: ChordKeys) -> None:
        self._use(chord_symbols())
        for code in keys.modifiers:
            self._key(code, down=True)
        self._state(keys.mask)
        self._key(keys.key, down=True)
        self._key(keys.key, down=False)
        for code in reversed(keys.modifiers):
            self._key(code, down=False)
        self._state(0)
        self._line().roundtrip()

    def _type(self, chunk: TypedChunk) -> None:
        self._use(chunk.symbols)
        for start in range(0, len(chunk.codes), CHUNK):
            for code in chunk.codes[start : start + CHUNK]:
                self._key(code, down=True)
                self._key(code, down=False)
            self._line().roundtrip()

    def _use(self, symbols: Mapping[int, str]) -> None:
        """Make these the keys of the keyboard."""
        if symbols == self._symbols:
            return
        data = keymap(symbols).encode() + b"\0"
        fd = os.memfd_create("voice-edit-keymap", os.MFD_CLOEXEC)
        try:
            os.write(fd, data)
            self._line().send(self._keyboard, _KEYMAP, "uhu", _XKB_V1, fd, len(data))
        finally:
            os.close(fd)
        self._symbols = symbols

    def _key(self, code: int, *, down: bool) -> None:
        ms = int((time.monotonic() - self._began_s) * 1000) & 0xFFFFFFFF
        self._line().send(self._keyboard, _KEY, "uuu", ms, code, int(down))

    def _state(self, mask: int) -> None:
        self._line().send(self._keyboard, _MODIFIERS, "uuuu", mask, 0, 0, 0)


def _unheard(_opcode: int, _arguments: object) -> None:
    """These objects tell us nothing that we need."""
