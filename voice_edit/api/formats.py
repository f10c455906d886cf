"""Words of a recording in the forms that OpenAI's interface knows. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.frames import SAMPLE_RATE
from voice_edit.api.schemas import Duration, Segment, Transcription, VerboseTranscription

if TYPE_CHECKING:
    from engine.events import Hypothesis
    from voice_edit.api.hearing import Words


def plain(words: Words) -> Transcription:
    """`json`."""
    return Transcription(text=words.text, usage=Duration(seconds=words.duration_s))


def verbose(words: Words, language: str) -> VerboseTranscription:
    """`verbose_json`."""
    return VerboseTranscription(
        language=language,
        duration=words.duration_s,
        text=words.text,
        segments=[_segment(number, heard) for number, heard in enumerate(words.utterances)],
        rejected=words.rejected,
        usage=Duration(seconds=words.duration_s),
    )


def srt(utterances: Sequence[Hypothesis]) -> str:
    """SubRip: numbered, times with a comma."""
    cues = (
        f"{number}\n{_times(heard, ',')}\n{_in_a_cue(heard.text)}\n\n"
        for number, heard in enumerate(utterances, start=1)
    )
    return "".join(cues)


def vtt(utterances: Sequence[Hypothesis]) -> str:
    """WebVTT: times with a point, and its three special characters escaped."""
    cues = (f"{_times(heard, '.')}\n{_escaped(_in_a_cue(heard.text))}\n\n" for heard in utterances)
    return "WEBVTT\n\n" + "".join(cues)


def clock(sample: int, point: str) -> str:
    """A position as hours:minutes:seconds and milliseconds behind `point`."""
    ms = round(sample * 1000 / SAMPLE_RATE)
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"


def _times(heard: Hypothesis, point: str) -> str:
    return f"{clock(heard.start_sample, point)} --> {clock(heard.end_sample, point)}"


def _in_a_cue(text: str) -> str:
    # An empty line ends a cue, and an arrow begins one.
    return " ".join(text.replace("-->", "→").split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _segment(number: int, heard: Hypothesis) -> Segment:
    text = heard.text.encode()
    return Segment(
        id=number,
        seek=heard.start_sample * 100 // SAMPLE_RATE,
        start=round(heard.start_sample / SAMPLE_RATE, 3),
        end=round(heard.end_sample / SAMPLE_RATE, 3),
        text=heard.text,
        tokens=list(heard.tokens),
        avg_logprob=heard.confidence,
        compression_ratio=round(len(text) / len(zlib.compress(text)), 4),
    )
