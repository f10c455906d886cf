"""The systemd unit: read by systemd itself, and word by word."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.errors import UsageError
from voice_edit.service.unit import NAME, command_line, quoted, render_unit

COMMAND = (sys.executable, "-P", "-m", "voice_edit", "run")


def verify(unit: str, folder: Path) -> str:
    """What `systemd-analyze --user verify` says of a unit; nothing if all is well."""
    if shutil.which("systemd-analyze") is None:
        pytest.fail("systemd-analyze is missing: apt-get install systemd", pytrace=False)
    (folder / "run").mkdir(mode=0o700, exist_ok=True)
    path = folder / NAME
    path.write_text(unit, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(path)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    return said or ("" if done.returncode == 0 else f"exit code {done.returncode}")


def setting(unit: str, key: str) -> list[str]:
    """The values of `key=` in the unit."""
    return re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)


@pytest.mark.parametrize("desktop", [True, False])
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, desktop: bool) -> None:
    environment = {"VOICE_EDIT_HOME": '/home/a b/50% "new" \\x $HOME', "XDG_DATA_HOME": "/data"}
    assert verify(render_unit(COMMAND, environment, desktop=desktop), tmp_path) == ""


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (lambda unit: unit.replace("WatchdogSec=", "WatchDogSec="), "Unknown key"),
        (lambda unit: unit.replace("Restart=on-failure", "Restart=sometimes"), "Failed to parse"),
        (lambda unit: unit.replace(sys.executable, "/nowhere/python"), "not executable"),
        (lambda unit: unit.replace("@raw-io", "@cooked-io"), "cooked-io"),
    ],
    ids=["key", "value", "program", "system call set"],
)
def test_systemd_would_find_a_mistake(tmp_path: Path, broken: object, complaint: str) -> None:
    unit = render_unit(COMMAND, {})
    wrong = broken(unit)  # type: ignore[operator]
    assert wrong != unit
    assert complaint.lower() in verify(wrong, tmp_path).lower()


@pytest.mark.parametrize(
    "name", ["with space", "50%n", "pay $HOME", "it's", 'so "called"', "back\\slash", "ümläut"]
)
def test_a_virtual_environment_may_lie_anywhere(tmp_path: Path, name: str) -> None:
    """systemd looks for the program that it read, so it complains if that is another than we meant."""
    python = tmp_path / name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    unit = render_unit((str(python), *COMMAND[1:]), {})
    assert verify(unit, tmp_path) == ""
    python.unlink()
    if "/bin/sh" not in unit:  # where a shell runs it, systemd does not see it
        assert f"{python} is not executable" in verify(unit, tmp_path)


def test_a_shell_runs_what_systemd_cannot_name(tmp_path: Path) -> None:
    """The line that systemd gets, run as systemd would: `$$` is a dollar, and the words are as they were."""
    odd = tmp_path / 'it\'s 50% "odd" \\ $HOME'
    odd.mkdir()
    script = odd / "show"
    script.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n')
    script.chmod(0o755)
    words = unquote(command_line((str(script), "a b", "$HOME", "c%d")))
    assert words[:2] == ["/bin/sh", "-c"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines() == [str(script), "a b", "$HOME", "c%d"]


def unquote(line: str) -> list[str]:
    """ExecStart= as systemd.syntax(7) and systemd.service(5) say it is read."""
    words = []
    for found in re.finditer(r'"((?:[^"\\]|\\.)*)"|(\S+)', line):
        word = found[1] if found[1] is not None else found[2]
        word = re.sub(r"\\x([0-9a-f]{2})|\\(.)", lambda m: chr(int(m[1], 16)) if m[1] else m[2], word)
        words.append(word.replace("%%", "%").replace("$$", "$"))
    return words


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_every_argument_comes_out_as_it_went_in(arguments: list[str]) -> None:
    assert unquote(command_line(("/bin/program", *arguments))) == ["/bin/program", *arguments]


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        quoted("/home/\udcff/python")
    with pytest.raises(UsageError, match="not absolute"):
        command_line(("python", "-m", "voice_edit"))


def test_the_unit_follows_the_desktop_or_the_login() -> None:
    with_desktop, without = render_unit(COMMAND, {}), render_unit(COMMAND, {}, desktop=False)
    for key in ("PartOf", "After", "WantedBy"):
        assert setting(with_desktop, key) == ["graphical-session.target"]
    assert setting(without, "WantedBy") == ["default.target"]
    assert setting(without, "PartOf") == []


def test_the_daemon_is_watched_and_started_again_but_not_for_ever() -> None:
    unit = render_unit(COMMAND, {})
    assert setting(unit, "Type") == ["notify"]
    assert setting(unit, "Restart") == ["on-failure"]
    assert float(setting(unit, "WatchdogSec")[0]) >= 20
    burst, interval_s = (
        int(setting(unit, "StartLimitBurst")[0]),
        int(setting(unit, "StartLimitIntervalSec")[0]),
    )
    assert burst * float(setting(unit, "RestartSec")[0]) < interval_s, "the limit would never be met"


def test_errors_that_stay_are_not_tried_again() -> None:
    from voice_edit.errors import DaemonRunning, UsageError

    prevented = setting(render_unit(COMMAND, {}), "RestartPreventExitStatus")[0].split()
    assert [int(code) for code in prevented] == [UsageError.exit_code, DaemonRunning.exit_code]


@pytest.mark.parametrize(
    "option",
    ["ProtectHome", "ProtectSystem", "PrivateTmp", "PrivateDevices", "PrivateUsers", "DeviceAllow",
     "MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID", "UMask"],
)  # fmt: skip
def test_nothing_is_forbidden_that_the_daemon_needs(option: str) -> None:
    """Files anywhere, mode and group kept; /dev/input and /dev/snd; callbacks; real-time sound threads."""
    assert setting(render_unit(COMMAND, {}), option) == []


def test_there_is_no_network() -> None:
    families = setting(render_unit(COMMAND, {}), "RestrictAddressFamilies")[0].split()
    assert "AF_UNIX" in families
    assert not {"AF_INET", "AF_INET6", "none"} & set(families)
