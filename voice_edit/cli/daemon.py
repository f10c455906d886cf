"""`voice-edit run`, `status`, `stop`: the daemon itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voice_edit.cli import requests
from voice_edit.cli.options import AsJson, Model, Projector, invocation
from voice_edit.cli.requests import Request

if TYPE_CHECKING:
    from voice_edit.cli.options import Invocation

RUN_EPILOG = """\b
For example:
  voice-edit run                    in a terminal, until Ctrl-C
  voice-edit service install        with every login, in the background
  voice-edit tui                    starts it if need be, and shows what it does"""
STATUS_EPILOG = """\b
For example:
  voice-edit status
  voice-edit status --json | jq -r .stage
  voice-edit status >/dev/null 2>&1 || echo "not running"      # exit code 8"""
STOP_EPILOG = """\b
For example:
  voice-edit stop                   what was said until now counts
  voice-edit stop --daemon          end what `voice-edit run` began"""


def run(
    context: typer.Context, model: Model = None, projector: Projector = None, as_json: AsJson = False
) -> None:
    """Run the daemon: listen to the talk keys and do what is said, until Ctrl-C.

    Everything else talks to this program: `voice-edit talk`, `watch`, `status`, `tui`. Only one runs at a
    time.
    """
    from voice_edit.daemon import program

    invoked = invocation(context)
    output = invoked.output()
    program.main(invoked.settings, invoked.paths(), tell=output.note)


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what the daemon is doing: stage, target, microphone, model, keys.

    Exit code 8 if it does not run.
    """
    run = invocation(context)
    requests.perform(Request("status"), run.paths().socket, run.output())


def stop(
    context: typer.Context,
    daemon: Annotated[
        bool, typer.Option("--daemon", help="End the daemon itself. What is being said is kept.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Stop talking, or with --daemon end the daemon.

    Stopping does nothing while nobody talks.
    """
    from voice_edit.errors import ProtocolMismatch

    run = invocation(context)
    if not daemon:
        requests.perform(Request("talk.stop"), run.paths().socket, run.output())
        return
    try:
        with connect(run) as client:
            client.request("stop")
            for _ in client.events():  # until it has closed the connection
                pass
    except ProtocolMismatch as error:  # of another version: it does not understand us, but it knows signals
        import os
        import signal

        if not error.pid:
            raise
        os.kill(error.pid, signal.SIGTERM)
    run.output().result({"stopped": True}, "stopped")


def connect(run: Invocation) -> Any:
    """A connection to the daemon. Raises DaemonNotRunning and the other DaemonErrors."""
    from voice_edit.control.client import ControlClient

    return ControlClient(run.paths().socket)
