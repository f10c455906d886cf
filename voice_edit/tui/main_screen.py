"""The main screen: what is heard, what becomes of it, and a place to try."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input, Label

from voice_edit.tui.pad import PracticePad
from voice_edit.tui.state import State
from voice_edit.tui.widgets import (
    ChangePanel,
    Header,
    HeardWords,
    KeyBar,
    MessageLines,
    Meter,
    Recent,
    TargetLine,
)

KEYS = [
    ("F1", "help", "app.page('help')"),
    ("F2", "history", "app.page('history')"),
    ("F3", "doctor", "app.page('doctor')"),
    ("F4", "settings", "app.page('settings')"),
    ("F5", "dictate", "app.talk('dictate')"),
    ("F6", "edit", "app.talk('edit')"),
    ("F7", "undo", "app.revert('undo')"),
    ("F10", "quit", "app.quit"),
]


class MainScreen(Screen[None]):
    """Shows a state; what is typed into it is the app's to act upon."""

    AUTO_FOCUS = "#pad"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  # an instance variable to mypy

    def __init__(self) -> None:
        super().__init__()
        self.pad = PracticePad(id="pad")
        self._state: State | None = None

    def compose(self) -> ComposeResult:
        yield Header(id="header")
        yield TargetLine(id="target")
        yield Meter(id="meter")
        yield MessageLines(id="message")
        with Horizontal(id="body"):
            with Vertical(id="talk"):
                yield HeardWords(id="heard")
                yield ChangePanel(id="change")
                recent = Recent(id="recent")
                recent.border_title = " said before "
                yield recent
            with Vertical(id="text"):
                self.pad.border_title = " practice pad "
                yield self.pad
                with Horizontal(id="say-line"):
                    yield Label("say:", id="say-label")
                    say = Input(
                        id="say",
                        compact=True,
                        placeholder="type a command; + first inserts the words",
                    )
                    say.cursor_blink = False
                    yield say
        yield KeyBar(KEYS)

    def show(self, state: State) -> None:
        """Draw a state. Parts that look the same are not touched."""
        if state is self._state:
            return
        self._state = state
        for name in ("#header", "#target", "#meter", "#message", "#heard", "#change", "#recent"):
            part = self.query_one(name)
            part.show(state)  # type: ignore[attr-defined]
