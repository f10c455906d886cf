"""The launchd agent: valid by plutil's rules and by launchd.plist(5); launchctl called in the right order.

No Mac was at hand: what launchd makes of it is not tested.
"""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fake_programs import FakePrograms

from voice_edit.errors import ServiceFailed
from voice_edit.service.launchd import Launchd
from voice_edit.service.manager import Program, this_program
from voice_edit.service.plist import LABEL, agent

ODD = Program(
    ("/Users/a b & <c>/bin/python", "-P", "-m", "voice_edit", "run"), (("VOICE_EDIT_HOME", "/ü & <x>"),)
)
WHO = f"gui/501/{LABEL}"

# From launchd.plist(5); a key that is not here is misspelt or not ours to use.
KEYS: dict[str, Any] = {
    "Label": str,
    "ProgramArguments": [str],
    "EnvironmentVariables": {str: str},
    "RunAtLoad": bool,
    "KeepAlive": {"SuccessfulExit": bool},
    "ThrottleInterval": int,
    "ExitTimeOut": int,
    "LimitLoadToSessionType": ("Aqua", "Background", "LoginWindow", "StandardIO"),
    "ProcessType": ("Background", "Standard", "Adaptive", "Interactive"),
    "StandardOutPath": str,
    "StandardErrorPath": str,
    "SoftResourceLimits": {"Core": int},
    "HardResourceLimits": {"Core": int},
}


def mistakes(value: Any, wanted: Any, where: str = "") -> list[str]:
    """Where a value is of another type than the manual page says; bool is no int here."""
    match wanted:
        case type():
            return [] if type(value) is wanted else [f"{where}: {value!r} is no {wanted.__name__}"]
        case tuple():
            return [] if value in wanted else [f"{where}: {value!r} is none of {wanted}"]
        case list():
            return [m for i, one in enumerate(value) for m in mistakes(one, wanted[0], f"{where}[{i}]")]
    if set(wanted) == {str}:
        return [m for key, one in value.items() for m in mistakes(one, wanted[str], f"{where}.{key}")]
    unknown = [f"{where}.{key}: unknown" for key in set(value) - set(wanted)]
    return unknown + [
        m for key, one in value.items() if key in wanted for m in mistakes(one, wanted[key], f"{where}.{key}")
    ]


@pytest.fixture
def programs(tmp_path: Path) -> FakePrograms:
    programs = FakePrograms(tmp_path / "bin")
    programs.add("launchctl")
    return programs


@pytest.fixture
def service(programs: FakePrograms) -> Launchd:
    return Launchd(this_program({}), programs.environ(), uid=501)


def test_the_agent_has_only_keys_and_types_that_launchd_knows() -> None:
    made = agent(ODD.command, dict(ODD.environment), home=Path("/Users/a"))
    assert mistakes(made, KEYS) == []
    assert not [
        argument for argument in (made["StandardOutPath"], made["ProgramArguments"][0]) if argument[0] != "/"
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [("RunAtLoad", 1), ("ThrottleInterval", True), ("ProcessType", "interactive"), ("Keepalive", True),
     ("KeepAlive", {"SuccesfulExit": False}), ("ProgramArguments", ["a", 1])],
)  # fmt: skip
def test_the_validator_finds_a_mistake(key: str, value: object) -> None:
    assert mistakes({**agent(ODD.command, {}, home=Path("/Users/a")), key: value}, KEYS)


def test_the_property_list_is_well_formed(tmp_path: Path) -> None:
    """plistutil reads it and gives back the same; Python's reader agrees."""
    assert shutil.which("plistutil"), "plistutil is missing: apt-get install libplist-utils"
    text = Launchd(ODD, {"HOME": str(tmp_path)}, uid=501).render()
    file, binary, back = (tmp_path / name for name in ("a.plist", "b.plist", "c.plist"))
    file.write_text(text, encoding="utf-8")
    for source, result in ((file, binary), (binary, back)):
        done = subprocess.run(
            ["plistutil", "-i", source, "-o", result], capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    wanted = agent(ODD.command, dict(ODD.environment), home=tmp_path)
    assert plistlib.loads(back.read_bytes()) == plistlib.loads(text.encode()) == wanted


def test_plistutil_would_find_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.plist").write_text(Launchd(ODD, {"HOME": "/h"}).render().replace("</array>", "", 1))
    command = ["plistutil", "-i", tmp_path / "a.plist", "-o", tmp_path / "b.plist"]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert b"ERROR" in done.stdout  # it exits with 0 all the same


def test_it_is_started_again_when_it_fails_and_only_with_a_screen() -> None:
    made = agent(ODD.command, {}, home=Path("/Users/a"))
    assert made["KeepAlive"] == {"SuccessfulExit": False}
    assert made["LimitLoadToSessionType"] == "Aqua"
    assert made["EnvironmentVariables"]["PATH"].startswith("/opt/homebrew/bin:")


def test_install_loads_the_agent_anew(programs: FakePrograms, service: Launchd) -> None:
    programs.answer("launchctl", "bootout", code=113, err="Could not find specified service\n")
    told = list(service.install())
    assert programs.calls() == [
        f"launchctl bootout {WHO}",
        f"launchctl enable {WHO}",
        f"launchctl bootstrap gui/501 {service.file}",
    ]
    assert [step.kind for step in told] == ["wrote", "ran", "ran"]
    assert service.file.name == f"{LABEL}.plist"
    assert service.file.parent.name == "LaunchAgents"


def test_a_second_install_of_a_running_agent_disturbs_nobody(
    programs: FakePrograms, service: Launchd
) -> None:
    list(service.install())
    programs.calls()
    programs.answer("launchctl", "print", out="\tstate = running\n\tpid = 815\n")
    assert [step.kind for step in service.install()] == ["unchanged", "note"]
    assert programs.calls() == [f"launchctl print {WHO}"]


def test_without_start_the_agent_waits_for_the_next_login(programs: FakePrograms, service: Launchd) -> None:
    list(service.install(start=False))
    assert service.file.exists()
    assert programs.calls() == []


def test_an_agent_that_is_still_ending_is_waited_for(
    programs: FakePrograms,
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            programs.answer("launchctl", "bootstrap")

    programs.answer("launchctl", "bootstrap", code=5, err="Bootstrap failed: 5: Input/output error\n")
    list(Launchd(this_program({}), programs.environ(), uid=501, pause=wait).install())
    assert len(waits) == 3
    assert len([call for call in programs.calls() if "bootstrap" in call]) == 4


def test_a_refusal_is_told_with_launchctl_s_words(programs: FakePrograms, service: Launchd) -> None:
    programs.answer(
        "launchctl", "bootstrap", code=125, err="Bootstrap failed: 125: Domain does not support it\n"
    )
    with pytest.raises(ServiceFailed, match="Domain does not support it"):
        list(service.install())


def test_uninstall_unloads_and_removes_and_may_be_repeated(programs: FakePrograms, service: Launchd) -> None:
    list(service.install())
    programs.calls()
    assert [step.kind for step in service.uninstall()] == ["ran", "removed"]
    programs.answer("launchctl", "bootout", code=3, err="Boot-out failed: 3: No such process\n")
    assert list(service.uninstall()) == []
    assert programs.calls() == [f"launchctl bootout {WHO}"] * 2


@pytest.mark.parametrize(
    ("printed", "code", "state"),
    [
        ("\tstate = running\n\tpid = 815\n\tlast exit code = (never exited)\n", 0, "running"),
        ("\tstate = not running\n\tlast exit code = 4\n", 0, "failed"),
        ("\tstate = not running\n\tlast exit code = 0\n", 0, "stopped"),
        ("", 113, "stopped"),
    ],
)
def test_status(programs: FakePrograms, service: Launchd, printed: str, code: int, state: str) -> None:
    list(service.install())
    programs.answer("launchctl", "print", out=printed, code=code)
    status = service.status()
    assert status.state == state
    assert status.pid == (815 if state == "running" else None)
    assert status.current


def test_status_where_there_is_no_launchctl(tmp_path: Path) -> None:
    status = Launchd(this_program({}), {"HOME": str(tmp_path), "PATH": str(tmp_path)}, uid=501).status()
    assert (status.state, status.installed) == ("unknown", False)
    assert "launchctl is not there" in status.problem


def test_logs_are_read_from_the_file_that_launchd_writes(service: Launchd) -> None:
    made = plistlib.loads(service.render().encode())
    assert service.log_command(lines=5, follow=True) == ["tail", "-n", "5", "-F", made["StandardOutPath"]]
    assert made["StandardErrorPath"] == made["StandardOutPath"]
