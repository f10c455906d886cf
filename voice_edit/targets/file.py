"""A text file as a target: read, checked, replaced in one step, read back."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voice_edit.errors import TargetChanged, TargetError, TargetIsFolder, TargetNotRegular, TargetTooLarge
from voice_edit.journal import durable
from voice_edit.targets import _atomic, text_format
from voice_edit.targets.base import PreparedWrite, Receipt, Snapshot, Version
from voice_edit.targets.names import name_of, path_of
from voice_edit.targets.text_format import PLAIN, Newline, TextFormat

if TYPE_CHECKING:
    from voice_edit.edits import Edit

MAX_BYTES = 16 << 20
"""Larger files are refused unless the caller says otherwise."""

_READ_ATTEMPTS = 3
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileSnapshot(Snapshot):
    """A file's text at a moment, and how it was written down."""

    format: TextFormat = PLAIN
    """Encoding, byte order mark and line ending."""


class FileTarget:
    """A text file. Links are followed: the file they lead to is edited, the link stays a link."""

    def __init__(self, path: Path | str, *, max_bytes: int = MAX_BYTES) -> None:
        self._given = Path(path)
        self._max_bytes = max_bytes

    @property
    def path(self) -> Path:
        """The file itself, absolute, links resolved. Raises TargetMissing."""
        try:
            return Path(os.path.realpath(self._given, strict=True))
        except OSError as error:
            raise _atomic.read_error(error, self._given) from error

    @property
    def name(self) -> str:
        """What the file is called in the journal: its path, in a form that can be stored.

        A file that is gone keeps its name: what is said about it is still to be written down.
        """
        return name_of(Path(os.path.realpath(self._given)))

    def snapshot(self, *, newline: Newline | None = None, whole: bool = False) -> FileSnapshot:
        """The text now. Raises the TargetError tree; never waits (pipes and devices are refused).

        `newline` asks for an earlier line ending, see `text_format.decode`.
        """
        path = self.path
        data, version = read_version(path, max_bytes=self._max_bytes)
        text, form = text_format.decode(data, str(path), newline=newline)
        capabilities = {"read_back", "edit", "lines"}
        try:
            _atomic.refuse_read_only(path)
            capabilities.add("write")
        except TargetError:
            pass
        return FileSnapshot(name_of(path), text, None, version, frozenset(capabilities), format=form)

    def ensure_writable(self) -> None:
        """Raise now what `apply` would raise for a read-only file or folder: ask before anybody speaks."""
        _atomic.refuse_read_only(self.path)

    def prepare(
        self, edits: Sequence[Edit], *, expected: Version, newline: Newline | None = None
    ) -> PreparedWrite:
        """Decide what the file will hold after `edits`, without touching it.

        `newline` as in `snapshot`. Raises TargetChanged when the file is no longer of version `expected`.
        """
        from voice_edit.edits import Document, Selection

        snapshot = self.snapshot(newline=newline)
        if not snapshot.version.same_content(expected):
            raise _changed(path_of(snapshot.name))
        document = Document(snapshot.text, edits[0].before if edits else Selection(0, 0))
        for edit in edits:
            document = edit.apply_to(document)
        data = text_format.encode(document.text, snapshot.format, snapshot.name)
        if len(data) > self._max_bytes:
            raise TargetTooLarge(f"{snapshot.name} would grow to {_megabytes(len(data))}.")
        return PreparedWrite(
            name=snapshot.name,
            before=snapshot.version,
            after=Version(hashlib.sha256(data).hexdigest(), len(data)),
            text_before=snapshot.text,
            text_after=document.text,
            edits=tuple(edits),
            newline=snapshot.format.newline,
            data=data,
            token=secrets.token_hex(8),
        )

    def commit(self, write: PreparedWrite) -> Receipt:
        """Replace the file as decided, and read it back.

        Raises TargetChanged when the file changed since `prepare`, and the rest of the TargetError tree;
        then nothing was written.
        """

        path = path_of(write.name)

        def still_the_same() -> None:
            _, now = read_version(path, max_bytes=self._max_bytes)
            if not now.same_content(write.before):
                raise _changed(path)

        still_the_same()
        notes: tuple[str, ...] = ()
        if not write.after.same_content(write.before):
            notes = _atomic.replace(path, write.data, token=write.token, check=still_the_same)
        durable.step("target.read_back")
        try:
            _, found = read_version(path, max_bytes=self._max_bytes)
        except TargetError as error:
            return Receipt("unverified", write.before, write.after, (*notes, f"Not read back: {error}"))
        if not found.same_content(write.after):
            note = f"Another program wrote to {path.name} right after us."
            return Receipt("unverified", write.before, found, (*notes, note))
        return Receipt("verified", write.before, found, notes)

    def apply(self, edits: Sequence[Edit], *, expected: Version) -> Receipt:
        """`prepare` and `commit` in one, for callers that keep no journal."""
        return self.commit(self.prepare(edits, expected=expected))


def read_version(path: Path, *, max_bytes: int = MAX_BYTES) -> tuple[bytes, Version]:
    """The bytes of a regular file and their version; read again when somebody writes meanwhile."""
    for _ in range(_READ_ATTEMPTS):
        try:
            # O_NONBLOCK: opening a pipe must not wait for its other end.
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                before = os.fstat(fd)
                _refuse_kind(path, before, max_bytes)
                data = _read(fd, max_bytes + 1)
                after = os.fstat(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise _atomic.read_error(error, path) from error
        if len(data) == after.st_size and before.st_mtime_ns == after.st_mtime_ns:
            digest = hashlib.sha256(data).hexdigest()
            return data, Version(digest, len(data), after.st_mtime_ns, after.st_ino)
    raise TargetChanged(
        f"{path} is being written by another program right now.",
        hint="Nothing was written. Wait until it is finished.",
    )


def _read(fd: int, limit: int) -> bytes:
    pieces, size = [], 0
    while size < limit and (piece := os.read(fd, min(limit - size, _READ_BYTES))):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _refuse_kind(path: Path, status: os.stat_result, max_bytes: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise TargetIsFolder(f"{path} is a folder.")
    if not stat.S_ISREG(status.st_mode):
        raise TargetNotRegular(f"{path} is not a regular file but a device, pipe or socket.")
    if status.st_size > max_bytes:
        raise TargetTooLarge(
            f"{path} has {_megabytes(status.st_size)}; the limit is {_megabytes(max_bytes)}."
        )


def _changed(path: Path) -> TargetChanged:
    return TargetChanged(f"{path} was changed by another program after it was read.")


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"
