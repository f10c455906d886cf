"""`voice-edit tui`: the terminal interface."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from voice_edit.cli.options import invocation


def tui(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            readable=False,
            help="A text file that gets the words, instead of the practice pad.",
        ),
    ] = None,
) -> None:
    """Talk, see what is heard and what it changes, and practise, in the terminal.

    Starts the daemon if you like, and works without a desktop: F5 and F6 talk, F1 lists all keys.
    """
    from voice_edit.errors import UsageError

    # Textual reads stdin and writes to stderr.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(
            "The terminal interface needs a terminal.",
            hint="Run it in one; in scripts use `voice-edit watch --json` and `voice-edit talk`.",
        )
    run = invocation(context)
    settings, paths = run.settings(), run.paths()

    from voice_edit.tui.app import VoiceEditApp

    app = VoiceEditApp(settings, paths, file=None if file is None else file.absolute())
    app.run()
    if app.return_code:
        raise typer.Exit(app.return_code)
