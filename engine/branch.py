"""A sequence of the cache with the context's logits: what `decode.Answer` writes into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.kvcache import KVCache


class Outputs(Protocol):
    """What a branch needs of `llama.LlamaContext`."""

    max_outputs: int

    def logits(self, row: int = 0) -> npt.NDArray[np.float32]: ...


class Branch:
    """An answer behind `tail`; see `decode.Answering`."""

    def __init__(self, context: Outputs, cache: KVCache, tail: Sequence[int]) -> None:
        self._cache = cache
        self._tail = tail
        self._most_outputs = context.max_outputs
        self._is_open = False
        self.logits = context.logits
        self.append = cache.add_answer
        self.drop = cache.drop_answer

    def free(self) -> int:
        """Positions for the answer."""
        return self._cache.room - len(self._tail) * (not self._is_open)

    def room(self) -> int:
        """See `decode.Answering`."""
        return min(self._most_outputs, self.free()) - 1

    def open(self, draft: Sequence[int]) -> None:
        """See `decode.Answering`."""
        self._cache.add_tail(self._tail, draft)
        self._is_open = True

    def restart(self) -> None:
        """See `decode.Answering`."""
        self._cache.reopen()
        self._is_open = False
