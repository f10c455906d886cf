"""The files that a user keeps beside the program (config.toml, apps.toml, vocabulary.toml): read, replaced in
one step, and followed while a program runs.

They are small text files, links into a folder of dotfiles included. A pipe, a device or something huge in
their place is refused, so that nothing waits for it or fills the memory.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from voice_edit.errors import UsageError

LARGEST_BYTES = 4 << 20
"""More than the largest file that makes sense."""
LOCK_S = 10.0
"""How long another program that changes the same file is waited for."""
_RETRY_S = 0.02

T = TypeVar("T")
_Stamp = tuple[int, int, int]
"""Modification time, size, inode."""


def read_text(path: Path) -> str:
    """The file's text, line ends as they are; empty where there is none. Raises UsageError."""
    try:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise UsageError(f"{path} is no file.", hint=f"Move {path} away.")
        with os.fdopen(fd, "rb", closefd=False) as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(fd)
    if len(data) > LARGEST_BYTES:
        raise UsageError(
            f"{path} is larger than {LARGEST_BYTES >> 20} MB.", hint=f"Shorten it, or move {path} away."
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{path} is not written in UTF-8 (line {line}).", hint=f"Correct it, or move {path} away."
        ) from error


def parsed(text: str, path: Path) -> dict[str, Any]:
    """What the text of `path` says. Raises UsageError where it is no TOML."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}", hint=f"Correct the line, or move {path} away."
        ) from error


def read_toml(path: Path) -> dict[str, Any]:
    """What the file says; nothing where there is none. Raises UsageError."""
    return parsed(read_text(path), path)


def change(path: Path, edit: Callable[[str, Path], str]) -> bool:
    """Replace the file, links followed, by `edit(its text, its path)`. False where that is the same text.

    Programs that change it at the same time come one after the other; where something else wrote to it
    meanwhile, nothing is written. Raises UsageError, TargetError, and what `edit` raises.
    """
    from voice_edit.targets import _atomic

    path = Path(os.path.realpath(path))  # a link into a folder of dotfiles stays one
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _atomic.write_error(error, path) from error
    with _alone_in(path.parent):
        old = read_text(path)
        new = edit(old, path)
        if new == old:
            return False

        def unchanged() -> None:
            if read_text(path) != old:
                raise UsageError(f"{path} was changed meanwhile; nothing was written.", hint="Try again.")

        try:
            path.open("ab").close()  # a new one begins empty, which means the same as none
        except OSError as error:
            raise _atomic.write_error(error, path) from error
        _atomic.replace(path, new.encode("utf-8"), token=secrets.token_hex(8), check=unchanged)
    return True


class Followed(Generic[T]):
    """What such a file means, read anew when it was changed. From any thread.

    A file that makes no sense is told once for each version of it; what was read last counts until it is
    right again.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[], T],
        first: Callable[[], T],
        on_problem: Callable[[UsageError], object],
    ) -> None:
        """`read` may raise UsageError; `first` is what counts where that happens the first time."""
        self._path, self._read, self._first, self._on_problem = path, read, first, on_problem
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._known: list[T] = []
        """What was read last, once something was."""

    def now(self) -> T:
        """What the file says now, or said when it last made sense. Costs a look at its date; never raises."""
        stamp = self._stamp_now()
        problem = None
        with self._lock:
            if not self._known or stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._known = [self._read()]
                except UsageError as error:
                    problem = error
                    self._known = self._known or [self._first()]
            known = self._known[0]
        if problem is not None:
            self._on_problem(problem)
        return known

    def _stamp_now(self) -> _Stamp | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Only one voice-edit at a time changes files in the folder. Leaves nothing there. Raises UsageError."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # not readable: what is written is compared with what was read all the same
        yield
        return
    try:
        _lock(fd, folder)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, folder: Path) -> None:
    until = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise UsageError(
                    f"Another program has been busy with {folder} for {LOCK_S:g} s; nothing was written.",
                    hint="Try again.",
                ) from error
            time.sleep(_RETRY_S)
        except OSError:  # a file system without locks
            return
        else:
            return


def _unreadable(path: Path, error: OSError) -> UsageError:
    hint = f"Move {path} away."
    if isinstance(error, PermissionError):
        hint = f"Make it readable: chmod u+r {path}"
    return UsageError(f"{path} cannot be read: {error.strerror}.", hint=hint)
