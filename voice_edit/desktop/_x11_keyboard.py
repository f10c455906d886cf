"""Keys pressed on an X server through XTEST, in the keyboard's present layout and never in another one.

The keyboard map is not touched. Programs that borrow a key for a character that no key has leave it bent when
two of them do so at once, and slow programs read the map when it has changed back already.
"""

from __future__ import annotations

import time
from typing import Any, Final

from Xlib import X

from hotkeys._x11keys import Keymap
from hotkeys.chord import Chord, parse
from hotkeys.errors import ChordUnsupported
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop.errors import FieldUnsupported, KeysHeld

POLL_S: Final = 0.005


class X11Keyboard:
    """Raises FieldUnsupported where there is no X server, or one without XTEST."""

    name = "x11"

    def __init__(self, display: str | None = None) -> None:
        self._thread = XThread(display, "x11 keyboard")
        self._display = self._thread.display
        if not self._thread.call(lambda: self._display.has_extension("XTEST")):
            self._thread.close()
            raise FieldUnsupported(
                "This X server has no XTEST: no key can be pressed for you.",
                hint="Paste the words yourself: they are on the clipboard.",
            )

    def wait_until_released(self, timeout_s: float) -> bool:
        """Wait until no modifier is physically down; False when one still is."""
        deadline_s = time.monotonic() + timeout_s
        while self._thread.call(self._held):
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(POLL_S)
        return True

    def press(self, chord: str) -> None:
        """Press and release a chord. Raises KeysHeld while a modifier is down, FieldUnsupported for a chord
        that this keyboard cannot press.
        """
        wanted = parse(chord)
        self._thread.call(lambda: self._press(wanted))

    def untypable(self, text: str) -> str:
        """The characters of `text` that the present layout cannot type, each once."""
        return "".join(dict.fromkeys(text))

    def type(self, text: str) -> None:
        """Type it."""
        raise FieldUnsupported("This keyboard types nothing yet.")

    def close(self) -> None:
        """Close the connection."""
        self._thread.close()

    # --- in the thread ------------------------------------------------------------------------------------

    def _held(self) -> frozenset[str]:
        """Modifiers that are down, or latched; locks do not count."""
        keymap = Keymap.read(self._display)
        bits = self._display.query_keymap()
        down = {code for code in keymap.modifier_keycodes() if bits[code // 8] >> code % 8 & 1}
        mask = self._display.screen().root.query_pointer().mask & 0xFF & ~keymap.lock_mask
        return frozenset(keymap.name_of(code) or f"key {code}" for code in down) or keymap.kinds(mask)

    def _press(self, chord: Chord) -> None:
        if held := self._held():
            raise KeysHeld(f"{', '.join(sorted(held))} is held down.")
        keymap = Keymap.read(self._display)
        try:
            grab = keymap.grab(chord)
            modifiers = [min(keymap.keycodes(_either(name))[0]) for name in sorted(chord.modifiers)]
        except ChordUnsupported as problem:
            raise FieldUnsupported(f"The keys {chord} cannot be pressed: {problem}.") from problem
        if grab.mask & 1 and not {"shift", "left_shift", "right_shift"} & chord.modifiers:
            modifiers.append(min(keymap.keycodes("left_shift")[0]))
        self._strike(min(grab.keycodes), modifiers)

    def _strike(self, keycode: int, modifiers: list[int]) -> None:
        """One key, with modifiers held around it. Whatever happens, nothing stays down."""
        down: list[int] = []
        try:
            for code in (*modifiers, keycode):
                down.append(code)
                self._fake(X.KeyPress, code)
        finally:
            for code in reversed(down):
                self._fake(X.KeyRelease, code)
            self._display.sync()

    def _fake(self, kind: int, keycode: int) -> Any:
        self._display.xtest_fake_input(kind, keycode)


def _either(modifier: str) -> str:
    """One key of a modifier: "shift" -> "left_shift"."""
    return modifier if modifier.startswith(("left_", "right_")) else f"left_{modifier}"
