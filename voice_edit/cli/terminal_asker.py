"""Questions of commands that run without the daemon, asked where they were started."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voice_edit.cli.live import ask_rich
from voice_edit.cli.questions import read_answer
from voice_edit.questions import MUCH

if TYPE_CHECKING:
    from voice_edit.cli.output import Output
    from voice_edit.edits import Edit
    from voice_edit.errors import Ambiguous


class TerminalAsker:
    """Asks on stderr, reads a line of stdin. There is nobody to ask where that is no terminal."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def is_there(self) -> bool:
        """Whether somebody can type."""
        return sys.stdin is not None and sys.stdin.isatty() and not self._output.as_json

    def choose(self, error: Ambiguous) -> int | None:
        """Which of the places is meant."""
        places = [{"excerpt": choice.excerpt} for choice in error.choices]
        return self._ask({"kind": "choice", "message": str(error), "choices": places})

    def confirm(self, before: str, after: str, edits: Sequence[Edit], *, question: str = MUCH) -> bool:
        """Whether the text may become `after`."""
        return self._ask({"kind": "confirm", "message": question, "before": before, "after": after}) == 0

    def _ask(self, question: dict[str, Any]) -> int | None:
        if not self.is_there():
            return None
        count = len(question.get("choices", ()))
        wanted = f"1 to {count}, Enter for none of them" if count else "y or n"
        self._output.note(ask_rich(question), style="")
        while True:
            self._output.note(f"Type {wanted}, then Enter.", style="bold")
            line = sys.stdin.readline()
            if not line:  # Ctrl-D
                return None
            answer = read_answer(line, kind=question["kind"], count=count)
            if answer != "unclear":
                return answer
