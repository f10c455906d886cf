"""The control socket as a file: made so that only its owner can reach it, and never twice.

    folder 0700 ─► lock ─► is somebody there? ─► bind under another name ─► 0600 ─► listen ─► rename

The rename makes the socket appear whole, and takes the place of what a dead daemon left.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from contextlib import suppress
from pathlib import Path

from voice_edit.errors import ControlUnavailable, DaemonRunning, JournalUnavailable
from voice_edit.journal.locks import FileLock

BACKLOG = 64
# struct sockaddr_un: 108 bytes on Linux, 104 on macOS and the BSDs, one of them for the end.
LONGEST_PATH_BYTES = 107 if sys.platform == "linux" else 103


class BoundSocket:
    """A listening control socket. `close` removes it, if it is still ours."""

    def __init__(self, path: Path) -> None:
        """Raises DaemonRunning, ControlUnavailable."""
        self.path = path
        check_length(path)
        private_folder(path.parent)
        try:
            lock = FileLock.try_acquire(path.with_suffix(".lock"))
        except JournalUnavailable as error:
            raise ControlUnavailable(str(error)) from error
        if lock is None:
            raise DaemonRunning("Another voice-edit runs already.")
        self._lock = lock
        try:
            self.socket = _listen(path)
        except BaseException:
            lock.release()
            raise
        self._inode = path.stat().st_ino

    def close(self) -> None:
        """Let nobody in any more. May be called twice."""
        with suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        self.socket.close()
        self._lock.release()


def check_length(path: Path) -> None:
    """Raises ControlUnavailable where the operating system could not name the socket."""
    if len(os.fsencode(path)) > LONGEST_PATH_BYTES:
        raise ControlUnavailable(
            f"The path of the control socket is longer than {LONGEST_PATH_BYTES} bytes: {path}",
            hint="Set VOICE_EDIT_HOME to a folder with a shorter path.",
        )


def private_folder(folder: Path) -> None:
    """Make the folder, and make sure that nobody else can enter it. Raises ControlUnavailable."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise ControlUnavailable(
                f"{folder} is not a folder of yours, so it is no safe place for a socket."
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise ControlUnavailable(f"{folder} cannot be used: {error.strerror}.") from error


def _listen(path: Path) -> socket.socket:
    if is_answered(path):
        raise DaemonRunning("Another voice-edit runs already.")
    new = path.with_name(f".{path.name}.{os.getpid()}")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        check_length(new)
        new.unlink(missing_ok=True)
        listening.bind(os.fspath(new))
        new.chmod(0o600)
        listening.listen(BACKLOG)
        listening.setblocking(False)
        new.rename(path)
    except OSError as error:
        listening.close()
        with suppress(OSError):
            new.unlink()
        raise ControlUnavailable(f"{path} cannot be made: {error.strerror}.") from error
    except BaseException:
        listening.close()
        raise
    return listening


def is_answered(path: Path) -> bool:
    """Whether somebody listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return False
        except OSError:  # its queue is full: there is somebody
            return True
        return True
