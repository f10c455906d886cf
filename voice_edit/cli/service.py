"""`voice-edit service`: the daemon as a service of the session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, invocation

if TYPE_CHECKING:
    from rich.text import Text

    from voice_edit.cli.options import Invocation
    from voice_edit.service.manager import ServiceManager, ServiceStatus, Step

HELP = "Start the daemon with your session: systemd on Linux, launchd on macOS."

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

WithoutDesktop = Annotated[
    bool,
    typer.Option(
        "--without-desktop",
        help="Start at login, not with the graphical session (systemd only): for a machine without a "
        "desktop, or a desktop that does not start graphical-session.target.",
    ),
]


@app.callback()
def _group() -> None:
    """Start the daemon with your session: systemd on Linux, launchd on macOS."""


@app.command("install")
def install(
    context: typer.Context,
    start: Annotated[
        bool, typer.Option("--now/--no-start", help="Start it now, or leave that to the next login.")
    ] = True,
    only_print: Annotated[
        bool, typer.Option("--print", help="Only print the file that would be written.")
    ] = False,
    without_desktop: WithoutDesktop = False,
    as_json: AsJson = False,
) -> None:
    """Write the service's file, enable it, and start it.

    Shows the file and the commands that were run. May be repeated: after an update of the program, or after
    it was moved.
    """
    run = invocation(context)
    manager = _manager(desktop=not without_desktop)
    if only_print:
        text = manager.render()
        run.output().result({"file": str(manager.file), "content": text}, text.rstrip("\n"))
        return
    _tell(run, manager.install(start=start))


@app.command("start")
def start(context: typer.Context, as_json: AsJson = False) -> None:
    """Start the installed service anew, in this graphical session.

    Tells the service manager of this session's display first. For the autostart of desktops that do not do
    that themselves.
    """
    _tell(invocation(context), _installed().start())


@app.command("stop")
def stop(context: typer.Context, as_json: AsJson = False) -> None:
    """Stop the service until the next login."""
    _tell(invocation(context), _installed().stop())


@app.command("uninstall")
def uninstall(context: typer.Context, as_json: AsJson = False) -> None:
    """Stop the service and remove its file. Recordings and settings stay."""
    _tell(invocation(context), _manager().uninstall())


@app.command("status")
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Print whether the service is installed, enabled and running.

    Exit code 0 if it runs, 9 if it does not.
    """
    output = invocation(context).output()
    found = _manager().status()
    output.result(found.to_json(), _shown(found))
    if found.state != "running":
        raise typer.Exit(9)


@app.command("logs")
def logs(
    context: typer.Context,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000, help="How many.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Print what the daemon wrote last. It never writes dictated text."""
    import shutil
    import subprocess

    from voice_edit.errors import ServiceUnavailable

    command = _manager().log_command(lines=lines, follow=follow)
    if shutil.which(command[0]) is None:
        raise ServiceUnavailable(
            f"The program {command[0]} is not there.",
            hint="Run `voice-edit run` in a terminal; it prints there what a service writes to its log.",
        )
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def _manager(*, desktop: bool = True) -> ServiceManager:
    from voice_edit.service.manager import choose_manager

    return choose_manager(desktop=desktop)


def _installed() -> ServiceManager:
    from voice_edit.errors import ServiceFailed

    manager = _manager()
    if not manager.file.exists():
        raise ServiceFailed("The service is not installed.", hint="Run: voice-edit service install")
    return manager


def _tell(run: Invocation, steps: Iterator[Step]) -> None:
    """Do the steps, and print each when it is done."""
    output = run.output()
    for step in steps:
        if step.kind == "note" and step.hint:
            output.warn(step.text, step.hint)
        else:
            output.result(step.to_json(), _line(step))


def _line(step: Step) -> Text:
    from rich.text import Text

    from voice_edit.cli.output import visible

    return Text.assemble((f"{step.kind:<10}" if step.kind != "note" else "", "cyan"), visible(step.text))


def _shown(found: ServiceStatus) -> Text:
    from rich.text import Text

    from voice_edit.cli.output import visible

    yes = {True: "yes", False: "no", None: "unknown"}
    styles = {"running": "green", "failed": "red"}
    rows: list[tuple[str, str, str]] = [("service", found.state, styles.get(found.state, "yellow"))]
    rows += [("", visible(found.detail), "dim")] if found.detail else []
    rows += [("process", f"{found.pid}", "")] if found.pid else []
    rows += [("since", found.since, "")] if found.since and found.state != "unknown" else []
    rows += [("restarts", f"{found.restarts}", "")] if found.restarts else []
    rows += [("installed", yes[found.installed], ""), ("at login", yes[found.enabled], "")]
    rows += [("file", visible(str(found.file)), "")] if found.installed else []
    rows += [("problem", visible(found.problem), "red")] if found.problem else []
    rows += [("next", visible(found.hint), "")] if found.hint else []
    return Text("\n").join(
        Text.assemble((f"{name:<11}", "bold"), (value, style)) for name, value, style in rows
    )
