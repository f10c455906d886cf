"""`voice-edit talk start|stop|toggle|cancel`: talking without a key of ours, for the bindings of a desktop.

Each may be repeated: starting while somebody talks does nothing, and so does stopping while nobody does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from voice_edit.cli import requests
from voice_edit.cli.options import AsJson, invocation
from voice_edit.cli.requests import Request

if TYPE_CHECKING:
    from voice_edit.cli.options import Invocation

HELP = "Start and stop talking by command, for a desktop's own key bindings."
EPILOG = """\b
For example, in the configuration of sway (hold to talk):
  bindsym           Mod4+space exec voice-edit talk start
  bindsym --release Mod4+space exec voice-edit talk stop
or, one key to start and stop, for edit commands:
  voice-edit talk toggle --mode edit
  voice-edit talk start --mode edit --file notes.md
Short forms: `voice-edit toggle`, `voice-edit cancel`, `voice-edit stop`."""

app = typer.Typer(help=HELP, epilog=EPILOG, no_args_is_help=True, rich_markup_mode=None)

Mode = Annotated[
    Literal["dictate", "edit"],
    typer.Option("--mode", help="What the words are for: to be written down, or to be carried out."),
]
OntoFile = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", readable=False, help="Where the words go, this time only."),
]


@app.command("start")
def start(
    context: typer.Context, mode: Mode = "dictate", file: OntoFile = None, as_json: AsJson = False
) -> None:
    """Start to talk. Does nothing while somebody talks."""
    _talk(invocation(context), "talk.start", mode=mode, target=_target(file))


@app.command("stop")
def stop(context: typer.Context, as_json: AsJson = False) -> None:
    """Stop talking; what was said counts. Does nothing while nobody talks."""
    _talk(invocation(context), "talk.stop")


@app.command("toggle")
def toggle(
    context: typer.Context, mode: Mode = "dictate", file: OntoFile = None, as_json: AsJson = False
) -> None:
    """Stop talking while somebody talks, else start."""
    _talk(invocation(context), "talk.toggle", mode=mode, target=_target(file))


@app.command("cancel")
def cancel(context: typer.Context, as_json: AsJson = False) -> None:
    """Give up what is being said, heard or asked. Nothing is applied; the recording is kept."""
    _talk(invocation(context), "talk.cancel")


def _talk(run: Invocation, command: str, **fields: Any) -> None:
    given = {name: value for name, value in fields.items() if value is not None}
    requests.perform(Request(command, given), run.paths().socket, run.output())


def _target(file: Path | None) -> dict[str, str] | None:
    return None if file is None else requests.file_target(str(file))
