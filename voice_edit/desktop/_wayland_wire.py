"""The Wayland protocol on its socket: as much of a client as clipboard, keyboard and windows take.

A message is eight bytes of head (object, then size and opcode) and its arguments in 32-bit words; file
descriptors travel beside it. https://wayland.freedesktop.org/docs/html/ch04.html

There are bindings for Python, but none that installs everywhere without a compiler and knows these protocols.
Several threads may send; one reads.
"""

from __future__ import annotations

import array
import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from voice_edit.desktop.base import ANSWER_S
from voice_edit.errors import TargetGone, TargetTimeout

OPEN_S = 10.0
"""How long the compositor may take at first: sessions begin with everything starting at once."""
DISPLAY = 1
"""The object that every connection begins with."""
_SYNC, _GET_REGISTRY, _BIND = 0, 1, 0
_ERROR, _DELETE_ID = 0, 1
_MOST_FDS = 28
"""libwayland sends no more file descriptors in one go."""

Handler = Callable[[int, "Arguments"], None]
"""Told of an event: its opcode and its arguments."""


class Arguments:
    """The arguments of one event, read in their order."""

    def __init__(self, body: bytes, fds: deque[int]) -> None:
        self._body = body
        self._at = 0
        self._fds = fds

    def uint(self) -> int:
        """An unsigned number, an object (0: none), or a new object of the compositor."""
        (value,) = struct.unpack_from("=I", self._body, self._at)
        self._at += 4
        return int(value)

    def array(self) -> bytes:
        size = self.uint()
        data = self._body[self._at : self._at + size]
        self._at += _padded(size)
        return data

    def string(self) -> str:
        """Text; what is no UTF-8 in it is replaced."""
        return self.array()[:-1].decode("utf-8", "replace")

    def fd(self) -> int:
        """A file descriptor; from now on the caller's to close."""
        return self._fds.popleft()


def words(signature: str, arguments: tuple[int | str, ...]) -> tuple[bytes, list[int]]:
    """The arguments of a request as bytes, and its file descriptors. Pure.

    `signature` has one letter for each: u a number, object or new object; s a string; h a file descriptor.
    """
    body, fds = bytearray(), []
    for letter, value in zip(signature, arguments, strict=True):
        if letter == "h":
            assert isinstance(value, int)
            fds.append(value)
        elif letter == "s":
            assert isinstance(value, str)
            data = value.encode() + b"\0"
            body += struct.pack("=I", len(data)) + data.ljust(_padded(len(data)), b"\0")
        else:
            body += struct.pack("=I", value)
    return bytes(body), fds


def socket_path(environ: Mapping[str, str]) -> Path:
    """Where the compositor listens. Raises TargetGone without one."""
    name = environ.get("WAYLAND_DISPLAY", "")
    folder = environ.get("XDG_RUNTIME_DIR", "")
    if not name or (not folder and not name.startswith("/")):
        raise TargetGone(
            "There is no Wayland session here.",
            hint="Start voice-edit inside the graphical session: `voice-edit service install` does.",
        )
    return Path(folder) / name  # an absolute name stays one


class Connection:
    """A client of one compositor. Raises TargetGone when it goes away, TargetTimeout when it hangs."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(ANSWER_S)
        try:
            self._socket.connect(os.fspath(path))
        except OSError as error:
            self._socket.close()
            raise TargetGone(f"The Wayland compositor does not answer: {error.strerror}.") from error
        self._sending = threading.Lock()
        self._handlers: dict[int, Handler] = {DISPLAY: self._on_display}
        self._free: list[int] = []
        self._next = 2
        self._buffer = bytearray()
        self._fds: deque[int] = deque()
        self.lost = ""
        """Why the connection is over; "" while it is not."""
        self.globals: dict[str, tuple[int, int]] = {}
        """What the compositor can do: interface -> (name, version). The first of each."""
        self._registry = self.create(self._on_registry)
        self.send(DISPLAY, _GET_REGISTRY, "u", self._registry)

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def compositor_pid(self) -> int:
        """The process at the other end."""
        size = struct.calcsize("=3i")
        pid, _, _ = struct.unpack("=3i", self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return int(pid)

    # --- objects ------------------------------------------------------------------------------------------

    def create(self, handler: Handler) -> int:
        """A new object of ours, to be named in the request that makes it."""
        with self._sending:
            if self._free:
                number = self._free.pop()
            else:
                number, self._next = self._next, self._next + 1
            self._handlers[number] = handler
            return number

    def adopt(self, number: int, handler: Handler) -> None:
        """Listen to an object that the compositor made."""
        self._handlers[number] = handler

    def forget(self, number: int) -> None:
        """Ignore what still comes for an object that was destroyed."""
        self._handlers[number] = _nothing

    def bind(self, interface: str, version: int, handler: Handler) -> int:
        """The global object of that interface, of no later version than `version`."""
        name, offered = self.globals[interface]
        number = self.create(handler)
        arguments = (name, interface, min(version, offered), number)
        self.send(self._registry, _BIND, "usuu", *arguments)
        return number

    def version(self, interface: str) -> int:
        """Of an interface; 0 where the compositor does not have it."""
        return self.globals.get(interface, (0, 0))[1]

    # --- traffic ------------------------------------------------------------------------------------------

    def send(self, number: int, opcode: int, signature: str = "", *arguments: int | str) -> None:
        """One request. File descriptors stay the caller's."""
        body, fds = words(signature, arguments)
        data = struct.pack("=II", number, (len(body) + 8) << 16 | opcode) + body
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        with self._sending:
            if self.lost:
                raise self._gone()
            try:
                sent = self._socket.sendmsg([data], beside)
                if sent < len(data):
                    self._socket.sendall(data[sent:])
            except TimeoutError as error:
                self.lost = "it does not take what is sent"
                raise TargetTimeout("The Wayland compositor does not answer.") from error
            except OSError as error:
                self.lost = error.strerror or str(error)
                raise self._gone() from error

    def pump(self, timeout_s: float) -> bool:
        """Wait for events and hand them out; False when none came. For the thread that reads."""
        if self.lost:
            raise self._gone()
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if not poll.poll(max(0.0, timeout_s) * 1000):
            return False
        try:
            data, beside, _, _ = self._socket.recvmsg(
                65536, socket.CMSG_SPACE(4 * _MOST_FDS), socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            self.lost = error.strerror or str(error)
            raise self._gone() from error
        for _, kind, packed in beside:
            if kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(packed[: len(packed) - len(packed) % fds.itemsize])
                self._fds.extend(fds)
        if not data:
            self.lost = "it closed the connection"
            raise self._gone()
        self._buffer += data
        self._hand_out()
        return True

    def roundtrip(self, timeout_s: float = ANSWER_S) -> None:
        """Wait until the compositor has done all that was sent. For the thread that reads."""
        done = threading.Event()
        self.sync(done.set)
        deadline_s = time.monotonic() + timeout_s
        while not done.is_set():
            if not self.pump(deadline_s - time.monotonic()) and time.monotonic() >= deadline_s:
                raise TargetTimeout("The Wayland compositor does not answer.")

    def sync(self, done: Callable[[], None]) -> None:
        """Have `done` called, in the thread that reads, once all that was sent is done."""
        self.send(DISPLAY, _SYNC, "u", self.create(lambda _opcode, _arguments: done()))

    def close(self) -> None:
        self.lost = self.lost or "it was closed"
        self._socket.close()
        while self._fds:
            os.close(self._fds.popleft())

    def _hand_out(self) -> None:
        at = 0
        while len(self._buffer) - at >= 8:
            number, head = struct.unpack_from("=II", self._buffer, at)
            size, opcode = head >> 16, head & 0xFFFF
            if size < 8 or len(self._buffer) - at < size:
                break
            body = bytes(self._buffer[at + 8 : at + size])
            at += size
            self._handlers.get(number, _nothing)(opcode, Arguments(body, self._fds))
            if self.lost:
                raise self._gone()
        del self._buffer[:at]

    def _on_display(self, opcode: int, arguments: Arguments) -> None:
        if opcode == _ERROR:
            arguments.uint(), arguments.uint()
            self.lost = arguments.string()
        elif opcode == _DELETE_ID:
            number = arguments.uint()
            with self._sending:
                self._handlers.pop(number, None)
                self._free.append(number)

    def _on_registry(self, opcode: int, arguments: Arguments) -> None:
        name = arguments.uint()
        if opcode == 0:
            self.globals.setdefault(arguments.string(), (name, arguments.uint()))
        else:
            for interface in [known for known, (number, _) in self.globals.items() if number == name]:
                del self.globals[interface]

    def _gone(self) -> TargetGone:
        return TargetGone(f"The connection to the Wayland compositor is over: {self.lost}.")


def connect(environ: Mapping[str, str]) -> Connection:
    """Connect, and learn what the compositor can do. Raises TargetGone, TargetTimeout."""
    connection = Connection(socket_path(environ))
    try:
        connection.roundtrip(OPEN_S)
    except BaseException:
        connection.close()
        raise
    return connection


def close_fd(fd: int) -> None:
    """Close a file descriptor that may be broken."""
    with contextlib.suppress(OSError):
        os.close(fd)


def _nothing(_opcode: int, _arguments: Arguments) -> None:
    """For objects that are not listened to."""


def _padded(size: int) -> int:
    return (size + 3) & ~3
