"""Which way to the keyboard is open here, and why the others are not."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from hotkeys.bindings import Bindings
from hotkeys.errors import Attempt, BackendUnavailable, ChordTaken, HotkeyError, NoHotkeyBackend
from hotkeys.listener import HotkeyListener, OnProblems

BackendName: TypeAlias = Literal["auto", "x11", "pynput", "evdev", "portal", "none"]
"""What `hotkeys.backend` may say."""

COMPOSITOR_KEYS = (
    "Bind keys in the compositor to `voice-edit talk start` and `voice-edit talk stop`: docs/hotkeys.md has "
    "the lines for sway, Hyprland, KDE, GNOME, i3 and macOS."
)
XWAYLAND = "this is a Wayland session: X11 keys are seen only while an Xwayland window has the focus"
OPT_IN = "reads every key of every keyboard, so it is used only when it is asked for"


def choose_backend(
    bindings: Bindings, name: BackendName = "auto", *, on_problems: OnProblems | None = None
) -> HotkeyListener:
    """Start a listener that works here, or raise NoHotkeyBackend with what was tried and why it failed.

    `on_problems` is called in the listener's thread whenever its `problems` change. A chord that another
    program holds ends the search: a way that cannot take it from them would fire together with them.
    """
    if name not in get_args(BackendName):
        raise NoHotkeyBackend(
            [Attempt(name, "there is no such backend", f"One of {', '.join(get_args(BackendName))}.")]
        )
    if name == "none":
        raise NoHotkeyBackend([Attempt("none", "switched off by hotkeys.backend", COMPOSITOR_KEYS)])
    if not bindings.talk_chords():
        raise NoHotkeyBackend([Attempt(name, "neither dictate nor edit has a key", "Set `hotkeys.dictate`.")])
    tried: list[Attempt] = []
    for attempt in probe_backends() if name == "auto" else [Attempt(name, "", "")]:
        if not attempt.works:
            tried.append(attempt)
            continue
        try:
            return _listen(attempt.name, bindings, on_problems)
        except HotkeyError as error:
            tried.append(Attempt(attempt.name, str(error), error.hint))
            if isinstance(error, ChordTaken):
                break
    raise NoHotkeyBackend(tried)


def probe_backends(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> list[Attempt]:
    """What is known about each backend here, in the order in which `auto` tries them. Presses no key."""
    environ = os.environ if environ is None else environ
    if platform == "darwin":
        return [_probe("pynput", environ)]
    wayland = bool(environ.get("WAYLAND_DISPLAY")) or environ.get("XDG_SESSION_TYPE") == "wayland"
    names = ("portal", "x11", "pynput", "evdev") if wayland else ("x11", "pynput", "portal", "evdev")
    return [
        Attempt(name, XWAYLAND, COMPOSITOR_KEYS) if wayland and name in ("x11", "pynput")
        else Attempt(name, OPT_IN, "Set hotkeys.backend = 'evdev' if you want it.") if name == "evdev"
        else _probe(name, environ)
        for name in names
    ]  # fmt: skip


_MODULES = {"x11": "hotkeys._x11"}


def _probe(name: str, environ: Mapping[str, str]) -> Attempt:
    if name not in _MODULES:
        return Attempt(name, "not built yet", "")
    try:
        module = importlib.import_module(_MODULES[name])
        module.connect(environ.get("DISPLAY") or None).close()
    except (HotkeyError, ImportError) as error:
        return Attempt(name, str(error), getattr(error, "hint", ""))
    return Attempt(name, "", "")


def _listen(name: str, bindings: Bindings, on_problems: OnProblems | None) -> HotkeyListener:
    if name == "x11":
        from hotkeys._x11 import X11Listener

        return X11Listener(bindings, on_problems=on_problems)
    raise BackendUnavailable(f"{name} is not there")
