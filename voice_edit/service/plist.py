"""The launchd agent of the daemon. Pure; keys as launchd.plist(5) has them. Untried on a Mac."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LABEL = "local.voice-edit.daemon"

HOMEBREW_PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
"""launchd's own PATH has no Homebrew in it, where PortAudio and its tools come from."""


def log_path(home: Path) -> Path:
    """Where launchd writes what the daemon prints."""
    return home / "Library" / "Logs" / "voice-edit.log"


def agent(command: Sequence[str], environment: Mapping[str, str], *, home: Path) -> dict[str, Any]:
    """The agent that runs `command`, to be written by plistlib."""
    log = str(log_path(home))
    return {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "EnvironmentVariables": {"PATH": HOMEBREW_PATH, **environment},
        "RunAtLoad": True,
        # Started again when it fails, left alone when it was told to stop.
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": 20,
        # Only in a session with a screen: keys, microphone permission and clipboard belong to one.
        "LimitLoadToSessionType": "Aqua",
        # Not throttled in the background: somebody is speaking.
        "ProcessType": "Interactive",
        "StandardOutPath": log,
        "StandardErrorPath": log,
        # A core dump would hold what was said.
        "SoftResourceLimits": {"Core": 0},
        "HardResourceLimits": {"Core": 0},
    }
