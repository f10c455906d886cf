"""Which way to the keyboard is open here, and why the others are not."""

from __future__ import annotations

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
        else _probe_evdev() if name == "evdev"
        else _probe(name, environ)
        for name in names
    ]  # fmt: skip


def _probe(name: str, environ: Mapping[str, str]) -> Attempt:
    """Try whether a backend would work, without taking a key."""
    remedy = ""
    try:
        if name == "x11":
            from hotkeys import _x11

            _x11.connect(environ.get("DISPLAY", "")).close()
        elif name == "portal":
            from hotkeys import _portal

            _portal.probe()
        else:
            from hotkeys import _pynput

            if sys.platform != "darwin":
                from hotkeys import _x11

                _x11.connect(environ.get("DISPLAY", "")).close()
            _pynput.import_pynput()
            remedy = _pynput.MAC_PERMISSION if sys.platform == "darwin" else _pynput.NOT_CONSUMED.message
    except HotkeyError as error:
        return Attempt(name, str(error), error.hint)
    except ImportError as error:
        return Attempt(
            name, f"a library is missing: {error}", "Install voice-edit again: `pip install voice-edit`."
        )
    return Attempt(name, "", remedy)


def _probe_evdev() -> Attempt:
    """Whether the kernel's devices could be read, were it asked for."""
    from hotkeys import _evdev

    if (error := _evdev.why_not()) is not None:
        return Attempt("evdev", f"{error}; it {OPT_IN}", error.hint)
    return Attempt("evdev", OPT_IN, "Set hotkeys.backend = 'evdev' if you want it.")


def _listen(name: str, bindings: Bindings, on_problems: OnProblems | None) -> HotkeyListener:
    """Start the backend of that name. Raises a HotkeyError, ImportError included."""
    try:
        if name == "x11":
            from hotkeys._x11 import X11Listener

            return X11Listener(bindings, on_problems=on_problems)
        if name == "portal":
            from hotkeys._portal import PortalListener

            return PortalListener(bindings, on_problems=on_problems)
        if name == "evdev":
            from hotkeys._evdev import EvdevListener

            return EvdevListener(bindings, on_problems=on_problems)
        from hotkeys._pynput import PynputListener

        return PynputListener(bindings, on_problems=on_problems)
    except ImportError as error:
        raise BackendUnavailable(
            f"a library is missing: {error}", hint="Install voice-edit again: `pip install voice-edit`."
        ) from error
