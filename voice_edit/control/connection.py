"""One client of the control socket, as the server sees it: a backlog, and what writes it out.

Of levels and partial words only the newest waits; a client that lets the rest overflow is dropped. Nobody
ever waits for a client.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from voice_edit.control import protocol
from voice_edit.control.backlog import Backlog
from voice_edit.control.protocol import Event, LineError, Message
from voice_edit.errors import Fault

logger = logging.getLogger(__name__)

BACKLOG_LINES = 1024
BACKLOG_BYTES = 8 << 20


class Client:
    """One connection."""

    def __init__(
        self,
        number: int,
        writer: asyncio.StreamWriter,
        in_loop: Callable[..., object],
    ) -> None:
        """`in_loop(call, *arguments)` calls it in the server's loop, whichever thread this is."""
        self.id = number
        """Counts the connections of this server."""
        self.subscribed: frozenset[str] = frozenset()
        """Names of the events that it gets."""
        self._in_loop = in_loop
        self._writer = writer
        self._backlog: Backlog[bytes] = Backlog(max_items=BACKLOG_LINES, max_size=BACKLOG_BYTES, size=len)
        self._wakened = asyncio.Event()
        self._closing = False
        self.requests: set[asyncio.Task[None]] = set()
        self.gone = False
        """Nothing reaches it any more."""

    def __repr__(self) -> str:
        return f"<client {self.id}>"

    def send_event(self, event: Event | Mapping[str, Any]) -> None:
        """Send it, subscribed or not. Never waits; may be called from any thread."""
        message = as_message(event)
        self._in_loop(self.send, message, coalescing_key(message))

    def send(self, message: Mapping[str, Any], key: str | None = None) -> None:
        """Put a message into the backlog. In the loop only."""
        try:
            line = protocol.encode(message)
        except (LineError, ValueError, TypeError) as error:
            logger.error("a message to %r cannot be sent: %s", self, error)
            if "ok" not in message:
                return
            told = Fault("The answer is too long, or cannot be said in JSON.").to_json()
            line = protocol.encode(protocol.failed(message.get("id"), told))
        self.put(line, key)

    def put(self, line: bytes, key: str | None) -> None:
        """Put a line into the backlog; a client that does not read is dropped. In the loop only."""
        if self.gone or self._closing:
            return
        if self._backlog.put(line, key=key):
            self._wakened.set()
        else:
            logger.warning("%r does not read what it is sent and is dropped", self)
            self.drop()

    def drop(self) -> None:
        """End the connection now, whatever is still to be sent."""
        self.gone = True
        self._wakened.set()
        self._writer.transport.abort()

    def finish(self) -> None:
        """End the connection when everything is sent."""
        self._closing = True
        self._wakened.set()

    async def write(self) -> None:
        """Send what is put into the backlog until `finish` or `drop`."""
        try:
            while not self.gone:
                while len(self._backlog):
                    self._writer.write(self._backlog.take())
                    await self._writer.drain()  # raises when it has been dropped
                if self._closing:
                    break
                self._wakened.clear()
                await self._wakened.wait()
            self._writer.close()
            await self._writer.wait_closed()
        except OSError:  # it has gone
            self.gone = True


def as_message(event: Event | Mapping[str, Any]) -> Message:
    """An event as it travels, with the time at which it was told."""
    message = protocol.to_message(event) if isinstance(event, Event) else dict(event)
    if message.get("at_s") is None:
        message["at_s"] = time.monotonic()
    return message


def coalescing_key(message: Mapping[str, Any]) -> str | None:
    """Events with the same key replace each other while they wait."""
    name = message.get("event")
    return name if name in protocol.COALESCED else None
