"""Opening the journal and a file as every verb does it: recover first, then forget what is too old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from voice_edit.config import Paths, Settings
from voice_edit.editing import Editing
from voice_edit.errors import NothingToRedo, NothingToUndo

if TYPE_CHECKING:
    from voice_edit.journal import Journal
    from voice_edit.journal_records import Direction
    from voice_edit.targets.file import FileTarget

Tell = Callable[[str], object]
"""Called with sentences that the user must see."""


@contextmanager
def open_journal(settings: Settings, paths: Paths, *, tell: Tell) -> Iterator[Journal]:
    """The journal, after recovery and retention. Raises JournalError."""
    from voice_edit.journal import Journal
    from voice_edit.recovery import recover
    from voice_edit.retention import Retention, prune

    with Journal.open(paths.journal) as journal:
        for notice in journal.notices:
            tell(notice)
        for sentence in recover(journal).sentences():
            tell(sentence)
        kept = settings.history
        prune(journal, Retention(audio_days=kept.audio_days, audio_mb=kept.audio_mb, history_days=kept.days))
        yield journal


@contextmanager
def open_editing(file: Path, settings: Settings, paths: Paths, *, tell: Tell) -> Iterator[Editing]:
    """A file that can be edited, with its journal. Raises TargetError before anybody speaks, JournalError."""
    target = file_target(file, settings)
    target.snapshot()
    target.ensure_writable()
    with open_journal(settings, paths, tell=tell) as journal:
        yield Editing(target, journal)


def file_target(file: Path | str, settings: Settings) -> FileTarget:
    """The file as a target; not looked at yet."""
    from voice_edit.targets.file import FileTarget

    return FileTarget(file, max_bytes=settings.target.max_file_mb << 20)


def last_target(journal: Journal, direction: Direction) -> Path:
    """The file whose edit would be undone or redone if none is named: the one that was written last.

    Raises NothingToUndo, NothingToRedo.
    """
    from voice_edit.targets.file import path_of

    standing = "applied" if direction == "undo" else "undone"
    row = journal.store.row(
        "SELECT c.target FROM checkpoint c JOIN write w ON w.checkpoint = c.id"
        " WHERE c.standing = ? AND c.changes > 0 ORDER BY w.id DESC LIMIT 1",
        standing,
    )
    if row is not None:
        return path_of(str(row["target"]))
    if direction == "undo":
        raise NothingToUndo("There is no edit to undo.")
    raise NothingToRedo("There is no edit to redo.")
