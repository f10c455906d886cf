"""X11 names of keys to key codes and modifier masks, under the layout of the moment.

Grabs are made by key code, so switching between the layouts of one map (us, ru) does not touch them; when a
new map is loaded, we read it anew.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from Xlib import XK

from hotkeys.chord import Chord
from hotkeys.errors import ChordUnsupported
from hotkeys.keys import KEYS, SIDES

SHIFT_MASK: Final = 1
LOCK_MASK: Final = 2
CONTROL_MASK: Final = 4
ALL_MODIFIERS: Final = 0xFF
_EVDEV_OFFSET: Final = 8
"""X servers on Linux number keys as the kernel does, plus 8."""

_DEAD: Final = {
    "`": "dead_grave",
    "^": "dead_circumflex",
    "~": "dead_tilde",
    "\u00b4": "dead_acute",
    "\u00a8": "dead_diaeresis",
}
_KIND_KEYSYMS: Final = {
    "alt": ("Alt_L", "Alt_R", "Meta_L", "Meta_R"),
    "super": ("Super_L", "Super_R", "Hyper_L", "Hyper_R"),
}


@dataclass(frozen=True, slots=True)
class Grab:
    """What the server is asked to give us."""

    keycodes: frozenset[int]
    mask: int
    """Modifiers that must be down; locks are added by `Keymap.with_locks`."""


class Keymap:
    """A snapshot of the server's keyboard map."""

    def __init__(self, first: int, rows: Sequence[Sequence[int]], modifiers: Sequence[Sequence[int]]) -> None:
        """`rows[k]`: the keysyms of key code `first + k`; `modifiers[m]`: the key codes of mask `1 << m`."""
        self._first = first
        self._rows = [tuple(row) for row in rows]
        self._modifiers = [frozenset(code for code in codes if code) for codes in modifiers]
        locks = self._mask_of(("Num_Lock",)) | self._mask_of(("Scroll_Lock",)) | LOCK_MASK
        self.lock_mask = locks & ~(SHIFT_MASK | CONTROL_MASK)
        """Modifiers that stay on without being held."""

    @classmethod
    def read(cls, display: Any) -> Keymap:
        """Ask the server."""
        info = display.display.info
        count = info.max_keycode - info.min_keycode + 1
        return cls(
            info.min_keycode,
            display.get_keyboard_mapping(info.min_keycode, count),
            display.get_modifier_mapping(),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keymap) and (self._first, self._rows, self._modifiers) == (
            other._first, other._rows, other._modifiers
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self._first, len(self._rows)))

    def grab(self, chord: Chord) -> Grab:
        """Key codes and mask of a chord. Raises ChordUnsupported where the keyboard cannot press it."""
        keycodes, extra = self.keycodes(chord.key)
        mask = extra
        for name in chord.modifiers:
            mask |= self._modifier(name, chord)
        return Grab(keycodes, mask)

    def with_locks(self, mask: int) -> Iterator[int]:
        """`mask` with every combination of NumLock, CapsLock and ScrollLock."""
        bits = [1 << bit for bit in range(8) if self.lock_mask >> bit & 1]
        for count in range(len(bits) + 1):
            for chosen in itertools.combinations(bits, count):
                yield mask | sum(chosen)

    def keycodes(self, key: str) -> tuple[frozenset[int], int]:
        """The keys that type `key`, and the modifier they need for it: 0 or Shift.

        A character is looked for where it is typed without, then with Shift; a layout that does not have it
        at all (a Russian one for "e") leaves the key at its place on a US keyboard.
        """
        wanted = _keysyms(key)
        for columns, mask in (((0,), 0), ((2,), 0), ((1,), SHIFT_MASK), ((3,), SHIFT_MASK)):
            if found := self._typing(wanted, columns):
                return found, mask
        if key in KEYS:
            place = KEYS[key].evdev + _EVDEV_OFFSET
            if self._first <= place < self._first + len(self._rows):
                return frozenset({place}), 0
        raise ChordUnsupported(
            f"no key of this keyboard types {key!r}",
            hint="Choose a key that is on it, or name it by its place on a US keyboard.",
        )

    def modifier_keycodes(self) -> frozenset[int]:
        """All keys that act as a modifier while they are held; CapsLock and NumLock do not."""
        held = [codes for bit, codes in enumerate(self._modifiers) if not self.lock_mask >> bit & 1]
        return frozenset().union(*held)

    def kinds(self, mask: int) -> frozenset[str]:
        """The kinds of modifiers in a mask, locks left out: {"shift"}; {"modifier"} for an unknown one."""
        mask &= ALL_MODIFIERS & ~self.lock_mask
        masks = {kind: self._mask_of(names) for kind, names in _KIND_KEYSYMS.items()}
        masks |= {"shift": SHIFT_MASK, "ctrl": CONTROL_MASK}
        found = frozenset(kind for kind, bits in masks.items() if bits & mask)
        return found or frozenset({"modifier"} if mask else ())

    def name_of(self, keycode: int) -> str | None:
        """The modifier key at `keycode`: "left_ctrl"; None for any other key."""
        row = self._rows[keycode - self._first]
        for name in SIDES:
            if set(_keysyms(name)) & set(row[:2]):
                return name
        return None

    def characters(self) -> dict[int, str]:
        """Keysym of any level of a key -> the Latin-1 character that the key types on its own."""
        found: dict[int, str] = {}
        for row in self._rows:
            if row and 0x20 < row[0] < 0x100:
                found |= {keysym: chr(row[0]).lower() for keysym in row if keysym and keysym not in found}
        return found

    def _typing(self, wanted: Sequence[int], columns: Sequence[int]) -> frozenset[int]:
        for keysym in wanted:
            found = frozenset(
                self._first + index
                for index, row in enumerate(self._rows)
                if any(column < len(row) and row[column] == keysym for column in columns)
            )
            if found:
                return found
        return frozenset()

    def _mask_of(self, names: Sequence[str]) -> int:
        """The modifier bits that keys of these keysyms set."""
        keysyms = {_keysym(name) for name in names}
        codes = {self._first + index for index, row in enumerate(self._rows) if keysyms & set(row[:4])}
        return sum(1 << bit for bit, held in enumerate(self._modifiers) if held & codes)

    def _modifier(self, name: str, chord: Chord) -> int:
        if name in ("shift", "ctrl"):
            return SHIFT_MASK if name == "shift" else CONTROL_MASK
        if name in _KIND_KEYSYMS:
            mask = self._mask_of(_KIND_KEYSYMS[name])
        else:
            mask = self._mask_of(KEYS[name].keysyms)
            other = next(side for side, kind in SIDES.items() if kind == SIDES[name] and side != name)
            if mask & self._mask_of(KEYS[other].keysyms):
                raise ChordUnsupported(
                    f"X11 cannot tell <{name}> from <{other}> in {chord}",
                    hint=f"Write <{SIDES[name]}> instead, or use hotkeys.backend = 'evdev', which can.",
                )
        if not mask or mask & self.lock_mask:
            raise ChordUnsupported(f"the keyboard map has no modifier <{name}> for {chord}")
        return mask


def _keysyms(key: str) -> tuple[int, ...]:
    """The keysyms that mean `key`, the usual one first."""
    if key in KEYS and KEYS[key].keysyms:
        return tuple(_keysym(name) for name in KEYS[key].keysyms)
    code = ord(key)
    found = [code] if code < 0x100 else []
    # Keysyms older than Unicode: the high byte names a character set, the low byte a place in it.
    for charset, page in (("iso8859-2", 0x100), ("koi8-r", 0x600)):
        encoded = key.encode(charset, errors="ignore")
        if code >= 0x100 and encoded and encoded[0] >= 0xA0:
            found.append(page | encoded[0])
    found.append(0x1000000 + code)
    if key in _DEAD:
        found.append(_keysym(_DEAD[key]))
    return tuple(found)


def _keysym(name: str) -> int:
    """The number of a keysym. The name is one of ours and known."""
    return XK.string_to_keysym(name) or _MORE_KEYSYMS[name]


_MORE_KEYSYMS: Final = {
    "ISO_Level3_Shift": 0xFE03,
    "dead_grave": 0xFE50,
    "dead_acute": 0xFE51,
    "dead_circumflex": 0xFE52,
    "dead_tilde": 0xFE53,
    "dead_diaeresis": 0xFE57,
    "XF86AudioPlay": 0x1008FF14,
    "XF86AudioNext": 0x1008FF17,
    "XF86AudioPrev": 0x1008FF16,
    "XF86AudioStop": 0x1008FF15,
    "XF86AudioMute": 0x1008FF12,
    "XF86AudioMicMute": 0x1008FFB2,
}
"""Those that python-xlib only knows after loading a group of them. An unknown one would be 0: no key."""
