"""What outcomes are worth: counted words against a count by hand, and intervals against known answers."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.evaluation import statistics
from voice_edit.evaluation.dataset import Item
from voice_edit.evaluation.outcomes import Heard, HeardUtterance
from voice_edit.evaluation.report import interval, points
from voice_edit.evaluation.scoring import Counts, count_characters, count_words, normaliser, score


def utterance(text: str, stop: str = "eos") -> HeardUtterance:
    return HeardUtterance(
        text=text,
        confidence=-0.1,
        stop=stop,
        tokens=3,
        audio_s=1.0,
        endpoint_s=0.6,
        first_s=0.01,
        final_s=0.02,
        lag_s=0.08,
        prefill_s=0.1,
        decode_s=0.05,
        steps=3,
    )


def item(words: str, **more: object) -> Item:
    return Item(key="a.wav", audio=Path("a.wav"), words=words, **more)  # type: ignore[arg-type]


def heard(*texts: str, **more: object) -> Heard:
    return Heard(key="a.wav", utterances=tuple(map(utterance, texts)), **more)  # type: ignore[arg-type]


def edit_distance(wanted: list[str], found: list[str]) -> int:
    row = list(range(len(found) + 1))
    for i, a in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(found, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


WORDS = st.lists(st.sampled_from(["a", "b", "c", "dd"]), max_size=8)


@given(WORDS, WORDS)
def test_wrong_words_are_the_fewest_changes_between_two_texts(wanted: list[str], found: list[str]) -> None:
    counts = count_words(" ".join(wanted), "  ".join(found))
    assert counts.errors == edit_distance(wanted, found)
    assert counts.length == len(wanted)
    assert counts.insertions - counts.deletions == len(found) - len(wanted)


@given(st.text("ab ", max_size=9), st.text("ab ", max_size=9))
def test_wrong_characters_are_counted_the_same_way(wanted: str, found: str) -> None:
    a, b = " ".join(wanted.split()), " ".join(found.split())
    assert count_characters(wanted, found).errors == edit_distance(list(a), list(b))


def test_the_normaliser_is_that_of_whisper() -> None:
    english = normaliser("en")
    assert english("Mr. Smith doesn't like twenty-one colours, um, does he?") == (
        "mister smith does not like 21 colors does he"
    )
    assert normaliser("de")("Größe, das Café!") == "größe das café"
    assert normaliser("ja")("今日 は") == "今 日 は"


def test_words_are_counted_normalised_and_as_written() -> None:
    found = score(item("Mr. Smith's colour."), heard("mister Smith's color"), "en")
    assert found.words.errors == 0
    assert found.written.errors == 2, "Mr. and colour are written otherwise"
    assert not found.is_refused


def test_several_utterances_are_one_text() -> None:
    assert score(item("One two. Three."), heard("One two.", "Three."), "en").words.errors == 0


def test_nothing_taken_is_refused_and_counts_as_all_words_missing() -> None:
    found = score(item("red green"), heard(), "en")
    assert found.is_refused
    assert found.words == Counts(2, 2, deletions=2)


def test_words_where_nothing_was_said_are_invented() -> None:
    found = score(item(""), heard("Thank you."), "en")
    assert found.is_invented
    assert found.words.rate is None
    assert not score(item(""), heard(), "en").is_invented


def test_an_answer_that_did_not_end_is_cut_short() -> None:
    cut = Heard(key="a.wav", utterances=(utterance("a"), utterance("b b b", stop="repetition")))
    assert score(item("a b"), cut, "en").is_cut_short
    assert not score(item("a b"), heard("a", "b"), "en").is_cut_short


@pytest.mark.parametrize(
    ("after", "result"), [("One\n", "right"), ("One two\n", "refused"), ("Two\n", "wrong")]
)
def test_a_text_is_right_untouched_or_harmed(after: str, result: str) -> None:
    edit = item("delete two", mode="edit", before="One two<>\n", after="One\n")
    assert score(edit, heard("x", text_before="One two\n", text_after=after), "en").edit == result


def test_a_text_that_should_stay_as_it_is_and_does_is_right() -> None:
    edit = item("delete two", before="One<>\n", after="One\n")
    assert score(edit, heard("x", text_before="One\n", text_after="One\n"), "en").edit == "right"


# --- statistics ---


def test_an_interval_holds_the_true_rate_about_as_often_as_it_says() -> None:
    rng = random.Random(1)
    held = 0
    for turn in range(120):
        errors = [sum(rng.random() < 0.1 for _ in range(8)) for _ in range(60)]
        found = statistics.rate(errors, [8] * 60, statistics.grouping([""] * 60), seed=turn)
        assert found is not None
        held += found.low <= 0.1 <= found.high
    assert 105 <= held <= 120


def test_speakers_who_differ_make_an_interval_wider() -> None:
    speakers = [f"s{n % 10}" for n in range(200)]
    errors = [5 if n % 10 == 0 else 0 for n in range(200)]
    apart = statistics.rate(errors, [10] * 200, statistics.grouping([""] * 200), seed=1)
    together = statistics.rate(errors, [10] * 200, statistics.grouping(speakers), seed=1)
    assert apart is not None
    assert together is not None
    assert apart.value == together.value == 0.05
    assert together.high - together.low > 2 * (apart.high - apart.low)
    assert statistics.grouping(speakers).by_speaker
    assert not statistics.grouping(speakers[:7]).by_speaker


def test_no_error_in_few_words_leaves_doubt() -> None:
    found = statistics.rate([0, 0], [30, 30], statistics.grouping(["", ""]), seed=1)
    assert found == statistics.Interval(0.0, 0.0, 0.05)


def test_the_same_seed_gives_the_same_interval() -> None:
    row, lengths, groups = [1, 0, 2, 0, 3] * 9, [7] * 45, statistics.grouping([""] * 45)
    first = statistics.rate(row, lengths, groups, seed=3)
    assert first == statistics.rate(row, lengths, groups, seed=3)
    assert first != statistics.rate(row, lengths, groups, seed=4)


def test_pairs_find_a_small_difference_that_two_intervals_hide() -> None:
    rng = np.random.default_rng(1)
    first = rng.integers(0, 6, 200)
    second = np.maximum(0, first - (rng.random(200) < 0.25))
    groups = statistics.grouping([""] * 200)
    found = statistics.difference(list(first), list(second), [10] * 200, groups, seed=1)
    assert found is not None
    assert found.is_clear
    assert found.interval.high < 0
    assert (found.better, found.worse, found.fewer) == (int((second < first).sum()), 0, 1.0)
    a = statistics.rate(list(first), [10] * 200, groups, seed=1)
    b = statistics.rate(list(second), [10] * 200, groups, seed=1)
    assert a is not None
    assert b is not None
    assert b.high > a.low, "the intervals overlap"


def test_two_alike_are_not_told_apart() -> None:
    errors = [1, 0, 2, 1] * 20
    found = statistics.difference(errors, errors, [5] * 80, statistics.grouping([""] * 80), seed=1)
    assert found is not None
    assert not found.is_clear
    assert (found.fewer, found.better, found.worse) == (0.5, 0, 0)


def test_shares_and_uneven_pairs_have_their_textbook_values() -> None:
    share = statistics.wilson(9, 10)
    assert share is not None
    assert (round(share.low, 3), round(share.high, 3)) == (0.596, 0.982)
    none = statistics.wilson(0, 200)
    assert none is not None
    assert none.low == 0
    assert round(none.high, 4) == 0.0188
    assert statistics.wilson(0, 0) is None
    assert statistics.mcnemar(0, 0) == 1.0
    assert statistics.mcnemar(10, 2) == pytest.approx(0.0386, abs=1e-4)
    assert statistics.mcnemar(0, 6) == pytest.approx(0.03125)


def test_a_single_recording_says_nothing_of_others() -> None:
    alone = statistics.grouping(["Ada"])
    found = statistics.rate([2], [10], alone, seed=1)
    assert found is not None
    assert not found.is_known
    assert interval(found) == "20.0 %"
    told = statistics.difference([2], [1], [10], alone, seed=1)
    assert told is not None
    assert not told.is_clear, "nothing is called better for one recording"
    assert points(told.interval) == "-10.0"
