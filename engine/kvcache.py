"""Who holds which positions of the key/value cache, and how to take some back.

A sequence is laid out as

    prefix        the prompt up to `<|audio>`: of one utterance to the next, only what changed is prefilled
    soft tokens   one per frame, as they arrive
    tail          `<audio|>` and the rest of the prompt
    answer        the tokens produced

The ledger counts; the cache keeps ledger and llama.cpp in step, also when a batch fails half-way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from engine.errors import ContextFull

if TYPE_CHECKING:
    from engine.projection import SoftTokens


PREFIX_BLOCK = 16
"""Tokens that are kept or computed together, of the part of a prefix that changes."""


class Context(Protocol):
    """What the ledger needs of `llama.LlamaContext`; tests put a scripted one in its place."""

    n_ctx: int
    n_batch: int

    def decode_tokens(
        self, tokens: Sequence[int], position: int, *, sequence: int = 0, outputs: int = 1
    ) -> None: ...
    def decode_rows(self, rows: SoftTokens, position: int, *, sequence: int = 0) -> None: ...
    def fork(self, source: int, target: int) -> None: ...
    def rewind(self, sequence: int, position: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Ledger:
    """Positions of one sequence, in order. Each method returns the next state; none is ever half done."""

    prefix: int = 0
    soft: int = 0
    tail: int = 0
    answer: int = 0

    @property
    def end(self) -> int:
        """First free position."""
        return self.prefix + self.soft + self.tail + self.answer

    @property
    def audio_end(self) -> int:
        """First position after the soft tokens."""
        return self.prefix + self.soft

    def with_soft(self, n: int) -> Ledger:
        """After `n` more soft tokens; they may not follow the tail."""
        assert self.end == self.audio_end, "soft tokens come before the tail: reopen first"
        return replace(self, soft=self.soft + n)

    def with_tail(self, n: int) -> Ledger:
        """After `n` more tail tokens."""
        assert not self.answer, "the tail comes before the answer"
        return replace(self, tail=self.tail + n)

    def with_answer(self, n: int) -> Ledger:
        """After `n` more answer tokens."""
        return replace(self, answer=self.answer + n)

    def without_answer(self, n: int) -> Ledger:
        """Without the last `n` answer tokens."""
        assert 0 <= n <= self.answer, f"{n} of {self.answer} answer tokens cannot be dropped"
        return replace(self, answer=self.answer - n)

    def reopened(self) -> Ledger:
        """Back to the end of the soft tokens: more may follow."""
        return Ledger(self.prefix, self.soft)

    def without_soft(self, n: int) -> Ledger:
        """Without the last `n` soft tokens and what came after them."""
        assert 0 <= n <= self.soft, f"{n} of {self.soft} soft tokens cannot be dropped"
        return Ledger(self.prefix, self.soft - n)


def prefix_blocks(length: int, shared: int, whole: Sequence[tuple[int, int]] = ()) -> tuple[int, ...]:
    """Where the blocks of a prefix end: after the `shared` tokens that all prefixes begin with, and then on a
    grid. 0 shared: one block. `whole`: where from and where to goes what must be a block of its own.

    Each block is one batch whatever was in the cache before it, since llama.cpp computes a token a little
    differently in batches of another shape: what is kept is what would have been computed, bit by bit.
    """
    ends = {*range(shared, length, PREFIX_BLOCK), length} if shared else {length}
    for first, end in whole:
        ends = {at for at in ends if not first < at < end} | {first, end}
    return tuple(sorted(ends - {0}))


class KVCache:
    """One sequence of a context, and its ledger. A decode that fails leaves both where they were."""

    def __init__(
        self, context: Context, *, sequence: int = 0, fork_sequence: int = 1, most: int | None = None
    ) -> None:
        """`most`: positions that the sequence may have; None is all that the context has."""
        self._context = context
        self._most = context.n_ctx if most is None else most
        self._sequence = sequence
        self._fork_sequence = fork_sequence
        self._prefix: tuple[int, ...] = ()
        self._blocks: tuple[int, ...] = ()
        """Where the blocks end in which `_prefix` was prefilled."""
        self._wanted: tuple[int, ...] = ()
        self._ahead: tuple[int, ...] = ()
        """Where the blocks end that are still to be prefilled of the prefix that is wanted."""
        self.ledger = Ledger()
        self.prefix_prefills = 0
        """How often a prefix, or a part of one, was really computed; reuse does not count."""
        self.prefix_tokens = 0
        """How many tokens that were, all in all."""

    @property
    def sequence(self) -> int:
        """Number of the sequence in the context."""
        return self._sequence

    @property
    def room(self) -> int:
        """Free positions."""
        return self._most - self.ledger.end

    def begin(self, prefix: Sequence[int], *, shared: int = 0) -> None:
        """Start over behind `prefix`: blocks that are there already are kept, everything else is dropped.

        `shared`: how many tokens all prefixes begin with, see `prefix_blocks`. Raises as `add_soft`; what was
        prefilled before stays.
        """
        self.aim(prefix, shared=shared)
        while self.advance():
            pass

    def aim(self, prefix: Sequence[int], *, shared: int = 0, whole: Sequence[tuple[int, int]] = ()) -> None:
        """Keep what is there already of `prefix` and drop everything else; `advance` prefills the rest, what
        is `whole` at once (see `prefix_blocks`).

        Raises ContextFull where it does not fit.
        """
        wanted = tuple(prefix)
        blocks = prefix_blocks(len(wanted), shared, whole)
        kept = max(
            (end for end in blocks if end in self._blocks and wanted[:end] == self._prefix[:end]), default=0
        )
        self._blocks = tuple(end for end in self._blocks if end <= kept)
        self._prefix = wanted[:kept]
        self._drop_to(Ledger(kept))
        self._check_room(len(wanted) - kept)
        self._wanted, self._ahead = wanted, tuple(end for end in blocks if end > kept)
        self.prefix_prefills += kept < len(wanted)

    @property
    def is_behind(self) -> bool:
        """Whether some of the prefix is still to be prefilled."""
        return bool(self._ahead)

    def advance(self) -> bool:
        """Prefill the next block of the prefix. Whether there was one. Raises as `add_soft`."""
        if not self._ahead:
            return False
        kept, end = self.ledger.end, self._ahead[0]
        assert kept == self.ledger.prefix, "the prefix comes before everything else"
        self._put(self._wanted[kept:end], outputs=0)
        self.ledger = Ledger(end)
        self._blocks, self._prefix = (*self._blocks, end), self._wanted[:end]
        self._ahead = self._ahead[1:]
        self.prefix_tokens += end - kept
        return True

    def add_soft(self, rows: SoftTokens) -> None:
        """Prefill soft tokens float32[n, n_embd]. Raises ContextFull, DecodeFailed."""
        n = len(rows)
        after = self.ledger.with_soft(n)
        self._check_room(n)
        with self._undone_on_failure():
            for at in range(0, n, self._context.n_batch):
                piece = rows[at : at + self._context.n_batch]
                self._context.decode_rows(piece, self.ledger.end + at, sequence=self._sequence)
        self.ledger = after

    def add_tail(self, tokens: Sequence[int], draft: Sequence[int] = ()) -> None:
        """Prefill the tail, and the first tokens of an answer that was guessed, in one batch. Then the logits
        after the last token of the tail are at hand, and those after each of the draft. Raises as `add_soft`.
        """
        after = self.ledger.with_tail(len(tokens)).with_answer(len(draft))
        self._put((*tokens, *draft), outputs=1 + len(draft))
        self.ledger = after

    def add_answer(self, tokens: Sequence[int]) -> None:
        """Append tokens of the answer in one batch; the logits after each are then at hand. Raises as
        `add_soft`.
        """
        after = self.ledger.with_answer(len(tokens))
        self._put(tokens, outputs=len(tokens))
        self.ledger = after

    def drop_answer(self, n: int) -> None:
        """Drop the last `n` tokens of the answer."""
        self._drop_to(self.ledger.without_answer(n))

    def reopen(self) -> None:
        """Drop tail and answer, so that more soft tokens can follow."""
        self._drop_to(self.ledger.reopened())

    def rewind_soft(self, n: int) -> None:
        """Drop the last `n` soft tokens and everything after them."""
        self._drop_to(self.ledger.without_soft(n))

    @contextmanager
    def fork(self) -> Iterator[KVCache]:
        """A branch with the same past. What is added to it is gone at the end, whatever happens meanwhile."""
        branch = KVCache(
            self._context,
            sequence=self._fork_sequence,
            fork_sequence=self._fork_sequence,
            most=self._most,
        )
        branch.ledger = self.ledger
        self._context.fork(self._sequence, self._fork_sequence)
        try:
            yield branch
        finally:
            self._context.rewind(self._fork_sequence, 0)

    def _put(self, tokens: Sequence[int], *, outputs: int) -> None:
        """Prefill tokens; the logits after the last `outputs` of them are then at hand."""
        self._check_room(len(tokens))
        n, step = len(tokens), self._context.n_batch
        last = min((n - 1) // step * step, n - outputs)
        with self._undone_on_failure():
            for at in range(0, last, step):
                piece = tokens[at : min(at + step, last)]
                self._context.decode_tokens(piece, self.ledger.end + at, sequence=self._sequence, outputs=0)
            self._context.decode_tokens(
                tokens[last:], self.ledger.end + last, sequence=self._sequence, outputs=outputs
            )

    def _check_room(self, n: int) -> None:
        if n > self.room:
            raise ContextFull(
                f"{n} more tokens do not fit: {self.ledger.end} of {self._most} positions are taken"
            )

    @contextmanager
    def _undone_on_failure(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            # llama.cpp may keep the part of a failed batch that it had processed.
            self._context.rewind(self._sequence, self.ledger.end)
            raise

    def _drop_to(self, ledger: Ledger) -> None:
        self._context.rewind(self._sequence, ledger.end)
        self.ledger = ledger
