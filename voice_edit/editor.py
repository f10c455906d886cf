"""A document with a memory: checkpoints to undo and redo, what was said lately, "delete that", "I meant
Wednesday".

What one call of `perform` or `dictate` does is one checkpoint. A call that fails leaves everything as it was.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from voice_edit.commands import (
    AnyCommand,
    Correct,
    Insert,
    Redo,
    Replace,
    Rewrite,
    Save,
    Stop,
    TextCommand,
    Undo,
)
from voice_edit.correcting import correction, said_about
from voice_edit.document import apply
from voice_edit.edits import Document, Edit
from voice_edit.errors import Ambiguous, NothingToRedo, NothingToUndo
from voice_edit.manners.fitting import Meant, fit
from voice_edit.manners.manners import USUAL, Manners
from voice_edit.recent import MOST, Said, followed, put_in
from voice_edit.resolving import resolve
from voice_edit.rewriting.errors import TextWanted
from voice_edit.selectors import Exact, That, WhatWasSaid, _Model

ModelT = TypeVar("ModelT", bound=_Model)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one utterance did: the unit of undo."""

    edits: tuple[Edit, ...]
    said_before: tuple[Said, ...]
    """What had been said lately when it began."""
    said_after: tuple[Said, ...]


class Editor:
    """Applies commands to a document and can take them back."""

    def __init__(self, document: Document, *, said: Sequence[Said] = ()) -> None:
        """`said`: what earlier utterances put into the text, newest first, for "that" and "I meant Y"."""
        self.document = document
        self.said: tuple[Said, ...] = tuple(said)
        self._done: list[Checkpoint] = []
        self._undone: list[Checkpoint] = []

    @property
    def undo_depth(self) -> int:
        """How many checkpoints can be undone."""
        return len(self._done)

    @property
    def redo_depth(self) -> int:
        """How many checkpoints can be redone."""
        return len(self._undone)

    def perform(self, commands: Sequence[AnyCommand]) -> list[Edit]:
        """Carry out the commands of one utterance as one checkpoint; the edits in the order they were
        applied.

        Save and Stop change nothing here; whoever owns the target acts on them. Raises NoMatch, Ambiguous,
        NothingToUndo, NothingToRedo, or NeedsWriter for a rewrite whose scope was found and whose text is not
        written yet.
        """
        kept = (self.document, self.said, list(self._done), list(self._undone))
        try:
            return self._perform(commands)
        except Exception:
            self.document, self.said, self._done, self._undone = kept
            raise

    def _perform(self, commands: Sequence[AnyCommand]) -> list[Edit]:
        edits: list[Edit] = []
        open_edits: list[Edit] = []
        said_before = self.said
        for number, command in enumerate(commands):
            match command:
                case Undo() | Redo():
                    self._close(open_edits, said_before)
                    open_edits = []
                    edits += (
                        self.undo(command.count) if isinstance(command, Undo) else self.redo(command.count)
                    )
                    said_before = self.said
                case Save() | Stop():
                    pass
                case Rewrite(text=None):
                    with self._telling_which(number):
                        span = resolve(self.document, self._with_said(command).scope)
                    raise TextWanted(
                        "this asks for new text, which the grammar cannot write",
                        command=number,
                        document=self.document,
                        span=(span.start, span.end),
                    )
                case _:
                    with self._telling_which(number):
                        edit = self._edit(command)
                    self._apply(edit)
                    if isinstance(command, Insert | Replace | Correct | Rewrite) and edit.changes:
                        self._remember(edit)
                    edits.append(edit)
                    open_edits.append(edit)
        self._close(open_edits, said_before)
        return edits

    @contextmanager
    def _telling_which(self, number: int) -> Iterator[None]:
        """An Ambiguous says in which command it came up, and in which document."""
        try:
            yield
        except Ambiguous as error:
            error.command, error.document = number, self.document
            raise

    def dictate(
        self, words: str, *, manners: Manners = USUAL, meant: Callable[[str], Meant] | None = None
    ) -> list[Edit]:
        """Insert words at the caret as one checkpoint; they are never obeyed. `meant`: see `fit`."""
        before = self.said
        edit = fit(self.document, words, manners=manners, meant=meant)
        if not edit.changes:
            return []
        self._apply(edit)
        self._remember(edit)
        self._close([edit], before)
        return [edit]

    def undo(self, count: int = 1) -> list[Edit]:
        """Take back the last checkpoints (fewer if there are fewer). The edits that did it. Raises
        NothingToUndo."""
        if not self._done:
            raise NothingToUndo("nothing was done yet that could be undone")
        edits: list[Edit] = []
        for _ in range(min(count, len(self._done))):
            checkpoint = self._done.pop()
            for edit in reversed(checkpoint.edits):
                back = edit.inverse()
                self.document = back.apply_to(self.document)
                edits.append(back)
            self.said = checkpoint.said_before
            self._undone.append(checkpoint)
        return edits

    def redo(self, count: int = 1) -> list[Edit]:
        """Do again what was undone last. The edits that did it. Raises NothingToRedo."""
        if not self._undone:
            raise NothingToRedo("nothing was undone that could be redone")
        edits: list[Edit] = []
        for _ in range(min(count, len(self._undone))):
            checkpoint = self._undone.pop()
            for edit in checkpoint.edits:
                self.document = edit.apply_to(self.document)
                edits.append(edit)
            self.said = checkpoint.said_after
            self._done.append(checkpoint)
        return edits

    def _close(self, edits: list[Edit], said_before: tuple[Said, ...]) -> None:
        if edits:
            self._done.append(Checkpoint(tuple(edits), said_before, self.said))
            self._undone.clear()

    def _apply(self, edit: Edit) -> None:
        """Apply, and keep track of where everything that was said is now."""
        self.document = edit.apply_to(self.document)
        self.said = followed(self.said, edit.changes)

    def _remember(self, edit: Edit) -> None:
        """What the edit just applied put in was said last."""
        if spans := put_in(edit, self.document.text):
            self.said = (Said(spans), *self.said)[:MOST]

    def _edit(self, command: AnyCommand) -> Edit:
        if isinstance(command, Correct):
            return correction(self.document, command, self.said)
        if isinstance(command, Rewrite):
            from voice_edit.rewriting.placing import put

            return put(self.document, self._with_said(command))
        if isinstance(command, TextCommand):
            return apply(self.document, self._with_said(command))
        raise AssertionError(f"{command.kind} has a way of its own")

    def _with_said(self, model: ModelT) -> ModelT:
        """The places that are named by having been said. "That" is what was said last when nothing is
        selected; where nothing was said, it finds another meaning (`resolving`).
        """
        update: dict[str, _Model] = {}
        for name, value in model:
            if isinstance(value, WhatWasSaid):
                update[name] = self._exactly(value)
            elif isinstance(value, That):
                if self.said and self.document.selection.is_caret:
                    update[name] = self._exactly(WhatWasSaid())
            elif isinstance(value, _Model) and (put := self._with_said(value)) is not value:
                update[name] = put
        return model.model_copy(update=update) if update else model

    def _exactly(self, selector: WhatWasSaid) -> Exact:
        try:
            span = said_about(self.document, selector.about, self.said)
        except Ambiguous as error:
            error.selector = selector
            raise
        return Exact(start=span.start, end=span.end)
