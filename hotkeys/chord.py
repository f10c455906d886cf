"""Chords: how they are written, and when one is pressed. Pure.

A chord is one key, with any number of modifiers held. The key triggers, the modifiers may have gone down in
any order before it. Modifiers match exactly: `<ctrl>+<alt>+space` is not pressed while Shift is down as well,
since that may be somebody else's chord. Other keys that happen to be down do not matter.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

from hotkeys.errors import ChordInvalid
from hotkeys.keys import ALIASES, MODIFIERS, NAMED, SIDES, kind_of

_Action = TypeVar("_Action")
_NAMES = sorted({*NAMED, *ALIASES, *MODIFIERS})


@dataclass(frozen=True, slots=True)
class Chord:
    """One key with the modifiers that must be held."""

    key: str
    """The key that triggers, as in `keys.KEYS`, or a character."""
    modifiers: frozenset[str] = frozenset()
    """Modifiers that must be down, and no others: "ctrl" for either side, "right_alt" for one."""

    def __str__(self) -> str:
        """As it is written in the settings."""
        kinds = sorted(self.modifiers, key=lambda name: (MODIFIERS.index(kind_of(name) or ""), name))
        return "+".join(
            [*(f"<{name}>" for name in kinds), self.key if len(self.key) == 1 else f"<{self.key}>"]
        )


def parse(text: str) -> Chord:
    """Read "<ctrl>+<alt>+space", "<f9>", "ctrl+shift+A" or "`". Raises ChordInvalid.

    Angle brackets around names are optional; case does not matter.
    """
    parts = [_name(part, text) for part in _split(text)]
    keys = [part for part in parts if kind_of(part) is None]
    if len(set(parts)) < len(parts):
        raise ChordInvalid(f"the chord {text!r} names a key twice")
    if len(keys) > 1:
        raise ChordInvalid(
            f"the chord {text!r} has two keys besides modifiers: {keys[0]} and {keys[1]}",
            hint="Use one key and any number of <ctrl>, <alt>, <shift>, <super>.",
        )
    if not keys:
        return _modifier_alone(parts, text)
    modifiers = frozenset(part for part in parts if part != keys[0])
    for side in modifiers & SIDES.keys():
        if SIDES[side] in modifiers:
            raise ChordInvalid(
                f"the chord {text!r} names <{side}> and <{SIDES[side]}>: one of them is enough"
            )
    return Chord(keys[0], modifiers)


def triggered(chords: Mapping[_Action, Chord], held: AbstractSet[str], key: str) -> _Action | None:
    """Which chord is pressed now that `key` goes down while the keys in `held` are down, or None.

    Keys are physical ones ("left_ctrl", never "ctrl"). Where several chords match, the one that names the
    sides of most modifiers wins.
    """
    down = {name for name in held if name in SIDES and name != key}
    matching = [
        action for action, chord in chords.items() if chord.key == key and _exactly(chord.modifiers, down)
    ]
    return max(matching, key=lambda action: len(chords[action].modifiers & SIDES.keys()), default=None)


def cancels(chord: Chord, held: AbstractSet[str], key: str, talk: Chord | None) -> bool:
    """Whether `key` gives up what is said.

    `talk` is the chord that is still held, if any: its modifiers may be down too.
    """
    down = {name for name in held if name in SIDES and name != key}
    if talk is not None:
        allowed = {*talk.modifiers, talk.key}
        down = {name for name in down if not ({name, SIDES[name]} & allowed)} | {
            name for name in down if {name, SIDES[name]} & chord.modifiers
        }
    return chord.key == key and _exactly(chord.modifiers, down)


def _exactly(modifiers: AbstractSet[str], down: AbstractSet[str]) -> bool:
    """Every modifier is down, and nothing is down that is not one of them."""
    return all(any(name in (key, SIDES[key]) for key in down) for name in modifiers) and all(
        key in modifiers or SIDES[key] in modifiers for key in down
    )


def key_name(text: str) -> str:
    """The canonical name of one key as somebody writes it: "<Escape>" -> "esc". Raises ChordInvalid."""
    return _name(text, text)


def _split(text: str) -> list[str]:
    """Parts between plus signs; a plus at the end, or alone, is the key itself."""
    stripped = text.strip()
    if not stripped:
        raise ChordInvalid("the chord is empty")
    if stripped == "+":
        return ["+"]
    if stripped.endswith("++"):
        return [*stripped[:-2].split("+"), "+"]
    return stripped.split("+")


def _name(part: str, text: str) -> str:
    """The canonical name of one part of a chord."""
    word = part.strip()
    if len(word) > 2 and word.startswith("<") and word.endswith(">"):
        word = word[1:-1].strip()
    if len(word) == 1 and word.isprintable() and not word.isspace():
        lower = word.lower()
        return lower if len(lower) == 1 else word
    name = word.lower().replace("-", "_").replace(" ", "_")
    name = ALIASES.get(name, name)
    if name in NAMED or name in MODIFIERS or (len(name) == 1 and name in ALIASES.values()):
        return name
    if not word:
        raise ChordInvalid(f"the chord {text!r} has nothing between two plus signs, or at an end")
    near = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.5)
    guess = f"Did you mean <{near[0]}>? " if near else ""
    raise ChordInvalid(f"the chord {text!r} names no key we know: {word}", hint=guess + ChordInvalid.hint)


def _modifier_alone(parts: list[str], text: str) -> Chord:
    """A chord of modifiers: one of them, with its side, may be a key of its own."""
    if len(parts) > 1:
        raise ChordInvalid(
            f"the chord {text!r} is made of modifiers only",
            hint=f"Add a key that triggers: {text.strip()}+space",
        )
    if parts[0] in MODIFIERS:
        raise ChordInvalid(
            f"the chord {text!r} would take both {parts[0].capitalize()} keys away from every other program",
            hint=f"Choose one side: <right_{parts[0]}>",
        )
    return Chord(parts[0])
