"""A damaged, older, newer, foreign or grown journal: nothing is lost silently, nothing is kept for ever."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from history import tone

from voice_edit.errors import (
    JournalBusy,
    JournalTooNew,
    JournalUnavailable,
)
from voice_edit.journal import audio_store, retention, schema
from voice_edit.journal.journal import Journal
from voice_edit.journal.recovery import recover

ROOT = Path(__file__).parent.parent


def scribble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 200] = b"\xa5" * 200
    path.write_bytes(data)


DAMAGE = {
    "overwritten": lambda path: path.write_bytes(b"This is not a database." * 100),
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "bytes flipped": scribble,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_is_put_aside_and_its_recordings_are_kept(place: Path, damage: str) -> None:
    with Journal.open(place) as journal:
        for number in range(20):
            journal.words(journal.begin_utterance("/note", "edit"), f"Words {number}. " * 300)
        with journal.begin_take("dictate") as take:
            take.record(tone(16_000))
    DAMAGE[damage](place)
    damaged = place.read_bytes()
    with Journal.open(place) as journal:
        (notice,) = journal.notices
        aside = next(path for path in place.parent.iterdir() if "damaged" in path.name)
        assert str(aside) in notice
        assert aside.read_bytes() == damaged
        (number,) = recover(journal).unheard
        span = journal.audio(number)
        assert np.array_equal(audio_store.load(span.path, span.start_sample, span.end_sample), tone(16_000))
    with Journal.open(place) as journal:
        assert journal.notices == []
        assert not recover(journal)


def test_a_damaged_journal_that_somebody_uses_is_not_moved_under_their_feet(place: Path) -> None:
    with Journal.open(place) as journal:
        journal.begin_utterance("/note", "edit")
        journal.store.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else the log still has every page
        place.write_bytes(b"This is not a database." * 1000)
        with pytest.raises(JournalBusy, match="damaged journal"):
            Journal.open(place, busy_timeout_s=0.05)


def test_a_journal_that_is_only_busy_is_not_called_damaged(place: Path) -> None:
    Journal.open(place).close()
    blocker = sqlite3.connect(place, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        with Journal.open(place, busy_timeout_s=0.05) as journal, pytest.raises(JournalBusy):
            journal.begin_utterance("/note", "edit")
    finally:
        blocker.close()
    assert not [path for path in place.parent.iterdir() if "damaged" in path.name]


def test_a_journal_of_a_later_version_is_refused_and_left_alone(place: Path) -> None:
    Journal.open(place).close()
    with sqlite3.connect(place) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalTooNew, match="format 99") as caught:
        Journal.open(place)
    assert "Update" in caught.value.hint


def test_somebody_elses_database_is_refused_and_left_alone(place: Path) -> None:
    place.parent.mkdir()
    with sqlite3.connect(place) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    with pytest.raises(JournalUnavailable, match="not a journal"):
        Journal.open(place)


def test_an_older_journal_is_brought_up_to_date_step_by_step(place: Path) -> None:
    with Journal.open(place) as journal:
        utterance = journal.begin_utterance("/note", "edit")
        journal.words(utterance, "Hello.")

    def count_letters(db: sqlite3.Connection) -> None:
        db.execute("UPDATE utterance SET letters = length(words)")

    later = (*schema.MIGRATIONS, "ALTER TABLE utterance ADD COLUMN letters INTEGER;", count_letters)
    db = schema.connect(place, busy_timeout_s=1)
    schema.migrate(db, place, later)
    schema.migrate(db, place, later)
    assert db.execute("SELECT letters FROM utterance").fetchone()[0] == 6
    assert db.execute("PRAGMA user_version").fetchone()[0] == len(later)
    db.close()


def test_a_migration_that_fails_changes_nothing(place: Path) -> None:
    Journal.open(place).close()
    later = (*schema.MIGRATIONS, "ALTER TABLE utterance ADD COLUMN x INTEGER;\nNONSENSE;")
    db = schema.connect(place, busy_timeout_s=1)
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(db, place, later)
    db.close()
    Journal.open(place).close()


def test_a_disk_too_full_for_a_new_journal_is_an_error_with_a_remedy(place: Path) -> None:
    code = (
        "import resource, sys, pathlib\n"
        "from voice_edit.errors import JournalUnavailable\n"
        "from voice_edit.journal.journal import Journal\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))\n"
        "try: Journal.open(pathlib.Path(sys.argv[1]))\n"
        "except JournalUnavailable as error: print(error.hint)\n"
    )
    command = [sys.executable, "-c", code, place]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "Free some space" in done.stdout
    Journal.open(place).close()


def input_output_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE])
def test_a_disk_too_full_for_the_journals_own_files_is_called_full(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    error = input_output_error(code)
    with (
        pytest.raises(JournalUnavailable, match="disk I/O error"),
        schema.translated(journal.store.path),
    ):
        raise error
    usage = shutil.disk_usage(journal.store.path.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=100_000))
    with (
        pytest.raises(JournalUnavailable, match="No space left") as caught,
        schema.translated(journal.store.path),
    ):
        raise error
    assert "Free some space" in caught.value.hint


def test_old_and_surplus_recordings_are_removed_and_then_old_words(place: Path, note: Path) -> None:
    now = [0.0]
    with Journal.open(place, clock=lambda: now[0]) as journal:
        numbers = []
        for day in (0, 10, 20, 30):
            now[0] = day * 86_400.0
            with journal.begin_take("edit") as take:
                take.record(tone(16_000))
            numbers.append(
                journal.begin_utterance("/note", "edit", take=take, start_sample=0, end_sample=16_000)
            )
            journal.words(numbers[-1], f"Day {day}.")
        one = retention.recorded_bytes(journal) // 4
        keep = retention.Retention(audio_days=25, audio_mb=2.5 * one / (1 << 20), history_days=100)
        assert retention.prune(journal, keep) == retention.Pruned(recordings=2, utterances=0)
        assert [journal.get(number).audio is not None for number in numbers] == [False, False, True, True]
        assert [record.words for record in journal.log()] == ["Day 30.", "Day 20.", "Day 10.", "Day 0."]
        keep = retention.Retention(audio_days=25, history_days=15)
        assert retention.prune(journal, keep).utterances == 2
        assert [record.words for record in journal.log()] == ["Day 30.", "Day 20."]
        assert retention.recorded_bytes(journal) == 2 * one
        assert not recover(journal)


def test_a_recording_in_progress_is_never_pruned(journal: Journal) -> None:
    take = journal.begin_take("dictate")
    take.record(tone(1000))
    assert retention.prune(journal, retention.Retention(0, 0, 0)).recordings == 0
    assert take.path.exists()
    take.finish()
    assert retention.prune(journal, retention.Retention(0, 0, 0)).recordings == 1


def test_pruned_words_are_not_left_in_the_file(place: Path) -> None:
    with Journal.open(place, clock=lambda: 0.0) as journal:
        journal.words(journal.begin_utterance(None, "dictate"), "xyzzy plugh")
    with Journal.open(place, clock=lambda: 1e9) as journal:
        retention.prune(journal, retention.Retention())
    assert b"xyzzy" not in b"".join(path.read_bytes() for path in place.parent.glob("journal*"))


def test_a_retention_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        retention.Retention(audio_days=-1)


def test_looking_at_the_history_loads_neither_numpy_nor_the_engine() -> None:
    code = "import sys\nfrom voice_edit.journal import journal, recovery, retention\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not {"numpy", "engine", "pydantic"} & set(loaded.stdout.split())
