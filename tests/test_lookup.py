"""Prompt lookup: the old text is the draft of the new one, and is found again behind what was changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.lookup import MOST, DraftLength, GramIndex, PromptLookup
from engine.lookup_gate import DraftGate

END = 1
"""Ends an answer; no word."""


@dataclass
class Rewrite:
    """What happened while an answer was checked against drafts."""

    answer: list[int]
    steps: int
    drafts: list[tuple[list[int], int]]
    """Each draft and how much of it was kept."""


def tokens(text: str) -> list[int]:
    """A token for each word; the same word is the same token."""
    return [2 + sum(ord(c) * 31**i for i, c in enumerate(word)) for word in text.split()]


def rewrite(lookup: PromptLookup, new: Sequence[int], *, most: int = 63) -> Rewrite:
    """Decode greedily with drafts, as `decode` does, a model that wants to write `new`."""
    wanted = [*new, END]
    run = Rewrite([], 0, [])
    while len(run.answer) < len(wanted):
        draft = list(lookup.propose(run.answer, most))
        assert len(draft) <= most
        rest = wanted[len(run.answer) :]
        kept = 0
        while kept < min(len(draft), len(rest)) and draft[kept] == rest[kept]:
            kept += 1
        run.steps += 1
        run.drafts.append((draft, kept))
        lookup.verified(kept, len(draft), kept)
        run.answer += rest[: kept + 1]
    return run


OLD = tokens("please send the boxes to the old house by the lake before the snow closes it again")


def test_a_text_that_is_repeated_takes_few_steps() -> None:
    long = list(range(10, 410))
    run = rewrite(PromptLookup([long]), long)
    assert run.answer == [*long, END]
    assert run.steps <= 20


def test_the_first_draft_is_the_beginning_of_the_old_text() -> None:
    assert list(PromptLookup([OLD, [7, 8, 9]]).propose([], 4)) == OLD[:4]


@pytest.mark.parametrize(
    ("new", "steps"),
    [
        (
            "please mail the boxes to the old house by the lake before the snow closes it again",
            5,
        ),
        (
            "please send the small boxes to the old house by the lake before the snow closes it again",
            5,
        ),
        ("please send the boxes to the house by the lake before the snow closes it again", 5),
        (
            "before the snow closes it again please send the boxes to the old house by the lake",
            8,
        ),
    ],
    ids=["replaced", "inserted", "deleted", "moved"],
)
def test_behind_a_change_the_old_text_goes_on(new: str, steps: int) -> None:
    run = rewrite(PromptLookup([OLD]), tokens(new))
    assert run.answer == [*tokens(new), END]
    assert run.steps <= steps


def test_behind_a_replaced_word_of_several_tokens_the_next_word_is_guessed() -> None:
    old = [100, 1, 2, 101, 3, 4, 5, 102, 6, 103, 7]
    lookup = PromptLookup([old], starts_word=lambda token: token >= 100)
    lookup.propose([], 8)
    lookup.verified(0, 8, 3)
    # The word 101 3 4 5 became 150.
    assert list(lookup.propose([100, 1, 2, 150], 8)) == [102, 6, 103, 7]


def test_behind_a_replaced_word_of_one_token_the_next_token_is_guessed() -> None:
    lookup = PromptLookup([OLD])
    lookup.propose([], 4)
    lookup.verified(1, 4, 1)
    assert list(lookup.propose([OLD[0], 9_999], 3)) == OLD[2:5]


def test_of_several_places_the_next_one_is_taken() -> None:
    old = [5, 10, 11, 20, 21, 99, 5, 30, 31, 22, 23, 5, 40, 41]
    lookup = PromptLookup([old])
    for end in range(5):
        lookup.propose(old[:end], 0)
    # 21 99 became 77, and then comes the second of three 5s.
    lookup.propose([*old[:4], 77], 0)
    assert list(lookup.propose([*old[:4], 77, 5], 2)) == [30, 31]


def test_words_of_the_paragraph_around_are_found_too() -> None:
    around = tokens("the meeting was moved to Thursday because Anna is ill")
    lookup = PromptLookup([tokens("it was moved"), around])
    answer = tokens("we heard that it moved to Thursday")
    for end in range(len(answer) + 1):
        draft = lookup.propose(answer[:end], 4)
    assert list(draft)[:3] == tokens("because Anna is")


def test_what_the_answer_itself_said_before_is_a_draft_too() -> None:
    lookup = PromptLookup([[5, 6]])
    phrase = list(range(50, 60))
    said = [*phrase, 99, *phrase[:4]]
    for end in range(len(said) + 1):
        draft = lookup.propose(said[:end], 4)
    assert list(draft) == phrase[4:8]


def test_a_draft_never_reaches_from_one_text_into_the_next() -> None:
    lookup = PromptLookup([[10, 11, 12], [20, 21, 22]])
    assert list(lookup.propose([], 9)) == [10, 11, 12]
    assert list(lookup.propose([10, 11, 12], 9)) == []


def test_no_text_is_no_draft() -> None:
    none: list[list[list[int]]] = [[], [[]], [[], []]]
    for texts in none:
        lookup = PromptLookup(texts)
        assert list(lookup.propose([], 8)) == []
        assert list(lookup.propose([3], 8)) == []


def test_a_draft_grows_while_all_of_it_is_right_and_shrinks_when_it_is_not() -> None:
    length = DraftLength(tokens=8)
    assert length.after(8, 8).tokens == 16
    assert length.after(8, 8).after(16, 16).after(32, 32).tokens == MOST
    assert length.after(8, 0).tokens == 6
    assert length.after(8, 6).tokens == 7
    assert length.after(3, 3).tokens == 8, "the rest of a text that was right is no reason to shrink"
    for _ in range(12):
        length = length.after(length.tokens, 0)
    assert length.tokens == 2


def test_guesses_that_are_wrong_again_and_again_end() -> None:
    length = DraftLength()
    for _ in range(3):
        assert length.guess
        length = length.after_guess(length.guess, 0)
    assert length.guess == 0
    lookup = PromptLookup([OLD], length=length)
    lookup.propose([], 4)
    assert list(lookup.propose([9_999], 4)) == []


def test_a_right_guess_makes_the_next_one_longer() -> None:
    assert DraftLength(guess=4).after_guess(4, 4) == DraftLength(guess=8)
    assert DraftLength(guess=4, wrong_guesses=2).after_guess(4, 1) == DraftLength(guess=4)
    assert DraftLength(guess=16).after_guess(16, 16) == DraftLength(guess=16)


def test_an_answer_that_is_computed_again_starts_over() -> None:
    lookup = PromptLookup([OLD])
    first = [list(lookup.propose(OLD[:n], 5)) for n in range(6)]
    again = [list(lookup.propose(OLD[:n], 5)) for n in range(6)]
    assert first == again
    lookup.propose([*OLD[:5], 77, 78], 5)
    assert list(lookup.propose(OLD[:2], 5)) == OLD[2:7]


def test_a_text_of_which_every_twelfth_word_changes_takes_a_third_of_the_steps() -> None:
    old = list(range(100, 220))
    new = [token + 1_000 if at % 12 == 5 else token for at, token in enumerate(old)]
    run = rewrite(PromptLookup([old]), new)
    assert run.answer == [*new, END]
    assert run.steps / len(run.answer) <= 0.35


@given(st.lists(st.integers(2, 9), max_size=60), st.lists(st.integers(2, 9), max_size=60), st.integers(0, 12))
def test_whatever_is_rewritten_the_answer_is_the_models_own(
    old: list[int], new: list[int], most: int
) -> None:
    run = rewrite(PromptLookup([old]), new, most=most)
    assert run.answer == [*new, END]
    assert run.steps + sum(kept for _, kept in run.drafts) >= len(run.answer)
    assert all(token in {*old, *new} for draft, _ in run.drafts for token in draft)


@given(st.lists(st.integers(2, 6), max_size=40), st.integers(0, 40))
def test_an_index_that_is_cut_back_is_the_index_of_the_rest(row: list[int], keep: int) -> None:
    cut, fresh = GramIndex(), GramIndex()
    cut.extend(row)
    cut.truncate(keep)
    fresh.extend(row[:keep])
    assert cut.tokens == fresh.tokens
    for n in (1, 2, 3):
        for at in range(len(row) - n + 1):
            assert list(cut.ends(row[at : at + n])) == list(fresh.ends(row[at : at + n]))


# --- whether it pays ----------------------------------------------------------------------------------------


class Machine:
    """Time that passes as a machine computes: so long for a batch, longer where a guess is in it, and so long
    for each guess."""

    def __init__(self, per_guess: float, *, batch: float = 1.0, any_guess: float = 0.0) -> None:
        self.per_guess, self.batch, self.any_guess = per_guess, batch, any_guess
        self.now_s = 0.0
        self.guesses = 0
        self.rounds = 0

    def write(self, gate: DraftGate | None, old: Sequence[int], new: Sequence[int]) -> float:
        """Rewrite `old` as `new`; seconds."""
        began = self.now_s
        lookup = PromptLookup([old], gate=gate, now=lambda: self.now_s)
        answer: list[int] = []
        wanted = [*new, END]
        while len(answer) < len(wanted):
            draft = list(lookup.propose(answer, 63))
            rest = wanted[len(answer) :]
            kept = 0
            while kept < min(len(draft), len(rest)) and draft[kept] == rest[kept]:
                kept += 1
            self.now_s += self.batch + self.any_guess * bool(draft) + self.per_guess * len(draft)
            self.guesses += len(draft)
            self.rounds += 1
            lookup.verified(kept, len(draft), kept)
            answer += rest[: kept + 1]
        assert answer == wanted
        return self.now_s - began


LONG = list(range(100, 400))
CHANGED = [token + 1_000 if at % 12 == 5 else token for at, token in enumerate(LONG)]
OTHER = list(range(2_000, 2_300))


@pytest.mark.parametrize("cost", [{"per_guess": 1.0}, {"per_guess": 0.3, "any_guess": 1.2}], ids=str)
def test_where_guesses_cost_more_than_they_bring_they_are_given_up(cost: dict[str, float]) -> None:
    """The second as measured of the bundled model on one core (docs/performance.md)."""
    ragged = [token + 1_000 if at % 4 == 2 else token for at, token in enumerate(LONG)]
    slow = Machine(**cost).write(None, LONG, ragged)
    quick = Machine(**cost).write(DraftGate(), LONG, ragged)
    without = Machine(**cost).write(None, [], ragged)
    assert slow > 1.1 * without
    assert quick < 1.08 * without


def test_where_guesses_cost_nothing_drafts_go_on() -> None:
    """As on a graphics card. Finding out takes some rounds, once."""
    always, gated, gate = Machine(0.01), Machine(0.01), DraftGate()
    best = always.write(None, LONG, CHANGED)
    assert gated.write(gate, LONG, CHANGED) < 1.2 * best
    assert gated.write(gate, LONG, CHANGED) < 1.05 * best


def test_what_was_learnt_of_the_machine_holds_for_the_next_answer() -> None:
    machine, gate = Machine(1.0), DraftGate()
    machine.write(gate, LONG, CHANGED)
    tried = machine.guesses
    machine.write(gate, LONG, CHANGED)
    assert machine.guesses - tried <= 2 * MOST, "a second try now and then, no more"


def test_a_text_that_repeats_nothing_costs_next_to_nothing_and_the_next_one_is_drafted_again() -> None:
    machine, gate = Machine(0.2), DraftGate()
    machine.write(gate, LONG, LONG)
    plain = Machine(0.2).write(None, [], OTHER)
    assert machine.write(gate, LONG, OTHER) < 1.1 * plain
    assert machine.write(gate, LONG, LONG) < 0.5 * plain


def test_a_text_that_begins_to_repeat_its_original_is_noticed_while_drafts_are_held_back() -> None:
    """They are compared with what is written although they are not proposed."""
    machine, gate = Machine(0.2), DraftGate()
    machine.write(gate, LONG, LONG)
    rounds = machine.rounds
    machine.write(gate, LONG, [*OTHER[:100], *LONG])
    assert machine.rounds - rounds < 100 + 100


def test_a_text_that_stops_changing_is_noticed_as_well() -> None:
    """Every other word was another one, so drafts were held back; then it is the original."""
    machine, gate = Machine(0.5), DraftGate()
    machine.write(gate, LONG, LONG)
    ragged = [token + 1_000 * (at % 2) for at, token in enumerate(LONG[:150])]
    rounds = machine.rounds
    machine.write(gate, LONG, [*ragged, *LONG[150:]])
    assert machine.rounds - rounds < 140


def test_a_machine_that_becomes_quicker_at_guesses_is_tried_again() -> None:
    machine, gate = Machine(1.0), DraftGate()
    machine.write(gate, LONG, CHANGED)
    machine.per_guess = 0.01
    for _ in range(6):
        last = machine.write(gate, LONG, CHANGED)
    assert last < 0.5 * Machine(1.0).write(None, [], CHANGED)


def test_one_pause_decides_nothing() -> None:
    gate = DraftGate()
    for seconds in (1.0, 30.0, 1.0):
        gate.took(8, 9, seconds)
        gate.took(0, 1, 1.0)
    assert gate.most(8, 1.0) == 8


def test_rounds_in_which_another_source_guessed_count_as_what_they_brought() -> None:
    """A drafter behind the lookup may be the better one."""
    gate = DraftGate()
    for _ in range(3):
        gate.took(8, 3, 1.0)
        gate.took(0, 4, 1.0)
    assert gate.most(8, 0.6) == 0
    assert gate.most(8, 1.0) == 8


def test_the_length_that_brings_most_is_chosen() -> None:
    """Half of the guesses are right, and each costs a third of a token."""
    gate = DraftGate()
    for n in (2, 16, 2, 16, 2, 16):
        gate.took(n, 1, 1.0 + n / 3)
        gate.took(0, 1, 1.0)
    assert gate.most(16, 0.5) == 1
    assert gate.most(16, 0.99) == 16


@given(
    st.lists(st.integers(2, 9), max_size=60),
    st.lists(st.integers(2, 9), max_size=60),
    st.floats(0.0, 2.0),
    st.floats(0.0, 2.0),
)
def test_whatever_the_machine_is_like_the_answer_is_the_models_own(
    old: list[int], new: list[int], per_guess: float, batch: float
) -> None:
    machine, gate = Machine(per_guess, batch=batch), DraftGate()
    for _ in range(3):
        machine.write(gate, old, new)
