"""What is measured of a model's doubt: the curve that is fitted, thresholds, and what they are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.calibration_fit import Row, fit, report, threshold, worth
from engine.catalog import profiles
from engine.judging.calibration import at


def row(said: str, written: str, *doubts: float, kind: str = "sentence") -> Row:
    words = tuple(-doubt for doubt in doubts)
    return Row(
        voice="espeak:en", kind=kind, snr_db=25.0, said=said, written=written, stop="eos",
        confidence=sum(words) / len(words), word_log_probs=words, speech_s=1.0,
    )  # fmt: skip


def test_a_curve_is_found_again_from_what_it_makes() -> None:
    rng = np.random.default_rng(1)
    doubts = np.exp(rng.uniform(-8, 3, 20_000))
    right = rng.random(20_000) < [at((0.5, -1.5), doubt) for doubt in doubts]
    offset, slope = fit(list(doubts), list(right))
    assert offset == pytest.approx(0.5, abs=0.1)
    assert slope == pytest.approx(-1.5, abs=0.1)


@pytest.mark.parametrize("right", [[True] * 5, [False] * 5, [True, False] * 5])
def test_a_curve_is_finite_whatever_was_counted(right: list[bool]) -> None:
    assert all(math.isfinite(value) for value in fit([0.01 * i for i in range(1, len(right) + 1)], right))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50), st.floats(0, 1))
def test_precision_and_recall_are_shares_and_more_is_called_the_higher_the_threshold(found, below) -> None:
    chances, right = np.array([c for c, _ in found]), np.array([r for _, r in found], dtype=bool)
    precision, recall, called = worth(chances, right, below)
    assert 0 <= precision <= 1
    assert 0 <= recall <= 1
    assert called <= worth(chances, right, 1.01)[2] == len(found)


def test_the_threshold_is_the_highest_at_which_enough_is_wrong() -> None:
    chances = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    right = np.array([False, False, True, False, True])
    assert threshold(chances, right, 0.75) == 0.9
    assert threshold(chances, right, 0.9) == 0.5


def test_words_are_right_where_they_stand_where_they_were_said() -> None:
    told = row("Meet me at noon.", "Meet him at noon.", 0.1, 2.0, 0.1, 0.2)
    assert told.words() == [(0.1, True), (2.0, False), (0.1, True), (0.2, True)]
    assert not told.is_right
    assert row("Delete it.", "Delete, it", 0.1, 0.1).is_right


def test_a_command_is_right_if_it_means_the_same_and_counts_only_if_it_is_one() -> None:
    assert row("Delete two.", "Delete two.", 0.1, 0.1, kind="command").is_understood is True
    assert row("Delete two.", "Delete three.", 0.1, 0.1, kind="command").is_understood is False
    assert row("Delete two.", "Delight two.", 0.1, 0.1, kind="command").is_understood is None


def test_thresholds_are_measured_on_other_texts_than_they_were_found_on() -> None:
    rng = np.random.default_rng(2)
    rows = []
    for index in range(400):
        doubt = float(np.exp(rng.uniform(-6, 2)))
        right = rng.random() < at((0.5, -2.0), doubt)
        for kind, words in (("sentence", f"red {index}"), ("command", f"delete {index}")):
            rows.append(row(words, words if right else "delete nothing", doubt / 2, doubt / 2, kind=kind))
    halves = {text: {r.is_for_fitting for r in rows if r.said == text} for text in {r.said for r in rows}}
    assert all(len(half) == 1 for half in halves.values()), "a text is on one side only"
    told = report(rows, min_confidence=-100.0)
    assert 150 < told.data["dictation"]["n"] < 250
    assert told.data["dictation"]["precision"] == pytest.approx(0.5, abs=0.15)
    assert told.data["dictation"]["error"] < 0.1
    assert "precision" in told.text


def test_the_bundled_model_has_been_measured_and_the_others_say_that_they_have_not() -> None:
    measured = profiles()["bundled"].calibration
    assert measured is not None
    assert 0 < measured.weak_dictation < 1
    assert 0 < measured.weak_edit < 1
    for precision in (measured.dictation_precision, measured.edit_precision, measured.word_precision):
        assert 0.25 < precision < 1
    assert {name for name, one in profiles().items() if one.calibration is None} == set(profiles()) - {
        "bundled"
    }
