"""Events from a connection, with limits: the package's own reader takes whatever lengths it is told.

{"type": "audio-chunk", "data_length": 46, "payload_length": 2048}   a line, then
46 bytes of JSON, 2048 bytes of sound
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from voice_edit.wyoming._protocol import Event

LINE_BYTES = 64 * 1024
"""Longest header line, and longest JSON behind it. A list of names to listen for is a few thousand."""

PAYLOAD_BYTES = 4 * 1024 * 1024
"""Most sound in one chunk: 20 s of what a studio records. Usual is a tenth of a second."""


class ProtocolError(Exception):
    """What came is no Wyoming, or more than we take. The connection ends with it."""

    def __init__(self, message: str, code: str = "protocol") -> None:
        super().__init__(message)
        self.code = code


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """The next event; None at the end of the connection. `reader` needs the limit LINE_BYTES.

    Raises ProtocolError, and OSError where the connection breaks.
    """
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise ProtocolError("the connection ended inside an event") from None
    except asyncio.LimitOverrunError:
        raise ProtocolError(f"a line is longer than {LINE_BYTES} bytes", "too-large") from None
    header = _json_object(line)
    data = header.get("data", {})
    kind = header.get("type")
    if data is None:
        data = {}
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise ProtocolError("an event needs a type, and its data is an object")
    sizes = _size(header, "data_length", LINE_BYTES), _size(header, "payload_length", PAYLOAD_BYTES)
    try:
        more = await reader.readexactly(sizes[0]) if sizes[0] else b""
        payload = await reader.readexactly(sizes[1]) if sizes[1] else None
    except asyncio.IncompleteReadError:
        raise ProtocolError("the connection ended inside an event") from None
    return Event(kind, {**data, **(_json_object(more) if more else {})}, payload)


def _json_object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise ProtocolError("an event is a line of JSON, and this is none") from None
    if not isinstance(found, dict):
        raise ProtocolError("an event is a JSON object")
    return found


def _size(header: dict[str, Any], name: str, most: int) -> int:
    size = header.get(name)
    if size is None:
        return 0
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ProtocolError(f"{name} is a number of bytes")
    if size > most:
        raise ProtocolError(f"{name} is {size}, at most {most} bytes are taken at once", "too-large")
    return size
