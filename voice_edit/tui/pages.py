"""What the pages beside the main screen have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from voice_edit.tui import view
from voice_edit.tui.state import State
from voice_edit.tui.widgets import KeyBar, Part

if TYPE_CHECKING:
    from voice_edit.tui.app import VoiceEditApp


class PageTitle(Part):
    """What this page is, and what the daemon does."""

    def __init__(self, name: str) -> None:
        super().__init__(id="page-title")
        self._name_shown = name

    def look(self, state: State) -> Content:
        return view.page_title(self._name_shown, state, self.size.width)


class Page(Screen[None]):
    """A screen of its own; Esc leads back."""

    HEADING: ClassVar[str]
    KEYS: ClassVar[tuple[tuple[str, str, str], ...]]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Back")]

    def compose(self) -> ComposeResult:
        yield PageTitle(self.HEADING)
        yield from self.body()
        yield KeyBar((*self.KEYS, ("Esc", "back", "screen.back")))

    def body(self) -> ComposeResult:
        """The widgets between title and keys."""
        raise NotImplementedError

    @property
    def ve_app(self) -> VoiceEditApp:
        """The app, as its own type."""
        from voice_edit.tui.app import VoiceEditApp

        assert isinstance(self.app, VoiceEditApp)
        return self.app

    def on_mount(self) -> None:
        self.show(self.ve_app.state)

    def show(self, state: State) -> None:
        """Draw what of the state is seen here."""
        self.query_one(PageTitle).show(state)

    def action_back(self) -> None:
        """To the main screen; but Esc always gives up first what is being said."""
        if self.ve_app.state.talking:
            self.ve_app.action_cancel()
        else:
            self.dismiss()

    def tell(self, text: str, *, style: str = "$muted") -> None:
        """A line at the foot of the page."""
        self.query_one("#told", Static).update(Content.assemble((f" {text}", style)))
