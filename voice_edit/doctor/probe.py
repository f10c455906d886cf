"""A check in a process of its own: what hangs there is killed, what crashes there has crashed alone, and
what its libraries print is caught.

`python -m voice_edit.doctor.probe MODULE:FUNCTION` reads settings as JSON from stdin and prints a finding as
the last line of stdout.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from voice_edit.doctor.checks import Context, Finding, find, hung, trouble

RESULT = "voice-edit-finding: "
"""Begins the line with the finding; libraries may print others."""


def look_in_own_process(
    look: str, context: Context, *, limit_s: float, command: Sequence[str] | None = None
) -> Finding:
    """Look at a link in a child, which is killed with all of its children after `limit_s` seconds."""
    told = {"settings": context.settings.model_dump(mode="json"), "listen_s": context.listen_s}
    child = subprocess.Popen(
        command or [sys.executable, "-P", "-m", __name__, look],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(context.environ),
        start_new_session=True,
    )
    try:
        out, err = child.communicate(json.dumps(told).encode(), limit_s)
    except subprocess.TimeoutExpired:
        return hung(limit_s)
    finally:
        with suppress(ProcessLookupError):  # with whatever it has started
            os.killpg(child.pid, signal.SIGKILL)
        if child.returncode is None:
            child.communicate()
    return read_finding(out) or _crashed(child.returncode, err.decode("utf-8", "replace"))


def read_finding(out: bytes) -> Finding | None:
    """What a child printed, None if it printed no finding."""
    for line in reversed(out.decode("utf-8", "replace").splitlines()):
        if line.startswith(RESULT):
            return Finding(**json.loads(line.removeprefix(RESULT)))
    return None


def _crashed(code: int, err: str) -> Finding:
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    last = next((line.strip() for line in reversed(err.splitlines()) if line.strip()), "")
    return Finding(
        "failed",
        f"The process that looked at it ended with {how}.",
        "A library below voice-edit crashed. Update it, or report this with the output of --json.",
        {"stderr": last[-500:], "exit_code": code},
    )


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    root = Path(__file__).parent.parent.parent
    if root.name in ("site-packages", "dist-packages"):
        return dict(environ)
    # Run from its source, perhaps not installed.
    return {**environ, "PYTHONPATH": os.pathsep.join(filter(None, [environ.get("PYTHONPATH"), str(root)]))}


def main(look: str, told: Mapping[str, Any]) -> None:
    """In the child: look, and print what was found."""
    from voice_edit.config import Settings
    from voice_edit.paths import Paths

    try:
        settings = Settings.model_validate(told["settings"])
        context = Context(settings, Paths.from_environment(), os.environ, float(told["listen_s"]))
        finding = find(look)(context)
    except Exception as error:
        finding = trouble(error)
    data = {
        "state": finding.state,
        "message": finding.message,
        "remedy": finding.remedy,
        "details": dict(finding.details),
    }
    sys.stdout.write(f"\n{RESULT}{json.dumps(data)}\n")
    sys.stdout.flush()
    # Not through the libraries' own endings, which may crash or wait where everything was already said.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], json.load(sys.stdin))
