"""Guessed tokens, checked in one batch: who guesses, and how much.

A draft never decides anything. The model computes the logits after every guessed token at once; what agrees
with its own choice is kept, the rest is dropped, and `decode` sees to it that the words are the same as
without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class DraftSource(Protocol):
    """Somebody who guesses how an answer goes on."""

    def propose(self, answer: Sequence[int], most: int) -> Sequence[int]:
        """At most `most` tokens that may follow `answer`, () for none.

        `answer` is all of it so far; its newest token is not in the cache yet.
        """
        ...

    def verified(self, row: int, proposed: int, kept: int) -> None:
        """A batch was computed in which `kept` of `proposed` tokens of this source agreed with the model.

        `row`: the row of that batch's outputs whose logits decided the newest token of the answer. Called
        also where this source had proposed nothing.
        """
        ...


TRY = 4
"""Tokens of an old answer that are proposed at first where those of an older one were not worth proposing."""


class LastAnswer:
    """An earlier answer to less of the same sound: most of it is still true.

    What follows a token that was different now is found again behind the words that are the same. At first
    all of it is proposed; the more often that was wrong, the less: a batch costs more with every token in it.
    """

    def __init__(self, tokens: Sequence[int], *, most: int | None = None) -> None:
        """`most`: tokens proposed at first; None is all of them, 0 none at all. See `worth`."""
        self._tokens = tuple(tokens)
        self._is_asked = most != 0
        self._most = max(1, len(self._tokens) if most is None else most)
        """How many tokens are worth proposing now."""
        self._proposed = self._kept = 0

    def propose(self, answer: Sequence[int], most: int) -> Sequence[int]:
        """See `DraftSource`."""
        if not self._is_asked:
            return ()
        n = len(answer)
        at = n if tuple(answer) == self._tokens[:n] else self._again(answer)
        return () if at < 0 else self._tokens[at : at + min(most, self._most)]

    def verified(self, row: int, proposed: int, kept: int) -> None:
        """See `DraftSource`."""
        if not proposed:
            return
        self._proposed += proposed
        self._kept += kept
        if kept == proposed:
            self._most = max(self._most, 2 * proposed)
        else:
            self._most = max(1, min(self._most // 2, 2 * kept))

    @property
    def worth(self) -> int | None:
        """`most` for the answer after the one that this was a draft of: all where at least half of what was
        proposed was right, none for once where nothing was.

        In sound that a model is lost in, each answer is another one, and drafts would only cost.
        """
        if not self._proposed:
            return None if self._is_asked else TRY
        return None if 2 * self._kept >= self._proposed else 2 * self._kept

    def _again(self, answer: Sequence[int]) -> int:
        """Position in the old answer behind the last two tokens of the new one, the nearest; -1 if none."""
        if len(answer) < 2:
            return -1
        pair = tuple(answer[-2:])
        found = [i + 2 for i in range(len(self._tokens) - 1) if self._tokens[i : i + 2] == pair]
        return min(found, key=lambda at: abs(at - len(answer)), default=-1)
