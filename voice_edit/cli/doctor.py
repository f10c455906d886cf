"""`voice-edit doctor`: every link of the chain, live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, Model, Projector, invocation

if TYPE_CHECKING:
    from rich.console import RenderableType

    from voice_edit.doctor.checks import Check

EPILOG = """\b
For example:
  voice-edit doctor --listen 5               speak meanwhile, and see your level
  voice-edit doctor --only microphone --only hotkeys
  voice-edit doctor --json | jq -r 'select(.state == "failed") | .remedy'"""

MARKS = {
    "ok": ("ok", "green"),
    "warning": ("look", "yellow"),
    "failed": ("failed", "bold red"),
    "skipped": ("-", "dim"),
}
_NAME, _MARK = 14, 8


def doctor(
    context: typer.Context,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="Only this check; may be repeated.")
    ] = None,
    listen: Annotated[
        float,
        typer.Option(
            "--listen", min=0.2, max=60.0, metavar="SECONDS", help="How long to listen for the level."
        ),
    ] = 1.0,
    model: Model = None,
    projector: Projector = None,
    as_json: AsJson = False,
) -> None:
    """Test every link from the microphone to the text, and say what to do where one is broken.

    The microphone is listened to for a second and a recording is heard by the model; nothing is kept, nothing
    is changed, nothing is played, and no network is used. Exit code 0 if nothing failed, else 1.
    """
    from voice_edit.doctor.checks import run_checks
    from voice_edit.errors import UsageError

    run = invocation(context)
    output, paths = run.output(), run.paths()
    settings = None
    if run.overrides:
        try:
            settings = run.settings()
        except UsageError as error:  # the file's own mistakes are a finding below
            output.warn(str(error), error.hint)
    states = []
    for check in run_checks(settings, paths, only=only or (), listen_s=listen):
        states.append(check.state)
        output.result(check.to_json(), shown(check) if output.out.is_terminal else plain(check))
    failed, look = states.count("failed"), states.count("warning")
    output.note(f"\n{summary(failed, look, everything=not only)}", style="bold red" if failed else "bold")
    if failed:
        raise typer.Exit(1)


def plain(check: Check) -> str:
    """A check for a pipe or a file: a line for what was found, and a line for each thing to do."""
    lines = [f"{check.title:<{_NAME}}{MARKS[check.state][0]:<{_MARK}}{check.message}"]
    lines += [" " * (_NAME + _MARK) + f"next: {line}" for line in remedies(check)]
    return "\n".join(lines)


def remedies(check: Check) -> list[str]:
    """What to do about it; nothing where nothing is wrong."""
    return check.remedy.splitlines() if check.state in ("warning", "failed") else []


def shown(check: Check) -> RenderableType:
    """A check as people read it: one line, and below it what to do."""
    from rich.table import Table
    from rich.text import Text

    from voice_edit.cli.output import visible

    mark, style = MARKS[check.state]
    rows = Table.grid(padding=(0, 0))
    rows.add_column(width=_NAME)
    rows.add_column(width=_MARK)
    rows.add_column(overflow="fold")
    rows.add_row(
        Text(check.title), Text(mark, style), Text(visible(check.message), "dim" if mark == "-" else "")
    )
    for line in remedies(check):
        rows.add_row("", "", Text.assemble(("next: ", "bold"), visible(line)))
    return rows


def summary(failed: int, look: int, *, everything: bool) -> str:
    """One sentence on all that was looked at."""
    if failed:
        more = f", and {look} to look at" if look else ""
        return f"{failed} {'does' if failed == 1 else 'do'} not work{more}."
    if look:
        return f"Nothing failed; {look} to look at."
    return "Everything works." if everything else "Nothing is wrong with what was looked at."
