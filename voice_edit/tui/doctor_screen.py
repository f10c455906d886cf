"""The doctor: every link of the chain, one after the other, with what to do where it is broken."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static
from textual.worker import get_current_worker

from voice_edit.cli.output import visible
from voice_edit.errors import VoiceEditError
from voice_edit.tui import view
from voice_edit.tui.pages import Page

MARKS = {
    "ok": ("✓", "$success"),
    "warning": ("!", "bold $warning"),
    "failed": ("✗", "bold $error"),
    "skipped": ("·", "$muted"),
}


def check_lines(check: Any, width: int, title_width: int) -> Content:
    """A check as it is shown: what it found, and below it what to do."""
    mark, style = MARKS.get(check.state, MARKS["skipped"])
    broken = check.state in ("warning", "failed")
    head = Content.assemble(
        (f" {mark} ", style),
        (f"{visible(check.title):<{title_width}}  ", "bold" if check.state == "failed" else ""),
    )
    text = Content.assemble((visible(check.message), "" if broken else "$muted"))
    if check.remedy and broken:
        text += Content.assemble(("\n" + visible(check.remedy.strip()), "$primary"))
    return view.hanging(head, text, width)


def summary(states: list[str]) -> tuple[str, str]:
    """One sentence on all of them, and its style."""
    failed, warnings = states.count("failed"), states.count("warning")
    if failed:
        more = f", {warnings} to look at" if warnings else ""
        return f"{failed} of {len(states)} {'does' if failed == 1 else 'do'} not work{more}.", "$error"
    if warnings:
        return f"Everything works; {warnings} to look at.", "$warning"
    return "Everything works.", "$success"


class DoctorScreen(Page):
    """Runs the checks in a thread and shows each as it comes."""

    HEADING = "doctor"
    KEYS = (("r", "run again", "screen.again"), ("↑↓", "scroll", "screen.focus_next"))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "again", "Run again")]
    AUTO_FOCUS = "#checks"

    def __init__(self) -> None:
        super().__init__()
        self._checks: list[Any] = []

    def body(self) -> ComposeResult:
        with VerticalScroll(id="checks"):
            yield Static(id="check-lines")
        yield Static(id="told")

    def on_mount(self) -> None:
        super().on_mount()
        self.action_again()

    def action_again(self) -> None:
        """Look at everything anew."""
        self._checks = []
        self.query_one("#check-lines", Static).update("")
        self.tell("Looking at every part ...")
        self.run_worker(self._run, thread=True, group="doctor", exclusive=True)

    def _run(self) -> None:
        # Textual's stand-in for stdout has no encoding, which a look at the terminal asks for.
        if not hasattr(sys.stdout, "encoding"):
            sys.stdout.encoding = getattr(sys.__stdout__, "encoding", "utf-8")  # type: ignore[misc]
        worker = get_current_worker()
        app = self.ve_app
        try:
            from voice_edit.doctor.checks import run_checks

            for check in run_checks(app.settings, app.paths):
                if worker.is_cancelled:
                    return
                app.call_from_thread(self._add, check)
        except VoiceEditError as error:
            app.call_from_thread(self.tell, f"{error} {error.hint}", style="$error")
            return
        if not worker.is_cancelled:
            app.call_from_thread(self._finish)

    def _add(self, check: Any) -> None:
        self._checks.append(check)
        self._draw()

    def _draw(self) -> None:
        titles = max(12, *(len(one.title) for one in self._checks), 0)
        lines = [check_lines(one, self.size.width - 2, titles) for one in self._checks]
        self.query_one("#check-lines", Static).update(Content("\n").join(lines))

    def on_resize(self, event: Resize) -> None:
        self._draw()

    def _finish(self) -> None:
        text, style = summary([check.state for check in self._checks])
        self.tell(text, style=style)
