"""`voice-edit rewrite`: a passage of a file is rewritten by a model, without a word being said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, Model, Projector, invocation

if TYPE_CHECKING:
    from voice_edit.cli.output import Output
    from voice_edit.commands import Rewrite
    from voice_edit.rewriting.rewriter import Writing

EPILOG = """\b
For example:
  voice-edit rewrite letter.md --style formal
  voice-edit rewrite letter.md --style "key points" --place "the second paragraph"
  voice-edit rewrite letter.md --to German --place "the last sentence"
  voice-edit rewrite letter.md --ask "turn it into a question"
docs/rewriting.md lists the styles and what is looked for in an answer."""
SHOWN_LINES = 6


def rewrite(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="The text file.")],
    style: Annotated[
        str | None,
        typer.Option(
            "--style", metavar="NAME", help="Formal, Short, Long, Key points, Simple, Friendly, ..."
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="LANGUAGE", help="Translate it into this language.")
    ] = None,
    wish: Annotated[
        str | None, typer.Option("--ask", metavar="TEXT", help="Anything else that is to be done with it.")
    ] = None,
    place: Annotated[
        str,
        typer.Option("--place", metavar="TEXT", help="Which passage, as it would be said. Default: all."),
    ] = "the document",
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="An image that the model is shown; it has to see."),
    ] = None,
    model: Model = None,
    projector: Projector = None,
    as_json: AsJson = False,
) -> None:
    """Rewrite a passage of a file in a style, in another language, or as you like.

    The text is shown while it is written and put into the file when it is whole and looks like a rewrite of
    the passage; where it does not, you are asked, and without a terminal nothing is changed. `voice-edit
    undo` takes it back.
    """
    from voice_edit import sessions
    from voice_edit.cli.showing import show_outcome
    from voice_edit.cli.terminal_asker import TerminalAsker
    from voice_edit.pipeline import Understood
    from voice_edit.screen.views import FileViews

    command = _command(style, to, wish, place)
    run = invocation(context)
    output = run.output()
    with sessions.open_editing(file, run.settings(), run.paths(), tell=output.warn) as editing:
        assert editing.rewriter is not None, "open_editing brings one"
        if image is not None:
            editing.rewriter = editing.rewriter.showing(FileViews(image))
        with _shown(output) as tell:
            editing.rewriter = editing.rewriter.telling(tell)
            outcome = editing.do(
                Understood(command.instruction, "edit", (command,)), ask=TerminalAsker(output)
            )
    show_outcome(output, outcome)


def _command(style: str | None, to: str | None, wish: str | None, place: str) -> Rewrite:
    """What was asked for. Raises UsageError."""
    from voice_edit.commands import Rewrite
    from voice_edit.errors import UsageError
    from voice_edit.phrase import Phrase
    from voice_edit.rewriting import styles
    from voice_edit.spoken.selectors import what

    if sum(one is not None for one in (style, to, wish)) != 1:
        raise UsageError(
            "Say what to do with the text: one of --style, --to and --ask.",
            hint="For example: voice-edit rewrite letter.md --style formal",
        )
    found = styles.named("Translate" if to is not None else style)
    if found is None or (style is not None and found.needs_language):
        names = ", ".join(one.name for one in styles.styles() if not one.needs_language)
        raise UsageError(f"There is no style '{style}'.", hint=f"The styles are: {names}; and --to LANGUAGE.")
    into = None
    if to is not None and (into := styles.language(to)) is None:
        raise UsageError(
            f"'{to}' is no language that is known here.",
            hint='Or say it in words: --ask "translate it into ..."',
        )
    scope = what(Phrase.of(place))
    if scope is None:
        raise UsageError(
            f"'{place}' names no place in a text.", hint='For example: --place "the last paragraph"'
        )
    said = wish or (f"translate {place} into {into}" if into else f"{found.name.lower()}: {place}")
    return Rewrite(scope=scope, instruction=said, style=found.name or None, language=into)


@contextmanager
def _shown(output: Output) -> Iterator[Callable[[Writing], None]]:
    """The text while it is written, on a terminal; it goes away when it is there."""
    if not output.shows_progress:
        yield lambda _: None
        return
    from rich.live import Live
    from rich.text import Text

    from voice_edit.cli.output import visible

    with Live(console=output.err, transient=True, refresh_per_second=12) as live:

        def tell(writing: Writing) -> None:
            if writing.is_over:  # whoever is asked next needs the screen
                live.update(Text(""), refresh=True)
                live.stop()
                return
            lines = visible(writing.text).splitlines()[-SHOWN_LINES:]
            seen = f", and sees {visible(writing.saw)}" if writing.saw else ""
            live.update(Text("\n".join([f"{writing.by} writes{seen} ...", *lines]), style="dim"))

        yield tell
