"""After a crash: find out what happened, and bring journal, files and recordings to a state that is true.

Nothing is decided by time stamps or process numbers. Whether a process still lives is told by its lock;
whether an edit was made is told by the target: it holds the text before (not done), the text after (done),
or, when somebody else has changed it since, our passage at exactly one place. If even that does not tell,
the edit is called unclear and left alone. Text that lives in another program cannot be looked at from here:
an edit of it is unclear until that program is there again and its text tells.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from voice_edit import relocate
from voice_edit.edit_json import edits_from_json
from voice_edit.errors import TargetError
from voice_edit.journal import audio_store, durable, locks
from voice_edit.journal.journal import Journal
from voice_edit.journal.records import CheckpointRecord, WriteRecord, WriteState
from voice_edit.targets import _atomic
from voice_edit.targets.base import Receipt, Version
from voice_edit.targets.file import FileTarget, read_version
from voice_edit.targets.names import is_file, path_of, shown

if TYPE_CHECKING:
    from voice_edit.targets.base import JournaledTarget

UNREACHABLE = "target_unreachable"
"""Why a write is unclear that may become clear as soon as its target can be looked at."""
SHORTEST_UNHEARD_SAMPLES = 1600
"""100 ms. Less sound than this, not yet heard when the process died, is not worth a retry."""


# A transcription is finished when it is heard; rows with a reason were dealt with before.
_UNFINISHED = "reason IS NULL AND (state = 'unheard' OR (state = 'heard' AND mode != 'transcribe'))"


@dataclass(slots=True)
class Recovered:
    """What was found and put right. Empty when the last process ended as it should."""

    done: list[int] = field(default_factory=list)
    """Utterances whose edit had reached the file."""
    not_done: list[int] = field(default_factory=list)
    """Utterances whose words are known and whose edit had not reached the file: `retry` applies them."""
    unclear: list[int] = field(default_factory=list)
    """Utterances whose target was changed by somebody else so that nobody can tell."""
    unheard: list[int] = field(default_factory=list)
    """Utterances whose sound is kept and whose words are not known: `retry` hears them."""
    removed: list[Path] = field(default_factory=list)
    """Temporary files that were left beside a target."""

    def __bool__(self) -> bool:
        return bool(self.done or self.not_done or self.unclear or self.unheard or self.removed)

    def sentences(self) -> list[str]:
        """For the user, one per kind."""
        found = []
        if self.done:
            found.append(f"{_utterances(self.done)} had been applied before the interruption; undo works.")
        if self.not_done:
            found.append(
                f"{_utterances(self.not_done)} had not been applied: `voice-edit retry {self.not_done[-1]}`."
            )
        if self.unclear:
            found.append(
                f"{_utterances(self.unclear)} may have been applied or not: look at the text; "
                f"`voice-edit log {self.unclear[-1]}` shows the edit."
            )
        if self.unheard:
            found.append(
                f"{_utterances(self.unheard)} had not been heard out: `voice-edit retry {self.unheard[-1]}`."
            )
        return found


def recover(journal: Journal) -> Recovered:
    """Put right what dead processes left behind. Cheap when there is nothing; call it at every start.

    What belongs to a living process is left alone. Raises JournalError.
    """
    report = Recovered()
    with ExitStack() as stack:
        dead = _dead_sessions(journal, stack)
        _settle_writes(journal, dead, report)
        _close_takes(journal, dead, report)
        _close_utterances(journal, dead, report)
    _adopt_recordings(journal, report)
    _forget_pruned(journal)
    return report


def settle_target(
    journal: Journal, target: str, report: Recovered | None = None, *, there: JournaledTarget | None = None
) -> None:
    """Decide all unfinished writes of one target. The caller holds the target's lock.

    `there` is the target itself where it can be looked at; a file always can.
    """
    rows = journal.store.rows(
        "SELECT * FROM write WHERE target = ? AND (state = 'planned' OR (state = 'unclear' AND reason = ?))"
        " ORDER BY id",
        target,
        UNREACHABLE,
    )
    for row in rows:
        _settle(journal, WriteRecord.from_row(row), Recovered() if report is None else report, there)


def _dead_sessions(journal: Journal, stack: ExitStack) -> set[str]:
    """Sessions with unfinished rows whose process is gone. Their locks are held until the stack is closed."""
    rows = journal.store.rows(
        "SELECT session FROM write WHERE state = 'planned'"
        " UNION SELECT session FROM take WHERE state = 'recording'"
        f" UNION SELECT session FROM utterance WHERE {_UNFINISHED}"
    )
    dead = set()
    for row in rows:
        session = row["session"]
        lock = (
            None
            if session == journal.store.session
            else locks.FileLock.try_acquire(journal.store.session_lock_path(session))
        )
        if lock is not None:
            stack.enter_context(lock)
            dead.add(session)
    return dead


def _settle_writes(journal: Journal, dead: set[str], report: Recovered) -> None:
    rows = journal.store.rows("SELECT DISTINCT target, session FROM write WHERE state = 'planned'")
    for target in sorted({row["target"] for row in rows if row["session"] in dead}):
        lock = locks.FileLock.try_acquire(locks.target_lock_path(journal.store.lock_folder, target))
        if lock is not None:  # else somebody is at work there, and has settled or will settle what was left
            with lock:
                settle_target(journal, target, report)


def _settle(journal: Journal, write: WriteRecord, report: Recovered, there: JournaledTarget | None) -> None:
    row = journal.store.rows("SELECT * FROM checkpoint WHERE id = ?", write.checkpoint)[0]
    checkpoint = CheckpointRecord.from_row(row, (write,))
    if is_file(write.target):
        path = path_of(write.target)
        state, receipt = _decide_file(path, write, checkpoint)
        if _atomic.remove_temporary(path.parent, write.token):
            report.removed.append(path.with_name(_atomic.temporary_name(write.token)))
    elif there is None:
        if write.state == "planned":
            message = f"The program was interrupted while it changed {shown(write.target)}: look at the text."
            journal.settle(write.id, "unclear", reason=UNREACHABLE, message=message)
            report.unclear.append(checkpoint.utterance)
        return
    else:
        try:
            now = there.snapshot(newline=checkpoint.newline, whole=True)
        except TargetError:
            return  # not there either; stays as it is until it is
        state, receipt = _decide(now.text, now.version, write, checkpoint)
    reason = None if state == "done" else "interrupted"
    what = "file" if is_file(write.target) else "text"
    message_of = {
        "not_done": f"The program was interrupted before the {what} was written.",
        "unclear": f"The program was interrupted, and the {what} was changed since.",
    }
    journal.settle(write.id, state, receipt=receipt, reason=reason, message=message_of.get(state))
    {"done": report.done, "not_done": report.not_done}.get(state, report.unclear).append(checkpoint.utterance)


def _decide_file(
    path: Path, write: WriteRecord, checkpoint: CheckpointRecord
) -> tuple[WriteState, Receipt | None]:
    """Was the write made? The file tells."""
    try:
        _, now = read_version(path, max_bytes=1 << 40)
        if now.same_content(write.after):
            durable.sync_folder(path.parent)  # the rename may not have been on the disk when the process died
        known = now.same_content(write.after) or now.same_content(write.before)
        target = FileTarget(path, max_bytes=1 << 40)
        text = "" if known else target.snapshot(newline=checkpoint.newline).text
    except (TargetError, OSError):
        return "unclear", None
    return _decide(text, now, write, checkpoint)


def _decide(
    text: str, now: Version, write: WriteRecord, checkpoint: CheckpointRecord
) -> tuple[WriteState, Receipt | None]:
    """Was the write made? The text tells, where the version alone does not."""
    if now.same_content(write.after):
        return "done", Receipt("verified", write.before, now, ("Found after an interruption.",))
    if now.same_content(write.before):
        return "not_done", None
    edits = edits_from_json(checkpoint.edits)
    has_new = relocate.to_undo(text, edits, checkpoint.anchors) is not None
    has_old = relocate.to_redo(text, edits, checkpoint.anchors) is not None
    if has_new == has_old:
        return "unclear", None
    done = has_new if write.direction in ("do", "redo") else has_old
    if not done:
        return "not_done", None
    return "done", Receipt("unverified", write.before, now, ("Found after an interruption; changed since.",))


def _close_takes(journal: Journal, dead: set[str], report: Recovered) -> None:
    for row in journal.store.rows("SELECT * FROM take WHERE state = 'recording' ORDER BY id"):
        if row["session"] not in dead:
            continue
        path = journal.store.audio_folder / row["audio"]
        try:
            samples = audio_store.repair(path)
        except FileNotFoundError:
            samples = 0  # died between the row and the file
        except OSError:
            continue  # cannot be read at this moment; stays for the next start
        heard = journal.store.rows(
            "SELECT coalesce(max(end_sample), 0) AS heard FROM utterance WHERE take = ?", row["id"]
        )[0]["heard"]
        if samples - heard >= SHORTEST_UNHEARD_SAMPLES:
            report.unheard.append(_unheard(journal, row["id"], row["mode"], row["target"], heard, samples))
        journal.store.execute(
            "UPDATE take SET state = 'interrupted', samples = ? WHERE id = ?", samples, row["id"]
        )


def _close_utterances(journal: Journal, dead: set[str], report: Recovered) -> None:
    rows = journal.store.rows(
        f"SELECT id, session, state FROM utterance WHERE {_UNFINISHED} AND id NOT IN (SELECT c.utterance"
        " FROM checkpoint c JOIN write w ON w.checkpoint = c.id WHERE w.state = 'planned') ORDER BY id"
    )
    for row in rows:
        if row["session"] not in dead:
            continue
        heard = row["state"] == "heard"
        journal.store.execute(
            "UPDATE utterance SET state = ?, reason = 'interrupted', message = ? WHERE id = ?",
            "not_applied" if heard else "unheard",
            "The program was interrupted before the words were applied."
            if heard
            else "The program was interrupted before the words were heard.",
            row["id"],
        )
        (report.not_done if heard else report.unheard).append(row["id"])


def _adopt_recordings(journal: Journal, report: Recovered) -> None:
    """Recordings without a row, from a journal that was damaged and put aside."""
    paths = sorted(journal.store.audio_folder.glob("*.wav"))
    # Asked after looking: a take's row is older than its file, so a recording that begins just now is known.
    known = {row["audio"] for row in journal.store.rows("SELECT audio FROM take")}
    for path in paths:
        if path.name in known:
            continue
        try:
            samples = audio_store.repair(path)
            started_at = path.stat().st_mtime
        except OSError:
            continue
        with journal.store.transaction("recover.adopt"):
            take = journal.store.insert(
                "take",
                session=journal.store.session,
                started_at=started_at,
                mode="dictate",
                audio=path.name,
                samples=samples,
                state="interrupted",
            )
            if samples >= SHORTEST_UNHEARD_SAMPLES:
                report.unheard.append(_unheard(journal, take, "dictate", None, 0, samples))


def _unheard(journal: Journal, take: int, mode: str, target: str | None, start: int, end: int) -> int:
    return journal.store.insert(
        "utterance",
        session=journal.store.session,
        take=take,
        started_at=journal.store.now_s(),
        mode=mode,
        target=target,
        start_sample=start,
        end_sample=end,
        state="unheard",
        reason="interrupted",
        message="The program was interrupted before the words were heard.",
    )


def _forget_pruned(journal: Journal) -> None:
    """Pruned recordings whose file outlived the process that pruned them."""
    for row in journal.store.rows("SELECT audio FROM take WHERE state = 'pruned'"):
        journal.store.audio_folder.joinpath(row["audio"]).unlink(missing_ok=True)


def _utterances(numbers: list[int]) -> str:
    listed = ", ".join(str(number) for number in numbers)
    return f"Utterance {listed}" if len(numbers) == 1 else f"Utterances {listed}"
