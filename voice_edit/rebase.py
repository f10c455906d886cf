"""Edits that were planned for one text, made in another: somebody typed between the reading and the writing.

    rebase          edits planned for `before`, moved to where their text stands in `now`
    moved_through   a caret or selection of `before`, in `now`
    differences     what somebody else changed, as changes of `before`

An edit is moved when nobody touched its scope: the text it replaces, and the place where it inserts. What was
typed elsewhere stays. Nothing is guessed: where a repeated text leaves it open which of two places was
changed, both count as changed, and a text of which less than half is left is another text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import regex

from voice_edit.edits import Change, Edit, Selection, apply_changes, moved
from voice_edit.graphemes import snap_left, snap_right

_MOST_CELLS = 1 << 26
"""Tokens times tokens that are compared; the table takes a bit each. What is larger counts as one change."""

# Scripts that put no space between words are compared character by character.
_TOKEN = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
    r"|(?:[\p{L}\p{N}_]\p{M}*)+?(?=[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
    r"|(?![\p{L}\p{N}_\p{M}]))"
    r"|\X"
)
_WORD_CHAR = regex.compile(r"[\p{L}\p{N}\p{M}_]")


def rebase(edits: Sequence[Edit], before: str, now: str) -> list[Edit] | None:
    """The edits for `now` that do what `edits`, made one after the other, would have done to `before`.

    None when somebody changed what they replace, the place where they insert, or most of the text.
    """
    if before == now:
        return list(edits)
    foreign = _without_chance_gaps(before, differences(before, now))
    if not is_same_text(before, foreign):
        return None
    placed = []
    text, theirs = before, now
    for edit in edits:
        found = _placed(edit, theirs, foreign)
        if found is None:
            return None
        changes, foreign = found
        selected_before = _moved_selection(edit.before, foreign, theirs)
        text, theirs = apply_changes(text, edit.changes), apply_changes(theirs, changes)
        foreign = _through(foreign, edit.changes)
        assert apply_changes(text, foreign) == theirs, "both orders lead to the same text"
        placed.append(Edit(changes, selected_before, _moved_selection(edit.after, foreign, theirs)))
    return placed


def moved_through(selection: Selection, before: str, now: str) -> Selection | None:
    """Where the caret or selection of `before` is in `now`.

    Text typed at a caret is before it: what comes next goes behind what is there already. None when selected
    text was changed, when the text around a caret is gone, or when `now` is another text.
    """
    if before == now:
        return selection
    if selection.is_caret and (at := _caret_typed_at(selection.head, before, now)) is not None:
        return Selection(at, at)
    hunks = _exact(before, now, _hunks(before, now))
    exact = [Change(a, before[a:b], now[c:d]) for a, b, c, d in hunks]
    if now and not is_same_text(before, exact):
        return None
    if selection.is_caret:
        if now and any(change.start < selection.head < change.end for change in exact):
            return None
        return _moved_selection(selection, exact, now)
    wide = [Change(a, before[a:b], now[c:d]) for a, b, c, d in _slid(before, now, hunks)]
    around = beside(wide, selection.start, selection.end)
    if any(touches(change, selection.start, selection.end) for change in around):
        return None
    shift = _shift(around, selection.start)
    return Selection(selection.anchor + shift, selection.head + shift)


def differences(before: str, now: str) -> list[Change]:
    """What leads from `before` to `now`, in whole words; in order, apart from each other.

    A change that could as well have been made a little further on, since the text repeats itself there,
    covers all places where it can have been made.
    """
    wide = _slid(before, now, _hunks(before, now))
    return [Change(a, before[a:b], now[c:d]) for a, b, c, d in wide]


def beside(changes: Iterable[Change], start: int, end: int) -> list[Change]:
    """The differences, read so that they leave the text from `start` to `end` alone where they can be.

    What was put in between equal texts ("Hello." became "Hello. Bye.") may have been put in at either end:
    the outcome is the same.
    """
    read = []
    for change in changes:
        count = len(change.new) - len(change.old)
        places = [at - change.start for at in (start, end)] if touches(change, start, end) else []
        for into in places:
            left, right = change.old[: max(0, into)], change.old[max(0, into) :]
            if (
                count > 0
                and 0 <= into <= len(change.old)
                and change.new == (left + change.new[into : into + count] + right)
            ):
                read.append(Change(change.start + into, "", change.new[into : into + count]))
                break
        else:
            read.append(change)
    return read


def stands_at(start: int, end: int, now: str, changes: Iterable[Change]) -> int | None:
    """Where the text from `start` to `end` begins in `now` after the changes; None if they touch it, or add
    to its first or last word.
    """
    around = beside(changes, start, end)
    if any(touches(change, start, end) for change in around):
        return None
    at = start + _shift(around, start)
    grown = (
        (at, any(change.end == start for change in around)),
        (
            at + end - start,
            any(change.start == end for change in around),
        ),
    )
    return None if any(is_beside and _is_inside_word(now, border) for border, is_beside in grown) else at


def touches(change: Change, start: int, end: int) -> bool:
    """Whether a change is across the text from `start` to `end`, or strictly inside."""
    if not change.old:
        return start < change.start < end
    return change.start < end and start < change.end


def is_same_text(before: str, changes: Iterable[Change]) -> bool:
    """Whether at least half of it is still there after what `differences` found; else it is another text."""
    gone = 0
    for change in changes:
        ((a, b, _, _),) = _exact(change.old, change.new, [(0, len(change.old), 0, len(change.new))])
        gone += b - a
    return 2 * gone <= len(before)


# --- comparing ---

_Hunk = tuple[int, int, int, int]
"""old[a:b] became new[c:d]: of two texts, in code points, or of two lists of tokens."""


def _hunks(before: str, now: str) -> list[_Hunk]:
    """What was changed, in whole tokens, in code points."""
    if before == now:
        return []
    old, new = _TOKEN.findall(before), _TOKEN.findall(now)
    head = _same(old, new)
    tail = _same(old[head:][::-1], new[head:][::-1])
    middle = _compared(old[head : len(old) - tail], new[head : len(new) - tail])
    old_at, new_at = _offsets(old), _offsets(new)
    return [(old_at[head + a], old_at[head + b], new_at[head + c], new_at[head + d]) for a, b, c, d in middle]


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[_Hunk]:
    if not old or not new or len(old) * len(new) > _MOST_CELLS:
        yield 0, len(old), 0, len(new)
        return
    from rapidfuzz.distance import Indel

    numbers: dict[str, int] = {}
    sides = [[numbers.setdefault(token, len(numbers)) for token in side] for side in (old, new)]
    open_hunk: _Hunk | None = None
    for step in Indel.opcodes(*sides):
        if step.tag == "equal":
            if open_hunk is not None:
                yield open_hunk
            open_hunk = None
        elif open_hunk is None:
            open_hunk = step.src_start, step.src_end, step.dest_start, step.dest_end
        else:
            open_hunk = open_hunk[0], step.src_end, open_hunk[2], step.dest_end
    if open_hunk is not None:
        yield open_hunk


def _slid(before: str, now: str, hunks: Sequence[_Hunk]) -> list[_Hunk]:
    """The hunks widened to all places where the same text can have been taken out, or put in; two that
    then touch are one."""
    slid: list[_Hunk] = []
    for number, (a, b, c, d) in enumerate(hunks):
        left = right = 0
        if (a < b) != (c < d):
            run, first, last = (now, c, d) if a == b else (before, a, b)
            free = a - (hunks[number - 1][1] if number else 0)
            while left < free and run[first - left - 1] == run[last - left - 1]:
                left += 1
            free = (hunks[number + 1][0] if number + 1 < len(hunks) else len(before)) - b
            while right < free and run[first + right] == run[last + right]:
                right += 1
        wide = a - left, b + right, c - left, d + right
        if slid and wide[0] <= slid[-1][1]:
            slid[-1] = slid[-1][0], wide[1], slid[-1][2], wide[3]
        else:
            slid.append(wide)
    return slid


def _exact(before: str, now: str, hunks: Iterable[_Hunk]) -> list[_Hunk]:
    """The hunks without what is the same at both their ends, in characters."""
    exact = []
    for a, b, c, d in hunks:
        head = _same(before[a:b], now[c:d])
        tail = _same(before[a + head : b][::-1], now[c + head : d][::-1])
        exact.append((a + head, b - tail, c + head, d - tail))
    return exact


def _without_chance_gaps(before: str, changes: Iterable[Change]) -> list[Change]:
    """The changes, no two of them parted by spaces and marks alone: those are the same by chance."""
    merged: list[Change] = []
    for change in changes:
        if merged and not _WORD_CHAR.search(before, merged[-1].end, change.start):
            first = merged[-1]
            gap = before[first.end : change.start]
            merged[-1] = Change(first.start, first.old + gap + change.old, first.new + gap + change.new)
        else:
            merged.append(change)
    return merged


def _same(some: Sequence[str], others: Sequence[str]) -> int:
    """How many items are the same from the beginning on."""
    count = 0
    for one, other in zip(some, others, strict=False):
        if one != other:
            break
        count += 1
    return count


def _offsets(tokens: Iterable[str]) -> list[int]:
    """Where each token begins, and where the last one ends."""
    return list(accumulate(map(len, tokens), initial=0))


# --- moving ---


def _placed(edit: Edit, theirs: str, foreign: list[Change]) -> tuple[tuple[Change, ...], list[Change]] | None:
    """The changes of an edit where their text stands in `theirs`, and the foreign ones as they were read;
    None if somebody touched the scope of ours.
    """
    if not edit.changes and any(touches(other, edit.after.start, edit.after.end) for other in foreign):
        return None
    changes = []
    for change in edit.changes:
        if change.old:
            foreign = beside(foreign, change.start, change.end)
            start = stands_at(change.start, change.end, theirs, foreign)
        elif any(other.start <= change.start <= other.end for other in foreign):
            start = None  # something else was put in, or taken out, right there
        else:
            start = change.start + _shift(foreign, change.start)
        if start is None:
            return None
        changes.append(Change(start, change.old, change.new))
    return tuple(changes), foreign


def _shift(changes: Iterable[Change], at: int) -> int:
    return sum(len(change.new) - len(change.old) for change in changes if change.end <= at)


def _is_inside_word(text: str, at: int) -> bool:
    """Whether a word or a grapheme cluster goes on over `at`."""
    if snap_left(text, at) != at:
        return True
    return at > 0 and bool(_WORD_CHAR.match(text, at - 1) and _WORD_CHAR.match(text, at))


def _through(foreign: Iterable[Change], ours: Iterable[Change]) -> list[Change]:
    """The foreign changes in the text after ours, which touch none of them."""
    ours = list(ours)
    moved_on = []
    for other in foreign:
        shift = sum(len(change.new) - len(change.old) for change in ours if change.end <= other.start)
        moved_on.append(Change(other.start + shift, other.old, other.new))
    return moved_on


def _moved_selection(selection: Selection, changes: Sequence[Change], after: str) -> Selection:
    """The selection that stays with its text; `after` is the text after the changes."""
    if selection.is_caret:
        at = snap_right(after, moved(selection.head, changes))
        return Selection(at, at)
    start = snap_left(after, moved(selection.start, changes))
    end = max(start, snap_right(after, moved(selection.end, changes, behind=False)))
    return Selection(start, end) if selection.anchor <= selection.head else Selection(end, start)


def _caret_typed_at(at: int, before: str, now: str) -> int | None:
    """The caret behind what was typed or deleted right there; None if the texts differ elsewhere, too."""
    left, right = before[:at], before[at:]
    if not now.endswith(right):
        return None
    rest = now[: len(now) - len(right)]
    return len(rest) if rest.startswith(left) or (rest and left.startswith(rest)) else None
