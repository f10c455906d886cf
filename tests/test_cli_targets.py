"""The verbs that look back, when what was said went into another program's text or to the clipboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon_running import running_daemon
from fake_desktop import FakeDesktop
from memory_target import Field, practice
from running import ok, refused, rows

from voice_edit.editing import Editing
from voice_edit.errors import NoMatch, RemoteFailure
from voice_edit.journal.journal import Journal
from voice_edit.paths import Paths
from voice_edit.targets.clipboard import ClipboardTarget


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A file that was edited once, before anything else."""
    path = tmp_path / "notes.md"
    path.write_text("The quick brown fox.\n")
    ok("edit", path, "--say", "change brown to red")
    return path


@pytest.fixture
def pad(notes: Path) -> Field:
    """A field of another program that was edited last."""
    field = Field("One two.\n")
    with Journal.open(Paths.from_environment().journal) as journal:
        editing = Editing(practice(field), journal)
        editing.say("change two to three", mode="edit")
        with pytest.raises(NoMatch):
            editing.say("delete the word giraffe", mode="edit")
    return field


def test_undo_without_a_file_does_not_undo_something_older_instead(notes: Path, pad: Field) -> None:
    told = refused("undo", code=5)
    assert "“practice”" in told
    assert "voice-edit undo --file FILE" in told
    assert notes.read_text() == "The quick red fox.\n"
    ok("undo", "--file", notes)
    assert notes.read_text() == "The quick brown fox.\n"
    assert pad.text == "One three.\n"


def test_redo_of_what_was_undone_in_a_file_still_finds_it(notes: Path, pad: Field) -> None:
    ok("undo", "--file", notes)
    ok("redo")
    assert notes.read_text() == "The quick red fox.\n"


def test_what_went_to_the_clipboard_is_no_edit_that_undo_would_mean(notes: Path) -> None:
    with Journal.open(Paths.from_environment().journal) as journal:
        Editing(ClipboardTarget(lambda text: True), journal).say("Words.", mode="dictate")
    ok("undo")
    assert notes.read_text() == "The quick brown fox.\n"


def test_a_retry_of_what_was_meant_for_a_program_names_the_words_and_the_way(notes: Path, pad: Field) -> None:
    told = refused("retry", "3", code=5)
    assert "“delete the word giraffe”" in told
    assert "“practice”" in told
    assert "voice-edit retry 3 --file FILE" in told
    notes.write_text("A giraffe eats.\n")
    ok("retry", "3", "--file", notes)
    assert notes.read_text() == "A eats.\n"


def test_the_log_shows_where_words_went_that_went_to_no_file(pad: Field) -> None:
    assert "“practice”" in ok("log")
    assert "field:" in ok("log", "3")
    assert rows("log", "3")[0]["target"] == "client:practice"


def test_the_log_of_a_file_that_is_gone_can_still_be_read(notes: Path) -> None:
    notes.unlink()
    assert [row["words"] for row in rows("log", "--file", notes)] == ["change brown to red"]


# --- with a daemon that reaches it ---


def test_undo_and_redo_without_a_file_reach_the_field_that_was_edited_last(notes: Path) -> None:
    desk = FakeDesktop()
    with running_daemon(desktop=desk.desktop) as daemon:
        daemon.ask("say", words="Hello there.", mode="dictate")
        desk.becomes(ref=":1.9/1", role="terminal")  # in which somebody types
        shown = ok("undo")
        assert "Hello there." in shown
        assert desk.field.text == ""
        (row,) = rows("redo")
        assert desk.field.text == "Hello there."
    assert (row["words"], row["receipt"]["state"]) == ("Hello there.", "verified")
    assert row["target"].startswith("field:notes#")
    assert notes.read_text() == "The quick red fox.\n"


def test_retry_reaches_the_field_that_the_words_were_meant_for() -> None:
    desk = FakeDesktop()
    with running_daemon(desktop=desk.desktop) as daemon:
        desk.field.put(0, 0, "See you.")
        with pytest.raises(RemoteFailure):
            daemon.ask("say", words="replace Tuesday with Wednesday")
        desk.field.put(0, 8, "See you on Tuesday.")
        desk.becomes(ref=":1.9/1", role="terminal")
        ok("retry", "1")
        assert desk.field.text == "See you on Wednesday."


def test_words_that_went_to_the_clipboard_go_there_again() -> None:
    desk = FakeDesktop(element=None, window=None)
    with running_daemon(desktop=desk.desktop) as daemon:
        daemon.ask("say", words="Hello there.", mode="dictate")
        desk.clipboard_text = "something else"
        ok("retry", "1", "--again")
    assert desk.clipboard_text == "Hello there."
