"""The verbs that talk to the daemon: status, watch, talk, stop, and `edit FILE` through the microphone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fake_daemon
import pytest
from fake_daemon import FakeDaemon, running_daemon
from running import ok, refused, rows, run
from terminal import Terminal

from voice_edit.cli import requests
from voice_edit.cli.live_line import LiveLine, Now
from voice_edit.cli.output import Output
from voice_edit.cli.questions import read_answer
from voice_edit.control import protocol as p
from voice_edit.control import starting
from voice_edit.control.client import ControlClient
from voice_edit.errors import (
    Ambiguous,
    DaemonNotRunning,
    DaemonStartFailed,
    NoMatch,
    TargetMissing,
)
from voice_edit.paths import Paths

TEXT = "The quick brown fox.\nThe lazy dog.\n"


@pytest.fixture
def daemon() -> Iterator[FakeDaemon]:
    with running_daemon(Paths.from_environment().socket) as running:
        yield running


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.md"
    path.write_text(TEXT, encoding="utf-8")
    return path


def outcome(notes: Path, words: str, old: str, new: str, **more: Any) -> dict[str, Any]:
    """The event of an utterance that was carried out."""
    return {
        "utterance": 7,
        "mode": "edit",
        "words": words,
        "commands": [{"kind": "replace"}],
        "compact": f'replace "{old}" with "{new}"',
        "changes": [{"start": TEXT.index(old), "old": old, "new": new}],
        "before": TEXT,
        "after": TEXT.replace(old, new),
        "receipt": {"state": "verified", "notes": []},
        "target": str(notes),
        "timing": {"first_token_ms": 120.0, "final_ms": 180.0, "applied_ms": 195.0, "audio_ms": 1500.0},
        **more,
    }


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Something that happens while the command line runs; its failure is ours."""
    failures: list[BaseException] = []

    def careful() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)
            os.kill(os.getpid(), signal.SIGINT)  # what would wait for us for ever

    thread = threading.Thread(target=careful)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failures:
        raise failures[0]


# --- nobody there -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("watch",), ("toggle",), ("cancel",), ("stop",), ("stop", "--daemon"), ("talk", "start")],
    ids=" ".join,
)
def test_without_a_daemon_every_verb_says_how_to_start_it(arguments: tuple[str, ...]) -> None:
    assert "voice-edit run" in refused(*arguments, code=8)
    error = json.loads(run(*arguments, "--json").stderr)
    assert (error["error"], error["exit_code"]) == ("daemon_not_running", 8)


# --- status -------------------------------------------------------------------------------------------------


def test_status_shows_what_runs_for_people_and_for_scripts(daemon: FakeDaemon) -> None:
    daemon.status |= {
        "stage": "listening",
        "mode": "edit",
        "uptime_s": 8000.0,
        "counters": {"utterances": 3, "applied": 2, "failed": 1},
        "engine": {"state": "ready", "name": "bundled", "pid": 12, "rss_bytes": 200 << 20, "restarts": 1},
        "microphone": {
            "state": "open",
            "device": "Headset",
            "dropped_samples": 1600,
            "problem": {"code": "muted", "message": "It is muted.", "hint": "Unmute it."},
        },
    }
    shown = ok("status")
    for part in (
        "listening (edit)", "Headset", "100 ms of sound lost", "! It is muted.\n              Unmute it.",
        "ready · bundled · 200 MB",
        "restarted 1 time", "<ctrl>+<alt>+e edits", "up 2 h 13 min", "3 utterances: 2 applied, 1 failed",
    ):  # fmt: skip
        assert part in shown
    (found,) = rows("status")
    assert found == {**daemon.status, "clients": 1}


@pytest.mark.parametrize(
    ("mechanism", "shown"),
    [("accessibility", "mousepad · accessibility"), (None, "mousepad · nothing is written there")],
)
def test_status_says_how_a_field_would_be_written_to_and_why(
    daemon: FakeDaemon, mechanism: str | None, shown: str
) -> None:
    here = {"kind": "field", "name": "field:mousepad#1", "title": "mousepad", "why": "It is so."}
    daemon.status["target"] = here | {"mechanism": mechanism}
    lines = ok("status").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("target"))
    assert lines[at].endswith(shown)
    assert lines[at + 1].strip() == "It is so."


def test_without_talk_keys_status_names_the_way_that_works(daemon: FakeDaemon) -> None:
    problem = {"code": "no_display", "message": "There is no display.", "hint": "Log in to a desktop."}
    daemon.status["hotkeys"] = {"backend": None, "problem": problem}
    shown = ok("status")
    assert "voice-edit talk toggle" in shown
    assert "There is no display." in shown


# --- talking ------------------------------------------------------------------------------------------------


def test_talking_by_command_starts_and_stops_and_may_be_repeated(daemon: FakeDaemon, notes: Path) -> None:
    assert ok("talk", "start", "--mode", "edit", "--file", notes) == "listening (edit)\n"
    assert ok("talk", "start") == "listening (edit)\n"
    assert ok("talk", "stop") == ok("talk", "stop") == "idle\n"
    assert ok("toggle") == "listening (dictate)\n"
    assert ok("cancel") == "idle\n"
    assert rows("talk", "toggle", "--mode=edit")[0]["mode"] == "edit"
    assert ok("stop") == "idle\n"
    assert daemon.commands == [
        p.TalkStart(mode="edit", target=p.FileRef(str(notes))), p.TalkStart(mode="dictate"),
        p.TalkStop(), p.TalkStop(), p.TalkToggle(mode="dictate"), p.TalkCancel(), p.TalkToggle(mode="edit"),
        p.TalkStop(),
    ]  # fmt: skip


def test_a_file_is_named_as_the_daemon_can_find_it(
    daemon: FakeDaemon, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notes.parent)
    ok("talk", "start", "--file", "notes.md")
    ok("talk", "stop")
    odd = os.fsdecode(b"n\xff.md")
    ok("talk", "toggle", "--file", odd)
    files = [command.target.file for command in daemon.commands if getattr(command, "target", None)]
    assert files == [str(notes), str(notes.parent / odd)]


def test_what_the_daemon_refuses_is_told_with_its_exit_code(daemon: FakeDaemon) -> None:
    daemon.on("talk.start", TargetMissing("There is no file x.md."))
    assert "no file x.md" in refused("talk", "start", "--file", "x.md", code=5)
    error = json.loads(run("talk", "start", "--json").stderr)
    assert (error["error"], error["exit_code"]) == ("target_missing", 5)


@pytest.mark.parametrize(
    "line",
    ["status", "status --json", "toggle", "cancel", "stop", "stop --json", "talk stop", "talk start --json",
     "talk start --mode edit", "talk toggle --mode=dictate --file=a.md",
     "toggle --file a.md --mode edit --json"],
)  # fmt: skip
def test_the_quick_way_asks_for_the_same_as_the_long_one(
    daemon: FakeDaemon, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert requests.quickly(line.split()) == 0
    quick_out = capsys.readouterr().out
    quick = daemon.commands.copy()
    daemon.commands.clear()
    if "toggle" in line:
        ok("talk", "cancel")
        daemon.commands.clear()
    long_out = ok(*line.split())
    assert daemon.commands == quick
    if "start" not in line:
        assert long_out == quick_out


@pytest.mark.parametrize(
    "line",
    ["", "--help", "status --help", "status x", "talk", "talk start --mode", "talk start --mode sing",
     "talk start --mode --json", "talk stop --mode edit", "cancel --file a", "stop --daemon", "-v status",
     "talk dance", "log", "edit notes.md", "talk start --file=", "toggle -h"],
)  # fmt: skip
def test_everything_else_is_left_to_the_long_way(line: str) -> None:
    assert requests.read_arguments(line.split()) is None


def test_the_quick_way_fails_as_the_long_one_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert requests.quickly(["status"]) == 8
    assert "voice-edit run" in capsys.readouterr().err
    assert requests.quickly(["toggle", "--json"]) == 8
    assert json.loads(capsys.readouterr().err)["error"] == "daemon_not_running"


def test_stop_with_daemon_ends_it_and_waits_for_its_end(daemon: FakeDaemon) -> None:
    assert ok("stop", "--daemon") == "stopped\n"
    refused("status", code=8)


# --- watch --------------------------------------------------------------------------------------------------


def test_watch_prints_what_happens_and_ends_with_the_daemon(daemon: FakeDaemon, notes: Path) -> None:
    def happen() -> None:
        daemon.wait_for(lambda: daemon.asked(p.Status))
        daemon.publish("stage", stage="listening", mode="edit", take=1)
        for number in range(100):
            daemon.publish("level", rms_dbfs=-30.0, sample=number)
        daemon.publish("partial", text="change brown")
        daemon.publish("words", text="Change brown to red.")
        daemon.publish("outcome", **outcome(notes, "Change brown to red.", "brown", "red"))
        daemon.publish("rejected", reason="no-speech", message="Nothing was said.", hint="Speak louder.")
        daemon.publish("notice", level="warning", code="x", message="The engine was restarted.")
        daemon.publish("failed", words="x", error=NoMatch("“purple” is not there.").to_json())
        daemon.stop()

    with meanwhile(happen):
        result = run("watch")
    assert result.exit_code == 0
    for part in (
        "“Change brown to red.”", "- The quick brown fox.", "+ The quick red fox.",
        "Nothing was said. Speak louder.",
        "The engine was restarted.", "first word 120 ms, all words 180 ms, applied 195 ms",
    ):  # fmt: skip
        assert part in result.stdout
    assert "purple" in result.stderr
    assert "The daemon has ended the connection: stopped." in result.stderr
    assert "\x1b" not in result.output


def test_watch_as_json_is_one_event_a_line_without_questions(daemon: FakeDaemon) -> None:
    def happen() -> None:
        daemon.wait_for(lambda: daemon.server.wanted("level"))
        assert not daemon.server.wanted("ask")  # nobody here could answer
        daemon.publish("level", rms_dbfs=-30.0)
        daemon.publish("words", text="hello")
        daemon.stop()

    with meanwhile(happen):
        told = rows("watch")
    assert [event["event"] for event in told] == ["hello", "level", "words", "bye"]


def test_watch_may_be_asked_for_some_events_only(daemon: FakeDaemon) -> None:
    def happen() -> None:
        daemon.wait_for(lambda: daemon.server.wanted("words"))
        daemon.publish("level", rms_dbfs=-30.0)
        daemon.publish("words", text="hello")
        daemon.stop()

    with meanwhile(happen):
        told = rows("watch", "--events", "words, stage")
    assert [event["event"] for event in told] == ["hello", "words", "bye"]
    with running_daemon(daemon.path):
        assert "There is no event 'sunrise'" in refused("watch", "--events", "sunrise", code=2)


def test_watch_on_a_terminal_has_one_line_that_changes_and_a_title(daemon: FakeDaemon, notes: Path) -> None:
    with Terminal("watch") as terminal:
        daemon.wait_for(lambda: daemon.asked(p.Status))
        daemon.publish("stage", stage="listening", mode="edit", take=1)
        terminal.until("listening (edit)")
        daemon.publish("level", rms_dbfs=-12.0, is_speech=True)
        terminal.until("█")
        daemon.publish("partial", text="change brown to")
        terminal.until("change brown to")
        daemon.publish("outcome", **outcome(notes, "Change brown to red.", "brown", "red"))
        terminal.until("+ The quick red fox.")
        assert "\x1b]0;voice-edit: listening (edit)\x07" in terminal.raw
        terminal.type("\x03")
        assert terminal.wait() == 0
    assert "Traceback" not in terminal.raw
    assert terminal.raw.rstrip().endswith("\x1b[23;0t"), "the title is given back"


def test_a_burst_of_events_is_drawn_ten_times_a_second_at_most() -> None:
    drawn: list[str] = []
    output = Output()
    output.err._force_terminal = True
    line = LiveLine(output, shown=True, title=True)
    line._write = drawn.append  # type: ignore[method-assign]
    now_s = 0.0
    line.take({"event": "stage", "stage": "listening", "mode": "edit"})
    for number in range(2500):  # 250 levels a second for ten seconds
        line.take({"event": "level", "rms_dbfs": -60.0 + number % 50, "is_speech": True})
        line.draw(now_s)
        now_s += 0.004
    assert 50 <= len(drawn) <= 102
    line.take({"event": "words", "text": "changes nothing"})
    line.draw(now_s + 1)
    count = len(drawn)
    line.draw(now_s + 2)
    assert line.wait_s(now_s + 2) is None, "nothing to draw: it sleeps until something happens"
    assert len(drawn) == count


def test_the_line_fits_into_any_terminal() -> None:
    now = Now(stage="listening", mode="edit", partial="so many words " * 30, target="notes.md")
    for columns in (1, 10, 40, 80, 200):
        text = now.text(columns)
        assert text.cell_len <= columns
        assert "\n" not in text.plain
    assert now.text(80).plain.endswith("words ")


# --- edit FILE with the microphone --------------------------------------------------------------------------


def test_a_file_is_edited_through_the_microphone_until_stop_is_said(daemon: FakeDaemon, notes: Path) -> None:
    def happen() -> None:
        daemon.wait_for(lambda: daemon.asked(p.Status))
        assert daemon.status["target"]["name"] == str(notes)
        daemon.publish("outcome", **outcome(notes, "Change brown to red.", "brown", "red"))
        elsewhere = outcome(notes, "Not ours.", "dog", "cat") | {"target": "/elsewhere.md"}
        daemon.publish("outcome", **elsewhere)
        stop = outcome(notes, "Stop listening.", "x", "y") | {"commands": [{"kind": "stop"}], "after": TEXT}
        daemon.publish("outcome", **stop | {"changes": []})

    with meanwhile(happen):
        result = run("edit", notes)
    assert result.exit_code == 0
    assert "Hold or tap <ctrl>+<alt>+e and speak." in result.stderr
    assert "+ The quick red fox." in result.stdout
    assert "Not ours" not in result.stdout
    assert "first word" not in result.stdout
    daemon.wait_for(lambda: not daemon.clients)
    assert daemon.status["target"]["kind"] == "clipboard", "the file was let go"
    assert not daemon.stopped.is_set(), "a daemon that ran before goes on"


def test_without_a_key_the_command_that_starts_and_stops_is_named(daemon: FakeDaemon, notes: Path) -> None:
    daemon.status["hotkeys"] = {"backend": None}

    def happen() -> None:
        daemon.wait_for(lambda: daemon.asked(p.Status))
        stop = outcome(notes, "Stop listening.", "x", "y") | {"commands": [{"kind": "stop"}], "after": TEXT}
        daemon.publish("outcome", **stop | {"changes": []})

    with meanwhile(happen):
        result = run("edit", notes)
    assert "`voice-edit talk toggle --mode edit`" in result.stderr


def test_what_could_not_be_done_is_told_and_in_the_exit_code(daemon: FakeDaemon, notes: Path) -> None:
    def happen() -> None:
        daemon.wait_for(lambda: daemon.asked(p.Status))
        daemon.publish("failed", words="x", error=NoMatch("“purple” is not there.").to_json())
        daemon.publish("rejected", reason="no-speech", message="Nothing was said.")
        daemon.publish("reverted", direction="undo", utterances=[3], before=TEXT, after="", words=["hello"])
        daemon.publish(
            "outcome", **outcome(notes, "Stop.", "x", "y", commands=[{"kind": "stop"}], changes=[])
        )

    with meanwhile(happen):
        result = run("edit", notes, "--json")
    assert result.exit_code == 6
    reverted, stopped = (json.loads(line) for line in result.stdout.splitlines())
    assert (reverted["reverted"], reverted["changed"]) == ([3], True)
    assert stopped["words"] == "Stop."
    error, warning = (json.loads(line) for line in result.stderr.splitlines())
    assert (error["error"], warning["warning"]) == ("no_match", "Nothing was said.")


def test_hands_free_listens_at_once_and_leaves_the_daemon_as_it_was(daemon: FakeDaemon, notes: Path) -> None:
    def happen() -> None:
        daemon.wait_for(lambda: daemon.status["hands_free"] == "dictate")
        daemon.publish(
            "outcome", **outcome(notes, "Stop.", "x", "y", commands=[{"kind": "stop"}], changes=[])
        )

    with meanwhile(happen):
        ok("edit", notes, "--hands-free", "--dictate")
    assert [command.mode for command in daemon.asked(p.HandsFree)] == ["dictate", "off"]


def test_a_file_that_the_daemon_cannot_open_is_told_before_anybody_speaks(
    daemon: FakeDaemon, notes: Path
) -> None:
    daemon.on("target.file", TargetMissing("There is no such file."))
    assert "There is no such file" in refused("edit", notes, code=5)


def test_a_daemon_that_ends_in_the_middle_is_told(daemon: FakeDaemon, notes: Path) -> None:
    def happen() -> None:
        daemon.wait_for(lambda: daemon.asked(p.Status))
        daemon.stop()

    with meanwhile(happen):
        assert "ended the connection" in run("edit", notes).stderr


def test_another_model_cannot_be_asked_for_while_a_daemon_runs(daemon: FakeDaemon, notes: Path) -> None:
    assert "stop --daemon" in refused("edit", notes, "--model", "other", code=2)


def test_on_a_terminal_enter_talks_questions_are_answered_and_ctrl_c_ends(
    daemon: FakeDaemon, notes: Path
) -> None:
    question = Ambiguous("Which fox?").to_json()["message"]
    choices = [{"start": 4, "end": 7, "excerpt": "The [fox]"}, {"start": 9, "end": 12, "excerpt": "a [fox]"}]
    with Terminal("edit", notes, "--watch") as terminal:
        terminal.until("Enter starts and stops too. Ctrl-C ends.")
        terminal.type("\n")
        daemon.wait_for(lambda: daemon.asked(p.TalkToggle))
        assert daemon.asked(p.TalkToggle) == [p.TalkToggle(mode="edit", target=p.FileRef(file=str(notes)))]
        terminal.until("listening (edit)")
        daemon.publish("ask", question=5, kind="choice", message=question, choices=choices, timeout_s=60.0)
        terminal.until("2. a [fox]")
        terminal.type("fox\n")
        terminal.until("Type 1 to 2, Enter for none of them, then Enter.", times=2)
        terminal.type("2\n")
        daemon.wait_for(lambda: daemon.asked(p.Answer))
        daemon.publish("asked", question=5, choice=1)
        daemon.publish(
            "ask", question=6, kind="confirm", message="Do it?", before=TEXT, after="", timeout_s=9.0
        )
        terminal.until("- The lazy dog.")
        terminal.type("n\n")
        daemon.wait_for(lambda: len(daemon.asked(p.Answer)) == 2)
        daemon.publish("asked", question=6, choice=None)
        terminal.until("Nothing is done.")
        terminal.type("\x03")
        assert terminal.wait() == 0
    assert daemon.asked(p.Answer) == [p.Answer(question=5, choice=1), p.Answer(question=6, choice=None)]
    assert "Traceback" not in terminal.raw
    daemon.wait_for(lambda: not daemon.clients)


def test_a_closed_terminal_lets_the_file_go(daemon: FakeDaemon, notes: Path) -> None:
    with Terminal("edit", notes, "--hands-free") as terminal:
        daemon.wait_for(lambda: daemon.status["hands_free"] == "edit")
        os.kill(terminal.pid, signal.SIGHUP)
        terminal.wait()
    daemon.wait_for(lambda: not daemon.clients)
    assert daemon.status["hands_free"] == "off"
    assert daemon.status["target"]["kind"] == "clipboard"


@pytest.mark.parametrize(
    ("line", "kind", "answer"),
    [
        ("1", "choice", 0), (" 3 ", "choice", 2), ("4", "choice", "unclear"), ("0", "choice", None),
        ("", "choice", None), ("none", "choice", None), ("first", "choice", "unclear"),
        ("9" * 5000, "choice", "unclear"), ("²", "choice", "unclear"),
        ("y", "confirm", 0), ("YES", "confirm", 0), ("n", "confirm", None), ("", "confirm", None),
        ("maybe", "confirm", "unclear"), ("yy", "confirm", "unclear"),
    ],
)  # fmt: skip
def test_only_a_clear_answer_is_one(line: str, kind: str, answer: object) -> None:
    assert read_answer(line, kind=kind, count=3) == answer


# --- a daemon of one's own ----------------------------------------------------------------------------------


@pytest.fixture
def own_daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What is started in the background is the fake daemon, as a process of its own."""
    monkeypatch.setattr(starting, "command_line", lambda: [sys.executable, str(Path(fake_daemon.__file__))])
    socket = Paths.from_environment().socket
    yield socket
    try:
        with ControlClient(socket) as client:
            client.request("stop")
            for _ in client.events():
                pass
    except DaemonNotRunning:
        pass


def test_a_daemon_is_started_once_and_outlives_who_started_it(own_daemon: Path) -> None:
    first = starting.ensure_daemon(own_daemon)
    assert first.started
    assert os.getsid(first.pid) == first.pid, "Ctrl-C and a closed terminal do not reach it"
    again = starting.ensure_daemon(own_daemon)
    assert again == starting.Ensured(first.pid, started=False)
    with ControlClient(own_daemon) as client:
        starting.end_daemon(client, first)
    with pytest.raises(DaemonNotRunning):
        ControlClient(own_daemon)


def test_a_daemon_that_others_use_is_not_ended(own_daemon: Path) -> None:
    started = starting.ensure_daemon(own_daemon)
    with ControlClient(own_daemon) as other, ControlClient(own_daemon) as client:
        starting.end_daemon(client, started)
        assert other.request("status")


def test_two_programs_that_start_one_at_once_get_the_same(own_daemon: Path) -> None:
    found: list[starting.Ensured] = []
    threads = [
        threading.Thread(target=lambda: found.append(starting.ensure_daemon(own_daemon))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.pid for one in found}) == 1
    assert sum(one.started for one in found) == 1


def test_a_daemon_that_cannot_start_says_why_in_its_own_words(
    own_daemon: Path, monkeypatch: pytest.MonkeyPatch, notes: Path
) -> None:
    monkeypatch.setenv("FAKE_DAEMON_FAILS", "1")
    with pytest.raises(DaemonStartFailed, match="There is no model") as told:
        starting.ensure_daemon(own_daemon)
    assert told.value.hint == "Get one."
    assert "There is no model" in refused("edit", notes, code=8)


def test_edit_without_a_daemon_starts_one_for_its_own_duration(own_daemon: Path, notes: Path) -> None:
    def happen() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                with ControlClient(own_daemon) as client:
                    if client.request("status")["target"]["kind"] == "file":
                        break
            except DaemonNotRunning:
                pass
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    with meanwhile(happen):
        assert run("edit", notes, "--model", "bundled").exit_code == 0
    with pytest.raises(DaemonNotRunning):
        ControlClient(own_daemon)


def test_what_is_started_is_this_program_whatever_the_current_folder_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typing.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([*starting.command_line(), "--version"], capture_output=True, text=True, check=True)
    assert re.match(r"voice-edit \d", done.stdout)
