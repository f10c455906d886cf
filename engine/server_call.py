"""An exchange with a server, in a thread of its own that ends with it.

Giving it up closes its connection at whatever it is (finding the address, connecting, waiting, reading):
that is how servers learn that nobody wants the answer any more.
"""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

from engine.errors import Cancelled

T = TypeVar("T")
Tell = Callable[[str], None]
"""Takes a piece of text as it appears."""


class Call(Generic[T]):
    """Work that talks to a server, begun at once in a thread of its own."""

    def __init__(self, work: Callable[[Tell], Coroutine[Any, Any, T]]) -> None:
        """`work` is given a function that takes pieces of the answer as they come."""
        self._work = work
        self._pieces: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_cancelled = False
        self._result: T
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server-call", daemon=True)
        self._thread.start()

    def result(self, on_piece: Tell | None = None) -> T:
        """Wait for the end; `on_piece` is called here with each piece. Once only.

        Raises Cancelled, ServerError and whatever else the work raises.
        """
        try:
            while (piece := self._pieces.get()) is not None:
                if on_piece is not None and not self._is_cancelled:
                    on_piece(piece)
        except BaseException:
            self.cancel()
            raise
        self._thread.join()
        if self._is_cancelled:  # also where the whole answer was here already
            raise Cancelled("stopped by the user")
        if self._error is not None:
            raise self._error
        return self._result

    def cancel(self) -> None:
        """Give it up: `result` raises Cancelled. From any thread, at any time."""
        with self._lock:
            self._is_cancelled = True
            if self._loop is not None and self._task is not None:
                with suppress(RuntimeError):  # it has just ended
                    self._loop.call_soon_threadsafe(self._task.cancel)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_Loop) as runner:
                runner.run(self._main())
        except asyncio.CancelledError:
            self._error = Cancelled("stopped by the user")
        except BaseException as error:
            self._error = error
        finally:
            with self._lock:
                self._loop = self._task = None
            self._pieces.put(None)

    async def _main(self) -> None:
        with self._lock:
            if self._is_cancelled:
                raise asyncio.CancelledError
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._result = await self._work(self._pieces.put)


class _Loop(asyncio.SelectorEventLoop):
    """Looks names up in threads that nobody waits for. asyncio's own are waited for when the loop is closed,
    and the system may take minutes to find that nobody knows a name.
    """

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """See asyncio's."""
        found: asyncio.Future[Any] = self.create_future()

        def tell(result: Any, error: Exception | None) -> None:
            if found.done():
                return
            if error is not None:
                found.set_exception(error)
            else:
                found.set_result(result)

        def look_up() -> None:
            result, error = None, None
            try:
                result = socket.getaddrinfo(host, port, family, type, proto, flags)
            except Exception as raised:
                error = raised
            with suppress(RuntimeError):  # nobody waits any more
                self.call_soon_threadsafe(tell, result, error)

        threading.Thread(target=look_up, name="server-name", daemon=True).start()
        return await found
