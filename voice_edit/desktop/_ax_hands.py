"""Keys and pasteboard of macOS."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from voice_edit.desktop import ax_mapping as ax
from voice_edit.desktop._ax_api import AxError
from voice_edit.desktop.errors import FieldUnsupported, KeysHeld

if TYPE_CHECKING:
    from voice_edit.desktop._ax_api import AxApi
    from voice_edit.desktop.base import PasteState, Window

LOOK_EVERY_S = 0.01
FETCHED_S = 0.6
"""Nobody tells when a program has fetched what was pasted. Programs fetch at once when the key arrives; a
busy one may take longer, and what it then pastes is found out by reading the field back."""
BETWEEN_S = 0.002
"""Pause between two typed pieces: events that come faster are merged or dropped by some programs."""


class AxKeyboard:
    """Key events of the system."""

    name = "ax"

    def __init__(self, api: AxApi) -> None:
        self._api = api

    def wait_until_released(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self._held():
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOOK_EVERY_S)
        return True

    def press(self, chord: str) -> None:
        """Raises FieldUnsupported for a key that there is not, KeysHeld while a modifier is down."""
        stroke = ax.stroke(chord)
        if self._held():
            raise KeysHeld("A modifier key is still held down.")
        self._api.key(stroke.code, down=True, flags=stroke.flags)
        self._api.key(stroke.code, down=False, flags=stroke.flags)

    def untypable(self, text: str) -> str:
        return ax.untypable(text)

    def type(self, text: str) -> None:
        if missing := ax.untypable(text):
            raise FieldUnsupported(f"No key types “{missing}”.")
        for piece in ax.pieces(text):
            if self._held():
                raise KeysHeld("A modifier key went down while text was typed.")
            code, words = (0, piece) if isinstance(piece, str) else (piece, None)
            self._api.key(code, down=True, text=words)
            self._api.key(code, down=False, text=words)
            time.sleep(BETWEEN_S)

    def close(self) -> None:
        """Nothing is held."""

    def _held(self) -> bool:
        return bool(self._api.modifiers() & ax.ANY_MODIFIER)


class AxClipboard:
    """The pasteboard, borrowed for a moment."""

    name = "ax"

    def __init__(self, api: AxApi) -> None:
        self._api = api

    def prepare(self) -> None:
        """There is nothing to be gained."""

    def paste(
        self,
        text: str,
        *,
        into: Window | None,
        press: Callable[[], None],
        timeout_s: float,
        primary: bool | None = None,
    ) -> PasteState:
        """As the protocol says, but "claimed" means only that there was time for it: nobody tells."""
        saved = self._api.board_read()
        size = sum(len(data) for item in saved for data in item.values())
        if size > ax.MOST_SAVED:
            raise FieldUnsupported(f"The clipboard holds too much to be put back ({size >> 20} MB).")
        ours = self._write([_item(text, passing=True)])
        try:
            press()
            time.sleep(min(timeout_s, FETCHED_S))
        finally:
            if self._api.board_count() == ours:  # else somebody copied something meanwhile: theirs stays
                self._write(saved)
        return "claimed"

    def put(self, text: str) -> bool:
        self._write([_item(text, passing=False)])
        items = self._api.board_read()
        return bool(items) and items[0].get(ax.PLAIN) == text.encode("utf-8")

    def close(self) -> None:
        """The pasteboard is the system's: what is on it stays."""

    def _write(self, items: list[dict[str, bytes]]) -> int:
        try:
            self._api.board_write(items)
        except AxError as error:
            raise FieldUnsupported("The clipboard cannot be written.") from error
        return self._api.board_count()


def _item(text: str, *, passing: bool) -> dict[str, bytes]:
    item = {ax.PLAIN: text.encode("utf-8")}
    return item | (dict.fromkeys(ax.PASSING, b"") if passing else {})
