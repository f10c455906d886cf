"""What only the speaker can answer: which of several places is meant, and whether something is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from voice_edit.edits import Edit
    from voice_edit.errors import Ambiguous

MUCH = "This changes a lot of text. Do it?"
MOVED_ON = "The text changed while you spoke. Do it to the text as it is now?"
ONE_LINE = "This place takes a single line. Write it there as one line?"
SAID_AGAIN = "That is no command. Put the words in place of those that are most like them?"


class Asker(Protocol):
    """Somebody who can ask the speaker. Questions block until there is an answer, or nobody gives one in
    time.
    """

    def is_there(self) -> bool:
        """Whether there is anybody who could answer now."""
        ...

    def choose(self, error: Ambiguous) -> int | None:
        """Which of `error.choices` is meant: its index, or None for none of them and for no answer."""
        ...

    def confirm(self, before: str, after: str, edits: Sequence[Edit], *, question: str = MUCH) -> bool:
        """Whether the text may become `after`; False for no answer, too."""
        ...
