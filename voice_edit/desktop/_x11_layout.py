"""Which keys type a text in the layout of the moment. Pure: the map and the state are arguments.

A key has groups (the layouts of one map), a group has levels, and the modifiers that are held choose the
level, by the rule of the key's type. We hold Shift and AltGr only; locks that are on are reckoned with.

Dead keys are left alone, though a person types é with them. What they compose is put together by the program,
and Qt (6.12) puts it in ahead of the keys that still wait in its queue: at our speed, letters change places.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from voice_edit.desktop._x11_keysyms import SHIFTS, character, uppercase

LOCK = 2
"""The modifier bit of CapsLock."""
_LAST_REAL = 94
"""Key code of the key left of Z on an ISO keyboard, the last of the letters' block in Linux's numbering."""


@dataclass(frozen=True, slots=True)
class KeyType:
    """How modifiers choose a level."""

    mask: int
    """Modifiers that matter."""
    levels: Mapping[int, int]
    """Which of them are down -> level; 0 for any others."""
    preserved: Mapping[int, int] = field(default_factory=dict)
    """Which of them are down -> those that still act on what the key types."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key."""

    groups: Sequence[tuple[KeyType, Sequence[int]]]
    """For each group its type, and the keysyms of its levels."""
    beyond: str = "wrap"
    """What happens in a group that it has not: "wrap", "clamp", or "redirect:N"."""

    def in_group(self, group: int) -> tuple[KeyType, Sequence[int]] | None:
        count = len(self.groups)
        if not count:
            return None
        if group >= count:
            if self.beyond.startswith("redirect:"):
                group = int(self.beyond.partition(":")[2])
                group = group if group < count else 0
            else:
                group = count - 1 if self.beyond == "clamp" else group % count
        return self.groups[group]

    def types(self, group: int, modifiers: int) -> int:
        """The keysym that it gives while these modifiers are on; 0 for none."""
        found = self.in_group(group)
        if found is None:
            return 0
        kind, keysyms = found
        wanted = modifiers & kind.mask
        level = kind.levels.get(wanted, 0)
        keysym = keysyms[level] if level < len(keysyms) else 0
        used_up = kind.mask & ~kind.preserved.get(wanted, 0)
        return uppercase(keysym) if modifiers & LOCK & ~used_up else keysym


@dataclass(frozen=True, slots=True)
class Stroke:
    """A key, and the modifier keys held around it. All are key codes."""

    keycode: int
    held: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """The keyboard map, and which part of it counts now."""

    keys: Mapping[int, Key]
    """By key code."""
    modifiers: Mapping[int, int]
    """Key code -> modifier bits that it sets while it is held."""
    group: int = 0
    locked: int = 0
    """Modifiers that are on without being held: CapsLock, NumLock."""

    def strokes(self) -> dict[str, Stroke]:
        """Every character that can be typed now, and how."""
        found: dict[str, Stroke] = {}
        ways = list(self._ways())
        # Keys that no keyboard has ("parenleft", "plusminus") come last: virtual machines ignore them.
        real, odd = (
            sorted(code for code in self.keys if (code > _LAST_REAL) == far) for far in (False, True)
        )
        for codes, (mask, held) in itertools.product((real, odd), ways):
            for keycode in codes:
                if char := character(self.keys[keycode].types(self.group, mask | self.locked)):
                    found.setdefault(char, Stroke(keycode, held))
        return found

    def plain(self, char: str, modifiers: int) -> int:
        """The key that types a character with just these modifiers, locks left out; 0 if none does."""
        typing = (code for code in sorted(self.keys) if self.keys[code].types(self.group, modifiers))
        return next(
            (code for code in typing if character(self.keys[code].types(self.group, modifiers)) == char), 0
        )

    def _ways(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Modifier bits that we can hold, with the keys for it; fewest first."""
        shifts: dict[int, int] = {}
        for keycode, mask in sorted(self.modifiers.items()):
            key = self.keys.get(keycode)
            single = mask and not mask & (mask - 1)
            if key is not None and single and key.types(self.group, self.locked & ~LOCK) in SHIFTS:
                shifts.setdefault(mask, keycode)
        for count in range(len(shifts) + 1):
            for chosen in itertools.combinations(sorted(shifts), count):
                yield sum(chosen), tuple(shifts[mask] for mask in chosen)
