"""The engine's main street: source -> windows -> voice -> endpointing -> frames -> model -> words.

Everything happens in the thread that iterates. While somebody speaks, each frame is handed to the model as
soon as it is there; when they stop, only the last block, the tail and the answer are left to compute. What
is fed of an utterance does not depend on how it was chunked or on how long silence was waited for: its
samples up to the last speech, then a tail of fixed length.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from engine.agreement import LocalAgreement
from engine.catalog import PromptProfile
from engine.endpointing import Endpointing, EndpointingSettings, rejection
from engine.errors import AudioEmpty, AudioError, ContextFull, NoSpeech, WordsUnsure
from engine.events import Hypothesis, Level, Rejected, Samples, SpeechStarted, SpeechStopped
from engine.frames import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    WINDOW_SAMPLES,
    WindowGrid,
    frames_in,
    ms_to_samples,
    samples_to_s,
)
from engine.loudness import Loudness, check_loudness
from engine.ring import SampleRing
from engine.source import AudioSource
from engine.speech import SpeechEngine, SpeechSession
from engine.vad import SILENCE_DBFS, SpeechDetector, WebRtcDetector, level_dbfs

Heard: TypeAlias = Level | SpeechStarted | SpeechStopped | Hypothesis | Rejected

LEVEL_WINDOWS = 4
"""Windows in one `Level`: 80 ms, 12.5 a second."""

REAL_TIME_LEAD_S = 0.2
"""A source whose sound is further ahead of the clock than this does not run in real time."""


def settings_for(profile: PromptProfile) -> EndpointingSettings:
    """Endpointing as a model wants it: how long it can hear at once, and how much tail."""
    return EndpointingSettings(limit_ms=profile.max_utterance_ms, tail_ms=profile.tail_ms)


def listen(
    source: AudioSource,
    engine: SpeechEngine,
    *,
    settings: EndpointingSettings | None = None,
    detector: SpeechDetector | None = None,
    partial_every_ms: int | None = None,
    recorder: Callable[[Samples], None] | None = None,
    terms: Callable[[], Sequence[str]] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Heard]:
    """Hear a source out: yield levels, and for each utterance its start, partials, stop, and then either
    its final hypothesis or why there is none. A source in which nobody speaks ends with one `Rejected`.

    `recorder` gets every chunk before anything else may fail. `partial_every_ms`: how much new sound between
    two partials; None for none. `terms` is asked at the start of each utterance for names that may be said,
    and must not take long. `clock` gives seconds that only grow. Raises what the source raises, ContextFull
    where `limit_ms` does not fit the engine, DecodeFailed, Cancelled.
    """
    settings = settings or settings_for(engine.profile)
    longest = frames_in(ms_to_samples(settings.limit_ms))
    if longest > engine.max_frames:
        raise ContextFull(
            f"utterances of {settings.limit_ms} ms need {longest} positions, {engine.max_frames} are free",
            hint="Choose a smaller limit_ms or open the engine with a larger context.",
        )
    ear = _Ear(engine, settings, detector or WebRtcDetector(), partial_every_ms, clock, terms)
    windows = WindowGrid()
    samples = 0
    try:
        for chunk in source.chunks():
            if recorder is not None:
                recorder(chunk.samples)
            samples += len(chunk.samples)
            for window in windows.push(chunk.samples):
                yield from ear.hear(window)
        for window in windows.flush():
            yield from ear.hear(window)
        yield from ear.finish(samples)
    finally:
        ear.close()


class _Ear:
    """What is remembered from window to window."""

    def __init__(
        self,
        engine: SpeechEngine,
        settings: EndpointingSettings,
        detector: SpeechDetector,
        partial_every_ms: int | None,
        clock: Callable[[], float],
        terms: Callable[[], Sequence[str]] | None,
    ) -> None:
        self._engine = engine
        self._terms = terms or tuple
        self._settings = settings
        self._detector = detector
        self._clock = clock
        self._endpointing = Endpointing(settings)
        self._tail = ms_to_samples(settings.tail_ms)
        self._ring = SampleRing(settings.history_samples + self._tail + SAMPLE_RATE)
        self._meter = _Meter()
        self._partial_samples = None if partial_every_ms is None else ms_to_samples(partial_every_ms)
        self._utterance: _Utterance | None = None
        self._began_s: float | None = None
        self._speech_end = 0
        """Sample after the newest window that the detector called speech."""
        self._speech_end_s: float | None = None
        """When that window came; None where the source is ahead of the clock."""
        self._utterances = 0

    def hear(self, window: Samples) -> Iterator[Heard]:
        """Take the next window of 320 samples."""
        self._ring.push(window)
        is_speech = self._detector.is_speech(window)
        dbfs = level_dbfs(window)
        now_s = self._clock()
        if self._began_s is None:
            self._began_s = now_s - samples_to_s(len(window))
        if is_speech:
            self._speech_end = self._ring.end
            lead_s = samples_to_s(self._ring.end) - (now_s - self._began_s)
            self._speech_end_s = now_s if lead_s <= REAL_TIME_LEAD_S else None
        level = self._meter.read(self._ring, is_speech)
        if level is not None:
            yield level
        for event in self._endpointing.push(is_speech, dbfs):
            yield from self._turn(event)
        if self._utterance is not None:
            yield from self._utterance.feed(self._speech_end)

    def finish(self, samples: int) -> Iterator[Heard]:
        """The source has ended after `samples` samples."""
        for event in self._endpointing.finish():
            yield from self._turn(event)
        if not self._utterances:
            yield _rejected(self._meter.verdict(self._ring, samples), 0, samples)

    def close(self) -> None:
        """Nobody listens any more: an utterance that is open is given up."""
        if self._utterance is not None:
            self._utterance.session.cancel()

    def _turn(self, event: SpeechStarted | SpeechStopped) -> Iterator[Heard]:
        if isinstance(event, SpeechStarted):
            self._utterances += 1
            session = self._engine.session(start_sample=event.start_sample, terms=self._terms())
            self._utterance = _Utterance(
                session, event.start_sample, self._ring, self._tail, self._partial_samples
            )
            yield event
            return
        utterance, self._utterance = self._utterance, None
        assert utterance is not None, "endpointing stopped what it had not started"
        yield event
        nobody: AudioError | None = rejection(event, self._settings)
        if nobody is None:
            utterance.close(event)
            hypothesis = utterance.session.finish(
                end_of_speech_s=self._speech_end_s, end_sample=event.end_sample
            )
            nobody = _doubt(hypothesis, self._engine.profile)
            if nobody is None:
                yield hypothesis
                return
        else:
            utterance.session.cancel()
        yield _rejected(nobody, utterance.start, event.end_sample)


class _Utterance:
    """Brings the sound of one utterance to its session, frame by frame."""

    def __init__(
        self, session: SpeechSession, start: int, ring: SampleRing, tail: int, partial_samples: int | None
    ) -> None:
        self.session = session
        self.start = start
        self._ring = ring
        self._tail = tail
        self._partial_samples = partial_samples
        self._partial_at = start
        self._agreement = LocalAgreement()

    def feed(self, speech_end: int) -> Iterator[Hypothesis]:
        """Push the frames that are whole and not beyond the tail of the newest speech; perhaps a partial."""
        session = self.session
        end = min(self._ring.end, speech_end + self._tail)
        fed = self.start + session.frames_pushed * FRAME_SAMPLES
        frames = (end - fed) // FRAME_SAMPLES
        if frames > 0:
            sound = self._ring.read(fed, fed + frames * FRAME_SAMPLES)
            session.push(sound.reshape(-1, FRAME_SAMPLES))
        if self._partial_samples is not None and end - self._partial_at >= self._partial_samples:
            partial = session.partial()
            if partial is not None:
                self._partial_at = end
                self._agreement = self._agreement.after(partial.text)
                yield replace(partial, stable=self._agreement.stable)

    def close(self, stopped: SpeechStopped) -> None:
        """Make what was fed exactly this: sound up to the last speech, tail, zeros to the end of the frame.

        The tail is real sound as far as it was silence that was waited for, and zeros after that. Frames that
        were fed beyond (a cut lies in the past) are rewound.
        """
        session = self.session
        real_end = stopped.end_sample + min(stopped.hangover_samples, self._tail)
        total = frames_in(stopped.end_sample + self._tail - self.start)
        whole = (real_end - self.start) // FRAME_SAMPLES
        session.rewind(max(0, session.frames_pushed - whole))
        fed = self.start + session.frames_pushed * FRAME_SAMPLES
        rest = np.zeros((total - session.frames_pushed) * FRAME_SAMPLES, dtype=np.float32)
        rest[: real_end - fed] = self._ring.read(fed, real_end)
        session.push(rest.reshape(-1, FRAME_SAMPLES))


class _Meter:
    """Levels for people, and the numbers that tell silent, quiet and wordless sources apart."""

    def __init__(self) -> None:
        self._measured = 0
        self._lowest = np.inf
        self._highest = -np.inf
        self._loudest_power = 0.0

    def read(self, ring: SampleRing, is_speech: bool) -> Level | None:
        """Measure what came since the last level, if it is enough for the next one."""
        if ring.end - self._measured < LEVEL_WINDOWS * WINDOW_SAMPLES:
            return None
        power, peak = self._measure(ring)
        dbfs = max(SILENCE_DBFS, 10.0 * math.log10(power)) if power > 0 else SILENCE_DBFS
        return Level(rms_dbfs=dbfs, peak=min(1.0, peak), is_speech=is_speech, sample=ring.end)

    def verdict(self, ring: SampleRing, samples: int) -> AudioError:
        """Why nothing was heard in a source of `samples` samples, of which `ring` holds the newest."""
        if not samples:
            return AudioEmpty("the source gave no samples")
        if ring.end > self._measured:
            self._measure(ring)
        seconds = samples_to_s(samples)
        swing = (self._highest - self._lowest) / 2
        try:
            check_loudness(Loudness(seconds, swing, self._loudest_power), "the source")
        except AudioError as error:
            return error
        return NoSpeech(f"nobody speaks in these {seconds:.1f} s")

    def _measure(self, ring: SampleRing) -> tuple[float, float]:
        """Mean square and peak of the samples since the last measurement."""
        sound = ring.read(self._measured, ring.end)
        self._measured = ring.end
        low, high = float(sound.min()), float(sound.max())
        self._lowest, self._highest = min(self._lowest, low), max(self._highest, high)
        loudest = float(sound.reshape(-1, WINDOW_SAMPLES).var(axis=1).max())
        self._loudest_power = max(self._loudest_power, loudest)
        return float(np.dot(sound, sound)) / len(sound), max(high, -low)


def _doubt(hypothesis: Hypothesis, profile: PromptProfile) -> NoSpeech | None:
    """Why the words of an utterance cannot be trusted, or None."""
    if not hypothesis.text or hypothesis.confidence is None:
        return NoSpeech("sound like a voice, but no words in it")
    if hypothesis.confidence < profile.min_confidence:
        return WordsUnsure(f"no words that the model is sure of (confidence {hypothesis.confidence:.1f})")
    return None


def _rejected(error: AudioError, start: int, end: int) -> Rejected:
    return Rejected(
        reason=error.code, message=str(error), hint=error.hint, start_sample=start, end_sample=end
    )
