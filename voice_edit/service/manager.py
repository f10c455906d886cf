"""What a service is, whichever manager runs it, and which manager there is here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from voice_edit.errors import ServiceUnavailable, UsageError

StepKind = Literal["wrote", "unchanged", "removed", "ran", "note"]
State = Literal["running", "starting", "stopped", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done, told as it happens."""

    kind: StepKind
    text: str
    """A path, a command line, or a sentence."""
    hint: str = ""
    """What to do about a note."""

    def to_json(self) -> dict[str, Any]:
        return {"step": self.kind, "text": self.text} | ({"hint": self.hint} if self.hint else {})


@dataclass(frozen=True, slots=True)
class Program:
    """What the service starts."""

    command: tuple[str, ...]
    """Arguments, the absolute path of the interpreter first."""
    environment: tuple[tuple[str, str], ...]
    """Variables that decide where our files lie, as they were at installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """How the service is."""

    manager: str
    """systemd or launchd."""
    file: Path
    """The unit or agent file."""
    installed: bool
    current: bool | None = None
    """Whether the file is what `install` would write now; None where there is none."""
    enabled: bool | None = None
    """Whether it starts with the session; None where nobody can tell."""
    state: State = "unknown"
    detail: str = ""
    """What the daemon or its manager says of it, one line."""
    pid: int | None = None
    since: str = ""
    """When it came into this state, in the manager's words."""
    restarts: int | None = None
    """How often it was started again after a failure."""
    problem: str = ""
    """Why more is not known."""
    hint: str = ""
    """What to do next; empty if nothing."""

    def to_json(self) -> dict[str, Any]:
        return {
            "manager": self.manager, "file": str(self.file), "installed": self.installed,
            "current": self.current, "enabled": self.enabled, "state": self.state, "detail": self.detail,
            "pid": self.pid, "since": self.since, "restarts": self.restarts, "problem": self.problem,
            "hint": self.hint,
        }  # fmt: skip


class ServiceManager(Protocol):
    """What keeps the daemon running. Steps are done while they are iterated over."""

    name: str
    file: Path

    def render(self) -> str:
        """The file that `install` writes."""
        ...

    def install(self, *, start: bool = True) -> Iterator[Step]:
        """Write, enable, and start or restart. Raises ServiceFailed, ServiceUnavailable."""
        ...

    def start(self) -> Iterator[Step]:
        """Tell the manager of this session's display, and start anew. Raises as `install`."""
        ...

    def stop(self) -> Iterator[Step]:
        """Stop until the next login. Raises as `install`."""
        ...

    def uninstall(self) -> Iterator[Step]:
        """Stop, disable, remove. Raises as `install`."""
        ...

    def status(self) -> ServiceStatus:
        """How it is now. Never raises: what cannot be learnt is told in it."""
        ...

    def log_command(self, *, lines: int, follow: bool) -> list[str]:
        """The command that prints what the daemon wrote last."""
        ...


def this_program(environ: Mapping[str, str] = os.environ, *, executable: str = sys.executable) -> Program:
    """This installation's `voice-edit run`. Raises UsageError if there is no interpreter to name.

    By the interpreter and not by the `voice-edit` script: the path is absolute, a virtual environment is kept
    (links are not resolved), and `-P` keeps a folder `engine` in the user's home from being taken for ours.
    """
    if not executable:
        raise UsageError("The path of the Python interpreter is not known.", hint="Run voice-edit directly.")
    command = (str(Path(executable).absolute()), "-P", "-m", "voice_edit", "run")
    kept = {name: environ[name] for name in sorted(environ) if _is_kept(name) and environ[name]}
    return Program(command, tuple(kept.items()))


def _is_kept(name: str) -> bool:
    """Settings and places of ours; without them the service would look elsewhere than the command line."""
    return name.startswith("VOICE_EDIT_") or name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")


def choose_manager(
    environ: Mapping[str, str] = os.environ, *, platform: str = sys.platform, desktop: bool = True
) -> ServiceManager:
    """The service manager of this platform. Raises ServiceUnavailable, UsageError."""
    if environ.get("SUDO_USER") and os.geteuid() == 0:
        raise UsageError(
            "The service belongs to a user's own session, and this is root by sudo.",
            hint="Run the same command without sudo.",
        )
    program = this_program(environ)
    if platform == "darwin":
        from voice_edit.service.launchd import Launchd

        return Launchd(program, environ)
    if platform.startswith("linux"):
        from voice_edit.service.systemd import Systemd

        return Systemd(program, environ, desktop=desktop)
    raise ServiceUnavailable(
        f"There is no service for {platform}, only for Linux (systemd) and macOS (launchd).",
        hint="Start `voice-edit run` when you log in.",
    )
