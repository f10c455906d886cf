"""The journal's tables, how they change between versions, and how a damaged journal is recognised and put
aside.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from voice_edit.errors import JournalBusy, JournalTooNew, JournalUnavailable

APPLICATION_ID = 0x76656A31  # "vej1", so that `file` and we recognise a journal

ENOUGH_SPACE = 1 << 20
"""Bytes. With less, an input or output error of SQLite means a full disk: it grows its files in steps."""

Migration = str | Callable[[sqlite3.Connection], None]
"""SQL, or a function for what SQL cannot say. Runs inside a transaction."""

_FIRST = """
CREATE TABLE take (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    session     TEXT NOT NULL,              -- whose: a lock of that name is held while the process lives
    started_at  REAL NOT NULL,              -- seconds since the epoch
    mode        TEXT NOT NULL,              -- dictate, edit, transcribe
    target      TEXT,
    source      TEXT,                       -- file or device the sound came from
    audio       TEXT NOT NULL UNIQUE,       -- file name in the audio folder
    samples     INTEGER,                    -- known when finished
    state       TEXT NOT NULL CHECK (state IN ('recording', 'complete', 'interrupted', 'pruned'))
) STRICT;

CREATE TABLE utterance (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    session      TEXT NOT NULL,
    take         INTEGER REFERENCES take (id) ON DELETE SET NULL,
    started_at   REAL NOT NULL,
    mode         TEXT NOT NULL,
    target       TEXT,
    start_sample INTEGER,                   -- its part of the take
    end_sample   INTEGER,
    words        TEXT,
    confidence   REAL,                      -- mean log-probability of its tokens
    timing       TEXT,                      -- JSON
    commands     TEXT,                      -- JSON
    state        TEXT NOT NULL CHECK (state IN ('unheard', 'heard', 'rejected', 'applied', 'not_applied')),
    reason       TEXT,                      -- code of the error or rejection
    message      TEXT,
    retry_of     INTEGER REFERENCES utterance (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX utterance_by_take ON utterance (take);

CREATE TABLE checkpoint (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    utterance INTEGER NOT NULL REFERENCES utterance (id) ON DELETE CASCADE,
    target    TEXT NOT NULL,
    edits     TEXT NOT NULL,                -- JSON; each change holds old and new text: its own inverse
    anchors   TEXT NOT NULL,                -- JSON; the text around each change, to find it again
    newline   TEXT NOT NULL,                -- line ending for which the offsets hold
    changes   INTEGER NOT NULL,             -- 0: the text stays as it is; nothing to undo
    standing  TEXT NOT NULL CHECK (
        standing IN ('planned', 'applied', 'undone', 'cut', 'not_applied', 'unclear')
    )
) STRICT;
CREATE INDEX checkpoint_by_target ON checkpoint (target, standing, id);

CREATE TABLE write (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    checkpoint         INTEGER NOT NULL REFERENCES checkpoint (id) ON DELETE CASCADE,
    session            TEXT NOT NULL,
    direction          TEXT NOT NULL CHECK (direction IN ('do', 'undo', 'redo')),
    target             TEXT NOT NULL,
    planned_at         REAL NOT NULL,
    settled_at         REAL,
    edits              TEXT NOT NULL,       -- JSON; what is really done to the target
    before             TEXT NOT NULL,       -- JSON; version of the file
    after              TEXT NOT NULL,
    text_before_sha256 TEXT NOT NULL,
    text_after_sha256  TEXT NOT NULL,
    token              TEXT NOT NULL,       -- names the temporary file
    state              TEXT NOT NULL CHECK (state IN ('planned', 'done', 'not_done', 'unclear')),
    receipt            TEXT,                -- JSON
    reason             TEXT
) STRICT;
CREATE INDEX write_unsettled ON write (target) WHERE state = 'planned';
CREATE INDEX write_by_checkpoint ON write (checkpoint);
"""

_HOLD = """
-- 1: a key was held, or talking was switched on and off: all of it is one utterance, whatever the pauses
ALTER TABLE take ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
"""

_WHY = """
-- JSON object: what was decided about it, by topic, with the reasons ("hearing": engine/judging/verdict.py)
ALTER TABLE utterance ADD COLUMN why TEXT;
"""

MIGRATIONS: tuple[Migration, ...] = (_FIRST, _HOLD, _WHY)
"""Entry n leads from version n to version n + 1. Never change an entry that was released; append."""


def connect(path: Path, *, busy_timeout_s: float) -> sqlite3.Connection:
    """A connection with our settings. Creates the file, for this user only. Raises JournalUnavailable or
    sqlite3.Error.
    """
    try:
        # SQLite gives its -wal and -shm files the permissions of the database file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise JournalUnavailable(f"The journal {path} cannot be opened: {error.strerror}.") from error
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        _use_wal(connection, busy_timeout_s)
        # FULL: a commit returns when it is on the disk. Every commit here is a promise, and there are few.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # pruned words are overwritten, not only forgotten
        # SQLite's own LIKE and lower() know the capitals of ASCII only.
        connection.create_function("casefold", 1, _casefold, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    """Switch a new file to a write-ahead log; nothing changes in one that has it already.

    SQLite does not wait for its busy timeout when two connections switch the same new file, or when one
    switches while another rebuilds the shared index: it fails at once, so the waiting is done here.
    """
    deadline = time.monotonic() + busy_timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= deadline:
                raise
        time.sleep(0.005)


def _casefold(text: str | None) -> str | None:
    return None if text is None else text.casefold()


def is_damaged(connection: sqlite3.Connection) -> bool:
    """Does SQLite find fault with the file?"""
    try:
        return [row[0] for row in connection.execute("PRAGMA quick_check(1)")] != ["ok"]
    except sqlite3.DatabaseError as error:
        if means_damage(error):
            return True
        raise


def means_damage(error: sqlite3.Error) -> bool:
    """Is this the error of a damaged file, rather than of a busy or full one?"""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the journal to the newest version, one transaction per step.

    Raises JournalTooNew, or JournalUnavailable when the file is somebody else's database.
    """
    version = _version(connection)
    if version > len(migrations):
        raise JournalTooNew(
            f"The journal {path} has format {version}; this voice-edit knows up to {len(migrations)}."
        )
    while version < len(migrations):
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = _version(connection)  # another process may have been quicker
            if version < len(migrations):
                if version == 0:
                    _refuse_foreign(connection, path)
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                _run(connection, migrations[version])
                version += 1
                connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # on a full disk SQLite has rolled back already
                connection.execute("ROLLBACK")
            raise


def move_aside(path: Path, *, now_s: float) -> Path:
    """Rename a damaged journal, with what SQLite keeps beside it; returns its new name. Nobody may have it
    open.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_s))
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{number}{path.suffix}")
    for ending in ("-wal", "-shm", ""):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return aside


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's failures as ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise JournalBusy(f"Another voice-edit is writing to the journal {path}.") from error
        if means_damage(error):
            raise JournalUnavailable(
                f"The journal {path} is damaged: {error}.",
                hint="Run the command again: the damaged journal is put aside and a new one begun.",
            ) from error
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _nearly_full(path.parent)):
            raise JournalUnavailable(f"No space left on the disk that holds the journal {path}.") from error
        raise JournalUnavailable(f"The journal {path} cannot be used: {error}.") from error


def _nearly_full(folder: Path) -> bool:
    """Whether there is too little space for SQLite's own bookkeeping, which it tells as a failing disk."""
    try:
        return shutil.disk_usage(folder).free < ENOUGH_SPACE
    except OSError:
        return False


def integrity(path: Path) -> str:
    """SQLite's full verdict on the file: "ok", or what is wrong."""
    with closing(sqlite3.connect(path)) as connection:
        return "; ".join(str(row[0]) for row in connection.execute("PRAGMA integrity_check"))


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise JournalUnavailable(
            f"{path} is a database, but not a journal of voice-edit.",
            hint="Set VOICE_EDIT_HOME to another folder.",
        )


def _run(connection: sqlite3.Connection, migration: Migration) -> None:
    if callable(migration):
        migration(connection)
        return
    statement = ""
    for line in migration.splitlines(keepends=True):  # executescript would commit our transaction first
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
