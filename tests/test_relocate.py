"""Our own edits found again in a text that others changed, that grew, or of which only a part was known."""

from __future__ import annotations

import pytest

from voice_edit import relocate
from voice_edit.edits import Change, Edit, Selection, apply_changes

HERE = Selection(0, 0)


def edit(*changes: tuple[int, str, str]) -> Edit:
    return Edit(tuple(Change(*change) for change in changes), HERE, HERE)


def undone(before: str, made: Edit, now: str) -> str | None:
    back = relocate.to_undo(now, [made], relocate.anchors(before, [made]))
    return None if back is None else apply_changes(now, back[0].changes)


@pytest.mark.parametrize(
    ("before", "change", "now", "after"),
    [
        ("", (0, "", "Hello"), "Hello world", " world"),
        ("", (0, "", "Hello"), "> Hello", "> "),
        ("to Tom", (6, "", " and Ann"), "to Tom and Ann, please", "to Tom, please"),
        ("", (0, "", "Hello"), "Hello, hello. Hello", None),  # which of the two?
        ("", (0, "", "Hello"), "Hellos", None),  # grown onto
        ("", (0, "", "Hello"), "He said Hello twice", None),  # somewhere inside: chance
        ("", (0, "", "Hello"), "Hallo", None),
        ("one two", (3, " two", " "), "one  ", None),  # which of the two spaces?
        ("aaaaaaaa", (1, "aaaaaaa", " "), "a  ", None),
    ],
)
def test_a_short_edit_is_found_where_something_was_added_at_one_end(
    before: str, change: tuple[int, str, str], now: str, after: str | None
) -> None:
    assert undone(before, edit(change), now) == after


LINES = "".join(f"line {number}\n" for number in range(300))


def test_an_edit_of_a_window_is_found_in_the_whole_text() -> None:
    same = "the same words again and again.\n"
    window = LINES[:800] + same * 20
    made = edit((800 + 5 * len(same), "", same))  # what stands there stands everywhere
    head, tail = "a head that was not seen\n" * 40, same * 5 + LINES
    assert undone(window, made, head + apply_changes(window, made.changes) + tail) == head + window + tail


def test_a_window_that_stands_at_two_places_is_none_of_them() -> None:
    window = "one two three four five six seven eight nine ten\n" * 3
    made = edit((20, "", "x "))
    changed = apply_changes(window, made.changes)
    assert undone(window, made, "start\n" + changed + "middle\n" + changed + "end\n") is None


def test_an_edit_of_a_window_can_be_made_again_in_the_whole_text() -> None:
    window = LINES[500:900]
    made = edit((200, window[200:204], "word"))
    again = relocate.to_redo(LINES, [made], relocate.anchors(window, [made]))
    assert again is not None
    assert again[0].changes[0].start == 700
