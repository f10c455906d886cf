"""The only file that imports the `wyoming` package: names and forms of the protocol's events."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # wyoming.audio imports audioop, which Python 3.12 and before still have and warn about. We convert no
    # sound with it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.error import Error
    from wyoming.event import Event, Eventable, async_write_event
    from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
    from wyoming.ping import Ping, Pong

__all__ = [
    "AsrModel",
    "AsrProgram",
    "Attribution",
    "AudioChunk",
    "AudioStart",
    "AudioStop",
    "Describe",
    "Error",
    "Event",
    "Eventable",
    "Info",
    "Ping",
    "Pong",
    "Transcribe",
    "Transcript",
    "TranscriptChunk",
    "TranscriptStart",
    "TranscriptStop",
    "async_write_event",
]
