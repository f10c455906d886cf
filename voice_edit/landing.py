"""Bringing planned edits into a target that may have changed since it was read.

    plan ─► one line where only one fits ─► apply ─► receipt
              ▲                               │ TargetChanged
              └── moved to where its text is ◄┘ (`rebase`), else the speaker is asked

What was typed meanwhile is never overwritten: an edit whose scope was touched is not made, unless the speaker
sees what it would now do and says yes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voice_edit.edits import Change, Document, Edit, Selection
from voice_edit.errors import CommandError, TargetChanged
from voice_edit.questions import MOVED_ON, ONE_LINE

if TYPE_CHECKING:
    from voice_edit.editor import Editor
    from voice_edit.journal.journal import Journal
    from voice_edit.pipeline import Understood
    from voice_edit.questions import Asker
    from voice_edit.targets.base import JournaledTarget, Receipt, Snapshot

ATTEMPTS = 3
"""How often a text may change under one utterance. Somebody who goes on typing is not waited for."""
JOINED = "This place takes a single line: the lines were written as one."

_BREAK = re.compile(r"[ \t]*[\r\n]+[ \t]*")


@dataclass(frozen=True, slots=True)
class Plan:
    """What one utterance does to a text, before it is done."""

    snapshot: Snapshot
    """The text it was planned for."""
    selection: Selection
    """Where the caret was taken to be."""
    understood: Understood
    """As asked for, with the places that were chosen."""
    edits: tuple[Edit, ...]
    editor: Editor
    """What they were made with; it holds the text that they were planned to make."""
    joined: bool = False
    """Lines were made one."""

    @property
    def text_after(self) -> str:
        """The text that it makes."""
        return self.document_after.text

    @property
    def document_after(self) -> Document:
        """Text and selection that it makes."""
        document = Document(self.snapshot.text, self.selection)
        for edit in self.edits:
            document = edit.apply_to(document)
        return document


Planner = Callable[["Snapshot"], Plan]
"""The same words for another text. Raises CommandError."""


def land(
    journal: Journal,
    target: JournaledTarget,
    utterance: int,
    plan: Plan,
    *,
    planner: Planner,
    ask: Asker | None = None,
) -> tuple[Plan, Receipt]:
    """Write what was planned; what was really done, and the evidence.

    Raises TargetChanged when somebody changed what it is about, FieldRefused for lines where a single line
    was not wanted, and what `undo.apply_edits` raises: then nothing was written.
    """
    from voice_edit import undo

    for left in reversed(range(ATTEMPTS)):
        plan = in_one_line(plan, ask)
        try:
            receipt = undo.apply_edits(journal, target, utterance, plan.edits, expected=plan.snapshot.version)
        except TargetChanged as changed:
            if not left:
                raise
            plan = _moved(plan, target.snapshot(), changed, planner, ask)
            continue
        return plan, replace(receipt, notes=(*receipt.notes, JOINED)) if plan.joined else receipt
    raise AssertionError("every attempt returns or raises")


def _moved(plan: Plan, now: Snapshot, changed: TargetChanged, planner: Planner, ask: Asker | None) -> Plan:
    """The plan for the text as it is now. Raises `changed`."""
    from voice_edit.rebase import moved_through, rebase

    before = plan.snapshot.text
    if before == now.text:  # the target knows better: it was changed before we looked
        return _offered(now, changed, planner, ask)
    if plan.understood.mode == "dictate":
        # Words go behind what was typed, and fit what is there now.
        caret = moved_through(plan.selection, before, now.text)
        if caret is not None:
            return replace(planner(replace(now, selection=caret)), joined=plan.joined)
    elif (edits := rebase(plan.edits, before, now.text)) is not None:
        start = edits[0].before if edits else plan.selection
        return replace(plan, snapshot=now, selection=start, edits=tuple(edits))
    return _offered(now, changed, planner, ask)


def _offered(now: Snapshot, changed: TargetChanged, planner: Planner, ask: Asker | None) -> Plan:
    if ask is None or not ask.is_there():
        raise changed
    try:
        plan = planner(now)
    except CommandError:
        raise changed from None
    if not plan.edits or not ask.confirm(now.text, plan.text_after, plan.edits, question=MOVED_ON):
        raise changed
    return plan


# --- one line ---


def in_one_line(plan: Plan, ask: Asker | None) -> Plan:
    """The plan without line breaks, for a text that must stay one line; the plan itself where lines may be.

    The speaker is asked where that is possible. Raises FieldRefused when the answer is no, and for a line
    break alone.
    """
    from voice_edit.desktop.errors import FieldRefused

    allowed = plan.snapshot.capabilities
    if "lines" in allowed or not any(_BREAK.search(c.new) for edit in plan.edits for c in edit.changes):
        return plan
    name = plan.snapshot.app or "This place"
    text, edits = plan.snapshot.text, []
    for number, edit in enumerate(plan.edits):
        if number and any(_BREAK.search(change.old) for change in edit.changes):
            raise FieldRefused(f"{name} takes a single line, and this cannot be written as one.")
        edits.append(_joined(text, edit, same_length=len(plan.edits) > 1))
        text = edits[-1].apply_to(Document(text, edit.before)).text
    joined = replace(plan, edits=tuple(edits), joined=True)
    if not any(change.new.strip() or change.old.strip() for edit in edits for change in edit.changes):
        raise FieldRefused(f"{name} takes a single line: there is no next line to go to.")
    if plan.joined or "joined" in allowed or ask is None or not ask.is_there():
        return joined
    if not ask.confirm(plan.snapshot.text, joined.text_after, edits, question=ONE_LINE):
        raise FieldRefused(f"{name} takes a single line, and the words have several.")
    return joined


def _joined(text: str, edit: Edit, *, same_length: bool) -> Edit:
    """The edit with a space for every line break; `same_length`: one each, so that later edits still fit."""
    changes, caret, shift = [], edit.after, 0
    for change in edit.changes:
        start = change.start + shift
        new = _one_line(change.new, text[: change.start], text[change.end :], same_length=same_length)
        if len(new) != len(change.new):
            caret = Selection(*(_behind(at, start, change.new, new) for at in (caret.anchor, caret.head)))
        shift += len(new) - len(change.old)
        changes.append(Change(change.start, change.old, new))
    return Edit(tuple(c for c in changes if c.old != c.new), edit.before, caret)


def _one_line(new: str, before: str, behind: str, *, same_length: bool) -> str:
    if same_length:
        return re.sub(r"[\r\n]", " ", new)
    joined = _BREAK.sub(" ", new)
    if joined.startswith(" ") and new[:1] in "\r\n" and (not before or before[-1].isspace()):
        joined = joined[1:]
    if joined.endswith(" ") and new[-1:] in "\r\n" and (not behind or behind[0].isspace()):
        joined = joined[:-1]
    return joined


def _behind(at: int, start: int, new: str, joined: str) -> int:
    """Where an offset of the text with `new` at `start` is when `joined` stands there."""
    if at <= start:
        return at
    if at >= start + len(new):
        return at + len(joined) - len(new)
    return start + min(len(joined), len(_BREAK.sub(" ", new[: at - start])))
