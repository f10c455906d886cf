"""From logits to words, without a model: a script says which token comes next."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decode import (
    Answer,
    AnswerText,
    Picker,
    Rules,
    Token,
    loop_length,
    max_tokens,
    mean_log_prob,
    trim_repetition,
)
from engine.errors import Cancelled, DecodeFailed

END = 0


class Script:
    """Wants the given tokens in turn, then the end; remembers what was taken."""

    def __init__(self, tokens: Sequence[int], *, n_vocab: int = 50) -> None:
        self.wanted = [*tokens, END]
        self.taken: list[int] = []
        self.n_vocab = n_vocab

    def logits(self) -> np.ndarray:
        row = np.zeros(self.n_vocab, dtype=np.float32)
        row[self.wanted[min(len(self.taken), len(self.wanted) - 1)]] = 5.0
        return row

    def append(self, token: int) -> None:
        self.taken.append(token)


def answer(script: Script, *, limit: int = 100, suppressed: Sequence[int] = ()) -> Answer:
    picker = Picker(script.n_vocab, np.array(suppressed, dtype=np.intp))
    rules = Rules(is_end=lambda token: token == END, max_tokens=limit)
    return Answer(script, picker, rules, lambda: False)


def test_tokens_come_until_the_end_token_which_is_none_of_them() -> None:
    run = answer(Script([5, 6, 7]))
    assert [token.id for token in run] == [5, 6, 7]
    assert run.stop == "eos"


def test_the_likeliest_token_is_taken_with_its_probability() -> None:
    logits = np.log(np.array([0.1, 0.6, 0.3], dtype=np.float32))
    token = Picker(3, np.array([], dtype=np.intp)).pick(logits)
    assert token.id == 1
    assert token.log_prob == pytest.approx(math.log(0.6), abs=1e-5)


def test_a_suppressed_token_is_never_taken_and_has_no_share_of_the_probability() -> None:
    logits = np.log(np.array([0.1, 0.6, 0.3], dtype=np.float32))
    token = Picker(3, np.array([1], dtype=np.intp)).pick(logits)
    assert token.id == 2
    assert token.log_prob == pytest.approx(math.log(0.75), abs=1e-5)


def test_huge_logits_do_not_overflow() -> None:
    token = Picker(3, np.array([], dtype=np.intp)).pick(np.array([3e4, 2.9e4, -3e4], dtype=np.float32))
    assert token == Token(0, 0.0)


def test_logits_that_are_not_numbers_are_a_failure_and_no_word() -> None:
    with pytest.raises(DecodeFailed, match="NaN"):
        Picker(3, np.array([], dtype=np.intp)).pick(np.array([0.0, np.nan, 1.0], dtype=np.float32))


def test_a_model_that_does_not_stop_is_stopped() -> None:
    run = answer(Script(range(1, 40)), limit=10)
    assert len(list(run)) == 10
    assert run.stop == "max_tokens"


def test_an_answer_that_is_exactly_as_long_as_allowed_ends_by_itself() -> None:
    run = answer(Script([1, 2, 3]), limit=3)
    assert len(list(run)) == 3
    assert run.stop == "eos"


@pytest.mark.parametrize("after", range(5))
def test_cancelling_works_between_any_two_tokens(after: int) -> None:
    script = Script([5, 6, 7, 8])
    asked = iter([False] * after + [True] * 10)
    picker = Picker(50, np.array([], dtype=np.intp))
    run = Answer(script, picker, Rules(lambda token: token == END, 100), lambda: next(asked))
    with pytest.raises(Cancelled):
        list(run)
    assert script.taken == [5, 6, 7, 8][:after]


def test_a_loop_is_cut_back_to_its_first_round() -> None:
    run = answer(Script([9, 8] + [1, 2, 3] * 30))
    tokens = list(run)
    assert run.stop == "repetition"
    assert [token.id for token in trim_repetition(tokens)] == [9, 8, 1, 2, 3]


def test_one_word_over_and_over_is_a_loop() -> None:
    assert loop_length([4] * 16) == 1
    assert [token.id for token in trim_repetition([Token(4, 0.0)] * 20)] == [4]


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [4] * 15,  # no no no no no
        [1, 2] * 7,
        [1, 2, 3, 4, 5, 6] * 3,  # said three times, as people do
        list(range(100)),
    ],
)
def test_what_people_say_is_no_loop(tokens: list[int]) -> None:
    assert loop_length(tokens) == 0
    made = [Token(token, 0.0) for token in tokens]
    assert trim_repetition(made) == made


@given(st.lists(st.integers(0, 3), max_size=20), st.lists(st.integers(0, 3), min_size=1, max_size=24))
def test_every_phrase_repeated_often_is_found(start: list[int], phrase: list[int]) -> None:
    tokens = [Token(token, 0.0) for token in start + phrase * 16]
    length = loop_length([token.id for token in tokens])
    assert 1 <= length <= len(phrase)
    kept = trim_repetition(tokens)
    assert len(kept) <= len(start) + len(phrase)
    assert tokens[: len(kept)] == kept


def test_length_is_bounded_by_the_sound() -> None:
    assert max_tokens(0.0, 3.0) == 8
    assert max_tokens(10.0, 2.0) == 8 + 120
    assert max_tokens(1.0, 1.5) == 8 + 9


def test_confidence_is_the_mean_log_probability() -> None:
    assert mean_log_prob([]) is None
    assert mean_log_prob([Token(1, -0.5), Token(2, -1.5)]) == -1.0


# --- text ------------------------------------------------------------------------------------------------


def show(pieces: Sequence[bytes], **thought: str) -> tuple[list[str], str]:
    text = AnswerText(**thought)
    return [text.push(piece) for piece in pieces], text.finish()


THOUGHT = {"thought_open": "<|channel>", "thought_close": "<channel|>"}


def test_half_a_character_waits_for_its_other_half() -> None:
    assert show([b"caf", b"\xc3", b"\xa9", b"."]) == (["caf", "", "é", "."], "café.")


def test_half_a_character_at_the_end_is_shown_as_broken() -> None:
    assert show([b"a\xc3"])[1] == "a\ufffd"


def test_blanks_around_the_text_are_left_out() -> None:
    assert show([b" ", b" The", b" end.", b" \n"]) == (["", "The", " end.", " \n"], "The end.")


def test_an_empty_thought_block_is_left_out() -> None:
    pieces = [b"<|channel>", b"thought", b"\n", b"<channel|>", b"Hello", b" you."]
    assert show(pieces, **THOUGHT) == (["", "", "", "", "Hello", " you."], "Hello you.")


def test_a_thought_is_left_out_however_it_is_cut_into_tokens() -> None:
    raw = b"<|channel>thought\nWhat <is> this?<channel|>Hello."
    for size in range(1, len(raw)):
        pieces = [raw[i : i + size] for i in range(0, len(raw), size)]
        assert show(pieces, **THOUGHT)[1] == "Hello."


def test_text_that_only_looks_like_a_thought_at_first_is_shown() -> None:
    assert show([b"<", b"| is a bar."], **THOUGHT) == (["", "<| is a bar."], "<| is a bar.")
    assert show([b"<|ch"], **THOUGHT)[1] == "<|ch"


def test_a_thought_that_never_ends_is_no_text() -> None:
    assert show([b"<|channel>", b"thought about it"], **THOUGHT)[1] == ""


@given(st.text(max_size=40), st.integers(1, 7))
def test_any_text_survives_any_cut_into_bytes(text: str, size: int) -> None:
    raw = text.encode()
    shown, whole = show([raw[i : i + size] for i in range(0, len(raw), size)])
    assert whole == text.strip()
    assert "".join(shown).strip() == text.strip()
