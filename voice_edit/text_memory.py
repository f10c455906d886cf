"""A text as an utterance left it: where its caret is, what was said lately and still stands there.

What is different when it is seen again was done by others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voice_edit.editor import Editor
    from voice_edit.edits import Document
    from voice_edit.journal.journal import Journal
    from voice_edit.recent import Said
    from voice_edit.targets.base import Snapshot


@dataclass(frozen=True, slots=True)
class _Left:
    """A text as we left it. What is different next time was done by others."""

    name: str
    """Of the target."""
    text: str
    said: tuple[Said, ...]
    """What was said lately, and where it stands."""
    editor: Editor | None
    """What it was made with: it knows what "undo" means among other commands."""
    at_s: float
    """When, in seconds since the epoch."""


class TextMemory:
    """What is remembered of one text between two utterances; beyond this process the journal knows."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._left: _Left | None = None

    def forget(self) -> None:
        """Something else was done to it, such as an undo: the journal is asked next time."""
        self._left = None

    def document(self, snapshot: Snapshot) -> Document:
        """The text with its caret. A target without one has it where the last edit left it, else at the
        end.
        """
        from voice_edit.edits import Document, Selection

        selection = snapshot.selection
        if selection is None:
            end = len(snapshot.text)
            selection = Selection(*(self._journal.selection(snapshot.name, snapshot.version) or (end, end)))
        return Document(snapshot.text, selection)

    def editor_on(self, document: Document, snapshot: Snapshot) -> Editor:
        """The editor that left the text as it is, else a new one that knows what was said lately."""
        from voice_edit.editor import Editor

        left, said = self._left, self.said(snapshot)
        if left is None or left.editor is None or (left.name, left.text) != (snapshot.name, snapshot.text):
            return Editor(document, said=said)
        self._left = replace(left, editor=None)  # until it is known to be done
        left.editor.document, left.editor.said = document, said
        return left.editor

    def leave(self, name: str, text: str, editor: Editor) -> None:
        """The target holds `text` now, which `editor` made, perhaps of another one."""
        from voice_edit.recent import kept_by_others

        made = editor.document.text  # another one where the edits had to be moved
        said = kept_by_others(editor.said, made, text)
        known = editor if made == text else None
        self._left = _Left(name, text, said, known, self._journal.store.now_s())

    def shows_the_newest(self, snapshot: Snapshot) -> bool:
        """Whether what is meant by "that" is in this window: the selection, or what was said last."""
        from voice_edit.recent import kept_by_others

        if snapshot.selection is not None and not snapshot.selection.is_caret:
            return True
        left = self._left
        return (
            left is not None
            and left.name == snapshot.name
            and bool(kept_by_others(left.said[:1], left.text, snapshot.text))
        )

    def said(self, snapshot: Snapshot) -> tuple[Said, ...]:
        """What was said lately and still stands in the text, newest first: for "delete that", "I meant"."""
        from voice_edit import recent

        if "edit" not in snapshot.capabilities:
            return ()  # words go there and are not seen again
        left, now_s = self._left, self._journal.store.now_s()
        if left is not None and left.name == snapshot.name and now_s - left.at_s < recent.RECENT_S:
            said = recent.kept_by_others(left.said, left.text, snapshot.text)
            if said or left.text == snapshot.text:
                return said
        records = self._journal.log(limit=2 * recent.MOST, target=snapshot.name)
        return recent.found_again(snapshot.text, records, now_s=now_s)
