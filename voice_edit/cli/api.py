"""`voice-edit api`: the local endpoint's key, and whether it is open."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from voice_edit.cli.options import AsJson, invocation

app = typer.Typer(
    help="The local endpoint: other programs on this machine use the model.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
EPILOG = """\b
Open it: in config.toml, below [api], enabled = true; then start the daemon anew.
Ask it:  voice-edit api token --header | curl -H @- http://127.0.0.1:7923/v1/models
docs/endpoint.md tells what can be asked."""


@app.callback()
def _group() -> None:
    """The local endpoint: other programs on this machine use the model."""


@app.command("token", epilog=EPILOG)
def token(
    context: typer.Context,
    new: Annotated[
        bool, typer.Option("--new", help="Make another one; programs with the old one are refused at once.")
    ] = False,
    header: Annotated[bool, typer.Option("--header", help="Print it as a header, for `curl -H @-`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the key of the endpoint, made if there is none. Whoever has it may use the model.

    Every user of the machine sees what stands on a command line: better pass it on through a pipe.
    """
    from voice_edit.api import token as tokens

    run = invocation(context)
    path = run.paths().api_token
    key = tokens.renew(path) if new else tokens.ensure(path)
    shown = f"Authorization: Bearer {key}" if header else key
    run.output().result({"token": key, "file": str(path)}, shown)


@app.command("status", epilog=EPILOG)
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell whether the endpoint is open, and where. The daemon is asked through its own socket, so that the
    key is never shown to whoever else may be listening on the port.
    """
    from voice_edit.control.client import ControlClient
    from voice_edit.errors import DaemonNotRunning

    run = invocation(context)
    settings = run.settings().api
    told: dict[str, Any] = {}
    is_running = True
    try:
        with ControlClient(run.paths().socket) as daemon:
            told = daemon.request("status")
    except DaemonNotRunning:
        is_running = False
    url, problem = str(told.get("endpoint", "")), str(told.get("endpoint_problem", ""))
    data = {
        "enabled": settings.enabled,
        "open": bool(url),
        "url": url,
        "problem": problem,
        "daemon": is_running,
        "token_file": str(run.paths().api_token),
    }
    run.output().result(data, _sentence(data))


def _sentence(data: dict[str, Any]) -> str:
    if data["open"]:
        return f"Open at {data['url']}; its key is in {data['token_file']}."
    if data["problem"]:
        return f"Closed: {data['problem']}"
    if not data["enabled"]:
        return "Closed: api.enabled is false."
    if not data["daemon"]:
        return "Closed: voice-edit does not run. Start it with `voice-edit run`."
    return "Closed: it is enabled, and the daemon was started before that. Start it anew."
