"""What happens when output has nowhere to go, input is closed, and the command line makes no sense."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from running import ok, refused, rows, run

from voice_edit import pipeline, sessions
from voice_edit.cli import history, main
from voice_edit.cli.output import Output
from voice_edit.config import Paths
from voice_edit.journal.journal import Journal

TEXT = "The quick brown fox.\nThe lazy dog.\n"
SHELL = f"{sys.executable} -m voice_edit"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.md"
    path.write_text(TEXT, encoding="utf-8")
    return path


def shell(line: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a line of bash with `$1 $2 ...`; its exit code is the first failure of a pipe."""
    command = ["bash", "-o", "pipefail", "-c", line, "bash", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_edit_is_carried_out_to_its_end_when_nobody_reads_what_it_prints(notes: Path) -> None:
    done = shell(f'{SHELL} edit "$1" --say "change brown to red" "change lazy to busy" | true', notes)
    assert (done.returncode, done.stderr) == (0, "")
    assert notes.read_text(encoding="utf-8") == TEXT.replace("brown", "red").replace("lazy", "busy")


def test_a_result_that_nobody_reads_is_no_failure() -> None:
    done = shell(f"echo x | {SHELL} say insert y | true")
    assert (done.returncode, done.stderr) == (0, "")


def test_output_that_cannot_be_written_is_told_and_the_edit_stands(notes: Path) -> None:
    done = shell(f'{SHELL} edit "$1" --say "change brown to red" > /dev/full', notes)
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "red" in notes.read_text(encoding="utf-8")
    assert "Traceback" not in shell(f"echo | {SHELL} say insert y > /dev/full").stderr


def test_closed_streams_are_as_good_as_empty_ones(notes: Path) -> None:
    done = shell(f'{SHELL} edit "$1" --say "change brown to red" <&- >&- 2>&-', notes)
    assert done.returncode == 0
    assert "red" in notes.read_text(encoding="utf-8")
    assert shell(f"{SHELL} say insert hello <&-").stdout == "hello"


def test_a_terminal_that_knows_few_characters_gets_the_numbers_of_the_others(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    done = shell(f'{SHELL} edit "$1" --say "change brown to red"', notes)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"\u201cchange" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [("--nosuch", "--json"), ("undo", "x", "--json"), ("edit", "--json"), ("nosuch", "--json")],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_json_object_where_that_is_asked_for(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    told = json.loads(result.stderr)
    assert (told["error"], told["exit_code"]) == ("usage_error", 2)
    assert "--help" in told["hint"]


def test_a_fault_of_ours_is_no_traceback_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(sessions, "open_journal", broken)
    told = refused("log", code=1)
    assert "ZeroDivisionError: by nought" in told
    assert "--verbose" in told
    assert "Traceback" not in told
    assert json.loads(run("log", "--json").stderr)["error"] == "fault"
    assert "Traceback" in run("--verbose", "log").stderr


def test_control_characters_in_names_and_words_never_reach_the_terminal(notes: Path, tmp_path: Path) -> None:
    assert "\x1b" not in refused("transcribe", tmp_path / "e\x1b[31mvil.wav", code=3)
    result = run("edit", notes, "--dictate", "--say", "red \x1b[31m alert")
    assert "\x1b" not in result.stdout


def test_ctrl_c_is_said_and_has_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "understand", interrupted)
    assert "Interrupted" in refused("say", "insert x", code=130)
    assert json.loads(run("say", "insert x", "--json").stderr)["exit_code"] == 130


def test_on_a_narrow_terminal_the_log_still_shows_what_was_said(notes: Path) -> None:
    ok("edit", notes, "--say", "change brown to red")
    records = _journal().log()
    output = Output()
    output.out = Console(file=io.StringIO(), width=40, force_terminal=True, color_system=None)
    output.result({}, history._table(records, output))
    assert isinstance(output.out.file, io.StringIO)
    shown = output.out.file.getvalue()
    assert "change brown to red" in shown
    assert "applied" in shown
    assert all(len(line) <= 40 for line in shown.splitlines())


def test_a_file_whose_name_is_no_text_can_be_undone_and_is_named_readably(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"a\nb\xff.md")
    odd.write_text(TEXT, encoding="utf-8")
    ok("edit", odd, "--say", "change brown to red")
    assert "bytes:" not in ok("log")
    ok("undo")
    assert odd.read_text(encoding="utf-8") == TEXT
    ok("retry", "1")
    assert "red" in odd.read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [("log",), ("retry",)], ids=" ".join)
def test_a_number_beyond_all_numbers_is_no_utterance(arguments: tuple[str, ...]) -> None:
    assert "no utterance" in refused(*arguments, 10**20, code=7)


def test_a_limit_beyond_all_numbers_shows_everything(notes: Path) -> None:
    ok("edit", notes, "--say", "change brown to red")
    assert len(rows("log", "--limit", 10**20)) == 1


def _journal() -> Journal:
    return Journal.open(Paths.from_environment().journal)


def test_ctrl_c_before_any_verb_has_begun_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.argv", ["voice-edit", "log"])
    monkeypatch.setattr("voice_edit.cli.app.program", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "error: Interrupted.\n"
