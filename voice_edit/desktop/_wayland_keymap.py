"""Keyboard maps for a keyboard of our own: one for chords, and one for every text that is typed. Pure.

A virtual keyboard brings its own map, and the compositor gives programs the map of whichever keyboard was
pressed last: the user's layout is never touched. Text gets one key for each character, so that no layout, no
dead key and no Shift stands between a character and the program.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hotkeys.chord import Chord
from hotkeys.keys import KEYS, kind_of

MASKS: Final = {"shift": 1, "ctrl": 4, "alt": 8, "super": 64}
"""Bit of each kind of modifier in the state of a keyboard: Shift, Control, Mod1, Mod4."""
_MODIFIER_MAP: Final = {"Shift": (42, 54), "Control": (29, 97), "Mod1": (56, 100), "Mod4": (125, 126)}
_EVDEV_TO_X11: Final = 8
_SPECIAL: Final = {"\n": 28, "\t": 15, " ": 57}
_SYMBOLS: Final = {"\n": "Return", "\t": "Tab", " ": "space"}
_OWN_PLACE: Final = {char: key.evdev for char, key in KEYS.items() if len(char) == 1}
# Programs look at the place of a key too: only places where characters are may stand for characters. A
# character on the place of Escape would close dialogs in Chromium.
_PLACES: Final = tuple(sorted(_OWN_PLACE.values()))
_INVISIBLE_ALLOWED: Final = frozenset("\u200c\u200d\u200e\u200f\ufe0e\ufe0f\u2060\u00ad")


@dataclass(frozen=True, slots=True)
class TypedChunk:
    """Text that one keyboard map is enough for."""

    symbols: Mapping[int, str]
    """The map: evdev code -> name of the keysym."""
    codes: tuple[int, ...]
    """Keys to press and release, in their order: evdev codes."""


@dataclass(frozen=True, slots=True)
class ChordKeys:
    """A chord as key presses."""

    modifiers: tuple[int, ...]
    """Modifier keys in the order in which they go down: evdev codes."""
    mask: int
    """What they make of the state of the keyboard."""
    key: int
    """The evdev code of the key that triggers."""


def chord_keys(chord: Chord) -> ChordKeys | None:
    """The presses of a chord; None for a key that the map of chords does not have."""
    if chord.key not in KEYS:
        return None
    names = sorted(chord.modifiers, key=lambda name: list(MASKS).index(kind_of(name) or ""))
    codes = tuple(KEYS[name if name in KEYS else f"left_{name}"].evdev for name in names)
    mask = sum({MASKS[kind_of(name) or ""] for name in names})
    return ChordKeys(codes, mask, KEYS[chord.key].evdev)


def untypable(text: str) -> str:
    """The characters that no key can stand for in every program, each once: control characters, halves of
    characters, and those beyond U+FFFF (emoji), of which Chromium keeps the lower 16 bits only.
    """
    return "".join(dict.fromkeys(char for char in text if not _typable(char)))


def typed_chunks(text: str, *, places: tuple[int, ...] = _PLACES) -> list[TypedChunk]:
    """The text in pieces, each with no more different characters than there are places for."""
    chunks: list[TypedChunk] = []
    held: dict[str, int] = {}
    codes: list[int] = []
    for char in text:
        if char not in held and char not in _SPECIAL and len(held) == len(places):
            chunks.append(_chunk(held, codes))
            held, codes = {}, []
        if char in _SPECIAL:
            codes.append(_SPECIAL[char])
            continue
        if char not in held:
            held[char] = _place(char, held.values(), places)
        codes.append(held[char])
    return [*chunks, _chunk(held, codes)] if codes else chunks


def keymap(symbols: Mapping[int, str]) -> str:
    """The text of a keyboard map whose keys give these symbols. `symbols`: evdev code -> keysym names."""
    codes = sorted(symbols)
    keycodes = "\n".join(f"<K{code}> = {code + _EVDEV_TO_X11};" for code in codes)
    keys = "\n".join(f"key <K{code}> {{ [ {symbols[code]} ] }};" for code in codes)
    modifiers = "\n".join(
        f"modifier_map {name} {{ {', '.join(f'<K{code}>' for code in places)} }};"
        for name, both in _MODIFIER_MAP.items()
        if (places := [code for code in both if code in symbols])
    )
    return (
        "xkb_keymap {\n"
        f"xkb_keycodes {{ minimum = 8; maximum = 255;\n{keycodes}\n}};\n"
        'xkb_types { include "complete" };\n'
        'xkb_compatibility { include "complete" };\n'
        f"xkb_symbols {{\n{keys}\n{modifiers}\n}};\n"
        "};\n"
    )


def chord_symbols() -> dict[int, str]:
    """The map for chords: every key we have a name for, letters and signs at their US places."""
    symbols: dict[int, str] = {}
    for name, key in KEYS.items():
        if key.evdev + _EVDEV_TO_X11 > 255:
            continue
        if key.keysyms:
            symbols[key.evdev] = key.keysyms[0]
        else:
            both = (name, name.upper()) if name.isalpha() else (name,)
            symbols[key.evdev] = ", ".join(map(keysym, both))
    return symbols


def keysym(char: str) -> str:
    """The name of the keysym that gives this character."""
    return _SYMBOLS.get(char) or f"U{ord(char):04X}"


def _chunk(held: Mapping[str, int], codes: Iterable[int]) -> TypedChunk:
    special = {code: _SYMBOLS[char] for char, code in _SPECIAL.items()}
    return TypedChunk({**special, **{code: keysym(char) for char, code in held.items()}}, tuple(codes))


def _place(char: str, taken: Iterable[int], places: tuple[int, ...]) -> int:
    """A free place for a character: its own, if it has one."""
    used = set(taken)
    own = _OWN_PLACE.get(char)
    if own in places and own not in used:
        return own
    return next(place for place in places if place not in used)


def _typable(char: str) -> bool:
    if char in _SPECIAL or char in _INVISIBLE_ALLOWED:
        return True
    return char <= "\uffff" and unicodedata.category(char) not in ("Cc", "Cs", "Cn", "Zl", "Zp")
