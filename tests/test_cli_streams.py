"""What happens when output has nowhere to go, input is closed, and the command line makes no sense."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from running import refused, run

from voice_edit import sessions

TEXT = "The quick brown fox.\nThe lazy dog.\n"
PROGRAM = [sys.executable, "-m", "voice_edit"]
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


def test_a_listing_ends_quietly_when_nobody_reads_on(notes: Path) -> None:
    done = shell(f"yes x | head -c 400000 | {SHELL} say insert y | head -c 1")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
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


def test_ctrl_c_before_anything_was_done_is_said_and_has_its_exit_code(notes: Path) -> None:
    fifo = notes.with_name("input")
    os.mkfifo(fifo)
    with subprocess.Popen(
        [*PROGRAM, "say", "insert", "x"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as it:
        assert it.stdin is not None
        assert it.stderr is not None
        _wait_until_reading(it.pid)
        it.send_signal(signal.SIGINT)
        assert b"error: Interrupted." in it.stderr.read()
        assert it.wait() == 130


def _wait_until_reading(pid: int) -> None:
    """Until the process sleeps in a read of its standard input; Linux tells."""
    import time

    for _ in range(2000):
        call = Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()
        if call[:2] == ["0", "0x0"]:
            return
        time.sleep(0.01)
    raise AssertionError("it never read its input")
