"""How sure each word of an answer is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import decode
from engine.catalog import PromptProfile
from engine.spelling import score_words, spell


class Answered(decode.Answer):
    """An answer whose tokens are known."""

    def __init__(self, log_probs: list[float]) -> None:
        self.tokens = [decode.Token(index, log_prob) for index, log_prob in enumerate(log_probs)]
        self.stop = "eos"

    def __iter__(self):
        return iter(self.tokens)


def words_of(pieces: list[bytes], log_probs: list[float], profile: PromptProfile | None = None):
    spelled = spell(
        Answered(log_probs), lambda token: pieces[token], profile or PromptProfile(name="any"), None
    )
    return spelled.text, spelled.word_log_probs


def test_a_word_is_as_sure_as_its_pieces_together() -> None:
    text, words = words_of([b" The", b" qu", b"ick", b" fox", b"."], [-0.1, -0.2, -0.3, -0.4, -0.5])
    assert text == "The quick fox."
    assert words == pytest.approx((-0.1, -0.5, -0.9))


def test_a_piece_of_two_words_counts_in_both() -> None:
    assert words_of([b"a b", b"c"], [-1.0, -0.5]) == ("a bc", (-1.0, -1.5))


def test_half_a_character_counts_in_the_word_that_it_becomes_a_part_of() -> None:
    text, words = words_of([b"caf", b"\xc3", b"\xa9", b" au"], [-0.1, -0.2, -0.3, -0.4])
    assert text == "café au"
    assert words == pytest.approx((-0.6, -0.4))


def test_thoughts_make_no_word_less_sure() -> None:
    profile = PromptProfile(name="thinks", thought_open="<t>", thought_close="</t>")
    text, words = words_of([b"<t>", b"hm", b"</t>", b"yes"], [-1.0, -2.0, -3.0, -0.25], profile)
    assert (text, words) == ("yes", (-0.25,))


def test_a_loop_is_scored_as_far_as_it_is_kept() -> None:
    answer = Answered([-0.1] * 16)
    answer.tokens = [decode.Token(index % 2, -0.1) for index in range(16)]
    answer.stop = "repetition"
    spelled = spell(answer, lambda token: [b" la", b" lu"][token], PromptProfile(name="any"), None)
    assert (spelled.text, len(spelled.word_log_probs)) == ("la lu", 2)


@given(st.lists(st.tuples(st.text(alphabet="ab \n", min_size=1), st.floats(-5, 0))))
def test_there_is_one_score_for_each_word(pieces) -> None:
    scores = score_words(pieces)
    assert len(scores) == len("".join(piece for piece, _ in pieces).split())
    assert all(score <= 0 for score in scores)


@given(st.text(alphabet="ab é\n").filter(str.strip), st.data())
def test_however_the_bytes_fall_into_pieces_there_is_one_score_for_each_word(text, data) -> None:
    raw, pieces = text.encode(), []
    while raw:
        cut = data.draw(st.integers(1, len(raw)))
        pieces.append(raw[:cut])
        raw = raw[cut:]
    spelled, words = words_of(pieces, [-0.5] * len(pieces))
    assert len(words) == len(spelled.split())
