"""The verbs in the order of `--help`, and the place where failures become messages and exit codes."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from voice_edit.cli import demo, edit, history, model, say, transcribe
from voice_edit.cli.options import Invocation, invocation

EPILOG = """\b
Exit codes:
  0    done
  1    a fault in voice-edit itself
  2    the command line or a setting makes no sense
  3    a recording cannot be heard: missing, damaged, silent, only noise
  4    the model cannot be loaded or run
  5    the file to be edited: missing, not text, read-only, changed meanwhile, disk full
  6    the words fit no place in the text, fit several, or are no command
  7    the journal cannot be used
  130  interrupted

Results go to stdout, everything else to stderr."""


class Verbs(TyperGroup):
    """Turns every failure into a message with a next step, and the documented exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb. Never lets an error of ours out as a traceback."""
        from voice_edit.errors import Interrupted, VoiceEditError

        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            return _give_up(ctx, Interrupted("Interrupted."))
        except VoiceEditError as error:
            return _give_up(ctx, error)
        except BrokenPipeError:
            # Whoever read our output has gone (`voice-edit log | head`); keep Python from complaining at
            # exit.
            sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123
            raise typer.Exit(0) from None


def _give_up(context: typer.Context, error: Any) -> None:
    run = invocation(context)
    run.output().error(error)
    if run.verbose:
        import traceback

        traceback.print_exception(error)
    raise typer.Exit(error.exit_code) from error


app = typer.Typer(
    name="voice-edit",
    cls=Verbs,
    help="Talk to your text: dictation and spoken edits that run on your own machine.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help is quick, and the same everywhere
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(value: bool) -> None:
    if value:
        from voice_edit import __version__

        typer.echo(f"voice-edit {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show tracebacks and debug messages.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Talk to your text: dictation and spoken edits that run on your own machine."""
    context.find_root().obj = Invocation(verbose=verbose)
    if verbose:
        import logging

        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)


app.command("demo")(demo.demo)
app.command("transcribe")(transcribe.transcribe)
app.command("edit")(edit.edit)
app.command("say", epilog=say.EPILOG)(say.say)
app.command("undo")(history.undo)
app.command("redo")(history.redo)
app.command("log")(history.log)
app.command("retry")(history.retry)
app.command("recover")(history.recover)
app.add_typer(model.app, name="model")
