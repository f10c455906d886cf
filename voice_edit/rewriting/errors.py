"""What can go wrong with a rewrite.

CommandError
├── NeedsWriter
│   └── TextWanted        the passage was found, and now somebody has to write; told as `needs_writer`
└── RewriteRefused        a model wrote something that is no rewrite of the passage

In either case nothing was changed.
"""

# ruff: noqa: N818  (the names say what happened)

from __future__ import annotations

from typing import TYPE_CHECKING

from voice_edit.errors import CommandError, NeedsWriter

if TYPE_CHECKING:
    from voice_edit.edits import Document


class TextWanted(NeedsWriter):
    """A rewrite whose passage was found and whose text nobody has written yet."""

    def __init__(self, message: str, *, command: int, document: Document, span: tuple[int, int]) -> None:
        super().__init__(message)
        self.command = command
        """In which of the utterance's commands it is asked for."""
        self.document = document
        """As the commands before that one had left it."""
        self.span = span
        """The passage, in that document."""

    @property
    def code(self) -> str:
        return "needs_writer"


class RewriteRefused(CommandError):
    """What was written must not stand in the place of the passage, or nobody was there to say that it may."""

    hint = (
        "Nothing was changed. `voice-edit log N` shows what was written; say it again, in other words or "
        "about less text."
    )

    def is_about(self, utterance: int) -> None:
        """From now on the hint names the utterance."""
        super().is_about(utterance)
        self.hint = self.hint.replace("log N", f"log {utterance}")
