"""The doctor's look at the daemon: does it run, is it a service, where would words go?"""

from __future__ import annotations

from typing import Any

from voice_edit.doctor.checks import Context, Finding
from voice_edit.doctor.desktop import read_session

START = "voice-edit run (in a terminal), or voice-edit service install (with every login)"


def service(context: Context) -> Finding:
    """Whether the service manager starts the daemon. Nobody needs one."""
    from voice_edit.errors import ServiceError, UsageError
    from voice_edit.service.manager import choose_manager

    try:
        found = choose_manager(context.environ).status()
    except (ServiceError, UsageError) as error:
        return Finding("skipped", str(error), error.hint)
    details = found.to_json()
    if not found.installed:
        return Finding(
            "skipped", "Not installed, which is fine: the daemon starts when you run it.", START, details
        )
    if found.problem:
        return Finding("warning", found.problem, found.hint, details)
    if found.state == "failed":
        return Finding("failed", f"The service failed: {found.detail}.", found.hint, details)
    if not found.current or found.state != "running":
        which = "is of another installation or version" if not found.current else "does not run"
        return Finding("warning", f"The service {which}.", found.hint, details)
    since = f", since {found.since}" if found.since else ""
    return Finding("ok", f"Started by {found.manager}{since}", "", details)


def daemon(context: Context) -> Finding:
    """Whether it runs, what it says of itself, and whether we understand each other."""
    from voice_edit import __version__
    from voice_edit.errors import DaemonNotRunning, VoiceEditError

    try:
        status = ask(context)
    except DaemonNotRunning:
        return Finding("warning", "The daemon does not run.", START, {"socket": str(context.paths.socket)})
    except VoiceEditError as error:
        return Finding("failed", str(error), error.hint, {"socket": str(context.paths.socket)})
    shown = f"runs (process {status.get('pid')}, {status.get('stage')})"
    if problem := _problem(status, has_desktop=read_session(context.environ).kind != "none"):
        return Finding("warning", f"{shown}; {problem[0]}", problem[1], status)
    if status.get("version") != __version__:
        return Finding(
            "warning",
            f"{shown}, but is version {status.get('version')}; this is {__version__}.",
            "Restart it: voice-edit stop --daemon, then voice-edit run (or: voice-edit service start).",
            status,
        )
    return Finding("ok", shown, "", status)


def targets(context: Context) -> Finding:
    """Where words would go now."""
    from voice_edit.errors import VoiceEditError

    always = "any text file (voice-edit edit FILE), the practice pad (voice-edit tui)"
    clipboard = context.found.get("clipboard")
    if clipboard is not None and clipboard.state == "ok":
        always += ", the clipboard"
    try:
        target = ask(context).get("target") or {}
    except VoiceEditError:
        return Finding("ok", always)
    if target.get("kind") in (None, "none"):
        return Finding("ok", f"{always}; the daemon has none now", "", {"target": target})
    now = str(target.get("title") or target.get("name"))
    if target.get("kind") == "field":
        now += f" ({target.get('mechanism') or 'nothing is written there'})"
    return Finding("ok", f"now {now}; also {always}", "", {"target": target})


def ask(context: Context) -> dict[str, Any]:
    """The daemon's status. Raises DaemonError."""
    from voice_edit.control.client import ControlClient

    with ControlClient(context.paths.socket, timeout_s=3.0) as client:
        return client.request("status", timeout_s=5.0)


def _problem(status: dict[str, Any], *, has_desktop: bool) -> tuple[str, str] | None:
    """What the daemon complains of, and its hint: the model that failed, the keys that cannot be had.

    Keys are nothing to complain of without a desktop.
    """
    engine = status.get("engine") or {}
    if engine.get("state") == "failed":
        return (
            f"its model failed: {engine.get('message') or 'no reason was told'}",
            "voice-edit doctor --only hearing",
        )
    for part in ("microphone", "hotkeys"):
        problem = (status.get(part) or {}).get("problem")
        if problem and problem.get("code") == "no-hotkey-backend":
            if not has_desktop:
                continue
            message = "it can listen to no keys, perhaps because it was started before this session"
            return message, "Start it in this session: voice-edit service start, or voice-edit run"
        if problem:
            return str(problem.get("message", "")), str(problem.get("hint", ""))
    return None
