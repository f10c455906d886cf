"""Which commands are about all of a document, and which edits come too near to where a window was cut."""

from __future__ import annotations

import pytest

from voice_edit.edits import Change, Edit, Selection
from voice_edit.reach import MARGIN, is_about_what_was_said, is_far, touches_edge
from voice_edit.spoken.grammar import parse

FAR = [
    "delete the first sentence", "delete the last two words", "go to the end", "go to the beginning",
    "delete everything", "select all", "delete everything before Tuesday", "sort the last three lines",
    "delete everything after this line", "replace every Tuesday with Wednesday",
    "replace the second Tuesday with Wednesday",
    "make every line a heading", "select from the beginning to Tuesday", "move this line to the end",
    "delete the third word of the second paragraph", "swap the first and the second line",
]  # fmt: skip
NEAR = [
    "delete this sentence", "delete the next word", "replace Tuesday with Wednesday", "delete that",
    "delete the first word of this sentence", "capitalise this line", "go to the end of this line",
    "delete the sentence with Tuesday", "delete from Tuesday to Wednesday", "I meant Wednesday",
]  # fmt: skip


@pytest.mark.parametrize("words", FAR)
def test_what_counts_from_the_edges_is_about_the_whole_document(words: str) -> None:
    commands = parse(words)
    assert isinstance(commands, list)
    assert is_far(commands)


@pytest.mark.parametrize("words", NEAR)
def test_what_counts_from_the_caret_or_from_words_is_near(words: str) -> None:
    commands = parse(words)
    assert isinstance(commands, list)
    assert not is_far(commands)


@pytest.mark.parametrize(
    ("words", "about"),
    [
        ("delete that", True),
        ("I meant Wednesday", True),
        ("the thing I said about Tuesday, it's Wednesday", True),
        ("delete this sentence", False),
    ],
)
def test_what_was_said_lately_may_stand_anywhere(words: str, about: bool) -> None:
    commands = parse(words)
    assert isinstance(commands, list)
    assert is_about_what_was_said(commands) == about


@pytest.mark.parametrize(
    ("start", "end", "before", "behind", "near"),
    [
        (0, 5, False, False, False),
        (0, 5, True, False, True),
        (MARGIN, MARGIN + 5, True, True, False),
        (2000 - MARGIN, 2001 - MARGIN, True, True, True),
        (2000 - MARGIN, 2001 - MARGIN, True, False, False),
    ],
)
def test_only_an_edge_behind_which_something_stands_is_minded(
    start: int, end: int, before: bool, behind: bool, near: bool
) -> None:
    caret = Selection(1000, 1000)
    edit = Edit((Change(start, "x" * (end - start), "y"),), caret, caret)
    assert touches_edge([edit], 2000, before=before, behind=behind) == near


def test_a_caret_that_is_put_at_the_edge_is_minded() -> None:
    edit = Edit((), Selection(1000, 1000), Selection(2000, 2000))
    assert touches_edge([edit], 2000, before=False, behind=True)
