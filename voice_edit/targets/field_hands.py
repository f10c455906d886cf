"""Clipboard and keyboard on one window: nothing is pasted or typed unless the right field has the focus and
no modifier is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice_edit.desktop.errors import FieldMoved, FieldUnsupported, KeysHeld, PasteUnclaimed
from voice_edit.errors import TargetError, TargetUncertain

if TYPE_CHECKING:
    from voice_edit.config import FieldSettings
    from voice_edit.desktop.base import Clipboard, Desktop, Field, Keyboard
    from voice_edit.targets.field_choice import Focus

AT_ONCE = 16
"""Characters that are typed before it is looked again whether the focus is still there."""


class FieldHands:
    """Writes where the focus was when talking began, and only there."""

    def __init__(self, desktop: Desktop, focus: Focus, settings: FieldSettings) -> None:
        self._desktop = desktop
        self._focus = focus
        self._settings = settings

    def prepare(self) -> None:
        """A paste may come soon."""
        if self._desktop.clipboard is not None and self._focus.mechanisms[:1] == ("paste",):
            self._desktop.clipboard.prepare()

    def paste(self, text: str, field: Field | None = None) -> None:
        """Paste it in place of the selection. Raises FieldMoved, KeysHeld, PasteUnclaimed, TargetError."""
        clipboard, keyboard = self._clipboard(), self._ready(field)
        chord = self._focus.profile.chord

        def press() -> None:
            self._check(field)  # the clipboard took its time
            keyboard.press(chord)

        state = clipboard.paste(
            text,
            into=self._focus.window,
            press=press,
            timeout_s=self._settings.paste_timeout_ms / 1000,
            primary=True if self._focus.pastes_primary else None,
        )
        if state == "unclaimed":
            raise PasteUnclaimed(f"{self._focus.title} did not take what was pasted with {chord}.")

    def type(self, text: str, field: Field | None = None) -> None:
        """Type it in place of the selection. Raises FieldUnsupported for what the keyboard cannot type."""
        keyboard = self._ready(field)
        if missing := keyboard.untypable(text):
            shown = missing if len(missing) <= 8 else f"{missing[:8]}…"
            raise FieldUnsupported(f"The keyboard layout has no keys for “{shown}”.")
        for start in range(0, len(text), AT_ONCE):
            try:
                self._check(field)
            except TargetError as error:
                if not start:
                    raise
                raise TargetUncertain(f"{error} A part of the words was typed before.") from error
            keyboard.type(text[start : start + AT_ONCE])

    def delete(self, field: Field) -> None:
        """Take away what is selected."""
        self._ready(field).press("<backspace>")

    def _clipboard(self) -> Clipboard:
        if self._desktop.clipboard is None:
            raise FieldUnsupported("There is no clipboard here that could be borrowed.")
        return self._desktop.clipboard

    def _ready(self, field: Field | None) -> Keyboard:
        keyboard = self._desktop.keyboard
        if keyboard is None:
            raise FieldUnsupported("There is no way here to press a key.")
        self._check(field)
        if not keyboard.wait_until_released(self._settings.keys_up_ms / 1000):
            raise KeysHeld("A modifier key is still held down.")
        return keyboard

    def _check(self, field: Field | None) -> None:
        """Raise FieldMoved unless window and element still have the focus."""
        windows, window = self._desktop.windows, self._focus.window
        if windows is not None and window is not None:
            now = windows.active()
            if now is None or now.id != window.id:
                where = "no window" if now is None else now.app or now.title or "another window"
                raise FieldMoved(f"The focus moved from {self._focus.title} to {where}.")
        if field is not None:
            if not field.is_focused():
                raise FieldMoved(f"Another field than the one of {self._focus.title} has the focus now.")
        elif (element := self._focus.element) is not None and self._desktop.accessibility is not None:
            focused = self._desktop.accessibility.focused()
            if focused is not None and focused.ref != element.ref:
                raise FieldMoved(f"Another field than the one of {self._focus.title} has the focus now.")
