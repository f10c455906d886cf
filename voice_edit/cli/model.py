"""`voice-edit model`: which model hears, and what it is."""

from __future__ import annotations

from typing import Annotated

import typer

from voice_edit.cli.options import AsJson, Projector, invocation

app = typer.Typer(help="Which model hears, and what it is.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Which model hears, and what it is."""


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|GGUF", help="Default: the model in use.")
    ] = None,
    projector: Projector = None,
    as_json: AsJson = False,
) -> None:
    """Print a model's card: how it was made, how well it hears, what it cannot do."""
    from voice_edit import pipeline

    run = invocation(context)
    settings, output = run.settings(), run.output()
    data, card = pipeline.describe_model(settings, run.paths(), name or settings.engine.model)
    if output.as_json or not output.out.is_terminal:
        output.result({**data, "card": card}, card.rstrip("\n"))
        return
    from rich.markdown import Markdown

    output.result(data, Markdown(card))
