"""The journal remembers what was said, to the last sample, and gives it back."""

from __future__ import annotations

import json
import os
import stat
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from history import TEXT, replacing, tone

from voice_edit import undo
from voice_edit.edit_json import edits_from_json
from voice_edit.errors import (
    AudioGone,
    JournalUnavailable,
    NoMatch,
    UtteranceMissing,
    VoiceEditError,
)
from voice_edit.journal import audio_store
from voice_edit.journal.journal import Journal
from voice_edit.journal.recovery import recover
from voice_edit.targets.file import FileTarget

ROOT = Path(__file__).parent.parent


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


def test_the_log_can_be_searched_whatever_the_capitals(journal: Journal) -> None:
    said = ["Delete 100% of it.", "Größe und ÄPFEL", "It_em", "delete it", None]
    for words in said:
        utterance = journal.begin_utterance("/a", "edit")
        if words is not None:
            journal.words(utterance, words)

    def found(search: str) -> list[int]:
        return [record.id for record in journal.log(search=search)]

    assert found("DELETE") == [4, 1]
    assert found("äpfel") == [2]
    assert found("GRÖSSE") == [2]
    assert found("%") == [1]
    assert found("t_e") == [3]
    assert found("\\") == []
    assert found("") == [5, 4, 3, 2, 1]


def test_the_log_can_be_read_page_by_page(journal: Journal) -> None:
    for number in range(7):
        journal.words(journal.begin_utterance("/a" if number % 2 else "/b", "edit"), f"Word {number}.")
    pages, before = [], None
    while page := [record.id for record in journal.log(limit=3, before=before)]:
        pages.append(page)
        before = page[-1]
    assert pages == [[7, 6, 5], [4, 3, 2], [1]]
    assert [r.id for r in journal.log(target="/a", search="word", before=5)] == [4, 2]
    assert journal.log(before=-(1 << 70)) == []
    assert len(journal.log(before=1 << 70)) == 7


def test_a_recording_in_which_nothing_was_said_can_be_forgotten(journal: Journal) -> None:
    take = journal.begin_take("dictate")
    take.record(tone(16_000))
    assert journal.forget_take(take)
    assert not take.path.exists()
    kept = journal.begin_take("dictate")
    kept.record(tone(16_000))
    utterance = journal.begin_utterance("/a", "dictate", take=kept, start_sample=0, end_sample=16_000)
    assert not journal.forget_take(kept)
    assert journal.audio(utterance).path.exists()
    assert not recover(journal)


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


def test_many_who_open_a_new_journal_in_the_same_moment_all_get_it(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def open_and_close(place: Path, together: threading.Barrier) -> None:
        together.wait()
        try:
            Journal.open(place, busy_timeout_s=30).close()
        except VoiceEditError as error:
            failures.append(error)

    for number in range(40):
        together = threading.Barrier(4)
        place = tmp_path / str(number) / "journal.sqlite3"
        threads = [threading.Thread(target=open_and_close, args=(place, together)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures


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

    monkeypatch.setattr("voice_edit.journal.audio_store.os.pwrite", full)
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


def test_what_was_decided_is_kept_by_topic_beside_the_words(journal: Journal) -> None:
    utterance = journal.begin_utterance("notes.md", "dictate")
    assert journal.get(utterance).why is None
    journal.words(utterance, "Meet me.", why={"weak": True})
    journal.why(utterance, "rewriting", "refused")
    journal.why(utterance, "rewriting", ["done", "é"])
    record = journal.get(utterance)
    assert record.why == {"hearing": {"weak": True}, "rewriting": ["done", "é"]}
    assert record.to_json()["why"] == record.why
    assert record.words == "Meet me."
