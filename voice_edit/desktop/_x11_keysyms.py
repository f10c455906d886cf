"""Which character a keysym of X11 types.

Keysyms for characters are the code point plus 0x1000000, and before Unicode they were a page (a character
set) and a place in it. Layouts still use both.
"""

# ruff: noqa: RUF001  (letters that look like others are what this is about)

from __future__ import annotations

from typing import Final

RETURN: Final = 0xFF0D
SHIFTS: Final = frozenset({0xFFE1, 0xFFE2, 0xFE03, 0xFE11})
"""Shift_L, Shift_R, ISO_Level3_Shift (AltGr), ISO_Level5_Shift: while held they choose the level."""

_PAGES: Final = {
    0x100: "iso8859-2", 0x200: "iso8859-3", 0x300: "iso8859-4", 0x500: "iso8859-6", 0x600: "koi8-r",
    0x700: "iso8859-7", 0xC00: "iso8859-8", 0xD00: "tis-620",
}  # fmt: skip
_FIRST: Final = {0x600: 0xC0, 0x700: 0xC1, 0xC00: 0xE0}
"""From where on a page follows its character set; before it there is a table of its own."""

_SLAVIC: Final = "ђѓёєѕіїјљњћќґўџ№ЂЃЁЄЅІЇЈЉЊЋЌҐЎЏ"
"""0x6A1 and following."""
_OTHERS: Final = {
    0x7A1: "Ά", 0x7A2: "Έ", 0x7A3: "Ή", 0x7A4: "Ί", 0x7A5: "Ϊ", 0x7A7: "Ό", 0x7A8: "Ύ", 0x7A9: "Ϋ",
    0x7AB: "Ώ", 0x7B1: "ά", 0x7B2: "έ", 0x7B3: "ή", 0x7B4: "ί", 0x7B5: "ϊ", 0x7B6: "ΐ", 0x7B7: "ό",
    0x7B8: "ύ", 0x7B9: "ϋ", 0x7BA: "ΰ", 0x7BB: "ώ", 0x7D2: "Σ", 0x7F2: "σ", 0x7F3: "ς",
    0x8FB: "←", 0x8FC: "↑", 0x8FD: "→", 0x8FE: "↓", 0x8BC: "≤", 0x8BD: "≠", 0x8BE: "≥", 0xAE6: "•",
    0xAA9: "—", 0xAAA: "–", 0xAAE: "…", 0xAC9: "™", 0xAD0: "‘", 0xAD1: "’", 0xAD2: "“", 0xAD3: "”",
    0xAFD: "‚", 0xAFE: "„", 0x13BC: "Œ", 0x13BD: "œ", 0x13BE: "Ÿ",
}  # fmt: skip


def character(keysym: int) -> str:
    """The character that a keysym types; "" for keys that type none, or one we do not know.

    Tab is none: it moves the focus as often as it types.
    """
    if keysym == RETURN:
        return "\n"
    if 0x20 <= keysym < 0x7F or 0xA0 <= keysym < 0x100:
        return chr(keysym)
    if 0x1000100 <= keysym <= 0x110FFFF:
        return chr(keysym - 0x1000000)
    if 0x20A0 <= keysym <= 0x20AC:  # currencies, which are where Unicode has them
        return chr(keysym)
    if keysym in _OTHERS:
        return _OTHERS[keysym]
    if 0x6A1 <= keysym < 0x6A1 + len(_SLAVIC):
        return _SLAVIC[keysym - 0x6A1]
    page, place = keysym & ~0xFF, keysym & 0xFF
    if page in _PAGES and place >= _FIRST.get(page, 0xA1):
        return bytes([place]).decode(_PAGES[page], "ignore")
    return ""


def uppercase(keysym: int) -> int:
    """What CapsLock makes of a keysym where the key has no say of its own."""
    upper = character(keysym).upper()
    if len(upper) != 1 or upper == character(keysym):
        return keysym
    return ord(upper) if ord(upper) < 0x100 else 0x1000000 + ord(upper)
