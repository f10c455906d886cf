"""The application: events from the daemon in, state out to the screens; keys in, commands out."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from voice_edit.control import protocol
from voice_edit.control.link import DaemonLink
from voice_edit.errors import VoiceEditError
from voice_edit.tui import themes, view
from voice_edit.tui.dialogs import ChoiceDialog, ConfirmDialog, StartDialog, TextDialog
from voice_edit.tui.main_screen import MainScreen
from voice_edit.tui.model import reduce
from voice_edit.tui.pad import PAD_NAME, PAD_TITLE, Refusal
from voice_edit.tui.pages import Page
from voice_edit.tui.state import Question, State

if TYPE_CHECKING:
    from voice_edit.config import Paths, Settings

REDRAWS_A_SECOND = 15
"""At most. What comes in between is drawn together."""
EVENTS_AT_ONCE = 20
"""After so many the keyboard has its turn."""
HANDS_FREE = {"off": "dictate", "dictate": "edit", "edit": "off"}

Told = Callable[[VoiceEditError | None], object]
"""Is told the outcome of a command: None, or what went wrong."""


class VoiceEditApp(App[None]):
    """`voice-edit tui`."""

    TITLE = "voice-edit"
    CSS_PATH = "style.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "page('help')", "Help", priority=True),
        Binding("question_mark", "page('help')", "Help"),
        Binding("f2", "page('history')", "History", priority=True),
        Binding("f3", "page('doctor')", "Doctor", priority=True),
        Binding("f4", "page('settings')", "Settings", priority=True),
        Binding("ctrl+n", "page('vocabulary')", "Vocabulary", priority=True),
        # A terminal sends NUL for Ctrl+Space, which is also Ctrl+@.
        Binding("f5,ctrl+at,ctrl+@,ctrl+space", "talk('dictate')", "Dictate", priority=True),
        Binding("f6", "talk('edit')", "Edit", priority=True),
        # At once, so that what is typed ahead goes where Tab leads.
        Binding("tab", "app.focus_next", "Next", priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", priority=True),
        Binding("escape", "cancel", "Give up"),
        Binding("f7", "revert('undo')", "Undo", priority=True),
        Binding("f8", "revert('redo')", "Redo", priority=True),
        Binding("f9", "target", "File", priority=True),
        Binding("f10,ctrl+q", "quit", "Quit", priority=True),
        Binding("f12", "theme", "Light or dark", priority=True),
        Binding("ctrl+l", "hands_free", "Hands-free", priority=True),
        Binding("ctrl+r", "start", "Start the daemon", priority=True),
    ]

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        *,
        file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`file` gets the words instead of the practice pad. `clock` gives seconds that only grow."""
        super().__init__()
        self.settings = settings
        self.paths = paths
        self.state = State()
        self.link = DaemonLink(paths.socket)
        self.main = MainScreen()
        self.drawn = 0
        """How often a state was drawn, for measuring."""
        self._file = file
        self._clock = clock
        self._events: deque[Mapping[str, Any]] = deque()
        self._drain_planned = False
        self._drained_s = 0.0
        self._title = ""
        self._offered_start = False
        self._question: tuple[Question, ModalScreen[int | None]] | None = None
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = themes.theme_named(settings.tui.theme)

    def on_mount(self) -> None:
        if self.settings.feedback.title and self._driver is not None:
            self._driver.write("\x1b[22;2t")  # xterm: remember the title
        self.push_screen(self.main)
        self.run_worker(self._follow(), name="follow the daemon")

    async def on_unmount(self) -> None:
        if self._title and self._driver is not None:
            self._driver.write("\x1b[23;2t")  # and put it back
        await self.link.close()

    # --- events in --------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        self.link.start()
        taken = 0
        async for message in self.link.messages():
            self.take_event(message)
            taken += 1
            if taken % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def take_event(self, event: Mapping[str, Any]) -> None:
        """Take an event of the daemon or of the link. Cheap: what is to be drawn is drawn later, together."""
        match event["event"]:
            case "target.snapshot" | "target.apply":  # somebody waits for this
                self._serve_pad(event)
                return
            case "link" if event["connected"]:
                self.run_worker(self._greet(), name="greet", group="greet", exclusive=True)
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
        if not self.main.is_attached:  # we are leaving
            return
        state = self.state
        while self._events:
            state = reduce(state, self._events.popleft())
        if state is self.state:
            return
        self.state = state
        self.drawn += 1
        self.main.show(state)
        for screen in self.screen_stack:
            if isinstance(screen, Page):
                screen.show(state)
        self._show_title(view.title(state))
        self._show_question(state.question)
        self._offer_start(state)

    async def _greet(self) -> None:
        """What a new connection begins with. The link itself has subscribed."""
        try:
            await self.link.request(protocol.TargetOffer(name=PAD_NAME, title=PAD_TITLE))
            await self.link.request(protocol.TargetFocus(focused=self.app_focus))
            if self._file is not None:
                await self.link.request(protocol.TargetFile(path=str(self._file)))
            status = await self.link.request(protocol.Status())
        except VoiceEditError as error:
            self.tell(error)
        else:
            self.take_event({**status, "event": "status"})

    def _serve_pad(self, event: Mapping[str, Any]) -> None:
        pad = self.main.pad
        number = event["request"]
        try:
            told = pad.apply(event) if event["event"] == "target.apply" else pad.snapshot()
        except Refusal as refusal:
            error = protocol.ReplyError(code=refusal.code, message=str(refusal))
            self.do(protocol.TargetReply(request=number, error=error))
        else:
            self.do(protocol.TargetReply(request=number, **told))

    def _show_question(self, question: Question | None) -> None:
        """Open the dialog of a question that is new, close that of one that is settled."""
        if self._question is not None and self._question[0] is not question:
            dialog = self._question[1]
            self._question = None
            if dialog is self.screen:
                dialog.dismiss(None)
        if question is not None and self._question is None:
            dialog = ConfirmDialog(question) if question.kind == "confirm" else ChoiceDialog(question)
            self._question = question, dialog

            def answered(choice: int | None) -> None:
                if self._question is not None and self._question[0] is question:  # by nobody else meanwhile
                    self._question = None
                    self.do(protocol.Answer(question=question.id, choice=choice))

            self.push_screen(dialog, answered)

    def _offer_start(self, state: State) -> None:
        """Once; and no longer when somebody else has started one."""
        if state.link.state == "absent" and not self._offered_start:
            self._offered_start = True
            self.push_screen(StartDialog(), self._start_wanted)
        elif state.connected and isinstance(self.screen, StartDialog):
            self.screen.dismiss(False)

    def _show_title(self, title: str) -> None:
        if title != self._title and self.settings.feedback.title and self._driver is not None:
            self._title = title
            self._driver.write(f"\x1b]2;{title}\x07")

    # --- commands out -----------------------------------------------------------------------------------

    def do(
        self, command: protocol.Command, *, tell: Told | None = None, timeout_s: float | None = 10.0
    ) -> None:
        """Send a command. What is wrong with it is told on the main screen, or to `tell`."""
        self.run_worker(self._do(command, tell, timeout_s), name=command.command)

    async def _do(self, command: protocol.Command, tell: Told | None, timeout_s: float | None) -> None:
        try:
            await self.link.request(command, timeout_s=timeout_s)
        except VoiceEditError as error:
            (tell or self.tell)(error)
        else:
            if tell is not None:
                tell(None)

    def tell(self, error: VoiceEditError | None) -> None:
        """Show what went wrong on the main screen."""
        if error is not None:
            told = {"level": "error", "code": error.code, "message": str(error), "hint": error.hint}
            self.take_event({"event": "notice", **told})

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a dialog asks, only it is answered; giving up and talking go on."""
        if isinstance(self.screen, ModalScreen):
            return action not in ("page", "target", "start")
        return True

    def action_page(self, name: str) -> None:
        """Open a page, in place of the one that is open."""
        if isinstance(self.screen, Page):
            same = name == self.screen.HEADING
            self.screen.dismiss()
            if same:
                return
        self.push_screen(_page(name))

    def action_talk(self, mode: str) -> None:
        """Start a take, or end the one that runs."""
        self.do(protocol.TalkToggle(mode="edit" if mode == "edit" else "dictate"))

    def action_cancel(self) -> None:
        """Give up what is being said."""
        if self.state.connected and self.state.stage != "idle":
            self.do(protocol.TalkCancel())

    def action_hands_free(self) -> None:
        """Off, dictate, edit, off."""
        wanted: Any = HANDS_FREE.get(self.state.hands_free, "off")
        self.run_worker(self._hands_free(wanted), group="hands-free", exclusive=True)

    async def _hands_free(self, wanted: Any) -> None:
        try:
            told = await self.link.request(protocol.HandsFree(mode=wanted))
        except VoiceEditError as error:
            self.tell(error)
        else:
            self.take_event({"event": "hands_free", "mode": told.get("hands_free", wanted)})

    def action_revert(self, direction: str) -> None:
        """Undo or redo the newest utterance of the target."""
        self.do(protocol.Undo() if direction == "undo" else protocol.Redo(), timeout_s=None)

    def action_theme(self) -> None:
        """The other one of the two."""
        self.theme = themes.DARK if self.theme == themes.LIGHT else themes.LIGHT

    @work(group="target", exclusive=True)
    async def action_target(self) -> None:
        """Choose a file, or the practice pad again."""
        text = "A text file that gets the words from now on. Empty: the practice pad again."
        value = str(self._file or "")
        path = await self.push_screen_wait(TextDialog("where to", text, value=value, placeholder="a path"))
        if path is None:
            return
        self._file = Path(path.strip()).expanduser().absolute() if path.strip() else None
        if self._file is None:
            self.do(protocol.TargetClear())
        else:
            self.do(protocol.TargetFile(path=str(self._file)))

    @on(Input.Submitted, "#say")
    def _say(self, event: Input.Submitted) -> None:
        words = event.value.strip()
        event.input.clear()
        if words == "?":
            self.action_page("help")
        elif words.startswith("+"):
            self._say_words(words[1:].strip(), "dictate")
        else:
            self._say_words(words, "edit")

    def _say_words(self, words: str, mode: protocol.Mode) -> None:
        if words:
            self.take_event({"event": "words", "text": words})
            self.do(protocol.Say(words=words, mode=mode), timeout_s=None)

    def watch_app_focus(self, focused: bool) -> None:
        """The terminal got or lost the keyboard: only with it the pad gets the words."""
        if self.link.connected:
            self.do(protocol.TargetFocus(focused=focused))

    # --- the daemon -------------------------------------------------------------------------------------

    def action_start(self) -> None:
        """Start the daemon, or look for it now."""
        if not self.state.connected:
            self._start_wanted(True)

    def _start_wanted(self, wanted: bool | None) -> None:
        if wanted:
            self.take_event({"event": "starting", "error": None})
            self.run_worker(self._start(), group="start", exclusive=True)

    async def _start(self) -> None:
        from voice_edit.control.starting import ensure_daemon

        try:
            await asyncio.to_thread(ensure_daemon, self.paths.socket)
        except VoiceEditError as error:
            self.take_event({"event": "starting", "error": error.to_json()})
        else:
            self.link.try_now()


def _page(name: str) -> Screen[None]:
    """A page by its name; each is imported when it is opened."""
    if name == "history":
        from voice_edit.tui.history_screen import HistoryScreen

        return HistoryScreen()
    if name == "doctor":
        from voice_edit.tui.doctor_screen import DoctorScreen

        return DoctorScreen()
    if name == "settings":
        from voice_edit.tui.settings_screen import SettingsScreen

        return SettingsScreen()
    if name == "vocabulary":
        from voice_edit.tui.vocabulary_screen import VocabularyScreen

        return VocabularyScreen()
    from voice_edit.tui.help_screen import HelpScreen

    return HelpScreen()
