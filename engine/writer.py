"""What writes: texts that are asked for by messages, wherever the model runs.

`engine.local_writer.LocalWriter` asks the model that also hears, `engine.server` a program that is reached by
HTTP. Whoever wants a text needs only what stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from engine.events import Written
from engine.texts import MOST_TOKENS

Role: TypeAlias = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str
    images: tuple[bytes, ...] = ()
    """PNG or JPEG files that stand in front of the text; for models that see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """A text that is wanted."""

    messages: tuple[Message, ...]
    """The conversation; the user has the last word. What is known last (what was said) stands at its end, so
    that everything before it can be prefilled ahead."""
    style: str = ""
    """The rewrite's name ("Formal") where it has one: a small model may have learnt rewrites by name
    (`PromptProfile.styles`), and is told name and `text` alone."""
    text: str = ""
    """What is to be rewritten, as it also stands in the messages; empty where nothing is."""
    originals: tuple[str, ...] = ()
    """Texts that the answer may repeat, most likely first: drafts are looked up there. Changes no word."""
    grammar: str | None = None
    """GBNF that the answer must fit."""
    json_schema: str | None = None
    """A JSON schema that the answer must fit, as JSON. Not together with `grammar`."""
    max_tokens: int = MOST_TOKENS
    """The answer is cut there, and says so (`Written.stop`)."""


class Writer(Protocol):
    """What writes one text at a time."""

    @property
    def name(self) -> str:
        """The model that writes, for receipts and errors."""
        ...

    @property
    def styles(self) -> tuple[str, ...] | None:
        """Names of the rewrites that it can do; None: whatever is asked for."""
        ...

    @property
    def sees(self) -> bool:
        """Whether images in messages reach the model."""
        ...

    def expect(self, request: WriteRequest) -> None:
        """A request that begins like this one will come: prefill what they share. Returns at once, and
        changes no word. Does nothing where there is nothing to gain.
        """
        ...

    def write(self, request: WriteRequest, *, on_piece: Callable[[str], None] | None = None) -> Written:
        """The text. `on_piece` is called in this thread with each piece of it as it appears.

        Raises ContextFull where it does not fit, Cancelled, EngineLost and other EngineErrors.
        """
        ...

    def cancel(self) -> None:
        """Make the `write` that is running raise Cancelled. From any thread, at any time."""
        ...
