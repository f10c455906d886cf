"""The practice pad: a text field that is a target like any other, and needs no desktop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Selection

from voice_edit.fingerprint import text_sha256
from voice_edit.tui import pad_text

PAD_NAME = "practice"
PAD_TITLE = "practice pad"
MAX_CODE_POINTS = 80_000
"""What fits into one line of the protocol (1 MiB), even if each code point is written as an escape."""


class Refusal(Exception):  # noqa: N818  # not a failure of ours: the answer that the daemon is due
    """The pad will not do what it was asked to; nothing was changed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SpokenEdit(Edit):
    """One step of the pad's own undo, which puts the selection back as well, both ways."""

    selection_after: Selection

    def do(self, text_area: TextArea, record_selection: bool = True) -> EditResult:
        result = super().do(text_area, record_selection)
        self._updated_selection = self.selection_after
        return result


class PracticePad(TextArea):
    """A text field of which the daemon may ask a snapshot, and which applies edits to exactly that."""

    DEFAULT_CLASSES: ClassVar[str] = "pad"

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # Textual's name
        super().__init__(
            pad_text.clean(text),
            id=id,
            soft_wrap=True,
            show_line_numbers=False,
            tab_behavior="focus",
            highlight_cursor_line=False,
            compact=True,
            placeholder="Type or talk here. Nothing else on this machine is touched.",
        )
        self.cursor_blink = False  # a blinking cursor is a timer that runs while nothing happens

    def edit(self, edit: Edit) -> EditResult:
        """Every change of the text comes through here: by key, by paste, by voice."""
        edit.text = pad_text.clean(edit.text)
        return super().edit(edit)

    def snapshot(self) -> dict[str, Any]:
        """Text and selection as the protocol wants them. Raises Refusal for a text that does not fit."""
        text = self.text
        if len(text) > MAX_CODE_POINTS:
            raise Refusal("target_too_large", "The practice pad holds more text than can be edited by voice.")
        lines = self.document.lines
        anchor, head = self.selection
        return {
            "text": text,
            "anchor": pad_text.offset_of(lines, anchor),
            "head": pad_text.offset_of(lines, head),
        }

    def apply(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Make the text that `target.apply` asks for, in one step, and return what then stands here.

        Raises Refusal if the text is not the one that the edit was made for. Nothing is awaited in between,
        so no key press can come between the look and the change.
        """
        before = self.text
        if text_sha256(before) != asked["before_sha256"]:
            raise Refusal("target_changed", "The practice pad was changed meanwhile.")
        after = str(asked["text_after"])
        if after != pad_text.clean(after):
            raise Refusal("target_unencodable", "The practice pad holds no control characters.")
        if len(after) > MAX_CODE_POINTS:
            raise Refusal("target_too_large", "The practice pad cannot hold so much text.")
        change = pad_text.difference(before, after)
        head = asked.get("head")
        head = change.start + len(change.new) if head is None else int(head)
        anchor = asked.get("anchor")
        anchor = head if anchor is None else int(anchor)
        lines = after.split("\n")
        selection = Selection(pad_text.location_of(lines, anchor), pad_text.location_of(lines, head))
        self.history.checkpoint()
        if change.old or change.new:
            self._replace(change, selection)
        else:
            self.selection = selection
        self.history.checkpoint()
        return self.snapshot()

    def _replace(self, change: pad_text.Replacement, selection: Selection) -> None:
        lines = self.document.lines
        start = pad_text.location_of(lines, change.start)
        end = pad_text.location_of(lines, change.start + len(change.old))
        edit = SpokenEdit(change.new, start, end, maintain_selection_offset=False)
        edit.selection_after = selection
        self.edit(edit)
