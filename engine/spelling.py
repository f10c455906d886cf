"""An answer as text: its tokens spelled out while they come, a loop at the end cut to its first round."""

from __future__ import annotations

import time
from collections.abc import Callable
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


def spell(
    answer: decode.Answer,
    piece_of: Callable[[int], bytes],
    profile: PromptProfile,
    on_piece: Callable[[str], None] | None,
) -> Spelled:
    """Run an answer to its end. `on_piece` is called with each piece of text as it appears.

    Raises what iterating raises: DecodeFailed, ContextFull, Cancelled.
    """
    text = decode.AnswerText(profile.thought_open, profile.thought_close)
    first_token_s: float | None = None
    for token in answer:
        if first_token_s is None:
            first_token_s = time.monotonic()
        piece = text.push(piece_of(token.id))
        if piece and on_piece is not None:
            on_piece(piece)
    final_s = time.monotonic()
    tokens = answer.tokens
    if answer.stop == "repetition":
        tokens = decode.trim_repetition(tokens)
        text = decode.AnswerText(profile.thought_open, profile.thought_close)
        for token in tokens:
            text.push(piece_of(token.id))
    return Spelled(
        text=text.finish(),
        tokens=tuple(token.id for token in tokens),
        confidence=decode.mean_log_prob(tokens),
        first_token_s=final_s if first_token_s is None else first_token_s,
        final_s=final_s,
    )
