"""The connection to the daemon: kept up while the interface runs, told of as events like all others."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from voice_edit.control_lines import MAX_LINE_BYTES, PROTOCOL, LineError, decode, encode
from voice_edit.errors import DaemonGone, DaemonNotRunning, ProtocolMismatch, RemoteFailure, VoiceEditError

RETRY_S = 1.0
"""Between two looks whether a daemon has come (back). Looking is one system call that fails."""


class Link:
    """One connection at a time; when it breaks, it is made again as soon as somebody listens."""

    def __init__(self, socket: Path, feed: Callable[[dict[str, Any]], object]) -> None:
        """`feed` is called in the loop with every event, and with `link` events of our own."""
        self._socket = socket
        self._feed = feed
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._look = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._writer is not None

    def look_now(self) -> None:
        """Do not wait for the next look: a daemon was started."""
        self._look.set()

    async def run(self) -> None:
        """Connect, hear the daemon out, and again. Ends when it is cancelled."""
        was_there = False
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=MAX_LINE_BYTES)
            except OSError:
                self._tell("lost" if was_there else "absent", DaemonNotRunning("No daemon is running."))
            else:
                was_there = True
                try:
                    await self._hear_out(reader, writer)
                    self._tell("lost", DaemonGone("The daemon is gone."))
                except VoiceEditError as error:
                    self._tell("refused", error)
                finally:
                    self._drop()
            self._look.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), RETRY_S)

    async def request(self, command: str, **fields: Any) -> dict[str, Any]:
        """Ask the daemon and wait for its reply. Raises VoiceEditError."""
        number = next(self._numbers)
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            self.send(command, id=number, **fields)
            answer = await reply
        finally:
            self._waiting.pop(number, None)
        if answer.get("ok"):
            return dict(answer.get("result") or {})
        raise RemoteFailure(answer.get("error") or {})

    def send(self, command: str, **fields: Any) -> None:
        """Ask without waiting. Raises DaemonNotRunning."""
        if self._writer is None:
            raise DaemonNotRunning("No daemon is running.", hint="F9 starts it.")
        fields.setdefault("id", next(self._numbers))
        self._writer.write(encode({"command": command, **fields}))

    async def _hear_out(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with suppress(OSError, LineError):
            while line := await reader.readline():
                self._take(decode(line))
                await asyncio.sleep(0)  # a full buffer must not keep the keyboard waiting

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            if message["event"] == "hello" and message.get("protocol") != PROTOCOL:
                raise ProtocolMismatch(
                    f"The daemon speaks version {message.get('protocol')} of the protocol."
                )
            self._feed(message)
            if message["event"] == "hello":
                self._feed({"event": "link", "state": "connected"})
        elif (reply := self._waiting.get(message.get("id") or 0)) and not reply.done():
            reply.set_result(message)

    def _tell(self, state: str, error: VoiceEditError) -> None:
        self._feed({"event": "link", "state": state, "message": str(error), "hint": error.hint})

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(DaemonGone("The daemon is gone."))
