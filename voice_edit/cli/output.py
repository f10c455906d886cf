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

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from voice_edit.errors import VoiceEditError


class Advance(Protocol):
    """Moves a progress bar: `done` of `total` in the units that were named at the start."""

    def __call__(self, done: float, note: str = "") -> None: ...


class Output:
    """Where one run prints. Consoles are made when first used."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json

    @cached_property
    def out(self) -> Console:
        """stdout, for results. Plain text is printed as it is when stdout is no terminal."""
        from rich.console import Console

        return Console(file=sys.stdout, soft_wrap=not sys.stdout.isatty(), highlight=False, emoji=False)

    @cached_property
    def err(self) -> Console:
        """stderr, for notes, progress and errors."""
        from rich.console import Console

        return Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False, emoji=False)

    def result(self, data: Mapping[str, Any], shown: RenderableType | None = None) -> None:
        """Print one result: `data` with `--json`, else `shown` (nothing if it is None)."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        elif isinstance(shown, str):
            sys.stdout.write(shown + "\n")  # as it is: no wrapping, no tabs expanded
        elif shown is not None:
            self.out.print(shown, markup=False)

    def note(self, text: RenderableType, *, style: str = "dim") -> None:
        """Tell people what is going on. Not part of the result, and silent with `--json`."""
        if not self.as_json:
            self.err.print(text, style=style, markup=False)

    def warn(self, message: str, hint: str = "") -> None:
        """Something to look at that is no failure."""
        self._complaint("warning", "yellow", message, hint)

    def error(self, error: VoiceEditError) -> None:
        """What happened, what to do next, and what to choose from; with `--json` as one object on stderr."""
        if self.as_json:
            sys.stderr.write(json.dumps(error.to_json(), ensure_ascii=False) + "\n")
        else:
            self._complaint("error", "bold red", str(error), error.hint)
            for number, choice in enumerate(getattr(error, "choices", ()), 1):
                self.note(f"  {number}. {choice.excerpt}", style="")

    def _complaint(self, kind: str, style: str, message: str, hint: str) -> None:
        from rich.text import Text

        self.err.print(Text.assemble((f"{kind}: ", style), message))
        if hint:
            self.err.print(Text.assemble(("  next: ", "bold"), hint))

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
            yield lambda done, note="": None
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
        )
        with Progress(*columns, console=self.err, transient=True) as bar:
            task = bar.add_task(what, total=total, note="")

            def advance(done: float, note: str = "") -> None:
                from rich.markup import escape

                bar.update(task, completed=done, note=escape(note))

            yield advance
