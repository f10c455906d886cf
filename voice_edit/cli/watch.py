"""`voice-edit watch`: what the daemon does, live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voice_edit.cli.daemon import connect
from voice_edit.cli.options import AsJson, invocation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_edit.cli.live_line import LiveLine
    from voice_edit.cli.options import Invocation
    from voice_edit.cli.output import Output
    from voice_edit.control.client import ControlClient

EPILOG = """\b
For example:
  voice-edit watch
  voice-edit watch --json --events stage,outcome | jq .
docs/control.md lists the events."""

NOT_ASKED = frozenset({"hello", "bye", "ask", "target.snapshot", "target.apply"})
"""Not subscribed to: they come anyway, or want an answer that somebody who only watches cannot give."""


def watch(
    context: typer.Context,
    events: Annotated[
        str | None,
        typer.Option("--events", metavar="NAMES", help="Only these, separated by commas. Default: all."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the daemon does, live.

    Stage, level, words, edits as a diff, receipts and timings, until the daemon ends or Ctrl-C. With --json
    each event is one line.
    """
    run = invocation(context)
    output = run.output()
    with connect(run) as daemon:
        daemon.request("subscribe", events=_names(events))
        if output.as_json:
            _as_json(daemon, output)
        else:
            _as_lines(daemon, output, run)


def _names(events: str | None) -> list[str]:
    if events is not None:  # the daemon knows which there are
        return [name.strip() for name in events.split(",") if name.strip()]
    from voice_edit.control.protocol_events import EVENTS

    return [kind.event for kind in EVENTS if kind.event not in NOT_ASKED]


def _as_json(daemon: ControlClient, output: Output) -> None:
    output.result(daemon.hello)
    for event in daemon.events():
        output.result(event)


def _as_lines(daemon: ControlClient, output: Output, run: Invocation) -> None:
    from voice_edit.cli.live_line import LiveLine, Now

    status = daemon.request("status")
    with LiveLine(output, shown=True, title=run.settings().feedback.title) as line:
        line.set(Now.from_status(status))
        if not output.shows_progress:
            output.note("Watching; Ctrl-C ends.")
        try:
            follow(daemon, line, output)
        except KeyboardInterrupt:  # the way to end it, not a failure
            return


def follow(daemon: ControlClient, line: LiveLine, output: Output) -> None:
    """Print what happens until the daemon ends. Raises DaemonGone if it ended without a word."""
    while True:
        line.draw(time.monotonic())
        event = daemon.next_event(line.wait_s(time.monotonic()))
        if event is None:
            continue
        line.take(event)
        show(event, line, output)
        if event["event"] == "bye":
            line.clear()
            output.note(f"The daemon has ended the connection: {event.get('reason')}.")
            return


def show(event: Mapping[str, Any], line: LiveLine, output: Output) -> None:
    """Print an event above the line, if it is of the kind that stays."""
    from voice_edit.cli.live import event_rich
    from voice_edit.errors import RemoteFailure

    if event["event"] == "failed":
        line.clear()
        output.error(RemoteFailure(event.get("error") or {}))
    elif (shown := event_rich(event, watched=True)) is not None:
        line.clear()
        output.result(event, shown)
