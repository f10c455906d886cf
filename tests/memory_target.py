"""A text field of another program, kept in memory: it behaves as docs/control.md asks of a client."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from voice_edit.edits import Selection
from voice_edit.errors import TargetGone, TargetTimeout
from voice_edit.targets.client import ClientTarget


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Field:
    """The program: holds a text, answers requests. What it does wrong is set from outside."""

    def __init__(self, text: str = "", anchor: int | None = None, head: int | None = None) -> None:
        self.text = text
        self.anchor = len(text) if anchor is None else anchor
        self.head = len(text) if head is None else head
        self.gone = False
        self.silent_after_applying = False
        """It makes the change and never says so."""
        self.silent_before_applying = False
        self.before_applying: Callable[[Field], None] = lambda field: None
        """What somebody does between our look and our change."""
        self.answer: dict[str, Any] | None = None
        """Said instead of the truth."""
        self.applied: list[dict[str, Any]] = []

    @property
    def selection(self) -> Selection:
        return Selection(self.anchor, self.head)

    def request(self, method: str, payload: dict[str, Any]) -> dict[str, Any]:
        if self.gone:
            raise TargetGone("Practice is gone.")
        if method == "apply":
            self.before_applying(self)
            if self.silent_before_applying:
                raise TargetTimeout("Practice has not answered for 3 s.")
            if sha256(self.text) != payload["before_sha256"]:
                return {"error": {"code": "target_changed", "message": "Practice was changed meanwhile."}}
            self._apply(payload)
            if self.silent_after_applying:
                raise TargetTimeout("Practice has not answered for 3 s.")
        return self.answer or {"text": self.text, "anchor": self.anchor, "head": self.head}

    def _apply(self, payload: dict[str, Any]) -> None:
        for change in payload["changes"]:
            start, old = change["start"], change["old"]
            assert self.text[start : start + len(old)] == old
            self.text = self.text[:start] + change["new"] + self.text[start + len(old) :]
        assert self.text == payload["text_after"]
        self.anchor, self.head = payload["anchor"], payload["head"]
        self.applied.append(payload)


def practice(field: Field) -> ClientTarget:
    """The field as a target."""
    return ClientTarget("practice", "Practice", field)
