"""Advisory locks that the kernel releases when their holder dies, however it dies.

The journal uses them for three questions: may I write to this file now, is the process that left this
unfinished still alive, and is anybody else using the journal.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from voice_edit.errors import JournalBusy, JournalUnavailable

_RETRY_S = 0.02


class FileLock:
    """A held lock on `path`. The file is removed on release when the lock was exclusive."""

    def __init__(self, path: Path, fd: int, *, shared: bool) -> None:
        self._path, self._fd, self._shared = path, fd, shared

    @classmethod
    def try_acquire(cls, path: Path, *, shared: bool = False) -> FileLock | None:
        """The lock, or None when somebody else holds it. Raises JournalUnavailable when there can be no
        lock at all.
        """
        while True:
            try:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError as error:
                raise JournalUnavailable(f"The lock {path} cannot be made: {error.strerror}.") from error
            try:
                fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return None
            if _is_still(path, fd):
                return cls(path, fd, shared=shared)
            os.close(fd)  # the last holder removed it between our open and our lock

    @classmethod
    def acquire(cls, path: Path, *, timeout_s: float, waiting_for: str, shared: bool = False) -> FileLock:
        """Wait for the lock. Raises JournalBusy after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while True:
            lock = cls.try_acquire(path, shared=shared)
            if lock is not None:
                return lock
            if time.monotonic() >= deadline:
                raise JournalBusy(f"Another voice-edit has been busy with {waiting_for} for {timeout_s:g} s.")
            time.sleep(_RETRY_S)

    def release(self) -> None:
        """Let others in. May be called twice."""
        if self._fd < 0:
            return
        if not self._shared:
            with suppress(OSError):
                self._path.unlink()
        os.close(self._fd)
        self._fd = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def target_lock_path(folder: Path, target: str) -> Path:
    """The lock file of a target. Its name does not tell which target it is."""
    return folder / f"{hashlib.sha256(os.fsencode(target)).hexdigest()[:32]}.lock"


@contextmanager
def writing(folder: Path, target: str, *, timeout_s: float) -> Iterator[None]:
    """Only one voice-edit at a time is inside for the same target. Raises JournalBusy."""
    with FileLock.acquire(target_lock_path(folder, target), timeout_s=timeout_s, waiting_for=target):
        yield


def _is_still(path: Path, fd: int) -> bool:
    try:
        there, ours = path.stat(), os.fstat(fd)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
