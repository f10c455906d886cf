"""Keys pressed on an X server through XTEST, in the keyboard's present layout and never in another one.

The keyboard map is not touched. Programs that borrow a key for a character that no key has leave it bent when
two of them do so at once, and slow programs read the map when it has changed back already.

Nothing is pressed while a modifier is physically down, and none is released for the user: a release made up
for a key that is still down leaves the modifier latched in the end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Final

from Xlib import X

from hotkeys._x11keys import SHIFT_MASK, Keymap
from hotkeys.chord import Chord, parse
from hotkeys.errors import ChordInvalid, ChordUnsupported
from voice_edit.desktop._x11_layout import Layout, Stroke
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop._x11_xkb import Xkb
from voice_edit.desktop.errors import FieldUnsupported, KeysHeld
from voice_edit.errors import TargetUncertain

POLL_S: Final = 0.005
CHUNK: Final = 16
"""Characters typed between two looks at what the user does meanwhile."""
CHUNK_S: Final = 2.0
"""How long the server may take for a chunk."""


class X11Keyboard:
    """Raises FieldUnsupported where there is no X server, or one without XTEST."""

    name = "x11"

    def __init__(self, display: str | None = None) -> None:
        self._thread = XThread(display, "x11 keyboard")
        self._display = self._thread.display
        self._xkb: Xkb | None = None
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
        try:
            wanted = parse(chord)
        except ChordInvalid as problem:
            raise FieldUnsupported(
                f"{problem}.", hint="Correct it in the profile of this program."
            ) from problem
        self._thread.call(lambda: self._press(wanted))

    def untypable(self, text: str) -> str:
        """The characters of `text` that the present layout cannot type, each once."""
        strokes = self._thread.call(self._layout).strokes()
        return "".join(char for char in dict.fromkeys(text) if char not in strokes)

    def type(self, text: str) -> None:
        """Type it, a chunk at a time, into the window that has the keyboard.

        Raises FieldUnsupported for characters that `untypable` names and KeysHeld, both before the first
        key; TargetUncertain when the focus moved, a modifier went down or the layout changed on the way.
        """
        if not text:
            return
        layout, focus = self._thread.call(self._start_typing)
        strokes = layout.strokes()
        if missing := "".join(char for char in dict.fromkeys(text) if char not in strokes):
            raise FieldUnsupported(
                f"The keyboard has no key for {len(missing)} of these characters, in its present layout.",
                hint="Paste instead: allow `paste` in the profile of this program.",
            )
        for start in range(0, len(text), CHUNK):
            chunk = text[start : start + CHUNK]
            try:
                job = partial(self._type, chunk, strokes, layout, focus, start)
                self._thread.call(job, timeout_s=CHUNK_S)
            except KeysHeld as problem:
                if not start:
                    raise
                raise TargetUncertain(f"{problem} {start} of {len(text)} characters were typed.") from problem

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

    def _refuse_held(self) -> None:
        if held := self._held():
            names = ", ".join(sorted(held)).replace("_", " ")
            raise KeysHeld(f"{names[0].upper()}{names[1:]} is held down.")

    def _layout(self) -> Layout:
        self._xkb = self._xkb or Xkb(self._display)
        return self._xkb.layout()

    def _press(self, chord: Chord) -> None:
        self._refuse_held()
        keymap = Keymap.read(self._display)
        try:
            keycode, shifted = self._key_of(chord, keymap)
            modifiers = [min(keymap.keycodes(_either(name))[0]) for name in sorted(chord.modifiers)]
            if shifted and not {"shift", "left_shift", "right_shift"} & chord.modifiers:
                modifiers.append(min(keymap.keycodes("left_shift")[0]))
        except ChordUnsupported as problem:
            raise FieldUnsupported(f"The keys {chord} cannot be pressed: {problem}.") from problem
        self._strike([Stroke(keycode, tuple(modifiers))])

    def _key_of(self, chord: Chord, keymap: Keymap) -> tuple[int, bool]:
        """The key of a chord, and whether it needs Shift: where the layout of the moment has its character,
        else where any layout has it.
        """
        if len(chord.key) == 1:
            layout = self._layout()
            for shifts in (0, SHIFT_MASK):
                if stroke := layout.plain(chord.key, shifts):
                    return stroke, bool(shifts)
        grab = keymap.grab(chord)
        return min(grab.keycodes), bool(grab.mask & SHIFT_MASK)

    def _start_typing(self) -> tuple[Layout, int]:
        self._refuse_held()
        return self._layout(), self._focus()

    def _focus(self) -> int:
        focus = self._display.get_input_focus().focus
        return int(getattr(focus, "id", focus))

    def _type(self, chunk: str, strokes: dict[str, Stroke], layout: Layout, focus: int, typed: int) -> None:
        """One chunk, if everything is as it was when typing began."""
        self._refuse_held()
        if typed and self._focus() != focus:
            raise TargetUncertain(f"The focus moved while the words were typed, after {typed} characters.")
        if typed and self._layout() != layout:
            raise TargetUncertain(f"The layout changed while the words were typed, after {typed} characters.")
        self._strike([strokes[char] for char in chunk])

    def _strike(self, strokes: Sequence[Stroke]) -> None:
        """Keys one after the other, each with its modifiers held around it. Whatever happens, none stays
        down.
        """
        down: list[int] = []
        try:
            for stroke in strokes:
                for code in (*stroke.held, stroke.keycode):
                    down.append(code)
                    self._display.xtest_fake_input(X.KeyPress, code)
                while down:
                    self._display.xtest_fake_input(X.KeyRelease, down.pop())
        finally:
            while down:
                self._display.xtest_fake_input(X.KeyRelease, down.pop())
            self._display.sync()


def _either(modifier: str) -> str:
    """One key of a modifier: "shift" -> "left_shift"."""
    return modifier if modifier.startswith(("left_", "right_")) else f"left_{modifier}"
