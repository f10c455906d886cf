"""What AT-SPI2 calls things, and how the toolkits differ. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from voice_edit.desktop.base import Element

REGISTRY: Final = "org.a11y.atspi.Registry"
ROOT: Final = "/org/a11y/atspi/accessible/root"
NULL: Final = "/org/a11y/atspi/null"
ACCESSIBLE: Final = "org.a11y.atspi.Accessible"
APPLICATION: Final = "org.a11y.atspi.Application"
TEXT: Final = "org.a11y.atspi.Text"
EDITABLE_TEXT: Final = "org.a11y.atspi.EditableText"
HYPERTEXT: Final = "org.a11y.atspi.Hypertext"
COLLECTION: Final = "org.a11y.atspi.Collection"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"

# Bits of GetState, by number, from atspi-constants.h.
ACTIVE: Final = 1
DEFUNCT: Final = 6
EDITABLE: Final = 7
ENABLED: Final = 8
FOCUSED: Final = 12
MULTI_LINE: Final = 17
SENSITIVE: Final = 24
SINGLE_LINE: Final = 26
READ_ONLY: Final = 43

_ROLES: Final = tuple(
    name.strip()
    for name in """
invalid, accelerator label, alert, animation, arrow, calendar, canvas, check box, check menu item, color
chooser, column header, combo box, date editor, desktop icon, desktop frame, dial, dialog, directory
pane, drawing area, file chooser, filler, focus traversable, font chooser, frame, glass pane, html
container, icon, image, internal frame, label, layered pane, list, list item, menu, menu bar, menu item,
option pane, page tab, page tab list, panel, password text, popup menu, progress bar, push button, radio
button, radio menu item, root pane, row header, scroll bar, scroll pane, separator, slider, spin button,
split pane, status bar, table, table cell, table column header, table row header, tearoff menu item,
terminal, text, toggle button, tool bar, tool tip, tree, tree table, unknown, viewport, window,
extended, header, footer, paragraph, ruler, application, autocomplete, editbar, embedded, entry, chart,
caption, document frame, heading, page, section, redundant object, form, link, input method window,
table row, tree item, document spreadsheet, document presentation, document text, document web, document
email, comment, list box, grouping, image map, notification, info bar, level bar, title bar, block
quote, audio, video, definition, article, landmark, log, marquee, math, rating, timer, static, math
fraction, math root, subscript, superscript, description list, description term, description value,
footnote, content deletion, content insertion, mark, suggestion, push button menu
""".replace("\n", " ").split(",")
)
"""Names by number, from atspi-constants.h. GetRoleName is not asked: some toolkits translate it."""
PASSWORD_ROLE: Final = _ROLES.index("password text")
TERMINAL_ROLE: Final = _ROLES.index("terminal")
APPLICATION_ROLE: Final = _ROLES.index("application")
STATIC_ROLE: Final = _ROLES.index("static")


def role_name(number: int) -> str:
    """A role's name; "role 135" for those that came later than this table."""
    return _ROLES[number] if 0 <= number < len(_ROLES) else f"role {number}"


class Ref(NamedTuple):
    """Where an accessible object is: the program's unique bus name, and its path there."""

    bus: str
    path: str

    def __str__(self) -> str:
        return f"{self.bus}{self.path}"

    @classmethod
    def parse(cls, ref: str) -> Ref:
        bus, slash, rest = ref.partition("/")
        return cls(bus, slash + rest)

    @property
    def is_null(self) -> bool:
        """What programs answer for "nothing"."""
        return not self.bus or not self.path or self.path == NULL


Units: TypeAlias = Literal["code points", "utf-16", "utf-16 padded"]
"""What offsets count. "utf-16 padded": code points of a text in which a U+FEFF follows every character
beyond U+FFFF, so that they are UTF-16 units again (Gecko)."""
LengthIn: TypeAlias = Literal["utf-8", "utf-16"]


@dataclass(frozen=True, slots=True)
class Program:
    """One program on the accessibility bus."""

    name: str
    """As it calls itself, lower case."""
    toolkit: str
    """As in `Element.toolkit`."""
    pid: int | None


@dataclass(frozen=True, slots=True)
class Traits:
    """How a toolkit counts and what it does with what it is asked."""

    units: Units = "code points"
    length_in: LengthIn | None = None
    """What InsertText's length counts; None: EditableText is not there or lies, and is not to be used. The
    documents say bytes; Qt counts UTF-16 and reads beyond the end of the text when it is given bytes."""
    add_selection_replies: bool = True
    """GTK 4's text view selects, and never answers the call."""
    trailing_break: bool = False
    """A multi-line text that ends in a line break has another one that is not in it, and a text that ended
    in one may keep that: one at the end never counts."""
    rich: bool = False
    """What is edited may be made of objects with texts of their own: paragraphs, links."""
    selection_twice: bool = False
    """GetSelection turns code points into code points as if they were UTF-16 units, see `told_twice`."""


_TRAITS: Final = {
    "gtk3": Traits(length_in="utf-8"),
    "gtk4": Traits(length_in="utf-8", add_selection_replies=False),
    "qt": Traits("utf-16", length_in="utf-16"),
    # Firefox answers True to InsertText and DeleteText and changes nothing.
    "gecko": Traits("utf-16 padded"),
    "chromium": Traits(trailing_break=True, rich=True, selection_twice=True),
    "vcl": Traits("utf-16"),
    "j2se-access-bridge": Traits("utf-16"),
}


def traits(toolkit: str) -> Traits:
    """What is known of a toolkit. Unknown ones count code points, as the interface is documented, and are not
    written to by offsets: a wrong length would insert garbage."""
    return _TRAITS.get(toolkit, Traits())


def toolkit_name(told: str, version: str) -> str:
    """Our name for what Application.ToolkitName and Version tell. GTK 3 says "gtk", GTK 4 "GTK"."""
    name = told.strip().lower()
    if name == "gtk":
        return f"gtk{version.split('.')[0]}" if version[:1].isdigit() else "gtk3"
    return name


def has(states: int, bit: int) -> bool:
    return bool(states >> bit & 1)


def takes_text(states: int) -> bool:
    """Whether a field with these states takes text now."""
    usable = has(states, ENABLED) or has(states, SENSITIVE)
    return usable and has(states, EDITABLE) and not has(states, READ_ONLY)


def element_of(ref: Ref, program: Program, role: int, states: int, interfaces: Collection[str]) -> Element:
    """What the answers of an object say about it."""
    editable = takes_text(states)
    text = TEXT in interfaces
    secret = role == PASSWORD_ROLE
    terminal = role == TERMINAL_ROLE
    return Element(
        ref=str(ref),
        app=program.name,
        toolkit=program.toolkit,
        role=role_name(role),
        pid=program.pid,
        secret=secret,
        editable=editable or (terminal and not has(states, READ_ONLY)),
        multi_line=has(states, MULTI_LINE) and not has(states, SINGLE_LINE),
        # What a terminal shows is a screen, not a text that could be edited.
        readable=text and not secret and not terminal,
        writable=text
        and not secret
        and editable
        and EDITABLE_TEXT in interfaces
        and traits(program.toolkit).length_in is not None,
    )
