"""The history: everything that was said, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from voice_edit.control import protocol
from voice_edit.errors import VoiceEditError
from voice_edit.tui import clipboard, entries
from voice_edit.tui.entries import Entry
from voice_edit.tui.pages import Page
from voice_edit.tui.state import State

PAGE_ENTRIES = 100
"""Fetched at once; more when the end of the list comes near."""


class HistoryScreen(Page):
    """A list, the details of one entry, and what can be done with it."""

    HEADING = "history"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  # an instance variable to mypy
    KEYS = (
        ("/", "search", "screen.search"),
        ("u", "undo last", "screen.revert('undo')"),
        ("r", "redo", "screen.revert('redo')"),
        ("t", "try again", "screen.retry"),
        ("c", "copy words", "screen.copy"),
        ("p", "play", "screen.play"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search"),
        Binding("u", "revert('undo')", "Undo the last"),
        Binding("r", "revert('redo')", "Redo"),
        Binding("t", "retry", "Try again"),
        Binding("c", "copy", "Copy the words"),
        Binding("p", "play", "Play the recording"),
    ]
    AUTO_FOCUS = "#entries"

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Entry] = []
        self._all_there = False
        self._seen = -1
        """How much history the state had when this was fetched."""
        self._fetching = False

    def body(self) -> ComposeResult:
        with Horizontal(id="search-line"):
            yield Label("search:", id="search-label")
            line = Input(
                id="search", compact=True, placeholder="words that were said; Enter goes to the list"
            )
            line.cursor_blink = False
            yield line
        with Container(id="history-body"):
            yield OptionList(id="entries", compact=True)
            with VerticalScroll(id="details", can_focus=False):
                yield Static(id="details-text")
        yield Static(id="told")

    def show(self, state: State) -> None:
        super().show(state)
        if state.entries != self._seen or (state.connected and not self._entries and not self._all_there):
            self._seen = state.entries
            self.reload()

    def reload(self) -> None:
        """Fetch the newest entries."""
        self.run_worker(self._fetch(before=None), group="fetch", exclusive=True)

    async def _fetch(self, *, before: int | None) -> None:
        search = self.query_one("#search", Input).value.strip() or None
        self._fetching = True
        try:
            found = await self.ve_app.link.request(
                protocol.Log(limit=PAGE_ENTRIES, search=search, before=before)
            )
        except VoiceEditError as error:
            self.tell(f"{error} {error.hint}", style="$error")
            return
        finally:
            self._fetching = False
        new = [entries.entry_of(record) for record in found.get("utterances") or ()]
        self._all_there = len(new) < PAGE_ENTRIES
        self._fill([*self._entries, *new] if before is not None else new, keep=before is not None)

    def _fill(self, found: list[Entry], *, keep: bool) -> None:
        """Put entries into the list; the one that was looked at stays so."""
        shown = self.query_one("#entries", OptionList)
        chosen = self.chosen
        if keep:
            shown.add_options([Option(entries.row(entry)) for entry in found[len(self._entries) :]])
            self._entries = found
            return
        newest_was_chosen = shown.highlighted in (None, 0)
        self._entries = found
        shown.clear_options()
        shown.add_options([Option(entries.row(entry)) for entry in found])
        numbers = [entry.number for entry in found]
        if found:
            same = chosen is not None and not newest_was_chosen and chosen.number in numbers
            shown.highlighted = numbers.index(chosen.number) if same and chosen is not None else 0
        else:
            searched = self.query_one("#search", Input).value.strip()
            nothing = "Nothing that was said contains this." if searched else "Nothing was said yet."
            self.query_one("#details-text", Static).update(Content.assemble((nothing, "$muted")))

    @property
    def chosen(self) -> Entry | None:
        """The entry that the actions are for."""
        index = self.query_one("#entries", OptionList).highlighted
        return self._entries[index] if index is not None and index < len(self._entries) else None

    @on(OptionList.OptionHighlighted, "#entries")
    def _look(self, event: OptionList.OptionHighlighted) -> None:
        entry = self.chosen
        if entry is None:
            return
        self.query_one("#details-text", Static).update(entries.details(entry))
        self.query_one("#details", VerticalScroll).scroll_home(animate=False)
        if event.option_index >= len(self._entries) - 10 and not self._all_there and not self._fetching:
            self.run_worker(self._fetch(before=self._entries[-1].number), group="fetch", exclusive=True)

    @on(Input.Changed, "#search")
    def _typed(self) -> None:
        self.reload()

    @on(Input.Submitted, "#search")
    def _to_list(self) -> None:
        self.query_one("#entries").focus()

    def action_search(self) -> None:
        """Type what to look for."""
        self.query_one("#search").focus()

    def action_back(self) -> None:
        """First out of the search, then out of the history."""
        line = self.query_one("#search", Input)
        if line.value or line.has_focus:
            line.clear()
            self.query_one("#entries").focus()
        else:
            super().action_back()

    def action_revert(self, direction: str) -> None:
        """Undo or redo, newest first, as the journal has it."""
        self.ve_app.do(protocol.Undo() if direction == "undo" else protocol.Redo(), tell=self._told)

    def action_retry(self) -> None:
        """Hear the recording again, or take the typed words again."""
        if self.chosen is not None:
            self.tell(f"Trying #{self.chosen.number} again ...")
            self.ve_app.do(protocol.Retry(utterance=self.chosen.number), tell=self._told, timeout_s=None)

    def action_play(self) -> None:
        """Play the recording."""
        entry = self.chosen
        if entry is None:
            return
        if not entry.has_sound:
            self.tell(f"There is no recording of #{entry.number}: it was typed, or is too old.")
            return
        self.tell(f"Playing #{entry.number}.")
        self.ve_app.do(protocol.Play(utterance=entry.number), tell=self._told)

    def action_copy(self) -> None:
        """Put the words on the clipboard."""
        if self.chosen is not None and self.chosen.words:
            self.run_worker(self._copy(self.chosen.words), group="copy", exclusive=True)

    async def _copy(self, words: str) -> None:
        self.tell(await clipboard.copy(self.app, words))

    def _told(self, error: VoiceEditError | None) -> None:
        if not self.is_attached:
            return
        if error is None:
            self.tell("Done.", style="$success")
        else:
            self.tell(f"{error} {error.hint}", style="$error")
