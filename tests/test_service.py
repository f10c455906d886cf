"""`voice-edit service` with systemd: which files are written, which commands are run, in which order."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fake_programs import FakePrograms
from running import ok, refused, rows, run

from voice_edit.errors import ServiceFailed, ServiceUnavailable, UsageError
from voice_edit.service.manager import choose_manager, this_program
from voice_edit.service.systemd import Systemd, unit_path
from voice_edit.service.unit import NAME

NO_BUS = "Failed to connect to bus: No such file or directory\n"
RUNNING = (
    "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=4711\n"
    "StatusText=idle=yes\nResult=success\nExecMainStatus=0\nNRestarts=2\n"
    "StateChangeTimestamp=Sat 2026-11-21 13:47:59 UTC\n"
)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePrograms:
    """systemctl and journalctl that answer as told; the only programs there are."""
    programs = FakePrograms(tmp_path / "bin")
    for name in ("systemctl", "journalctl"):
        programs.add(name)
    monkeypatch.setenv("PATH", str(programs.folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "SUDO_USER",
        "VOICE_EDIT_HOME",
        "DISPLAY",
        "WAYLAND_DISPLAY",
    ):
        monkeypatch.delenv(name, raising=False)
    return programs


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Where the unit should be written."""
    return tmp_path / "home" / ".config" / "systemd" / "user" / NAME


def test_install_writes_enables_and_starts(programs: FakePrograms, unit: Path) -> None:
    told = rows("service", "install")
    assert "ExecStart=" in unit.read_text()
    assert programs.calls() == [
        "systemctl --user daemon-reload",
        "systemctl --user reenable voice-edit.service",
        "systemctl --user reset-failed voice-edit.service",
        "systemctl --user restart voice-edit.service",
        "systemctl --user is-active --quiet graphical-session.target",
    ]
    assert told[0] == {"step": "wrote", "text": str(unit)}
    assert told[-1] == {"step": "ran", "text": "systemctl --user restart voice-edit.service"}


def test_install_shows_what_it_did(programs: FakePrograms, unit: Path) -> None:
    shown = ok("service", "install")
    assert f"wrote     {unit}" in shown
    assert "ran       systemctl --user daemon-reload" in shown


def test_this_session_s_display_is_told_to_the_manager(
    programs: FakePrograms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-1")
    monkeypatch.setenv("DISPLAY", ":1")
    ok("service", "install")
    calls = programs.calls()
    imported = calls.index("systemctl --user import-environment DISPLAY WAYLAND_DISPLAY")
    assert imported < calls.index("systemctl --user restart voice-edit.service")
    assert programs.environment_of("systemctl")["WAYLAND_DISPLAY"] == "wayland-1"


def test_a_second_install_of_a_running_service_disturbs_nobody(programs: FakePrograms, unit: Path) -> None:
    ok("service", "install")
    programs.calls()
    programs.answer("systemctl", "show", out=RUNNING)
    shown = ok("service", "install")
    assert "unchanged" in shown
    assert "runs already" in shown
    assert not [call for call in programs.calls() if "restart" in call]


def test_an_install_that_changes_the_unit_restarts_the_service(programs: FakePrograms, unit: Path) -> None:
    ok("service", "install")
    programs.calls()
    programs.answer("systemctl", "show", out=RUNNING)
    unit.write_text(unit.read_text().replace("RestartSec=2", "RestartSec=3"))
    ok("service", "install")
    assert "systemctl --user restart voice-edit.service" in programs.calls()
    assert "RestartSec=2" in unit.read_text()


def test_print_only_prints(programs: FakePrograms, unit: Path) -> None:
    printed = ok("service", "install", "--print")
    assert printed.startswith("# Written by")
    assert not unit.exists()
    assert programs.calls() == []
    ok("service", "install", "--no-start")
    assert unit.read_text() == printed


def test_no_start_leaves_it_to_the_next_login(programs: FakePrograms, unit: Path) -> None:
    ok("service", "install", "--no-start")
    assert unit.exists()
    assert programs.calls() == [
        "systemctl --user daemon-reload",
        "systemctl --user reenable voice-edit.service",
    ]


def test_without_a_desktop_it_starts_at_login(programs: FakePrograms, unit: Path) -> None:
    ok("service", "install", "--without-desktop")
    assert "WantedBy=default.target" in unit.read_text()
    assert "systemctl --user is-active --quiet graphical-session.target" not in programs.calls()


def test_a_desktop_that_starts_no_session_target_is_told_of(programs: FakePrograms) -> None:
    programs.answer("systemctl", "is-active", code=3)
    result = run("service", "install")
    assert result.exit_code == 0
    told = " ".join(result.stderr.split())
    assert "your desktop does not start graphical-session.target" in told
    assert "voice-edit service start" in told


def test_a_service_that_does_not_start_is_an_error_that_names_the_log(programs: FakePrograms) -> None:
    programs.answer("systemctl", "restart", code=1, err="Job for voice-edit.service failed.\n")
    result = run("service", "install")
    assert result.exit_code == 9
    assert "Job for voice-edit.service failed" in result.stderr
    assert "voice-edit service logs" in result.stderr


def test_without_a_manager_the_unit_is_written_and_the_error_says_so(
    programs: FakePrograms, unit: Path
) -> None:
    programs.answer("systemctl", code=1, err=NO_BUS)
    result = run("service", "install")
    assert result.exit_code == 9
    told = " ".join(result.stderr.split())
    assert f"{unit} is written, but no systemd user manager answers" in told
    assert "next: " in told
    assert unit.exists()


def test_without_a_manager_and_without_start_it_is_enabled_for_the_next_login(
    programs: FakePrograms, unit: Path
) -> None:
    programs.answer("systemctl", "daemon-reload", code=1, err=NO_BUS)
    result = run("service", "install", "--no-start")
    assert result.exit_code == 0
    assert programs.calls()[-1] == "systemctl --user reenable voice-edit.service"
    assert programs.environment_of("systemctl")["SYSTEMD_OFFLINE"] == "1"
    assert "No systemd user manager answers" in result.stderr


def test_the_real_systemctl_makes_the_link_without_a_manager(
    tmp_path: Path, programs: FakePrograms, unit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])
    assert shutil.which("systemctl", path=path), "systemctl is missing: apt-get install systemd"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "no-bus-here"))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    assert run("service", "install", "--no-start").exit_code == 0
    link = unit.parent / "graphical-session.target.wants" / NAME
    assert link.readlink() == unit
    run("service", "uninstall")
    assert not unit.exists()
    assert not link.is_symlink()


def test_without_systemctl_the_error_says_what_to_do(
    programs: FakePrograms, unit: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "autostart" in refused_after_writing()
    assert unit.exists()


def refused_after_writing() -> str:
    result = run("service", "install")
    assert result.exit_code == 9
    assert "systemctl is not there" in " ".join(result.stderr.split())
    return result.stderr


def test_uninstall_stops_disables_and_removes(programs: FakePrograms, unit: Path) -> None:
    ok("service", "install")
    programs.calls()
    shown = ok("service", "uninstall")
    assert programs.calls() == [
        "systemctl --user disable --now voice-edit.service",
        "systemctl --user daemon-reload",
    ]
    assert f"removed   {unit}" in shown
    assert not unit.exists()


def test_uninstalling_twice_is_no_error(programs: FakePrograms, unit: Path) -> None:
    ok("service", "uninstall")
    assert "systemctl --user disable --now voice-edit.service" not in programs.calls()


def test_a_unit_goes_even_where_no_manager_answers(programs: FakePrograms, unit: Path) -> None:
    ok("service", "install")
    programs.answer("systemctl", code=1, err=NO_BUS)
    result = run("service", "uninstall")
    assert result.exit_code == 0
    assert not unit.exists()


def test_status_of_a_running_service(programs: FakePrograms, unit: Path) -> None:
    ok("service", "install")
    programs.answer("systemctl", "show", out=RUNNING)
    (status,) = rows("service", "status")
    assert status["state"] == "running"
    assert status["installed"]
    assert status["current"]
    assert status["enabled"]
    assert (status["pid"], status["restarts"]) == (4711, 2)
    assert status["detail"] == "idle=yes"
    assert status["hint"] == ""
    shown = ok("service", "status")
    assert "running" in shown
    assert "4711" in shown


@pytest.mark.parametrize(
    ("answers", "state", "hint"),
    [
        ("ActiveState=failed\nSubState=failed\nResult=watchdog\nExecMainStatus=6\n", "failed", "logs"),
        (
            "ActiveState=activating\nSubState=auto-restart\nResult=exit-code\nExecMainStatus=1\n",
            "failed",
            "logs",
        ),
        ("ActiveState=activating\nSubState=start\n", "starting", ""),
        ("ActiveState=inactive\nSubState=dead\n", "stopped", "service start"),
    ],
)
def test_status_of_a_service_that_does_not_run(
    programs: FakePrograms, answers: str, state: str, hint: str
) -> None:
    ok("service", "install")
    programs.answer("systemctl", "show", out=answers)
    result = run("service", "status", "--json")
    assert result.exit_code == 9
    status = json.loads(result.stdout)
    assert status["state"] == state
    assert hint in status["hint"]
    if "Result=watchdog" in answers:
        assert status["detail"] == "watchdog, exit status 6"


def test_status_tells_a_unit_of_another_installation(programs: FakePrograms, unit: Path) -> None:
    ok("service", "install")
    unit.write_text(unit.read_text().replace("-m voice_edit", "-m voice_edit_of_old"))
    programs.answer("systemctl", "show", out=RUNNING)
    (status,) = rows("service", "status")
    assert not status["current"]
    assert "voice-edit service install" in status["hint"]


def test_status_without_a_manager_tells_what_is_known(programs: FakePrograms) -> None:
    programs.answer("systemctl", code=1, err=NO_BUS)
    result = run("service", "status", "--json")
    assert result.exit_code == 9
    status = json.loads(result.stdout)
    assert (status["installed"], status["state"]) == (False, "unknown")
    assert "No systemd user manager answers" in status["problem"]


def test_start_and_stop_need_an_installed_service(programs: FakePrograms) -> None:
    assert "not installed" in refused("service", "start", code=9)
    assert "not installed" in refused("service", "stop", code=9)
    ok("service", "install")
    programs.calls()
    ok("service", "stop")
    assert programs.calls() == ["systemctl --user stop voice-edit.service"]
    ok("service", "start")
    assert "systemctl --user restart voice-edit.service" in programs.calls()


def test_logs_are_journalctl_s(programs: FakePrograms, capfd: pytest.CaptureFixture[str]) -> None:
    programs.answer("journalctl", out="listening\n")
    assert run("service", "logs", "-n", 7).exit_code == 0
    assert capfd.readouterr().out == "listening\n"
    run("service", "logs", "--follow")
    assert programs.calls() == [
        "journalctl --user-unit=voice-edit.service --lines=7 --no-pager",
        "journalctl --user-unit=voice-edit.service --lines=50 --follow",
    ]


def test_logs_without_journalctl(programs: FakePrograms) -> None:
    (programs.folder / "journalctl").unlink()
    assert "journalctl is not there" in refused("service", "logs", code=9)


def test_the_service_is_not_installed_for_root_by_accident(
    programs: FakePrograms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "without sudo" in refused("service", "install", code=2)
    assert programs.calls() == []


def test_the_program_is_this_installation_whatever_the_current_folder_holds(tmp_path: Path) -> None:
    link = tmp_path / "venv" / "bin" / "python"
    program = this_program(
        {"VOICE_EDIT_HOME": "/x", "PATH": "/bin", "VOICE_EDIT_A": ""}, executable=str(link)
    )
    assert program.command == (str(link), "-P", "-m", "voice_edit", "run")
    assert program.environment == (("VOICE_EDIT_HOME", "/x"),)


def test_the_program_can_be_started_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('the wrong engine')")
    command = [*this_program({}).command[:-1], "--version"]
    subprocess.run(
        command, cwd=tmp_path, env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}, check=True, timeout=60
    )


ROOT = Path(__file__).parent.parent


def test_settings_of_this_shell_are_kept_in_the_unit(
    programs: FakePrograms, unit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICE_EDIT_HOME", "/data/my voice")
    ok("service", "install", "--no-start")
    assert 'Environment="VOICE_EDIT_HOME=/data/my voice"' in unit.read_text()


def test_the_unit_lies_where_systemd_looks() -> None:
    assert unit_path({"HOME": "/h"}) == Path("/h/.config/systemd/user") / NAME
    assert unit_path({"HOME": "/h", "XDG_CONFIG_HOME": "/c"}) == Path("/c/systemd/user") / NAME
    assert unit_path({"HOME": "/h", "XDG_CONFIG_HOME": "rel"}) == Path("/h/.config/systemd/user") / NAME


def test_a_folder_that_cannot_be_written_is_told(programs: FakePrograms, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(ServiceFailed, match="cannot be written"):
        list(Systemd(this_program({}), programs.environ()).install())


def test_other_platforms_are_told_what_they_can_do() -> None:
    with pytest.raises(ServiceUnavailable, match="freebsd"):
        choose_manager({"HOME": "/h"}, platform="freebsd14")
    assert choose_manager({"HOME": "/h"}, platform="darwin").name == "launchd"
    assert choose_manager({"HOME": "/h"}, platform="linux").name == "systemd"
    with pytest.raises(UsageError):
        this_program({}, executable="")
