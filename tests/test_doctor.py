"""The doctor itself: each link looked at alone, within its time, and told to people and to scripts."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_daemon import running_daemon
from running import refused, run

from voice_edit.config import Settings
from voice_edit.doctor import checks as doctor
from voice_edit.doctor import daemon as doctor_daemon
from voice_edit.doctor import desktop, program
from voice_edit.doctor.checks import LINKS, Check, Context, Finding, Link, run_checks
from voice_edit.doctor.desktop import Session, clipboard_tool, read_session
from voice_edit.doctor.probe import look_in_own_process
from voice_edit.errors import UsageError
from voice_edit.paths import Paths


def context(environ: Mapping[str, str] | None = None, settings: dict[str, Any] | None = None) -> Context:
    """What a look gets, with these variables and settings."""
    variables = dict(os.environ) if environ is None else environ
    return Context(Settings.model_validate(settings or {}), Paths.from_environment(), variables, 0.5)


def look(link: Link, monkeypatch: pytest.MonkeyPatch, function: Any) -> Check:
    """Look at a link by this function."""
    monkeypatch.setattr(doctor, "find", lambda name: function)
    return doctor.look_at(link, context())


# --- isolation ------------------------------------------------------------------------------------------


def test_every_link_has_a_look_and_a_name_of_its_own() -> None:
    names = [link.name for link in LINKS]
    assert len(set(names)) == len(names)
    for number, link in enumerate(LINKS):
        assert callable(doctor.find(link.look))
        assert set(link.needs) <= set(names[:number]), "what it needs is looked at before"
        assert len(link.title) <= 13, "the columns would not line up"


def test_a_check_that_breaks_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(context: Context) -> Finding:
        raise RuntimeError("oh")

    check = look(Link("x", "X", ""), monkeypatch, breaks)
    assert (check.state, check.message) == ("failed", "The check itself failed: RuntimeError: oh.")
    assert check.remedy


def test_an_error_of_ours_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(context: Context) -> Finding:
        raise UsageError("no such setting", hint="Correct it.")

    check = look(Link("x", "X", ""), monkeypatch, refuses)
    assert (check.state, check.message, check.remedy) == ("failed", "No such setting.", "Correct it.")


def test_a_check_that_hangs_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def hangs(context: Context) -> Finding:
        gate.wait(60)
        return Finding("ok", "late")

    try:
        check = look(Link("x", "X", "", 0.05), monkeypatch, hangs)
        assert check.state == "failed"
        assert "No answer within" in check.message
    finally:
        gate.set()


def test_what_needs_a_broken_link_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        "one": Finding("failed", "broken"),
        "two": Finding("ok", "never asked"),
        "three": Finding("ok", "fine"),
    }
    monkeypatch.setattr(doctor, "find", lambda name: lambda context: found[name])
    links = (
        Link("one", "One", "one"), Link("two", "Two", "two", needs=("one",)),
        Link("three", "Three", "three", needs=("two",)), Link("four", "Four", "three"),
    )  # fmt: skip
    checks = list(run_checks(Settings(), Paths.from_environment(), links=links))
    assert [check.state for check in checks] == ["failed", "skipped", "skipped", "ok"]
    assert checks[1].message == "Not looked at: it needs One."


def test_only_what_was_asked_for_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find", lambda name: lambda context: Finding("ok", "fine"))
    links = (Link("one", "One", ""), Link("two", "Two", "", needs=("one",)))
    assert [c.name for c in run_checks(None, Paths.from_environment(), only=["two"], links=links)] == ["two"]
    with pytest.raises(UsageError, match="no check 'three'"):
        list(run_checks(None, Paths.from_environment(), only=["three"], links=links))


def in_child(script: str, *, limit_s: float = 30.0) -> Finding:
    """The finding of a child that runs this script."""
    return look_in_own_process("", context(), limit_s=limit_s, command=[sys.executable, "-c", script])


def test_a_library_that_crashes_takes_only_its_check_with_it() -> None:
    finding = in_child(
        "import os, sys; sys.stderr.write('GGML_ASSERT failed\\n'); sys.stderr.flush(); os.abort()"
    )
    assert finding.state == "failed"
    assert "SIGABRT" in finding.message
    assert finding.details["stderr"] == "GGML_ASSERT failed"


def test_a_library_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(told)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    done: list[Finding] = []
    thread = threading.Thread(target=lambda: done.append(in_child(script, limit_s=3)))
    thread.start()
    thread.join(60)
    assert done[0].state == "failed"
    assert "No answer" in done[0].message
    deadline_s = time.monotonic() + 20
    while is_running(int(told.read_text())):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_a_library_prints_does_not_disturb() -> None:
    script = (
        "from voice_edit.doctor.probe import RESULT\n"
        "print('ALSA lib: unknown PCM')\n"
        'print(RESULT + \'{"state": "ok", "message": "fine", "remedy": "", "details": {"n": 1}}\')\n'
        "print('ALSA lib: bye')\n"
    )
    assert in_child(script) == Finding("ok", "fine", "", {"n": 1})


def test_a_look_in_its_own_process_has_the_settings_and_tells_its_errors() -> None:
    where = context(settings={"hotkeys": {"dictate": "<nonsense>+q"}})
    finding = look_in_own_process("desktop:hotkeys", where, limit_s=60)
    assert finding.state == "failed"
    assert "nonsense" in finding.message


# --- the looks ------------------------------------------------------------------------------------------


def test_the_program_and_its_packages() -> None:
    finding = program.program(context())
    assert finding.state == "ok", finding
    assert finding.details["executable"] == sys.executable


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        ("numpy<3,>=1.26", ""),
        ("numpy>=99", "numpy is "),
        ("no-such-package-at-all>=1", "no-such-package-at-all is missing"),
        ("no-such-package-at-all; extra == 'train'", ""),
        ("no-such-package-at-all; sys_platform == 'plan9'", ""),
        (f"no-such-package-at-all; sys_platform == '{sys.platform}'", "no-such-package-at-all is missing"),
        ("no-such-package-at-all; sys_platform != 'plan9'", "no-such-package-at-all is missing"),
    ],
)
def test_packages_that_are_missing_or_old_are_named(requirement: str, problem: str) -> None:
    assert program._package_problem(requirement).startswith(problem or "")
    assert bool(program._package_problem(requirement)) == bool(problem)


@pytest.mark.parametrize(
    ("version", "how", "bound", "holds"),
    [("2.0", ">=", "1.26", True), ("1.9", ">=", "1.26", False), ("3.0.0", "<", "3", False),
     ("0.5.6", "<", "0.6", True), ("0.3.36", "==", "0.3.36.0", True), ("8.2rc1", ">=", "8.2", True)],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version: str, how: str, bound: str, holds: bool) -> None:
    assert program._compares(version, how, bound) == holds


def test_a_wrong_setting_is_a_finding_and_the_rest_is_looked_at(voice_edit_home: Path) -> None:
    file = voice_edit_home / "config" / "config.toml"
    file.parent.mkdir()
    file.write_text("[engine]\nmodle = 'x'\n")
    paths = Paths.from_environment()
    first, second = run_checks(None, paths, only=["settings", "model"])
    assert (first.state, second.state) == ("failed", "ok")
    assert "engine.modle" in first.message
    file.unlink()
    (again,) = run_checks(None, paths, only=["settings"])
    assert again.state == "ok"
    assert "VOICE_EDIT_HOME" in again.message


def test_folders_that_cannot_be_written_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VOICE_EDIT_HOME", str(tmp_path / "file" / "below"))
    finding = program.folders(context())
    assert finding.state == "failed"
    assert str(tmp_path / "file" / "below") in finding.message


@pytest.mark.parametrize(("free_mb", "state"), [(10, "failed"), (150, "warning"), (5000, "ok")])
def test_room_for_recordings(monkeypatch: pytest.MonkeyPatch, free_mb: int, state: str) -> None:
    import shutil
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free_mb * 2**20))
    assert program.folders(context()).state == state


def test_the_journal_is_opened_and_not_made(voice_edit_home: Path) -> None:
    from voice_edit.journal.journal import Journal

    paths = Paths.from_environment()
    assert program.journal(context()).state == "ok"
    assert not paths.journal.exists()
    with Journal.open(paths.journal):
        assert program.journal(context()).state == "ok"  # while another has it open
    paths.journal.write_bytes(b"no database at all" * 100)
    finding = program.journal(context())
    assert finding.state == "warning"
    assert finding.message


def test_a_model_that_is_not_there_says_where_it_comes_from() -> None:
    (check,) = run_checks(
        Settings.model_validate({"engine": {"model": "/no/such.gguf"}}),
        Paths.from_environment(),
        only=["model"],
    )
    assert check.state == "failed"
    assert "/no/such.gguf" in check.message
    assert check.remedy


def test_the_bundled_model_hears_the_test_recording() -> None:
    model, hearing = run_checks(Settings(), Paths.from_environment(), only=["model", "hearing"])
    assert (model.state, hearing.state) == ("ok", "ok"), hearing
    assert hearing.details["heard"] == hearing.details["said"] == "Change Monday to Wednesday."
    assert hearing.details["memory_mb"] > 20


@pytest.mark.parametrize(
    ("environ", "platform", "found"),
    [
        ({}, "linux", Session("none", "", "")),
        ({"DISPLAY": ":1"}, "linux", Session("x11", ":1", "")),
        ({"DISPLAY": ":1", "WAYLAND_DISPLAY": "wayland-0", "XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}, "linux",
         Session("wayland", "wayland-0", "ubuntu, GNOME")),
        ({"DISPLAY": ":1"}, "darwin", Session("macos", "", "macOS")),
    ],
)  # fmt: skip
def test_sessions_are_told_apart(environ: dict[str, str], platform: str, found: Session) -> None:
    assert read_session(environ, platform) == found


def test_a_display_that_is_left_over_is_told(tmp_path: Path) -> None:
    wayland = {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": str(tmp_path)}
    for environ in (wayland, {"DISPLAY": ":49999"}):
        finding = desktop.session(context(environ))
        assert finding.state == "failed"
        assert "does not answer" in finding.message
    assert desktop.session(context({"DISPLAY": "elsewhere.example:0"})).state == "ok"  # not asked


def test_a_wayland_session_is_recognised_by_its_socket(tmp_path: Path) -> None:
    import socket
    import tempfile

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as compositor:
        compositor.bind(f"{folder}/wayland-0")
        compositor.listen()
        environ = {"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": folder}
        finding = desktop.session(context(environ))
    assert (finding.state, finding.message) == ("ok", "Wayland (wayland-0)")


def test_without_a_desktop_nothing_of_it_is_complained_about_twice() -> None:
    nowhere = context({"PATH": os.environ["PATH"]})
    assert desktop.session(nowhere).state == "warning"
    for finding in (
        desktop.hotkeys(nowhere),
        desktop.clipboard(nowhere),
        desktop.notifications(nowhere),
    ):
        assert finding.state == "skipped"


@pytest.mark.parametrize(
    ("kind", "there", "tool"),
    [("x11", {"xclip", "xsel"}, "xclip"), ("x11", {"xsel"}, "xsel"), ("x11", {"wl-paste"}, None),
     ("wayland", {"wl-paste", "xclip"}, "wl-paste"), ("wayland", {"xclip"}, None),
     ("macos", {"pbpaste"}, "pbpaste")],
)  # fmt: skip
def test_the_clipboard_s_program_fits_the_session(kind: Any, there: set[str], tool: str | None) -> None:
    found = clipboard_tool(Session(kind, ":0", ""), lambda name: name if name in there else None)
    assert (found and found[0]) == tool


def test_a_missing_clipboard_program_is_named(tmp_path: Path) -> None:
    finding = desktop.clipboard(context({"DISPLAY": ":0", "PATH": str(tmp_path)}))
    assert (finding.state, finding.remedy) == ("warning", "Install xclip.")


def test_a_daemon_that_does_not_run_is_no_failure() -> None:
    finding = doctor_daemon.daemon(context())
    assert finding.state == "warning"
    assert "voice-edit run" in finding.remedy


def test_a_running_daemon_is_asked() -> None:
    from voice_edit import __version__

    paths = Paths.from_environment()
    with running_daemon(paths.socket) as daemon:
        daemon.status["version"] = __version__
        finding = doctor_daemon.daemon(context())
        assert finding.state == "ok", finding
        assert "process 4242" in finding.message
        assert "the clipboard" in doctor_daemon.targets(context()).message
        daemon.status["hotkeys"] = {
            **daemon.status["hotkeys"],
            "problem": {"code": "taken", "message": "F9 is taken", "hint": "Free it."},
        }
        taken = doctor_daemon.daemon(context())
        assert (taken.state, taken.remedy) == ("warning", "Free it.")
        assert "F9 is taken" in taken.message
        nothing = {"code": "no-hotkey-backend", "message": "x11: long; evdev: longer", "hint": "much"}
        daemon.status["hotkeys"]["problem"] = nothing
        assert doctor_daemon.daemon(context({})).state == "ok"  # no desktop, no keys
        late = doctor_daemon.daemon(context({"DISPLAY": ":0"}))
        assert (late.state, "started before this session" in late.message) == ("warning", True)
        daemon.status["hotkeys"]["problem"] = None
        daemon.status["version"] = "0.0.1"
        assert "version 0.0.1" in doctor_daemon.daemon(context()).message


def test_a_daemon_that_speaks_another_protocol_is_told(tmp_path: Path) -> None:
    import socket
    import tempfile

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/control.sock")
        server.listen()

        def greet() -> None:
            client, _ = server.accept()
            with client:
                client.sendall(b'{"event":"hello","protocol":99,"version":"9","pid":7}\n')
                client.recv(1)

        greeter = threading.Thread(target=greet, daemon=True)
        greeter.start()
        paths = Paths(tmp_path / "config", tmp_path / "data", Path(folder))
        (check,) = run_checks(Settings(), paths, only=["daemon"])
        greeter.join(10)
    assert check.state == "failed"
    assert "version 99" in check.message


def test_a_service_is_not_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from fake_programs import FakePrograms

    programs = FakePrograms(tmp_path / "bin")
    programs.add("systemctl")
    where = context(programs.environ())
    assert doctor_daemon.service(where).state == "skipped"
    from voice_edit.service.manager import choose_manager

    list(choose_manager(where.environ, platform="linux").install())
    monkeypatch.setattr(sys, "platform", "linux")
    programs.answer("systemctl", "show", out="ActiveState=failed\nResult=exit-code\nExecMainStatus=4\n")
    failed = doctor_daemon.service(where)
    assert failed.state == "failed"
    assert "exit status 4" in failed.message
    programs.answer("systemctl", "show", out="ActiveState=active\nSubState=running\nUnitFileState=enabled\n")
    assert doctor_daemon.service(where).state == "ok"


@pytest.mark.parametrize(
    ("environ", "shown"),
    [({"COLORTERM": "truecolor", "TERM": "xterm"}, "16 million"), ({"TERM": "xterm-256color"}, "256"),
     ({"TERM": "linux"}, "16 "), ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "no colours")],
)  # fmt: skip
def test_the_colours_of_a_terminal(environ: dict[str, str], shown: str) -> None:
    assert program.colours(environ).startswith(shown)


# --- the verb -------------------------------------------------------------------------------------------

QUICK = ("--only", "program", "--only", "settings", "--only", "folders")


def test_the_verb_prints_a_line_a_link_and_a_sentence() -> None:
    result = run("doctor", *QUICK)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["Program", "ok"], ["Settings", "ok"], ["Folders", "ok"]]
    assert result.stderr.strip() == "Nothing is wrong with what was looked at."


def test_the_verb_tells_what_to_do_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_EDIT_ENGINE__MODEL", "/no/such.gguf")
    result = run("doctor", "--only", "model", "--only", "program")
    assert result.exit_code == 1
    assert "Model         failed  /no/such.gguf" in result.stdout
    assert "next: " in result.stdout
    assert result.stderr.strip() == "1 does not work."


def test_the_verb_speaks_json() -> None:
    result = run("doctor", *QUICK, "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["check"] for one in told] == ["program", "settings", "folders"]
    assert set(told[0]) == {"check", "title", "state", "message", "remedy", "details", "seconds"}
    assert result.stderr == ""


def test_the_model_of_the_command_line_is_the_one_looked_at() -> None:
    result = run("doctor", "--only", "model", "--model", "/no/such.gguf")
    assert result.exit_code == 1
    assert "/no/such.gguf" in result.stdout


def test_a_check_that_is_none_is_refused() -> None:
    assert "microphone" in refused("doctor", "--only", "micro", code=2)
