"""What all listeners share: a thread that waits for keys, decides, and hands gestures over.

Everything that touches a display, a device or a bus happens in that thread; `talking` and `close` only leave
a note and wake it. A backend says how to wait, how to be woken and how to let go.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from hotkeys.bindings import Bindings
from hotkeys.errors import HotkeyError, ListenerLost, Problem
from hotkeys.gesture import Gesture, KeyEvent, Talking, Tick, deadline_ms, decide
from hotkeys.talk import Cancel, TalkEvent, TalkStop

logger = logging.getLogger(__name__)

CLOSE_WAIT_S = 2.0
"""How long `close` waits for the thread; a hung display server must not hang the program that leaves it."""

OnProblems = Callable[[tuple[Problem, ...]], None]


class HotkeyListener(Protocol):
    """A source of talk gestures. Listens from the moment it exists."""

    @property
    def backend(self) -> str:
        """Its name, as in the settings."""

    @property
    def consumes(self) -> bool:
        """Whether other programs do not see the talk keys."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What does not work although listening does, as of now. May change; see `choose_backend`."""

    def events(self) -> Iterator[TalkEvent]:
        """Yield gestures until `close()`; blocks between them. One consumer.

        A `TalkStop` or `Cancel` always follows a `TalkStart`. Raises ListenerLost, after that, when the
        display server, the device or the portal went away.
        """

    def talking(self, on: bool, *, seen: TalkEvent | None = None) -> None:
        """Tell whether a take is on, whoever began or ended it. Returns at once; from any thread.

        Call it after every gesture that was handled, and when talk begins or ends otherwise. `seen` is the
        last gesture that `on` takes into account: what is older than the keys is not believed. Without it,
        the last one that `events()` gave out.
        """

    def close(self) -> None:
        """Stop listening and let go of every grabbed key. May be called twice and from any thread."""


class ThreadedListener(ABC):
    """A HotkeyListener with its own thread. Subclasses call `_start()` when they are ready to wait."""

    backend = "?"
    consumes = False

    def __init__(
        self, bindings: Bindings, *, on_problems: OnProblems | None = None, least_wait_ms: int = 0
    ) -> None:
        self.bindings = bindings
        self.problems: tuple[Problem, ...] = ()
        self._on_problems = on_problems
        self._gesture = Gesture(bindings.rules(least_wait_ms=least_wait_ms))
        self._out: queue.SimpleQueue[TalkEvent | HotkeyError | None] = queue.SimpleQueue()
        self._notes: queue.SimpleQueue[tuple[bool, TalkEvent | None]] = queue.SimpleQueue()
        self._given: TalkEvent | None = None
        """The last gesture that `events()` gave out."""
        self._decided: TalkEvent | None = None
        """The last gesture that was decided."""
        self._take = False
        """Whether the owner says that a take is on."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"hotkeys-{self.backend}", daemon=True)

    # --- for the owner ------------------------------------------------------------------------------------

    def events(self) -> Iterator[TalkEvent]:
        """See HotkeyListener."""
        while True:
            event = self._out.get()
            if event is None or isinstance(event, HotkeyError):
                self._out.put(None)
                if event is not None:
                    raise event
                return
            self._given = event
            yield event

    def talking(self, on: bool, *, seen: TalkEvent | None = None) -> None:
        """See HotkeyListener."""
        self._notes.put((on, seen if seen is not None else self._given))
        self._wake()

    def close(self) -> None:
        """See HotkeyListener."""
        self._closing.set()
        self._wake()
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(CLOSE_WAIT_S)

    # --- for backends -------------------------------------------------------------------------------------

    @abstractmethod
    def _wait(self, timeout_s: float | None) -> Iterable[KeyEvent]:
        """Block until keys did something, `_wake` was called or time is over; then say what happened.

        May raise a HotkeyError, which ends listening. Runs in the listener's thread, like all that follows.
        """

    @abstractmethod
    def _wake(self) -> None:
        """Make `_wait` return soon. From any thread, any number of times, also after the end."""

    @abstractmethod
    def _let_go(self) -> None:
        """Free everything. Called once, at the end."""

    def _want_cancel_key(self, wanted: bool) -> None:  # noqa: B027  # not every backend can grab
        """Take the cancel key from other programs, or give it back. Called when that changes."""

    def _start(self) -> None:
        self._thread.start()

    def _now_s(self) -> float:
        """The monotonic clock; a scripted listener has its own."""
        return time.monotonic()

    def _set_problems(self, problems: Iterable[Problem]) -> None:
        found = tuple(problems)
        if found != self.problems:
            self.problems = found
            for problem in found:
                logger.warning("%s (%s)", problem.message, problem.hint)
            if self._on_problems is not None:
                self._on_problems(found)

    # --- the thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        lost: HotkeyError | None = None
        try:
            self._listen()
        except HotkeyError as error:
            lost = error
        except Exception as error:
            logger.exception("the %s listener failed", self.backend)
            lost = ListenerLost(f"listening for keys failed: {type(error).__name__}: {error}")
        if self._gesture.is_talking and self._gesture.talk != "outside":
            # Closed by our side: nothing is to be applied any more. Lost: what was said until now counts.
            at_s = self._now_s()
            self._out.put(TalkStop(at_s) if lost is not None else Cancel(at_s))
        self._gesture = replace(self._gesture, talk="off")
        try:
            self._let_go()
        except Exception:
            logger.exception("the %s listener did not let go cleanly", self.backend)
        self._out.put(None if self._closing.is_set() else lost)

    def _listen(self) -> None:
        wanted = False
        while not self._closing.is_set():
            deadline = deadline_ms(self._gesture)
            timeout_s = None if deadline is None else max(deadline / 1000 - self._now_s(), 0.0)
            for event in self._wait(timeout_s):
                self._feed(event)
            self._read_notes()
            self._feed(Tick())
            if wanted != (wants := self._gesture.is_talking or self._take):
                wanted = wants
                self._want_cancel_key(wanted)

    def _feed(self, event: KeyEvent) -> None:
        now_ms = round(self._now_s() * 1000)
        self._gesture, gestures = decide(self._gesture, event, now_ms)
        for gesture in gestures:
            self._decided = gesture
            self._out.put(gesture)

    def _read_notes(self) -> None:
        while not self._notes.empty():
            on, seen = self._notes.get()
            self._take = on
            if seen is self._decided or seen == self._decided:
                self._feed(Talking(on))
