"""The terminal interface in a real terminal: `voice-edit tui` in tmux, with a real daemon that it starts."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from voice_edit.config import Paths
from voice_edit.control.client import ControlClient
from voice_edit.errors import DaemonError

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60.0


class Terminal:
    """One window of a tmux server of its own."""

    def __init__(self, folder: Path, command: list[str], *, environment: dict[str, str]) -> None:
        if shutil.which("tmux") is None:
            pytest.fail("tmux is missing: apt-get install tmux")
        self._socket = folder / "tmux"
        self._environment = environment
        shell = f"{shlex.join(command)}; echo exit code $?; exec cat"
        self.tmux("new-session", "-d", "-x", "80", "-y", "24", shell)

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *arguments],
            env=self._environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def title(self) -> str:
        return self.tmux("display-message", "-p", "#{pane_title}").strip()

    def wait_for(self, condition: str | Callable[[str], object]) -> str:
        """The screen as soon as it shows this."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            seen = self.screen()
            if condition in seen if isinstance(condition, str) else condition(seen):
                return seen
            assert time.monotonic() < deadline, f"waited in vain for {condition!r}; there is:\n{seen}"
            time.sleep(0.05)

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def environment(voice_edit_home: Path, tmp_path: Path) -> dict[str, str]:
    """Of a user without a desktop, without a sound server, without settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept,
        "VOICE_EDIT_HOME": str(voice_edit_home),
        "HOME": str(voice_edit_home),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def terminal(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "voice_edit", "tui"]
    # A socket has a short name only: pytest's folder of this very test may be too long.
    opened = Terminal(tmp_path_factory.mktemp("t"), command, environment=environment)
    yield opened
    opened.close()
    try:
        with ControlClient(Paths.from_environment(environment).socket) as daemon:
            daemon.request("stop")
            while daemon.next_event() is not None:
                pass
    except DaemonError:
        pass  # it has ended


def test_from_nothing_to_an_edit_and_back_in_a_real_terminal(terminal: Terminal) -> None:
    terminal.wait_for("start voice-edit?")
    terminal.press("Enter")
    terminal.wait_for("○ idle  → practice pad")

    terminal.type("Dear Alice, the meeting is on Monday at ten.")
    terminal.press("Tab")
    terminal.type("change Monday to Wednesday")
    terminal.press("Enter")
    seen = terminal.wait_for("✓ verified #1")
    assert "- Dear Alice, the meeting is on Monday at ten." in seen
    assert "+ Dear Alice, the meeting is on Wednesday at ten." in seen
    assert "\n Dear Alice, the meeting is on Wednesday at ten." in seen

    terminal.press("F7")
    seen = terminal.wait_for("Undid utterance 1.")
    assert "\n Dear Alice, the meeting is on Monday at ten." in seen

    terminal.type("+ and bring the plans")
    terminal.press("Enter")
    terminal.wait_for("✓ verified #2")
    terminal.type("delete the word the")
    terminal.press("Enter")
    terminal.wait_for("which one?")
    terminal.press("1")
    terminal.wait_for("✓ verified #3")

    terminal.press("F2")
    terminal.wait_for(lambda seen: "undo last" in seen and "↶" in seen and "delete the word the" in seen)
    terminal.press("Escape")
    terminal.wait_for("○ idle  → practice pad")
    assert terminal.title() == "voice-edit"

    terminal.press("F10")
    terminal.wait_for("exit code 0")


def test_when_the_daemon_is_stopped_the_screen_says_so_and_ctrl_r_starts_another(
    terminal: Terminal, environment: dict[str, str]
) -> None:
    terminal.wait_for("start voice-edit?")
    terminal.press("Enter")
    terminal.wait_for("○ idle  → practice pad")
    terminal.type("still here")
    with ControlClient(Paths.from_environment(environment).socket) as daemon:
        daemon.request("stop")
    terminal.wait_for("the daemon is gone")
    terminal.press("C-r")
    seen = terminal.wait_for("○ idle  → practice pad")
    assert "still here" in seen
    terminal.press("F10")
    terminal.wait_for("exit code 0")


def test_without_a_terminal_it_says_what_to_use_instead(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "voice_edit", "tui"],
        env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "voice-edit watch" in done.stderr
