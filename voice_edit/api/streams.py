"""Answers that come bit by bit: server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from voice_edit.api.desk import ClientGone, error_json

HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


def event(data: dict[str, Any] | str) -> bytes:
    """One event. JSON has no line breaks of its own, so it is one line."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode()


class EventStream:
    """An ASGI response. What goes wrong before the first event is an answer like any other; later it is the
    last event.
    """

    def __init__(self, events: AsyncGenerator[Any]) -> None:
        self._events = events

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        begun = False

        async def tell(data: Any) -> None:
            nonlocal begun
            if not begun:
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                begun = True
            await send({"type": "http.response.body", "body": event(data), "more_body": True})

        async with aclosing(self._events) as events:
            try:
                async for data in events:
                    await tell(data)
            except ClientGone:
                return
            except Exception as error:
                if not begun:
                    raise
                await tell(error_json(error))
        if not begun:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
