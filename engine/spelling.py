"""An answer as text: its tokens spelled out while they come, a loop at the end cut to its first round."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine import decode
from engine.catalog import PromptProfile


@dataclass(frozen=True, slots=True)
class Spelled:
    """An answer that is complete."""

    text: str
    """Without blanks around it, and without thoughts."""
    tokens: tuple[int, ...]
    """The tokens of it, the end token left out."""
    confidence: float | None
    """See `decode.mean_log_prob`."""
    first_token_s: float
    """When the first token was known, in seconds of the monotonic clock; the end, where there is none."""
    final_s: float
    """When all of it was known."""
    word_log_probs: tuple[float, ...] = ()
    """See `Hypothesis.word_log_probs`."""


def spell(
    answer: decode.Answer,
    piece_of: Callable[[int], bytes],
    profile: PromptProfile,
    on_piece: Callable[[str], None] | None,
) -> Spelled:
    """Run an answer to its end. `on_piece` is called with each piece of text as it appears.

    Raises what iterating raises: DecodeFailed, ContextFull, Cancelled.
    """
    text = _ScoredText(profile)
    first_token_s: float | None = None
    for token in answer:
        if first_token_s is None:
            first_token_s = time.monotonic()
        piece = text.push(piece_of(token.id), token.log_prob)
        if piece and on_piece is not None:
            on_piece(piece)
    final_s = time.monotonic()
    tokens = answer.tokens
    if answer.stop == "repetition":
        tokens = decode.trim_repetition(tokens)
        text = _ScoredText(profile)
        for token in tokens:
            text.push(piece_of(token.id), token.log_prob)
    whole = text.finish()
    return Spelled(
        text=whole,
        tokens=tuple(token.id for token in tokens),
        confidence=decode.mean_log_prob(tokens),
        first_token_s=final_s if first_token_s is None else first_token_s,
        final_s=final_s,
        word_log_probs=text.words(whole),
    )


class _ScoredText:
    """The text of an answer, and how sure each word of it is."""

    def __init__(self, profile: PromptProfile) -> None:
        self._text = decode.AnswerText(profile.thought_open, profile.thought_close)
        self._pieces: list[tuple[str, float]] = []
        self._unseen = 0.0
        """Log probability of tokens that became no text yet: halves of characters."""

    def push(self, piece: bytes, log_prob: float) -> str:
        """Take the bytes of the next token; return what became visible by them, perhaps nothing."""
        thinking = self._text.is_thinking
        seen = self._text.push(piece)
        self._unseen += log_prob
        if seen:
            self._pieces.append((seen, self._unseen))
        if seen or thinking or self._text.is_thinking:
            self._unseen = 0.0
        return seen

    def finish(self) -> str:
        """The whole text without blanks around it."""
        return self._text.finish()

    def words(self, text: str) -> tuple[float, ...]:
        """The log probability of each word of `text`, the whole; nothing where pieces do not make it up."""
        found = score_words(self._pieces)
        return found if len(found) == len(text.split()) else ()


def score_words(pieces: Sequence[tuple[str, float]]) -> tuple[float, ...]:
    """Of pieces of a text with the log probability of each, what those of each word come to. A piece that
    belongs to two words counts in both.
    """
    words: list[float] = []
    goes_on = False
    for piece, log_prob in pieces:
        parts = piece.split()
        if parts and goes_on and not piece[0].isspace():
            words[-1] += log_prob
            del parts[0]
        words += [log_prob] * len(parts)
        goes_on = not piece[-1].isspace()
    return tuple(words)
