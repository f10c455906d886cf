"""From a model's own probabilities to how often such words were right. Pure.

A model that hears is surer of itself than it should be, and each in its own way, so what its numbers mean is
measured (`python -m benchmarks.calibration`) and kept in its profile. The curve is a logistic one over the
logarithm of the doubt, the negative log-probability: two numbers, monotonic, and close to what was counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_DOUBT = 1e-7
"""Negative log-probability below which nothing is told apart."""

Curve = tuple[float, float]
"""Offset and slope over ln(doubt): probability = 1 / (1 + exp(-(offset + slope * ln(doubt))))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was measured of one model. In `profiles.toml`: `[profile.NAME.calibration]`."""

    dictation: Curve
    """That all words are right, by the doubt of all of them together."""
    command: Curve
    """That words which are a spoken command mean the one that was said, by the same."""
    word: Curve
    """That a word is right, by its own doubt, in an utterance that is doubtful."""
    weak_dictation: float
    """Dictation is doubtful below this probability that all words are right."""
    weak_edit: float
    """The same for spoken commands, of which only the meaning must be right."""
    weak_word: float
    """A word is doubtful below this probability."""
    dictation_precision: float
    """Of dictation that is called doubtful, how much was wrong, where this was measured."""
    dictation_recall: float
    """Of dictation that was wrong, how much is called doubtful."""
    edit_precision: float
    """The same for commands."""
    edit_recall: float
    word_precision: float
    """The same for words."""
    word_recall: float

    def doubtful(self, word_log_probs: Sequence[float]) -> tuple[int, ...]:
        """Which of the words are doubtful by themselves, by their index."""
        chances = [at(self.word, -log_prob) for log_prob in word_log_probs]
        return tuple(index for index, chance in enumerate(chances) if chance < self.weak_word)


def at(curve: Curve, doubt: float) -> float:
    """The probability that belongs to a doubt >= 0; none to one that is no number."""
    if math.isnan(doubt):
        return 0.0
    offset, slope = curve
    z = offset + slope * math.log(max(doubt, LEAST_DOUBT))
    return 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, z))))
