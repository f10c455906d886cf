"""All keys, and what is to be known about them."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from voice_edit.tui import view
from voice_edit.tui.pages import Page

SECTIONS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "talk",
        (
            ("F5  Ctrl+Space", "dictate: start, again to stop; every word is written down"),
            ("F6", "edit: start, again to stop; the words are a command"),
            ("Esc", "give up what is said; nothing changes, the sound is kept"),
            ("Ctrl+L", "hands-free: off, dictate, edit"),
        ),
    ),
    (
        "text",
        (
            ("Tab", "between the practice pad and the say line"),
            ("say line", "a typed command; + in front inserts the words instead"),
            ("F7  F8", "undo and redo what was said, wherever it went"),
            ("Ctrl+Z  Ctrl+Y", "the practice pad's own undo and redo"),
            ("F9", "a file gets the words, instead of the practice pad"),
        ),
    ),
    (
        "pages",
        (
            ("F1  ?", "this page (? in the empty say line)"),
            ("F2", "history: search, undo, try again, copy, play"),
            ("F3", "doctor: looks at every part and says what to do"),
            ("F4", "settings"),
            ("Ctrl+N", "vocabulary: names, replacements, snippets"),
        ),
    ),
    (
        "program",
        (
            ("F12", "light or dark"),
            ("Ctrl+R", "start the daemon, or look for it now"),
            ("F10  Ctrl+Q", "leave; the daemon goes on (voice-edit stop --daemon)"),
        ),
    ),
)
NOTES = (
    "A terminal tells when a key goes down, and not when it is let go: here keys start and stop. "
    "The keys that work on the whole desktop (F4, hotkeys) can be held.",
    "The practice pad gets the words while this terminal has the keyboard and no file is chosen. "
    "Nothing else is touched by what you try there.",
    "Words that may still change are dim. Nothing is applied before they are final.",
)


class HelpScreen(Page):
    """A page to read."""

    HEADING = "help"
    KEYS = (("↑↓", "scroll", "screen.focus_next"),)
    AUTO_FOCUS = "#help"

    def body(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(id="help-text")

    def on_resize(self, event: Resize) -> None:
        self.query_one("#help-text", Static).update(help_text(event.size.width - 2))


def help_text(width: int) -> Content:
    """The page as styled text, `width` cells wide."""
    lines: list[Content] = []
    for name, keys in SECTIONS:
        lines.append(Content.assemble((f" {name}", "bold $primary")))
        for key, words in keys:
            head = Content.assemble((f"   {key:<17}", "bold"))
            lines.append(view.hanging(head, Content.assemble((words, "$muted")), width))
        lines.append(Content(""))
    for note in NOTES:
        lines += [view.hanging(Content(" "), Content.assemble((note, "$muted")), width), Content("")]
    return Content("\n").join(lines[:-1])
