"""A connection to an X server with a thread of its own, which alone speaks on it.

Others hand it jobs and wait for them no longer than they said: a server that another program holds (a grab, a
debugger) must not take the daemon with it. Between jobs the thread answers events and keeps appointments.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from typing import Any, TypeVar

from Xlib.error import ConnectionClosedError, XError

from hotkeys._x11 import connect
from hotkeys.errors import BackendUnavailable
from voice_edit.desktop.base import ANSWER_S
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError, TargetGone, TargetTimeout

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

LOST = (ConnectionClosedError, OSError)
"""What python-xlib raises when the server is gone."""


class XThread:
    """One connection, one thread. Raises FieldUnsupported where there is no X server."""

    def __init__(self, display: str | None, name: str) -> None:
        """`display`: ":0", $DISPLAY by default; `name` is the thread's, for logs."""
        try:
            self.display: Any = connect(display)
        except BackendUnavailable as problem:
            raise FieldUnsupported(f"{problem}.".replace("..", "."), hint=problem.hint) from problem
        self.display.set_error_handler(self._told_of_error)
        self.on_event: Callable[[Any], None] = lambda event: None
        """Called in the thread for every event."""
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._appointments: list[tuple[float, int, Callable[[], None]]] = []
        self._put_off: deque[Any] = deque()
        """Events that came while another one was waited for."""
        self._numbers = itertools.count()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self._lock = threading.Lock()
        self._closing = False
        self._over = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    # --- from any thread ----------------------------------------------------------------------------------

    def call(self, job: Callable[[], _T], *, timeout_s: float = ANSWER_S) -> _T:
        """Have `job` done in the thread and return what it returned.

        Raises what it raised, TargetTimeout when the server does not answer, TargetGone when it is gone.
        """
        done = self.ask(job)
        try:
            return done.result(timeout_s)
        except FutureTimeout as problem:
            if done.done():  # the job itself raised it
                raise
            done.cancel()
            raise TargetTimeout(f"The X server has not answered for {timeout_s:g} s.") from problem

    def ask(self, job: Callable[[], _T]) -> Future[_T]:
        """Have `job` done in the thread, sooner or later."""
        done: Future[_T] = Future()
        if threading.current_thread() is self._thread:
            self._do(job, done)
            return done
        with self._lock:
            if self._over:
                done.set_exception(_gone())
                return done
            self._jobs.append((job, done))
            self._wake()
        return done

    @property
    def over(self) -> bool:
        """Whether the connection has ended."""
        return self._over

    def close(self) -> None:
        """End the thread and the connection; jobs that wait get TargetGone."""
        with self._lock:
            self._closing = True
            if not self._over:
                self._wake()
        self._thread.join(ANSWER_S)

    # --- in the thread ------------------------------------------------------------------------------------

    def later(self, delay_s: float, job: Callable[[], None]) -> None:
        """Do `job` in `delay_s` seconds. Only from the thread."""
        heapq.heappush(self._appointments, (time.monotonic() + delay_s, next(self._numbers), job))

    def catch_up(self) -> None:
        """Deal with every event that the server has sent up to now. Only from the thread."""
        self.display.sync()
        self._answer_events()

    def next_event_of(self, matches: Callable[[Any], bool]) -> Any | None:
        """The next event that matches and has come already, None if there is none; others wait their turn.
        Only from the thread.
        """
        found = None
        while found is None and self.display.pending_events():
            event = self.display.next_event()
            if matches(event):
                found = event
            else:
                self._put_off.append(event)
        return found

    def _run(self) -> None:
        reason: BaseException | None = None
        try:
            while not self._closing:
                self._turn()
        except LOST as problem:
            reason = problem
            logger.info("the X server is gone: %s", problem)
        except BaseException as problem:
            reason = problem
            logger.exception("the thread of an X connection ends")
        finally:
            with self._lock:
                self._over = True
                left = [done for _, done in self._jobs]
                self._jobs.clear()
            for done in left:
                if done.set_running_or_notify_cancel():
                    done.set_exception(_gone(reason))
            with contextlib.suppress(*LOST):
                self.display.close()
            os.close(self._wake_reader)
            os.close(self._wake_writer)

    def _turn(self) -> None:
        """Do what there is to do, then sleep until there is more."""
        while self._jobs:
            job, done = self._jobs.popleft()
            if done.set_running_or_notify_cancel():
                self._do(job, done)
        while self._appointments and self._appointments[0][0] <= time.monotonic():
            self._guarded(heapq.heappop(self._appointments)[2])
        self._answer_events()
        self.display.flush()
        if self._jobs or self.display.pending_events():
            return
        wait_s = None
        if self._appointments:
            wait_s = max(0.0, self._appointments[0][0] - time.monotonic())
        select.select([self.display.fileno(), self._wake_reader], [], [], wait_s)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_reader, 4096):
                pass

    def _answer_events(self) -> None:
        while self._put_off or self.display.pending_events():
            event = self._put_off.popleft() if self._put_off else self.display.next_event()
            self._guarded(partial(self.on_event, event))

    def _do(self, job: Callable[[], _T], done: Future[_T]) -> None:
        try:
            result = job()
            self.display.flush()
        except LOST as problem:
            done.set_exception(_gone(problem))
            raise
        except TargetError as problem:
            done.set_exception(problem)
        except XError as problem:
            done.set_exception(TargetGone(f"The X server refused: {type(problem).__name__}."))
        except BaseException as problem:
            done.set_exception(problem)
        else:
            done.set_result(result)

    def _guarded(self, job: Callable[[], None]) -> None:
        """One event that we cannot deal with must not end the answers to all others."""
        try:
            job()
        except LOST:
            raise
        except XError as problem:
            logger.debug("the X server refused: %s", type(problem).__name__)
        except Exception:
            logger.exception("an event of the X server could not be answered")

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b"x")

    def _told_of_error(self, problem: Any, request: Any) -> None:
        logger.debug("the X server refused: %s", type(problem).__name__)


def _gone(reason: BaseException | None = None) -> TargetGone:
    why = f": {reason}" if reason is not None and str(reason) else ""
    return TargetGone(f"The X server is gone{why}.", hint="Start voice-edit again inside the new session.")
