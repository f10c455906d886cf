"""What was found of an answer, and what became of it, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

SymptomCode: TypeAlias = Literal[
    "unsure", "repetition", "cut", "too-many-words", "too-few-words", "answering", "language"
]


@dataclass(frozen=True, slots=True)
class Symptom:
    """One reason to doubt an answer."""

    code: SymptomCode
    message: str
    """The same for people, as a part of a sentence: "one phrase over and over"."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """What another engine heard of the same sound, or why it heard nothing."""

    engine: str
    """Its name."""
    text: str = ""
    confidence: float | None = None
    """See `Hypothesis.confidence`."""
    probability: float | None = None
    """See `Verdict.probability`."""
    symptoms: tuple[Symptom, ...] = ()
    problem: str = ""
    """Why there are no words: one sentence. Empty where there are."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far the words of a final hypothesis can be trusted."""

    weak: bool = False
    """Whether they are doubtful: to be marked, or asked about."""
    symptoms: tuple[Symptom, ...] = ()
    """Why; also what was outweighed by another engine's hearing the same."""
    probability: float | None = None
    """That every word is right, as such answers of this model were measured; None where nobody measured."""
    weak_words: tuple[str, ...] = ()
    """The words that are doubtful one by one, in their order."""
    engine: str = ""
    """Who heard the words; empty where nobody else was asked."""
    others: tuple[Alternative, ...] = ()
    """What others heard of the same sound, whose words were not taken."""
    why: str = ""
    """Why these words and not the others': one sentence. Empty where nobody else was asked."""

    @property
    def sentence(self) -> str:
        """What is to be told to the speaker; empty where there is nothing."""
        if not self.weak:
            return ""
        if self.weak_words:
            words = ", ".join(f"“{word}”" for word in self.weak_words[:MOST_WORDS])
            more = " and others" if len(self.weak_words) > MOST_WORDS else ""
            return f"Perhaps misheard: {words}{more}."
        found = "; ".join(symptom.message for symptom in self.symptoms)
        return f"Perhaps misheard: {found}." if found else "Perhaps misheard."


MOST_WORDS = 4
"""Doubtful words that are told one by one."""


def joined(verdicts: tuple[Verdict | None, ...]) -> Verdict | None:
    """Of the parts of one utterance, in their order: it is as good as the worst of them."""
    known = [verdict for verdict in verdicts if verdict is not None]
    if len(known) < len(verdicts) or not known:
        return None
    if len(known) == 1:
        return known[0]
    symptoms = dict.fromkeys(symptom for verdict in known for symptom in verdict.symptoms)
    probability: float | None = 1.0
    for verdict in known:
        both_known = probability is not None and verdict.probability is not None
        probability = probability * verdict.probability if both_known else None  # type: ignore[operator]
    return Verdict(
        weak=any(verdict.weak for verdict in known),
        symptoms=tuple(symptoms),
        probability=probability,
        weak_words=tuple(word for verdict in known for word in verdict.weak_words),
        engine=", ".join(dict.fromkeys(verdict.engine for verdict in known if verdict.engine)),
        others=tuple(other for verdict in known for other in verdict.others),
        why=" ".join(dict.fromkeys(verdict.why for verdict in known if verdict.why)),
    )
