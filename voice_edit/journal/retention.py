"""How long the history is kept. Recordings go first, by age and by total size; words and edits later, by age.

What a living process is working on, and what still has to be recovered, is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass

from voice_edit.journal.journal import Journal

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept."""

    audio_days: float = 30.0
    """Recordings older than this are removed."""
    audio_mb: float = 500.0
    """Oldest recordings are removed until the rest is no larger, in units of 2**20 bytes."""
    history_days: float = 365.0
    """Words and edits older than this are removed; they can then no longer be undone."""

    def __post_init__(self) -> None:
        if min(self.audio_days, self.audio_mb, self.history_days) < 0:
            raise ValueError("audio_days, audio_mb and history_days must not be negative")


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed."""

    recordings: int
    utterances: int


def prune(journal: Journal, retention: Retention) -> Pruned:
    """Remove what is older or larger than wanted. Safe to be killed at any moment, and to be called at
    every start.
    """
    now_s = journal.store.now_s()
    rows = journal.store.rows(
        "SELECT id, started_at, audio FROM take WHERE state IN ('complete', 'interrupted')"
        " ORDER BY started_at DESC, id DESC"
    )
    kept_bytes, recordings = 0, 0
    for row in rows:  # newest first: what no longer fits is the oldest
        path = journal.store.audio_folder / row["audio"]
        size = path.stat().st_size if path.exists() else 0
        fits = kept_bytes + size <= retention.audio_mb * (1 << 20)
        young = now_s - row["started_at"] <= retention.audio_days * _DAY_S
        if fits and young:
            kept_bytes += size
            continue
        # The row first: a recording without a row would be taken for one to be rescued.
        journal.store.execute("UPDATE take SET state = 'pruned' WHERE id = ?", row["id"])
        path.unlink(missing_ok=True)
        recordings += 1
    utterances = journal.store.execute(
        "DELETE FROM utterance WHERE started_at < ? AND id NOT IN (SELECT c.utterance FROM checkpoint c"
        " JOIN write w ON w.checkpoint = c.id WHERE w.state = 'planned')",
        now_s - retention.history_days * _DAY_S,
    )
    _forget_takes(journal)
    return Pruned(recordings, utterances)


def recorded_bytes(journal: Journal) -> int:
    """What all recordings take up on the disk."""
    return sum(path.stat().st_size for path in journal.store.audio_folder.glob("*.wav"))


def _forget_takes(journal: Journal) -> None:
    """Rows of pruned recordings that no utterance refers to any more and whose file is gone."""
    rows = journal.store.rows(
        "SELECT id, audio FROM take WHERE state = 'pruned' AND id NOT IN"
        " (SELECT take FROM utterance WHERE take IS NOT NULL)"
    )
    for row in rows:
        if not journal.store.audio_folder.joinpath(row["audio"]).exists():
            journal.store.execute("DELETE FROM take WHERE id = ?", row["id"])
