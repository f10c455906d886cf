"""Applying edits so that they can be taken back: plan in the journal, write to the target, settle in the
journal.

All three ways of changing a target (do, undo, redo) pass through `_carry_out`, under the target's lock.
Whatever happens in between, the journal either knows the outcome or `recovery` can find it out from what the
target holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voice_edit import relocate
from voice_edit.edit_json import edits_from_json
from voice_edit.errors import (
    JournalError,
    NothingToRedo,
    NothingToUndo,
    TargetChanged,
    TargetError,
    TargetUncertain,
    VoiceEditError,
)
from voice_edit.journal import locks, recovery
from voice_edit.journal.journal import Journal
from voice_edit.journal.records import CheckpointRecord, Direction
from voice_edit.targets.base import JournaledTarget, PreparedWrite, Receipt, Version
from voice_edit.targets.names import shown

if TYPE_CHECKING:
    from voice_edit.edits import Edit


@dataclass(frozen=True, slots=True)
class Reverted:
    """One checkpoint that was undone or redone."""

    utterance: int
    words: str | None
    """What was said when it was made."""
    text_before: str
    text_after: str
    """The target's text before and after the undo or redo, for showing a diff."""
    moved: bool
    """Somebody else had changed the file elsewhere; our part was found at its new place."""
    receipt: Receipt


def apply_edits(
    journal: Journal, target: JournaledTarget, utterance: int, edits: Sequence[Edit], *, expected: Version
) -> Receipt:
    """Make `edits` to the text of version `expected`, as the checkpoint of `utterance`.

    Raises TargetChanged and the rest of the TargetError tree, JournalError: then nothing was written, and
    the journal says why.
    """
    with locks.writing(journal.store.lock_folder, target.name, timeout_s=journal.store.busy_timeout_s):
        try:
            recovery.settle_target(journal, target.name, there=target)
            write = target.prepare(edits, expected=expected)
        except VoiceEditError as error:
            with suppress(JournalError):
                journal.failed(utterance, error)
            raise
        return _carry_out(journal, target, write, lambda: journal.plan(utterance, write, edits))


def undo(journal: Journal, target: JournaledTarget, count: int = 1) -> list[Reverted]:
    """Take back the last `count` checkpoints of the target, newest first; fewer when there are no more.

    Raises NothingToUndo; TargetChanged when somebody changed the very place meanwhile (checkpoints taken
    back before that stay taken back).
    """
    return _revert(journal, target, "undo", count)


def redo(journal: Journal, target: JournaledTarget, count: int = 1) -> list[Reverted]:
    """Make the last `count` undone checkpoints again, oldest first. Raises NothingToRedo, TargetChanged."""
    return _revert(journal, target, "redo", count)


def _revert(journal: Journal, target: JournaledTarget, direction: Direction, count: int) -> list[Reverted]:
    done: list[Reverted] = []
    name = target.name
    with locks.writing(journal.store.lock_folder, name, timeout_s=journal.store.busy_timeout_s):
        recovery.settle_target(journal, name, there=target)
        for _ in range(count):
            record = journal.next_to_undo(name) if direction == "undo" else journal.next_to_redo(name)
            if record is None:
                break
            done.append(_revert_one(journal, target, direction, record))
    if not done:
        if direction == "undo":
            raise NothingToUndo(f"There is no edit of {shown(name)} to undo.")
        raise NothingToRedo(f"There is no edit of {shown(name)} to redo.")
    return done


def _revert_one(
    journal: Journal, target: JournaledTarget, direction: Direction, record: CheckpointRecord
) -> Reverted:
    snapshot = target.snapshot(newline=record.newline, whole=True)
    planned = edits_from_json(record.edits)
    place = relocate.to_undo if direction == "undo" else relocate.to_redo
    edits = place(snapshot.text, planned, record.anchors)
    words = journal.get(record.utterance).words
    if edits is None:
        raise TargetChanged(
            f"{shown(snapshot.name)} was changed by another program where utterance {record.utterance} "
            "had edited it.",
            hint=f"Nothing was written. `voice-edit log {record.utterance}` shows what the edit was.",
        )
    write = target.prepare(edits, expected=snapshot.version, newline=record.newline)
    receipt = _carry_out(
        journal, target, write, lambda: journal.plan_again(record.id, direction, write, edits)
    )
    return Reverted(
        utterance=record.utterance,
        words=words,
        text_before=write.text_before,
        text_after=write.text_after,
        moved=_starts(edits) != _starts(_ways_back(planned) if direction == "undo" else planned),
        receipt=receipt,
    )


def _carry_out(
    journal: Journal, target: JournaledTarget, write: PreparedWrite, plan: Callable[[], int]
) -> Receipt:
    number = plan()
    try:
        receipt = target.commit(write)
    except TargetUncertain as error:
        journal.settle(number, "unclear", reason=recovery.UNREACHABLE, message=str(error))
        raise
    except TargetError as error:
        journal.settle(number, "not_done", reason=error.code, message=str(error))
        raise
    except BaseException:
        # Ctrl-C between two steps: the target tells whether it was before or after the replacement.
        with suppress(VoiceEditError):
            recovery.settle_target(journal, write.name, there=target)
        raise
    try:
        journal.settle(number, "done", receipt=receipt)
    except JournalError as error:
        # The target holds our text and the plan is on disk: the next start settles it by what is there.
        note = f"The journal could not be completed and will be next time: {error}"
        return Receipt(receipt.state, receipt.before, receipt.after, (*receipt.notes, note))
    return receipt


def _ways_back(edits: Sequence[Edit]) -> list[Edit]:
    return [edit.inverse() for edit in reversed(edits)]


def _starts(edits: Iterable[Edit]) -> list[int]:
    return [change.start for edit in edits for change in edit.changes]
