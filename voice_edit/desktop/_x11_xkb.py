"""Read the keyboard map of an X server with XKB requests that python-xlib does not have.

The core protocol shows a flattened map, in which third levels and groups run into each other; what a key
types under AltGr in the second of three layouts can only be told from this one. After `XKBproto.h`.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from Xlib.protocol import rq

from voice_edit.desktop._x11_layout import Key, KeyType, Layout
from voice_edit.desktop.errors import FieldUnsupported

_CORE_KEYBOARD: Final = 0x100
_TYPES, _KEYSYMS, _MODIFIERS = 1, 2, 4
_WRAPS: Final = {0x00: "wrap", 0x40: "clamp"}


class _UseExtension(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(0), rq.RequestLength(), rq.Card16("major"), rq.Card16("minor")
    )
    _reply = rq.Struct(
        rq.ReplyCode(), rq.Bool("supported"), rq.Card16("sequence_number"), rq.ReplyLength(), rq.Pad(24)
    )


class _GetState(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(4), rq.RequestLength(), rq.Card16("device"), rq.Pad(2))
    _reply = rq.Struct(
        rq.ReplyCode(), rq.Card8("device"), rq.Card16("sequence_number"), rq.ReplyLength(),
        rq.Card8("mods"), rq.Card8("base_mods"), rq.Card8("latched_mods"), rq.Card8("locked_mods"),
        rq.Card8("group"), rq.Card8("locked_group"), rq.Pad(18),
    )  # fmt: skip


class _GetMap(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(8), rq.RequestLength(), rq.Card16("device"),
        rq.Card16("full"), rq.Pad(20),
    )  # fmt: skip
    _reply = rq.Struct(
        rq.ReplyCode(), rq.Card8("device"), rq.Card16("sequence_number"), rq.ReplyLength(), rq.Pad(2),
        rq.Card8("first"), rq.Card8("last"), rq.Card16("present"),
        rq.Pad(1), rq.Card8("types"), rq.Pad(1),
        rq.Card8("first_keysym"), rq.Pad(2), rq.Card8("keysyms"),
        rq.Pad(10),
        rq.Pad(2), rq.Card8("modifiers"), rq.Pad(6),
        rq.Binary("data"),
    )  # fmt: skip


class Xkb:
    """XKB on one connection. Raises FieldUnsupported where the server has none."""

    def __init__(self, display: Any) -> None:
        self._display = display
        extension = display.query_extension("XKEYBOARD")
        self._opcode = int(extension.major_opcode) if extension else 0
        if self._opcode:
            used = _UseExtension(display=display.display, opcode=self._opcode, major=1, minor=0)
            self._opcode = self._opcode if used.supported else 0
        if not self._opcode:
            raise FieldUnsupported(
                "This X server has no XKB: nobody can tell what its keys type.",
                hint="Paste instead: allow `paste` in the profile of this program.",
            )

    def layout(self) -> Layout:
        """The map and its state, as they are now."""
        state = _GetState(display=self._display.display, opcode=self._opcode, device=_CORE_KEYBOARD)
        told = _GetMap(
            display=self._display.display, opcode=self._opcode, device=_CORE_KEYBOARD,
            full=_TYPES | _KEYSYMS | _MODIFIERS,
        )  # fmt: skip
        try:
            keys, modifiers = parse_map(
                bytes(told.data), told.types, told.first_keysym, told.keysyms, told.modifiers
            )
        except (struct.error, IndexError) as problem:
            raise FieldUnsupported("The keyboard map of this X server cannot be read.") from problem
        return Layout(keys, modifiers, state.group, state.locked_mods)

    def latched(self) -> int:
        """Modifiers that are on for the next key (sticky keys)."""
        state = _GetState(display=self._display.display, opcode=self._opcode, device=_CORE_KEYBOARD)
        return int(state.latched_mods)


def parse_map(
    data: bytes, types: int, first_keysym: int, keysyms: int, modifiers: int
) -> tuple[dict[int, Key], dict[int, int]]:
    """The variable part of a GetMap reply: keys, and modifier bits, both by key code.

    `types`, `keysyms`, `modifiers`: how many of each there are. Raises struct.error on a short answer.
    """
    found: list[KeyType] = []
    place = 0
    for _ in range(types):
        kind, place = _type(data, place)
        found.append(kind)
    keys: dict[int, Key] = {}
    for keycode in range(first_keysym, first_keysym + keysyms):
        *indexes, info, width, count = struct.unpack_from("=4BBBH", data, place)
        place += 8
        syms = struct.unpack_from(f"={count}I", data, place)
        place += 4 * count
        groups = [
            (found[indexes[group]], syms[group * width : (group + 1) * width]) for group in range(info & 0x0F)
        ]
        beyond = _WRAPS.get(info & 0xC0, f"redirect:{info >> 4 & 3}")
        keys[keycode] = Key(groups, beyond)
    held = dict(struct.unpack_from("=BB", data, place + 2 * number) for number in range(modifiers))
    return keys, held


def _type(data: bytes, place: int) -> tuple[KeyType, int]:
    """One key type, and where the next one begins."""
    mask, entries, preserves = struct.unpack_from("=B4xBBx", data, place)
    place += 8
    rows = [struct.unpack_from("=BBB5x", data, place + 8 * number) for number in range(entries)]
    place += 8 * entries
    kept = [
        struct.unpack_from("=B3x", data, place + 4 * number)[0]
        for number in range(entries if preserves else 0)
    ]
    place += 4 * len(kept)
    levels = {mods: level for active, mods, level in rows if active}
    preserved = {mods: keep for (active, mods, _), keep in zip(rows, kept, strict=False) if active and keep}
    return KeyType(mask, levels, preserved), place
