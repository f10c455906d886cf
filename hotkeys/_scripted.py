"""A keyboard that plays a timeline: a whole backend for tests and demos, with fingers but without keys."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from hotkeys.bindings import Bindings
from hotkeys.chord import key_name
from hotkeys.errors import ChordInvalid
from hotkeys.gesture import KeyEvent
from hotkeys.keys import MODIFIERS
from hotkeys.listener import OnProblems, ThreadedListener
from hotkeys.pressed import Pressed


@dataclass(frozen=True, slots=True)
class Step:
    """One key goes down or comes up."""

    at_ms: int
    """Since the listener began."""
    key: str
    """A physical key: "left_ctrl", "space", "`"."""
    is_down: bool


def timeline(text: str) -> tuple[Step, ...]:
    """Read "0+<ctrl> 5+<alt> 10+space 900-space": at which millisecond which key goes down (+) or up (-).

    `<ctrl>` and the other modifiers mean the left one. Raises ChordInvalid.
    """
    steps = []
    for item in text.split():
        if not (found := re.fullmatch(r"(\d+)([+-])(.+)", item)):
            raise ChordInvalid(
                f"not a step of a timeline: {item!r}", hint="Write 0+<f9> for down and 900-<f9> for up."
            )
        steps.append(Step(int(found[1]), physical(found[3]), found[2] == "+"))
    return tuple(sorted(steps, key=lambda step: step.at_ms))


def physical(key: str) -> str:
    """The key that a finger presses for a name: "<ctrl>" -> "left_ctrl"."""
    name = key_name(key)
    return f"left_{name}" if name in MODIFIERS else name


class ScriptedListener(ThreadedListener):
    """Plays steps, then takes what `press` and `release` say, until it is closed."""

    backend = "scripted"
    consumes = True

    def __init__(
        self,
        bindings: Bindings,
        steps: Iterable[Step] = (),
        *,
        paced: bool = True,
        ends: bool = False,
        on_problems: OnProblems | None = None,
    ) -> None:
        """`paced`: in real time; else at once, on a clock of its own from 0 on. `ends`: after the steps."""
        super().__init__(bindings, on_problems=on_problems)
        self._paced = paced
        self._ends = ends
        self._began_s = time.monotonic() if paced else 0.0
        self._clock_s = self._began_s
        self._steps = deque(steps)
        self._fingers: deque[tuple[str, bool]] = deque()
        self._pressed = Pressed(bindings)
        self._changed = threading.Condition()
        self._woken = False
        self._start()

    def press(self, key: str) -> None:
        """A key goes down now; "ctrl" is the left one. From any thread."""
        self._move(key, True)

    def release(self, key: str) -> None:
        """A key comes up now. From any thread."""
        self._move(key, False)

    def _move(self, key: str, is_down: bool) -> None:
        with self._changed:
            self._fingers.append((physical(key), is_down))
            self._changed.notify()

    def _now_s(self) -> float:
        return time.monotonic() if self._paced else self._clock_s

    def _wait(self, timeout_s: float | None) -> Iterable[KeyEvent]:
        with self._changed:
            until_s = None if timeout_s is None else self._now_s() + timeout_s
            step_s = self._began_s + self._steps[0].at_ms / 1000 if self._steps else None
            if step_s is not None and (until_s is None or step_s <= until_s):
                until_s = step_s
            self._sleep(until_s)
            moves = list(self._fingers)
            self._fingers.clear()
            if step_s is not None and self._now_s() >= step_s:
                step = self._steps.popleft()
                moves.append((step.key, step.is_down))
        for key, is_down in moves:
            now_ms = round(self._now_s() * 1000)
            self._pressed, event = (self._pressed.press if is_down else self._pressed.release)(key, now_ms)
            if event is not None:
                yield event

    def _sleep(self, until_s: float | None) -> None:
        """Until that moment, a finger, or `_wake`; with nothing left to come, the end where one is wanted."""
        if not self._paced and until_s is not None:
            self._clock_s = max(self._clock_s, until_s)
            return
        if until_s is None and self._ends:
            self._closing.set()
            return
        while not (self._fingers or self._woken):
            left_s = None if until_s is None else until_s - self._now_s()
            if left_s is not None and left_s <= 0:
                break
            self._changed.wait(left_s)
        self._woken = False

    def _wake(self) -> None:
        with self._changed:
            self._woken = True
            self._changed.notify()

    def _let_go(self) -> None:
        self._steps.clear()
