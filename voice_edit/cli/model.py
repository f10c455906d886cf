"""`voice-edit model`: which models there are, which fit, and how to get one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, Invocation, Projector, invocation

if TYPE_CHECKING:
    from voice_edit.models import ModelStatus

PULL_EPILOG = """\b
For example:
  voice-edit model pull gemma-4-e4b --dry-run     say what would be fetched, and whether it fits
  voice-edit model pull gemma-4-e4b --use
  HF_ENDPOINT=https://MIRROR voice-edit model pull gemma-4-12b"""
IMPORT_EPILOG = """\b
For example:
  voice-edit model import ~/Downloads/gemma-4-E4B_q4_0-it.gguf     with its projector beside it
  voice-edit model import FOLDER --name mine --move"""
_HELP = "Models: which there are, which fit this machine, how to get one."
_STATES = {"here": "here", "partly": "partly here", "damaged": "damaged", "missing": "not here"}

app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `voice-edit model list` names it.")]


@app.callback()
def _group() -> None:
    """Models: which there are, which fit this machine, how to get one."""


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models: how large they are, whether they are here, and whether they fit this machine.

    Nothing is asked of the network.
    """
    from engine import fit
    from voice_edit import models
    from voice_edit.pipeline import failures_named

    run = invocation(context)
    output, settings = run.output(), run.settings()
    with failures_named():
        machine = fit.machine()
    found = models.overview(settings, run.paths(), machine)
    if not output.as_json:
        output.note(_row("  name", "files", "memory", "here", "fits"), style="dim")
    for one in found:
        output.result(one.to_json(), shown(one))
    used = next((one.name for one in found if one.used), None)
    if used is None:
        output.note(f"\nIn use: {settings.engine.model}", style="")
    output.note(f"\n{models.machine_line(machine)}", style="")
    if (best := models.suggest(found)) is not None and used == "bundled":
        output.note(
            f"To hear real voices: voice-edit model pull {best.name} --use   "
            f"({gb(best.size - best.here)} GB to fetch). The bundled model works meanwhile.",
            style="",
        )


def shown(one: ModelStatus) -> str:
    """One line of the list."""
    state = _STATES[one.state]
    if one.state == "partly":
        state = f"{one.here * 100 // max(1, one.size)} % here"
    memory = f"{gb(one.needs.total)} GB" if one.needs else "?"
    where = {"gpu": "graphics card", "both": "card + memory", "cpu": "main memory"}
    fits = "?" if one.place is None else where[one.place.where] if one.place.fits else "no"
    return _row(f"{'*' if one.used else ' '} {one.name}", f"{gb(one.size)} GB", memory, state, fits)


def _row(name: str, size: str, memory: str, state: str, fits: str) -> str:
    return f"{name:<24}{size:>9}{memory:>10}   {state:<13}{fits}".rstrip()


def gb(n_bytes: int) -> str:
    """Bytes as gigabytes, two digits of a small number."""
    return f"{n_bytes / 1e9:.1f}" if n_bytes >= 1e8 else f"{n_bytes / 1e9:.2f}"


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
    else:
        from rich.markdown import Markdown

        output.result(data, Markdown(card))
    if data["model"] is None:
        output.note(f"\nGet it: voice-edit model pull {data['name']}", style="")


@app.command("pull", epilog=PULL_EPILOG)
def pull(
    context: typer.Context,
    name: Name,
    use: Annotated[bool, typer.Option("--use", help="Use it from then on.")] = False,
    drafter: Annotated[
        bool,
        typer.Option(
            "--drafter/--no-drafter", help="With the file that makes writing faster, if it has one."
        ),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be fetched, and whether it fits.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also if it does not fit into this machine's memory.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a model from the Hugging Face hub, check it, and make it ready.

    First it says what will be fetched and whether it fits. Interrupted, it goes on where it stopped the next
    time. Only what was checked to the last byte is ever used. This and `--use` are all that is changed.
    """
    from voice_edit.cli.model_pull import pull as pull_it

    run = invocation(context)
    pull_it(run, name, drafter=drafter, dry_run=dry_run, anyway=anyway)
    if use and not dry_run:
        _use(run, name)


@app.command("use")
def use(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME|GGUF", help="A model that is here.")],
    as_json: AsJson = False,
) -> None:
    """Use this model from now on: writes `engine.model` into the settings."""
    _use(invocation(context), name)


def _use(run: Invocation, name: str) -> None:
    import os

    from voice_edit import models, settings_file
    from voice_edit.config import ENV_PREFIX
    from voice_edit.paths import whole_path

    output, paths, settings = run.output(), run.paths(), run.settings()
    if name and not models.is_known(name, paths):  # a file: it must be found from every folder
        name = str(whole_path(name))
    if settings.engine.projector is not None:  # it belongs to the model before
        settings_file.write_setting(paths, "engine.projector", None)
    path = settings_file.write_setting(paths, "engine.model", name)
    output.result({"used": name, "settings": str(path)}, f"Used from now on: {name}")
    for variable in (f"{ENV_PREFIX}ENGINE__MODEL", f"{ENV_PREFIX}ENGINE__PROJECTOR"):
        if variable in os.environ:
            output.warn(f"{variable} in the environment wins over the settings.", f"unset {variable}")
    used = next((one for one in models.overview(run.settings(), paths) if one.name == name), None)
    if used is not None and used.place is not None and not used.place.fits:
        output.warn(
            f"{name} does not fit at the moment: it needs {used.place.said}.", "End what else takes memory."
        )
    if paths.socket.exists():
        output.note("A running daemon takes it when it starts anew: voice-edit stop --daemon")


@app.command("remove")
def remove(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Remove a model's files, also those of a download that was begun."""
    from voice_edit.cli.model_files import remove as remove_it

    remove_it(invocation(context), name)


@app.command("verify")
def verify(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Default: every model that was fetched or imported.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read every byte of the models and compare their hashes; a damaged file is not used any more.

    Exit code 4 if one is damaged. `voice-edit model pull NAME` fetches it again, and only it.
    """
    from voice_edit.cli.model_files import verify as verify_it

    verify_it(invocation(context), name)


@app.command("import", epilog=IMPORT_EPILOG)
def import_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A model's GGUF file, or its folder.")],
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="What to call it.")] = None,
    projector: Annotated[
        Path | None, typer.Option("--projector", metavar="GGUF", help="Default: the one beside the model.")
    ] = None,
    drafter: Annotated[
        Path | None, typer.Option("--drafter", metavar="GGUF", help="Default: the one beside the model.")
    ] = None,
    move: Annotated[bool, typer.Option("--move", help="Move the files instead of copying them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a model's files that you got another way; they are checked, and copied to the others.

    Files whose hashes are those of a known model become that model.
    """
    from voice_edit.cli.model_files import import_ as import_it

    import_it(invocation(context), path, name=name, projector=projector, drafter=drafter, move=move)
