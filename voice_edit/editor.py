"""A document with a memory: checkpoints to undo and redo, what was inserted last, "delete that", "I meant
Wednesday".

What one call of `perform` or `dictate` does is one checkpoint. A call that fails leaves everything as it was.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from voice_edit import planning
from voice_edit.commands import (
    AnyCommand,
    Correct,
    EditCommand,
    Insert,
    Redo,
    Replace,
    Rewrite,
    Save,
    Stop,
    TextCommand,
    Undo,
)
from voice_edit.document import apply
from voice_edit.edits import Document, Edit, in_order, moved, moved_selection
from voice_edit.errors import Ambiguous, NeedsWriter, NoMatch, NothingToRedo, NothingToUndo
from voice_edit.manners.fitting import fit
from voice_edit.manners.manners import USUAL, Manners
from voice_edit.matching import find_quote, sounds_like
from voice_edit.numbers import cardinal
from voice_edit.resolving import Span, resolve
from voice_edit.selectors import Exact, Quote, That, _Model
from voice_edit.text_units import words as words_of
from voice_edit.wordlists import wordlist

ModelT = TypeVar("ModelT", bound=_Model)
Spans = tuple[tuple[int, int], ...]

_KINDS = (
    wordlist("monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday tonight"),
    wordlist("january february march april may june july august september october november december"),
    wordlist("black white red green blue yellow brown grey gray orange purple pink silver gold"),
)
"""Words of one kind stand for each other: "I meant Wednesday" is about the Tuesday just inserted."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one utterance did: the unit of undo."""

    edits: tuple[Edit, ...]
    inserted_before: Spans
    """What had been inserted last when it began."""
    inserted_after: Spans


class Editor:
    """Applies commands to a document and can take them back."""

    def __init__(self, document: Document, *, last_inserted: Spans = ()) -> None:
        """`last_inserted`: spans of the text that an earlier process put in, for "that" and "I meant Y"."""
        self.document = document
        self.last_inserted: Spans = tuple(last_inserted)
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
        NothingToUndo, NothingToRedo, or NeedsWriter for a rewrite whose scope was found.
        """
        kept = (self.document, self.last_inserted, list(self._done), list(self._undone))
        try:
            return self._perform(commands)
        except Exception:
            self.document, self.last_inserted, self._done, self._undone = kept
            raise

    def _perform(self, commands: Sequence[AnyCommand]) -> list[Edit]:
        edits: list[Edit] = []
        open_edits: list[Edit] = []
        inserted_before = self.last_inserted
        for number, command in enumerate(commands):
            match command:
                case Undo() | Redo():
                    self._close(open_edits, inserted_before)
                    open_edits = []
                    edits += (
                        self.undo(command.count) if isinstance(command, Undo) else self.redo(command.count)
                    )
                    inserted_before = self.last_inserted
                case Save() | Stop():
                    pass
                case Rewrite():
                    with self._telling_which(number):
                        resolve(self.document, self._with_that(command).scope)
                    raise NeedsWriter("this asks for new text, which the grammar cannot write")
                case _:
                    with self._telling_which(number):
                        edit = self._edit(command)
                    self._apply(edit)
                    if isinstance(command, Insert | Replace | Correct) and edit.changes:
                        self.last_inserted = self._bare(_words_put_in(edit))
                    edits.append(edit)
                    open_edits.append(edit)
        self._close(open_edits, inserted_before)
        return edits

    @contextmanager
    def _telling_which(self, number: int) -> Iterator[None]:
        """An Ambiguous says in which command it came up, and in which document."""
        try:
            yield
        except Ambiguous as error:
            error.command, error.document = number, self.document
            raise

    def dictate(self, words: str, *, manners: Manners = USUAL) -> list[Edit]:
        """Insert words at the caret as one checkpoint; they are never obeyed."""
        before = self.last_inserted
        edit = fit(self.document, words, manners=manners)
        if not edit.changes:
            return []
        self._apply(edit)
        self.last_inserted = self._bare(edit.inserted())
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
            self.last_inserted = checkpoint.inserted_before
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
            self.last_inserted = checkpoint.inserted_after
            self._done.append(checkpoint)
        return edits

    def _close(self, edits: list[Edit], inserted_before: Spans) -> None:
        if edits:
            self._done.append(Checkpoint(tuple(edits), inserted_before, self.last_inserted))
            self._undone.clear()

    def _apply(self, edit: Edit) -> None:
        """Apply and keep track of where the text inserted last is now."""
        self.document = edit.apply_to(self.document)
        tracked = []
        for start, end in self.last_inserted:
            now = moved(start, edit.changes), moved(end, edit.changes, behind=False)
            if now[0] < now[1]:
                tracked.append(now)
        self.last_inserted = tuple(tracked)

    def _edit(self, command: EditCommand) -> Edit:
        if isinstance(command, Correct):
            return self._correction(command)
        if isinstance(command, TextCommand):
            return apply(self.document, self._with_that(command))
        raise AssertionError(f"{command.kind} has a way of its own")

    def _correction(self, command: Correct) -> Edit:
        """What "I meant Y" replaces. Raises NoMatch if nothing was inserted, or no part of it is like Y."""
        if command.instead_of is not None:
            found = [
                Span(start + a, start + b)
                for start, end in self.last_inserted
                for a, b in find_quote(self.document.text[start:end], command.instead_of)
            ]
            if not found:
                return apply(self.document, Replace(find=Quote(text=command.instead_of), text=command.text))
        else:
            found = [self._meant(Span(start, end), command.text) for start, end in self.last_inserted]
        if not found:
            raise NoMatch(
                "nothing was inserted that could be corrected",
                hint="Nothing was changed. Say what was wrong: “I meant Wednesday, not Tuesday”.",
            )
        changes = [c for span in found for c in planning.replacement(self.document, span, command.text)]
        ordered = in_order(changes)
        after = moved_selection(self.document.text, self.document.selection, ordered)
        return Edit(ordered, self.document.selection, after)

    def _meant(self, span: Span, meant: str) -> Span:
        """The part of the text inserted last that these words were meant to be."""
        text = self.document.text[span.start : span.end]
        parts, count = words_of(text), len(words_of(meant))
        if count == 1 and len(parts) > 1:
            alike = [(a, b) for a, b in parts if _of_a_kind(text[a:b], meant)]
            alike = alike or [(a, b) for a, b in parts if sounds_like(text[a:b].lower(), meant.lower())]
            if len(alike) == 1:
                return Span(span.start + alike[0][0], span.start + alike[0][1])
            if len(parts) > 2:
                raise NoMatch(
                    f"it is not clear which of the words inserted last should be “{meant}”",
                    hint=f"Nothing was changed. Say both: “I meant {meant}, not ...”.",
                )
        if len(parts) > count + 2:
            heard = find_quote(text, meant)
            if len(heard) == 1:
                return Span(span.start + heard[0][0], span.start + heard[0][1])
            raise NoMatch(
                f"it is not clear which of the words inserted last should be “{meant}”",
                hint=f"Nothing was changed. Say both: “I meant {meant}, not ...”.",
            )
        return span

    def _with_that(self, model: ModelT) -> ModelT:
        """ "That" means the text inserted last when nothing is selected."""
        if not self.last_inserted or not self.document.selection.is_caret:
            return model
        update: dict[str, _Model] = {}
        for name, value in model:
            if isinstance(value, That):
                start, end = self.last_inserted[-1]
                update[name] = Exact(start=start, end=end)
            elif isinstance(value, _Model):
                update[name] = self._with_that(value)
        return model.model_copy(update=update) if update else model

    def _bare(self, spans: Spans) -> Spans:
        """Spans without the spaces around the words."""
        text = self.document.text
        bare = []
        for start, end in spans:
            piece = text[start:end]
            if piece.strip():
                begin = start + len(piece) - len(piece.lstrip())
                bare.append((begin, begin + len(piece.strip())))
        return tuple(bare)


def _words_put_in(edit: Edit) -> Spans:
    """Spans of the new text that has words; a lone letter whose case was repaired is none of it."""
    spans = edit.inserted()
    changes = [change for change in edit.changes if change.new]
    return tuple(
        span
        for span, change in zip(spans, changes, strict=True)
        if not (len(change.new) == len(change.old) == 1 and change.new.lower() == change.old.lower())
    )


def _of_a_kind(a: str, b: str) -> bool:
    """Two weekdays, two months, two numbers, two colours."""
    a, b = a.lower(), b.lower()
    if cardinal([a]) is not None and cardinal([b]) is not None:
        return True
    return any(a in kind and b in kind for kind in _KINDS)
