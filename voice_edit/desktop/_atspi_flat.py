"""A text made of objects with texts of their own, as one text: paragraphs, lists, links of a web page. Pure.

The words are in the leaves. An object that is a block is a line, or several, of its own; one that is not
stands in its line. A line break at the end of a line of leaves is not shown and does not count: browsers keep
one there so that the caret can stand in an empty line.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from voice_edit.desktop._atspi_names import Ref
from voice_edit.edits import Selection

HOLE: Final = "\ufffc"
"""Stands for an object without words: a picture."""


@dataclass(frozen=True, slots=True)
class Node:
    """One object. Offsets are code points of its own text."""

    ref: Ref
    text: str
    """Only of a leaf."""
    caret: int
    """-1 where it is not inside."""
    selected: tuple[int, int] | None
    vague: bool
    """Something in it is selected, and nobody knows what."""
    block: bool
    """A line of its own."""
    static: bool
    """Words that are in the text of the object around it as well, where others leave a hole."""
    inner: tuple[Node, ...]
    """The objects inside, in order; none in a leaf."""

    @property
    def width(self) -> int:
        """How long it is in the text of the object around it."""
        return len(self.text) if self.static else len(HOLE)


@dataclass(frozen=True, slots=True)
class Piece:
    """The stretch of a line that one leaf holds."""

    start: int
    """In the whole text."""
    length: int
    leaf: Node
    parent: Ref | None
    """The object around it, where that has its words too."""
    at: int
    """Where it begins in the parent's text."""
    hole_behind: bool
    """Whether another object follows in the parent."""

    @property
    def end(self) -> int:
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Flat:
    """The whole text."""

    text: str
    pieces: tuple[Piece, ...]
    selection: Selection | None

    def span(self, start: int, end: int) -> tuple[Ref, int, int] | None:
        """An object that holds the stretch as a whole, and where in its text; None when there is none."""
        if start == end:
            first = last = next((piece for piece in self.pieces if piece.start <= start <= piece.end), None)
        else:
            first = next((piece for piece in self.pieces if piece.start <= start < piece.end), None)
            last = next((piece for piece in self.pieces if piece.start < end <= piece.end), None)
        if first is None or last is None:
            return None
        if first is last:
            return first.leaf.ref, start - first.start, end - first.start
        # Chromium takes an end right before another object for the start of that one.
        if first.parent is None or first.parent != last.parent or (last.hole_behind and end == last.end):
            return None
        return first.parent, first.at + start - first.start, last.at + end - last.start


@dataclass(slots=True)
class _Lines:
    """The lines so far, made of pieces that do not know their start yet."""

    done: list[list[Piece]] = field(default_factory=list)
    is_open: bool = False

    def add(self, piece: Piece) -> None:
        if not self.is_open:
            self.done.append([])
            self.is_open = True
        self.done[-1].append(piece)

    def end(self) -> None:
        if self.is_open:
            last = self.done[-1][-1]
            if last.leaf.text.endswith("\n"):
                self.done[-1][-1] = replace(last, length=last.length - 1)
        self.is_open = False


def flatten(root: Node) -> Flat:
    """One text of all of it, with where each stretch comes from, and the selection."""
    lines = _Lines()
    _emit(root, lines)
    lines.end()
    pieces: list[Piece] = []
    text = ""
    for number, line in enumerate(lines.done):
        text += "\n" if number else ""
        for piece in line:
            pieces.append(replace(piece, start=len(text)))
            text += piece.leaf.text[: piece.length]
    return Flat(text, tuple(pieces), _selection(pieces))


def _emit(node: Node, lines: _Lines) -> None:
    if node.block:
        lines.end()
    if not node.inner:
        lines.add(Piece(0, len(node.text), node, None, 0, hole_behind=False))
    elif node.block and all(inner.static for inner in node.inner) and _words(node) in ("", "\n"):
        # An empty line: the caret stands in the block, not in the line break that keeps it open.
        lines.add(Piece(0, 0, node, None, 0, hole_behind=False))
    else:
        at = 0
        for number, inner in enumerate(node.inner):
            if inner.static:
                follows = number + 1 < len(node.inner) and not node.inner[number + 1].static
                lines.add(Piece(0, len(inner.text), inner, node.ref, at, hole_behind=follows))
            else:
                _emit(inner, lines)
            at += inner.width
    if node.block:
        lines.end()


def _words(node: Node) -> str:
    return "".join(inner.text for inner in node.inner)


def _selection(pieces: list[Piece]) -> Selection | None:
    # A line break at the end, which was left out, may be before the caret.
    carets = [piece.start + min(piece.leaf.caret, piece.length) for piece in pieces if piece.leaf.caret >= 0]
    head = carets[-1] if carets else None
    chosen = [piece for piece in pieces if piece.leaf.selected is not None or piece.leaf.vague]
    if not chosen:
        return None if head is None else Selection(head, head)
    first, last = chosen[0], chosen[-1]
    if first.leaf.selected is None or last.leaf.selected is None:
        return None
    low, high = first.start + first.leaf.selected[0], last.start + min(last.leaf.selected[1], last.length)
    return Selection(high, low) if head == low else Selection(low, high)
