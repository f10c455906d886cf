"""The answer of a server, put together from what it says line by line. Pure, but for the clock."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine import decode
from engine.catalog import PromptProfile
from engine.errors import ServerLost
from engine.events import HypothesisStop
from engine.server_call import Tell
from engine.server_dialects import Chunk
from engine.spelling import score_words

LONGEST_TEXT = 32
"""Characters of an answer for each token that was asked for; a server that says more does not count."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is complete."""

    text: str
    stop: HypothesisStop
    confidence: float | None
    """Mean natural-log probability of its tokens, where the server tells."""
    word_log_probs: tuple[float, ...]
    asked_s: float
    first_s: float
    """When its first text came, in seconds of the monotonic clock; the end, where there is none."""
    final_s: float
    steps: int
    """Tokens of it, as far as the server tells; else lines."""


class Collected:
    """What of an answer was read."""

    def __init__(self, profile: PromptProfile, max_tokens: int, *, hides_cuts: bool) -> None:
        """`hides_cuts`: whether the server calls every end a plain one."""
        self.stop: HypothesisStop | None = None
        self.is_too_long = False
        """Whether it was cut off at what so many tokens can be worth."""
        self._text = decode.AnswerText(profile.thought_open, profile.thought_close)
        self._max_tokens = max_tokens
        self._hides_cuts = hides_cuts
        self._asked_s = time.monotonic()
        self._first_s: float | None = None
        self._pieces: list[tuple[str, float]] = []
        self._size = self._steps = 0

    def take(self, chunk: Chunk, tell: Tell) -> None:
        """Take the next one; what comes behind the end is no part of the answer."""
        is_over = self.stop is not None
        self.stop = self.stop or chunk.stop
        if self._hides_cuts and chunk.answer_tokens is not None and chunk.answer_tokens >= self._max_tokens:
            self.stop = "max_tokens"
        if is_over:
            return
        self._pieces += chunk.pieces
        if not chunk.text:
            return
        self._steps += max(1, len(chunk.pieces))
        self._first_s = time.monotonic() if self._first_s is None else self._first_s
        self._size += len(chunk.text)
        if self._size > self._max_tokens * LONGEST_TEXT:
            self.stop, self.is_too_long = "max_tokens", True
        elif piece := self._text.push(chunk.text.encode("utf-8", "replace")):
            tell(piece)

    def answered(self, url: str) -> Answered:
        """All of it. Raises ServerLost where its end is missing."""
        if self.stop is None:
            raise ServerLost(f"{url} ended before its answer did")
        final_s = time.monotonic()
        whole = self._text.finish()
        scores = [score for _, score in self._pieces]
        words = score_words([piece for piece in self._pieces if piece[0]])
        return Answered(
            text=whole,
            stop=self.stop,
            confidence=sum(scores) / len(scores) if scores and whole else None,
            word_log_probs=words if len(words) == len(whole.split()) else (),
            asked_s=self._asked_s,
            first_s=final_s if self._first_s is None else self._first_s,
            final_s=final_s,
            steps=self._steps,
        )
