"""The pure document: text with a selection, what a selector means in it, and what a command does to it.

`apply` gives an `Edit` that knows its inverse; it never changes anything by itself. Raises NoMatch or
Ambiguous
(nothing was found, or several places), never a guess. Commands about the history or the target (undo, save,
...)
are not for a document alone: see `editor.py`.
"""

from voice_edit import looks, planning, repairs
from voice_edit.commands import (
    Break,
    ChangeCase,
    Delete,
    Duplicate,
    Format,
    GoTo,
    Insert,
    JoinLines,
    MakeHeading,
    MakeList,
    Move,
    Replace,
    Select,
    SortLines,
    SplitLines,
    Swap,
    TextCommand,
)
from voice_edit.edits import (
    Change,
    Document,
    Edit,
    Selection,
    apply_changes,
    in_order,
    moved,
    moved_selection,
    on_borders,
)
from voice_edit.errors import NoMatch
from voice_edit.graphemes import snap_left, snap_right
from voice_edit.resolving import Span, resolve, resolve_all, resolve_place
from voice_edit.selectors import (
    Caret,
    Edge,
    Everything,
    Place,
    Quote,
    Range,
    Selected,
    Selector,
    That,
    Unit,
    Whole,
)

__all__ = [
    "Change",
    "Document",
    "Edit",
    "Selection",
    "Span",
    "apply",
    "resolve",
    "resolve_all",
    "resolve_place",
]

_BY_LINE = ("line", "blank_line", "item", "heading")
_BY_PARAGRAPH = ("paragraph", "section", "list")


def apply(document: Document, command: TextCommand) -> Edit:
    """What the command does to the document. Raises NoMatch or Ambiguous."""
    match command:
        case Select():
            span = resolve(document, command.what)
            return _only_select(document, span.start, span.end)
        case GoTo():
            at = resolve_place(document, command.place)
            return _only_select(document, at, at)
        case Insert(at=Caret()):
            return _insert_at_caret(document, command.text)
        case Insert():
            return _edit(document, _insert(document, command.text, command.at))
        case Break():
            return _break(document, command)
        case Move():
            return _move(document, command)
        case Replace():
            return _replace(document, command)
    return _edit(document, _changes(document, command))


def _changes(document: Document, command: TextCommand) -> list[Change]:
    match command:
        case Delete():
            return _delete(document, command.what)
        case Swap():
            first, second = _some_text(document, command.first), _some_text(document, command.second)
            return planning.swap(document, first, second)
        case Duplicate():
            span = resolve(document, command.what)
            by_line, by_paragraph = _lines_named(command.what), _paragraphs_named(command.what)
            return planning.duplicate(document, span, by_line=by_line, by_paragraph=by_paragraph)
        case ChangeCase():
            each = isinstance(command.what, Unit) and command.what.unit == "word"
            return _for_each(
                document,
                command.what,
                lambda s: looks.change_case(document, s, command.style, each_word=each),
            )
        case Format():
            return _for_each(document, command.what, lambda s: looks.mark(document, s, command.style))
        case MakeHeading():
            return _for_each(document, command.what, lambda s: looks.make_heading(document, s, command.level))
        case MakeList():
            span = resolve(document, command.what)
            return looks.make_list(document, span, command.style, by_line=_lines_named(command.what))
        case JoinLines():
            span = resolve(document, command.what)
            return looks.join_lines(document, span, by_paragraph=_loosely_named(command.what))
        case SplitLines():
            return looks.split_lines(document, resolve(document, command.what), command.by)
        case SortLines():
            return looks.sort_lines(document, resolve(document, command.what), descending=command.descending)
    raise AssertionError(f"{command.kind} has a way of its own")


def _for_each(document: Document, what: Selector, plan) -> list[Change]:  # type: ignore[no-untyped-def]
    return [change for span in resolve_all(document, what) for change in plan(span)]


def _edit(document: Document, changes: list[Change], selection: Selection | None = None) -> Edit:
    """Changes in order; the selection stays with its text unless another is given."""
    ordered = in_order(on_borders(document.text, changes))
    if selection is None:
        after = moved_selection(document.text, document.selection, ordered)
    else:
        text = apply_changes(document.text, ordered)
        anchor, head = (snap_right(text, min(at, len(text))) for at in (selection.anchor, selection.head))
        after = Selection(anchor, head)
    return Edit(ordered, document.selection, after)


def _some_text(document: Document, what: Selector) -> Span:
    span = resolve(document, what)
    if not document.text[span.start : span.end].strip():
        raise NoMatch("there is no text there")
    return span


def _only_select(document: Document, start: int, end: int) -> Edit:
    start, end = snap_left(document.text, start), snap_right(document.text, end)
    return Edit((), document.selection, Selection(start, end))


# --- how a selector was named ---


def _unit_of(what: Selector) -> str | None:
    if isinstance(what, Unit):
        return what.unit
    if isinstance(what, Range) and isinstance(what.start, Unit) and isinstance(what.end, Unit):
        return what.start.unit
    return None


def _lines_named(what: Selector) -> bool:
    return _unit_of(what) in _BY_LINE


def _paragraphs_named(what: Selector) -> bool:
    return _unit_of(what) in _BY_PARAGRAPH


def _loosely_named(what: Selector) -> bool:
    """Whether a stretch was named without counting: all lines, the document, a section."""
    if isinstance(what, Unit):
        return what.which == "all" or what.unit == "section"
    return isinstance(what, Whole | Everything)


# --- deleting and replacing ---


def _delete(document: Document, what: Selector) -> list[Change]:
    text = document.text
    spans = resolve_all(document, what)
    if isinstance(what, Whole):
        return [planning.change(text, spans[0].start, spans[0].end, "")]
    if isinstance(what, Unit) and what.unit == "character":
        return [planning.change(text, *_tidy(text, span), "") for span in spans]
    if isinstance(what, Range | Everything):
        spans = [_without_final_mark(text, span, what) for span in spans]
    by_line = _lines_named(what) or _paragraphs_named(what)
    words = not isinstance(what, Range | Everything) and not (isinstance(what, Unit) and what.unit != "word")
    return planning.delete(document, spans, by_line=by_line, exact_marks=words)


def _tidy(text: str, span: Span) -> tuple[int, int]:
    """A deleted character at the end of a line leaves no space there."""
    left = repairs.space_before(text, span.start)
    ends = span.end >= len(text) or text[span.end] in "\r\n"
    return (
        (left, span.end)
        if ends and not text[span.start].isalnum() and text[span.start] not in "\r\n"
        else (span.start, span.end)
    )


def _without_final_mark(text: str, span: Span, what: Selector) -> Span:
    """A stretch that begins inside a sentence and ends with it leaves the final mark."""
    if (
        not isinstance(what, Range)
        or not isinstance(what.end, Edge)
        or repairs.starts_sentence(text, span.start)
    ):
        return span
    of = what.end.of
    if isinstance(of, Unit) and of.unit == "sentence" and what.end.side == "end":
        return Span(span.start, max(span.start, planning.end_of_sentence(text, span.end)))
    return span


def _replace(document: Document, command: Replace) -> Edit:
    quote = command.find.text if isinstance(command.find, Quote) else None
    changes: list[Change] = []
    for span in resolve_all(document, command.find):
        changes += planning.replacement(document, span, command.text, quote=quote)
    edit = _edit(document, changes)
    if (
        isinstance(command.find, Selected | That)
        and not document.selection.is_caret
        and len(edit.changes) == 1
    ):
        _, end = (edit.inserted() or ((edit.changes[0].start, edit.changes[0].start),))[0]
        return Edit(edit.changes, edit.before, Selection(end, end))
    return edit


# --- inserting ---


def _insert(document: Document, new: str, at: Place) -> list[Change]:
    if not isinstance(at, Edge):
        return planning.insert_inline(document, resolve_place(document, at), new)
    span = resolve(document, at.of)
    if at.side in ("before", "after") and any(c.isalnum() for c in new):
        if _lines_named(at.of):
            return planning.insert_line(document, span, new, after=at.side == "after")
        if _paragraphs_named(at.of):
            return [planning.insert_paragraph(document, span, new, after=at.side == "after")]
    offset = span.start if at.side in ("before", "start") else span.end
    if at.side == "start" and _unit_of(at.of) in ("line", "paragraph", "section"):
        offset = _behind_marks(document.text, span)
    if (
        at.side == "end"
        and _unit_of(at.of) == "sentence"
        and any(c.isalnum() for c in new)
        and new[-1] not in ".!?…"
    ):
        offset = planning.end_of_sentence(document.text, offset)
    return planning.insert_inline(document, offset, new)


def _behind_marks(text: str, span: Span) -> int:
    from voice_edit.text_units import marker_end

    return min(span.end, marker_end(text, (span.start, repairs.line_end(text, span.start))))


def _insert_at_caret(document: Document, new: str) -> Edit:
    """In place of the selection; the caret comes to stand behind the new words, before the space that
    follows them."""
    text, selection = document.text, document.selection
    start, end = snap_left(text, selection.start), snap_right(text, selection.end)
    if start < end:
        changes = planning.replacement(document, Span(start, end), new)
    else:
        changes = planning.insert_inline(document, start, new)
    at = changes[0].start + len(changes[0].new.rstrip(" "))
    at = snap_right(apply_changes(text, in_order(changes)), at)
    return _edit(document, changes, Selection(at, at))


def _break(document: Document, command: Break) -> Edit:
    at_caret = isinstance(command.at, Caret)
    base, changes = document, []
    if at_caret and not document.selection.is_caret:
        start, end = (
            snap_left(document.text, document.selection.start),
            snap_right(document.text, document.selection.end),
        )
        changes = [
            planning.change(
                document.text, start, end, document.newline * (2 if command.style == "paragraph" else 1)
            )
        ]
    else:
        at = resolve_place(base, command.at)
        changes = [planning.insert_break(base, at, command.style, at_caret=at_caret)]
    if not at_caret:
        return _edit(document, changes)
    at = changes[0].start + len(changes[0].new)
    return _edit(document, changes, Selection(at, at))


# --- moving ---


def _move(document: Document, command: Move) -> Edit:
    """A deletion and an insertion in one edit; the caret goes along with its text."""
    text = document.text
    span = _some_text(document, command.what)
    place = command.to
    block = _lines_named(command.what) or _paragraphs_named(command.what)
    if block:
        return _move_lines(document, command, span)
    cut = planning.delete(document, [span])
    to = resolve(document, place.of) if isinstance(place, Edge) else None
    if (
        to is not None
        and span.start < to.end
        and to.start < span.end
        and not (to.start <= span.start and span.end <= to.end)
    ):
        raise NoMatch("it cannot be moved into itself")
    moving = text[span.start : span.end]
    rest = _edit(document, cut).apply_to(document)
    at = _place_offset(document, place, span)
    if span.start < at < span.end:
        raise NoMatch("it cannot be moved into itself")
    target = moved(at, _edit(document, cut).changes, behind=at > span.start)
    if _unit_of(command.what) != "sentence" and _end_in_sentence(place):
        target = planning.end_of_sentence(rest.text, target)
    if (
        _unit_of(command.what) != "sentence"
        and repairs.starts_sentence(text, span.start)
        and repairs.is_capital(moving)
        and repairs.can_be_lowered(repairs.first_word(moving))
    ):
        moving = repairs.lowered(moving)
    put = planning.insert_inline(rest, target, moving)
    return _combined(document, cut, put, span, moving)


def _end_in_sentence(place: Place) -> bool:
    return isinstance(place, Edge) and place.side == "end" and _unit_of(place.of) == "sentence"


def _place_offset(document: Document, place: Place, span: Span) -> int:
    """ "To the end of the sentence" is the sentence of what is moved."""
    if isinstance(place, Edge) and place.side in ("start", "end") and isinstance(place.of, Unit):
        return resolve_place(document.select(span.start, span.start), place)
    return resolve_place(document, place)


def _move_lines(document: Document, command: Move, span: Span) -> Edit:
    text, newline = document.text, document.newline
    by_paragraph = _paragraphs_named(command.what)
    start, end = repairs.line_start(text, span.start), repairs.line_end(text, span.end)
    at = resolve_place(document, command.to)
    if start < at < end:
        raise NoMatch("it cannot be moved into itself")
    side = command.to.side if isinstance(command.to, Edge) else "start"
    content = text[start:end]
    gap = newline * (2 if by_paragraph else 1)
    cut = planning.delete_lines(text, start, end)
    if side in ("before", "start"):
        point = repairs.line_start(text, at)
        new = content + gap
    else:
        trimmed = len(text[:at].rstrip("\r\n")) if at >= len(text) else at
        point = repairs.line_end(text, trimmed)
        new = gap + content
    if cut.start < point < cut.end or start <= point <= end:
        if (side in ("before", "start") and point == start) or (side in ("after", "end") and point == end):
            return _edit(document, [])
        point = start if point <= start else min(point, end)
    if cut.start <= point <= cut.end:
        return _edit(document, [])
    changes = [planning.change(text, cut.start, cut.end, ""), Change(point, "", new)]
    ordered = in_order(changes)
    before = sum(len(c.new) - len(c.old) for c in ordered if c.start < point)
    origin = point + before + (0 if side in ("before", "start") else len(gap))
    return _edit(document, changes, _carried(document, Span(start, end), origin, ordered))


def _combined(document: Document, cut: list[Change], put: list[Change], span: Span, moving: str) -> Edit:
    """The deletion, then an insertion made for the text without it, as changes of the original text."""
    text = document.text
    back = _edit(document, cut).inverse().changes
    here = [planning.change(text, _original(c.start, back), _original(c.end, back), c.new) for c in put]
    fits = all(old.old == new.old for old, new in zip(here, put, strict=True))
    if not fits or any(c.start < h.end and h.start < c.end for c in cut for h in here):
        start, end = min(c.start for c in [*cut, *here]), max(c.end for c in [*cut, *here])
        after = apply_changes(_edit(document, cut).apply_to(document).text, in_order(put))
        tail = len(text) - end
        return _edit(document, [planning.change(text, start, end, after[start : len(after) - tail])])
    changes = [*cut, *here]
    point = here[0].start
    shift = sum(len(c.new) - len(c.old) for c in in_order(changes) if c.start < point)
    origin = point + shift + here[0].new.lower().index(moving.lower())
    return _edit(document, changes, _carried(document, span, origin, in_order(changes)))


def _original(at: int, back: tuple[Change, ...]) -> int:
    """An offset of the text after a deletion, in the text before it: in front of what was deleted there."""
    shift = 0
    for change in back:
        if change.start >= at:
            break
        shift += len(change.new) - len(change.old)
    return at + shift


def _carried(document: Document, span: Span, origin: int, changes: tuple[Change, ...]) -> Selection:
    """The selection, taken along if it lies in what moved."""
    selection = document.selection
    if span.start <= selection.start and selection.end <= span.end:
        offset = origin - span.start
        return Selection(selection.anchor + offset, selection.head + offset)
    return moved_selection(document.text, selection, changes)
