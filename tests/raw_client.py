"""A client of the control socket that says what it likes, byte by byte."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from voice_edit.control.lines import MAX_LINE_BYTES

SOON_S = 10.0


class Raw:
    """A client that sends bytes and reads lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, path: Path) -> Raw:
        return cls(*await asyncio.open_unix_connection(os.fspath(path), limit=2 * MAX_LINE_BYTES))

    @classmethod
    async def greeted(cls, path: Path) -> Raw:
        client = await cls.connect(path)
        assert (await client.read())["event"] == "hello"
        return client

    async def read(self) -> dict[str, Any]:
        """The next line; {} at the end."""
        async with asyncio.timeout(SOON_S):
            line = await self.reader.readline()
        return json.loads(line) if line else {}

    async def reply(self) -> dict[str, Any]:
        """The next line that is no event."""
        while True:
            message = await self.read()
            if "event" not in message:
                return message

    async def send(self, data: bytes | dict[str, Any]) -> None:
        self.writer.write(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")
        with suppress(OSError):
            await self.writer.drain()

    async def ask(self, command: str, **fields: Any) -> dict[str, Any]:
        await self.send({"id": command, "command": command, **fields})
        reply = await self.reply()
        assert reply["id"] == command
        return reply

    async def subscribe(self, *events: str) -> None:
        assert (await self.ask("subscribe", events=list(events)))["ok"]

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():
            await asyncio.sleep(0.005)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await work()

    asyncio.run(bounded(), debug=False)
