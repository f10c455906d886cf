"""Put the utterances of one monologue together again.

Each is transcribed on its own, so each begins with a capital and ends with a mark, also where it was only cut
because it grew long. Words are never changed, added or dropped here.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.events import Hypothesis

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
