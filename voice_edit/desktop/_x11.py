"""An X session: its windows, its keyboard, its clipboard."""

from __future__ import annotations

from voice_edit.desktop._x11_clipboard import X11Clipboard
from voice_edit.desktop._x11_keyboard import X11Keyboard
from voice_edit.desktop._x11_windows import X11Windows


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
