"""Questions to the user, through whoever is connected and can answer; see `asking`."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from voice_edit.daemon import telling
from voice_edit.questions import MUCH

if TYPE_CHECKING:
    from voice_edit.edits import Edit
    from voice_edit.errors import Ambiguous


YES = 0
"""The answer to a question without choices that lets it be done."""


class ClientAsker:
    """Asks in the working thread, is answered from the daemon's loop. One question at a time."""

    def __init__(
        self,
        *,
        emit: Callable[[telling.Event], object],
        anybody: Callable[[], bool],
        timeout_s: Callable[[], float],
        on_asking: Callable[[bool], object],
    ) -> None:
        """`anybody`: whether a client is connected that can answer; else there is no point in waiting."""
        self._emit = emit
        self._anybody = anybody
        self._timeout_s = timeout_s
        self._on_asking = on_asking
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._open: dict[str, Any] | None = None
        """The event of the question that is open, to be told to clients that connect meanwhile."""
        self._choices = 0
        self._answered = threading.Event()
        self._answer: int | None = None

    @property
    def open_question(self) -> dict[str, Any] | None:
        """The event that asked, while nobody has answered."""
        return self._open

    def is_there(self) -> bool:
        """Whether a client is connected that can answer."""
        return self._anybody()

    def choose(self, error: Ambiguous) -> int | None:
        """Which of the places is meant: its index, or None where nobody says."""
        return self._ask(
            "choice",
            str(error),
            [{"start": c.start, "end": c.end, "excerpt": c.excerpt} for c in error.choices],
        )

    def confirm(self, before: str, after: str, edits: Sequence[Edit], *, question: str = MUCH) -> bool:
        """Whether an edit is wanted."""
        short = len(before) + len(after) <= telling.MOST_TEXT
        texts = {"before": before, "after": after} if short else {}
        return self._ask("confirm", question, [], **texts) == YES

    def answer(self, question: int, choice: int | None) -> bool:
        """A client's answer; None is "none of them". False where that question is not open (any more)."""
        with self._lock:
            if self._open is None or self._open["question"] != question:
                return False
            if choice is not None and not 0 <= choice < self._choices:
                return False
            self._answer = choice
            self._answered.set()
            return True

    def cancel(self) -> None:
        """Whatever is asked: the answer is no."""
        with self._lock:
            if self._open is not None:
                self._answer = None
                self._answered.set()

    def _ask(self, kind: str, message: str, choices: list[dict[str, Any]], **more: Any) -> int | None:
        if not self._anybody():
            return None
        timeout_s = self._timeout_s()
        number = next(self._numbers)
        with self._lock:
            self._answered.clear()
            self._answer, self._choices = None, max(1, len(choices))
            self._open = telling.event(
                "ask",
                question=number,
                kind=kind,
                message=message,
                choices=choices,
                timeout_s=timeout_s,
                **more,
            )
        self._on_asking(True)
        self._emit(self._open)
        self._answered.wait(timeout_s)
        with self._lock:
            answer, self._open = self._answer, None
        self._on_asking(False)
        self._emit(telling.event("asked", question=number, choice=answer))
        return answer
