"""Runs the programs of a service manager, and tells which."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from voice_edit.errors import ServiceFailed, ServiceUnavailable
from voice_edit.service.manager import Step

TIMEOUT_S = 90.0
"""Longer than the unit's TimeoutStartSec: `systemctl start` waits until the daemon is ready."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program did."""

    command: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def step(self) -> Step:
        """As it is told."""
        return Step("ran", shlex.join(self.command))

    def complaint(self) -> str:
        """The last line that it said."""
        lines = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return lines[-1].strip() if lines else f"exit code {self.code}"


def run(
    *command: str,
    environ: Mapping[str, str],
    more: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Ran:
    """Run it to its end. Raises ServiceUnavailable if there is no such program, ServiceFailed if it hangs."""
    program = shutil.which(command[0], path=environ.get("PATH", os.defpath))
    if program is None:
        raise ServiceUnavailable(f"The program {command[0]} is not there.")
    variables = {**environ, **(more or {}), "LC_ALL": "C.UTF-8"}  # its words are read
    try:
        done = subprocess.run(
            [program, *command[1:]],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServiceFailed(f"`{shlex.join(command)}` did not end within {timeout_s:.0f} s.") from error
    except OSError as error:
        raise ServiceUnavailable(f"{program} cannot be run: {error.strerror}.") from error
    return Ran(tuple(command), done.returncode, done.stdout, done.stderr)


def write_file(path: Path, content: bytes) -> Step:
    """Make the file hold this, whole or not at all. Raises ServiceFailed."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and path.read_bytes() == content:
            return Step("unchanged", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ServiceFailed(
            f"{path} cannot be written: {error.strerror}.",
            hint=f"Make {path.parent} a folder you can write to.",
        ) from error
    return Step("wrote", str(path))


def remove_file(path: Path) -> Step | None:
    """Remove it; None if it was not there. Raises ServiceFailed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ServiceFailed(f"{path} cannot be removed: {error.strerror}.") from error
    return Step("removed", str(path))


def content_of(path: Path) -> bytes | None:
    """What the file holds; None if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None
