"""What works in this Wayland session: windows, keys, clipboard, each by the best way that is open.

          sway         others on wlroots    KDE             GNOME
windows   sway         toplevels            -               -
clipboard wayland      wayland              wayland         portal
keyboard  virtual      virtual              portal          portal          else ydotool
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

from voice_edit.desktop.base import Means
from voice_edit.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voice_edit.desktop._portal_desktop import PortalDesktop
    from voice_edit.desktop.base import Clipboard, Keyboard, Windows

Part: TypeAlias = Literal["windows", "clipboard", "keyboard"]
_Opened = TypeVar("_Opened")

HELD: Final = "Which keys are physically held nobody can tell on Wayland"
WHY: Final[dict[str, str]] = {
    "sway": "sway tells which window has the keyboard.",
    "toplevels": "The compositor tells which window is active, though not of which process it is.",
    "virtual-keyboard": f"Keys are pressed, and any text but emoji typed, on a keyboard of our own. {HELD}.",
    "portal-keyboard": "Keys are pressed through the desktop portal, with the consent of the user; text "
    f"beyond ASCII is not typed. {HELD}.",
    "ydotool": f"Chords are pressed by ydotool; nothing is typed. {HELD}.",
    "wayland": "The clipboard is borrowed for a paste, and given back in every type.",
    "portal-clipboard": "The clipboard is borrowed through the desktop portal, with the consent of the user.",
}
NO_WINDOWS: Final = (
    "sway, Hyprland, labwc, river and Wayfire tell the active window; on GNOME and KDE accessibility tells "
    "the field with the focus, which is enough where it works."
)


@dataclass(frozen=True)
class WaylandParts:
    """What was opened. Unpacks into windows, keyboard, clipboard."""

    windows: Windows | None
    keyboard: Keyboard | None
    clipboard: Clipboard | None
    means: tuple[Means, ...]
    """Every way that was tried, and how it went."""

    def __iter__(self) -> Iterator[Windows | Keyboard | Clipboard | None]:
        return iter((self.windows, self.keyboard, self.clipboard))

    def close(self) -> None:
        """Close all of it."""
        for part in (self.windows, self.keyboard, self.clipboard):
            if part is not None:
                part.close()


def open_wayland(environ: Mapping[str, str]) -> WaylandParts:
    """Open what works in the session of `environ`. Never raises TargetError; `means` tells the rest."""
    told: list[Means] = []
    portal = _Shared(lambda: _portal(environ))
    windows = _try(
        told, "windows", {"sway": lambda: _sway(environ), "toplevels": lambda: _toplevels(environ)}
    )
    keyboard = _try(
        told,
        "keyboard",
        {
            "virtual-keyboard": lambda: _virtual_keyboard(environ),
            "portal": lambda: portal.get().keyboard(),
            "ydotool": lambda: _ydotool(environ),
        },
    )
    clipboard = _try(
        told,
        "clipboard",
        {"wayland": lambda: _clipboard(environ), "portal": lambda: portal.get().clipboard()},
    )
    return WaylandParts(windows, keyboard, clipboard, tuple(told))


def _try(told: list[Means], part: Part, ways: Mapping[str, Callable[[], _Opened]]) -> _Opened | None:
    """Open the first way that works, and tell of each that was tried."""
    for name, open_ in ways.items():
        try:
            opened = open_()
        except TargetError as error:
            remedy = NO_WINDOWS if part == "windows" else error.hint
            told.append(Means(part, name, False, str(error), remedy))
            continue
        told.append(Means(part, name, True, WHY.get(name) or WHY[f"{name}-{part}"]))
        return opened
    return None


class _Shared:
    """The portal, opened when the first part needs it, and shared by both."""

    def __init__(self, open_: Callable[[], PortalDesktop]) -> None:
        self._open = open_
        self._portal: PortalDesktop | None = None

    def get(self) -> PortalDesktop:
        if self._portal is None:
            self._portal = self._open()
        return self._portal


def _sway(environ: Mapping[str, str]) -> Windows:
    from voice_edit.desktop._wayland_sway import SwayWindows

    return SwayWindows(environ)


def _toplevels(environ: Mapping[str, str]) -> Windows:
    from voice_edit.desktop._wayland_toplevels import ToplevelWindows

    return ToplevelWindows(environ)


def _virtual_keyboard(environ: Mapping[str, str]) -> Keyboard:
    from voice_edit.desktop._wayland_keyboard import VirtualKeyboard

    return VirtualKeyboard(environ)


def _clipboard(environ: Mapping[str, str]) -> Clipboard:
    from voice_edit.desktop._wayland_clipboard import WaylandClipboard
    from voice_edit.desktop._wayland_holder import hold
    from voice_edit.desktop._wayland_selection import Selections

    return WaylandClipboard(lambda: Selections(environ), keep=lambda held: hold(held, environ))


def _portal(environ: Mapping[str, str]) -> PortalDesktop:
    from voice_edit.desktop._portal_desktop import PortalDesktop

    return PortalDesktop(environ)


def _ydotool(environ: Mapping[str, str]) -> Keyboard:
    from voice_edit.desktop._ydotool import YdotoolKeyboard

    return YdotoolKeyboard(environ)
