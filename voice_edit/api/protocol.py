"""One connection: uvicorn's, with deadlines that it does not have, and a bound on how many there are.

    HEAD_S      for a request's head, from when the connection opens, or the answer before was complete:
                else a client that sends its headers a byte at a time (slow loris) keeps it for ever
    STALLED_S   for an answer that nobody reads
    LINGER_S    for what a client still sends that was refused meanwhile: hung up on at once, it would be told
                that the connection broke, and not why

Where there are too many, the one that has waited longest without asking anything makes room.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_S = 10.0
STALLED_S = 30.0
LINGER_S = 5.0
LINGER_BYTES = 256 << 20
"""So much of what is still sent is thrown away unread."""

MOST_CONNECTIONS = 64
"""At the same time."""

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(H11Protocol):
    """See above."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._real: asyncio.Transport
        self._deadline: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        """When the connection ends, whatever the client does."""
        self._waits_since_s = 0.0
        self._head_bytes = 0
        self._lingered_bytes = 0
        self.is_lingering = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        self._real = transport
        super().connection_made(cast("asyncio.Transport", _Transport(self, transport)))
        if len(self.connections) > MOST_CONNECTIONS:
            others = cast("set[BoundedProtocol]", self.connections)
            idle = [other for other in others if other._deadline is not None or other.is_lingering]
            if not idle:
                transport.abort()
                return
            min(idle, key=lambda other: other._waits_since_s).abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """It sends."""
        if self.is_lingering:
            self._lingered_bytes += len(data)
            if self._lingered_bytes > LINGER_BYTES:
                self.abort()
            return
        self._head_bytes += len(data)
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """It has its answer."""
        self._head_bytes = 0
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """It does not read what it is told."""
        super().pause_writing()
        self._end_in(STALLED_S)

    def resume_writing(self) -> None:
        """It has read it."""
        if self._end is not None and not self._real.is_closing():
            self._end.cancel()
            self._end = None
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_watching()
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The endpoint is closed."""
        super().shutdown()
        if self.is_lingering:
            self._real.close()

    def hang_up(self) -> None:
        """End the connection, after what it is told; where it may still be sending, after that too."""
        cycle: RequestResponseCycle | None = self.cycle
        is_sending = self._head_bytes > 0 if cycle is None else cycle.more_body
        if is_sending and not self.is_lingering and self._real.can_write_eof():
            self.is_lingering = True
            self._stop_watching()
            self._waits_since_s = self.loop.time()
            self._end_in(LINGER_S)
            self._real.write_eof()
            self._real.resume_reading()
            return
        if self._real.get_write_buffer_size():
            self._end_in(STALLED_S)
        self._real.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._real.abort()

    def _end_in(self, seconds: float) -> None:
        if self._end is None:
            self._end = self.loop.call_later(seconds, self.abort)

    def _watch(self) -> None:
        """Let the time run while no request is being dealt with."""
        # None before the first request, whatever its type says.
        cycle: RequestResponseCycle | None = self.cycle
        is_at_work = cycle is not None and not cycle.response_complete
        if is_at_work or self.transport.is_closing():
            self._stop_watching()
        elif self._deadline is None:
            self._waits_since_s = self.loop.time()
            self._deadline = self.loop.call_later(HEAD_S, self._too_slow)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            if self._head_bytes:
                self._real.write(_TOO_SLOW)
            if self._real.get_write_buffer_size():
                self._end_in(STALLED_S)
            self._real.close()


class _Transport:
    """A transport whose `close` is left to the protocol."""

    def __init__(self, protocol: BoundedProtocol, real: asyncio.Transport) -> None:
        self._protocol = protocol
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def is_closing(self) -> bool:
        return self._protocol.is_lingering or self._real.is_closing()

    def close(self) -> None:
        self._protocol.hang_up()
