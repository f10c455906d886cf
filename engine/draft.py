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


class LastAnswer:
    """An earlier answer to less of the same sound: most of it is still true.

    What follows a token that was different now is found again behind the words that are the same. At first
    all of it is proposed; the more often that was wrong, the less: a batch costs more with every token in it.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = tuple(tokens)
        self._most = max(1, len(self._tokens))
        """How many tokens are worth proposing."""

    def propose(self, answer: Sequence[int], most: int) -> Sequence[int]:
        """See `DraftSource`."""
        n = len(answer)
        at = n if tuple(answer) == self._tokens[:n] else self._again(answer)
        return () if at < 0 else self._tokens[at : at + min(most, self._most)]

    def verified(self, row: int, proposed: int, kept: int) -> None:
        """See `DraftSource`."""
        if not proposed:
            return
        if kept == proposed:
            self._most = max(self._most, 2 * proposed)
        else:
            self._most = max(1, min(self._most // 2, 2 * kept))

    def _again(self, answer: Sequence[int]) -> int:
        """Position in the old answer behind the last two tokens of the new one, the nearest; -1 if none."""
        if len(answer) < 2:
            return -1
        pair = tuple(answer[-2:])
        found = [i + 2 for i in range(len(self._tokens) - 1) if self._tokens[i : i + 2] == pair]
        return min(found, key=lambda at: abs(at - len(answer)), default=-1)
