"""Verbs that are one request to the daemon: `status`, `talk ...`, `toggle`, `cancel`, `stop`.

A desktop runs them when a key goes down, and somebody already speaks. Reading a command line with typer takes
a fifth of a second; so where a command line is plainly one of these, it is read here in a few milliseconds.
Anything else, mistakes and --help among it, is left to typer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voice_edit.cli.output import Output

MODES = ("dictate", "edit")


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for."""

    command: str
    """Its name in the protocol."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Its fields, as JSON has them."""


def perform(request: Request, socket: Path, output: Output) -> None:
    """Ask for it and print the answer. Raises DaemonError, and what the daemon tells."""
    from voice_edit.cli.status_text import stage_line, status_lines
    from voice_edit.control.client import ControlClient

    with ControlClient(socket) as daemon:
        result = daemon.request(request.command, **request.fields)
    if request.command == "status":
        output.result(result, "\n".join(status_lines(result)))
    else:
        output.result(result, stage_line(str(result.get("stage")), result.get("mode")))


def file_target(file: str) -> dict[str, str]:
    """A file as the target of one take."""
    from voice_edit.paths import whole_path

    # Links are left alone: the daemon follows them when it opens the file.
    return {"file": str(whole_path(file))}


def quickly(arguments: Sequence[str]) -> int | None:
    """Do what the command line asks for if it is one of these verbs: the exit code, else None."""
    as_json = "--json" in arguments
    try:
        read = None if "_VOICE_EDIT_COMPLETE" in os.environ else read_arguments(arguments)
        if read is None:
            return None
        from voice_edit.cli.output import Output
        from voice_edit.paths import Paths

        request, as_json = read
        perform(request, Paths.from_environment().socket, Output(as_json=as_json))
    except (Exception, KeyboardInterrupt) as failure:
        return _told(failure, as_json)
    return 0


def read_arguments(arguments: Sequence[str]) -> tuple[Request, bool] | None:
    """The request, and whether --json was given; None for everything that needs a closer look."""
    match list(arguments):
        case ["status", *options]:
            command = "status"
        case ["talk", ("start" | "stop" | "toggle" | "cancel") as verb, *options]:
            command = f"talk.{verb}"
        case [("toggle" | "cancel" | "stop") as verb, *options]:
            command = f"talk.{verb}"
        case _:
            return None
    takes_more = command in ("talk.start", "talk.toggle")
    fields: dict[str, Any] = {"mode": "dictate"} if takes_more else {}
    as_json = False
    while options:
        option = options.pop(0)
        if option == "--json":
            as_json = True
            continue
        name, given, value = option.partition("=")
        if not takes_more or name not in ("--mode", "--file") or not (given or options):
            return None
        value = value if given else options.pop(0)
        if not value or value.startswith("-") or (name == "--mode" and value not in MODES):
            return None
        fields |= {"mode": value} if name == "--mode" else {"target": file_target(value)}
    return Request(command, fields), as_json


def _told(failure: BaseException, as_json: bool) -> int:
    """Tell of it as every verb does, and return the exit code."""
    import typer

    from voice_edit.cli.app import failures_told
    from voice_edit.cli.options import Invocation

    try:
        with failures_told(Invocation(json=as_json)):
            raise failure
    except typer.Exit as end:
        return int(end.exit_code)
