"""Two engines heard the same sound: whose words are taken, and why. Pure.

Engines come in tiers: the bundled model, a model on this machine, a server. One of a higher tier is believed
unless its words look like no speech at all; one of a lower tier is believed only where those of the higher
one do, because a small model is sure of much that is wrong in a voice that it does not know. Where both heard
the same words, these are right, whatever either thought of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.judging.verdict import Alternative, Symptom, Verdict

if TYPE_CHECKING:
    from engine.events import Hypothesis


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What one engine made of the sound."""

    engine: str
    """Its name."""
    tier: int
    """0 the bundled model, 1 another one on this machine, 2 a server."""
    heard: Hypothesis | None = None
    """Its words with their verdict; None where it has none that could be used."""
    text: str = ""
    """Words that it was not sure enough of to be used, for the record."""
    confidence: float | None = None
    """Of those."""
    problem: str = ""
    """Why it has none: one sentence."""

    @property
    def verdict(self) -> Verdict:
        """Of its words."""
        found = None if self.heard is None else self.heard.verdict
        return Verdict() if found is None else found

    @property
    def hard(self) -> tuple[Symptom, ...]:
        """What speaks against its words besides its own doubt."""
        return tuple(symptom for symptom in self.verdict.symptoms if symptom.code != "unsure")

    def as_other(self) -> Alternative:
        """The same for the record, where its words are not taken."""
        if self.heard is None:
            return Alternative(self.engine, self.text, self.confidence, problem=self.problem)
        verdict = self.verdict
        return Alternative(
            self.engine,
            self.heard.text,
            self.heard.confidence,
            verdict.probability,
            verdict.symptoms,
            self.problem,
        )


def same_words(one: str, other: str) -> bool:
    """Whether both say the same, capitals and marks aside."""
    return _plain(one) == _plain(other)


def choose(first: Candidate, second: Candidate) -> tuple[Candidate | None, Verdict]:
    """Whose words are taken, None where nobody's can be, and the verdict on them.

    `first` is who heard it first: whoever is not better does not replace it.
    """
    taken, why, is_agreed = _decide(first, second)
    other = second if taken is not second else first
    verdict = Verdict() if taken is None else taken.verdict
    if is_agreed and not _without_doubt(verdict).symptoms:
        verdict = replace(verdict, weak=False, weak_words=())
    others = (first.as_other(), second.as_other()) if taken is None else (other.as_other(),)
    engine = "" if taken is None else taken.engine
    return taken, replace(verdict, engine=engine, others=others, why=why)


def _decide(first: Candidate, second: Candidate) -> tuple[Candidate | None, str, bool]:
    """Whose words, why, and whether both heard the same."""
    if second.heard is None:
        reason = second.problem or "It heard no words."
        return (first if first.heard is not None else None), f"{second.engine}: {reason}", False
    if first.heard is None:
        if second.tier < first.tier:
            return None, f"{second.engine} is the smaller model, and {first.engine} heard no words.", False
        return second, f"{first.engine} heard no words that it was sure of.", False
    if same_words(first.heard.text, second.heard.text):
        return first, f"{second.engine} heard the same words.", True
    if not second.verdict.weak and second.tier >= first.tier:
        why = f"Nothing speaks against what {second.engine} heard, {first.engine} is not sure."
        return second, why, False
    if len(first.hard) != len(second.hard):
        better, worse = (first, second) if len(first.hard) < len(second.hard) else (second, first)
        return better, f"Of what {worse.engine} heard: {worse.hard[0].message}.", False
    if second.tier > first.tier:
        return second, f"Neither is sure; {second.engine} hears better in general.", False
    if second.tier < first.tier:
        return first, f"{first.engine} hears better in general than {second.engine}.", False
    chances = first.verdict.probability, second.verdict.probability
    if chances[0] is not None and chances[1] is not None and chances[1] > chances[0]:
        return second, f"Neither is sure, {second.engine} less unsure.", False
    return first, f"{second.engine} is no surer of its words.", False


def _without_doubt(verdict: Verdict) -> Verdict:
    return replace(verdict, symptoms=tuple(s for s in verdict.symptoms if s.code != "unsure"))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower().replace("’", "'")))  # noqa: RUF001
