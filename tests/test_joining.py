"""Utterances of one monologue read as one text."""

from __future__ import annotations

import pytest

from engine.events import Hypothesis, Timing
from engine.joining import join, join_text


def final(text: str, start: int, end: int) -> Hypothesis:
    return Hypothesis("final", text, (1,), -0.1, start, end, "eos", Timing(None, 0, 0, 0, 0, 0))


def test_sentences_after_pauses_stay_as_they_are() -> None:
    assert join([final("We met.", 0, 100), final("And we spoke.", 300, 400)]) == "We met. And we spoke."


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        ("We went to the.", "River and back.", "We went to the River and back."),
        ("We met the doctor.", "And the teacher.", "We met the doctor and the teacher."),
        ("It was on.", "The table.", "It was on the table."),
        ("Give it to.", "I mean Alice.", "Give it to I mean Alice."),
        ("The report is ready.", "Send it.", "The report is ready. Send it."),
        ("Is it here?", "And there?", "Is it here? And there?"),
        ("Wait...", "And then.", "Wait... And then."),
    ],
)
def test_at_a_cut_a_running_sentence_is_made_one_again(before: str, after: str, joined: str) -> None:
    assert join([final(before, 0, 100), final(after, 100, 200)]) == joined


def test_every_word_survives_in_its_order() -> None:
    texts = ["We went to the.", "And of the.", "In the.", "Garden."]
    joined = join(final(text, 100 * i, 100 * i + 100) for i, text in enumerate(texts))
    plain = " ".join(texts).lower().replace(".", "").split()
    assert joined.lower().replace(".", "").split() == plain


def test_utterances_without_words_leave_no_blanks() -> None:
    assert join([]) == ""
    assert join([final("", 0, 1), final("One.", 1, 2), final("", 2, 3), final("Two.", 3, 4)]) == "One. Two."


def test_two_texts_have_one_blank_between_them() -> None:
    assert join_text("One.", "Two.", is_cut=False) == "One. Two."
    assert join_text("", "Two.", is_cut=True) == "Two."
