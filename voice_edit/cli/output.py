"""Results go to stdout, everything else to stderr. With `--json` each result is one JSON object on one
line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from voice_edit.cli import streams

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from voice_edit.errors import VoiceEditError


_PICTURES = (
    {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)}
    | {0x7F: 0x2421}
    | dict.fromkeys([*range(0x80, 0xA0), *range(0xD800, 0xE000)], 0xFFFD)
)


def visible(text: str) -> str:
    """The same with a picture for each control character, so that no file name and no text can steer the
    terminal. Keeps the length.
    """
    return text.translate(_PICTURES)


def _one_line(data: Mapping[str, Any]) -> str:
    line = json.dumps(data, ensure_ascii=not streams.speaks_unicode())
    # A path may hold bytes that are no text (lone surrogates in Python); JSON can say them as escapes.
    return line.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def _console() -> type[Console]:
    """A console that leaves a broken pipe to us; rich would end the program in the middle of its work."""
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Patient


class Advance(Protocol):
    """Moves a progress bar: `done` of `total` in the units that were named at the start. Of the note behind
    it, the first `steady` characters stand out."""

    def __call__(self, done: float, note: str = "", steady: int = 0) -> None: ...


class Output:
    """Where one run prints. Consoles are made when first used."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.outlives_reader = False
        """Go on when nobody reads stdout any more: what is done is not only done to be printed."""

    @cached_property
    def out(self) -> Console:
        """stdout, for results. Plain text is printed as it is when stdout is no terminal."""
        return _console()(file=sys.stdout, soft_wrap=not sys.stdout.isatty(), highlight=False, emoji=False)

    @cached_property
    def err(self) -> Console:
        """stderr, for notes, progress and errors."""
        from rich.console import Console

        return Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False, emoji=False)

    def result(self, data: Mapping[str, Any], shown: RenderableType | None = None) -> None:
        """Print one result: `data` with `--json`, else `shown` (nothing if it is None).

        Raises BrokenPipeError when the reader has gone and nobody else needs the work, OutputFailed.
        """
        with self._printing():
            if self.as_json:
                sys.stdout.write(_one_line(data))
            elif isinstance(shown, str):  # as it is: no wrapping, no tabs expanded
                sys.stdout.write((visible(shown) if sys.stdout.isatty() else shown) + "\n")
            elif shown is not None:
                self.out.print(shown, markup=False)

    def raw(self, data: bytes) -> None:
        """Print a result byte by byte as it is. Raises as `result`."""
        with self._printing():
            sys.stdout.buffer.write(data)

    @contextmanager
    def _printing(self) -> Iterator[None]:
        from voice_edit.errors import OutputFailed

        try:
            yield
            sys.stdout.flush()
        except BrokenPipeError:
            if not self.outlives_reader:
                raise
            streams.let_go_of_stdout()
        except OSError as error:
            streams.let_go_of_stdout()
            raise OutputFailed(
                f"The result cannot be written to standard output: {error.strerror}."
            ) from error

    def note(self, text: RenderableType, *, style: str = "dim") -> None:
        """Tell people what is going on. Not part of the result, and silent with `--json`."""
        if not self.as_json:
            self.err.print(visible(text) if isinstance(text, str) else text, style=style, markup=False)

    def warn(self, message: str, hint: str = "") -> None:
        """Something to look at that is no failure; with `--json` as one object on stderr."""
        if self.as_json:
            sys.stderr.write(_one_line({"warning": message, "hint": hint}))
        else:
            self._complaint("warning", "yellow", message, hint)

    def error(self, error: VoiceEditError) -> None:
        """What happened, what to do next, and what to choose from; with `--json` as one object on stderr."""
        if self.as_json:
            sys.stderr.write(_one_line(error.to_json()))
        else:
            self._complaint("error", "bold red", str(error), error.hint)
            for number, choice in enumerate(getattr(error, "choices", ()), 1):
                self.note(f"  {number}. {choice.excerpt}", style="")

    def _complaint(self, kind: str, style: str, message: str, hint: str) -> None:
        from rich.text import Text

        self.err.print(Text.assemble((f"{kind}: ", style), visible(message)))
        if hint:
            self.err.print(Text.assemble(("  next: ", "bold"), visible(hint)))

    @property
    def shows_progress(self) -> bool:
        """Does anybody watch? Partial words are only computed then."""
        return not self.as_json and self.err.is_terminal

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """A spinner on stderr while something of unknown length runs; nothing where stderr is no terminal."""
        if not self.shows_progress:
            yield
            return
        with self.err.status(what):
            yield

    @contextmanager
    def progress(self, what: str, total: float) -> Iterator[Advance]:
        """A bar on stderr from 0 to `total`; nothing where stderr is no terminal."""
        if not self.shows_progress:
            yield lambda done, note="", steady=0: None
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self.err, transient=True) as bar:
            task = bar.add_task(what, total=total, note="")

            def advance(done: float, note: str = "", steady: int = 0) -> None:
                from rich.markup import escape

                note = visible(note)
                shown = f"{escape(note[:steady])}[dim]{escape(note[steady:])}"
                bar.update(task, completed=done, note=shown)

            yield advance
