"""Opening the journal and a file as every verb does it: recover first, then forget what is too old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from voice_edit.errors import NothingToRedo, NothingToUndo, UsageError

if TYPE_CHECKING:
    from voice_edit.config import Paths, Settings
    from voice_edit.editing import Editing
    from voice_edit.journal.journal import Journal
    from voice_edit.journal.records import Direction, UtteranceRecord
    from voice_edit.targets.file import FileTarget

Tell = Callable[[str], object]
"""Called with sentences that the user must see."""


@contextmanager
def open_journal(settings: Settings, paths: Paths, *, tell: Tell) -> Iterator[Journal]:
    """The journal, after recovery and retention. Raises JournalError."""
    from voice_edit.journal.journal import Journal
    from voice_edit.journal.recovery import recover
    from voice_edit.journal.retention import Retention, prune

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
    # Who only reads the journal (`log`) waits for none of these.
    from voice_edit.editing import Editing
    from voice_edit.manners.manners import manners_for
    from voice_edit.rewriting.opening import OwnWriter
    from voice_edit.rewriting.rewriter import Rewriter
    from voice_edit.screen.views import ScreenViews
    from voice_edit.vocabulary.vocabulary import Vocabulary
    from voice_edit.wording import Wording

    target = file_target(file, settings)
    target.snapshot()
    target.ensure_writable()
    with open_journal(settings, paths, tell=tell) as journal:
        editing = Editing(target, journal, confirm_chars=settings.ask.confirm_chars)
        editing.wording = Wording(manners_for(settings.dictation), Vocabulary.load(paths))
        editing.weak = settings.weak
        with OwnWriter(settings, paths) as writer:
            editing.rewriter = Rewriter(
                writer, lambda: settings.rewrite, views=ScreenViews(lambda: settings.rewrite)
            )
            yield editing


def file_target(file: Path | str, settings: Settings) -> FileTarget:
    """The file as a target; not looked at yet."""
    from voice_edit.targets.file import FileTarget

    return FileTarget(file, max_bytes=settings.target.max_file_mb << 20)


def last_target(journal: Journal, direction: Direction) -> str:
    """Whose edit would be undone or redone if no file is named: the name of what was written last.

    Raises NothingToUndo, NothingToRedo. An older edit is not taken instead of one that cannot be taken back,
    as of words that were pasted into a terminal: that is not what "undo" without a name means.
    """
    from voice_edit.targets.names import FIELD_SCHEME, shown

    standing = "applied" if direction == "undo" else "undone"
    # Only a checkpoint that changes text has a list in a list; of those some cannot be taken back.
    row = journal.store.row(
        "SELECT c.target, c.changes FROM checkpoint c JOIN write w ON w.checkpoint = c.id"
        " WHERE c.standing = ? AND (c.changes > 0 OR (c.target LIKE ? AND c.edits LIKE '%[[%'))"
        " ORDER BY w.id DESC LIMIT 1",
        standing,
        f"{FIELD_SCHEME}%",
    )
    if row is not None and row["changes"]:
        return str(row["target"])
    if row is not None:
        raise NothingToUndo(
            f"The last words went to {shown(row['target'])}, which gives nothing back.",
            hint="Take them away there. To undo an older edit of a file: voice-edit undo FILE",
        )
    if direction == "undo":
        raise NothingToUndo("There is no edit to undo.")
    raise NothingToRedo("There is no edit to redo.")


def file_of(record: UtteranceRecord) -> Path:
    """The file an utterance was meant for. Raises UsageError; TargetGone when that was no file."""
    from voice_edit.targets.names import path_of

    if record.target is None:
        raise UsageError(
            f"Utterance {record.id} was not meant for a file.", hint="Name one with --file FILE."
        )
    return path_of(record.target)
