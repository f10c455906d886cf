"""What became of one utterance: done, or failed and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voice_edit.edits import Edit
    from voice_edit.errors import VoiceEditError
    from voice_edit.pipeline import Understood
    from voice_edit.targets.base import Receipt
    from voice_edit.undo import Reverted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one utterance."""

    utterance: int
    """Its number in the journal."""
    understood: Understood
    text_before: str
    """The target's text before and after, line ends as "\\n"."""
    text_after: str
    edits: tuple[Edit, ...] = ()
    """Empty if the utterance was an undo, a redo, or asked for nothing in the text."""
    reverted: tuple[Reverted, ...] = ()
    """What a spoken undo or redo took back or made again."""
    receipt: Receipt | None = None
    """None if nothing was to be written."""
    stops: bool = False
    """The speaker said to stop listening."""
    doubt: str = ""
    """One sentence on words that may be misheard; empty where nothing is to be said."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user may want to know about words and target, full sentences."""
        receipts = [self.receipt, *(one.receipt for one in self.reverted)]
        notes = tuple(note for receipt in receipts if receipt for note in receipt.notes)
        return tuple(filter(None, (self.doubt, *self._seen(), *notes)))

    def _seen(self) -> list[str]:
        """What models were shown besides text."""
        asked = [command for command in self.understood.commands if command.kind == "rewrite"]
        return [f"{command.by} was shown {command.saw}." for command in asked if command.saw]

    def to_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        from voice_edit.edit_json import edits_to_json

        receipt = self.receipt or (self.reverted[-1].receipt if self.reverted else None)
        return {
            "utterance": self.utterance,
            "words": self.understood.words,
            "mode": self.understood.mode,
            "commands": self.understood.to_data(),
            "edits": edits_to_json(self.edits),
            "reverted": [one.utterance for one in self.reverted],
            "changed": self.text_before != self.text_after,
            "receipt": receipt.to_json() if receipt else None,
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """An utterance that could not be carried out. It changed nothing; the journal has its words and sound."""

    words: str
    error: VoiceEditError

    @property
    def utterance(self) -> int | None:
        """Its number in the journal."""
        return self.error.utterance


def revert_message(reverted: Sequence[Reverted], *, undoing: bool) -> str:
    """One sentence on what was undone or redone, for the journal and for people."""
    done = "Undid" if undoing else "Redid"
    numbers = ", ".join(str(one.utterance) for one in reverted)
    return f"{done} utterance{'s' if len(reverted) > 1 else ''} {numbers}."
