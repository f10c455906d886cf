"""What the daemon asks, asked in the terminal: which of the places, or whether to do it at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from voice_edit.cli.live import ask_rich

if TYPE_CHECKING:
    from voice_edit.cli.output import Output

Answer: TypeAlias = int | Literal["unclear"] | None
"""The index of a choice, None for none of them."""


class Keyboard:
    """Lines from a terminal, taken when they are there, so that events are not kept waiting."""

    def __init__(self) -> None:
        self._pending = b""
        self.usable = sys.stdin is not None and sys.stdin.isatty()
        """Somebody can type."""

    def fileno(self) -> int:
        """For `select`."""
        return sys.stdin.fileno()

    def lines(self) -> list[str]:
        """What was typed and ended with Enter. To be called when `select` says that there is something."""
        piece = os.read(self.fileno(), 4096)
        if not piece:  # Ctrl-D: nobody types any more
            self.usable = False
            return []
        *whole, self._pending = (self._pending + piece).split(b"\n")
        return [line.decode("utf-8", "replace").strip() for line in whole]


class Questions:
    """The question that is open, and how it was answered here."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._open: Mapping[str, Any] | None = None

    @property
    def open(self) -> bool:
        """Whether something is asked."""
        return self._open is not None

    def ask(self, event: Mapping[str, Any]) -> None:
        """Show the question of an `ask` event."""
        self._open = event
        self._output.note(ask_rich(event), style="")
        self._prompt()

    def settled(self, event: Mapping[str, Any]) -> None:
        """It is no longer asked (`asked`): answered here or elsewhere, or too late."""
        if self._open is not None and self._open.get("question") == event.get("question"):
            self._open = None
            if event.get("choice") is None:
                self._output.note("Nothing is done.")

    def answer(self, line: str) -> dict[str, Any] | None:
        """What to send for a typed line; None where it is no answer, and then it is asked again."""
        assert self._open is not None, "nothing is asked"
        choice = read_answer(
            line, kind=str(self._open.get("kind")), count=len(self._open.get("choices") or ())
        )
        if choice == "unclear":
            self._prompt()
            return None
        return {"question": self._open["question"], "choice": choice}

    def _prompt(self) -> None:
        assert self._open is not None
        count = len(self._open.get("choices") or ())
        wanted = "y or n" if self._open.get("kind") == "confirm" else f"1 to {count}, Enter for none of them"
        self._output.note(f"Type {wanted}, then Enter.", style="bold")


def read_answer(line: str, *, kind: str, count: int) -> Answer:
    """What a typed line says. To confirm, only a clear yes is one."""
    said = line.strip().lower()
    if kind == "confirm":
        if said in ("y", "yes", "1"):
            return 0
        return None if said in ("n", "no", "0", "") else "unclear"
    if said in ("", "0", "n", "no", "none"):
        return None
    if said.isascii() and said.isdigit() and 1 <= int(said[:6]) <= count:
        return int(said) - 1
    return "unclear"
