"""The doctor's look at the desktop: session, keys, clipboard, notifications."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Literal

from voice_edit.doctor.checks import Context, Finding

TERMINAL_WAY = (
    "Without a desktop: voice-edit tui (practice pad), voice-edit edit FILE, voice-edit talk start."
)


@dataclass(frozen=True, slots=True)
class Session:
    """Where this program runs."""

    kind: Literal["wayland", "x11", "macos", "none"]
    display: str
    """WAYLAND_DISPLAY or DISPLAY."""
    desktop: str
    """XDG_CURRENT_DESKTOP, e.g. "GNOME"; empty if nobody says."""


def read_session(environ: Mapping[str, str], platform: str = sys.platform) -> Session:
    """What the environment says. Pure."""
    desktop = environ.get("XDG_CURRENT_DESKTOP", "").replace(":", ", ")
    if platform == "darwin":
        return Session("macos", "", "macOS")
    if display := environ.get("WAYLAND_DISPLAY", ""):
        return Session("wayland", display, desktop)
    if display := environ.get("DISPLAY", ""):
        return Session("x11", display, desktop)
    return Session("none", "", desktop)


def session(context: Context) -> Finding:
    """X11, Wayland, or none, and whether the display answers."""
    found = read_session(context.environ)
    details = {"kind": found.kind, "display": found.display, "desktop": found.desktop}
    on = f" on {found.desktop}" if found.desktop else ""
    if found.kind == "none":
        return Finding(
            "warning",
            "No desktop here: neither DISPLAY nor WAYLAND_DISPLAY is set.",
            f"{TERMINAL_WAY}\nIn a service: log in to the desktop, then voice-edit service start.",
            details,
        )
    if found.kind == "macos":
        return Finding("ok", "macOS", "", details)
    name = {"wayland": "Wayland", "x11": "X11"}[found.kind]
    if (why := _display_problem(found, context.environ)) is not None:
        return Finding(
            "failed",
            f"{name}, but the display {found.display} does not answer: {why}.",
            "The variable is left over from another session: log in anew, or unset it.",
            details,
        )
    return Finding("ok", f"{name} ({found.display}){on}", "", details)


def _display_problem(found: Session, environ: Mapping[str, str]) -> str | None:
    """Why the display's socket cannot be connected to; None if it can, or if it is another machine's."""
    if found.kind == "wayland":
        path = Path(environ.get("XDG_RUNTIME_DIR", "/nowhere")) / found.display  # an absolute name stays one
        return _refused(str(path))
    host, _, number = found.display.rpartition(":")
    if host not in ("", "unix"):
        return None
    path_of_x = f"/tmp/.X11-unix/X{number.partition('.')[0]}"
    return None if _refused("\0" + path_of_x) is None else _refused(path_of_x)


def _refused(address: str) -> str | None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(2.0)
            line.connect(address)
    except OSError as error:
        return error.strerror or str(error)
    return None


def hotkeys(context: Context) -> Finding:
    """Which way to the keyboard is open. In a process of its own: X libraries may hang."""
    from hotkeys import Bindings, HotkeyError, probe_backends

    chosen = context.settings.hotkeys
    if chosen.backend == "none":
        return Finding("skipped", "Switched off by hotkeys.backend; `voice-edit talk` starts and stops.")
    names = ("dictate", "edit", "cancel", "style", "tap_ms", "debounce_ms", "longest_hold_s")
    try:
        Bindings(**{name: getattr(chosen, name) for name in names})
    except HotkeyError as error:
        return Finding("failed", str(error), error.hint, {"error": error.code})
    attempts = probe_backends(context.environ)
    details = {"backends": [{"name": a.name, "why": a.why, "remedy": a.remedy} for a in attempts]}
    wanted = [a for a in attempts if chosen.backend in ("auto", a.name)]
    works = next((attempt for attempt in wanted if attempt.works), None)
    if works is not None:
        keys = " and ".join(f"{key} to {mode}" for mode, key in _keys(chosen.dictate, chosen.edit))
        return Finding("ok", f"{works.name}: {keys}", works.remedy, details)
    if read_session(context.environ).kind == "none" and chosen.backend in ("auto", "x11", "pynput", "portal"):
        message = "No key can be listened to without a desktop; `voice-edit talk` starts and stops."
        return Finding("skipped", message, "", details)
    reasons = "; ".join(f"{attempt.name}: {attempt.why}" for attempt in wanted)
    remedies = list(dict.fromkeys(a.remedy for a in wanted if a.remedy))
    return Finding(
        "warning",
        f"No talk key can be listened to ({reasons}).",
        "\n".join(remedies) or "Use `voice-edit talk start` and `voice-edit talk stop`.",
        details,
    )


def _keys(dictate: str, edit: str) -> list[tuple[str, str]]:
    return [(mode, key) for mode, key in (("dictate", dictate), ("edit", edit)) if key]


def clipboard(context: Context) -> Finding:
    """Whether there is a clipboard and a program to reach it. It is asked what it offers, never written."""
    found = read_session(context.environ)
    if found.kind == "none":
        return Finding("skipped", "There is no clipboard without a desktop.")
    tool = clipboard_tool(found, lambda name: which(name, path=context.environ.get("PATH")))
    if tool is None:
        package = "wl-clipboard" if found.kind == "wayland" else "xclip"
        return Finding(
            "warning", f"No program to reach the clipboard: {package} is missing.", f"Install {package}."
        )
    details = {"tool": tool[0]}
    try:
        done = subprocess.run(
            tool,
            env=dict(context.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=5,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(
            "warning", f"{tool[0]} does not answer.", "End the program that holds the clipboard.", details
        )
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode and any(word in said.lower() for word in ("display", "connect", "authoriz")):
        return Finding(
            "warning",
            f"{tool[0]} cannot reach it: {said.splitlines()[-1]}",
            "Log in to the desktop anew.",
            details,
        )
    return Finding("ok", f"by {tool[0]}", "", details)


def clipboard_tool(found: Session, find: Callable[[str], str | None]) -> list[str] | None:
    """The command that asks the clipboard what it holds; an empty one answers too. None: nothing is there."""
    ways: dict[str, list[list[str]]] = {
        "wayland": [["wl-paste", "--list-types"]],
        "x11": [["xclip", "-selection", "clipboard", "-o", "-t", "TARGETS"], ["xsel", "-b", "-o"]],
        "macos": [["pbpaste"]],
        "none": [],
    }
    return next((way for way in ways[found.kind] if find(way[0])), None)


def notifications(context: Context) -> Finding:
    """Whether somebody shows notifications."""
    if not context.settings.feedback.notifications:
        return Finding("skipped", "Switched off by feedback.notifications.")
    from voice_edit.daemon.notify import who_shows

    shown = who_shows(context.environ)
    if shown.server:
        return Finding("ok", f"shown by {shown.server}", "", {"server": shown.server})
    if read_session(context.environ).kind == "none":
        return Finding("skipped", shown.why, "", {})
    return Finding(
        "warning", shown.why, "Start a notification service of your desktop, e.g. dunst or mako.", {}
    )
