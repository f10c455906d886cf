"""How far a command looks: some are about the text around the caret, some about all of a document.

Of a long text in another program only a window is read. "This sentence" and "replace Tuesday" mean what is
near; "the first sentence", "the end" and "every Tuesday" count from the edges of the whole document, and
would mean something else in a window of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel

from voice_edit.commands import AnyCommand, Correct, Rewrite
from voice_edit.selectors import Everything, Quote, Range, That, Unit, WhatWasSaid, Whole

if TYPE_CHECKING:
    from voice_edit.edits import Edit

MARGIN = 256
"""Code points. What an edit changes nearer to a cut edge may be a part of something that goes on behind it: a
change need not begin where its sentence or paragraph does."""


def is_far(commands: Iterable[AnyCommand]) -> bool:
    """Whether a command counts from the edges of the document, or means every place in it."""
    return any(_counts_from_edges(part) for command in commands for part in _parts(command))


def is_about_what_was_said(commands: Iterable[AnyCommand]) -> bool:
    """Whether a command may mean what was said lately, wherever that stands: "delete that", "I meant ..."."""
    return any(
        isinstance(part, That | WhatWasSaid | Correct) for command in commands for part in _parts(command)
    )


def is_rewrite(commands: Iterable[AnyCommand]) -> bool:
    """Whether new text is asked for."""
    return any(isinstance(command, Rewrite) for command in commands)


def touches_edge(edits: Iterable[Edit], length: int, *, before: bool, behind: bool) -> bool:
    """Whether edits of a window of `length` code points change, or leave the selection, so near to an edge
    that they may be about more than it shows. `before`, `behind`: whether there is text outside.
    """

    def near(start: int, end: int) -> bool:
        return (before and start < MARGIN) or (behind and end > length - MARGIN)

    for edit in edits:
        if any(near(change.start, change.end) for change in edit.changes):
            return True
        length += sum(len(change.new) - len(change.old) for change in edit.changes)
        if edit.after != edit.before and near(edit.after.start, edit.after.end):
            return True
    return False


def _counts_from_edges(part: BaseModel) -> bool:
    match part:
        case Whole():
            return True
        case Range(start=start, end=end, within=None):
            return start is None or end is None
        case Everything(within=None):
            return True
        case Quote(which=which, within=None):
            return which == "all" or isinstance(which, int)
        case Unit(called=str()):
            return True
        case Unit(which=which, within=None, containing=None, after=None, before=None):
            return which == "all" or isinstance(which, int)
        case Unit(which="all", within=None):
            return True
    return False


def _parts(model: BaseModel) -> Iterable[BaseModel]:
    """It, and all selectors and places in it."""
    yield model
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _parts(value)
