"""`voice-edit rewrite` and rewrites in `voice-edit edit`, from the command line to the file."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from writers import ScriptedWriter

from engine.writer import Writer
from voice_edit.cli.app import app
from voice_edit.cli.output import Output
from voice_edit.cli.terminal_asker import TerminalAsker
from voice_edit.errors import Ambiguous, Choice
from voice_edit.rewriting import opening

USAGE, NOT_DONE = 2, 6
TEXT = "We gonna go.\n\nBring 2 maps.\n"


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> ScriptedWriter:
    """Nobody but this one writes."""
    scripted = ScriptedWriter()
    found: Callable[[Any], Writer] = lambda _: scripted  # noqa: E731
    monkeypatch.setattr(opening.OwnWriter, "__call__", found)
    return scripted


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.md"
    path.write_text(TEXT)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_file_is_rewritten_shown_as_a_diff_and_undone(note: Path, writer: ScriptedWriter) -> None:
    writer.answers.append("We are going to go.")
    done = run("rewrite", str(note), "--style", "formal", "--place", "the first paragraph")
    assert done.exit_code == 0, done.output
    assert note.read_text() == TEXT.replace("gonna", "are going to")
    assert "+ We are going to go." in done.output
    assert writer.requests[0].style == "Formal"
    assert run("undo").exit_code == 0
    assert note.read_text() == TEXT


def test_a_language_and_free_words_reach_the_writer(note: Path, writer: ScriptedWriter) -> None:
    writer.answers += ["Wir gehen.\n\nBring 2 Karten mit.", "Go we? Maps bring we?"]
    assert run("rewrite", str(note), "--to", "Deutsch").exit_code == 0
    assert "into German" in writer.requests[0].messages[-1].text.splitlines()[-1]
    assert run("rewrite", str(note), "--ask", "turn it into a question").exit_code == 0
    assert writer.requests[1].messages[-1].text.endswith("turn it into a question")


@pytest.mark.parametrize(
    "arguments",
    [[], ["--style", "formal", "--to", "German"], ["--style", "loud"], ["--style", "Translate"],
     ["--to", "Klingonish"], ["--style", "formal", "--place", "..."]],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_before_anything_is_opened(
    note: Path, writer: ScriptedWriter, arguments: list[str]
) -> None:
    done = run("rewrite", str(note), *arguments)
    assert done.exit_code == USAGE, done.output
    assert "For example" in done.output or "The styles are" in done.output or "--ask" in done.output
    assert note.read_text() == TEXT


def test_a_doubtful_answer_changes_nothing_where_nobody_can_be_asked(
    note: Path, writer: ScriptedWriter
) -> None:
    writer.answers.append("We gonna go.\n\nBring 3 maps.")
    done = run("rewrite", str(note), "--style", "formal", "--json")
    assert done.exit_code == NOT_DONE
    error = json.loads(done.stderr.splitlines()[-1])
    assert error["error"] == "rewrite_refused"
    assert "(3)" in error["message"]
    assert note.read_text() == TEXT


def test_edit_rewrites_what_is_said_in_words(note: Path, writer: ScriptedWriter) -> None:
    writer.answers.append("- Bring 2 maps")
    done = run("edit", str(note), "--say", "rewrite the last paragraph as key points")
    assert done.exit_code == 0, done.output
    assert note.read_text() == "We gonna go.\n\n- Bring 2 maps\n"


# --- questions in the terminal ------------------------------------------------------------------------------


class Typed(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("n\n", False), ("what\nyes\n", True), ("", False)]
)
def test_a_yes_is_typed_and_everything_else_is_none(
    monkeypatch: pytest.MonkeyPatch, typed: str, answer: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(typed))
    asker = TerminalAsker(Output())
    assert asker.is_there()
    assert asker.confirm("old", "new", ()) is answer


def test_a_place_is_chosen_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Typed("2\n"))
    places = Ambiguous("two places", choices=(Choice(0, 1, "a"), Choice(2, 3, "b")))
    assert TerminalAsker(Output()).choose(places) == 1


def test_nobody_is_asked_without_a_terminal_or_with_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    assert not TerminalAsker(Output()).is_there()
    assert not TerminalAsker(Output()).confirm("old", "new", ())
    monkeypatch.setattr(sys, "stdin", Typed("y\n"))
    assert not TerminalAsker(Output(as_json=True)).is_there()
