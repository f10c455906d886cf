"""Dictated words in the text around them: `tests/golden/manners/places.yaml`."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.caret_marks import read_marked, write_marked
from voice_edit.editor import Editor
from voice_edit.edits import Document, Selection
from voice_edit.manners.fitting import fit
from voice_edit.manners.manners import Manners

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "golden" / "manners" / "places.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['say']} | {case['before']}")
def test_words_suit_their_place(case: dict[str, Any]) -> None:
    document = read_marked(case["before"])
    edit = fit(document, case["say"], manners=Manners(**case.get("manners", {})))
    after = edit.apply_to(document)
    assert write_marked(after) == write_marked(read_marked(case["after"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['say']} | {case['before']}")
def test_what_was_dictated_can_be_undone(case: dict[str, Any]) -> None:
    document = read_marked(case["before"])
    editor = Editor(document)
    editor.dictate(case["say"], manners=Manners(**case.get("manners", {})))
    editor.undo()
    assert editor.document == document


def test_a_word_of_the_vocabulary_keeps_its_capital_in_a_sentence() -> None:
    document = Document.at_end("We run it on")
    assert fit(document, "Kubernetes.").apply_to(document).text == "We run it on kubernetes."
    named = Manners(names=frozenset(["Kubernetes"]))
    assert fit(document, "Kubernetes.", manners=named).apply_to(document).text == "We run it on Kubernetes."


def test_words_that_are_nothing_but_space_change_nothing() -> None:
    assert fit(Document.at_end("one"), "  ").changes == ()


@given(
    st.text(alphabet="ab. \n\r\u0301é漢,(", max_size=20),
    st.integers(0, 20),
    st.integers(0, 20),
    st.sampled_from(["New line.", "Comma.", "Full stop then new line.", "Hello.", "um yes", "漢字。"]),
    st.sampled_from(["auto", "always", "never"]),
)
def test_only_what_was_selected_and_spaces_beside_it_are_replaced(
    text: str, anchor: int, head: int, words: str, space: str
) -> None:
    document = Document(text, Selection(min(anchor, len(text)), min(head, len(text))))
    edit = fit(document, words, manners=Manners(trailing_space=space))  # type: ignore[arg-type]
    after = edit.apply_to(document)
    assert edit.inverse().apply_to(after) == document
    (change,) = edit.changes
    kept = text[: change.start] + text[change.end :]
    outside = text[: document.selection.start] + text[document.selection.end :]
    assert kept.replace(" ", "") == outside.replace(" ", "") or "\u0301" in text or "\r\n" in text
