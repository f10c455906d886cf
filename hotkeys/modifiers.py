"""Which modifiers are physically down.

Text must not be inserted while Ctrl, Alt, Shift or Super is held: the letters would arrive as shortcuts. The
release is waited for and never synthesised: a release made up while the key is still down leaves the modifier
latched in the end.
"""

from __future__ import annotations

import time
from typing import Any

POLL_S = 0.005


class HeldModifiers:
    """Asks an X server. Raises BackendUnavailable where there is none.

    On Wayland an X server (Xwayland) answers only for the time in which one of its windows has the focus.
    """

    def __init__(self, display: str | None = None) -> None:
        from hotkeys._x11 import connect
        from hotkeys._x11keys import Keymap

        self._display: Any = connect(display)
        self._keymap = Keymap

    def held(self) -> frozenset[str]:
        """The modifiers that are down: {"left_ctrl", "right_alt"}. CapsLock and NumLock do not count.

        One that is latched without being down (sticky keys) is named by its kind: "shift".
        """
        keymap = self._keymap.read(self._display)
        bits = self._display.query_keymap()
        down = {code for code in keymap.modifier_keycodes() if bits[code // 8] >> code % 8 & 1}
        names = {keymap.name_of(code) or f"key {code}" for code in down}
        mask = self._display.screen().root.query_pointer().mask & 0xFF & ~keymap.lock_mask
        return frozenset(names) if names else keymap.kinds(mask)

    def wait_until_released(self, timeout_s: float) -> bool:
        """Wait until no modifier is down; False when one still is after `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        while self.held():
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(POLL_S)
        return True

    def close(self) -> None:
        """Close the connection."""
        self._display.close()


def wait_until_released(timeout_s: float, *, display: str | None = None) -> bool:
    """Wait until no modifier is physically down; False when one still is after `timeout_s`.

    Raises BackendUnavailable where nobody can tell: without an X server.
    """
    asked = HeldModifiers(display)
    try:
        return asked.wait_until_released(timeout_s)
    finally:
        asked.close()
