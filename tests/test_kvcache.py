"""The ledger and llama.cpp agree on who holds which positions, also when something fails half-way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ContextFull, DecodeFailed
from engine.kvcache import KVCache, Ledger
from engine.llama import LlamaContext, LlamaModel

PREFIX = [tiny.BOS, tiny.AUDIO]


class ScriptedContext:
    """Remembers what each sequence holds; fails the batch of that number."""

    def __init__(self, *, n_ctx: int = 100, n_batch: int = 8, fail_at: int = -1) -> None:
        self.n_ctx, self.n_batch = n_ctx, n_batch
        self.cells: dict[int, list[object]] = {0: [], 1: []}
        self.batches = 0
        self.outputs: list[int] = []
        self.fail_at = fail_at

    def decode_tokens(
        self, tokens: Sequence[int], position: int, *, sequence: int = 0, outputs: int = 1
    ) -> None:
        assert outputs <= len(tokens), "logits are asked for of tokens in this batch"
        self.outputs.append(outputs)
        self._take([*tokens], position, sequence)

    def decode_rows(self, rows: np.ndarray, position: int, *, sequence: int = 0) -> None:
        self._take([float(row[0]) for row in rows], position, sequence)

    def _take(self, entries: list[object], position: int, sequence: int) -> None:
        assert 0 < len(entries) <= self.n_batch
        assert position == len(self.cells[sequence]), "positions must not leave a gap"
        self.batches += 1
        if self.batches == self.fail_at:
            self.cells[sequence] += entries[:1]  # llama.cpp may keep a part of a failed batch
            raise DecodeFailed("scripted")
        self.cells[sequence] += entries

    def fork(self, source: int, target: int) -> None:
        self.cells[target] = list(self.cells[source])

    def rewind(self, sequence: int, position: int) -> None:
        del self.cells[sequence][position:]


def rows(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, None]


def test_a_guess_goes_into_one_batch_with_the_tail_and_its_wrong_end_is_dropped() -> None:
    context = ScriptedContext()
    cache = KVCache(context)
    cache.begin(PREFIX)
    cache.add_soft(rows(0.5))
    batches = context.batches
    cache.add_tail([7], [300, 301, 302])
    assert (context.batches - batches, context.outputs[-1]) == (1, 4)
    cache.drop_answer(2)
    cache.add_answer([400, 401])
    assert context.cells[0] == [*PREFIX, 0.5, 7, 300, 400, 401]
    assert context.outputs[-1] == 2
    assert (cache.ledger.tail, cache.ledger.answer) == (1, 3)


@pytest.mark.parametrize("n", range(1, 20))
def test_all_logits_that_are_asked_for_come_from_the_last_batch(n: int) -> None:
    context = ScriptedContext(n_batch=8)
    cache = KVCache(context)
    cache.begin(PREFIX)
    for outputs in range(1, min(n, 8) + 1):
        cache.add_tail(range(n - outputs + 1), range(50, 49 + outputs))
        assert context.outputs[-1] == outputs
        assert context.cells[0] == [*PREFIX, *range(n - outputs + 1), *range(50, 49 + outputs)]
        cache.reopen()


def test_a_sequence_is_prefix_then_sound_then_tail_then_answer() -> None:
    context = ScriptedContext()
    cache = KVCache(context)
    cache.begin(PREFIX)
    cache.add_soft(rows(0.5, 0.25))
    cache.add_tail([7])
    cache.add_answer([300])
    assert context.cells[0] == [2, 6, 0.5, 0.25, 7, 300]
    assert cache.ledger == Ledger(prefix=2, soft=2, tail=1, answer=1)
    assert cache.room == 94


def test_the_prefix_is_prefilled_once_and_reused() -> None:
    context = ScriptedContext()
    cache = KVCache(context)
    for _ in range(3):
        cache.begin(PREFIX)
        cache.add_soft(rows(1.0))
        cache.add_tail([7])
    assert cache.prefix_prefills == 1
    assert context.batches == 1 + 3 * 2
    assert context.cells[0] == [2, 6, 1.0, 7]


def test_another_prefix_is_computed_anew() -> None:
    context = ScriptedContext()
    cache = KVCache(context)
    cache.begin(PREFIX)
    cache.begin([2, 9, 6])
    assert context.cells[0] == [2, 9, 6]
    assert cache.prefix_prefills == 2


def test_sound_longer_than_a_batch_goes_in_several() -> None:
    context = ScriptedContext(n_batch=4)
    cache = KVCache(context)
    cache.begin(range(2, 12))
    cache.add_soft(rows(*range(9)))
    assert context.cells[0] == [*range(2, 12), *map(float, range(9))]


def test_rewinding_drops_the_newest_sound_and_all_after_it() -> None:
    context = ScriptedContext()
    cache = KVCache(context)
    cache.begin(PREFIX)
    cache.add_soft(rows(1, 2, 3))
    cache.add_tail([7])
    cache.rewind_soft(2)
    assert context.cells[0] == [2, 6, 1.0]
    cache.add_soft(rows(9))
    assert context.cells[0] == [2, 6, 1.0, 9.0]


def test_reopening_drops_tail_and_answer_only() -> None:
    context = ScriptedContext()
    cache = KVCache(context)
    cache.begin(PREFIX)
    cache.add_soft(rows(1, 2))
    cache.add_tail([7])
    cache.add_answer([300])
    cache.reopen()
    assert context.cells[0] == [2, 6, 1.0, 2.0]


def test_what_happens_on_a_fork_is_gone_afterwards_even_after_an_error() -> None:
    context = ScriptedContext()
    cache = KVCache(context)
    cache.begin(PREFIX)
    cache.add_soft(rows(1))
    before = cache.ledger

    def fail_on_a_fork() -> None:
        with cache.fork() as branch:
            branch.add_soft(rows(2))
            branch.add_tail([7])
            assert context.cells[1] == [2, 6, 1.0, 2.0, 7]
            raise RuntimeError("anything")

    with pytest.raises(RuntimeError, match="anything"):
        fail_on_a_fork()
    assert context.cells == {0: [2, 6, 1.0], 1: []}
    assert cache.ledger == before


@pytest.mark.parametrize("fail_at", [2, 3])
def test_a_failed_batch_leaves_no_trace(fail_at: int) -> None:
    context = ScriptedContext(n_batch=4, fail_at=fail_at)
    cache = KVCache(context)
    cache.begin(PREFIX)
    with pytest.raises(DecodeFailed):
        cache.add_soft(rows(*range(8)))
    assert context.cells[0] == PREFIX
    assert cache.ledger == Ledger(prefix=2)
    cache.add_soft(rows(5))
    assert context.cells[0] == [2, 6, 5.0]


def test_a_failed_prefix_is_not_taken_for_prefilled() -> None:
    context = ScriptedContext(fail_at=1)
    cache = KVCache(context)
    with pytest.raises(DecodeFailed):
        cache.begin(PREFIX)
    cache.begin(PREFIX)
    assert context.cells[0] == PREFIX


def test_what_does_not_fit_is_refused_before_anything_is_decoded() -> None:
    context = ScriptedContext(n_ctx=5)
    cache = KVCache(context)
    cache.begin(PREFIX)
    with pytest.raises(ContextFull, match="2 of 5 positions are taken"):
        cache.add_soft(rows(1, 2, 3, 4))
    assert context.cells[0] == PREFIX


def test_sound_after_the_tail_is_our_own_bug() -> None:
    cache = KVCache(ScriptedContext())
    cache.begin(PREFIX)
    cache.add_tail([7])
    with pytest.raises(AssertionError, match="reopen first"):
        cache.add_soft(rows(1))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), st.integers(1, 12)),
            st.tuples(st.just("rewind"), st.integers(0, 20)),
            st.tuples(st.just("fork"), st.integers(1, 5)),
            st.tuples(st.just("answer"), st.integers(1, 3)),
        ),
        max_size=20,
    )
)
@settings(deadline=None)
def test_ledger_and_cells_never_disagree(steps: list[tuple[str, int]]) -> None:
    context = ScriptedContext(n_ctx=1_000)
    cache = KVCache(context)
    cache.begin(PREFIX)
    sound: list[float] = []
    for kind, n in steps:
        cache.reopen()
        if kind == "push":
            new = [float(len(sound) + i) for i in range(n)]
            cache.add_soft(rows(*new))
            sound += new
        elif kind == "rewind":
            kept = max(0, len(sound) - n)
            cache.rewind_soft(len(sound) - kept)
            sound = sound[:kept]
        elif kind == "fork":
            with cache.fork() as branch:
                branch.add_soft(rows(*[-1.0] * n))
        else:
            cache.add_tail([7])
            for _ in range(n):
                cache.add_answer([300])
            assert context.cells[0] == [*PREFIX, *sound, 7, *[300] * n]
            continue
        assert context.cells[0] == [*PREFIX, *sound]
        assert len(context.cells[0]) == cache.ledger.end
        assert context.cells[1] == []


# --- the same on llama.cpp -------------------------------------------------------------------------------


@pytest.fixture
def real() -> Iterator[LlamaContext]:
    model = LlamaModel(tiny.tiny_model().model)
    context = LlamaContext(model, n_ctx=256, n_batch=32)
    yield context
    context.close()
    model.close()


def soft_tokens(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 64)).astype(np.float32)


def test_a_rewound_cache_computes_what_a_fresh_one_does(real: LlamaContext) -> None:
    cache = KVCache(real)
    sound = soft_tokens(8)
    cache.begin(PREFIX)
    cache.add_soft(sound)
    cache.add_tail([tiny.AUDIO_END])
    fresh = real.logits().copy()
    cache.reopen()
    cache.add_soft(soft_tokens(5, seed=9))
    cache.add_tail([tiny.AUDIO_END])
    assert not np.array_equal(real.logits(), fresh)
    cache.rewind_soft(5)
    cache.add_tail([tiny.AUDIO_END])
    np.testing.assert_array_equal(real.logits(), fresh)
    assert real.end_of(0) == cache.ledger.end


def test_a_fork_computes_what_the_original_would(real: LlamaContext) -> None:
    cache = KVCache(real)
    cache.begin(PREFIX)
    cache.add_soft(soft_tokens(8))
    with cache.fork() as branch:
        branch.add_tail([tiny.AUDIO_END])
        branch.add_answer([300])
        forked = real.logits().copy()
    cache.add_tail([tiny.AUDIO_END])
    cache.add_answer([300])
    np.testing.assert_array_equal(real.logits(), forked)
    assert (real.end_of(0), real.end_of(1)) == (cache.ledger.end, 0)
