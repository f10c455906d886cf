"""Small helpers for the tests of journal, undo, recovery and crashes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from voice_edit import undo
from voice_edit.edits import Change, Edit, Selection
from voice_edit.journal.journal import Journal
from voice_edit.targets.base import Receipt
from voice_edit.targets.file import FileTarget

TEXT = "The quick brown fox\njumps over the lazy dog.\n"
"""What the note of the journal's tests says."""


def edit_of(*changes: tuple[int, str, str]) -> Edit:
    """An edit of (start, old, new); the caret goes from the first change to behind its new text."""
    start, _, new = changes[0] if changes else (0, "", "")
    end = start + len(new)
    return Edit(
        changes=tuple(Change(*change) for change in changes),
        before=Selection(start, start),
        after=Selection(end, end),
    )


def replacing(text: str, old: str, new: str) -> Edit:
    """An edit that replaces every `old` in `text`."""
    starts, at = [], text.find(old)
    while at >= 0:
        starts.append(at)
        at = text.find(old, at + len(old))
    return edit_of(*((start, old, new) for start in starts))


def say(journal: Journal, path: Path, words: str, edits: Sequence[Edit]) -> tuple[int, Receipt]:
    """Apply `edits` to the file as one utterance; returns its number and the receipt."""
    target = FileTarget(path)
    snapshot = target.snapshot()
    utterance = journal.begin_utterance(target.name, "edit")
    journal.words(utterance, words)
    receipt = undo.apply_edits(journal, target, utterance, edits, expected=snapshot.version)
    return utterance, receipt


def replace(journal: Journal, path: Path, old: str, new: str) -> int:
    """Replace `old` by `new` everywhere in the file, as one utterance; returns its number."""
    text = FileTarget(path).snapshot().text
    return say(journal, path, f"Change {old} to {new}.", [replacing(text, old, new)])[0]


def tone(samples: int, start: int = 0) -> npt.NDArray[np.float32]:
    """float32[samples] in which every sample tells its position, exact in 16 bits."""
    ramp = np.arange(start, start + samples) % 30_000 - 15_000
    return (ramp / 32768.0).astype(np.float32)
