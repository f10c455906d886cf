"""Puts together what works in this session. Whatever fails becomes a line of `doctor`, never an exception.

          accessibility    windows          clipboard            keyboard
x11       at-spi           x11              x11                  x11
wayland   at-spi           sway             data-control,        wtype, portal,
                                            portal               ydotool
macos     ax               ax               ax                   ax
windows   not yet          not yet          pyperclip (put)      not yet
none      -                -                -                    -
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from voice_edit.desktop.base import Desktop, Means
from voice_edit.desktop.session import session_kind

if TYPE_CHECKING:
    from voice_edit.config import Settings
    from voice_edit.desktop.base import Accessibility, Clipboard, Keyboard, Windows

logger = logging.getLogger(__name__)

Part: TypeAlias = Literal["accessibility", "windows", "clipboard", "keyboard"]

INSTALL = "Install voice-edit again: pip install voice-edit"
NOT_YET = "Fields of Windows programs cannot be read or written yet."
BY_HAND = "Dictate, then paste with Ctrl+V: the words are left on the clipboard."
NO_DESKTOP = "There is no desktop here: neither DISPLAY nor WAYLAND_DISPLAY is set."
TERMINAL_WAY = (
    "Use voice-edit tui (practice pad) or voice-edit edit FILE, or start it in the desktop session."
)


def open_desktop(
    environ: Mapping[str, str] = os.environ, settings: Settings | None = None, *, platform: str = sys.platform
) -> Desktop:
    """Everything that works in this session. Never raises; `means` tells what does not, and what helps.

    `settings` None: the defaults. Blocks for a few seconds at worst, where a service hangs.
    """
    kind = session_kind(environ, platform)
    opening = _Opening(environ)
    if settings is not None and not settings.field.enabled:
        why = "Switched off by field.enabled."
        means = [Means(part, "none", works=False, why=why, remedy="") for part in _PARTS]
        return Desktop(kind, None, None, None, None, means)
    match kind:
        case "x11":
            opening.at_spi()
            opening.x11()
        case "wayland":
            opening.at_spi()
            opening.wayland()
        case "macos":
            opening.mac()
        case "windows":
            opening.not_yet()
        case "none":
            opening.nothing(NO_DESKTOP, TERMINAL_WAY)
    if opening.clipboard is None and kind != "none":
        opening.plain_clipboard()
    return Desktop(
        kind,
        opening.accessibility,
        opening.windows,
        opening.clipboard,
        opening.keyboard,
        tuple(opening.means),
    )


EDITED = "Fields tell what they hold: text is edited in place and read back."
SWITCHED_ON = (
    " It was off in this session and is on now, as a screen reader does it: Qt and browsers need that."
)
X11: tuple[tuple[Part, str, str], ...] = (
    ("windows", "X11Windows", "Which window has the keyboard is known before anything is written."),
    ("keyboard", "X11Keyboard", "Keys are pressed through XTEST, in the present layout."),
    ("clipboard", "X11Clipboard", "It is borrowed for a paste, and given back in every type."),
)
"""Each part of an X session: the class that is it, and what it is good for."""
_PARTS: tuple[Part, ...] = ("accessibility", "windows", "clipboard", "keyboard")


class _Opening:
    """What has been opened so far."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.accessibility: Accessibility | None = None
        self.windows: Windows | None = None
        self.clipboard: Clipboard | None = None
        self.keyboard: Keyboard | None = None
        self.means: list[Means] = []

    def at_spi(self) -> None:
        """Linux's accessibility service."""
        opened = self._call(("accessibility",), "at-spi", "_atspi", "open_atspi")
        if opened is not None:
            self.accessibility = opened
            self._tell("accessibility", "at-spi", works=True, why=EDITED + SWITCHED_ON * opened.switched_on)

    def x11(self) -> None:
        """Each part by itself: without XTEST the clipboard still works."""
        display = self.environ.get("DISPLAY", "")
        for part, name, why in X11:
            opened = self._call((part,), "x11", "_x11", name, display)
            if opened is not None:
                setattr(self, part, opened)
                self._tell(part, "x11", works=True, why=why)

    def wayland(self) -> None:
        opened = self._call(_PARTS[1:], "wayland", "_wayland", "open_wayland", self.environ)
        if opened is not None:
            self.windows, self.keyboard, self.clipboard = opened.windows, opened.keyboard, opened.clipboard
            self.means += opened.means

    def mac(self) -> None:
        opened = self._call(_PARTS, "ax", "_ax", "open_ax")
        if opened is not None:
            self.accessibility, self.windows = opened.accessibility, opened.windows
            self.clipboard, self.keyboard = opened.clipboard, opened.keyboard
            self.means += opened.means

    def not_yet(self) -> None:
        for part in ("accessibility", "windows", "keyboard"):
            self._tell(part, "uia", works=False, why=NOT_YET, remedy=BY_HAND)

    def nothing(self, why: str, remedy: str) -> None:
        for part in _PARTS:
            self._tell(part, "none", works=False, why=why, remedy=remedy)

    def plain_clipboard(self) -> None:
        """At least the words can be left there."""
        from voice_edit.desktop._plain_clipboard import PlainClipboard

        self.clipboard = PlainClipboard()
        why = "Words can be left on the clipboard, and are pasted by hand."
        self._tell("clipboard", "pyperclip", works=True, why=why)

    def _call(self, parts: tuple[Part, ...], name: str, module: str, function: str, *arguments: Any) -> Any:
        """Open what one library has; None, and a line for each of these parts, where that fails."""
        from voice_edit.errors import VoiceEditError

        try:
            found = getattr(importlib.import_module(f"voice_edit.desktop.{module}"), function)
            opened = found(*arguments)
        except VoiceEditError as error:
            why, remedy = str(error), error.hint
        except ImportError as error:
            why, remedy = f"A library is missing: {error}.", INSTALL
        except Exception as error:
            logger.warning("opening %s failed", name, exc_info=True)
            why = f"A fault in voice-edit itself: {type(error).__name__}: {error}."
            remedy = "Please report this line."
        else:
            return opened
        for part in parts:
            self._tell(part, name, works=False, why=why, remedy=remedy)
        return None

    def _tell(self, part: Part, name: str, *, works: bool, why: str, remedy: str = "") -> None:
        self.means.append(Means(part, name, works, why, remedy))
