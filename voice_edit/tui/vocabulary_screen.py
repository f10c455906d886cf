"""Words, replacements and snippets: a list, and a way to change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.cells import set_cell_size
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from voice_edit.cli.output import visible
from voice_edit.cli.vocabulary import escaped, unescaped
from voice_edit.errors import VoiceEditError
from voice_edit.tui import view
from voice_edit.tui.dialogs import TextDialog
from voice_edit.tui.pages import Page
from voice_edit.vocabulary import store
from voice_edit.vocabulary.entries import Entries, checked_phrase, checked_word
from voice_edit.vocabulary.matcher import folded

MEANINGS = {
    "word": "It is spelled so where it is heard, or something that sounds like it.",
    "replacement": "Wherever this is said, that is written.",
    "snippet": "Where this is all that is said, or is said after the word “snippet”, that is written.",
}
_LIKE = "How it is heard, in plain spelling, several with commas between. Empty: as it is written."
_WRITE = "What is written then. \\n is a new line, \\t a tab."
_NAME_CELLS = 28
_NOTHING = "Nothing yet. n: a name or word of your own"


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of whatever kind."""

    kind: Literal["word", "replacement", "snippet"]
    name: str
    """How it is written (a word) or said."""
    more: str
    """What it sounds like (a word), or what is written, on one line."""

    def look(self) -> Content:
        """One line of the list."""
        return Content.assemble(
            (f" {self.kind:<12}", "$muted"),
            (f" {set_cell_size(view.short(visible(self.name), _NAME_CELLS), _NAME_CELLS)}", "bold"),
            (f" {visible(self.more)}", ""),
        )


def rows(entries: Entries) -> list[Row]:
    """All entries in the order of the file."""
    words = [Row("word", one.write, ", ".join(one.sounds_like)) for one in entries.words]
    replacements = [Row("replacement", one.say, escaped(one.write)) for one in entries.replacements]
    return [*words, *replacements, *(Row("snippet", one.say, escaped(one.write)) for one in entries.snippets)]


class VocabularyScreen(Page):
    """A list, and what the chosen entry does."""

    HEADING = "vocabulary"
    KEYS = (
        ("n", "new word", "screen.add('word')"),
        ("r", "new replacement", "screen.add('replacement')"),
        ("s", "new snippet", "screen.add('snippet')"),
        ("Enter", "change", "screen.change"),
        ("d", "remove", "screen.remove"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "add('word')", "New word"),
        Binding("r", "add('replacement')", "New replacement"),
        Binding("s", "add('snippet')", "New snippet"),
        Binding("enter", "change", "Change"),
        Binding("d,delete", "remove", "Remove"),
    ]
    AUTO_FOCUS = "#vocabulary"
    DEFAULT_CSS = """
    #vocabulary { height: 1fr; }
    #entry { height: 2; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Row] = []

    def body(self) -> ComposeResult:
        yield OptionList(id="vocabulary", compact=True)
        yield Static(id="entry")
        yield Static(id="told")

    def on_mount(self) -> None:
        super().on_mount()
        if self._load():
            self.tell(view.short_path(store.vocabulary_file(self.ve_app.paths)) if self._rows else _NOTHING)

    def _load(self) -> bool:
        listed = self.query_one("#vocabulary", OptionList)
        at = listed.highlighted or 0
        try:
            self._rows = rows(store.read_vocabulary(self.ve_app.paths))
        except VoiceEditError as error:
            self.tell(f"{error} {error.hint}", style="$error")
            return False
        listed.clear_options()
        listed.add_options([Option(row.look()) for row in self._rows])
        listed.highlighted = min(at, len(self._rows) - 1) if self._rows else None
        return True

    @property
    def chosen(self) -> Row | None:
        index = self.query_one("#vocabulary", OptionList).highlighted
        return self._rows[index] if index is not None and index < len(self._rows) else None

    @on(OptionList.OptionHighlighted, "#vocabulary")
    def _look(self) -> None:
        meaning = "" if self.chosen is None else MEANINGS[self.chosen.kind]
        self.query_one("#entry", Static).update(Content(meaning))

    @on(OptionList.OptionSelected, "#vocabulary")
    def _picked(self) -> None:
        self.action_change()

    @work(group="change", exclusive=True)
    async def action_add(self, kind: Literal["word", "replacement", "snippet"]) -> None:
        """Ask for a new entry."""
        await self._ask(Row(kind, "", ""))

    @work(group="change", exclusive=True)
    async def action_change(self) -> None:
        """Ask for the chosen entry again."""
        if self.chosen is not None:
            await self._ask(self.chosen)

    @work(group="change", exclusive=True)
    async def action_remove(self) -> None:
        """Take the chosen entry out."""
        row = self.chosen
        if row is None:
            return
        try:
            store.remove(self.ve_app.paths, row.kind, row.name)
        except VoiceEditError as error:
            self.tell(f"{error}", style="$error")
        else:
            self._load()
            self.tell(f"“{row.name}” is out. It counts from now on.", style="$success")

    async def _ask(self, row: Row) -> None:
        first = "As it is written." if row.kind == "word" else "What is said."
        name = await self.app.push_screen_wait(
            TextDialog(row.kind, f"{first} {MEANINGS[row.kind]}", value=row.name)
        )
        if name is None or not name.strip():
            return
        second = _LIKE if row.kind == "word" else _WRITE
        more = await self.app.push_screen_wait(TextDialog(name, second, value=row.more))
        if more is None:
            return
        try:
            self._write(row, name, more)
        except VoiceEditError as error:
            self.tell(f"{error} {error.hint}", style="$error")
            return
        self._load()
        names = [one.name for one in self._rows]
        if name in names:
            self.query_one("#vocabulary", OptionList).highlighted = names.index(name)
        self.tell(f"“{name}” is written down. It counts from now on.", style="$success")

    def _write(self, row: Row, name: str, more: str) -> None:
        """Raises VoiceEditError; then the file is as it was."""
        paths = self.ve_app.paths
        if row.kind == "word":
            likes = [one.strip() for one in more.split(",") if one.strip()]
            store.put_word(paths, checked_word(name, likes))
        else:
            store.put_phrase(paths, row.kind, checked_phrase(name, unescaped(more)))
        if row.name and folded(row.name) != folded(name):
            store.remove(paths, row.kind, row.name)
