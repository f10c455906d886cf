"""What reaches the disk, and in which order.

Every operation that a promise depends on announces itself with `step(NAME)` *before* it happens. In
production that does nothing. The crash tests install a hook that kills the process at each of these points
in turn, so the list of names below is the list of moments after which `recover()` must be able to tell what
happened.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

STEPS = (
    "take.row",  # the take's row in the journal
    "take.create",  # its audio file
    "take.append",  # one chunk of samples
    "take.finish",  # header and row say that it is complete
    "utterance.row",
    "utterance.words",
    "utterance.commands",
    "write.plan",  # edits, versions before and after, name of the temporary file
    "target.create",  # the temporary file beside the target
    "target.write",  # each piece of it
    "target.metadata",  # owner, attributes, mode
    "target.sync",
    "target.replace",  # the one moment at which the old text becomes the new text
    "target.sync_folder",
    "target.read_back",
    "write.settle",  # receipt, and the undo stack
)
"""Names of all announced steps, in the order in which one spoken edit meets them."""

_hook: Callable[[str], None] | None = None


def set_fault_hook(hook: Callable[[str], None] | None) -> None:
    """Call `hook(name)` before each durable step; None removes it. For tests: the hook may raise or kill."""
    global _hook
    _hook = hook


def step(name: str) -> None:
    """Announce a durable step that is about to happen."""
    if _hook is not None:
        _hook(name)


def sync_file(fd: int) -> None:
    """Return when the file's content and size are on the disk."""
    # macOS: fsync only reaches the drive's cache; F_FULLFSYNC empties it (fcntl(2), and SQLite does the
    # same).
    full_fsync = getattr(fcntl, "F_FULLFSYNC", None)
    if full_fsync is not None:
        try:
            fcntl.fcntl(fd, full_fsync)
            return
        except OSError:
            pass  # not every file system knows it; fsync below is the best there is
    os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """Return when names created, replaced or removed in `folder` are on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
