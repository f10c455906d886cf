"""Starting the daemon in the background, for programs that need one: `voice-edit tui`, `edit FILE`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voice_edit.control.client import ControlClient
from voice_edit.errors import (
    ControlUnavailable,
    DaemonBusy,
    DaemonGone,
    DaemonNotRunning,
    DaemonStartFailed,
    VoiceEditError,
)

START_S = 20.0
_LOOK_S = 0.03
LOG_NAME = "daemon.log"
"""In the runtime folder: what a daemon says that was started in the background."""


@dataclass(frozen=True, slots=True)
class Ensured:
    """A daemon that answers."""

    pid: int
    started: bool
    """It did not run before."""


def ensure_daemon(
    socket: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    settings: Mapping[str, Mapping[str, object]] | None = None,
    timeout_s: float = START_S,
) -> Ensured:
    """Make sure that a daemon answers at `socket`; start one that goes on when this program ends.

    `settings` (section -> name -> value) hold only for a daemon that is started. Blocks until it has
    greeted us, at most `timeout_s` seconds. Raises DaemonStartFailed, DaemonBusy, ProtocolMismatch,
    ControlUnavailable.
    """
    try:
        with ControlClient(socket) as client:
            return Ensured(int(client.hello.get("pid", 0)), started=False)
    except DaemonNotRunning:
        pass
    log = socket.parent / LOG_NAME
    pid = _spawn(log, {**environ, **_variables(settings or {})})
    deadline = time.monotonic() + timeout_s
    while True:
        ended = _ended(pid)
        try:  # after looking whether it ended: if it lost a race, the winner answers
            with ControlClient(socket, timeout_s=max(0.1, deadline - time.monotonic())) as client:
                found = int(client.hello.get("pid", 0))
                return Ensured(found, started=found == pid)
        except (DaemonNotRunning, DaemonGone):
            pass
        if ended is not None:
            raise _failure(log, ended)
        if time.monotonic() > deadline:
            raise DaemonBusy(
                f"The daemon was started and has not answered for {timeout_s:g} s.",
                hint=f"See what it says in {log}",
            )
        time.sleep(_LOOK_S)


def end_daemon(client: ControlClient, ensured: Ensured, *, timeout_s: float = 10.0) -> None:
    """End a daemon that was started for us, unless others use it by now, and wait for its end."""
    try:
        if client.hello.get("pid") != ensured.pid or client.request("status").get("clients", 1) > 1:
            return
        client.request("stop", timeout_s=timeout_s)
    except VoiceEditError:  # it does not answer any more: nothing is left to be tidied up
        return
    deadline = time.monotonic() + timeout_s
    while _ended(ensured.pid) is None and time.monotonic() < deadline:
        time.sleep(_LOOK_S)


def command_line() -> list[str]:
    """How to run this very program, whatever the current folder holds."""
    return [sys.executable, "-P", "-m", "voice_edit"]


def _variables(settings: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    return {
        f"VOICE_EDIT_{section}__{name}".upper(): str(value)
        for section, values in settings.items()
        for name, value in values.items()
    }


def _spawn(log: Path, environ: dict[str, str]) -> int:
    """Start `voice-edit run` in a session of its own, so that no Ctrl-C and no closed terminal reaches it."""
    from voice_edit.control.socket_file import private_folder

    private_folder(log.parent)
    root = Path(__file__).parent.parent.parent
    if root.name not in ("site-packages", "dist-packages"):  # run from its source, perhaps not installed
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, [environ.get("PYTHONPATH"), str(root)]))
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    actions: list[tuple[Any, ...]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.fspath(log), writing, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        return os.posix_spawn(
            sys.executable, [*command_line(), "run", "--json"], environ, file_actions=actions, setsid=True
        )
    except OSError as error:
        raise ControlUnavailable(f"{log} cannot be written: {error.strerror}.") from error


def _ended(pid: int) -> int | None:
    """The exit code of our child, None while it runs."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # somebody else has waited for it
        return 1
    return None if found == 0 else os.waitstatus_to_exitcode(status)


def _failure(log: Path, code: int) -> DaemonStartFailed:
    """What the daemon said last, in its own words."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in reversed(lines):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and "error" in told:
            return DaemonStartFailed(
                f"The daemon cannot start: {told.get('message')}", hint=str(told.get("hint", ""))
            )
    return DaemonStartFailed(f"The daemon was started and ended at once, with exit code {code}.")
