"""What heard words do to a text that is kept in memory, with all that the daemon does about it.

Every text is edited as if it were opened fresh: nothing of what was said about another one is remembered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice_edit.caret_marks import read_marked
from voice_edit.edits import Document
from voice_edit.fingerprint import text_sha256

if TYPE_CHECKING:
    from engine.events import Hypothesis
    from voice_edit.commands import AnyCommand
    from voice_edit.config import Settings
    from voice_edit.editing import Editing
    from voice_edit.journal.journal import Journal
    from voice_edit.pipeline import Mode


class Paper:
    """A text with a caret that does what it is asked to; see `targets.client`."""

    def __init__(self, document: Document) -> None:
        self.text = document.text
        self.anchor, self.head = document.selection.anchor, document.selection.head

    def request(self, method: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Answer as a text field does."""
        if method == "apply":
            if text_sha256(self.text) != payload["before_sha256"]:
                return {"error": {"code": "target_changed", "message": "It was changed meanwhile."}}
            self.text = payload["text_after"]
            self.anchor, self.head = payload["anchor"], payload["head"]
        return {"text": self.text, "anchor": self.anchor, "head": self.head}


class Carrier:
    """Carries out what is heard on one text."""

    def __init__(self, editing: Editing, paper: Paper, mode: Mode) -> None:
        self._editing = editing
        self._paper = paper
        self._mode = mode
        self.before = paper.text
        self.seconds = 0.0
        """What carrying out took so far."""
        self.error = ""
        """Why the last thing that failed did."""

    @property
    def text(self) -> str:
        """As it is now."""
        return self._paper.text

    def hear(self, hypothesis: Hypothesis) -> None:
        """Carry out an utterance."""
        from voice_edit.editing import Failure

        began = time.perf_counter()
        done = self._editing.try_hypothesis(hypothesis, mode=self._mode)
        self.seconds += time.perf_counter() - began
        if isinstance(done, Failure):
            self.error = done.error.code

    def perform(self, commands: Sequence[AnyCommand]) -> None:
        """Carry out commands that were not said but given."""
        from voice_edit.editor import Editor
        from voice_edit.edits import Selection
        from voice_edit.errors import VoiceEditError

        began = time.perf_counter()
        self.error = ""
        editor = Editor(Document(self._paper.text, Selection(self._paper.anchor, self._paper.head)))
        try:
            editor.perform(commands)
        except VoiceEditError as error:
            self.error = error.code
        else:
            made = editor.document
            self._paper.text = made.text
            self._paper.anchor, self._paper.head = made.selection.anchor, made.selection.head
        self.seconds += time.perf_counter() - began


class Desk:
    """Where texts are edited: one journal, which is nobody's own, and a name of its own for each text."""

    def __init__(self, journal: Journal, settings: Settings) -> None:
        self._journal = journal
        self._settings = settings
        self._texts = 0

    def lay(self, marked: str, mode: Mode) -> Carrier:
        """A fresh text, written with caret marks. Raises UsageError for marks that do not fit."""
        from voice_edit.editing import Editing
        from voice_edit.manners.manners import manners_for
        from voice_edit.targets.client import ClientTarget
        from voice_edit.wording import Wording

        paper = Paper(read_marked(marked))
        self._texts += 1
        editing = Editing(ClientTarget(f"eval-{self._texts}", "Evaluation", paper), self._journal)
        # Nobody's vocabulary: the same folder gives the same numbers everywhere.
        editing.wording = Wording(manners_for(self._settings.dictation))
        return Carrier(editing, paper, mode)


@contextmanager
def open_desk(settings: Settings, folder: Path) -> Iterator[Desk]:
    """A desk whose journal lies in `folder`."""
    from voice_edit.editing import load_what_a_command_needs
    from voice_edit.journal.journal import Journal

    load_what_a_command_needs()
    with Journal.open(folder / "journal.sqlite3") as journal:
        yield Desk(journal, settings)
