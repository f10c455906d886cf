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
from engine.draft import TRY, DraftSource, LastAnswer
from engine.errors import Cancelled, DecodeFailed

END = 0


class Script:
    """Wants the given tokens in turn, then the end; remembers what was taken.

    With `noise`, its logits differ a little in batches of several tokens and behind such, as llama.cpp's do.
    """

    def __init__(
        self, tokens: Sequence[int], *, n_vocab: int = 50, rival: int | None = None, noise: float = 0.0
    ) -> None:
        self.wanted = [*tokens, END]
        self.taken: list[int] = []
        self.n_vocab = n_vocab
        self.rival = rival
        """A token that is almost as likely as the wanted one, everywhere."""
        self.noise = noise
        self.batches: list[int] = []
        self._rows = 0
        self._wide: list[bool] = []
        """Of what the answer follows, and of each token taken: whether it was computed beside others."""

    def room(self) -> int:
        return 7

    def open(self, draft: Sequence[int]) -> None:
        self._wide = [bool(draft)]
        self._take(draft, 1 + len(draft))

    def append(self, tokens: Sequence[int]) -> None:
        self._take(tokens, len(tokens))

    def _take(self, tokens: Sequence[int], rows: int) -> None:
        assert rows <= 8
        self.taken += tokens
        self.batches.append(rows)
        self._rows = rows
        self._wide += [rows > 1] * len(tokens)

    def drop(self, n: int) -> None:
        assert 0 < n <= len(self.taken)
        del self.taken[len(self.taken) - n :], self._wide[len(self._wide) - n :]

    def restart(self) -> None:
        self.taken = []

    def logits(self, row: int) -> np.ndarray:
        assert 0 <= row < self._rows
        before = len(self.taken) - self._rows + 1 + row
        logits = np.zeros(self.n_vocab, dtype=np.float32)
        right = self.taken[:before] == self.wanted[:before]
        token = self.wanted[min(before, len(self.wanted) - 1)] if right else 1 + before % 7
        logits[token] = 5.0
        if self.rival is not None and token != self.rival:
            logits[self.rival] = 5.0 - 1e-4 + self.noise * any(self._wide[: before + 1])
        return logits


class Guess:
    """Proposes what a list says, whatever the answer."""

    def __init__(self, proposals: Sequence[Sequence[int]]) -> None:
        self.proposals = list(proposals)
        self.kept: list[tuple[int, int, int]] = []

    def propose(self, answer: Sequence[int], most: int) -> Sequence[int]:
        return self.proposals.pop(0)[:most] if self.proposals else ()

    def verified(self, row: int, proposed: int, kept: int) -> None:
        self.kept.append((row, proposed, kept))


def answer(
    script: Script, *, limit: int = 100, suppressed: Sequence[int] = (), drafts: Sequence[DraftSource] = ()
) -> Answer:
    picker = Picker(script.n_vocab, np.array(suppressed, dtype=np.intp))
    rules = Rules(is_end=lambda token: token == END, max_tokens=limit)
    return Answer(script, picker, rules, lambda: False, drafts)


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
    assert (token.id, token.log_prob) == (0, 0.0)


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
def test_cancelling_works_between_any_two_batches(after: int) -> None:
    script = Script([5, 6, 7, 8])
    asked = iter([False] * after + [True] * 10)
    picker = Picker(50, np.array([], dtype=np.intp))
    run = Answer(script, picker, Rules(lambda token: token == END, 100), lambda: next(asked))
    with pytest.raises(Cancelled):
        list(run)
    assert script.taken == [5, 6, 7, 8][: max(0, after - 1)]


def test_a_right_guess_is_the_whole_answer_in_one_batch() -> None:
    script = Script([5, 6, 7])
    run = answer(script, drafts=[LastAnswer([5, 6, 7])])
    assert [token.id for token in run] == [5, 6, 7]
    assert (run.steps, run.drafted, run.accepted, run.stop) == (1, 3, 3, "eos")
    assert script.batches == [4]


def test_what_follows_a_wrong_token_is_found_again_behind_two_words_that_are_the_same() -> None:
    run = answer(Script([5, 6, 20, 8, 9, 10, 11]), drafts=[LastAnswer([5, 6, 7, 8, 9, 10, 11])])
    assert [token.id for token in run] == [5, 6, 20, 8, 9, 10, 11]
    assert run.steps == 4  # 5 6 20 | 8 | 9 | 10 11


def test_an_old_answer_that_was_wrong_again_and_again_is_proposed_in_ever_smaller_pieces() -> None:
    old = list(range(5, 29))
    wanted = [token if i % 4 else 40 for i, token in enumerate(old)]  # every fourth is another one now
    run = answer(Script(wanted), drafts=[LastAnswer(old)])
    assert [token.id for token in run] == wanted
    assert run.accepted > 0
    assert run.drafted <= 15  # as much as fits each time would be 41


def test_an_old_answer_that_is_right_again_is_proposed_in_longer_pieces() -> None:
    guesses = LastAnswer(range(100))
    guesses.verified(0, 100, 2)
    assert len(guesses.propose([0, 1, 2], 60)) == 4
    guesses.verified(4, 4, 4)
    assert len(guesses.propose(list(range(7)), 60)) == 8
    guesses.verified(0, 0, 0)
    assert len(guesses.propose(list(range(7)), 60)) == 8
    guesses.verified(0, 8, 0)
    guesses.verified(0, 1, 0)
    assert len(guesses.propose(list(range(7)), 60)) == 1


def test_how_much_of_the_next_old_answer_is_proposed_depends_on_how_much_of_this_one_was_right() -> None:
    def worth(wanted: Sequence[int], old: Sequence[int], most: int | None = None) -> int | None:
        guesses = LastAnswer(old, most=most)
        list(answer(Script(wanted), drafts=[guesses]))
        return guesses.worth

    assert worth([5, 6, 7, 8], [5, 6, 7, 9]) is None  # all of it
    assert worth([5, 20, 21, 22, 23], [5, 6, 7, 8, 9]) == 2  # one was right
    assert worth([20, 21, 22], [5, 6, 7]) == 0  # none, so that nothing is proposed for once
    assert worth([5, 6, 7], [5, 6, 7], most=0) == TRY
    assert worth([5, 6, 7, 8, 9, 10], [5, 6, 7, 8, 9, 10], most=TRY) is None
    assert worth([5], []) is None


def test_an_old_answer_of_which_nothing_is_to_be_proposed_leaves_the_plain_way() -> None:
    script = Script([5, 6, 7])
    run = answer(script, drafts=[LastAnswer([5, 6, 7], most=0)])
    assert [token.id for token in run] == [5, 6, 7]
    assert (run.steps, run.drafted) == (4, 0)


def test_a_guess_that_goes_on_after_the_end_is_cut_there() -> None:
    script = Script([5, 6])
    run = answer(script, drafts=[LastAnswer([5, 6, 7, 8])])
    assert [token.id for token in run] == [5, 6]
    assert script.taken == [5, 6]
    assert (run.drafted, run.accepted) == (4, 2)


def test_each_guesser_is_told_which_row_decided_and_what_was_kept() -> None:
    first, second = Guess([(), (6, 7, 30), ()]), Guess([(5, 20), (9,)])
    run = answer(Script([5, 6, 7, 8, 9]), drafts=[first, second])
    assert [token.id for token in run] == [5, 6, 7, 8, 9]
    # 5 (kept) and 20 (6 instead) by the second; nothing fits behind 6 by the first: 7 comes alone ...
    assert second.kept[0] == (1, 2, 1)
    assert first.kept[0] == (1, 0, 0)
    assert sum(kept for _, _, kept in first.kept + second.kept) == run.accepted


@given(
    wanted=st.lists(st.integers(1, 9), max_size=30),
    guesses=st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=30),
    old=st.lists(st.integers(1, 9), max_size=30),
    limit=st.integers(0, 30),
)
def test_guesses_never_change_an_answer(
    wanted: list[int], guesses: list[list[int]], old: list[int], limit: int
) -> None:
    plain, script = answer(Script(wanted), limit=limit), Script(wanted)
    guessed = answer(script, limit=limit, drafts=[Guess(guesses), LastAnswer(old)])
    assert list(guessed) == list(plain)
    assert guessed.stop == plain.stop
    assert guessed.accepted <= guessed.drafted
    assert guessed.steps <= plain.steps
    assert script.taken == [token.id for token in guessed.tokens][: len(script.taken)]


@given(wanted=st.lists(st.integers(1, 9), max_size=30), old=st.lists(st.integers(1, 9), max_size=30))
def test_where_two_tokens_are_close_the_answer_is_the_one_without_guesses(
    wanted: list[int], old: list[int]
) -> None:
    """The rival wins wherever the noise of a wide batch is let decide."""
    plain = answer(Script(wanted, rival=8))
    guessed = answer(Script(wanted, rival=8, noise=1e-3), drafts=[LastAnswer(old)])
    assert [token.id for token in guessed] == [token.id for token in plain]


def test_behind_a_close_call_guessing_goes_on_and_nothing_is_computed_a_third_time() -> None:
    wanted = list(range(9, 49))
    close = {11, 12, 30}
    script = Script(wanted, rival=8, noise=1e-3)
    asked = script.logits

    def logits(row: int) -> np.ndarray:
        found = asked(row)
        if len(script.taken) - script._rows + 1 + row not in close:
            found[8] = 0.0
        return found

    script.logits = logits  # type: ignore[method-assign]
    run = answer(script, drafts=[LastAnswer(wanted)])
    assert [token.id for token in run] == wanted
    assert run.steps < len(wanted) + 12
    assert run.accepted > 25
    assert sum(script.batches) < 3 * len(wanted)


def test_a_loop_is_cut_back_to_its_first_round() -> None:
    run = answer(Script([9, 8] + [1, 2, 3] * 30))
    tokens = list(run)
    assert run.stop == "repetition"
    assert [token.id for token in trim_repetition(tokens)] == [9, 8, 1, 2, 3]


def test_what_the_original_repeats_an_answer_may_repeat_as_often_and_no_oftener() -> None:
    # Other tokens, as in a rewrite: "can't" four times became "cannot" four times.
    rules = Rules(is_end=lambda token: token == END, max_tokens=200, originals=[[9], [7, 5, 4, 6] * 5])
    for rounds, stop in ((5, "eos"), (6, "repetition"), (30, "repetition")):
        script = Script([9, 8] + [1, 2, 3, 4] * rounds)
        run = Answer(script, Picker(script.n_vocab, np.array([], dtype=np.intp)), rules, lambda: False)
        list(run)
        assert run.stop == stop


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
