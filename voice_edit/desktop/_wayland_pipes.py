"""The pipes through which selections travel: reading several at once, writing without waiting, and whose they
are.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from voice_edit.desktop._wayland_wire import close_fd
from voice_edit.errors import TargetTimeout

PIECE: Final = 1 << 16


class TooLarge(Exception):  # noqa: N818  # it says what happened
    """More came than we keep."""


def read_all(pipes: Mapping[str, int], *, quiet_s: float, most: int) -> dict[str, bytes]:
    """Read every pipe to its end, at the same time; all of them are closed in the end. name -> content.

    Raises TargetTimeout when nothing comes for `quiet_s`, TooLarge for more than `most` bytes in all. What is
    not wanted then is read all the same, later and elsewhere: a program that copied may die of a pipe that is
    closed while it writes, and its clipboard with it.
    """
    found = {name: bytearray() for name in pipes}
    names = {fd: name for name, fd in pipes.items()}
    poll = select.poll()
    for fd in names:
        os.set_blocking(fd, False)
        poll.register(fd, select.POLLIN | select.POLLHUP)
    open_, size = set(names), 0
    try:
        while open_:
            ready = poll.poll(quiet_s * 1000)
            if not ready:
                raise TargetTimeout("The program that holds the clipboard does not give its content.")
            for fd, _ in ready:
                data = _read(fd)
                if data is None:
                    continue
                if not data:
                    poll.unregister(fd)
                    open_.discard(fd)
                    close_fd(fd)
                found[names[fd]] += data
                size += len(data)
                if size > most:
                    raise TooLarge
    finally:
        if open_:
            threading.Thread(target=_drain, args=(open_,), name="clipboard-drain", daemon=True).start()
    return {name: bytes(data) for name, data in found.items()}


def _drain(fds: set[int]) -> None:
    """Read to the end what nobody wants. All at once: who writes them may do so in any order."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN | select.POLLHUP)
    while fds:
        for fd, _ in poll.poll():
            if _read(fd) == b"":
                poll.unregister(fd)
                fds.discard(fd)
                close_fd(fd)


def _read(fd: int) -> bytes | None:
    """What is there; b"" at the end, None when nothing is there after all."""
    try:
        return os.read(fd, PIECE)
    except BlockingIOError:
        return None
    except OSError:
        return b""


class Writer:
    """Content on its way into a pipe, a piece whenever there is room. Owns the file descriptor."""

    def __init__(self, fd: int, data: bytes) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self._data = memoryview(data)
        self.complete = False
        """All of it was taken."""
        self.failed = False
        """The reader gave up."""

    @property
    def over(self) -> bool:
        return self.complete or self.failed

    def write(self) -> None:
        """Write what there is room for; closes the pipe at the end."""
        try:
            while self._data:
                self._data = self._data[os.write(self.fd, self._data[:PIECE]) :]
            self.complete = True
        except BlockingIOError:
            return
        except OSError:
            self.failed = True
        self.close()

    def close(self) -> None:
        close_fd(self.fd)


def reads_from(fd: int, pids: Collection[int]) -> bool | None:
    """Whether one of these processes holds the reading end of a pipe; None where nobody can tell."""
    about = os.fstat(fd)
    if not stat.S_ISFIFO(about.st_mode):
        return None
    name = f"pipe:[{about.st_ino}]"
    unknown = False
    for pid in pids:
        try:
            held = list(Path(f"/proc/{pid}/fd").iterdir())
        except OSError:  # gone, or a program that hides what it has open
            unknown = True
            continue
        for one in held:
            with contextlib.suppress(OSError):
                # The link says how it was opened. The compositor has the other end too, for a moment.
                if str(one.readlink()) == name and one.lstat().st_mode & stat.S_IRUSR:
                    return True
    return None if unknown or not pids else False
