"""The daemon's side of the control socket: many clients, one handler, and nobody waits for a slow one.

    socket ─► uid checked ─► hello ─► lines ─► commands ─► Handler ─► reply ─┐
                                              publish(event) ───────────────►┴─► backlog ─► writer ─► client

Each client has a bounded backlog of its own; one that lets it overflow is dropped (connection.py).
Requests are begun in the order in which they came, and answered when they are done.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from voice_edit import __version__
from voice_edit.control import protocol
from voice_edit.control.connection import Client, as_message, coalescing_key
from voice_edit.control.lines import too_long
from voice_edit.control.peer import peer_uid
from voice_edit.control.protocol import Command, Event, LineError, Message, RequestError, RequestId
from voice_edit.control.socket_file import BoundSocket
from voice_edit.errors import Fault, VoiceEditError

__all__ = ["Client", "ControlServer", "Handler"]

logger = logging.getLogger(__name__)

MAX_CLIENTS = 64
MAX_REQUESTS = 32
"""Of one client that are not answered yet."""
SETTLE_ROUNDS = 5
FLUSH_S = 1.0
"""How long a client may take to read the rest when the connection is closed from our side."""


class Handler(Protocol):
    """What the daemon does for its clients. Called in the server's loop."""

    async def handle(self, client: Client, command: Any) -> Mapping[str, Any]:
        """Carry out a command of protocol.py; the result goes into the reply. Raises VoiceEditError."""
        ...

    def connected(self, client: Client) -> None:
        """A client is there."""
        ...

    def disconnected(self, client: Client) -> None:
        """A client is gone, or will ask for nothing more."""
        ...


class ControlServer:
    """Listens on the control socket. `async with ControlServer(path, handler) as server: ...`"""

    def __init__(
        self, path: Path, handler: Handler, *, version: str = __version__, owner_uid: int | None = None
    ) -> None:
        """`owner_uid`: the only user that is let in; None for the one who runs this process."""
        self.path = path
        self.clients: set[Client] = set()
        self._handler = handler
        self._version = version
        self._owner_uid = os.geteuid() if owner_uid is None else owner_uid
        self._numbers = itertools.count(1)
        self._serving: set[asyncio.Task[None]] = set()
        self._requests: set[asyncio.Task[None]] = set()
        self._bound: BoundSocket | None = None
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    async def start(self) -> None:
        """Begin to listen. Raises DaemonRunning, ControlUnavailable."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._bound = BoundSocket(self.path)
        self._server = await asyncio.start_unix_server(
            self._accept, sock=self._bound.socket, limit=protocol.MAX_LINE_BYTES
        )

    async def close(self, reason: str = "stopped") -> None:
        """Say good-bye, let clients read what waits for them for at most a second, and remove the socket."""
        assert self._loop is not None, "the server has not been started"
        if self._bound is not None and self._server is not None:
            # asyncio loses a connection that it is just accepting when its server is closed (bug or not, its
            # socket stays open): so accept no more, let what is under way become a client, and then close.
            self._loop.remove_reader(self._bound.socket)
            await _settle()
            self._server.close()
            self._bound.close()
            self._bound = self._server = None
        bye = as_message(protocol.Bye(reason=reason))
        for client in list(self.clients):
            client.send(bye)
            client.finish()
        if self._serving:
            await asyncio.wait(self._serving, timeout=FLUSH_S)
        for client in list(self.clients):
            client.drop()
        for task in self._serving | self._requests:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving, timeout=FLUSH_S)
        await _settle()  # sockets are closed by callbacks

    async def __aenter__(self) -> ControlServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # --- events -----------------------------------------------------------------------------------------

    def publish(self, event: Event | Mapping[str, Any]) -> None:
        """Send an event to every client that subscribed to it. Never waits; may be called from any thread."""
        self.in_loop(self._publish, as_message(event))

    def wanted(self, name: str) -> bool:
        """Whether anybody subscribed to the event."""
        return any(name in client.subscribed for client in list(self.clients))

    def in_loop(self, call: Callable[..., object], *arguments: object) -> None:
        """Call it in the server's loop: now if this is its thread, else soon."""
        assert self._loop is not None, "the server has not been started"
        if threading.get_ident() == self._thread:
            call(*arguments)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _publish(self, message: Message) -> None:
        readers = [client for client in self.clients if message["event"] in client.subscribed]
        if not readers:
            return
        try:
            line = protocol.encode(message)
        except (LineError, ValueError, TypeError) as error:
            logger.error("the event %s cannot be sent: %s", message["event"], error)
            return
        key = coalescing_key(message)
        for client in readers:
            client.put(line, key)

    # --- connections ------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody connected. No coroutine: one that has not begun when the server closes would be lost."""
        task = asyncio.create_task(self._admit(reader, writer))
        self._serving.add(task)

        def served(task: asyncio.Task[None]) -> None:
            self._serving.discard(task)
            writer.transport.abort()

        task.add_done_callback(served)

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            connection = writer.get_extra_info("socket")
            if peer_uid(connection) != self._owner_uid:
                logger.warning("another user wanted to connect and was refused")
                return
            await self._serve(Client(next(self._numbers), writer, self.in_loop), reader)
        except OSError as error:
            logger.debug("a connection was lost: %s", error)

    async def _serve(self, client: Client, reader: asyncio.StreamReader) -> None:
        writing = asyncio.create_task(client.write())
        client.send(as_message(protocol.Hello(
            protocol=protocol.PROTOCOL, version=self._version, pid=os.getpid()
        )))  # fmt: skip
        if len(self.clients) >= MAX_CLIENTS:
            client.send(as_message(protocol.Bye(reason="too-many-clients")))
            client.finish()
            await writing
            return
        self.clients.add(client)
        try:
            self._handler.connected(client)
            try:
                await self._read(client, reader)
            finally:
                client.subscribed = frozenset()
                self._handler.disconnected(client)
            if client.requests:  # begun is begun: whoever asked may still read the answer
                await asyncio.wait(client.requests)
            client.finish()
            await asyncio.wait([writing], timeout=FLUSH_S)
        finally:
            self.clients.discard(client)
            client.drop()
            writing.cancel()

    async def _read(self, client: Client, reader: asyncio.StreamReader) -> None:
        """Take requests until the client has no more. A last line without its end is none."""
        while not client.gone:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                self._refuse(client, too_long())
                return
            except OSError:
                client.drop()
                return
            if line.strip():
                self._take(client, line)

    def _take(self, client: Client, line: bytes) -> None:
        request: RequestId = None
        try:
            message = protocol.decode(line)
            request = protocol.request_id(message)
            command = protocol.parse_command(message)
            if len(client.requests) >= MAX_REQUESTS:
                raise RequestError(
                    "too_many_requests",
                    f"{MAX_REQUESTS} requests are not answered yet.",
                    hint="Wait for replies.",
                )
        except LineError as error:
            refused = RequestError(error.code, str(error)).to_json()
            client.send(protocol.failed(request, refused))
            return
        except VoiceEditError as error:
            client.send(protocol.failed(request, error.to_json()))
            return
        task = asyncio.create_task(self._carry_out(client, request, command))
        for requests in (client.requests, self._requests):
            requests.add(task)
            task.add_done_callback(requests.discard)

    def _refuse(self, client: Client, error: LineError) -> None:
        told = RequestError(error.code, str(error)).to_json()
        client.send(protocol.failed(None, told))
        client.send(as_message(protocol.Bye(reason=error.code)))

    async def _carry_out(self, client: Client, request: RequestId, command: Command) -> None:
        try:
            match command:
                case protocol.Subscribe() | protocol.Unsubscribe():
                    result: Mapping[str, Any] = _subscribe(client, command)
                case _:
                    result = await self._handler.handle(client, command)
        except VoiceEditError as error:
            client.send(protocol.failed(request, error.to_json()))
        except Exception as error:
            logger.exception("%s failed", command.command)
            fault = Fault(f"A fault in voice-edit itself: {type(error).__name__}: {error}")
            client.send(protocol.failed(request, fault.to_json()))
        else:
            client.send(protocol.done(request, result))


async def _settle() -> None:
    """Let callbacks run that are due, and those that they make due: asyncio takes a few rounds to accept a
    connection, and to close one.
    """
    for _ in range(SETTLE_ROUNDS):
        await asyncio.sleep(0)


def _subscribe(client: Client, command: protocol.Subscribe | protocol.Unsubscribe) -> Mapping[str, Any]:
    names = frozenset(protocol.BY_EVENT if command.events is None else command.events)
    if isinstance(command, protocol.Subscribe):
        client.subscribed |= names
    else:
        client.subscribed -= names
    return {"events": [name for name in protocol.BY_EVENT if name in client.subscribed]}
