"""What is asked: a place among several, a large change, a daemon to be started, a value, a file."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from voice_edit.tui import view
from voice_edit.tui.state import Question


def hints(*keys: tuple[str, str]) -> Static:
    """The line below a dialog that says what the keys do."""
    parts = [Content.assemble((key, "bold $primary"), (f" {words}", "$muted")) for key, words in keys]
    return Static(Content("   ").join(parts), classes="dialog-keys")


class ChoiceDialog(ModalScreen[int | None]):
    """Which of the places is meant? Gives its index, or None for none of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "none", "None of them"),
        *(Binding(str(n), f"pick({n - 1})", show=False) for n in range(1, 10)),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "which one?"
            yield Static(Content(self.question.message), classes="dialog-text")
            yield OptionList(*(Option(line) for line in view.question_choices(self.question)), compact=True)
            yield hints(("1-9", "or"), ("↑↓ Enter", "choose"), ("Esc", "none of them"))

    def action_pick(self, index: int) -> None:
        if index < len(self.question.choices):
            self.dismiss(index)

    def action_none(self) -> None:
        self.dismiss(None)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)


class ConfirmDialog(ModalScreen[int | None]):
    """A large change: shall it be made? Gives 0 for yes, None for no. Enter alone does not do it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Do it"),
        Binding("n,escape", "no", "Leave it"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog large") as dialog:
            dialog.border_title = "shall this be done?"
            yield Static(Content(self.question.message), classes="dialog-text")
            with VerticalScroll(classes="dialog-diff"):
                yield Static(self._diff())
            yield hints(("y", "do it"), ("n Esc", "leave it"), ("↑↓", "scroll"))

    def _diff(self) -> Content:
        diff = view.whole_diff(self.question.before, self.question.after)
        if diff:
            return diff
        return Content.assemble((" The texts are too long to be shown here.", "$muted"))

    def action_yes(self) -> None:
        self.dismiss(0)

    def action_no(self) -> None:
        self.dismiss(None)


class StartDialog(ModalScreen[bool]):
    """No daemon runs: shall one be started?"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "answer(True)", "Start it"),
        Binding("escape,n", "answer(False)", "Not now"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "start voice-edit?"
            yield Static(
                "Nothing runs in the background yet. The daemon owns microphone, keys and model; it opens "
                "the microphone only while you talk, and goes on when this window is closed.\n\n"
                "To end it later: voice-edit stop --daemon",
                classes="dialog-text",
            )
            yield hints(("Enter", "start it"), ("Esc", "only look around"))

    def action_answer(self, start: bool) -> None:
        self.dismiss(start)


class TextDialog(ModalScreen[str | None]):
    """One line of text. Gives it, or None if nothing is to be done."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "none", "Leave it")]

    def __init__(self, title: str, text: str, *, value: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._title, self._text = title, text
        self._value, self._placeholder = value, placeholder

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(Content(self._text), classes="dialog-text")
            line = Input(self._value, compact=True, placeholder=self._placeholder)
            line.cursor_blink = False
            yield line
            yield hints(("Enter", "take it"), ("Esc", "leave it"))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value)

    def action_none(self) -> None:
        self.dismiss(None)


class PickDialog(ModalScreen[str | None]):
    """One of a few words. Gives it, or None if nothing is to be done."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "none", "Leave it")]

    def __init__(self, title: str, text: str, choices: tuple[str, ...], *, value: str = "") -> None:
        super().__init__()
        self._title, self._text = title, text
        self._choices, self._value = choices, value

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(Content(self._text), classes="dialog-text")
            yield OptionList(*(Option(f" {one}", id=one) for one in self._choices), compact=True)
            yield hints(("↑↓ Enter", "take it"), ("Esc", "leave it"))

    def on_mount(self) -> None:
        if self._value in self._choices:
            self.query_one(OptionList).highlighted = self._choices.index(self._value)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_none(self) -> None:
        self.dismiss(None)
