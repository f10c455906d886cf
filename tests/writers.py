"""A writer that writes what it was told to: rewrites without a model."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from engine.errors import Cancelled
from engine.events import HypothesisStop, WritingTiming, Written
from engine.writer import WriteRequest

Answer = str | BaseException | Callable[[WriteRequest], str]


class ScriptedWriter:
    """Each text is written as the next of the enqueued answers; an exception among them is raised."""

    def __init__(
        self, answers: Iterable[Answer] = (), *, styles: tuple[str, ...] | None = None, sees: bool = False
    ) -> None:
        self.answers: deque[Answer] = deque(answers)
        self.styles = styles
        self.sees = sees
        self.name = "scripted"
        self.stop: HypothesisStop = "eos"
        self.confidence = -0.1
        self.requests: list[WriteRequest] = []
        self.expected: list[WriteRequest] = []
        self.cancelled = threading.Event()

    def expect(self, request: WriteRequest) -> None:
        self.expected.append(request)

    def write(self, request: WriteRequest, *, on_piece: Callable[[str], None] | None = None) -> Written:
        self.requests.append(request)
        assert self.answers, "a text was asked for that the test did not enqueue"
        answer = self.answers.popleft()
        if isinstance(answer, BaseException):
            raise answer
        text = answer if isinstance(answer, str) else answer(request)
        for word in text.split(" "):
            if self.cancelled.is_set():
                raise Cancelled("stopped by the user")
            if on_piece is not None:
                on_piece(word + " ")
        timing = WritingTiming(0.0, 0.0, 0.0, 0.0, 0, 0, 1, 0, 0)
        return Written(text, tuple(range(len(text.split()))), self.stop, self.confidence, timing)

    def cancel(self) -> None:
        self.cancelled.set()
