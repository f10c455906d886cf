"""The control socket for a program with an event loop, as the TUI is: connects, subscribes, and connects
again when the daemon comes back.

    async with DaemonLink(paths.socket) as link:
        async for message in link.messages():  # the daemon's events, and "link" for the connection itself
            ...
        result = await link.request(protocol.TalkStart(mode="edit"))
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from voice_edit.control import protocol
from voice_edit.control.backlog import Backlog
from voice_edit.control.client import check_hello, check_owner, connect_failed
from voice_edit.control.protocol import Command, Message
from voice_edit.errors import (
    DaemonBusy,
    DaemonGone,
    DaemonNotRunning,
    RemoteFailure,
    VoiceEditError,
)

HELLO_S = 5.0
RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Pauses between attempts to connect; the last one is repeated."""
MOST_WAITING = 10_000
"""Events that nobody has read yet. With more, the connection is given up and made anew."""


class DaemonLink:
    """A connection that comes back by itself. Use it in one loop only."""

    def __init__(self, path: Path, *, events: Iterable[str] | None = None) -> None:
        """`events`: which to subscribe to; None for all."""
        self.path = path
        self.hello: Message | None = None
        """The daemon's greeting while connected, else None."""
        self._events = None if events is None else tuple(events)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._inbox: Backlog[Message] = Backlog(
            max_items=MOST_WAITING, max_size=MOST_WAITING, size=lambda _: 1
        )
        self._arrived = asyncio.Event()
        self._try_now = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether requests reach the daemon now."""
        return self._writer is not None

    async def __aenter__(self) -> DaemonLink:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def start(self) -> None:
        """Begin to connect, in the background."""
        if self._task is None:
            self._task = asyncio.create_task(self._stay_connected())

    async def close(self) -> None:
        """End it; `messages` ends too."""
        self._closed = True
        self._arrived.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def try_now(self) -> None:
        """Connect without waiting for the next attempt: a daemon was just started."""
        self._try_now.set()

    async def messages(self) -> AsyncIterator[Message]:
        """The daemon's events, in order; of levels and partial words only the newest if
        they are not read at once.

        Between them, whenever the connection changes, `{"event": "link", "connected": bool, "error": ...}`;
        the error is as `VoiceEditError.to_json` has it, None while connected.
        """
        while True:
            while len(self._inbox):
                yield self._inbox.take()
            if self._closed:
                return
            self._arrived.clear()
            await self._arrived.wait()

    async def request(self, command: Command, *, timeout_s: float | None = 10.0) -> Message:
        """Send a command and wait for its result.

        Raises DaemonNotRunning, DaemonGone, DaemonBusy after `timeout_s` seconds, RemoteFailure with what the
        daemon told.
        """
        if self._writer is None:
            raise DaemonNotRunning("voice-edit does not run in the background.")
        number = next(self._numbers)
        reply = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            self._writer.write(protocol.encode({"id": number, **protocol.to_message(command)}))
            async with asyncio.timeout(timeout_s):
                await self._writer.drain()
                answer: Message = await reply
        except TimeoutError:
            raise DaemonBusy(f"The daemon did not answer `{command.command}` in {timeout_s:g} s.") from None
        except OSError as error:
            raise DaemonGone("The daemon closed the connection before it answered.") from error
        finally:
            self._waiting.pop(number, None)
        if answer.get("ok") is True:
            result = answer.get("result")
            return result if isinstance(result, dict) else {}
        raise RemoteFailure(answer.get("error") or {})

    # --- inside -----------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        attempts = 0
        told: str | None = None
        while True:
            try:
                reader = await self._connect()
                attempts, told = 0, None
                try:
                    await self._read(reader)
                finally:
                    self._lost()
                error: VoiceEditError = DaemonGone("The daemon has ended.")
            except VoiceEditError as failure:
                error = failure
            if told != error.code:  # not at every attempt
                told = error.code
                self._put({"event": "link", "connected": False, "error": error.to_json()})
            pause_s = RETRY_S[min(attempts, len(RETRY_S) - 1)]
            attempts += 1
            self._try_now.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._try_now.wait()

    async def _connect(self) -> asyncio.StreamReader:
        """Connect and subscribe. Raises DaemonError."""
        try:
            reader, writer = await asyncio.open_unix_connection(
                os.fspath(self.path), limit=protocol.MAX_LINE_BYTES
            )
        except OSError as error:
            raise connect_failed(error, self.path) from error
        try:
            check_owner(writer.get_extra_info("socket"), self.path)
            async with asyncio.timeout(HELLO_S):
                hello = protocol.decode(await reader.readuntil(b"\n"))
                check_hello(hello)
                wanted = protocol.Subscribe(events=self._events)
                writer.write(protocol.encode({"id": 0, **protocol.to_message(wanted)}))
                await writer.drain()
        except TimeoutError:
            writer.close()
            raise DaemonBusy(f"The daemon did not greet us in {HELLO_S:g} s.") from None
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, protocol.LineError) as error:
            writer.close()
            raise DaemonGone("The daemon closed the connection before it greeted us.") from error
        except BaseException:
            writer.close()
            raise
        self.hello, self._writer = hello, writer
        self._put({"event": "link", "connected": True, "error": None})
        self._put(hello)
        return reader

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Hand on what comes until the connection ends."""
        while True:
            try:
                message = protocol.decode(await reader.readuntil(b"\n"))
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, protocol.LineError):
                return
            if "event" in message:
                if not self._put(message):
                    return
            elif (reply := self._waiting.get(message.get("id", -1))) and not reply.done():
                reply.set_result(message)

    def _lost(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = self.hello = None
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(DaemonGone("The daemon ended before it answered."))

    def _put(self, message: Message) -> bool:
        name = message.get("event")
        kept = self._inbox.put(message, key=name if name in protocol.COALESCED else None)
        self._arrived.set()
        return kept
