"""The journal remembers what was said and done, gives it back, and takes edits back."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from history import edit_of, replace, replacing, say, tone
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_edit import audio_store, durable, journal_schema, locks, relocate, retention, undo
from voice_edit.edit_json import edits_from_json, edits_to_json
from voice_edit.edits import Document, Selection
from voice_edit.errors import (
    AudioGone,
    JournalBusy,
    JournalTooNew,
    JournalUnavailable,
    NoMatch,
    NothingToRedo,
    NothingToUndo,
    TargetChanged,
    TargetMissing,
    UtteranceMissing,
)
from voice_edit.journal import Journal
from voice_edit.recovery import recover
from voice_edit.targets.file import FileTarget

ROOT = Path(__file__).parent.parent
TEXT = "The quick brown fox\njumps over the lazy dog.\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the journal lies."""
    return tmp_path / "data" / "journal.sqlite3"


@pytest.fixture
def journal(place: Path) -> Iterator[Journal]:
    with Journal.open(place) as opened:
        yield opened


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text(TEXT)
    return path


# --- remembering --------------------------------------------------------------------------------------------


def test_an_utterance_is_remembered_from_sound_to_receipt(journal: Journal, note: Path) -> None:
    target = FileTarget(note)
    with journal.begin_take("edit", target=target.name, source="speech.wav") as take:
        take.record(tone(16_000))
        utterance = journal.begin_utterance(
            target.name, "edit", take=take, start_sample=1600, end_sample=8000
        )
        journal.words(utterance, "Change brown to red.", confidence=-0.25, timing={"final_s": 0.5})
        journal.commands(utterance, [{"replace": {"find": "brown", "with": "red"}}])
        edits = [replacing(TEXT, "brown", "red")]
        undo.apply_edits(journal, target, utterance, edits, expected=target.snapshot().version)
    record = journal.get(utterance)
    assert record.words == "Change brown to red."
    assert record.confidence == -0.25
    assert record.timing == {"final_s": 0.5}
    assert record.commands == [{"replace": {"find": "brown", "with": "red"}}]
    assert record.state == "applied"
    assert record.audio is not None
    assert (record.audio.start_sample, record.audio.end_sample) == (1600, 8000)
    assert record.checkpoint is not None
    assert record.checkpoint.standing == "applied"
    assert edits_from_json(record.checkpoint.edits) == edits
    (write,) = record.checkpoint.writes
    assert (write.state, write.direction) == ("done", "do")
    assert write.receipt is not None
    assert write.receipt.state == "verified"
    assert write.receipt.after == target.snapshot().version
    assert json.loads(json.dumps(record.to_json()))["receipts"][0]["state"] == "verified"


def test_the_log_is_newest_first_and_can_be_limited_to_a_target(journal: Journal) -> None:
    for number in range(6):
        journal.words(journal.begin_utterance(f"/note-{number % 2}", "edit"), f"Words {number}.")
    assert [record.words for record in journal.log(limit=3)] == ["Words 5.", "Words 4.", "Words 3."]
    assert [record.words for record in journal.log(target="/note-0")] == ["Words 4.", "Words 2.", "Words 0."]
    last = journal.last(target="/note-1")
    assert last is not None
    assert last.words == "Words 5."


def test_what_was_not_carried_out_says_why(journal: Journal) -> None:
    silent, odd = journal.begin_utterance(None, "dictate"), journal.begin_utterance("/note", "edit")
    journal.rejected(silent, "no_speech", "Only noise was heard.")
    journal.words(odd, "Delete zebra.")
    journal.failed(odd, NoMatch("“zebra” is not in the text.", near=["zero"]))
    assert (journal.get(silent).state, journal.get(silent).reason) == ("rejected", "no_speech")
    assert (journal.get(odd).state, journal.get(odd).reason) == ("not_applied", "no_match")
    assert journal.get(odd).message == "“zebra” is not in the text."


def test_an_unknown_number_is_an_error_with_a_remedy(journal: Journal) -> None:
    with pytest.raises(UtteranceMissing, match="no utterance 7") as caught:
        journal.get(7)
    assert "voice-edit log" in caught.value.hint


def test_words_in_a_broken_encoding_are_kept_as_far_as_they_can_be(journal: Journal) -> None:
    utterance = journal.begin_utterance("/\udcff", "edit")
    journal.words(utterance, "Caf\udce9.")
    assert journal.get(utterance).words == "Caf?."


def test_a_retry_shares_the_sound_of_the_first_attempt(journal: Journal) -> None:
    with journal.begin_take("edit") as take:
        take.record(tone(3200))
    first = journal.begin_utterance("/note", "edit", take=take, start_sample=160, end_sample=3000)
    second = journal.begin_utterance("/note", "edit", retry_of=first)
    assert journal.audio(second) == journal.audio(first)
    assert journal.get(second).retry_of == first
    with pytest.raises(UtteranceMissing):
        journal.begin_utterance("/note", "edit", retry_of=99)


def test_other_processes_see_at_once_what_was_written(journal: Journal, place: Path) -> None:
    with Journal.open(place) as other:
        utterance = journal.begin_utterance("/note", "edit")
        journal.words(utterance, "Hello.")
        assert other.get(utterance).words == "Hello."
        assert other.begin_utterance("/note", "edit") == utterance + 1


def test_threads_and_journals_side_by_side_lose_nothing(place: Path) -> None:
    def speak(name: str) -> None:
        with Journal.open(place, busy_timeout_s=30) as journal:
            for number in range(10):
                journal.words(journal.begin_utterance("/note", "edit"), f"{name} {number}")

    threads = [threading.Thread(target=speak, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Journal.open(place) as journal:
        words = {record.words for record in journal.log(limit=100)}
    assert words == {f"{name} {number}" for name in "abc" for number in range(10)}


def test_folder_and_files_are_private_whatever_the_umask_is(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with Journal.open(tmp_path / "data" / "journal.sqlite3") as journal:
            with journal.begin_take("dictate") as take:
                take.record(tone(100))
            for path in (tmp_path / "data").rglob("*"):
                assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_folder_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    Journal.open(tmp_path / "data" / "journal.sqlite3").close()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_place_where_no_journal_can_be_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalUnavailable) as caught:
        Journal.open(tmp_path / "file" / "journal.sqlite3")
    assert "VOICE_EDIT_HOME" in caught.value.hint


# --- sound --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [0, 1, 100, 4000])
def test_an_unfinished_recording_is_readable_at_every_length(tmp_path: Path, samples: int) -> None:
    audio = audio_store.TakeAudio(tmp_path / "take.wav")
    audio.append(tone(samples))
    read, rate = soundfile.read(tmp_path / "take.wav", dtype="float32")
    assert rate == 16_000
    assert np.array_equal(read, tone(samples))
    with wave.open(str(tmp_path / "take.wav")) as file:
        assert len(file.readframes(1_000_000)) == 2 * samples
    audio.finish()


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 639, 640, 997, 998, 999, 1000])
def test_a_recording_cut_anywhere_holds_all_whole_samples_before_the_cut(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "take.wav"
    audio_store.TakeAudio(path).append(tone(500))
    os.truncate(path, audio_store.HEADER_BYTES + cut)
    assert np.array_equal(soundfile.read(path, dtype="float32")[0], tone(cut // 2))
    assert audio_store.repair(path) == cut // 2
    assert np.array_equal(audio_store.load(path), tone(cut // 2))
    with wave.open(str(path)) as file:
        assert file.getnframes() == cut // 2


def test_what_is_read_back_is_what_was_said(journal: Journal) -> None:
    with journal.begin_take("dictate") as take:
        for start in range(0, 48_000, 640):
            take.record(tone(640, start))
    assert take.samples == 48_000
    assert np.array_equal(audio_store.load(take.path, 100, 900), tone(48_000)[100:900])
    assert len(audio_store.load(take.path, 47_000, 99_000)) == 1000
    assert len(audio_store.load(take.path, 99_000)) == 0
    with wave.open(str(take.path)) as file:
        assert file.getnframes() == 48_000


def test_samples_out_of_range_are_clipped_and_no_number_is_silence() -> None:
    odd = np.array([2.0, -2.0, np.nan, np.inf, -np.inf, 0.5], np.float32)
    assert np.frombuffer(audio_store.to_pcm(odd), "<i2").tolist() == [32767, -32768, 0, 32767, -32768, 16384]


def test_a_full_disk_while_recording_keeps_what_was_said(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = journal.begin_take("dictate")
    take.record(tone(1000))

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("voice_edit.audio_store.os.pwrite", full)
    with pytest.raises(JournalUnavailable, match="No space left") as caught:
        take.record(tone(1000, 1000))
    monkeypatch.undo()
    assert "is kept" in caught.value.hint
    take.finish()
    assert np.array_equal(audio_store.load(take.path), tone(1000))


def test_a_missing_recording_is_an_error_with_a_remedy(journal: Journal) -> None:
    typed = journal.begin_utterance("/note", "edit")
    with pytest.raises(AudioGone, match=f"no recording of utterance {typed}"):
        journal.audio(typed)
    with journal.begin_take("edit") as take:
        take.record(tone(100))
    spoken = journal.begin_utterance("/note", "edit", take=take, start_sample=0, end_sample=100)
    take.path.unlink()
    with pytest.raises(AudioGone):
        journal.audio(spoken)
    with pytest.raises(AudioGone):
        audio_store.load(take.path)


# --- undo and redo ------------------------------------------------------------------------------------------


def test_undo_and_redo_reach_back_beyond_the_process(place: Path, note: Path) -> None:
    states = [TEXT]
    with Journal.open(place) as journal:
        for old, new in (("quick", "slow"), ("brown", "red"), ("lazy", "old")):
            replace(journal, note, old, new)
            states.append(note.read_text())
    target = FileTarget(note)
    for state in reversed(states[:-1]):
        with Journal.open(place) as journal:
            (reverted,) = undo.undo(journal, target)
        assert note.read_text() == state == reverted.text_after
        assert not reverted.moved
        assert reverted.receipt.state == "verified"
    with Journal.open(place) as journal, pytest.raises(NothingToUndo):
        undo.undo(journal, target)
    for state in states[1:]:
        with Journal.open(place) as journal:
            undo.redo(journal, target)
        assert note.read_text() == state
    with Journal.open(place) as journal, pytest.raises(NothingToRedo):
        undo.redo(journal, target)


def test_several_can_be_undone_at_once_and_too_many_is_all(journal: Journal, note: Path) -> None:
    numbers = [replace(journal, note, old, new) for old, new in (("quick", "slow"), ("brown", "red"))]
    reverted = undo.undo(journal, FileTarget(note), 5)
    assert [one.utterance for one in reverted] == numbers[::-1]
    assert [one.words for one in reverted] == ["Change brown to red.", "Change quick to slow."]
    assert note.read_text() == TEXT
    assert len(undo.redo(journal, FileTarget(note), 2)) == 2
    assert note.read_text() == "The slow red fox\njumps over the lazy dog.\n"


def test_a_new_edit_takes_away_what_could_be_redone(journal: Journal, note: Path) -> None:
    replace(journal, note, "quick", "slow")
    undone = replace(journal, note, "brown", "red")
    undo.undo(journal, FileTarget(note))
    replace(journal, note, "fox", "cat")
    with pytest.raises(NothingToRedo):
        undo.redo(journal, FileTarget(note))
    checkpoint = journal.get(undone).checkpoint
    assert checkpoint is not None
    assert checkpoint.standing == "cut"
    undo.undo(journal, FileTarget(note), 2)
    assert note.read_text() == TEXT


def test_moving_the_caret_takes_nothing_away_and_is_not_undone(journal: Journal, note: Path) -> None:
    replace(journal, note, "brown", "red")
    undo.undo(journal, FileTarget(note))
    say(journal, note, "Select the fox.", [edit_of()])
    undo.redo(journal, FileTarget(note))
    say(journal, note, "Select the fox.", [edit_of()])
    undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT


def test_each_file_has_a_history_of_its_own(journal: Journal, note: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(TEXT)
    replace(journal, note, "brown", "red")
    replace(journal, other, "brown", "blue")
    undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT
    assert "blue" in other.read_text()
    with pytest.raises(NothingToUndo):
        undo.undo(journal, FileTarget(note))


def test_a_link_shares_the_history_of_its_file(journal: Journal, note: Path, tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(note)
    replace(journal, tmp_path / "link.txt", "brown", "red")
    undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT


def test_the_caret_is_remembered_while_the_file_stays_as_it_was_left(journal: Journal, note: Path) -> None:
    target = FileTarget(note)
    assert journal.selection(target.name, target.snapshot().version) is None
    replace(journal, note, "brown", "dark red")
    assert journal.selection(target.name, target.snapshot().version) == (18, 18)
    undo.undo(journal, target)
    assert journal.selection(target.name, target.snapshot().version) == (10, 10)
    note.write_text("Something else.")
    assert journal.selection(target.name, target.snapshot().version) is None


@pytest.mark.parametrize(
    ("data", "old", "new"),
    [
        (
            b"one\r\ntwo\r\n",
            "\ntwo\n",
            "",
        ),  # the last line end goes, and with it the sign that there were any
        (b"one\r\ntwo\r\n", "one\ntwo\n", ""),
        (b"one\r\ntwo\nthree\r\n", "two\n", ""),  # no longer mixed
        (b"one\r\ntwo\nthree\r\n", "\r\n", "\n"),
        (b"\xef\xbb\xbfone\r\n", "one\n", ""),
        (b"\xff\xfeo\x00\n\x00", "o\n", ""),
        (b"plain\n", "\n", "\r\n"),
    ],
)
def test_undo_brings_back_every_byte(place: Path, tmp_path: Path, data: bytes, old: str, new: str) -> None:
    note = tmp_path / "note.txt"
    note.write_bytes(data)
    with Journal.open(place) as journal:
        replace(journal, note, old, new)
        after = note.read_bytes()
        assert after != data
        undo.undo(journal, FileTarget(note))
        assert note.read_bytes() == data
        undo.redo(journal, FileTarget(note))
        assert note.read_bytes() == after


LONG = "".join(f"This is line number {number} of the text.\n" for number in range(40))


@pytest.mark.parametrize(
    ("theirs", "old", "new"),
    [
        ("before", "line number 3 ", "line number THREE "),
        ("behind", "line number 38 ", "line number THIRTYEIGHT "),
    ],
)
def test_our_edit_is_undone_though_somebody_changed_another_place(
    journal: Journal, note: Path, theirs: str, old: str, new: str
) -> None:
    note.write_text(LONG)
    replace(journal, note, "number 20 of", "number twenty of")
    note.write_text(note.read_text().replace(old, new))
    (reverted,) = undo.undo(journal, FileTarget(note))
    assert note.read_text() == LONG.replace(old, new)
    assert reverted.moved == (theirs == "before")
    undo.redo(journal, FileTarget(note))
    assert note.read_text() == LONG.replace(old, new).replace("number 20 of", "number twenty of")


def test_a_change_between_our_changes_is_left_alone(journal: Journal, note: Path) -> None:
    note.write_text(LONG)
    edit = edit_of(
        (LONG.index("number 5 of") + 7, "5", "five"), (LONG.index("number 35 of") + 7, "35", "many")
    )
    say(journal, note, "Change it.", [edit])
    note.write_text(note.read_text().replace("number 20 of", "number twenty of"))
    undo.undo(journal, FileTarget(note))
    assert note.read_text() == LONG.replace("number 20 of", "number twenty of")


@pytest.mark.parametrize(
    "theirs",
    [
        "The quick blue fox\njumps over the lazy dog.\n",  # our own words
        "Something else.\n",
        "",
        "The slow red fox\nwalks to the red dog.\n",  # on both sides, so that our place is not certain
        "The quick red fox\njumps over the lazy dog.\n" * 2,  # which of the two is ours?
    ],
)
def test_undo_is_refused_when_our_place_was_changed(journal: Journal, note: Path, theirs: str) -> None:
    number = replace(journal, note, "brown", "red")
    note.write_text(theirs)
    with pytest.raises(TargetChanged, match=f"where utterance {number} had edited it"):
        undo.undo(journal, FileTarget(note))
    assert note.read_text() == theirs


def test_a_deletion_is_not_put_back_into_another_text(journal: Journal, note: Path) -> None:
    """What we deleted at the end stands nowhere: only the text around it can tell the place."""
    replace(journal, note, "jumps over the lazy dog.\n", "")
    note.write_text("Another text altogether, of about the same length.\n")
    with pytest.raises(TargetChanged):
        undo.undo(journal, FileTarget(note))


def test_undo_of_a_vanished_file_is_refused(journal: Journal, note: Path) -> None:
    replace(journal, note, "brown", "red")
    note.unlink()
    with pytest.raises(TargetMissing):
        undo.undo(journal, FileTarget(note))


def test_an_edit_of_a_changed_file_is_refused_and_remembered(journal: Journal, note: Path) -> None:
    target = FileTarget(note)
    version = target.snapshot().version
    utterance = journal.begin_utterance(target.name, "edit")
    journal.words(utterance, "Change brown to red.")
    note.write_text("Something else.\n")
    with pytest.raises(TargetChanged):
        undo.apply_edits(journal, target, utterance, [replacing(TEXT, "brown", "red")], expected=version)
    assert (journal.get(utterance).state, journal.get(utterance).reason) == ("not_applied", "target_changed")
    with pytest.raises(NothingToUndo):
        undo.undo(journal, target)


def test_an_edit_that_fails_while_writing_is_remembered_as_not_done(journal: Journal, note: Path) -> None:
    def fail(name: str) -> None:
        if name == "target.sync":
            raise OSError(28, "No space left on device")

    durable.set_fault_hook(fail)
    try:
        with pytest.raises(Exception, match="No space left"):
            replace(journal, note, "brown", "red")
    finally:
        durable.set_fault_hook(None)
    last = journal.last()
    assert last is not None
    assert (last.state, last.reason) == ("not_applied", "disk_full")
    assert last.checkpoint is not None
    assert last.checkpoint.standing == "not_applied"
    assert not recover(journal)


def test_without_a_journal_nothing_is_written(journal: Journal, note: Path) -> None:
    def fail(name: str) -> None:
        if name == "write.plan":
            raise sqlite3.OperationalError("disk I/O error")

    durable.set_fault_hook(fail)
    try:
        with pytest.raises(JournalUnavailable):
            replace(journal, note, "brown", "red")
    finally:
        durable.set_fault_hook(None)
    assert note.read_text() == TEXT


def test_a_journal_that_fails_after_the_edit_does_not_deny_it(place: Path, note: Path) -> None:
    def fail(name: str) -> None:
        if name == "write.settle":
            raise sqlite3.OperationalError("disk I/O error")

    with Journal.open(place) as journal:
        durable.set_fault_hook(fail)
        try:
            _, receipt = say(journal, note, "Change it.", [replacing(TEXT, "brown", "red")])
        finally:
            durable.set_fault_hook(None)
    assert receipt.state == "verified"
    assert any("next time" in sentence for sentence in receipt.notes)
    with Journal.open(place) as journal:
        assert recover(journal).done
        undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT


def test_two_writers_of_one_file_take_turns(place: Path, note: Path) -> None:
    with Journal.open(place, busy_timeout_s=0.1) as journal:
        with locks.writing(journal.store.lock_folder, FileTarget(note).name, timeout_s=1):
            with pytest.raises(JournalBusy, match=r"note\.txt"):
                replace(journal, note, "brown", "red")
            assert note.read_text() == TEXT
        replace(journal, note, "brown", "red")


texts = st.text(st.sampled_from("ab \n"), max_size=60)


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, list[tuple[str, list[tuple[int, str, str]]]]]:
    """A text and the edits made to it, each with the text it applies to."""
    text = start = draw(texts)
    edits = []
    for _ in range(draw(st.integers(1, 4))):
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
        changes, at = [], 0
        for begin, end in zip(cuts[::2], cuts[1::2], strict=False):
            if begin >= at and (begin > at or not changes):
                changes.append((begin, text[begin:end], draw(texts)))
                at = end
        edits.append((text, changes))
        text = edit_of(*changes).apply_to(Document(text, Selection(0, 0))).text
    return start, edits


@given(histories())
@settings(max_examples=300, deadline=None)
def test_edits_found_again_in_the_same_text_undo_and_redo_exactly(
    history: tuple[str, list[tuple[str, list[tuple[int, str, str]]]]],
) -> None:
    start, steps = history
    edits = [edit_of(*changes) for _, changes in steps]
    anchors = json.loads(json.dumps(relocate.anchors(start, edits)))
    assert edits_from_json(json.loads(json.dumps(edits_to_json(edits)))) == edits
    document = Document(start, edits[0].before)
    for edit in edits:
        document = edit.apply_to(document)
    back = relocate.to_undo(document.text, edits, anchors)
    assert back is not None
    assert back == [edit.inverse() for edit in reversed(edits)]
    again = relocate.to_redo(start, edits, anchors)
    assert again == edits


@given(histories(), texts, texts)
@settings(max_examples=300, deadline=None)
def test_undo_after_a_foreign_change_takes_back_only_what_is_ours(
    history: tuple[str, list[tuple[str, list[tuple[int, str, str]]]]], head: str, tail: str
) -> None:
    start, steps = history
    (text, changes) = steps[0]
    edit = edit_of(*changes)
    changed = edit.apply_to(Document(text, edit.before)).text
    back = relocate.to_undo(head + changed + tail, [edit], relocate.anchors(start, [edit]))
    if back is not None and changes:
        assert back[0].apply_to(Document(head + changed + tail, Selection(0, 0))).text == head + start + tail


# --- damage, versions, room ---------------------------------------------------------------------------------


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

    later = (*journal_schema.MIGRATIONS, "ALTER TABLE utterance ADD COLUMN letters INTEGER;", count_letters)
    db = journal_schema.connect(place, busy_timeout_s=1)
    journal_schema.migrate(db, place, later)
    journal_schema.migrate(db, place, later)
    assert db.execute("SELECT letters FROM utterance").fetchone()[0] == 6
    assert db.execute("PRAGMA user_version").fetchone()[0] == 3
    db.close()


def test_a_migration_that_fails_changes_nothing(place: Path) -> None:
    Journal.open(place).close()
    later = (*journal_schema.MIGRATIONS, "ALTER TABLE utterance ADD COLUMN x INTEGER;\nNONSENSE;")
    db = journal_schema.connect(place, busy_timeout_s=1)
    with pytest.raises(sqlite3.OperationalError):
        journal_schema.migrate(db, place, later)
    db.close()
    Journal.open(place).close()


def test_a_disk_too_full_for_a_new_journal_is_an_error_with_a_remedy(place: Path) -> None:
    code = (
        "import resource, sys, pathlib\n"
        "from voice_edit.errors import JournalUnavailable\n"
        "from voice_edit.journal import Journal\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))\n"
        "try: Journal.open(pathlib.Path(sys.argv[1]))\n"
        "except JournalUnavailable as error: print(error.hint)\n"
    )
    command = [sys.executable, "-c", code, place]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "Free some space" in done.stdout
    Journal.open(place).close()


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
    code = "import sys, voice_edit.journal, voice_edit.recovery, voice_edit.retention\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not {"numpy", "engine", "pydantic"} & set(loaded.stdout.split())
