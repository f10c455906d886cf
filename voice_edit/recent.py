"""What was said lately, and where it stands in the text now.

Every utterance that put words into a text leaves a `Said`. It is followed through later edits of ours exactly
(we know what we did), and through what somebody else did meanwhile as far as that is certain: words that were
changed by hand are the user's own by then and no longer something said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voice_edit.edits import Edit, apply_changes, moved

if TYPE_CHECKING:
    from voice_edit.edits import Change
    from voice_edit.journal.records import UtteranceRecord

Spans = tuple[tuple[int, int], ...]
"""Pieces of a text (start, end) in code points, in order."""

MOST = 20
"""Utterances that are remembered."""
RECENT_S = 3600.0
"""What was said longer ago is not "that" any more, and not "the thing I said"."""

_INSERTING = ("insert", "replace", "correct", "rewrite")


@dataclass(frozen=True, slots=True)
class Said:
    """The words that one utterance put into a text."""

    spans: Spans
    """Where they stand, without the spaces around them; never empty."""


def put_in(edit: Edit, text: str) -> Spans:
    """Where the words of an edit stand in the text after it. A lone letter whose case was repaired is none
    of them.
    """
    changes = [change for change in edit.changes if change.new]
    spans = [
        span
        for span, change in zip(edit.inserted(), changes, strict=True)
        if not (len(change.new) == len(change.old) == 1 and change.new.lower() == change.old.lower())
    ]
    return bare(spans, text)


def bare(spans: Iterable[tuple[int, int]], text: str) -> Spans:
    """Spans without the spaces around the words; those without words are left out."""
    found = []
    for start, end in spans:
        piece = text[start:end]
        if piece.strip():
            begin = start + len(piece) - len(piece.lstrip())
            found.append((begin, begin + len(piece.strip())))
    return tuple(found)


def followed(said: Iterable[Said], changes: Sequence[Change]) -> tuple[Said, ...]:
    """Where everything stands after changes of our own; what is gone is left out."""
    kept = []
    for one in said:
        spans = []
        for start, end in one.spans:
            now = moved(start, changes), moved(end, changes, behind=False)
            if now[0] < now[1]:
                spans.append(now)
        if spans:
            kept.append(Said(tuple(spans)))
    return tuple(kept)


def kept_by_others(said: Sequence[Said], before: str, now: str) -> tuple[Said, ...]:
    """Where everything stands after somebody else made `now` of `before`; what they changed is left out."""
    if not said or before == now:
        return tuple(said)
    from voice_edit.rebase import differences, is_same_text, stands_at

    foreign = differences(before, now)
    if not is_same_text(before, foreign):
        return ()
    kept = []
    for one in said:
        places = [(stands_at(start, end, now, foreign), end - start) for start, end in one.spans]
        if spans := tuple((at, at + length) for at, length in places if at is not None):
            kept.append(Said(spans))
    return tuple(kept)


def found_again(text: str, records: Iterable[UtteranceRecord], *, now_s: float) -> tuple[Said, ...]:
    """What the journal's `records`, newest first, put into the text, where it is certain that it stands.

    `now_s`: seconds since the epoch.
    """
    from voice_edit import relocate
    from voice_edit.edit_json import edits_from_json

    found: list[Said] = []
    later: list[Edit] = []
    """Our newer edits, the newest first, each for the text that the one behind it in this list left."""
    earlier = text
    for record in records:
        checkpoint = record.checkpoint
        if checkpoint is None or checkpoint.standing != "applied" or len(found) >= MOST:
            continue
        if now_s - record.started_at > RECENT_S:
            break
        planned = edits_from_json(checkpoint.edits)
        back = relocate.to_undo(earlier, planned, checkpoint.anchors)
        if not back:
            continue
        said: tuple[Said, ...] = ()
        made = [edit.inverse() for edit in reversed(back)]
        for edit in back:
            earlier = apply_changes(earlier, edit.changes)
        after = earlier
        for edit, counts in zip(made, _put_words_in(record, len(made)), strict=True):
            after = apply_changes(after, edit.changes)
            said = followed(said, edit.changes)
            if counts and (spans := put_in(edit, after)):
                said = (Said(spans),)
        for edit in reversed(later):
            said = followed(said, edit.changes)
        found += said
        later += reversed(made)
    return tuple(found)


def _put_words_in(record: UtteranceRecord, count: int) -> list[bool]:
    """Which of the edits of an utterance put words into the text."""
    if record.mode == "dictate":
        return [True] * count
    kinds = [command["kind"] for command in record.commands or []]
    changing = [kind for kind in kinds if kind not in ("save", "stop", "undo", "redo")]
    if len(changing) != count:
        changing = changing[-1:] * count
    return [kind in _INSERTING for kind in changing] or [False] * count
