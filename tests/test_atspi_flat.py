"""Texts made of several objects, as web pages have them, as one text."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.desktop._atspi_flat import HOLE, Flat, Node, flatten
from voice_edit.desktop._atspi_names import Ref
from voice_edit.edits import Selection


def leaf(
    name: str, text: str, *, caret: int = -1, selected: tuple[int, int] | None = None, vague: bool = False
) -> Node:
    return Node(Ref(":1.1", name), text, caret, selected, vague, block=False, static=True, inner=())


def block(name: str, *inner: Node, caret: int = -1) -> Node:
    return Node(Ref(":1.1", name), "", caret, None, False, block=True, static=False, inner=inner)


def link(name: str, *inner: Node) -> Node:
    return Node(Ref(":1.1", name), "", -1, None, False, block=False, static=False, inner=inner)


PICTURE = Node(Ref(":1.1", "picture"), HOLE, -1, None, False, block=False, static=False, inner=())
TYPED = block(
    "field",
    leaf("first", "one 😀"),
    block("second", leaf("two", "two "), leaf("bold", "bo"), leaf("rest", " x")),
    block("third", leaf("break", "\n")),
    block("fourth", leaf("last", "la")),
)


def where(flat: Flat, start: int, end: int) -> tuple[str, int, int] | None:
    found = flat.span(start, end)
    return None if found is None else (found[0].path, found[1], found[2])


def test_blocks_are_lines_and_an_empty_one_is_an_empty_line() -> None:
    assert flatten(TYPED).text == "one 😀\ntwo bo x\n\nla"


def test_links_and_pictures_stand_in_their_line() -> None:
    page = block("field", leaf("see", "see "), link("a", leaf("here", "here")), leaf("and", " and "), PICTURE)
    assert flatten(page).text == f"see here and {HOLE}"


def test_blocks_in_blocks_give_no_empty_lines() -> None:
    page = block(
        "list", block("item", block("inner", leaf("a", "a"))), block("item2", block("i2", leaf("b", "b")))
    )
    assert flatten(page).text == "a\nb"
    assert flatten(block("field")).text == ""
    assert (
        flatten(block("field", block("empty"), block("empty2"), block("b", leaf("b", "b")))).text == "\n\nb"
    )


def test_a_line_break_at_the_end_of_a_line_is_not_in_the_text() -> None:
    page = block("field", leaf("a", "a\n"), block("b", leaf("b", "b\nc\n")))
    assert flatten(page).text == "a\nb\nc"


@pytest.mark.parametrize(
    ("start", "end", "place"),
    [
        (0, 4, ("first", 0, 4)),
        (5, 5, ("first", 5, 5)),  # never in the field itself: there it would mean the next block
        (2, 5, ("first", 2, 5)),
        (6, 6, ("two", 0, 0)),
        (8, 12, ("second", 2, 6)),  # over three leaves, in the text of the block around them
        (10, 12, ("bold", 0, 2)),
        (14, 14, ("rest", 2, 2)),
        (15, 15, ("third", 0, 0)),  # the block: the leaf is a line break that does not count
        (16, 18, ("last", 0, 2)),
        (1, 9, None),
        (14, 16, None),
    ],
)
def test_a_stretch_is_found_in_the_object_that_holds_all_of_it(
    start: int, end: int, place: tuple[str, int, int] | None
) -> None:
    assert where(flatten(TYPED), start, end) == place


def test_a_stretch_that_ends_right_before_another_object_is_not_put_in_the_parent() -> None:
    page = block(
        "field", leaf("a", "a"), link("l", leaf("in", "link")), leaf("b", "b"), block("c", leaf("c", "c"))
    )
    flat = flatten(page)
    assert flat.text == "alinkb\nc"
    assert where(flat, 0, 6) is None  # Chromium would take the line break along
    page = block(
        "field", leaf("a", "a"), link("l", leaf("in", "link")), leaf("b", "bb"), block("c", leaf("c", "c"))
    )
    assert where(flatten(page), 0, 6) == ("field", 0, 3)


def test_the_caret_is_where_the_innermost_object_says() -> None:
    page = block("field", leaf("a", "a"), block("b", leaf("bb", "bb", caret=1), caret=1), caret=1)
    assert flatten(page).selection == Selection(3, 3)
    empty = block("field", leaf("a", "a"), block("b", leaf("n", "\n"), caret=0), caret=1)
    assert flatten(empty).selection == Selection(2, 2)
    assert flatten(block("field", leaf("a", "a\n", caret=2))).selection == Selection(1, 1)
    assert flatten(TYPED).selection is None


def test_a_selection_goes_from_the_first_to_the_last_object_that_has_some() -> None:
    one = leaf("a", "one", selected=(1, 3))
    other = block("b", leaf("bb", "two", caret=2, selected=(0, 2)))
    assert flatten(block("field", one, other)).selection == Selection(1, 6)
    back = leaf("a", "one", caret=1, selected=(1, 3))
    assert flatten(
        block("field", back, block("b", leaf("bb", "two", selected=(0, 2))))
    ).selection == Selection(6, 1)


def test_a_selection_that_is_not_told_is_unknown_unless_it_is_in_the_middle() -> None:
    known, vague = leaf("a", "one", selected=(1, 3)), leaf("b", "t😀o", vague=True)
    last = leaf("c", "end", selected=(0, 2), caret=2)
    assert flatten(block("field", known, block("p", vague), block("q", last))).selection == Selection(1, 10)
    assert flatten(block("field", known, block("p", vague))).selection is None
    assert flatten(block("field", vague, block("q", last))).selection is None


_NAMES = count()
LEAVES = st.builds(lambda text: leaf(f"leaf{next(_NAMES)}", text), st.text("ab 😀\n", min_size=1, max_size=6))
PAGES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda parts, is_block: (block if is_block else link)(f"object{next(_NAMES)}", *parts),
        st.lists(inner, min_size=1, max_size=4),
        st.booleans(),
    ),
    max_leaves=12,
)


@given(PAGES, st.data())
def test_every_place_that_is_found_holds_what_the_text_says(page: Node, data: st.DataObject) -> None:
    flat = flatten(page)
    texts = {}

    def own(node: Node) -> str:
        parts = [own(inner) for inner in node.inner]
        words = [text if inner.static else HOLE for text, inner in zip(parts, node.inner, strict=True)]
        texts[node.ref] = "".join(words) or node.text
        return texts[node.ref]

    own(page)
    start = data.draw(st.integers(0, len(flat.text)))
    end = data.draw(st.integers(start, len(flat.text)))
    found = flat.span(start, end)
    if found is not None and HOLE not in texts[found[0]]:
        assert texts[found[0]][found[1] : found[2]] == flat.text[start:end]
    assert (
        "".join(piece.leaf.text[: piece.length] for piece in flat.pieces)
        in (flat.text, flat.text.replace("\n", ""))
        or "\n" in flat.text
    )
