"""What happens, as events of the control protocol (docs/control.md)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.events import Hypothesis
    from voice_edit.editing import Outcome
    from voice_edit.errors import VoiceEditError
    from voice_edit.pipeline import Heard
    from voice_edit.rewriting.rewriter import Writing
    from voice_edit.targets.base import JournaledTarget
    from voice_edit.undo import Reverted

Event = dict[str, Any]

SILENT_REASONS = frozenset({"audio-silent", "audio-too-quiet", "audio-empty", "no-speech", "unsure"})
"""Rejections that may be the microphone's fault and not the speaker's."""

MOST_TEXT = 100_000
"""Longer documents are not sent along with an outcome; their changes are."""


def event(name: str, /, **more: Any) -> Event:
    """An event with its time, seconds of the monotonic clock."""
    return {"event": name, "at_s": time.monotonic(), **more}


def since_ms(began_s: float | None, now_s: float) -> float | None:
    """Milliseconds from one moment of the monotonic clock to another; 0 for what was there before."""
    return None if began_s is None else round(max(0.0, now_s - began_s) * 1000, 1)


def heard(what: Heard) -> Event:
    """What the engine heard, short of final words."""
    from engine.events import Hypothesis, Level, SpeechStarted, SpeechStopped

    match what:
        case Level():
            return event(
                "level",
                rms_dbfs=round(what.rms_dbfs, 1),
                peak=round(what.peak, 3),
                is_speech=what.is_speech,
                sample=what.sample,
                behind_ms=round(what.behind_ms, 1),
            )
        case SpeechStarted():
            return event("speech", speaking=True, sample=what.start_sample)
        case SpeechStopped():
            return event("speech", speaking=False, sample=what.end_sample)
        case Hypothesis():
            return event("partial", text=what.text, stable=what.stable)
    raise AssertionError(f"{type(what).__name__} has an event of its own")


def writing(what: Writing) -> Event:
    """New text as it appears."""
    old = what.old if len(what.old) <= MOST_TEXT else None
    return event(
        "writing",
        text=what.text,
        old=old,
        start=what.start,
        style=what.style,
        by=what.by,
        saw=what.saw,
        over=what.is_over,
    )


def words(heard: Hypothesis) -> Event:
    """What was said, before anything is made of it."""
    verdict = heard.verdict
    return event(
        "words",
        text=heard.text,
        confidence=heard.confidence,
        probability=None if verdict is None else verdict.probability,
        weak=verdict is not None and verdict.weak,
        weak_words=[] if verdict is None or not verdict.weak else list(verdict.weak_words),
        heard_by=verdict.engine or None if verdict is not None else None,
    )


def timing(
    heard: Hypothesis,
    *,
    began_s: float | None,
    endpoint_s: float | None = None,
    words_s: float | None = None,
    release_ms: float | None = None,
    parts: int = 1,
) -> dict[str, Any]:
    """Where the time went, in milliseconds, told just after the target was read back.

    The first ones count from `began_s`: the key was released, or the speech ended. `endpoint_s`: when the
    last stretch was known to be over; words are waited for from the later of both on, until they came
    (`words_s`; else when the engine had them). `release_ms`: how long was listened on after the key came up,
    which says nothing where all had been said before.
    """
    times = heard.timing
    known_s = max((moment for moment in (began_s, endpoint_s) if moment is not None), default=None)
    over_before = began_s is not None and endpoint_s is not None and endpoint_s < began_s
    return {
        "release_ms": None if over_before else release_ms,
        "endpoint_ms": None if endpoint_s is None else since_ms(began_s, endpoint_s),
        "first_token_ms": since_ms(began_s, times.first_token_s),
        "final_ms": since_ms(began_s, times.final_s),
        "wait_ms": since_ms(known_s, times.final_s if words_s is None else words_s),
        "applied_ms": since_ms(began_s, time.monotonic()),
        "prefill_ms": round(1000 * times.prefill_s, 1),
        "decode_ms": round(1000 * times.decode_s, 1),
        "audio_ms": round(1000 * times.audio_s, 1),
        "steps": times.steps or None,
        "drafted": times.drafted if times.steps else None,
        "accepted": times.accepted if times.steps else None,
        "parts": parts,
    }


def times_of(target: JournaledTarget) -> dict[str, float]:
    """What the last write cost where it is told: in fields of other programs."""
    from voice_edit.targets.field import FieldTarget
    from voice_edit.targets.field_blind import BlindFieldTarget

    times = target.times if isinstance(target, FieldTarget | BlindFieldTarget) else {}
    return {f"{name}_ms": spent for name, spent in times.items()}


def outcome(what: Outcome, *, target: JournaledTarget, timing: dict[str, Any] | None = None) -> Event:
    """What became of an utterance that was carried out."""
    if what.reverted:
        direction = what.understood.commands[0].kind
        more = {"utterance": what.utterance, "timing": timing, "target": target.name}
        return reverted(what.reverted, direction) | more
    whole = len(what.text_before) + len(what.text_after) <= MOST_TEXT
    receipt = None if what.receipt is None else {"state": what.receipt.state, "notes": list(what.notes)}
    return event(
        "outcome",
        utterance=what.utterance,
        mode=what.understood.mode,
        words=what.understood.words,
        commands=what.understood.to_data(),
        compact=what.understood.to_text(),
        changes=[
            {"start": change.start, "old": change.old, "new": change.new}
            for edit in what.edits
            for change in edit.changes
        ],
        before=what.text_before if whole else None,
        after=what.text_after if whole else None,
        receipt=receipt,
        target=target.name,
        timing=timing,
    )


def reverted(what: Sequence[Reverted], direction: str) -> Event:
    """What an undo or redo did."""
    before, after = what[0].text_before, what[-1].text_after
    whole = len(before) + len(after) <= MOST_TEXT
    return event(
        "reverted",
        direction=direction,
        utterances=[one.utterance for one in what],
        words=[one.words for one in what],
        before=before if whole else None,
        after=after if whole else None,
        receipt={"state": what[-1].receipt.state, "notes": list(what[-1].receipt.notes)},
    )


def failed(error: VoiceEditError, *, words: str) -> Event:
    """An utterance that changed nothing, though words or sound are kept."""
    return event("failed", utterance=error.utterance, words=words, error=error.to_json())


def rejected(utterance: int | None, reason: str, message: str, hint: str) -> Event:
    """A take from which nothing is inserted."""
    return event("rejected", utterance=utterance, reason=reason, message=message, hint=hint)


def notice(level: str, code: str, message: str, hint: str = "") -> Event:
    """Something the user should know."""
    return event("notice", level=level, code=code, message=message, hint=hint)


def notice_of(error: VoiceEditError) -> Event:
    """The same from an error."""
    return notice("error", error.code, str(error), error.hint)
