"""Replacing a file in one step, keeping everything about it but its content.

The new content is written to a temporary file in the same folder, made durable, given the old file's owner,
attributes and mode, and renamed over it: whoever looks, whenever the power fails, finds the old text or the
new one. What cannot be closed on POSIX: another program that writes in the microseconds between our last
look at the old file and the rename loses what it wrote.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from voice_edit.errors import (
    DiskFull,
    TargetError,
    TargetIsFolder,
    TargetMissing,
    TargetReadOnly,
    TargetUnreadable,
    TargetUnsafe,
    TargetWriteFailed,
)
from voice_edit.journal import durable

WRITE_BYTES = 1 << 20
"""Written between two announced steps."""

# Labels and hashes that the system sets itself, or that only the administrator may set; losing them loses
# no text.
_SYSTEM_XATTRS = ("security.", "trusted.", "system.nfs4_acl", "com.apple.")


def temporary_name(token: str) -> str:
    """The temporary file of the write with this token; the journal knows it before the file exists."""
    return f".voice-edit-{token}.tmp"


def refuse_read_only(path: Path) -> None:
    """Raise TargetReadOnly if `path` must not be written, by mode bits, ACL, flag or file system."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return  # reading says what is wrong with folders, pipes and devices
        if mode & 0o222 == 0:
            # Root could write, and renaming over the file would work for others too; the file says that it
            # shall not.
            raise TargetReadOnly(f"{path} is marked read-only.")
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        raise write_error(error, path) from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _folder_read_only(path)


def replace(path: Path, data: bytes, *, token: str, check: Callable[[], None]) -> tuple[str, ...]:
    """Make `data` the content of the regular file `path` (links already resolved); return notes for the user.

    `check` runs last before the rename and raises when the file is no longer the one we expect.
    Raises the TargetError tree; then the old file is untouched and no temporary file is left.
    """
    refuse_read_only(path)
    temporary = path.with_name(temporary_name(token))
    replaced = False
    try:
        durable.step("target.create")
        fd = _create(temporary, path)
        try:
            _write(fd, data)
            durable.step("target.metadata")
            notes = _copy_metadata(path, fd)
            durable.step("target.sync")
            durable.sync_file(fd)
        finally:
            os.close(fd)
        check()
        durable.step("target.replace")
        temporary.replace(path)
        replaced = True
        durable.step("target.sync_folder")
        durable.sync_folder(path.parent)
    except OSError as error:
        if replaced:
            return (
                *notes,
                f"The folder of {path.name} could not be synchronised with the disk: {error.strerror}.",
            )
        raise write_error(error, path) from error
    finally:
        if not replaced:
            with suppress(OSError):
                temporary.unlink()
    return notes


def remove_temporary(folder: Path, token: str) -> bool:
    """Remove what a killed process left behind; True when there was something."""
    try:
        folder.joinpath(temporary_name(token)).unlink()
    except OSError:
        return False
    return True


def read_error(error: OSError, path: Path) -> TargetError:
    """The same failure in our words, when looking at the file."""
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.ENAMETOOLONG:
            if path.is_symlink():
                return TargetMissing(f"{path} is a link to {path.readlink()}, which does not exist.")
            return TargetMissing(f"{path} does not exist.")
        case errno.ELOOP:
            return TargetMissing(f"{path} is a link that leads back to itself.")
        case errno.EISDIR:
            return TargetIsFolder(f"{path} is a folder.")
        case errno.EACCES | errno.EPERM:
            return TargetUnreadable(f"{path} may not be read by this user.")
        case _:
            return TargetUnreadable(f"{path} cannot be read: {error.strerror}.")


def write_error(error: OSError, path: Path) -> TargetError:
    """The same failure in our words, when writing."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return DiskFull(f"No space left on the disk that holds {path}.")
        case errno.EFBIG:
            return DiskFull(f"{path} would become larger than this system allows.")
        case errno.EACCES | errno.EPERM:
            return TargetReadOnly(f"{path} may not be written by this user, or is protected.")
        case errno.EROFS:
            return TargetReadOnly(
                f"{path} is on a read-only file system.",
                hint="Nothing was written. Copy the file to a writable disk.",
            )
        case errno.EISDIR:
            return TargetIsFolder(f"{path} is a folder.")
        case errno.ENOENT | errno.ENOTDIR:
            return TargetMissing(f"{path} went away while it was being edited.")
        case errno.EBUSY:
            return TargetWriteFailed(
                f"{path} is mounted on its own and cannot be replaced.",
                hint="The old file is intact. Mount the folder instead of the single file.",
            )
        case _:
            return TargetWriteFailed(f"{path} cannot be written: {error.strerror}.")


def _folder_read_only(path: Path) -> TargetReadOnly:
    return TargetReadOnly(
        f"The folder {path.parent} may not be written, so {path.name} cannot be replaced safely.",
        hint="Nothing was written. Make the folder writable: the new text is first written beside the old.",
    )


def _create(temporary: Path, path: Path) -> int:
    try:
        return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise _folder_read_only(path) from error
        raise


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        durable.step("target.write")
        view = view[os.write(fd, view[:WRITE_BYTES]) :]


def _copy_metadata(path: Path, fd: int) -> tuple[str, ...]:
    """Owner, attributes (ACLs too) and mode of `path` onto `fd`; chown clears mode bits, so it is first."""
    old, new = path.stat(), os.fstat(fd)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(fd, old.st_uid, old.st_gid)
        except PermissionError as error:
            raise TargetUnsafe(
                f"{path} belongs to user {old.st_uid}, group {old.st_gid}; "
                "replaced by you it would change hands."
            ) from error
    notes = _copy_xattrs(path, fd)
    os.fchmod(fd, stat.S_IMODE(old.st_mode))
    if old.st_nlink > 1:
        notes.append(f"{path.name} had {old.st_nlink} hard links; the other names keep the old text.")
    return tuple(notes)


def _copy_xattrs(path: Path, fd: int) -> list[str]:
    if not hasattr(os, "listxattr"):
        return []  # not offered by Python on macOS
    try:
        old = {name: os.getxattr(path, name) for name in os.listxattr(path)}
        new = {name: os.getxattr(fd, name) for name in os.listxattr(fd)}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return []
        raise
    lost: list[str] = []
    for name in (
        new.keys() - old.keys()
    ):  # e.g. an ACL inherited from the folder that the old file does not have
        with suppress(OSError):
            os.removexattr(fd, name)
    for name, value in old.items():
        if new.get(name) == value:
            continue
        try:
            os.setxattr(fd, name, value)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            if not name.startswith(_SYSTEM_XATTRS):
                raise TargetUnsafe(
                    f"The attribute {name} of {path} cannot be kept: {error.strerror}."
                ) from error
            lost.append(name)
    return [f"System attributes of {path.name} could not be kept: {', '.join(sorted(lost))}."] if lost else []
