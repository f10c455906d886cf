"""The application: events from the daemon in, state out to the screens; keys in, commands out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.widgets import Input

from voice_edit.errors import VoiceEditError
from voice_edit.tui import themes, view
from voice_edit.tui.link import Link
from voice_edit.tui.main_screen import MainScreen
from voice_edit.tui.model import State, reduce
from voice_edit.tui.pad import PAD_NAME, PAD_TITLE, Refusal

if TYPE_CHECKING:
    from voice_edit.config import Paths, Settings

REDRAWS_A_SECOND = 15
"""At most. What comes in between is drawn together."""


class VoiceEditApp(App[None]):
    """`voice-edit tui`."""

    TITLE = "voice-edit"
    CSS_PATH = "style.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", priority=True),
        Binding("f5,ctrl+at,ctrl+space", "talk('dictate')", "Dictate", priority=True),
        Binding("f6", "talk('edit')", "Edit", priority=True),
        Binding("escape", "cancel", "Give up"),
        Binding("f7", "undo", "Undo", priority=True),
        Binding("f8", "redo", "Redo", priority=True),
        Binding("f10,ctrl+q", "quit", "Quit", priority=True),
        Binding("f12", "theme", "Light or dark", priority=True),
    ]

    def __init__(
        self, settings: Settings, paths: Paths, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` gives seconds that only grow."""
        super().__init__()
        self.settings = settings
        self.paths = paths
        self.state = State()
        self._clock = clock
        self._events: deque[dict[str, Any]] = deque()
        self._drain_planned = False
        self._drained_s = 0.0
        self._title = ""
        self.link = Link(paths.socket, self.take_event)
        self.main = MainScreen()
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = themes.theme_named(settings.tui.theme)

    def on_mount(self) -> None:
        self.push_screen(self.main)
        self.run_worker(self.link.run(), name="link", exit_on_error=True)

    # --- events in --------------------------------------------------------------------------------------

    def take_event(self, event: dict[str, Any]) -> None:
        """Take an event of the daemon or of the link. Cheap: what is to be drawn is drawn later, together."""
        match event["event"]:
            case "target.snapshot" | "target.apply":  # somebody waits for this
                self._serve_pad(event)
                return
            case "link" if event["state"] == "connected":
                self.run_worker(self._greet(), name="greet")
        self._events.append(event)
        if not self._drain_planned:
            self._drain_planned = True
            wait_s = self._drained_s + 1 / REDRAWS_A_SECOND - self._clock()
            if wait_s > 0:
                self.set_timer(wait_s, self._drain)
            else:
                self.call_later(self._drain)

    def _drain(self) -> None:
        self._drain_planned = False
        self._drained_s = self._clock()
        state = self.state
        while self._events:
            state = reduce(state, self._events.popleft())
        if state is not self.state:
            self.state = state
            self.main.show(state)
            self._show_title(view.title(state))

    async def _greet(self) -> None:
        """What a new connection begins with."""
        try:
            await self.link.request("subscribe")
            await self.link.request("target.offer", name=PAD_NAME, title=PAD_TITLE)
            await self.link.request("target.focus", focused=self.app_focus)
            status = await self.link.request("status")
        except VoiceEditError as error:
            self._tell(error)
        else:
            self.take_event({**status, "event": "status"})

    def _serve_pad(self, event: dict[str, Any]) -> None:
        pad = self.main.pad
        try:
            told = pad.apply(event) if event["event"] == "target.apply" else pad.snapshot()
        except Refusal as refusal:
            told = {"error": {"code": refusal.code, "message": str(refusal)}}
        self._send("target.reply", request=event["request"], **told)

    # --- commands out -----------------------------------------------------------------------------------

    def ask(self, command: str, **fields: Any) -> None:
        """Send a command; what is wrong with it is told on the screen."""
        self.run_worker(self._ask(command, fields), name=command)

    async def _ask(self, command: str, fields: dict[str, Any]) -> None:
        try:
            await self.link.request(command, **fields)
        except VoiceEditError as error:
            self._tell(error)

    def _send(self, command: str, **fields: Any) -> None:
        try:
            self.link.send(command, **fields)
        except VoiceEditError as error:
            self._tell(error)

    def _tell(self, error: VoiceEditError) -> None:
        self.take_event(
            {
                "event": "notice",
                "level": "error",
                "code": error.code,
                "message": str(error),
                "hint": error.hint,
            }
        )

    def action_talk(self, mode: str) -> None:
        """Start a take, or end the one that runs."""
        self.ask("talk.toggle", mode=mode)

    def action_cancel(self) -> None:
        """Give up what is being said."""
        if self.state.connected and self.state.stage != "idle":
            self.ask("talk.cancel")

    def action_undo(self) -> None:
        self.ask("undo", count=1)

    def action_redo(self) -> None:
        self.ask("redo", count=1)

    def action_theme(self) -> None:
        """The other one of the two."""
        self.theme = themes.DARK if self.theme == themes.LIGHT else themes.LIGHT

    @on(Input.Submitted, "#say")
    def _say(self, event: Input.Submitted) -> None:
        words = event.value.strip()
        if not words:
            return
        event.input.clear()
        if words.startswith("+"):
            self.ask("say", words=words[1:].strip(), mode="dictate")
        else:
            self.ask("say", words=words, mode="edit")

    def watch_app_focus(self, focused: bool) -> None:
        """The terminal got or lost the keyboard: only with it the pad gets the words."""
        if self.link.connected:
            self._send("target.focus", focused=focused)

    def _show_title(self, title: str) -> None:
        if title != self._title and self.settings.feedback.title and self._driver is not None:
            self._title = title
            self._driver.write(f"\x1b]2;{title}\x07")
