"""The parts of the main screen. Each shows a state, and touches the screen only where something changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from voice_edit.tui import receipt, view
from voice_edit.tui.state import State


class Part(Static):
    """A styled text that follows the state."""

    can_focus = False

    def __init__(self, *, id: str) -> None:  # Textual's name
        super().__init__("", id=id)
        self._state = State()
        self._shown: Content | None = None

    def show(self, state: State) -> None:
        """Draw what `state` asks for, unless it is there already."""
        self._state = state
        content = self.look(state)
        if self._shown is None or not content.is_same(self._shown):
            self._shown = content
            self.update(content, layout=False)

    def look(self, state: State) -> Content:
        """The content for a state, at the width that there is."""
        raise NotImplementedError

    def on_resize(self, event: Resize) -> None:
        self.show(self._state)


class Header(Part):
    """Stage, mode, target, engine."""

    def look(self, state: State) -> Content:
        return view.header(state, self.size.width)


class TargetLine(Part):
    """How the field of another program would be written to; takes no room for other targets."""

    def look(self, state: State) -> Content:
        self.display = state.connected and state.target.kind == "field"
        return view.target_line(state, self.size.width)


class Meter(Part):
    """The microphone and how loud it is."""

    def look(self, state: State) -> Content:
        return view.meter(state, self.size.width)


class MessageLines(Part):
    """The most urgent thing there is to tell."""

    def look(self, state: State) -> Content:
        return view.message(state, self.size.width)


class HeardWords(Part):
    """Partial and final words; the last lines of them where there are many."""

    def look(self, state: State) -> Content:
        words = view.heard(state)
        width, height = self.content_size
        if width and height:
            lines = words.wrap(width)
            if len(lines) > height:
                words = Content("\n").join(lines[-height:])
        self.set_title(f" {view.heard_title(state)} ")
        return words

    def set_title(self, title: str) -> None:
        if self.border_title != title:
            self.border_title = title


class ChangeLines(Part):
    """The diff, or why there is none."""

    def look(self, state: State) -> Content:
        width, height = self.size.width, max(self.size.height, 1)
        if state.writing is not None:
            return view.writing(state.writing, width, height)
        return view.change(state.result, width, height)


class ReceiptLine(Part):
    """Whether it is there."""

    def look(self, state: State) -> Content:
        return receipt.receipt(state.result, self.size.width)


class TimingLine(Part):
    """What each stage took."""

    def look(self, state: State) -> Content:
        return receipt.timing(state.result, self.size.width)


class ChangePanel(Vertical):
    """What became of the last utterance."""

    can_focus = False

    def compose(self) -> ComposeResult:
        yield ChangeLines(id="change-lines")
        yield ReceiptLine(id="receipt")
        yield TimingLine(id="timing")

    def show(self, state: State) -> None:
        """Draw the three parts."""
        told = view.change_title(state.result)
        title = f" {told if state.writing is None else view.writing_title(state.writing)} "
        if self.border_title != title:
            self.border_title = title
        for part in self.query(Part):
            part.show(state)


class Recent(Part):
    """The last utterances; where there is room."""

    def look(self, state: State) -> Content:
        return view.recent(state.recent, max(self.content_size.height, 0))


class KeyBar(Static):
    """The keys that do something here; they can be clicked as well."""

    DEFAULT_CLASSES: ClassVar[str] = "keys"
    can_focus = False

    def __init__(self, keys: Sequence[tuple[str, str, str]]) -> None:
        """`keys`: the key as people read it, what it does, the action."""
        self._keys = [
            Content.from_markup(
                f"[@click={action}][bold $primary]$key[/] [$muted]$words[/][/]", key=key, words=words
            )
            for key, words, action in keys
        ]
        super().__init__("")
        self.auto_links = False  # they look like keys, not like links

    def on_resize(self, event: Resize) -> None:
        wide = Content("   ").join(self._keys)
        fits = wide.cell_length <= self.content_size.width
        self.update(wide if fits else Content(" ").join(self._keys), layout=False)
