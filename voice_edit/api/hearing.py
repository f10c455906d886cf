"""Sound that was sent, as words: exactly those of `voice-edit transcribe`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import AudioSilent, AudioTooQuiet, Cancelled
from engine.events import Hypothesis, Rejected
from engine.frames import samples_to_s
from engine.reading_apart import Reading
from engine.source import PcmSource
from voice_edit import pipeline
from voice_edit.api.schemas import Unheard

if TYPE_CHECKING:
    from voice_edit.api.desk import Job
    from voice_edit.config import Settings

MOST_TERMS = 50


@dataclass(slots=True)
class Words:
    """What was heard in a recording."""

    duration_s: float = 0.0
    utterances: list[Hypothesis] = field(default_factory=list)
    rejected: list[Unheard] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(utterance.text for utterance in self.utterances)


def hear(
    job: Job,
    data: bytes,
    settings: Settings,
    *,
    prompt: str = "",
    on_utterance: Callable[[Hypothesis], None] | None = None,
) -> Words:
    """The words of a WAV, FLAC, OGG or MP3 file. Where nobody speaks there are none, which is no error.

    `prompt`: names that may be said, with commas in between. Raises AudioError, EngineErrors and what
    `pipeline.hear` raises, Cancelled where the job was stopped.
    """
    reading = Reading(data, longest_s=settings.api.longest_audio_s)
    job.on_stop(reading.stop)
    try:
        samples = reading.samples()
    except (AudioSilent, AudioTooQuiet) as error:
        return Words(rejected=[Unheard(reason=error.code, message=str(error), start=0.0, end=0.0)])
    source = PcmSource(samples)
    job.on_stop(source.close)
    names = terms(prompt)
    words = Words(duration_s=round(source.duration_s, 3))
    for event in pipeline.hear(source, job.engine, settings, terms=lambda: names):
        if isinstance(event, Hypothesis) and event.kind == "final":
            words.utterances.append(event)
            if on_utterance is not None:
                on_utterance(event)
        elif isinstance(event, Rejected):
            start, end = (round(samples_to_s(at), 3) for at in (event.start_sample, event.end_sample))
            words.rejected.append(Unheard(reason=event.reason, message=event.message, start=start, end=end))
    if job.is_stopped:
        raise Cancelled("nobody waits for the words any more")
    return words


def terms(prompt: str) -> tuple[str, ...]:
    """Names in a prompt, most important first: what stands between commas, semicolons and line breaks."""
    names = (" ".join(name.split()).strip(" .") for name in re.split(r"[,;\n]", prompt))
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_TERMS]
