"""What every test program says over its own channel: one JSON request a line in, its true state out.

Requests: {"do": "set", "field", "text", "anchor", "caret"}, {"do": "select", "field", "anchor", "caret"},
{"do": "focus", "field"}, {"do": "read_only", "field", "on"}, {"do": "undo", "field"}, {"do": "state"},
{"do": "quit"}. The answer is always {"pid", "focus": name or null, "fields": {name: {"text", "anchor",
"caret"}}}, or {"error": why}. Offsets are code points; `pid` is the program's that has the window.

It knows nothing of accessibility, clipboard or keys: it is the witness that tests compare those with. Runs
with the system's Python, without our packages.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol


class Field(Protocol):
    """One text field of a program."""

    def get(self) -> tuple[str, int, int]:
        """Text, anchor, caret."""
        ...

    def set(self, text: str) -> None: ...

    def select(self, anchor: int, caret: int) -> None: ...

    def focus(self) -> None: ...

    def has_focus(self) -> bool: ...

    def read_only(self, on: bool) -> None: ...

    def undo(self) -> None:
        """As often as the user presses ctrl+z: one step of the program's own history."""
        ...


class Channel:
    """Answers requests about some fields. A program's main loop calls `read` whenever stdin has something."""

    def __init__(
        self, fields: dict[str, Field], leave: Callable[[], object], *, pid: int | None = None
    ) -> None:
        self.fields = fields
        self._pid = pid or os.getpid()
        self._leave = leave
        self._unread = b""
        self._out = sys.stdout
        self.tell()

    def read(self, *_unused: Any) -> bool:
        """Take what came. True, as main loops want it for "go on listening"."""
        arrived = os.read(0, 1 << 20)
        if not arrived:  # whoever started us is gone
            self._leave()
            return False
        *lines, self._unread = (self._unread + arrived).split(b"\n")
        for line in lines:
            self._answer(json.loads(line))
        return True

    def tell(self) -> None:
        """Say how things stand; the first time it means "ready"."""
        states = {}
        for name, field in self.fields.items():
            text, anchor, caret = field.get()
            states[name] = {"text": text, "anchor": anchor, "caret": caret}
        focus = next((name for name, field in self.fields.items() if field.has_focus()), None)
        self._say({"pid": self._pid, "focus": focus, "fields": states})

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            self._obey(request)
        except Exception as error:
            self._say({"error": repr(error)})
            return
        self.tell()

    def _obey(self, request: dict[str, Any]) -> None:
        verb = request["do"]
        if verb == "quit":
            self._leave()
        elif verb != "state":
            field = self.fields[request["field"]]
            if verb == "set":
                field.set(request["text"])
            if verb in ("set", "select"):
                field.select(request["anchor"], request["caret"])
            elif verb == "focus":
                field.focus()
            elif verb == "read_only":
                field.read_only(request["on"])
            elif verb == "undo":
                field.undo()

    def _say(self, answer: dict[str, Any]) -> None:
        self._out.write(json.dumps(answer) + "\n")
        self._out.flush()
