"""Utterances of one monologue read as one text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.events import Hypothesis, Timing
from engine.joining import as_one, join, join_text


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


def test_what_was_cut_because_it_grew_long_is_one_hypothesis_whatever_the_pauses() -> None:
    parts = [final("We met the doctor.", 0, 100), final("And the teacher.", 900, 1000)]
    one = as_one(parts)
    assert one.text == "We met the doctor and the teacher."
    assert (one.start_sample, one.end_sample, one.tokens) == (0, 1000, (1, 1))
    assert one.confidence == pytest.approx(-0.1)
    assert as_one(parts[:1]) is parts[0]


def test_times_are_summed_up_and_the_last_word_counts() -> None:
    parts = [
        Hypothesis("final", "One.", (1, 2, 3), -0.1, 0, 100, "max_tokens", Timing(1, 2, 3, 0.5, 0.25, 4)),
        Hypothesis("final", "Two.", (), None, 100, 200, "eos", Timing(5, 6, 7, 0.5, 0.5, 2)),
        Hypothesis("final", "Three.", (4,), -0.5, 200, 300, "eos", Timing(8, 9, 10, 1, 1, 1)),
    ]
    one = as_one(parts)
    assert one.timing == Timing(8, 9, 10, 2, 1.75, 7)
    assert one.confidence == pytest.approx((3 * -0.1 - 0.5) / 4)
    assert one.stop == "max_tokens"


def test_what_the_model_computed_for_the_parts_is_added_up() -> None:
    parts = [
        replace(final("One.", 0, 1), timing=Timing(None, 0, 0, 1.0, 2.0, 3.0, steps=4, drafted=5, accepted=n))
        for n in (2, 3)
    ]
    timing = as_one(parts).timing
    assert (timing.prefill_s, timing.decode_s, timing.audio_s) == (2.0, 4.0, 6.0)
    assert (timing.steps, timing.drafted, timing.accepted) == (8, 10, 5)
