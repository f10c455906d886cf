"""Windows of sway, asked through its socket. https://man.archlinux.org/man/sway-ipc.7

Each question is asked when the answer is needed, in less than a millisecond, so that no answer is old. Its
seat also tells when a window has not got the keyboard although the tree still shows it as focused: while a
launcher or a lock screen is in front.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from voice_edit.desktop.base import ANSWER_S, Window
from voice_edit.errors import TargetGone, TargetTimeout

_MAGIC: Final = b"i3-ipc"
_HEAD: Final = struct.Struct("=6sII")
_GET_TREE, _GET_SEATS = 4, 101


class SwayWindows:
    """One connection to sway, made anew when it is lost. Raises TargetGone, TargetTimeout."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._ask(_GET_SEATS)

    def active(self) -> Window | None:
        """The window with the keyboard."""
        with self._lock:
            try:
                return self._active()
            except TargetGone:  # sway was started anew
                return self._active()

    def close(self) -> None:
        with self._lock:
            self._hang_up()

    def _active(self) -> Window | None:
        seat: dict[str, Any] = next(iter(self._ask(_GET_SEATS)), {})
        return window_in(self._ask(_GET_TREE), int(seat.get("focus", 0)))

    def _ask(self, kind: int) -> Any:
        if self._socket is None:
            self._socket = _connect(self._environ)
        try:
            self._socket.sendall(_HEAD.pack(_MAGIC, 0, kind))
            _, size, _ = _HEAD.unpack(self._read(_HEAD.size))
            return json.loads(self._read(size))
        except TimeoutError as error:
            self._hang_up()
            raise TargetTimeout("sway does not answer.") from error
        except (OSError, EOFError, ValueError, struct.error) as error:
            self._hang_up()
            raise TargetGone("The connection to sway is over.") from error

    def _read(self, size: int) -> bytes:
        assert self._socket is not None
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def window_in(tree: Mapping[str, Any], number: int) -> Window | None:
    """The window of that number in sway's tree; None for a workspace and for anything that has no window.
    Pure.
    """
    nodes = [tree]
    for node in nodes:
        nodes += [*(node.get("nodes") or ()), *(node.get("floating_nodes") or ())]
    found = next((node for node in nodes if number and node.get("id") == number), None)
    if found is None or found.get("pid") is None:
        return None
    app = found.get("app_id") or (found.get("window_properties") or {}).get("class") or ""
    return Window(f"sway:{number}", str(app).lower(), str(found.get("name") or ""), int(found["pid"]))


def socket_path(environ: Mapping[str, str]) -> Path | None:
    """Where sway listens; a service may not have been told, so its usual place is looked at too."""
    if told := environ.get("SWAYSOCK"):
        return Path(told)
    folder = environ.get("XDG_RUNTIME_DIR")
    found = list(Path(folder).glob(f"sway-ipc.{os.getuid()}.*.sock")) if folder else []
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _connect(environ: Mapping[str, str]) -> socket.socket:
    path = socket_path(environ)
    if path is None:
        raise TargetGone("sway does not run here.")
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(ANSWER_S)
    try:
        line.connect(os.fspath(path))
    except OSError as error:
        line.close()
        raise TargetGone(f"sway does not answer: {error.strerror}.") from error
    return line
