"""The verbs in the order of `--help`, and the place where failures become messages and exit codes."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from voice_edit.cli import (
    api,
    apps,
    bench,
    daemon,
    demo,
    doctor,
    edit,
    history,
    model,
    rewrite,
    say,
    service,
    talk,
    transcribe,
    tui,
    vocabulary,
    watch,
)
from voice_edit.cli import eval as evaluation
from voice_edit.cli.options import Invocation

EPILOG = """\b
Exit codes:
  0    done
  1    a fault in voice-edit itself, or its output cannot be written
  2    the command line or a setting makes no sense
  3    a recording cannot be heard: missing, damaged, silent, only noise
  4    the model cannot be loaded or run
  5    the file to be edited: missing, not text, read-only, changed meanwhile, disk full
  6    the words fit no place in the text, fit several, or are no command
  7    the journal cannot be used
  8    the daemon: not running, not answering, or another one runs already
  9    the service manager (systemd, launchd) is missing or refused
  130  interrupted

Results go to stdout, everything else to stderr."""


_JSON = "voice_edit.json"


class Verbs(TyperGroup):
    """Turns every failure into a message with a next step, and the documented exit code."""

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> Any:
        """Read the command line. What is wrong with it is said in JSON where that is asked for."""
        # Asked for before it is understood: the mistake may stand before `--json`.
        as_json = "--json" in args[: args.index("--") if "--" in args else None]
        with failures_told(Invocation(json=as_json)):
            context = super().make_context(info_name, args, *more, **extra)
        context.meta[_JSON] = as_json
        return context

    def get_params(self, ctx: Any) -> Any:
        """The options of the program itself."""
        return _plain_flags(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of that name."""
        command = super().get_command(ctx, cmd_name)
        for verb in (command, *getattr(command, "commands", {}).values()):
            if verb is not None:
                _plain_flags(verb.get_params(ctx))
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the verb. Never lets a failure out as a traceback, unless --verbose asks for it."""
        ctx.obj = Invocation(verbose=bool(ctx.params.get("verbose")), json=ctx.meta.get(_JSON, False))
        with failures_told(ctx.obj):
            return super().invoke(ctx)


def _plain_flags(params: Any) -> Any:
    """The same options, those switches that are neither on nor off made to be off.

    typer has pydantic look at every value but a bool, and loading that for the None of a switch that nobody
    used (`--help` and the like) took as long as all the rest of `voice-edit VERB --help`.
    """
    for param in params:
        if param.default is None and getattr(param, "is_flag", False):
            param.default = False
    return params


@contextmanager
def failures_told(run: Invocation) -> Iterator[None]:
    """Inside, every failure ends in its message and typer.Exit with its exit code."""
    from voice_edit.errors import Fault, Interrupted, UsageError, VoiceEditError

    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        _give_up(run, Interrupted("Interrupted."))
    except BrokenPipeError:  # whoever read our output has gone (`voice-edit log | head`)
        from voice_edit.cli.streams import let_go_of_stdout

        let_go_of_stdout()
        raise typer.Exit(0) from None
    except VoiceEditError as error:
        _give_up(run, error)
    except Exception as error:
        message = getattr(error, "format_message", str)
        if message is str:  # not typer's word on a command line
            _give_up(run, Fault(f"A fault in voice-edit itself: {type(error).__name__}: {error}"), error)
        if not run.json:
            raise  # typer says what is wrong with a command line, and how it is written
        path = getattr(getattr(error, "ctx", None), "command_path", "voice-edit")
        _give_up(run, UsageError(message(), hint=f"See `{path} --help`."))


def _give_up(run: Invocation, error: Any, cause: BaseException | None = None) -> None:
    with suppress(OSError):  # stderr may be gone too
        run.output().error(error)
        if run.verbose:
            import traceback

            traceback.print_exception(cause or error)
    raise typer.Exit(error.exit_code) from (cause or error)


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
    import logging

    if verbose:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    else:  # what users must know is said as a warning of ours, in the form they asked for
        logging.getLogger().addHandler(logging.NullHandler())


app.command("demo")(demo.demo)
app.command("transcribe")(transcribe.transcribe)
app.command("edit", epilog=edit.EPILOG)(edit.edit)
app.command("tui")(tui.tui)
app.command("run", epilog=daemon.RUN_EPILOG)(daemon.run)
app.command("status", epilog=daemon.STATUS_EPILOG)(daemon.status)
app.command("watch", epilog=watch.EPILOG)(watch.watch)
app.add_typer(talk.app, name="talk")
app.command("toggle")(talk.toggle)
app.command("cancel")(talk.cancel)
app.command("stop", epilog=daemon.STOP_EPILOG)(daemon.stop)
app.command("say", epilog=say.EPILOG)(say.say)
app.command("rewrite", epilog=rewrite.EPILOG)(rewrite.rewrite)
app.command("undo")(history.undo)
app.command("redo")(history.redo)
app.command("log")(history.log)
app.command("retry")(history.retry)
app.command("recover")(history.recover)
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.add_typer(apps.app, name="apps")
app.add_typer(vocabulary.app, name="vocabulary")
app.add_typer(service.app, name="service")
app.add_typer(model.app, name="model")
app.add_typer(api.app, name="api")
app.command("bench", epilog=bench.EPILOG)(bench.bench)
app.command("eval", epilog=evaluation.EPILOG)(evaluation.evaluate)


def program(arguments: Sequence[str]) -> typer.Typer:
    """As much of the program as a command line needs: typer reads the options of every verb that it is given,
    and that takes longer than all the rest of what a short verb does.
    """
    verb = next((word for word in arguments if not word.startswith("-")), None)
    commands = [known for known in app.registered_commands if verb in (known.name, None)]
    groups = [known for known in app.registered_groups if verb in (known.name, None)]
    completes = any(name.endswith("_COMPLETE") for name in os.environ)
    if completes or not (commands or groups):  # a mistyped verb is compared with all
        return app
    needed = copy.copy(app)
    needed.registered_commands, needed.registered_groups = commands, groups
    if verb is None:  # at most the list of verbs is shown
        needed.registered_commands = [_named(known) for known in commands]
        needed.registered_groups = [_empty(known) for known in groups]
    return needed


def _named(verb: Any) -> Any:
    """A verb without its options."""

    def nothing() -> None: ...

    nothing.__doc__ = verb.callback.__doc__
    named = copy.copy(verb)
    named.callback = nothing
    return named


def _empty(group: Any) -> Any:
    """A group without its verbs."""
    empty = copy.copy(group)
    empty.typer_instance = copy.copy(group.typer_instance)
    empty.typer_instance.registered_commands = []
    return empty
