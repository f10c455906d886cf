"""What the journal knows, as frozen records: an utterance with its part of the recording, its checkpoint,
its writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from voice_edit.targets.base import Receipt, Version
from voice_edit.targets.text_format import Newline

Mode = Literal["dictate", "edit", "transcribe"]
UtteranceState = Literal["unheard", "heard", "rejected", "applied", "not_applied"]
Standing = Literal["planned", "applied", "undone", "cut", "not_applied", "unclear"]
Direction = Literal["do", "undo", "redo"]
WriteState = Literal["planned", "done", "not_done", "unclear"]
TakeState = Literal["recording", "complete", "interrupted", "pruned"]


@dataclass(frozen=True, slots=True)
class AudioSpan:
    """Where the sound of an utterance lies."""

    path: Path
    """A WAV file, mono, 16 kHz, 16 bit."""
    start_sample: int
    end_sample: int | None
    """One past the last sample; None: up to the end of the recording."""


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One attempt to change a target: doing, undoing or redoing a checkpoint."""

    id: int
    checkpoint: int
    direction: Direction
    target: str
    planned_at: float
    """Seconds since the epoch."""
    settled_at: float | None
    edits: Any
    """JSON of what is really done to the target; for an undo the inverses."""
    before: Version
    after: Version
    text_before_sha256: str
    text_after_sha256: str
    token: str
    state: WriteState
    receipt: Receipt | None
    reason: str | None
    """Why it was not done: the code of an error, or "interrupted"."""

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> WriteRecord:
        receipt = None if row["receipt"] is None else Receipt.from_json(json.loads(row["receipt"]))
        return cls(
            id=row["id"],
            checkpoint=row["checkpoint"],
            direction=row["direction"],
            target=row["target"],
            planned_at=row["planned_at"],
            settled_at=row["settled_at"],
            edits=json.loads(row["edits"]),
            before=Version.from_json(json.loads(row["before"])),
            after=Version.from_json(json.loads(row["after"])),
            text_before_sha256=row["text_before_sha256"],
            text_after_sha256=row["text_after_sha256"],
            token=row["token"],
            state=row["state"],
            receipt=receipt,
            reason=row["reason"],
        )


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """All edits of one utterance: the unit of undo."""

    id: int
    utterance: int
    target: str
    edits: Any
    """JSON as the edits were planned."""
    anchors: Any
    """JSON: the text around each change, see `relocate`."""
    newline: Newline
    """The line ending for which the offsets hold."""
    standing: Standing
    writes: tuple[WriteRecord, ...]
    """Oldest first."""

    @classmethod
    def from_row(cls, row: sqlite3.Row, writes: Sequence[WriteRecord]) -> CheckpointRecord:
        return cls(
            id=row["id"],
            utterance=row["utterance"],
            target=row["target"],
            edits=json.loads(row["edits"]),
            anchors=json.loads(row["anchors"]),
            newline=row["newline"],
            standing=row["standing"],
            writes=tuple(writes),
        )


@dataclass(frozen=True, slots=True)
class UtteranceRecord:
    """One thing that was said, and what became of it."""

    id: int
    started_at: float
    """Seconds since the epoch."""
    mode: Mode
    target: str | None
    words: str | None
    """None: not heard (yet)."""
    confidence: float | None
    """Mean log-probability of the tokens."""
    timing: Any
    """JSON, or None."""
    commands: Any
    """JSON, or None."""
    state: UtteranceState
    reason: str | None
    """Code of the rejection or error."""
    message: str | None
    """The same as a sentence."""
    why: Any
    """JSON object, or None: what was decided about it, by topic, with the reasons; see `Journal.why`."""
    retry_of: int | None
    audio: AudioSpan | None
    """None: typed instead of spoken, or pruned."""
    hold: bool
    """It is all that was said while a key was held: pauses in it end nothing."""
    checkpoint: CheckpointRecord | None

    @classmethod
    def from_row(
        cls, row: sqlite3.Row, audio: AudioSpan | None, checkpoint: CheckpointRecord | None
    ) -> UtteranceRecord:
        return cls(
            id=row["id"],
            started_at=row["started_at"],
            mode=row["mode"],
            target=row["target"],
            words=row["words"],
            confidence=row["confidence"],
            timing=_json(row["timing"]),
            commands=_json(row["commands"]),
            state=row["state"],
            reason=row["reason"],
            message=row["message"],
            why=_json(row["why"]),
            retry_of=row["retry_of"],
            audio=audio,
            hold=bool(row["hold"]),
            checkpoint=checkpoint,
        )

    def to_json(self) -> dict[str, Any]:
        """What `log --json` prints."""
        audio = self.audio and {
            "path": str(self.audio.path),
            "start_sample": self.audio.start_sample,
            "end_sample": self.audio.end_sample,
        }
        checkpoint = self.checkpoint
        receipts = [w.receipt.to_json() for w in checkpoint.writes if w.receipt] if checkpoint else []
        return {
            "id": self.id,
            "started_at": self.started_at,
            "mode": self.mode,
            "target": self.target,
            "words": self.words,
            "confidence": self.confidence,
            "timing": self.timing,
            "commands": self.commands,
            "state": self.state,
            "reason": self.reason,
            "message": self.message,
            "why": self.why,
            "retry_of": self.retry_of,
            "audio": audio,
            "standing": checkpoint.standing if checkpoint else None,
            "edits": checkpoint.edits if checkpoint else None,
            "receipts": receipts,
        }


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
