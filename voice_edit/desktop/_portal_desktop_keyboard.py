"""Keys pressed through the RemoteDesktop portal.

Keys with a name are pressed by their place, which every layout shares; characters by their symbol, which the
desktop finds in the present layout. Whether it finds one is not told: text is typed only as far as nearly
every layout has it (ASCII), everything else is for the clipboard.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from hotkeys.chord import parse
from hotkeys.errors import ChordInvalid
from hotkeys.keys import KEYS, MODIFIERS, kind_of
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError

if TYPE_CHECKING:
    from voice_edit.desktop._portal_desktop import PortalDesktop

_PLACES: Final = {"\n": "enter", "\t": "tab"}
_UP, _DOWN = 0, 1

Key = tuple[str, int]
"""("Keycode", evdev code) or ("Keysym", X11 keysym)."""


class PortalKeyboard:
    """Raises FieldUnsupported while the user has not agreed, TargetGone, TargetTimeout."""

    name = "portal"

    def __init__(self, desktop: PortalDesktop) -> None:
        self._desktop = desktop

    def wait_until_released(self, timeout_s: float) -> bool:
        """True: nobody can tell."""
        return True

    def press(self, chord: str) -> None:
        """Press and release a chord."""
        try:
            parsed = parse(chord)
        except ChordInvalid as error:
            raise FieldUnsupported(str(error), hint=error.hint) from error
        names = sorted(parsed.modifiers, key=lambda name: MODIFIERS.index(kind_of(name) or ""))
        keys = [key_of(name if name in KEYS else f"left_{name}") for name in names]
        self._strike([*keys, key_of(parsed.key)])

    def untypable(self, text: str) -> str:
        """What is not ASCII."""
        return "".join(dict.fromkeys(char for char in text if not typable(char)))

    def type(self, text: str) -> None:
        """Type it, a character at a time."""
        if bad := self.untypable(text):
            raise FieldUnsupported(f"Nobody knows whether the present layout has “{bad}”.")
        for char in text:
            self._strike([key_of(_PLACES.get(char, char))])

    def close(self) -> None:
        """Let go of the session, if nobody else uses it."""
        self._desktop.let_go()

    def _strike(self, keys: Sequence[Key]) -> None:
        """Press them in this order and release them in the other; whatever fails, none stays down."""
        session = self._desktop.ready()
        down: list[Key] = []
        try:
            for key in keys:
                down.append(key)
                self._notify(session, key, _DOWN)
        except TargetError:
            for key in reversed(down):
                with contextlib.suppress(TargetError):
                    self._notify(session, key, _UP)
            raise
        for key in reversed(down):
            self._notify(session, key, _UP)

    def _notify(self, session: str, key: Key, state: int) -> None:
        bus = self._desktop.bus
        kind, number = key
        interface = "org.freedesktop.portal.RemoteDesktop"
        bus.run(bus.call(interface, f"NotifyKeyboard{kind}", "oa{sv}iu", [session, {}, number, state]))


def key_of(name: str) -> Key:
    """How a key is named to the portal. Pure."""
    if len(name) > 1:
        return "Keycode", KEYS[name].evdev
    code = ord(name)
    return "Keysym", code if code < 0x100 else 0x01000000 | code


def typable(char: str) -> bool:
    """Whether nearly every layout has it. Pure."""
    return char in _PLACES or " " <= char <= "~"
