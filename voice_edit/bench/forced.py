"""Given words instead of the model's own, so that weights without meaning can be timed.

Everything is computed as always: every batch, every row of logits, the choice of the likeliest token. Only
its outcome is replaced: the answer to all of an utterance is a fixed row of tokens, at the rate of ordinary
speech, and the answer to its beginning is the beginning of that row. The newest token of a partial answer
is a wrong one, as a word that was half heard.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.decode import Picker, Token
from engine.frames import FRAME_SAMPLES, samples_to_s
from voice_edit.bench.sounds import LEAD_MS, BenchUtterance

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from engine.draft import DraftSource

WORDS_PER_S = 3.3
"""Ordinary speech: 33 words in 10 s."""

TOKENS_PER_WORD = 1.3
"""English in Gemma's vocabulary, marks included."""


class Script:
    """The answer to one utterance, and to each beginning of it. Pure."""

    def __init__(
        self, utterance: BenchUtterance, n_vocab: int, *, forbidden: Sequence[int], end: int
    ) -> None:
        """`forbidden`: tokens that no answer holds; `end` is the token after the last."""
        rng = random.Random(f"{utterance.seconds} {utterance.take}")
        count = max(1, round(utterance.speech_s * WORDS_PER_S * TOKENS_PER_WORD))
        shut = {*forbidden, end}
        # The upper part of a vocabulary is ordinary text; special tokens stand at its beginning.
        usable = [token for token in range(n_vocab // 4, n_vocab) if token not in shut][:65_536]
        self._tokens = tuple(rng.choices(usable, k=count))
        self._wrong = tuple(rng.choices(usable, k=count))
        self._speech_s = utterance.speech_s
        self._end = end

    def answer(self, frames: int) -> tuple[int, ...]:
        """Tokens of the answer to the first `frames` frames, its end included."""
        heard_s = samples_to_s(frames * FRAME_SAMPLES) - LEAD_MS / 1000
        n = len(self._tokens)
        heard = min(n, max(0, math.floor(heard_s / self._speech_s * n)))
        if heard == n:
            return (*self._tokens, self._end)
        last = (self._wrong[heard - 1],) if heard else ()
        return (*self._tokens[: max(0, heard - 1)], *last, self._end)


class ForcedPicker(Picker):
    """Chooses like the picker it replaces, at the same cost, and then says something else."""

    def __init__(self, picker: Picker) -> None:
        super().__init__(len(picker._scratch), picker._suppressed)
        self.answer: Sequence[int] = ()
        """What is said, its end included."""
        self._at = 0

    def begin(self, answer: Sequence[int]) -> None:
        """What the next answer will be, its end included."""
        self.answer, self._at = answer, 0

    def pick(self, logits: npt.NDArray[np.float32]) -> Token:
        """See `Picker`."""
        chosen = super().pick(logits)
        token = self.answer[min(self._at, len(self.answer) - 1)]
        self._at += 1
        return Token(token, chosen.log_prob, math.inf)


def force(engine: Any) -> ForcedPicker:
    """Let an `Engine` or `BatchEngine` answer what it is told to from now on; its drafter, if it has one, is
    right as often as `ACCEPTANCE` says.
    """
    picker = ForcedPicker(engine._picker)
    engine._picker = picker
    if getattr(engine, "mtp", None) is not None:
        engine.mtp = AssumedDrafter(engine.mtp, picker)
    return picker


def end_token(model: Any) -> int:
    """A token that ends an answer."""
    return next(token for token in range(model.n_vocab) if model.is_end(token))


def script_for(engine: Any, utterance: BenchUtterance) -> Script:
    """The script of an utterance in the vocabulary of an engine that `force` was called for."""
    model, forbidden = engine.model, engine._picker._suppressed.tolist()
    return Script(utterance, model.n_vocab, forbidden=forbidden, end=end_token(model))


ACCEPTANCE = 0.54
"""Share of its guesses that a drafter is taken to have right: reported for the drafter of Gemma 4 12B on
short prose. Against given words a real guess would always be wrong."""


class AssumedDrafter:
    """An `engine.mtp.Mtp` whose guesses cost what they cost and are then replaced by given ones, of which a
    fixed share is right.
    """

    def __init__(self, drafter: Any, picker: ForcedPicker) -> None:
        self._drafter = drafter
        self._picker = picker

    def source(self, position: Callable[[], int], sequence: int) -> DraftSource:
        """See `Mtp`."""
        return _AssumedDraft(self._drafter.source(position, sequence), self._picker)

    def close(self) -> None:
        """See `Mtp`."""
        self._drafter.close()


class _AssumedDraft:
    """The guesses for one answer."""

    def __init__(self, source: DraftSource, picker: ForcedPicker) -> None:
        self._source = source
        self._picker = picker

    def propose(self, answer: Sequence[int], most: int) -> Sequence[int]:
        """See `DraftSource`."""
        given, at = self._picker.answer, len(answer)
        guessed = len(self._source.propose(answer, most))
        return [
            # The same places are right every time, so that every run has the same steps.
            token if random.Random(at + i).random() < ACCEPTANCE else given[-1]
            for i, token in enumerate(given[at : at + guessed])
        ]

    def verified(self, row: int, proposed: int, kept: int) -> None:
        """See `DraftSource`."""
        self._source.verified(row, proposed, kept)
