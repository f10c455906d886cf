"""What is done with doubtful words: marked, asked about, or taken like any others, as the settings say.

Nothing is ever lost by it: an edit that is not done is kept with its words and its sound, and can be carried
out by its number.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from voice_edit.errors import NotConfirmed

if TYPE_CHECKING:
    from engine.judging.verdict import Verdict
    from voice_edit.config import WeakSettings
    from voice_edit.landing import Plan
    from voice_edit.questions import Asker


def for_journal(verdict: Verdict | None) -> dict[str, Any] | None:
    """What was found, and what others heard, as JSON data."""
    return None if verdict is None else asdict(verdict)


def note(verdict: Verdict | None, rules: WeakSettings) -> str:
    """What is told with words that were written although they are doubtful; empty where nothing is."""
    return "" if verdict is None or rules.dictation == "write" else verdict.sentence


def is_settled_by_asking(
    plan: Plan, verdict: Verdict | None, rules: WeakSettings, ask: Asker | None, *, utterance: int
) -> bool:
    """Whether the speaker was asked about doubtful words and said yes; False where nothing is to be asked.

    Raises NotConfirmed where they said no, and for an edit where nobody can be asked.
    """
    if verdict is None or not verdict.weak:
        return False
    words, somebody = plan.understood.words, ask is not None and ask.is_there()
    if plan.understood.mode == "dictate":
        if rules.dictation != "ask" or not somebody:  # it is marked: dictated words are never withheld
            return False
    elif rules.edits == "do" or plan.snapshot.text == plan.text_after:
        return False
    elif not somebody:
        raise NotConfirmed(
            f"“{words}” may not be what was said, and nobody could be asked.",
            hint=f"Nothing was changed. Say it again, or do it as it was heard: voice-edit retry {utterance} "
            "--words",
        )
    assert ask is not None
    if ask.confirm(plan.snapshot.text, plan.text_after, plan.edits, question=question(words)):
        return True
    raise NotConfirmed(f"“{words}” may not be what was said, and was not confirmed.")


def question(words: str) -> str:
    """What the speaker is asked."""
    return f"Not sure that this was said: “{words}”. Do it?"
