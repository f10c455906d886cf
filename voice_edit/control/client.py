"""The control socket for the command line and for scripts: blocking, with timeouts, and quick to import.

with ControlClient(paths.socket) as daemon:
    daemon.request("talk.start", mode="edit")
    daemon.request("subscribe", events=["stage", "outcome"])
    while (event := daemon.next_event()) is not None:
        ...
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from voice_edit.control.lines import MAX_LINE_BYTES, PROTOCOL, LineError, Message, decode, encode
from voice_edit.control.peer import peer_uid
from voice_edit.errors import (
    ControlUnavailable,
    DaemonBusy,
    DaemonGone,
    DaemonNotRunning,
    ProtocolMismatch,
    RemoteFailure,
)

HELLO_S = 5.0
REPLY_S = 10.0


class ControlClient:
    """One connection to the daemon. Not for several threads at once."""

    def __init__(self, path: Path, *, timeout_s: float = HELLO_S) -> None:
        """Connect and wait for the greeting.

        Raises DaemonNotRunning, DaemonBusy, DaemonGone, ProtocolMismatch, ControlUnavailable.
        """
        self.path = path
        self._buffer = bytearray()
        self._searched = 0
        self._events: deque[Message] = deque()
        self._number = 0
        self._socket = _connect(path, timeout_s)
        try:
            deadline = time.monotonic() + timeout_s
            hello = self._next(deadline)
            if hello is None:
                raise DaemonBusy(f"The daemon did not greet us in {timeout_s:g} s.")
            check_hello(hello)
            self.hello: Message = hello
            """The daemon's greeting: protocol, version, pid."""
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection. May be called twice."""
        self._socket.close()

    def fileno(self) -> int:
        """For `select`: readable when something arrived. Ask `next_event(0)` first, which may have more."""
        return self._socket.fileno()

    def request(self, command: str, *, timeout_s: float | None = REPLY_S, **fields: Any) -> Message:
        """Send a command and wait for its result; events that come meanwhile are kept for `next_event`.

        Raises RemoteFailure with what the daemon told, DaemonBusy after `timeout_s` seconds, DaemonGone.
        """
        self._number += 1
        number = self._number
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._send(encode({"id": number, "command": command, **fields}), deadline)
        while True:
            message = self._next(deadline)
            if message is None:
                raise DaemonBusy(f"The daemon did not answer `{command}` in {timeout_s:g} s.")
            if "event" in message:
                self._events.append(message)
            elif message.get("id") == number:
                return _result(message)

    def next_event(self, timeout_s: float | None = None) -> Message | None:
        """The next event, None after `timeout_s` seconds without one. Raises DaemonGone at the end."""
        if self._events:
            return self._events.popleft()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            message = self._next(deadline)
            if message is None or "event" in message:
                return message

    def events(self) -> Iterator[Message]:
        """Every event until the connection ends; the last one is `bye` unless the daemon died."""
        while True:
            try:
                event = self.next_event()
            except DaemonGone:
                return
            if event is not None:
                yield event

    # --- inside -----------------------------------------------------------------------------------------

    def _send(self, line: bytes, deadline: float | None) -> None:
        """Raises DaemonBusy where the daemon does not read, DaemonGone."""
        try:
            self._socket.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
            self._socket.sendall(line)
        except TimeoutError:
            raise DaemonBusy("The daemon does not read what it is sent.") from None
        except OSError as error:
            raise DaemonGone("The daemon closed the connection.") from error

    def _next(self, deadline: float | None) -> Message | None:
        """The next line, None at the deadline (monotonic clock). Raises DaemonGone."""
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._searched > MAX_LINE_BYTES:
                raise DaemonGone("The daemon sent a line that is too long.")
            wait_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                self._socket.settimeout(wait_s)  # 0 does not wait, None waits for ever
                piece = self._socket.recv(1 << 16)
            except (BlockingIOError, TimeoutError):
                return None
            except OSError as error:
                raise DaemonGone("The connection to the daemon was lost.") from error
            if not piece:
                raise DaemonGone("The daemon closed the connection.")
            self._buffer += piece
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self._searched = 0
        try:
            return decode(line)
        except LineError as error:
            raise DaemonGone(f"The daemon said what nobody understands: {error}") from error


def check_hello(message: Message) -> None:
    """Raises ProtocolMismatch unless we understand whoever greets us like this."""
    theirs = message.get("protocol") if message.get("event") == "hello" else None
    if theirs != PROTOCOL:
        shown = theirs if isinstance(theirs, int) else "unknown"
        pid = message.get("pid")
        raise ProtocolMismatch(
            f"The daemon speaks version {shown} of the control protocol, this program version {PROTOCOL}.",
            pid=pid if isinstance(pid, int) and pid > 1 else 0,
        )


def check_owner(connection: socket.socket, path: Path) -> None:
    """Raises ControlUnavailable where somebody else listens: what we say is not for them."""
    if peer_uid(connection) != os.geteuid():
        raise ControlUnavailable(f"{path} belongs to another user's program.")


def connect_failed(error: OSError, path: Path) -> Exception:
    """The error that tells why nobody answers."""
    if isinstance(error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
        return DaemonNotRunning("voice-edit does not run in the background.")
    if isinstance(error, BlockingIOError | TimeoutError):
        return DaemonBusy("The daemon runs, but lets nobody in.")
    from voice_edit.control.socket_file import check_length

    try:
        check_length(path)
    except ControlUnavailable as too_long:
        return too_long
    return ControlUnavailable(f"{path} cannot be opened: {error.strerror or error}.")


def _connect(path: Path, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(os.fspath(path))
        check_owner(connection, path)
    except OSError as error:
        connection.close()
        raise connect_failed(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _result(reply: Message) -> Message:
    if reply.get("ok") is True:
        result = reply.get("result")
        return result if isinstance(result, dict) else {}
    told = reply.get("error")
    raise RemoteFailure(told if isinstance(told, dict) else {})
