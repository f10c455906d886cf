"""Whose turn it is with the model: the microphone's and the user's at once, everybody else's when it is free.

    front          begins when it wants, and never waits
    background     one at a time, in the order in which somebody began to wait for an end

The front puts the background off. Work that nobody waits for yet (an utterance whose sound is still coming)
may use the model while nobody else does, and loses it to work that somebody waits for. So a client that sends
slowly, or not at all, holds up nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from engine.errors import Cancelled

EXPECTED_S = 5.0
"""How long a text of the user's that was announced keeps the model from others."""


REST_S = 0.3
"""How long the model is left alone after the front: its words are being inserted, and the next may follow."""


class Turn:
    """The claim of one piece of background work. Its fields are guarded by `Turns.changed`."""

    def __init__(self, put_off: Callable[[], None], *, is_text: bool = False) -> None:
        """`put_off` stops what it does in the model; it is called with the lock held, and must not wait."""
        self.put_off = put_off
        self.is_text = is_text
        """Whether it is a text that is written; else it is an utterance."""
        self.has = False
        """Whether it is its turn."""
        self.number = 0
        """Its place in the line; 0 while nobody waits for its end."""
        self.is_cancelled = False
        """Nobody wants its end any more."""
        self.times_put_off = 0


class Turns:
    """Who has the model. Every method but `take` returns at once; all may be called from any thread."""

    def __init__(self, on_busy: Callable[[bool], None] | None = None) -> None:
        """`on_busy` is told when the background begins to work and when it has nothing to do any more, with
        the lock held: it must not wait.
        """
        self.changed = threading.Condition(threading.RLock())
        self._on_busy = on_busy or (lambda busy: None)
        self._is_busy = False
        self._front: set[object] = set()
        self._is_announced = False
        self._announced_s = 0.0
        self._rests_until_s = 0.0
        self._holder: Turn | None = None
        self._waiting: list[Turn] = []
        self._numbers = 0
        self._is_closed = False

    # --- the front ---------------------------------------------------------------------------------------

    def begin_front(self, work: object) -> None:
        """The microphone or the user works with the model from now on: others are put off."""
        with self.changed:
            self._front.add(work)
            self._put_off()

    def end_front(self, work: object) -> None:
        """That work is over. Saying it again does nothing."""
        with self.changed:
            now = time.monotonic()
            if work in self._front:
                self._front.discard(work)
                self._rests_until_s = now + REST_S
            self._announced_s = now
            self.changed.notify_all()
            self._tell()

    def announce_text(self) -> None:
        """A text of the user's is read, and will be asked for in a moment: for so long, and a little longer
        than the utterance that is open, others wait. One of theirs is put off, since only one can be read.
        """
        with self.changed:
            self._is_announced, self._announced_s = True, time.monotonic()
            if self._holder is not None and self._holder.is_text:
                self._put_off()

    def begin_text(self, work: object) -> None:
        """The user's text is asked for."""
        with self.changed:
            self._is_announced = False
            self.begin_front(work)

    @property
    def is_front_open(self) -> bool:
        """Whether the microphone or the user works with the model."""
        return bool(self._front)

    # --- the background ----------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many wait for an end and are not at work."""
        return len(self._waiting)

    def try_take(self, turn: Turn) -> bool:
        """Take the turn if nobody else wants it. Whether it is this one's now."""
        with self.changed:
            if turn.has:
                return True
            if self._is_closed or self._holder or self._waiting or self._waits_s():
                return False
            self._hold(turn)
            return True

    def take(self, turn: Turn) -> None:
        """Wait in line for the turn. Raises Cancelled where nobody wants it any more."""
        with self.changed:
            if not turn.number:
                self._numbers += 1
                turn.number = self._numbers
            self._waiting.append(turn)
            try:
                while not turn.has:
                    if turn.is_cancelled or self._is_closed:
                        raise Cancelled("stopped by the user")
                    waits_s = self._waits_s()
                    first = min(self._waiting, key=lambda other: other.number)
                    if not waits_s and first is turn and (self._holder is None or not self._holder.number):
                        self._put_off()
                        self._hold(turn)
                    else:
                        self.changed.wait(waits_s or None)
            finally:
                self._waiting.remove(turn)
                self.changed.notify_all()

    def give_back(self, turn: Turn) -> None:
        """The work is over, or has paused. Saying it again does nothing."""
        with self.changed:
            if turn.has:
                turn.has, self._holder = False, None
                self.changed.notify_all()
            self._tell()

    def cancel(self, turn: Turn) -> None:
        """Nobody wants this work any more."""
        with self.changed:
            turn.is_cancelled = True
            if turn.has:
                turn.put_off()
            self.changed.notify_all()

    def yield_unawaited(self) -> None:
        """Put off what nobody waits for yet: the model is to be given back."""
        with self.changed:
            if self._holder is not None and not self._holder.number:
                self._put_off()

    def tell_again(self) -> None:
        """Say whether the background works, though nothing has changed."""
        with self.changed:
            self._on_busy(self._is_busy)

    def close(self) -> None:
        """From now on everything in the background is cancelled."""
        with self.changed:
            self._is_closed = True
            self._put_off()
            self.changed.notify_all()

    # --- with the lock held ------------------------------------------------------------------------------

    def _waits_s(self) -> float:
        """0 where the front leaves the model alone; else for how many seconds to wait at most."""
        if self._front:
            return threading.TIMEOUT_MAX
        until_s = self._rests_until_s
        if self._is_announced:
            until_s = max(until_s, self._announced_s + EXPECTED_S)
        return max(0.0, until_s - time.monotonic())

    def _hold(self, turn: Turn) -> None:
        turn.has, self._holder = True, turn
        self._tell()

    def _put_off(self) -> None:
        turn, self._holder = self._holder, None
        if turn is not None:
            turn.has = False
            turn.times_put_off += 1
            turn.put_off()
        self.changed.notify_all()

    def _tell(self) -> None:
        busy = self._holder is not None or bool(self._waiting)
        if busy != self._is_busy:
            self._is_busy = busy
            self._on_busy(busy)
