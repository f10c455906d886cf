"""What macOS's accessibility calls things, and how it counts: UTF-16 units, never code points. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from voice_edit.desktop.base import Element
from voice_edit.desktop.errors import FieldSecret, FieldUnsupported
from voice_edit.errors import TargetError, TargetGone, TargetTimeout

ROLE: Final = "AXRole"
SUBROLE: Final = "AXSubrole"
VALUE: Final = "AXValue"
COUNT: Final = "AXNumberOfCharacters"
SELECTED_RANGE: Final = "AXSelectedTextRange"
SELECTED_TEXT: Final = "AXSelectedText"
STRING_FOR_RANGE: Final = "AXStringForRange"
FOCUSED_ELEMENT: Final = "AXFocusedUIElement"
FOCUSED_APPLICATION: Final = "AXFocusedApplication"
FOCUSED_WINDOW: Final = "AXFocusedWindow"
TITLE: Final = "AXTitle"
ENABLED: Final = "AXEnabled"
WAKE: Final = "AXManualAccessibility"
"""Set on an Electron program, it builds the tree that it else keeps from everybody."""
CHROMIUM: Final = "ChromeAXNodeId"
"""An attribute that elements of Chromium and Electron have, and no others."""

SECURE: Final = "AXSecureTextField"

_ROLES: Final = {
    "AXTextArea": "text",
    "AXTextField": "entry",
    "AXComboBox": "combo box",
    "AXSearchField": "entry",
    "AXStaticText": "label",
    "AXWebArea": "document web",
}
_TEXT: Final = frozenset({"AXTextArea", "AXTextField", "AXComboBox", "AXSearchField", "AXWebArea"})
_ONE_LINE: Final = frozenset({"AXTextField", "AXComboBox", "AXSearchField"})

# AXError.h
FAILURE: Final = -25200
INVALID: Final = -25202
CANNOT_COMPLETE: Final = -25204
UNSUPPORTED: Final = -25205
NOT_IMPLEMENTED: Final = -25208
DISABLED: Final = -25211
NO_VALUE: Final = -25212

PERMISSION: Final = (
    "Allow it in System Settings > Privacy & Security > Accessibility, for the program that runs voice-edit "
    "(your terminal, or voice-edit itself as a service), then restart voice-edit."
)


class Range(NamedTuple):
    """A stretch as AX tells it, in UTF-16 units."""

    location: int
    length: int


@dataclass(frozen=True, slots=True)
class Told:
    """What an element told of itself. No text of it."""

    attributes: Mapping[str, Any]
    """ROLE, SUBROLE, ENABLED and COUNT, those that it has."""
    names: frozenset[str]
    """All attributes that it has."""
    settable: frozenset[str]
    """Those of VALUE, SELECTED_RANGE and SELECTED_TEXT that can be set."""


def element_of(told: Told, *, ref: str, app: str, pid: int, secure_input: bool) -> Element:
    """The element that something with the focus is.

    `secure_input`: some program asked the system to keep what is typed to itself; it is not told which, so
    whatever has the focus counts as secret.
    """
    role, subrole = str(told.attributes.get(ROLE, "")), str(told.attributes.get(SUBROLE, ""))
    secret = secure_input or subrole == SECURE
    # Editable pieces of web pages have other roles, but tell a caret and take text.
    takes_text = role in _TEXT or {SELECTED_RANGE, COUNT} <= told.names
    enabled = told.attributes.get(ENABLED, True) is not False
    changeable = bool({VALUE, SELECTED_TEXT} & told.settable)
    readable = takes_text and not secret and bool({VALUE, COUNT} & told.names)
    return Element(
        ref=ref,
        app=app,
        toolkit="chromium" if CHROMIUM in told.names else "cocoa",
        role="password text" if subrole == SECURE else role_name(role),
        pid=pid,
        secret=secret,
        editable=takes_text and enabled and changeable,
        multi_line=role not in _ONE_LINE,
        readable=readable,
        writable=readable and enabled and {SELECTED_RANGE, SELECTED_TEXT} <= told.settable,
    )


def role_name(role: str) -> str:
    """ "AXTextArea" as other systems call it: "text"; unknown ones in plain words, "AXPopUpButton" as
    "pop up button"."""
    known = _ROLES.get(role)
    return known or " ".join(re.findall(r"[A-Z][a-z0-9]*|[a-z0-9]+", role.removeprefix("AX"))).lower()


def units(text: str) -> int:
    """How long AX says that a text is."""
    return len(text) + sum(1 for char in text if char > "\uffff")


def to_range(text: str, start: int, end: int) -> Range:
    """The range of the code points from `start` to `end` of an element's whole text; clamped to it."""
    start = max(0, min(start, len(text)))
    end = max(start, min(end, len(text)))
    location = units(text[:start])
    return Range(location, units(text[start:end]))


def from_range(text: str, found: Range) -> tuple[int, int]:
    """The code points that a range of an element's whole text covers; clamped to it. An end in the middle of
    a pair counts as its start."""
    location = max(0, found.location)
    data = text.encode("utf-16-le", "surrogatepass")
    start = len(data[: 2 * location].decode("utf-16-le", "ignore"))
    end = len(data[: 2 * (location + max(0, found.length))].decode("utf-16-le", "ignore"))
    return start, max(start, end)


def error_for(code: int, what: str) -> TargetError:
    """The error that an AXError other than success stands for. `what` was done, "read the caret"."""
    if code == INVALID:
        return TargetGone("The field is not there any more.")
    if code == CANNOT_COMPLETE:
        return TargetTimeout("The program does not answer accessibility.")
    if code == DISABLED:
        return FieldUnsupported("macOS does not let this program use accessibility.", hint=PERMISSION)
    return FieldUnsupported(f"The field cannot {what} (AXError {code}).")


def secret_error(secure_input: bool) -> FieldSecret:
    """Why nothing is read there."""
    if secure_input:
        return FieldSecret(
            "A program asked macOS for secure input.",
            hint="Leave the password field, or switch off Secure Keyboard Entry in the terminal's menu.",
        )
    return FieldSecret("This is a password field.")


# --- keys -------------------------------------------------------------------------------------------------

# Events.h: the place of each key, called after what it types in a US layout; here the place in this text.
_PLACES: Final = "asdfhgzxcv§bqweryt123465=97-80]ou[ip\nlj'k;\\,/nm."
RETURN: Final = 36
TAB: Final = 48
_CODES: Final = {char: code for code, char in enumerate(_PLACES) if char not in "§\n"} | {
    "enter": RETURN, "tab": TAB, "space": 49, "backspace": 51, "esc": 53, "insert": 114, "home": 115,
    "page_up": 116, "delete": 117, "end": 119, "page_down": 121, "left": 123, "right": 124, "down": 125,
    "up": 126,
}  # fmt: skip

# CGEventTypes.h
_FLAGS: Final = {"shift": 1 << 17, "ctrl": 1 << 18, "alt": 1 << 19, "super": 1 << 20}
ANY_MODIFIER: Final = sum(_FLAGS.values())
"""Shift, Control, Option, Command: held ones would turn text into shortcuts. Caps Lock does not."""


class Stroke(NamedTuple):
    """A key with the modifiers that are down with it."""

    code: int
    """Virtual key code."""
    flags: int
    """CGEventFlags."""


def stroke(chord: str) -> Stroke:
    """The key code and flags of a chord. Raises FieldUnsupported for a key that no Mac keyboard has."""
    from hotkeys.chord import parse
    from hotkeys.errors import ChordInvalid
    from hotkeys.keys import SIDES

    try:
        parsed = parse(chord)
    except ChordInvalid as error:
        raise FieldUnsupported(str(error), hint=error.hint) from error
    code = _CODES.get(parsed.key)
    if code is None:
        raise FieldUnsupported(f"A Mac keyboard has no key for {chord}.")
    return Stroke(code, sum({_FLAGS[SIDES.get(name, name)] for name in parsed.modifiers}))


MOST_UNITS: Final = 20
"""CGEventKeyboardSetUnicodeString takes no more at once: what is longer is cut off silently."""


def pieces(text: str) -> list[str | int]:
    """A text in strings that one event can carry, and the key codes of Return and Tab between them. Never
    cuts what a reader takes for one character, unless it is too long by itself."""
    from voice_edit.graphemes import clusters

    found: list[str | int] = []
    room = 0
    for start, end in clusters(text):
        part = text[start:end]
        if part in ("\n", "\r", "\r\n", "\t"):
            found.append(TAB if part == "\t" else RETURN)
            room = 0
            continue
        for each in [part] if units(part) <= MOST_UNITS else part:
            needed = units(each)
            last = found[-1] if found else None
            if isinstance(last, str) and needed <= room:
                found[-1] = last + each
                room -= needed
            else:
                found.append(each)
                room = MOST_UNITS - needed
    return found


def untypable(text: str) -> str:
    """The characters that no key event can carry: control characters other than line ends and tabs; each
    once."""
    return "".join(dict.fromkeys(c for c in text if (c < " " or c == "\x7f") and c not in "\n\r\t"))


# --- pasteboard -------------------------------------------------------------------------------------------

PLAIN: Final = "public.utf8-plain-text"
PASSING: Final = (
    "org.nspasteboard.TransientType",
    "org.nspasteboard.ConcealedType",
    "org.nspasteboard.AutoGeneratedType",
)
"""Types that tell clipboard managers to leave it alone (nspasteboard.org)."""
MOST_SAVED: Final = 64 << 20
"""Bytes of a pasteboard that are kept for a paste; a larger one is not borrowed."""
