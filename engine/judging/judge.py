"""A verdict on one answer: what the model's doubt means, and what the words look like. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from engine.frames import samples_to_s
from engine.judging import symptoms as look
from engine.judging.calibration import at
from engine.judging.verdict import Symptom, Verdict

if TYPE_CHECKING:
    from engine.catalog import PromptProfile
    from engine.events import Hypothesis

Purpose: TypeAlias = Literal["dictation", "command"]
"""What the words are for: written down as they are, or understood."""


def judge(
    heard: Hypothesis,
    profile: PromptProfile,
    *,
    purpose: Purpose,
    below: float | None = None,
    speech_s: float | None = None,
    engine: str = "",
) -> Verdict:
    """How far the words of a final hypothesis can be trusted.

    `below`: the probability under which they are doubtful; None is what was measured for this model.
    `speech_s`: seconds of the utterance that are speech, where that is known.
    """
    seconds = samples_to_s(heard.end_sample - heard.start_sample)
    spoken = speech_s if speech_s is not None else 0.0
    found = [
        look.repeated(heard.text, heard.stop),
        look.cut_short(heard.stop),
        look.too_many(heard.text, seconds),
        look.too_few(heard.text, spoken),
        look.answers(heard.text, profile.instruction),
        look.in_another_language(heard.text, profile.language),
    ]
    symptoms = [symptom for symptom in found if symptom is not None]
    probability: float | None = None
    weak_words: tuple[str, ...] = ()
    calibration = profile.calibration
    if calibration is not None and heard.word_log_probs:
        is_dictation = purpose == "dictation"
        curve = calibration.dictation if is_dictation else calibration.command
        probability = at(curve, -sum(heard.word_log_probs))
        if below is None:
            below = calibration.weak_dictation if is_dictation else calibration.weak_edit
        if probability < below:
            symptoms.insert(0, Symptom("unsure", f"the model is {probability:.0%} sure of the words"))
            words = heard.text.split()
            weak_words = tuple(bare(words[index]) for index in calibration.doubtful(heard.word_log_probs))
    return Verdict(
        weak=bool(symptoms),
        symptoms=tuple(symptoms),
        probability=probability,
        weak_words=weak_words,
        engine=engine,
    )


def judged(heard: Hypothesis, verdict: Verdict) -> Hypothesis:
    """The hypothesis with its verdict."""
    return replace(heard, verdict=verdict)


def bare(word: str) -> str:
    """A word without the marks around it; marks alone stay as they are."""
    return word.strip(".,;:!?\"'“”‘’()[]") or word  # noqa: RUF001
