"""Small helpers for the tests of files as targets."""

from __future__ import annotations

from pathlib import Path

from voice_edit.edits import Change, Edit, Selection
from voice_edit.targets.file import FileTarget


def change(start: int, old: str, new: str) -> list[Edit]:
    """One edit that replaces `old` at `start` by `new`."""
    caret = Selection(start, start)
    return [Edit(changes=(Change(start, old, new),), before=caret, after=caret)]


def edit(path: Path, old: str, new: str) -> str:
    """Replace the first `old` in the file; returns the state on the receipt."""
    target = FileTarget(path)
    snapshot = target.snapshot()
    return target.apply(change(snapshot.text.index(old), old, new), expected=snapshot.version).state


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".voice-edit-")]
