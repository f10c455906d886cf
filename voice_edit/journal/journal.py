"""The journal: what was said, what was to be done, and what became of it, written down before anything else
happens.

The order in which one spoken edit reaches the disk (each step is named in `durable.STEPS`):

    begin_take     row, then the audio file; every chunk is appended before anybody looks at it
    begin_utterance, words, commands
    plan           the edits with the text they replace, the file's version before and after
                   -> only now the target is touched (undo.py)
    settle         the receipt; what undo and redo have to offer

A killed process leaves rows in the states `recording`, `unheard`, `heard` or `planned`. Its session lock is
gone with it; `recovery.recover` finds such rows and decides by the content of the file. SQLite runs in WAL
mode with synchronous=FULL.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from voice_edit import relocate
from voice_edit.edit_json import edits_to_json
from voice_edit.errors import AudioGone, UtteranceMissing, VoiceEditError
from voice_edit.fingerprint import text_sha256
from voice_edit.journal import durable
from voice_edit.journal.audio_store import TakeAudio
from voice_edit.journal.records import (
    AudioSpan,
    CheckpointRecord,
    Direction,
    Mode,
    TakeState,
    UtteranceRecord,
    WriteRecord,
    WriteState,
)
from voice_edit.journal.store import Store
from voice_edit.targets.base import PreparedWrite, Receipt, Version

if TYPE_CHECKING:
    from voice_edit.edits import Edit
    from voice_edit.journal.audio_store import Samples

BUSY_TIMEOUT_S = 5.0
LARGEST = (1 << 63) - 1
"""What SQLite can hold in a number; no utterance has one that is larger."""


class Take:
    """One recording while it is made, from opening the source to closing it; any number of utterances."""

    def __init__(self, journal: Journal, take_id: int, audio: TakeAudio) -> None:
        self.id = take_id
        self._journal = journal
        self._audio = audio
        self._finished = False

    @property
    def path(self) -> Path:
        """The WAV file, readable at any moment."""
        return self._audio.path

    @property
    def samples(self) -> int:
        """Samples recorded so far, on the source's clock."""
        return self._audio.samples

    def record(self, samples: Samples) -> None:
        """Append float32 mono 16 kHz samples in [-1, 1]. Raises JournalUnavailable (disk full)."""
        self._audio.append(samples)

    def finish(self, state: TakeState = "complete") -> None:
        """Close the recording; "interrupted" when the source did not end by itself. May be called twice."""
        if self._finished:
            return
        self._finished = True
        durable.step("take.finish")
        self._audio.finish()
        self._journal.finish_take(self.id, self._audio.samples, state)

    def __enter__(self) -> Take:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish("complete" if kind is None else "interrupted")


class Journal:
    """The history on disk. Several processes may have it open side by side."""

    def __init__(self, store: Store) -> None:
        """Use `Journal.open`."""
        self.store = store
        """The rows themselves, for `recovery` and `retention`."""

    @classmethod
    def open(
        cls, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S, clock: Callable[[], float] = time.time
    ) -> Journal:
        """Open or create the journal in the file `path`; recordings and locks lie in folders beside it.

        A damaged journal is put aside and a new one begun; `notices` says so. `clock` gives seconds since
        the epoch. Raises JournalUnavailable, JournalBusy, JournalTooNew.
        """
        return cls(Store(path, busy_timeout_s=busy_timeout_s, clock=clock))

    @property
    def notices(self) -> list[str]:
        """Sentences the user must see, e.g. that a damaged journal was put aside."""
        return self.store.notices

    def close(self) -> None:
        """Let go of everything. What is unfinished stays recoverable."""
        self.store.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- sound ----------------------------------------------------------------------------------------------

    def begin_take(
        self, mode: Mode, *, target: str | None = None, source: str | None = None, hold: bool = False
    ) -> Take:
        """Begin a recording. Its file exists, and is readable, when this returns.

        `hold`: all that is said until the end is one utterance; `retry` hears it so, too.
        """
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(self.store.now_s()))
        name = f"{stamp}-{secrets.token_hex(4)}.wav"
        durable.step("take.row")
        take_id = self.store.insert(
            "take",
            session=self.store.session,
            started_at=self.store.now_s(),
            mode=mode,
            target=target,
            source=source,
            audio=name,
            state="recording",
            hold=int(hold),
        )
        durable.step("take.create")
        return Take(self, take_id, TakeAudio(self.store.audio_folder / name))

    def finish_take(self, take_id: int, samples: int, state: TakeState) -> None:
        """Note that a recording is over; `Take.finish` calls this."""
        self.store.execute("UPDATE take SET samples = ?, state = ? WHERE id = ?", samples, state, take_id)

    def forget_take(self, take: Take) -> bool:
        """Remove a recording in which nothing was said. False if there is an utterance in it: it stays."""
        take.finish()
        forgotten = self.store.execute(
            "UPDATE take SET state = 'pruned' WHERE id = ? AND id NOT IN"
            " (SELECT take FROM utterance WHERE take IS NOT NULL)",
            take.id,
        )
        if forgotten:
            take.path.unlink(missing_ok=True)
        return bool(forgotten)

    def audio(self, utterance: int) -> AudioSpan:
        """Where the sound of an utterance lies. Raises UtteranceMissing, AudioGone."""
        span = self.get(utterance).audio
        if span is None:
            raise AudioGone(f"There is no recording of utterance {utterance}.")
        if not span.path.exists():
            raise AudioGone(f"The recording of utterance {utterance} is gone.")
        return span

    # --- words ----------------------------------------------------------------------------------------------

    def begin_utterance(
        self,
        target: str | None,
        mode: Mode,
        *,
        take: Take | None = None,
        start_sample: int | None = None,
        end_sample: int | None = None,
        retry_of: int | None = None,
    ) -> int:
        """Note that something was said, and which part of the recording it is; returns its number.

        For a retry pass the utterance that is repeated: its sound is shared unless a take is given.
        """
        take_id = None if take is None else take.id
        if retry_of is not None and take is None:
            row = self.store.row(
                "SELECT take, start_sample, end_sample FROM utterance WHERE id = ?", retry_of
            )
            if row is None:
                raise _missing(retry_of)
            take_id, start_sample, end_sample = tuple(row)
        durable.step("utterance.row")
        return self.store.insert(
            "utterance",
            session=self.store.session,
            take=take_id,
            started_at=self.store.now_s(),
            mode=mode,
            target=target,
            start_sample=start_sample,
            end_sample=end_sample,
            state="unheard",
            retry_of=retry_of,
        )

    def words(
        self,
        utterance: int,
        words: str,
        *,
        confidence: float | None = None,
        timing: Any = None,
        why: Any = None,
    ) -> None:
        """What was heard (or typed). `timing` is anything JSON can say, `why` what was decided about the
        hearing (see `why`).
        """
        durable.step("utterance.words")
        self.store.execute(
            "UPDATE utterance SET words = ?, confidence = ?, timing = ?, why = ?, state = 'heard'"
            " WHERE id = ?",
            words,
            confidence,
            None if timing is None else json.dumps(timing),
            None if why is None else json.dumps({"hearing": why}),
            utterance,
        )

    def why(self, utterance: int, topic: str, decided: Any) -> None:
        """Keep what was decided about an utterance, and the reasons, as JSON data. What was kept about
        another topic stays.
        """
        with self.store.transaction("utterance.words"):
            row = self.store.row("SELECT why FROM utterance WHERE id = ?", utterance)
            kept = {} if row is None or row["why"] is None else json.loads(row["why"])
            kept[topic] = decided
            self.store.execute("UPDATE utterance SET why = ? WHERE id = ?", json.dumps(kept), utterance)

    def commands(self, utterance: int, commands: Any) -> None:
        """What the words ask for, as JSON data."""
        durable.step("utterance.commands")
        self.store.execute("UPDATE utterance SET commands = ? WHERE id = ?", json.dumps(commands), utterance)

    def applied(self, utterance: int, message: str | None = None) -> None:
        """Note that an utterance without edits of its own did what it asked for (undo, save, transcribe)."""
        self._set_state(utterance, "applied", None, message)

    def rejected(self, utterance: int, reason: str, message: str) -> None:
        """Note that nothing was said that could be used, and why."""
        self._set_state(utterance, "rejected", reason, message)

    def failed(self, utterance: int, error: VoiceEditError) -> None:
        """Note that an utterance could not be carried out. Its words and sound are kept for a retry."""
        self._set_state(utterance, "not_applied", error.code, str(error))

    # --- edits ----------------------------------------------------------------------------------------------

    def plan(self, utterance: int, write: PreparedWrite, edits: Sequence[Edit]) -> int:
        """Write down a checkpoint that is about to be applied; returns the write's number, for `settle`."""
        with self.store.transaction("write.plan"):
            checkpoint = self.store.insert(
                "checkpoint",
                utterance=utterance,
                target=write.name,
                edits=json.dumps(edits_to_json(edits)),
                anchors=json.dumps(relocate.anchors(write.text_before, edits)),
                newline=write.newline,
                changes=int(write.can_be_undone and write.text_before != write.text_after),
                standing="planned",
            )
            return self._insert_write(checkpoint, "do", write, edits)

    def plan_again(
        self, checkpoint: int, direction: Direction, write: PreparedWrite, edits: Sequence[Edit]
    ) -> int:
        """Write down that `edits` are about to undo or redo a checkpoint; returns the write's number."""
        with self.store.transaction("write.plan"):
            return self._insert_write(checkpoint, direction, write, edits)

    def settle(
        self,
        write: int,
        state: WriteState,
        *,
        receipt: Receipt | None = None,
        reason: str | None = None,
        message: str | None = None,
    ) -> None:
        """Write down what became of a planned write, and what undo and redo now have to offer.

        A new edit takes away what could be redone for its target. What is done or not done stays so; what
        was unclear may become clear later.
        """
        with self.store.transaction("write.settle"):
            row = self.store.row(
                "SELECT w.*, c.utterance, c.changes FROM write w JOIN checkpoint c ON c.id = w.checkpoint"
                " WHERE w.id = ? AND w.state IN ('planned', 'unclear')",
                write,
            )
            if row is None:
                return
            self.store.execute(
                "UPDATE write SET state = ?, settled_at = ?, receipt = ?, reason = ? WHERE id = ?",
                state,
                self.store.now_s(),
                None if receipt is None else json.dumps(receipt.to_json()),
                reason,
                write,
            )
            standing = _standing(row["direction"], state)
            if standing is not None:
                self.store.execute(
                    "UPDATE checkpoint SET standing = ? WHERE id = ?", standing, row["checkpoint"]
                )
            if row["direction"] != "do":
                return
            self._set_state(
                row["utterance"], "applied" if state == "done" else "not_applied", reason, message
            )
            if state == "done" and row["changes"]:
                self.store.execute(
                    "UPDATE checkpoint SET standing = 'cut' WHERE target = ? AND standing = 'undone'",
                    row["target"],
                )

    def next_to_undo(self, target: str) -> CheckpointRecord | None:
        """The last applied checkpoint of a target that changed its text."""
        return self._checkpoint(
            "SELECT * FROM checkpoint WHERE target = ? AND standing = 'applied' AND changes > 0"
            " ORDER BY id DESC LIMIT 1",
            target,
        )

    def next_to_redo(self, target: str) -> CheckpointRecord | None:
        """The checkpoint of a target that was undone last."""
        return self._checkpoint(
            "SELECT * FROM checkpoint WHERE target = ? AND standing = 'undone' ORDER BY id LIMIT 1", target
        )

    def selection(self, target: str, version: Version) -> tuple[int, int] | None:
        """Anchor and head as the last edit left them, if the target is still of that version."""
        row = self.store.row(
            "SELECT edits, after FROM write WHERE target = ? AND state = 'done' ORDER BY id DESC LIMIT 1",
            target,
        )
        if row is None or not Version.from_json(json.loads(row["after"])).same_content(version):
            return None
        edits = json.loads(row["edits"])
        if not edits:
            return None
        anchor, head = edits[-1]["after"]
        return anchor, head

    # --- looking back ---------------------------------------------------------------------------------------

    def get(self, utterance: int) -> UtteranceRecord:
        """Everything about one utterance. Raises UtteranceMissing."""
        row = self.store.row(_UTTERANCE + " WHERE u.id = ?", min(utterance, LARGEST))
        if row is None:
            raise _missing(utterance)
        return self._utterance(row)

    def log(
        self,
        *,
        limit: int = 20,
        target: str | None = None,
        search: str | None = None,
        before: int | None = None,
    ) -> list[UtteranceRecord]:
        """The last utterances, newest first; of one target if it is given.

        `search`: only those whose words hold this text, whatever the capitals. `before`: only those with a
        smaller number, for the next page.
        """
        asked: dict[str, Any] = {}
        if target is not None:
            asked["u.target = ?"] = target
        if search:
            asked["instr(casefold(u.words), ?) > 0"] = search.casefold()
        if before is not None:
            asked["u.id < ?"] = max(-LARGEST, min(before, LARGEST))
        where = f" WHERE {' AND '.join(asked)}" if asked else ""
        rows = self.store.rows(
            _UTTERANCE + where + " ORDER BY u.id DESC LIMIT ?", *asked.values(), min(limit, LARGEST)
        )
        return [self._utterance(row) for row in rows]

    def last(self, *, target: str | None = None) -> UtteranceRecord | None:
        """The newest utterance, or None when there is none."""
        return next(iter(self.log(limit=1, target=target)), None)

    # --- inside ---------------------------------------------------------------------------------------------

    def _insert_write(
        self, checkpoint: int, direction: Direction, write: PreparedWrite, edits: Sequence[Edit]
    ) -> int:
        return self.store.insert(
            "write",
            checkpoint=checkpoint,
            session=self.store.session,
            direction=direction,
            target=write.name,
            planned_at=self.store.now_s(),
            edits=json.dumps(edits_to_json(edits)),
            before=json.dumps(write.before.to_json()),
            after=json.dumps(write.after.to_json()),
            text_before_sha256=text_sha256(write.text_before),
            text_after_sha256=text_sha256(write.text_after),
            token=write.token,
            state="planned",
        )

    def _set_state(self, utterance: int, state: str, reason: str | None, message: str | None) -> None:
        self.store.execute(
            "UPDATE utterance SET state = ?, reason = ?, message = ? WHERE id = ?",
            state,
            reason,
            message,
            utterance,
        )

    def _checkpoint(self, sql: str, *values: Any) -> CheckpointRecord | None:
        row = self.store.row(sql, *values)
        if row is None:
            return None
        writes = self.store.rows("SELECT * FROM write WHERE checkpoint = ? ORDER BY id", row["id"])
        return CheckpointRecord.from_row(row, [WriteRecord.from_row(write) for write in writes])

    def _utterance(self, row: sqlite3.Row) -> UtteranceRecord:
        audio = None
        if row["audio"] is not None and row["take_state"] != "pruned":
            audio = AudioSpan(
                self.store.audio_folder / row["audio"], row["start_sample"] or 0, row["end_sample"]
            )
        checkpoint = self._checkpoint(
            "SELECT * FROM checkpoint WHERE utterance = ? ORDER BY id DESC", row["id"]
        )
        return UtteranceRecord.from_row(row, audio, checkpoint)


_UTTERANCE = (
    "SELECT u.*, t.audio, t.state AS take_state, t.hold FROM utterance u LEFT JOIN take t ON t.id = u.take"
)


def _standing(direction: str, state: WriteState) -> str | None:
    """What a settled write makes of its checkpoint; None: it stays what it was."""
    if state == "unclear":
        return "unclear"
    if state == "done":
        return {"do": "applied", "undo": "undone", "redo": "applied"}[direction]
    return "not_applied" if direction == "do" else None


def _missing(utterance: int) -> UtteranceMissing:
    return UtteranceMissing(f"There is no utterance {utterance} in the journal.")
