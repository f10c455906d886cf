"""Which words of a partial are shown steady: those on which the last two agree."""

from __future__ import annotations

import unicodedata
from functools import reduce

import numpy as np
import pytest
from fakes import ScriptedEngine
from hypothesis import given
from hypothesis import strategies as st
from sounds import silence, voice

from engine.agreement import LocalAgreement, agreed
from engine.events import Hypothesis
from engine.listening import listen
from engine.source import PcmSource

PARTS = [
    "a",
    "b",
    "to",
    "don't",
    " ",
    " ",
    " ",
    ".",
    ",",
    "3.5",
    "e\u0301",
    "\u0301",
    "你",
    "好",
    "。",
    "\u200d",
    "👩",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=10).map("".join)
SPEECH = st.lists(st.sampled_from(["so", "be", "it", "I", "want", "two", "to"]), min_size=1, max_size=8)


def steady(*partials: str) -> str:
    """What is steady after these."""
    seen = reduce(LocalAgreement.after, partials, LocalAgreement())
    assert seen.text == partials[-1]
    return seen.text[: seen.stable]


def test_nothing_is_steady_that_was_said_only_once() -> None:
    assert steady("change Monday to") == ""


def test_words_that_were_said_twice_are_steady_and_new_ones_are_not() -> None:
    assert steady("change Monday to", "change Monday to Wednesday") == "change Monday to"
    assert steady("so", "so be", "so be it") == "so be"


def test_the_full_stop_that_ended_a_partial_does_not_make_its_last_word_unsteady() -> None:
    assert steady("Change Monday to.", "Change Monday to Wednesday.") == "Change Monday to"
    assert steady("It is so.", "It is so, I think.") == "It is so"
    assert steady("He said “no.”", "He said “no, thanks.”") == "He said “no"


@pytest.mark.parametrize(
    ("old", "new", "holds"),
    [
        ("change Mon", "change Monday to", "change"),
        ("I don", "I don't", "I"),
        ("I can't go", "I can see", "I"),
        ("a well", "a well-known one", "a"),
        ("pay 3.", "pay 3.5 now", "pay"),
        ("two", "to", ""),
        ("", "to", ""),
        ("so be", "so", "so"),
        ("so be", "", ""),
    ],
)
def test_half_a_word_is_never_steady(old: str, new: str, holds: str) -> None:
    assert steady(old, new) == holds


def test_words_that_the_newest_partial_takes_back_are_not_steady_any_more() -> None:
    assert steady("I want two", "I want two", "I want to go") == "I want"
    assert steady("I want two", "I want to go", "I want two") == "I want"


def test_a_partial_that_says_the_same_again_is_steady_but_for_its_end_mark() -> None:
    assert steady("So be it. Or not.", "So be it. Or not.") == "So be it. Or not"


def test_accents_and_joined_signs_stay_with_their_letter() -> None:
    assert steady("un cafe", "un cafe\u0301 noir") == "un"
    assert steady("👩", "👩\u200d👧 ja") == ""
    assert steady("नमस्त", "नमस्ते जी") == ""


def test_without_blanks_each_wide_character_is_a_word() -> None:
    assert steady("今天天气。", "今天天气很好。") == "今天天气"


@given(TEXTS, TEXTS)
def test_the_steady_part_begins_both_texts_and_ends_no_word_in_its_middle(old: str, new: str) -> None:
    cut = agreed(old, new)
    assert 0 <= cut <= min(len(old), len(new))
    assert old[:cut] == new[:cut]
    assert not new[:cut][-1:].isspace()
    for text in (old, new):
        rest = text[cut : cut + 1]
        assert not (
            cut and text[cut - 1].isascii() and text[cut - 1].isalnum() and rest.isalnum() and rest < "z"
        )
        assert not cut or unicodedata.category(rest or " ") not in ("Mn", "Cf")


@given(SPEECH, st.data())
def test_while_partials_only_grow_what_is_steady_never_shrinks_and_lags_by_one(
    words: list[str], data: st.DataObject
) -> None:
    lengths = sorted(data.draw(st.lists(st.integers(1, len(words)), min_size=2, max_size=6)))
    seen, before = LocalAgreement(), ""
    for length in lengths:
        stable = seen.stable
        said = " ".join(words[:length])
        seen = seen.after(said + data.draw(st.sampled_from(["", ".", ",", "?!"])))
        assert seen.stable >= stable
        assert seen.text[: len(before)] == before
        assert seen.stable >= len(before)
        before = said


@given(st.lists(TEXTS, min_size=3, max_size=6))
def test_what_is_steady_stays_so_unless_the_next_partial_contradicts_it(partials: list[str]) -> None:
    seen = LocalAgreement()
    for partial in partials:
        held, after = seen.text[: seen.stable], seen.after(partial)
        goes_on = partial[len(held) :]
        if partial.startswith(held) and (not goes_on or goes_on[0].isspace()):
            assert after.stable >= len(held)
        seen = after


def test_each_utterance_of_a_source_begins_with_nothing_steady() -> None:
    sound = np.concatenate([silence(500), voice(2500), silence(1500), voice(2500), silence(1500)])
    engine = ScriptedEngine(["so be it", "so be it"])
    heard = listen(PcmSource(sound), engine, partial_every_ms=500)  # type: ignore[arg-type]
    shown: list[list[str]] = [[]]
    for event in heard:
        if isinstance(event, Hypothesis) and event.kind == "partial":
            shown[-1].append(event.text[: event.stable])
        elif isinstance(event, Hypothesis):
            shown.append([])
    assert [texts[:4] for texts in shown] == [["", "so", "so be", "so be it"]] * 2 + [[]]
