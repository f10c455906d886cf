"""Answers that a grammar allows: the likeliest token among those, and text that it leaves no choice about.

Greedy as without a grammar: of the allowed tokens the likeliest is taken. The grammar is asked about the
likeliest of all first, and about the whole vocabulary only where none of the likelier ones is allowed. Where
only one text can follow, that text is found byte by byte and becomes the draft of one batch; the model
decides about its tokens as it would one by one, so the words are the same. The grammar itself is
llama.cpp's, see `_llama_grammar`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine import decode
from engine.errors import DecodeFailed

MARGIN = 5 * decode.CLOSE_CALL
"""Tokens this close below the one that is taken are looked at, to know its lead over the next one."""

FIRST_LOOK = 64
LOOK_GROWS = 8
"""So many of the likeliest tokens are asked about where the likeliest is refused; then 8 times as many."""

MOST_FORCED_BYTES = 256
"""Longest text that is looked for at once; what is left of a longer one is found behind it."""


class Grammar(Protocol):
    """What is needed of `_llama_grammar.LlamaGrammar`."""

    @property
    def is_whole(self) -> bool: ...
    def allowed(self, tokens: Sequence[int] | npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]: ...
    def accept(self, token: int) -> None: ...
    def clone(self) -> Grammar: ...
    def close(self) -> None: ...


class Vocabulary(Protocol):
    """What is needed of `llama.LlamaModel`."""

    @property
    def n_vocab(self) -> int: ...
    def piece(self, token: int) -> bytes: ...
    def tokenize(self, text: str) -> list[int]: ...


class Position:
    """A grammar that keeps up with an answer. Picker and draft of one answer share it."""

    def __init__(self, grammar: Grammar) -> None:
        """`grammar` at its beginning; it stays there."""
        self._beginning = grammar
        self._grammar = grammar.clone()
        self._taken: list[int] = []

    def behind(self, answer: Sequence[int]) -> Grammar:
        """The grammar behind all tokens of `answer`, which it must allow. To go further, clone it."""
        known = len(self._taken)
        if list(answer[:known]) != self._taken:
            self._grammar.close()
            self._grammar = self._beginning.clone()
            self._taken, known = [], 0
        for token in answer[known:]:
            self._grammar.accept(token)
            self._taken.append(token)
        return self._grammar


class GrammarPicker(decode.Picker):
    """Picks the likeliest token that a grammar allows behind an answer."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        suppressed: npt.NDArray[np.intp],
        is_end: Callable[[int], bool],
        position: Position,
        answer: Callable[[], Sequence[int]],
    ) -> None:
        """`is_end`: whether a token ends an answer, which it may where the text is whole. `answer`: what was
        written so far, all of it.
        """
        super().__init__(vocabulary.n_vocab, suppressed)
        self._piece = vocabulary.piece
        self._is_end = is_end
        self._position = position
        self._answer = answer

    def pick(self, logits: npt.NDArray[np.float32]) -> decode.Token:
        """See `decode.Picker.pick`. The log-probability is the model's own, without the grammar, so that it
        means the same as elsewhere; `lead` is over the next token that is allowed, at most `MARGIN`.

        Raises DecodeFailed where the grammar allows nothing that the model can write.
        """
        likeliest = super().pick(logits)
        grammar = self._position.behind(self._answer())
        top = float(logits[likeliest.id])
        best = self._likeliest_allowed(grammar, logits, top)
        height = float(logits[best])
        near = np.flatnonzero((logits > height - MARGIN) & (logits <= height))
        others = [float(logits[token]) for token in self._may_come(grammar, near) if token != best]
        return decode.Token(
            best, likeliest.log_prob + height - top, height - max(others, default=height - MARGIN)
        )

    def _likeliest_allowed(self, grammar: Grammar, logits: npt.NDArray[np.float32], top: float) -> int:
        """Of all tokens at or above a falling floor, the likeliest that may come; of equals the first."""
        floor, size = top, FIRST_LOOK
        while True:
            look = np.flatnonzero((logits >= floor) & (logits > -np.inf))
            look = look[np.argsort(-logits[look], kind="stable")]
            best = next(self._may_come(grammar, look), None)
            if best is not None:
                return best
            if floor == -np.inf:
                raise DecodeFailed(
                    "the grammar of the answer allows no token of this model",
                    hint="Choose another model: this one has no words for what it was asked for.",
                )
            rank = len(logits) - size
            floor = float(np.partition(logits, rank)[rank]) if rank > 0 else -np.inf
            size *= LOOK_GROWS

    def _may_come(self, grammar: Grammar, tokens: npt.NDArray[np.intp]) -> Iterator[int]:
        """Those of `tokens` that may come, in their order."""
        may = grammar.allowed(tokens)
        is_whole = grammar.is_whole
        for at in range(len(tokens)) if is_whole else np.flatnonzero(may).tolist():
            token = int(tokens[at])
            # llama.cpp does not know the ends that a profile adds, and takes the name of a control token for
            # text, though nothing is written by it.
            if is_whole if self._is_end(token) else may[at] and self._piece(token):
                yield token


class ByteTokens:
    """A token for each byte, as far as a vocabulary has one: with these, every text can be spelled."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        found: dict[bytes, int] = {}
        for token in range(vocabulary.n_vocab):
            piece = vocabulary.piece(token)
            if len(piece) == 1:
                found.setdefault(piece, token)
                if len(found) == 256:
                    break
        self.bytes = list(found)
        self.tokens = np.array(list(found.values()), dtype=np.intp)


def forced_text(grammar: Grammar, spelling: ByteTokens) -> str:
    """The text that must come next, up to where there is a choice, and to end is one; '' for none."""
    # The usual case costs one question: several bytes may come.
    may = np.flatnonzero(grammar.allowed(spelling.tokens))
    if len(may) != 1:
        return ""
    text, ahead = bytearray(), grammar.clone()
    try:
        while len(may) == 1 and len(text) < MOST_FORCED_BYTES:
            if ahead.is_whole:
                break
            text += spelling.bytes[may[0]]
            ahead.accept(int(spelling.tokens[may[0]]))
            may = np.flatnonzero(ahead.allowed(spelling.tokens))
    finally:
        ahead.close()
    return text.decode(errors="ignore")  # the first half of a character is no text yet


class ForcedText:
    """What a grammar forces, as a draft; see `draft.DraftSource`."""

    def __init__(self, vocabulary: Vocabulary, spelling: ByteTokens, position: Position) -> None:
        self._vocabulary = vocabulary
        self._spelling = spelling
        self._position = position

    def propose(self, answer: Sequence[int], most: int) -> Sequence[int]:
        """See `draft.DraftSource`."""
        text = forced_text(self._position.behind(answer), self._spelling)
        return self._vocabulary.tokenize(text)[:most] if text else ()

    def verified(self, row: int, proposed: int, kept: int) -> None:
        """See `draft.DraftSource`."""
