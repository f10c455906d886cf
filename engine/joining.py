"""Put the utterances of one monologue together again.

Each is transcribed on its own, so each begins with a capital and ends with a mark, also where it was only cut
because it grew long. Words are never changed, added or dropped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce

from engine.events import Hypothesis
from engine.judging.verdict import joined

LINKS = frozenset({"and", "or", "but", "nor", "because", "than"})
PLACES = frozenset({"of", "to", "in", "on", "at", "for", "with", "from", "by", "into", "onto"})
FORMS_OF_BE = frozenset({"is", "are", "was", "were", "be", "been", "has", "had"})
ARTICLES = frozenset({"a", "an", "the", "my", "your", "his", "her", "its", "our", "their", "very"})

CONTINUES = LINKS | PLACES | FORMS_OF_BE
"""English words that hardly ever begin a sentence."""

UNFINISHED = CONTINUES | ARTICLES
"""English words that hardly ever end one."""


def join(finals: Iterable[Hypothesis]) -> str:
    """The text of final hypotheses in order, with the marks and capitals of mere cuts taken back.

    A cut is where an utterance begins at the sample at which the one before ended.
    """
    text, end = "", None
    for final in finals:
        if final.text:
            text = join_text(text, final.text, is_cut=final.start_sample == end)
        end = final.end_sample
    return text


def as_one(finals: Sequence[Hypothesis]) -> Hypothesis:
    """Final hypotheses in order as one, for an utterance that was only cut because it grew long.

    Whatever pause lies between two of them, the speaker was not done. At least one is needed.
    """
    first, last = finals[0], finals[-1]
    if len(finals) == 1:
        return first
    sure = [(final.confidence, len(final.tokens)) for final in finals if final.confidence is not None]
    tokens = sum(count for _, count in sure)
    timings = [final.timing for final in finals]
    return replace(
        first,
        text=reduce(lambda text, final: join_text(text, final.text, is_cut=True), finals, ""),
        tokens=tuple(token for final in finals for token in final.tokens),
        confidence=sum(mean * count for mean, count in sure) / tokens if tokens else None,
        end_sample=last.end_sample,
        stop=next((final.stop for final in finals if final.stop != "eos"), "eos"),
        word_log_probs=_scores(finals),
        verdict=joined(tuple(final.verdict for final in finals)),
        timing=replace(
            last.timing,
            prefill_s=sum(timing.prefill_s for timing in timings),
            decode_s=sum(timing.decode_s for timing in timings),
            audio_s=sum(timing.audio_s for timing in timings),
            steps=sum(timing.steps for timing in timings),
            drafted=sum(timing.drafted for timing in timings),
            accepted=sum(timing.accepted for timing in timings),
        ),
    )


def _scores(finals: Sequence[Hypothesis]) -> tuple[float, ...]:
    """Of every word, where all are known: joining neither adds nor drops a word."""
    if any(len(final.word_log_probs) != len(final.text.split()) for final in finals):
        return ()
    return tuple(score for final in finals for score in final.word_log_probs)


def join_text(before: str, after: str, *, is_cut: bool) -> str:
    """Two texts with one blank between them; at a cut, an evidently running sentence is made one again."""
    if not before or not after:
        return before or after
    if is_cut and before.endswith(".") and not before.endswith(".."):
        last = before[:-1].rsplit(None, 1)[-1].lower()
        first, blank, rest = after.partition(" ")
        if last in UNFINISHED or first.lower().rstrip(",") in CONTINUES:
            before = before[:-1]
            if first.lower().rstrip(",") in UNFINISHED:
                after = first.lower() + blank + rest
    return f"{before} {after}"
