"""`voice-edit edit` and the verbs that look back: undo, redo, log, retry, recover."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fakes import ScriptedEngine
from running import ok, refused, rows, run

from engine.errors import DecodeFailed
from voice_edit import pipeline

TEXT = "The quick brown fox.\nThe lazy dog.\n"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    scripted = ScriptedEngine()
    monkeypatch.setattr(pipeline, "open_model", lambda settings, paths: scripted)
    return scripted


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.md"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_words_edit_the_file_and_the_diff_is_printed(notes: Path) -> None:
    out = ok("edit", notes, "--say", "change brown to red")
    assert notes.read_text(encoding="utf-8") == TEXT.replace("brown", "red")
    assert "- The quick brown fox." in out
    assert "+ The quick red fox." in out


def test_several_utterances_are_carried_out_in_turn(notes: Path) -> None:
    first, second = rows("edit", notes, "--say", "change brown to red", "change lazy to busy")
    assert notes.read_text(encoding="utf-8") == TEXT.replace("brown", "red").replace("lazy", "busy")
    assert first["receipt"]["state"] == second["receipt"]["state"] == "verified"


def test_an_utterance_that_fits_nowhere_changes_nothing_and_the_next_is_carried_out(notes: Path) -> None:
    result = run("edit", notes, "--say", "change purple to red", "change lazy to busy")
    assert result.exit_code == 6
    assert "purple" in result.stderr
    assert notes.read_text(encoding="utf-8") == TEXT.replace("lazy", "busy")


def test_dictated_imperatives_are_inserted_and_never_obeyed(notes: Path) -> None:
    ok("edit", notes, "--dictate", "--say", "Delete everything.")
    text = notes.read_text(encoding="utf-8")
    assert text.startswith(TEXT.rstrip("\n"))
    assert "Delete everything." in text


def test_the_caret_is_remembered_from_one_run_to_the_next(notes: Path) -> None:
    ok("edit", notes, "--say", "go to the end of the first line")
    ok("edit", notes, "--dictate", "--say", "It runs.")
    assert notes.read_text(encoding="utf-8").splitlines()[0] == "The quick brown fox. It runs."


def test_where_the_caret_went_is_shown(notes: Path) -> None:
    assert "The lazy <>dog." in ok("edit", notes, "--say", "go to the word dog")
    assert "The [lazy] dog." in ok("edit", notes, "--say", "select the word lazy")


def test_what_was_inserted_last_is_remembered_from_one_run_to_the_next(notes: Path) -> None:
    ok("edit", notes, "--say", "insert on Tuesday after fox")
    ok("edit", notes, "--say", "I meant Wednesday")
    assert notes.read_text(encoding="utf-8").splitlines()[0] == "The quick brown fox on Wednesday."


def test_recordings_are_heard_carried_out_and_kept(
    engine: ScriptedEngine, notes: Path, samples: Path, voice_edit_home: Path
) -> None:
    engine.enqueue("Change brown to red.", "Change lazy to busy.")
    first, second = rows("edit", notes, "--audio", samples / "01-change.wav", samples / "02-heading.wav")
    assert notes.read_text(encoding="utf-8") == TEXT.replace("brown", "red").replace("lazy", "busy")
    kept = [row["audio"]["path"] for row in rows("log")]
    assert len(set(kept)) == 2
    assert all(Path(path).is_relative_to(voice_edit_home) for path in kept)
    assert [first["words"], second["words"]] == ["Change brown to red.", "Change lazy to busy."]


def test_a_wrong_recording_among_several_is_found_before_anything_is_edited(
    engine: ScriptedEngine, notes: Path, samples: Path, tmp_path: Path
) -> None:
    refused("edit", notes, "--audio", samples / "01-change.wav", tmp_path / "missing.wav", code=3)
    assert notes.read_text(encoding="utf-8") == TEXT


def test_a_model_that_fails_writes_nothing_and_the_recording_can_be_retried(
    engine: ScriptedEngine, notes: Path, samples: Path
) -> None:
    engine.enqueue(DecodeFailed("llama.cpp refused a batch"))
    refused("edit", notes, "--audio", samples / "01-change.wav", code=4)
    assert notes.read_text(encoding="utf-8") == TEXT
    (row,) = rows("log")
    assert (row["words"], row["reason"]) == (None, "model_failed")
    engine.enqueue("Change brown to red.")
    ok("retry", row["id"])
    assert "red" in notes.read_text(encoding="utf-8")


def test_spoken_stop_ends_the_run(engine: ScriptedEngine, notes: Path) -> None:
    ok("edit", notes, "--say", "stop listening", "change brown to red")
    assert notes.read_text(encoding="utf-8") == TEXT


def test_either_recordings_or_words_must_be_given(notes: Path) -> None:
    refused("edit", notes, "more words", code=2)
    refused("edit", notes, "--say", "undo", "--audio", "x.wav", code=2)
    refused("edit", notes, "--say", "undo", "--watch", code=2)


@pytest.mark.parametrize("kind", ["missing", "folder", "binary", "latin1", "read_only"])
def test_a_file_that_cannot_be_edited_is_refused_with_a_remedy(
    notes: Path, tmp_path: Path, kind: str
) -> None:
    path = notes
    match kind:
        case "missing":
            path = tmp_path / "gone.md"
        case "folder":
            path = tmp_path
        case "binary":
            path.write_bytes(b"\x7fELF\x00\x01\x02" * 20)
        case "latin1":
            path.write_bytes("größer".encode("latin-1"))
        case "read_only":
            path = Path("/proc/version")
    before = path.read_bytes() if path.is_file() else None
    message = refused("edit", path, "--say", "change brown to red", code=5)
    assert path.name in message
    assert (path.read_bytes() if path.is_file() else None) == before


# --- looking back --------------------------------------------------------------------------------


def test_undo_and_redo_work_in_later_runs_without_naming_the_file(notes: Path) -> None:
    ok("edit", notes, "--say", "change brown to red", "change lazy to busy")
    edited = notes.read_text(encoding="utf-8")
    assert "lazy" in ok("undo")
    ok("undo")
    assert notes.read_text(encoding="utf-8") == TEXT
    refused("undo", code=6)
    assert [row["redone"] for row in rows("redo", "5")] == [1, 2]
    assert notes.read_text(encoding="utf-8") == edited


def test_a_spoken_undo_reaches_back_beyond_this_run(notes: Path) -> None:
    ok("edit", notes, "--say", "change brown to red")
    (row,) = rows("edit", notes, "--say", "undo that")
    assert row["reverted"] == [1]
    assert notes.read_text(encoding="utf-8") == TEXT


def test_undo_in_a_file_leaves_other_files_alone(notes: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text(TEXT, encoding="utf-8")
    ok("edit", notes, "--say", "change brown to red")
    ok("edit", other, "--say", "change brown to red")
    ok("undo", "--file", notes)
    assert (notes.read_text(encoding="utf-8") == TEXT, other.read_text(encoding="utf-8") == TEXT) == (
        True,
        False,
    )


def test_the_log_tells_what_became_of_everything_that_was_said(notes: Path) -> None:
    run("edit", notes, "--say", "change brown to red", "change purple to red")
    lines = [line.split("\t") for line in ok("log").splitlines()]
    assert [(line[0], line[2], line[5]) for line in lines] == [
        ("2", "not applied", "change purple to red"),
        ("1", "applied", "change brown to red"),
    ]
    ok("undo")
    assert rows("log", "1")[0]["standing"] == "undone"
    assert "purple" in ok("log", "2")
    refused("log", "99", code=7)


def test_retry_applies_again_what_failed_before(notes: Path) -> None:
    run("edit", notes, "--say", "change purple to red")
    notes.write_text(TEXT.replace("brown", "purple"), encoding="utf-8")
    (row,) = rows("retry", "1")
    assert row["utterance"] == 2
    assert notes.read_text(encoding="utf-8") == TEXT.replace("brown", "red")


def test_retry_of_what_is_applied_already_asks_first(notes: Path) -> None:
    ok("edit", notes, "--say", "duplicate the last line")
    refused("retry", "1", code=2)
    ok("retry", "1", "--again")
    assert notes.read_text(encoding="utf-8").count("lazy dog") == 3


def test_a_recording_is_heard_again_with_retry(engine: ScriptedEngine, notes: Path, samples: Path) -> None:
    engine.enqueue("Change crown to red.", "Change brown to red.")
    assert run("edit", notes, "--audio", samples / "01-change.wav").exit_code == 6
    ok("retry", "1")
    assert "red" in notes.read_text(encoding="utf-8")
    assert rows("log", "2")[0]["retry_of"] == 1
    first, second = engine.frames_heard
    assert abs(first - second) <= 1


def test_a_recording_of_noise_inserts_nothing_and_is_in_the_log(
    engine: ScriptedEngine, notes: Path, tmp_path: Path
) -> None:
    import numpy as np
    import soundfile

    noise = np.random.default_rng(1).standard_normal(48_000) * 0.02
    soundfile.write(tmp_path / "noise.wav", noise, 16_000)
    refused("edit", notes, "--dictate", "--audio", tmp_path / "noise.wav", code=3)
    assert notes.read_text(encoding="utf-8") == TEXT
    assert rows("log")[0]["state"] == "rejected"


def test_recover_says_when_nothing_is_to_be_done() -> None:
    assert ok("recover") == "Nothing was left unfinished.\n"


def test_an_error_with_json_is_one_object_on_stderr(notes: Path) -> None:
    result = run("edit", notes, "--say", "change purple to red", "--json")
    error = json.loads(result.stderr)
    assert (error["error"], error["exit_code"], result.exit_code) == ("no_match", 6, 6)
    assert error["hint"]


def test_a_pipe_is_no_file_to_edit(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refused("edit", tmp_path / "pipe", "--say", "new line", code=5)


def test_of_several_places_each_choice_shows_which_it_is(notes: Path) -> None:
    notes.write_text("The fox and the fox.", encoding="utf-8")
    told = refused("edit", notes, "--say", "delete fox", code=6)
    assert "1. The [fox] and the fox. 2. The fox and the [fox]." in told


def test_what_was_not_heard_yet_cannot_be_retried_by_its_words(
    engine: ScriptedEngine, notes: Path, samples: Path
) -> None:
    engine.enqueue(KeyboardInterrupt())
    refused("edit", notes, "--audio", samples / "01-change.wav", code=130)
    assert "no words yet. next: Hear it: voice-edit retry 1" in refused("retry", 1, "--words", code=2)
    engine.enqueue("Change brown to red.")
    ok("retry", 1)
    assert "red" in notes.read_text(encoding="utf-8")
