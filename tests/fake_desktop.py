"""A desktop in memory: one program with fields, a clipboard and keys that write into what is focused.

For what can hardly be brought about with real programs, such as a text that changes between two calls. The
real ones are in virtual_desktop.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from voice_edit.apps.profiles import AppProfile
from voice_edit.desktop.base import Desktop, Element, PasteState, TextWindow, Window
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.edits import Selection
from voice_edit.errors import TargetGone, TargetTimeout
from voice_edit.targets.field_choice import Focus, Hands, judge

ELEMENT = Element(
    ref=":1.5/field/1",
    app="notes",
    toolkit="gtk3",
    role="text",
    pid=77,
    secret=False,
    editable=True,
    multi_line=True,
    readable=True,
    writable=True,
)
WINDOW = Window("x11:0x1", "notes", "Notes", 77)


class FakeField:
    """A field whose text the test holds; `before_call(name)` may change it, or fail."""

    def __init__(self, element: Element, text: str = "", selection: tuple[int, int] | None = None) -> None:
        self.element = element
        self.text = text
        at = (len(text), len(text)) if selection is None else selection
        self.selection = Selection(*at)
        self.before_call: Callable[[str], None] = lambda name: None
        self.obeys = True
        """False: it says yes to every change and does nothing."""
        self.alive = True
        self.frozen = False
        self.focused = True
        self.calls: list[str] = []
        self.longest_read = 0
        """Code points that one call gave."""

    def read(self, start: int, end: int) -> str:
        self._called("read")
        return self.text[start:end]

    def look(self, most: int) -> TextWindow:
        self._called("look")
        start = max(0, min(self.selection.head - most // 2, len(self.text) - most))
        return self._window(start, start + most)

    def look_at(self, start: int, end: int) -> TextWindow:
        self._called("look_at")
        return self._window(start, end)

    def replace(self, start: int, end: int, new: str) -> None:
        self._called("replace")
        if not self.element.writable:
            raise FieldUnsupported("It cannot be changed by offsets.")
        if self.obeys:
            self.put(start, end, new)

    def select(self, selection: Selection) -> None:
        self._called("select")
        self.selection = selection

    def is_focused(self) -> bool:
        self._called("is_focused")
        return self.focused

    def is_alive(self) -> bool:
        return self.alive

    def put(self, start: int, end: int, new: str) -> None:
        """Change the text, as its user or its program would."""
        self.text = self.text[:start] + new + self.text[end:]
        self.selection = Selection(start + len(new), start + len(new))

    def type(self, new: str) -> None:
        """Put text in the place of the selection."""
        self.put(self.selection.start, self.selection.end, new)

    def _window(self, start: int, end: int) -> TextWindow:
        text = self.text[start:end]
        self.longest_read = max(self.longest_read, len(text))
        return TextWindow(text, start, len(self.text), self.selection)

    def _called(self, name: str) -> None:
        self.before_call(name)
        self.calls.append(name)
        if not self.alive:
            raise TargetGone("The program ended.")
        if self.frozen:
            raise TargetTimeout("The program does not answer.")


class FakeDesktop:
    """All the parts, and what they were asked to do."""

    def __init__(self, element: Element | None = ELEMENT, window: Window | None = WINDOW) -> None:
        self.element, self.window = element, window
        self.field = FakeField(element or ELEMENT)
        self.held = False
        """A modifier is down."""
        self.claims = True
        """Whether the program fetches what is pasted."""
        self.typable = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,"
        self.clipboard_text = "what was there before"
        self.pasting: str | None = None
        self.pressed: list[str] = []
        self.pasted: list[str] = []
        self.typed: list[str] = []
        self.told: list[Callable[[Element | None], object]] = []
        self.name = "fake"
        parts: Any = self
        accessibility: Any = _FakeAccessibility(self) if element is not None else None
        self.desktop = Desktop("x11", accessibility, parts, parts, parts)

    def focus(self, profile: AppProfile | None = None, *, wanted: str = "auto") -> Focus:
        profile = profile or AppProfile("default")
        return judge(self.window, self.element, profile, Hands.of(self.desktop), wanted=wanted)

    def becomes(self, **changes: Any) -> None:
        """Its element is of another kind."""
        assert self.element is not None
        self.element = self.field.element = replace(self.element, **changes)
        self.tell()

    def loses_focus(self) -> None:
        """As some programs say while a talk key is held."""
        self.element = None
        self.tell()

    def tell(self) -> None:
        """The accessibility service tells what has the focus."""
        for told in self.told:
            told(self.element)

    # --- Windows ----------------------------------------------------------------------------------------

    def active(self) -> Window | None:
        return self.window

    # --- Keyboard, Clipboard ----------------------------------------------------------------------------

    def wait_until_released(self, timeout_s: float) -> bool:
        return not self.held

    def press(self, chord: str) -> None:
        self.pressed.append(chord)
        if chord == "<backspace>":
            self.field.type("")
        elif self.pasting is not None and self.claims:
            self.field.type(self.pasting)

    def untypable(self, text: str) -> str:
        return "".join(sorted(set(text) - set(self.typable)))

    def type(self, text: str) -> None:
        self.typed.append(text)
        self.field.type(text)

    def prepare(self) -> None:
        """Nothing to be read."""

    def paste(
        self,
        text: str,
        *,
        into: Window | None,
        press: Callable[[], None],
        timeout_s: float,
        primary: bool | None = None,
    ) -> PasteState:
        self.pasting = text
        try:
            press()
        finally:
            self.pasting = None
        self.pasted.append(text)
        return "claimed" if self.claims else "unclaimed"

    def put(self, text: str) -> bool:
        self.clipboard_text = text
        return True

    def close(self) -> None:
        pass


class _FakeAccessibility:
    def __init__(self, desk: FakeDesktop) -> None:
        self._desk = desk

    def focused(self) -> Element | None:
        return self._desk.element

    def field(self, element: Element) -> FakeField:
        return self._desk.field

    def on_focus(self, told: Callable[[Element | None], object]) -> None:
        self._desk.told.append(told)

    def close(self) -> None:
        pass
