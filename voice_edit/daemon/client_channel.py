"""Asks a connected client about the text field that it offers, and waits for what it says."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedTooLong
from typing import Any

from voice_edit.daemon import telling
from voice_edit.errors import TargetGone, TargetTimeout

REPLY_TIMEOUT_S = 3.0
"""A program that has not said what its field holds by then hangs."""


class ClientChannel:
    """Requests to one client. `request` blocks and is for the working thread; the rest is for the loop."""

    def __init__(self, send: Callable[[telling.Event], object], title: str) -> None:
        """`send` may be called from any thread and does not wait."""
        self._send = send
        self._title = title
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._open: dict[int, Future[dict[str, Any]]] = {}
        self._closed = False

    def request(
        self, method: str, payload: dict[str, Any], *, timeout_s: float = REPLY_TIMEOUT_S
    ) -> dict[str, Any]:
        """Ask for `snapshot` or `apply`. Raises TargetGone, TargetTimeout."""
        number = next(self._numbers)
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._closed:
                raise self._gone()
            self._open[number] = future
        self._send(telling.event(f"target.{method}", request=number, **payload))
        try:
            return future.result(timeout_s)
        except WaitedTooLong:
            raise TargetTimeout(f"{self._title} has not answered for {timeout_s:g} s.") from None
        finally:
            with self._lock:
                self._open.pop(number, None)

    def reply(self, number: int, data: dict[str, Any]) -> bool:
        """What the client says to a request. False where nobody waits for it (any more)."""
        with self._lock:
            future = self._open.pop(number, None)
        if future is None:
            return False
        future.set_result(data)
        return True

    def close(self) -> None:
        """The client is gone, and with it the field."""
        with self._lock:
            self._closed = True
            waiting, self._open = list(self._open.values()), {}
        for future in waiting:
            future.set_exception(self._gone())

    def _gone(self) -> TargetGone:
        return TargetGone(f"{self._title} is gone.")
