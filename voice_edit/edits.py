"""What an edit is: the text that was replaced, by what, and the selection before and after. Offsets are
code points."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from voice_edit.graphemes import snap_left, snap_right


@dataclass(frozen=True, slots=True)
class Selection:
    """The caret (both equal) or a selection; the head is the end that moves."""

    anchor: int
    head: int

    @property
    def start(self) -> int:
        """The end that is nearer to the start of the text."""
        return min(self.anchor, self.head)

    @property
    def end(self) -> int:
        """The end that is nearer to the end of the text."""
        return max(self.anchor, self.head)

    @property
    def is_caret(self) -> bool:
        """Whether nothing is selected."""
        return self.anchor == self.head


@dataclass(frozen=True, slots=True)
class Document:
    """Text with a selection."""

    text: str
    selection: Selection

    @classmethod
    def at_end(cls, text: str) -> "Document":
        """A document with its caret at the end."""
        return cls(text, Selection(len(text), len(text)))

    @property
    def newline(self) -> str:
        """How this document breaks its lines: as its first line does; LF if it has one line."""
        at = self.text.find("\n")
        if at > 0 and self.text[at - 1] == "\r":
            return "\r\n"
        return "\r" if at < 0 and "\r" in self.text else "\n"

    def select(self, start: int, end: int) -> "Document":
        """The same text, another selection."""
        return Document(self.text, Selection(start, end))


@dataclass(frozen=True, slots=True)
class Change:
    """At `start` of the text before the edit, `old` becomes `new`."""

    start: int
    old: str
    new: str

    @property
    def end(self) -> int:
        """One past the last code point of `old`."""
        return self.start + len(self.old)


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes in the order of the text, none touching another's text, and the selection before and after."""

    changes: tuple[Change, ...]
    before: Selection
    after: Selection

    def inverse(self) -> "Edit":
        """The edit that takes this one back."""
        shift = 0
        changes = []
        for change in self.changes:
            changes.append(Change(change.start + shift, change.new, change.old))
            shift += len(change.new) - len(change.old)
        return Edit(tuple(changes), self.after, self.before)

    def apply_to(self, document: Document) -> Document:
        """The document after this edit. ValueError if its text is not the one the edit was made for."""
        return Document(apply_changes(document.text, self.changes), self.after)

    def inserted(self) -> tuple[tuple[int, int], ...]:
        """Spans of the new text, in the text after the edit."""
        shift = 0
        spans = []
        for change in self.changes:
            if change.new:
                spans.append((change.start + shift, change.start + shift + len(change.new)))
            shift += len(change.new) - len(change.old)
        return tuple(spans)


def apply_changes(text: str, changes: Iterable[Change]) -> str:
    """The text after the changes. ValueError if one does not fit the text or another change."""
    pieces = []
    at = 0
    for change in changes:
        if change.start < at or text[change.start : change.end] != change.old:
            raise ValueError(
                f"this edit was made for another text: it expects other words at offset {change.start}"
            )
        pieces += [text[at : change.start], change.new]
        at = change.end
    return "".join([*pieces, text[at:]])


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes sorted, those that change nothing left out. ValueError if two overlap."""
    ordered = sorted((c for c in changes if c.old != c.new), key=lambda c: (c.start, c.end))
    for first, second in pairwise(ordered):
        if second.start < first.end:
            raise ValueError("two changes of one edit overlap")
    return tuple(ordered)


def on_borders(text: str, changes: Iterable[Change]) -> list[Change]:
    """Changes in order, widened so that none begins or ends inside a grapheme cluster of the text."""
    widened: list[Change] = []
    for change in in_order(changes):
        if change.old:
            start, end = snap_left(text, change.start), snap_right(text, change.end)
        else:
            start = end = snap_right(text, change.start)
        if widened and start < widened[-1].end:
            last = widened.pop()
            end = max(end, last.end)
            new = last.new[: len(last.new) - max(0, last.end - change.start)]
            new += text[last.end : change.start] + change.new + text[change.end : end]
            widened.append(Change(last.start, text[last.start : end], new))
            continue
        if change.old:
            new = text[start : change.start] + change.new + text[change.end : end]
            widened.append(Change(start, text[start:end], new))
        else:
            widened.append(Change(start, "", change.new))
    return widened


def moved(at: int, changes: Iterable[Change], *, behind: bool = True) -> int:
    """Where an offset goes. Text inserted right at it stays before it if `behind`, else after it.

    Inside replaced text it goes to the end of the new text, inside deleted text to where that was.
    """
    shift = 0
    for change in changes:
        if change.start > at:
            break
        if not change.old:
            if change.start == at and not behind:
                break
        elif at < change.end:
            return change.start + shift + (len(change.new) if at > change.start else 0)
        shift += len(change.new) - len(change.old)
    return at + shift


def moved_selection(text: str, selection: Selection, changes: tuple[Change, ...]) -> Selection:
    """The selection that stays with its text, in the text after the changes; on cluster borders."""
    after = apply_changes(text, changes)
    if selection.is_caret:
        at = snap_right(after, moved(selection.head, changes))
        return Selection(at, at)
    start = snap_right(after, moved(selection.start, changes))
    end = max(start, snap_right(after, moved(selection.end, changes, behind=False)))
    return Selection(start, end) if selection.anchor <= selection.head else Selection(end, start)
