"""Homes, folders and sockets that are odd, gone or too long: told in words, by the daemon and its clients."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from voice_edit.config import Paths
from voice_edit.paths import whole_path

ROOT = Path(__file__).parent.parent


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "voice_edit", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_relative_runtime_folder_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = Paths.from_environment({"XDG_RUNTIME_DIR": "here", "XDG_DATA_HOME": str(tmp_path)})
    assert found.runtime_folder == tmp_path / "voice-edit" / "run"


@pytest.mark.parametrize("verb", ["run", "status"])
def test_a_socket_whose_path_is_too_long_says_what_to_do(tmp_path: Path, verb: str) -> None:
    done = run(verb, VOICE_EDIT_HOME=str(tmp_path / ("x" * 110)))
    assert done.returncode == 8
    assert "longer than" in done.stderr
    assert "shorter path" in done.stderr


def test_a_home_that_cannot_be_made_is_no_fault_of_ours() -> None:
    done = run("run", VOICE_EDIT_HOME="/proc/voice-edit")
    assert done.returncode == 8
    assert "/proc/voice-edit/run cannot be used" in done.stderr


@pytest.mark.parametrize("arguments", [("talk", "start", "--file", "x.txt"), ("edit", "x.txt")])
def test_a_current_folder_that_is_gone_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", sys.executable, "-m", "voice_edit", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=gone,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "the current folder does not exist any more" in done.stderr


def test_a_path_is_made_whole_without_following_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert whole_path("link/../a") == tmp_path / "a"
    assert whole_path("link/a") == tmp_path / "link" / "a"
