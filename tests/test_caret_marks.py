"""Carets and selections written into text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.caret_marks import read_marked, write_marked
from voice_edit.document import Document, Selection
from voice_edit.errors import UsageError


@pytest.mark.parametrize(
    ("marked", "text", "anchor", "head"),
    [
        ("The quick<> fox", "The quick fox", 9, 9),
        ("The [quick] fox", "The quick fox", 4, 9),
        ("no mark", "no mark", 7, 7),
        (r"\[ \] milk<>", "[ ] milk", 8, 8),
        (r"a \<> b", "a <> b", 6, 6),
        (r"a\\<>b \n", r"a\b \n", 2, 2),
        ("a < b > c<>", "a < b > c", 9, 9),
    ],
)
def test_marks_are_read(marked: str, text: str, anchor: int, head: int) -> None:
    assert read_marked(marked) == Document(text, Selection(anchor, head))


@pytest.mark.parametrize("marked", ["<>a<>", "[a", "a]", "[a][b]", "<>[a]"])
def test_marks_that_make_no_sense_are_refused(marked: str) -> None:
    with pytest.raises(UsageError, match="marks"):
        read_marked(marked)


@given(st.text(alphabet="ab<>[]\\\n", max_size=12), st.data())
def test_what_is_written_is_read_back(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    document = Document(text, Selection(start, end))
    assert read_marked(write_marked(document)) == document
