"""Names of targets and properties, and who a window belongs to."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any, Final

from Xlib.error import XError

CLIPBOARD: Final = "CLIPBOARD"
PRIMARY: Final = "PRIMARY"
MANAGER: Final = "CLIPBOARD_MANAGER"
"""Owned by a clipboard manager that says what it is."""

META: Final = frozenset({"TARGETS", "MULTIPLE", "TIMESTAMP"})
"""Targets about the selection itself, which every owner answers from its own knowledge."""
EFFECTS: Final = frozenset({"DELETE", "INSERT_PROPERTY", "INSERT_SELECTION", "SAVE_TARGETS"})
"""Targets that do something instead of giving data (ICCCM 2.6.3): never asked for."""


class Atoms:
    """Names to numbers and back, each asked of the server once."""

    def __init__(self, display: Any) -> None:
        self._display = display
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def __getitem__(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = int(self._display.intern_atom(name))
            self._names[number] = name
        return number

    def name(self, number: int) -> str:
        """ "" for a number that is no atom."""
        if number and number not in self._names:
            try:
                self._names[number] = str(self._display.get_atom_name(number))
            except XError:
                return ""
            self._numbers[self._names[number]] = number
        return self._names.get(number, "")


def client_of(display: Any, window_id: int) -> int:
    """The X client that made a window: the part of the id that the server gave it."""
    return int(window_id & ~display.display.info.resource_id_mask)


_CODES: Final = {size: code for code in "BHIL" for size in (array(code).itemsize * 8,)}


def units(data: bytes, bits: int) -> list[int]:
    """Bytes of a property as numbers of 16 or 32 bits."""
    return [
        int.from_bytes(data[place : place + bits // 8], sys.byteorder)
        for place in range(0, len(data), bits // 8)
    ]


def packed(numbers: Sequence[int], bits: int) -> bytes:
    """Numbers of 16 or 32 bits as the bytes of a property."""
    return array(_CODES[bits], numbers).tobytes()
