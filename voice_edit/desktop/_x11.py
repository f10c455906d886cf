"""An X session: its windows, its keyboard, its clipboard."""

from __future__ import annotations

from voice_edit.desktop._x11_clipboard import X11Clipboard
from voice_edit.desktop._x11_keyboard import X11Keyboard
from voice_edit.desktop._x11_windows import X11Windows
from voice_edit.desktop.base import Means
from voice_edit.errors import TargetError


def open_x11(display: str | None = None) -> tuple[X11Windows, X11Keyboard, X11Clipboard]:
    """Connect to `display`, $DISPLAY by default. Raises FieldUnsupported with a remedy where that fails."""
    opened: list[X11Windows | X11Keyboard | X11Clipboard] = []
    try:
        windows = X11Windows(display)
        opened.append(windows)
        keyboard = X11Keyboard(display)
        opened.append(keyboard)
        return windows, keyboard, X11Clipboard(display)
    except BaseException:
        for part in opened:
            part.close()
        raise


def probe_x11(display: str | None = None) -> tuple[Means, ...]:
    """What works on an X server, and why the rest does not."""
    told: list[Means] = []
    for part, kind, good in (
        ("windows", X11Windows, "Which window has the keyboard is asked of the X server."),
        ("keyboard", X11Keyboard, "Keys are pressed through XTEST, in the present layout."),
        ("clipboard", X11Clipboard, "The clipboard is borrowed for a paste, and given back in every type."),
    ):
        try:
            kind(display).close()
        except TargetError as problem:
            told.append(Means(part, "x11", False, str(problem), problem.hint))  # type: ignore[arg-type]
        else:
            told.append(Means(part, "x11", True, good))  # type: ignore[arg-type]
    return tuple(told)
