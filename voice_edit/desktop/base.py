"""What crosses between the desktop and the fields: windows, elements, and the hands on them.

All offsets are code points, whatever the toolkit counts in. Everything blocks, gives up after a time, may be
called from any thread unless it says otherwise, and raises `TargetError` only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from voice_edit.edits import Selection

SessionKind: TypeAlias = Literal["x11", "wayland", "macos", "windows", "none"]

CALL_S = 0.5
"""How long one call to another program may take before it counts as frozen."""
ANSWER_S = 2.0
"""How long the X server or the compositor may take. Longer: it serves the whole desktop, stalls while it
loads a keyboard map or is swapped in, and then no other way to the text is quicker.
"""


@dataclass(frozen=True, slots=True)
class Window:
    """A window of another program."""

    id: str
    """Names it while it lives: "x11:0x1400003", "sway:12"."""
    app: str
    """Its program, lower case: the class of an X11 window, the app id of a Wayland one; "" if unknown."""
    title: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """Something with the keyboard focus, as accessibility knows it. Equal while it is the same one."""

    ref: str
    """Names it: for AT-SPI "bus-name/path"."""
    app: str
    """Name of the program, as it calls itself, lower case: "mousepad"."""
    toolkit: str
    """"gtk3", "gtk4", "qt", "chromium", "gecko", "cocoa"; else the lower-case name it gives, or ""."""
    role: str
    """Of the accessibility API, lower case with spaces: "text", "entry", "password text", "terminal"."""
    pid: int | None
    secret: bool
    """A password: must not be read."""
    editable: bool
    """Takes text now: not read-only, not disabled."""
    multi_line: bool
    readable: bool
    """Its text can be read, so that edits can be made and proved."""
    writable: bool
    """Its text can be changed by offsets, without keys and clipboard (AT-SPI's EditableText)."""


@dataclass(frozen=True, slots=True)
class TextWindow:
    """A stretch of an element's text around the caret."""

    text: str
    start: int
    """Offset in the element of the first code point of `text`."""
    count: int
    """Length of the element's whole text, in code points."""
    selection: Selection | None
    """Caret and selection, as offsets in the element (not in `text`); None if the element does not tell."""


class Field(Protocol):
    """The text of one element. Raises TargetGone, TargetTimeout, FieldUnsupported."""

    @property
    def element(self) -> Element: ...

    def read(self, start: int, end: int) -> str:
        """The text between two offsets; beyond the end is the end."""
        ...

    def look(self, most: int) -> TextWindow:
        """At most `most` code points around the caret, cut at line or word borders; few calls, whatever the
        length of the text."""
        ...

    def look_at(self, start: int, end: int) -> TextWindow:
        """The stretch between two offsets, with the selection and the length."""
        ...

    def replace(self, start: int, end: int, new: str) -> None:
        """Put `new` in the place of a stretch, by offsets. That it returns is no proof: read it back."""
        ...

    def select(self, selection: Selection) -> None:
        """Put the caret or the selection there, and make sure that it is there."""
        ...

    def is_focused(self) -> bool:
        """Whether it has the keyboard now, asked of the element itself."""
        ...

    def is_alive(self) -> bool: ...


class Accessibility(Protocol):
    """What the accessibility service of this session tells. One for the life of the daemon."""

    def focused(self) -> Element | None:
        """The element with the focus, known from events; looked for only when no event told it. None where
        nothing that speaks accessibility has the focus."""
        ...

    def field(self, element: Element) -> Field: ...

    def on_focus(self, told: Callable[[Element | None], object]) -> None:
        """Be told when another element has the focus, in a thread of the service."""
        ...

    def close(self) -> None: ...


class Windows(Protocol):
    """The windows of this session."""

    def active(self) -> Window | None:
        """The one with the keyboard; cheap."""
        ...

    def close(self) -> None: ...


class Keyboard(Protocol):
    """Keys pressed for the user."""

    name: str
    """"x11", "virtual-keyboard", "portal", "ydotool"."""

    def wait_until_released(self, timeout_s: float) -> bool:
        """Wait until no modifier is physically down; False when one still is. True where nobody can tell."""
        ...

    def press(self, chord: str) -> None:
        """Press and release a chord: "<shift>+<insert>", "<ctrl>+v". Never while a modifier is held."""
        ...

    def untypable(self, text: str) -> str:
        """The characters of `text` that this keyboard cannot type in its present layout, each once."""
        ...

    def type(self, text: str) -> None:
        """Type it, in chunks. Raises FieldUnsupported for text that `untypable` names."""
        ...

    def close(self) -> None: ...


PasteState: TypeAlias = Literal["claimed", "unclaimed"]


class Clipboard(Protocol):
    """The clipboard, borrowed for a moment: what it held, in every type, is there again afterwards."""

    name: str
    """"x11", "wayland", "portal", "pyperclip"."""

    def prepare(self) -> None:
        """A paste may come soon: begin to read what the clipboard holds. Returns at once."""
        ...

    def paste(
        self,
        text: str,
        *,
        into: Window | None,
        press: Callable[[], None],
        timeout_s: float,
        primary: bool | None = None,
    ) -> PasteState:
        """Offer `text`, call `press` (the paste chord), wait until the program of `into` (any but a clipboard
        manager, where it cannot be told) has fetched it; soon after it the clipboard holds what it held.

        "unclaimed": nobody asked within `timeout_s`. Two pastes in a row keep the first original. `primary`:
        whether the program is known to paste the primary selection, as terminals do; None: nobody knows. To
        take that one clears what is selected in other programs.
        """
        ...

    def put(self, text: str) -> bool:
        """Leave `text` there for the user; True if it was read back."""
        ...

    def close(self) -> None:
        """What was restored stays on the clipboard after our process, as far as the system can."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """One part of the desktop, and whether it works here: what `doctor` shows."""

    part: Literal["accessibility", "windows", "clipboard", "keyboard"]
    name: str
    """"at-spi", "x11", "sway", "portal", "wtype", ..."""
    works: bool
    why: str
    """A full sentence: what it is good for, or why it does not work."""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Desktop:
    """Everything that works in this session."""

    kind: SessionKind
    accessibility: Accessibility | None
    windows: Windows | None
    clipboard: Clipboard | None
    keyboard: Keyboard | None
    means: Sequence[Means] = ()

    def close(self) -> None:
        """Close all of it."""
        for part in (self.accessibility, self.windows, self.keyboard, self.clipboard):
            if part is not None:
                part.close()
