"""The open journal file: connection, locks, transactions. What the rows mean is the business of `journal`.

A process that has the journal open holds two locks: a shared one that keeps others from putting a damaged
file aside under its feet, and one of its own, named in every row it writes, by which others see whether it
still lives.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from voice_edit.errors import JournalUnavailable
from voice_edit.journal import durable, locks, schema


class Store:
    """Rows on disk. Every write is durable when the call returns. Safe to use from several threads."""

    def __init__(self, path: Path, *, busy_timeout_s: float, clock: Callable[[], float]) -> None:
        """Open or create. Raises JournalUnavailable, JournalBusy, JournalTooNew."""
        self.path = path
        self.audio_folder = path.parent / "audio"
        self.lock_folder = path.parent / "locks"
        self.busy_timeout_s = busy_timeout_s
        self.now_s = clock
        """Seconds since the epoch."""
        self.notices: list[str] = []
        """Sentences the user must see, e.g. that a damaged journal was put aside."""
        self.session = secrets.token_hex(8)
        self._mutex = threading.RLock()
        self._make_folders()
        self._open_lock = self._share()
        self._session_lock = locks.FileLock.try_acquire(self.session_lock_path(self.session))
        try:
            with schema.translated(path):
                self._db = self._connect()
        except BaseException:
            self._release_locks()
            raise

    def close(self) -> None:
        """Let go of the file and the locks. May be called twice."""
        with self._mutex:
            self._db.close()
            self._release_locks()

    def session_lock_path(self, session: str) -> Path:
        """Locked by the process that wrote rows with this session, as long as it lives."""
        return self.lock_folder / f"session-{session}.lock"

    @contextmanager
    def transaction(self, step: str) -> Iterator[None]:
        """All or nothing. `step` is announced first. Raises JournalBusy, JournalUnavailable."""
        with self._mutex, schema.translated(self.path):
            durable.step(step)
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def execute(self, sql: str, *values: Any) -> int:
        """Write; returns the number of rows changed."""
        with self._mutex, schema.translated(self.path):
            return self._db.execute(sql, _storable(values)).rowcount

    def insert(self, table: str, **values: Any) -> int:
        """Add a row; returns its number."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        with self._mutex, schema.translated(self.path):
            cursor = self._db.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", _storable(values.values())
            )
            number = cursor.lastrowid
        assert number is not None
        return number

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Read."""
        with self._mutex, schema.translated(self.path):
            return self._db.execute(sql, _storable(values)).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Read the first row, if there is one."""
        return next(iter(self.rows(sql, *values)), None)

    def _make_folders(self) -> None:
        try:
            for folder in (self.path.parent, self.audio_folder, self.lock_folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if folder.stat().st_mode & 0o077:
                    folder.chmod(0o700)  # whatever the umask was, and whoever made the folder
        except OSError as error:
            raise JournalUnavailable(
                f"The folder {self.path.parent} for the journal cannot be used: {error.strerror}."
            ) from error

    def _share(self) -> locks.FileLock:
        return locks.FileLock.acquire(
            self.lock_folder / "journal.lock",
            shared=True,
            timeout_s=self.busy_timeout_s,
            waiting_for=f"the journal {self.path}",
        )

    def _release_locks(self) -> None:
        if self._session_lock is not None:
            self._session_lock.release()
        self._open_lock.release()

    def _connect(self) -> sqlite3.Connection:
        db = self._sound_connection()
        if db is None:
            # Nobody may have the file open while it is renamed: they would go on writing into the damaged
            # one.
            self._open_lock.release()
            with locks.FileLock.acquire(
                self.lock_folder / "journal.lock",
                timeout_s=self.busy_timeout_s,
                waiting_for=f"the damaged journal {self.path}",
            ):
                db = self._sound_connection()
                if db is None:
                    aside = schema.move_aside(self.path, now_s=self.now_s())
                    self.notices.append(
                        f"The journal was damaged. It was put aside as {aside} and a new one begun; "
                        "recordings are kept, older edits can no longer be undone."
                    )
                    db = schema.connect(self.path, busy_timeout_s=self.busy_timeout_s)
            self._open_lock = self._share()
        try:
            schema.migrate(db, self.path)
        except BaseException:
            db.close()
            raise
        return db

    def _sound_connection(self) -> sqlite3.Connection | None:
        """A connection, or None when the file is damaged."""
        try:
            db = schema.connect(self.path, busy_timeout_s=self.busy_timeout_s)
        except sqlite3.Error as error:
            if schema.means_damage(error):
                return None
            raise
        sound = False
        try:
            sound = not schema.is_damaged(db)
        finally:
            if not sound:
                db.close()
        return db if sound else None


def _storable(values: Iterable[Any]) -> tuple[Any, ...]:
    # Words and names given on a command line in another encoding hold lone surrogates, which SQLite cannot
    # store.
    return tuple(
        value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
        for value in values
    )
