"""What a dead process left behind is put right; what a living one is doing is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from history import replacing, tone

from voice_edit import undo
from voice_edit.errors import NothingToUndo, TargetChanged
from voice_edit.journal import audio_store, durable, locks, recovery, retention
from voice_edit.journal.journal import Journal
from voice_edit.journal.recovery import recover
from voice_edit.targets.file import FileTarget

TEXT = "".join(f"This is line number {number} of the text.\n" for number in range(40))
OLD, NEW = "number 20 of", "number twenty of"


class Death(BaseException):
    """Stands for SIGKILL: nobody catches it, and no row is settled after it."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.sqlite3"


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(autouse=True)
def no_hook_is_left() -> Iterator[None]:
    yield
    durable.set_fault_hook(None)


def die_at(step: str) -> None:
    """From this step on nothing durable happens any more."""
    dead = False

    def hook(name: str) -> None:
        nonlocal dead
        dead = dead or name == step
        if dead:
            raise Death

    durable.set_fault_hook(hook)


def interrupted(place: Path, note: Path, step: str, act: Callable[[Journal, FileTarget], object]) -> None:
    """Do `act` in a journal whose process dies at `step`."""
    with Journal.open(place) as journal:
        die_at(step)
        with pytest.raises(Death):
            act(journal, FileTarget(note))
        durable.set_fault_hook(None)


def change_it(journal: Journal, target: FileTarget) -> None:
    snapshot = target.snapshot()
    utterance = journal.begin_utterance(target.name, "edit")
    journal.words(utterance, "Change it.")
    undo.apply_edits(
        journal, target, utterance, [replacing(snapshot.text, OLD, NEW)], expected=snapshot.version
    )


def settled(journal: Journal) -> list[str]:
    return [row["state"] for row in journal.store.rows("SELECT state FROM write ORDER BY id")]


# --- edits --------------------------------------------------------------------------------------------------


def test_an_edit_that_was_not_made_is_not_done_and_its_words_are_offered_again(
    place: Path, note: Path
) -> None:
    interrupted(place, note, "target.replace", change_it)
    with Journal.open(place) as journal:
        found = recover(journal)
        assert found.not_done == [1]
        assert "voice-edit retry 1" in found.sentences()[0]
        assert journal.get(1).words == "Change it."
        assert journal.get(1).reason == "interrupted"
        assert not recover(journal)


def test_an_edit_that_was_made_is_done_and_can_be_undone(place: Path, note: Path) -> None:
    interrupted(place, note, "write.settle", change_it)
    with Journal.open(place) as journal:
        found = recover(journal)
        assert found.done == [1]
        assert "undo works" in found.sentences()[0]
        undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT


@pytest.mark.parametrize(("step", "is_done"), [("target.create", False), ("write.settle", True)])
@pytest.mark.parametrize("theirs", ["line number 3 ", "line number 38 "])
def test_a_file_that_somebody_changed_elsewhere_still_tells(
    place: Path, note: Path, step: str, is_done: bool, theirs: str
) -> None:
    interrupted(place, note, step, change_it)
    note.write_text(note.read_text().replace(theirs, "line number X "))
    with Journal.open(place) as journal:
        found = recover(journal)
        assert (found.done, found.not_done) == (([1], []) if is_done else ([], [1]))
        if is_done:
            undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT.replace(theirs, "line number X ")


def test_a_file_that_cannot_tell_any_more_is_left_alone(place: Path, note: Path) -> None:
    interrupted(place, note, "target.replace", change_it)
    note.write_text("Something else.\n")
    with Journal.open(place) as journal:
        found = recover(journal)
        assert found.unclear == [1]
        assert found.sentences()
        with pytest.raises(NothingToUndo):
            undo.undo(journal, FileTarget(note))
        assert not recover(journal)
    assert note.read_text() == "Something else.\n"


def test_a_file_that_is_gone_cannot_tell_either(place: Path, note: Path) -> None:
    interrupted(place, note, "write.settle", change_it)
    note.unlink()
    with Journal.open(place) as journal:
        assert recover(journal).unclear == [1]


@pytest.mark.parametrize(("step", "undone"), [("target.replace", False), ("write.settle", True)])
def test_an_interrupted_undo_is_undone_or_not(place: Path, note: Path, step: str, undone: bool) -> None:
    with Journal.open(place) as journal:
        change_it(journal, FileTarget(note))
    interrupted(place, note, step, undo.undo)
    with Journal.open(place) as journal:
        recover(journal)
        assert (note.read_text() == TEXT) == undone
        (undo.redo if undone else undo.undo)(journal, FileTarget(note))
    assert (note.read_text() == TEXT) != undone


def test_the_next_edit_of_the_file_settles_what_was_left_even_without_recovery(
    place: Path, note: Path
) -> None:
    interrupted(place, note, "write.settle", change_it)
    with Journal.open(place) as journal:
        undo.undo(journal, FileTarget(note))
        assert settled(journal) == ["done", "done"]
    assert note.read_text() == TEXT


def test_ctrl_c_between_two_steps_is_settled_at_once(place: Path, note: Path) -> None:
    def interrupt(name: str) -> None:
        if name == "target.read_back":
            raise KeyboardInterrupt

    with Journal.open(place) as journal:
        durable.set_fault_hook(interrupt)
        with pytest.raises(KeyboardInterrupt):
            change_it(journal, FileTarget(note))
        durable.set_fault_hook(None)
        assert settled(journal) == ["done"]
        undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT


def test_temporary_files_are_removed_and_nothing_else_is(place: Path, note: Path) -> None:
    interrupted(place, note, "write.plan", change_it)
    with Journal.open(place) as journal:
        die_at("target.sync")
        with pytest.raises(Death):
            change_it(journal, FileTarget(note))
        durable.set_fault_hook(None)
        token = journal.store.rows("SELECT token FROM write")[0]["token"]
    # A Python exception still cleans up; a killed process does not.
    ours = note.with_name(f".voice-edit-{token}.tmp")
    theirs = note.with_name(".voice-edit-0000000000000000.tmp")
    ours.write_text("half of the new te")
    theirs.write_text("somebody else's")
    with Journal.open(place) as journal:
        assert recover(journal).removed == [ours]
    assert not ours.exists()
    assert theirs.exists()


# --- sound and words ----------------------------------------------------------------------------------------


def test_a_recording_that_was_cut_off_is_repaired_and_offered_again(place: Path, note: Path) -> None:
    def speak(journal: Journal, target: FileTarget) -> None:
        take = journal.begin_take("edit", target=target.name)
        for start in range(0, 16_000, 640):
            take.record(tone(640, start))
        first = journal.begin_utterance(target.name, "edit", take=take, start_sample=640, end_sample=6400)
        journal.words(first, "Change it.")
        journal.applied(first)
        take.finish()

    interrupted(place, note, "take.finish", speak)
    with Journal.open(place) as journal:
        found = recover(journal)
        assert found.unheard == [2]
        assert "voice-edit retry 2" in found.sentences()[0]
        record = journal.get(2)
        assert (record.state, record.mode, record.target) == ("unheard", "edit", str(note))
        span = journal.audio(2)
        assert (span.start_sample, span.end_sample) == (6400, 16_000)
        assert np.array_equal(audio_store.load(span.path, 6400, 16_000), tone(9600, 6400))


def test_a_recording_that_never_began_leaves_nothing_to_retry(place: Path, note: Path) -> None:
    interrupted(place, note, "take.create", lambda journal, _: journal.begin_take("edit"))
    with Journal.open(place) as journal:
        assert not recover(journal)
        assert [row["state"] for row in journal.store.rows("SELECT state FROM take")] == ["interrupted"]
        assert journal.log() == []


def test_words_that_were_heard_and_not_applied_are_offered_again(place: Path, note: Path) -> None:
    interrupted(place, note, "write.plan", change_it)
    with Journal.open(place) as journal:
        assert recover(journal).not_done == [1]
        assert (journal.get(1).state, journal.get(1).reason) == ("not_applied", "interrupted")


def test_a_transcription_is_finished_when_it_is_heard(place: Path) -> None:
    with Journal.open(place) as journal:
        journal.words(journal.begin_utterance(None, "transcribe"), "Hello.")
    with Journal.open(place) as journal:
        assert not recover(journal)
        assert journal.get(1).state == "heard"


def test_a_pruned_recording_that_outlived_its_row_is_not_rescued(place: Path) -> None:
    with Journal.open(place) as journal:
        with journal.begin_take("dictate") as take:
            take.record(tone(16_000))
        # As if the process had died in the middle of pruning.
        journal.store.execute("UPDATE take SET state = 'pruned' WHERE id = ?", take.id)
    with Journal.open(place) as journal:
        assert not recover(journal)
        assert not take.path.exists()
        retention.prune(journal, retention.Retention())
        assert journal.store.rows("SELECT * FROM take") == []


# --- the living ---------------------------------------------------------------------------------------------


def test_what_a_living_process_is_doing_is_left_alone(place: Path, note: Path) -> None:
    with Journal.open(place) as living:
        take = living.begin_take("edit")
        take.record(tone(16_000))
        die_at("target.replace")
        with pytest.raises(Death):
            change_it(living, FileTarget(note))
        durable.set_fault_hook(None)
        with Journal.open(place) as journal:
            assert not recover(journal)
            assert settled(journal) == ["planned"]
        take.record(tone(16_000, 16_000))
    with Journal.open(place) as journal:
        found = recover(journal)
        assert found.not_done == [1]
        assert len(found.unheard) == 1
        assert np.array_equal(audio_store.load(take.path), tone(32_000))


def test_recovery_does_not_wait_for_a_file_that_is_being_written(place: Path, note: Path) -> None:
    interrupted(place, note, "target.replace", change_it)
    with Journal.open(place) as journal:
        with locks.writing(journal.store.lock_folder, FileTarget(note).name, timeout_s=1):
            recover(journal)
            assert settled(journal) == ["planned"]
        assert recover(journal).not_done == [1]


def test_a_live_recording_of_another_process_is_not_adopted(place: Path) -> None:
    with Journal.open(place) as living, living.begin_take("dictate") as take:
        take.record(tone(16_000))
        with Journal.open(place) as journal:
            assert not recover(journal)
            assert journal.log() == []


def test_nothing_to_recover_says_nothing(place: Path, note: Path) -> None:
    with Journal.open(place) as journal:
        change_it(journal, FileTarget(note))
        undo.undo(journal, FileTarget(note))
    with Journal.open(place) as journal:
        found = recover(journal)
        assert not found
        assert found.sentences() == []
        assert recovery.Recovered() == found


def test_an_edit_that_was_refused_leaves_nothing_to_recover(place: Path, note: Path) -> None:
    with Journal.open(place) as journal:
        target = FileTarget(note)
        version = target.snapshot().version
        utterance = journal.begin_utterance(target.name, "edit")
        note.write_text("Something else.\n")
        with pytest.raises(TargetChanged):
            undo.apply_edits(journal, target, utterance, [replacing(TEXT, OLD, NEW)], expected=version)
    with Journal.open(place) as journal:
        assert not recover(journal)


# --- Ctrl-C -------------------------------------------------------------------------------------------------


def mess(place: Path, note: Path) -> None:
    """Everything a dead process can leave behind at once."""

    def act(journal: Journal, target: FileTarget) -> None:
        take = journal.begin_take("edit", target=target.name)
        take.record(tone(32_000))
        journal.begin_utterance(target.name, "edit", take=take, start_sample=0, end_sample=6400)
        change_it(journal, target)

    interrupted(place, note, "write.settle", act)
    with Journal.open(place) as journal:
        orphan = journal.begin_take("dictate")
        orphan.record(tone(16_000))
        orphan.finish()
        journal.store.execute("DELETE FROM take WHERE id = ?", orphan.id)
        pruned = journal.begin_take("dictate")
        pruned.record(tone(16_000))
        pruned.finish()
        journal.store.execute("UPDATE take SET state = 'pruned' WHERE id = ?", pruned.id)


def told(journal: Journal) -> list[tuple[object, ...]]:
    """What the journal says, numbers of rows left out: they may come in another order."""
    utterances = [
        (
            r.state,
            r.reason,
            r.words,
            r.checkpoint.standing if r.checkpoint else None,
            r.audio and r.audio.end_sample,
        )
        for r in journal.log(limit=100)
    ]
    takes = [tuple(row) for row in journal.store.rows("SELECT state, samples FROM take")]
    files = len(list(journal.store.audio_folder.glob("*.wav")))
    return [*sorted(map(repr, utterances)), *sorted(map(repr, takes)), files]  # type: ignore[list-item]


def test_a_recovery_that_is_interrupted_anywhere_is_finished_by_the_next_one(
    tmp_path: Path, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = note.read_text()
    number, expected = 0, None
    while True:
        place = tmp_path / f"data{number}" / "journal.sqlite3"
        note.write_text(before)
        mess(place, note)
        with Journal.open(place) as journal:
            stopped = interrupted_at(number, journal, monkeypatch)
            recover(journal)
            assert not recover(journal)
            now = told(journal)
        expected = expected or now
        assert now == expected, f"interrupted at call {number}"
        if number and not stopped:
            break
        number += 1
    assert number > 20


def interrupted_at(number: int, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Recover, with Ctrl-C right before or after one of the calls of the store; False if there is no such
    call. 0: none.
    """
    calls = 0

    def now_or_later() -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            raise KeyboardInterrupt

    def watching(real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **more: Any) -> Any:
            now_or_later()
            done = real(*args, **more)
            now_or_later()
            return done

        return watched

    with monkeypatch.context() as patched:
        for name in ("execute", "rows", "insert"):
            patched.setattr(journal.store, name, watching(getattr(journal.store, name)))
        try:
            recover(journal)
        except KeyboardInterrupt:
            return True
    return False
