"""A text pass as the client keeps it, and what the engine process must be told next. Pure.

As with utterances (`engine.utterance`), the process is brought to the state that the caller has made; one
that was just started knows nothing and is told again. What it has begun to write is not: whoever waits for
it is told that the process was lost, and may ask again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

from engine.errors import EngineError
from engine.events import Written
from engine.messages import DropText, Read, ToEngine, Write

MOST_TOKENS = 1024
"""Length of a text that nobody bounded: about 700 words."""


class TextSession(Protocol):
    """One text that is written: what `EngineClient.read` gives. It ends with `write` or `drop`."""

    def write(
        self,
        suffix: str,
        *,
        originals: Sequence[str] = (),
        grammar: str | None = None,
        json_schema: str | None = None,
        max_tokens: int = MOST_TOKENS,
        on_piece: Callable[[str], None] | None = None,
    ) -> Written:
        """See `ClientText.write`."""
        ...

    def drop(self) -> None:
        """Make `write` raise Cancelled. From any thread, at any time."""
        ...


ReadText: TypeAlias = Callable[[str, tuple[bytes, ...]], TextSession]
"""Begins a text with a client: how its prompt begins, and the images in that."""


@dataclass(slots=True)
class Text:
    """What the caller wants, and what came of it. Whoever touches it holds the client's lock."""

    number: int
    prefix: str
    """How the prompt begins."""
    images: tuple[bytes, ...] = ()
    """Those that stand in it."""
    write: Write | None = None
    """That the text is wanted."""
    pieces: deque[str] = field(default_factory=deque)
    """Pieces of it that nobody took yet."""
    written: Written | None = None
    error: EngineError | None = None
    is_dropped: bool = False

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for it."""
        return self.write is not None and self.written is None and self.error is None and not self.is_dropped


@dataclass(frozen=True, slots=True)
class ToldText:
    """What the process knows."""

    number: int = 0
    """The newest text that it was told of; 0 for none."""
    is_writing: bool = False
    is_dropped: bool = False


def next_text_message(text: Text | None, told: ToldText) -> tuple[ToEngine, ToldText] | None:
    """What to say next, and what the process knows then; None when it knows all."""
    if text is None:
        return None
    if text.is_dropped:
        if told.number != text.number or told.is_dropped:
            return None
        return DropText(text.number), replace(told, is_dropped=True)
    if text.error is not None or text.written is not None:
        return None
    if told.number != text.number:
        return Read(text.number, text.prefix, text.images), ToldText(text.number)
    if text.write is not None and not told.is_writing:
        return text.write, replace(told, is_writing=True)
    return None
