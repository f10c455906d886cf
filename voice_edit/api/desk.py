"""Where requests wait for the model: so many at once, the microphone before all of them.

A request has a place from when its head was read until its work is over, also where its client has gone. The
work is done in threads; when the client goes, or the time is up, it is stopped.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from voice_edit.api.failures import ApiError, told

if TYPE_CHECKING:
    from engine.background import BackgroundEngine

logger = logging.getLogger(__name__)

T = TypeVar("T")

_SMOOTHING = 0.3
_LEAST_WAIT_S, _MOST_WAIT_S = 1, 60


class Job:
    """One request's work: an engine of its own, and what ends it. `stop` may be called from any thread."""

    def __init__(self, engine: BackgroundEngine) -> None:
        self.engine = engine
        """Its sessions and texts wait for their turn."""
        self.is_stopped = False
        self._stops: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    def on_stop(self, stop: Callable[[], object]) -> None:
        """Call this when the work is not wanted any more; at once, if that is so already."""
        with self._lock:
            if not self.is_stopped:
                self._stops.append(stop)
                return
        stop()

    def stop(self) -> None:
        """Nobody wants it any more. Calling it again does nothing."""
        with self._lock:
            if self.is_stopped:
                return
            self.is_stopped = True
            stops = list(self._stops)
        self.engine.close()
        for stop in stops:
            with suppress(Exception):
                stop()


class Desk:
    """Takes requests while there is room. Used from the loop of the endpoint."""

    def __init__(self, engine: Callable[[], BackgroundEngine], *, at_once: int, timeout_s: float) -> None:
        self._engine = engine
        self._at_once = at_once
        self._timeout_s = timeout_s
        self._jobs: set[Job] = set()
        self._typical_s = 2.0
        self._threads = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="endpoint")

    def admit(self) -> Job:
        """A place for a request. Raises ApiError where there is none; give it back with `leave`."""
        if len(self._jobs) >= self._at_once:
            wait_s = min(_MOST_WAIT_S, max(_LEAST_WAIT_S, round(self._typical_s)))
            raise ApiError(
                429,
                "too_many_requests",
                f"{self._at_once} requests wait for the model already.",
                hint=f"Come again in {wait_s} s.",
                headers={"Retry-After": str(wait_s)},
            )
        job = Job(self._engine())
        self._jobs.add(job)
        return job

    def leave(self, job: Job) -> None:
        """The request is over, or never came to its work."""
        job.stop()
        self._jobs.discard(job)

    async def work(self, job: Job, do: Callable[[], T], gone: Callable[[], Any]) -> T:
        """Do it in a thread, and wait. `gone()` is awaited beside it, and returns when the client has gone.

        Raises what `do` raises, and ApiError where it took too long. The job is left in any case.
        """
        async with aclosing(self.events(job, lambda emit: emit(do()), gone)) as events:
            result: T = await anext(events)
            return result

    async def events(
        self, job: Job, do: Callable[[Callable[[Any], None]], None], gone: Callable[[], Any]
    ) -> AsyncGenerator[Any]:
        """Do it in a thread; give what it emits. Otherwise as `work`."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        began_s = time.monotonic()

        def put(kind: str, value: Any = None) -> None:
            with suppress(RuntimeError):  # the loop is closed: the program ends
                loop.call_soon_threadsafe(queue.put_nowait, (kind, value))

        def run() -> None:
            try:
                do(lambda event: put("event", event))
            except Exception as error:
                put("error", error)
            else:
                put("end")
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._note, time.monotonic() - began_s)
            finally:
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self.leave, job)

        watcher = asyncio.ensure_future(gone())
        watcher.add_done_callback(lambda _: put("gone"))
        timer = loop.call_later(self._timeout_s, put, "late")
        try:
            self._threads.submit(run)
        except RuntimeError:
            self.leave(job)
            raise ApiError(503, "stopped", "The program was stopped.", headers={"Retry-After": "5"}) from None
        try:
            while True:
                kind, value = await queue.get()
                match kind:
                    case "event":
                        yield value
                    case "end":
                        return
                    case "error":
                        raise value
                    case "gone":
                        raise ClientGone
                    case "late":
                        raise ApiError(
                            504,
                            "timeout",
                            f"The request took longer than {self._timeout_s:.0f} s, waiting included.",
                            hint="Send less at once, or raise api.timeout_s.",
                        )
        finally:
            job.stop()
            timer.cancel()
            watcher.cancel()

    def close(self) -> None:
        """Stop everything."""
        for job in tuple(self._jobs):
            job.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _note(self, seconds: float) -> None:
        self._typical_s += _SMOOTHING * (seconds - self._typical_s)


class ClientGone(Exception):  # noqa: N818  (says what happened)
    """Nobody is there to be answered."""


def error_json(error: Exception) -> dict[str, Any]:
    """A failure in the middle of a stream."""
    return told(error).to_json()
