"""The keys we have names for, and what X11 and the kernel call them. Pure data.

A key is named by what it types on its own (`a`, `1`, `` ` ``) or by a word (`space`, `f9`, `right_alt`). Each
modifier exists twice on a keyboard; `ctrl` means either of them, `left_ctrl` and `right_ctrl` one.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Key(NamedTuple):
    """One key of the keyboard."""

    keysyms: tuple[str, ...]
    """Its X11 names, the usual one first. Empty for characters: theirs follow from the code point."""
    evdev: int
    """Its code in `linux/input-event-codes.h`, that of a US keyboard for characters. X11 adds 8."""


MODIFIERS: Final = ("ctrl", "alt", "shift", "super")
"""The four kinds of modifier, in the order in which chords are written."""

SIDES: Final = {f"{side}_{kind}": kind for kind in MODIFIERS for side in ("left", "right")}
"""`right_alt` -> `alt`, for each modifier key that a keyboard has."""

_NAMED: Final[dict[str, Key]] = {
    "esc": Key(("Escape",), 1),
    "backspace": Key(("BackSpace",), 14),
    "tab": Key(("Tab",), 15),
    "enter": Key(("Return",), 28),
    "space": Key(("space",), 57),
    "left_ctrl": Key(("Control_L",), 29),
    "right_ctrl": Key(("Control_R",), 97),
    "left_shift": Key(("Shift_L",), 42),
    "right_shift": Key(("Shift_R",), 54),
    "left_alt": Key(("Alt_L",), 56),
    # Most layouts outside the US make the right Alt key AltGr.
    "right_alt": Key(("Alt_R", "ISO_Level3_Shift", "Mode_switch"), 100),
    "left_super": Key(("Super_L",), 125),
    "right_super": Key(("Super_R",), 126),
    "caps_lock": Key(("Caps_Lock",), 58),
    "num_lock": Key(("Num_Lock",), 69),
    "scroll_lock": Key(("Scroll_Lock",), 70),
    "print_screen": Key(("Print",), 99),
    "pause": Key(("Pause",), 119),
    "menu": Key(("Menu",), 127),
    "insert": Key(("Insert",), 110),
    "delete": Key(("Delete",), 111),
    "home": Key(("Home",), 102),
    "end": Key(("End",), 107),
    "page_up": Key(("Prior",), 104),
    "page_down": Key(("Next",), 109),
    "up": Key(("Up",), 103),
    "down": Key(("Down",), 108),
    "left": Key(("Left",), 105),
    "right": Key(("Right",), 106),
    "kp_enter": Key(("KP_Enter",), 96),
    "kp_add": Key(("KP_Add",), 78),
    "kp_subtract": Key(("KP_Subtract",), 74),
    "kp_multiply": Key(("KP_Multiply",), 55),
    "kp_divide": Key(("KP_Divide",), 98),
    "media_play_pause": Key(("XF86AudioPlay",), 164),
    "media_next": Key(("XF86AudioNext",), 163),
    "media_previous": Key(("XF86AudioPrev",), 165),
    "media_stop": Key(("XF86AudioStop",), 166),
    "media_volume_mute": Key(("XF86AudioMute",), 113),
    "mic_mute": Key(("XF86AudioMicMute",), 248),
}
_F_CODES: Final = (*range(59, 69), 87, 88, *range(183, 195))
_ROWS: Final = {2: "1234567890-=", 16: "qwertyuiop[]", 30: "asdfghjkl;'`", 43: "\\zxcvbnm,./"}

KEYS: Final[dict[str, Key]] = {
    **_NAMED,
    **{f"f{number}": Key((f"F{number}",), code) for number, code in enumerate(_F_CODES, start=1)},
    **{char: Key((), first + place) for first, row in _ROWS.items() for place, char in enumerate(row)},
    "<": Key((), 86),
}
"""Every key with a name or a place. Any other printable character is a key on X11 and macOS only."""

NAMED: Final = frozenset(name for name in KEYS if len(name) > 1)
"""The names that are words."""

BY_EVDEV: Final = {key.evdev: name for name, key in KEYS.items()}
"""Kernel code -> name."""

ALIASES: Final = {
    "control": "ctrl", "ctrl_l": "left_ctrl", "ctrl_r": "right_ctrl",
    "lctrl": "left_ctrl", "rctrl": "right_ctrl",
    "option": "alt", "alt_l": "left_alt", "alt_r": "right_alt", "alt_gr": "right_alt", "altgr": "right_alt",
    "lalt": "left_alt", "ralt": "right_alt", "left_option": "left_alt", "right_option": "right_alt",
    "shift_l": "left_shift", "shift_r": "right_shift", "lshift": "left_shift", "rshift": "right_shift",
    "cmd": "super", "command": "super", "win": "super", "windows": "super", "meta": "super", "mod4": "super",
    "cmd_l": "left_super", "cmd_r": "right_super", "left_cmd": "left_super", "right_cmd": "right_super",
    "escape": "esc", "return": "enter", "spacebar": "space", "del": "delete", "ins": "insert",
    "pgup": "page_up", "pageup": "page_up", "pgdn": "page_down", "pagedown": "page_down", "break": "pause",
    "capslock": "caps_lock", "numlock": "num_lock", "scrolllock": "scroll_lock", "print": "print_screen",
    "printscreen": "print_screen", "prtsc": "print_screen", "apps": "menu", "grave": "`", "backtick": "`",
    "plus": "+", "minus": "-", "comma": ",", "period": ".", "slash": "/", "backslash": "\\",
}  # fmt: skip
"""Other spellings of names, as other programs write them."""


def kind_of(key: str) -> str | None:
    """The kind of modifier that a key is: "right_alt" and "alt" -> "alt"; None for any other key."""
    return SIDES.get(key, key if key in MODIFIERS else None)
