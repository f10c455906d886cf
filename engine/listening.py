"""The engine's main street: source -> windows -> voice -> endpointing -> frames -> model -> words.

Everything happens in the thread that iterates. While somebody speaks, each frame is handed to the model as
soon as it is there, and words so far are computed; when they pause, the final words are, before it is sure
that this was all (see `ahead`). What is fed of an utterance does not depend on that, nor on how it was
chunked or how long silence was waited for: its samples up to the last speech, then a tail of fixed length
(`feeding`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from engine.agreement import LocalAgreement
from engine.ahead import MOST_BEHIND_S, Partials
from engine.catalog import PromptProfile
from engine.endpointing import Endpointing, EndpointingSettings, rejection
from engine.errors import AudioEmpty, AudioError, ContextFull, NoSpeech, WordsUnsure
from engine.events import Hypothesis, Level, Rejected, Samples, SpeechStarted, SpeechStopped
from engine.feeding import Feeder
from engine.frames import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    WINDOW_SAMPLES,
    WindowGrid,
    frames_in,
    ms_to_samples,
    samples_to_s,
)
from engine.loudness import LOUD_ENOUGH, Loudness, check_loudness
from engine.loudness import power as mean_square
from engine.release import HeldSource, is_said
from engine.ring import SampleRing
from engine.source import AudioSource
from engine.speech import SpeechEngine
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
    partials_shown: bool = True,
    release_quiet_ms: int | None = None,
    recorder: Callable[[Samples], None] | None = None,
    terms: Callable[[], Sequence[str]] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Heard]:
    """Hear a source out: yield levels, and for each utterance its start, partials, stop, and then either
    its final hypothesis or why there is none. A source in which nobody speaks ends with one `Rejected`.

    `partial_every_ms`: how much new sound between two partials, pauses aside; None for none. Without
    `partials_shown` they are not yielded: then they are computed for sound that comes in real time, where
    they are the drafts of the final words. `release_quiet_ms`: a `HeldSource` that was released ends as soon
    as nobody has spoken for so long (see `release`); None: when it ends.

    `recorder` gets every chunk before anything else may fail. `terms` is asked at the start of each utterance
    for names that may be said, and must not take long. `clock` gives seconds that only grow. Raises what the
    source raises, ContextFull where `limit_ms` does not fit the engine, DecodeFailed, Cancelled.
    """
    settings = settings or settings_for(engine.profile)
    longest = frames_in(ms_to_samples(settings.limit_ms))
    if longest > engine.max_frames:
        raise ContextFull(
            f"utterances of {settings.limit_ms} ms need {longest} positions, {engine.max_frames} are free",
            hint="Choose a smaller limit_ms or open the engine with a larger context.",
        )
    held = source if isinstance(source, HeldSource) else None
    ear = _Ear(engine, settings, detector or WebRtcDetector(), held, clock, terms)
    if partial_every_ms is not None:
        ear.partial_every_ms, ear.partials_shown = partial_every_ms, partials_shown
    if release_quiet_ms is not None:
        ear.release_quiet = ms_to_samples(release_quiet_ms)
    windows = _Windows(source, recorder)
    try:
        for window in windows:
            yield from ear.hear(window)
            if held is not None and ear.has_heard_all(held):
                held.enough()
                break
        yield from ear.finish(windows.samples)
    finally:
        ear.close()


class _Windows:
    """The sound of a source in windows of 320 samples, after it was recorded; the last one is padded."""

    def __init__(self, source: AudioSource, recorder: Callable[[Samples], None] | None) -> None:
        self._source = source
        self._recorder = recorder
        self.samples = 0
        """How many came."""

    def __iter__(self) -> Iterator[Samples]:
        grid = WindowGrid()
        for chunk in self._source.chunks():
            if self._recorder is not None:
                self._recorder(chunk.samples)
            self.samples += len(chunk.samples)
            yield from grid.push(chunk.samples)
        yield from grid.flush()


class _Ear:
    """What is remembered from window to window."""

    def __init__(
        self,
        engine: SpeechEngine,
        settings: EndpointingSettings,
        detector: SpeechDetector,
        held: HeldSource | None,
        clock: Callable[[], float],
        terms: Callable[[], Sequence[str]] | None,
    ) -> None:
        self._engine = engine
        self._terms = terms or tuple
        self._settings = settings
        self._detector = detector
        self._held = held
        self._clock = clock
        self.partial_every_ms: int | None = None
        self.partials_shown = True
        self.release_quiet: int | None = None
        """Samples of silence after which a source that was released is over."""
        self._endpointing = Endpointing(settings)
        self._tail = ms_to_samples(settings.tail_ms)
        self._ring = SampleRing(settings.history_samples + self._tail + SAMPLE_RATE)
        self._meter = _Meter()
        self._utterance: Feeder | None = None
        self._partials: Partials | None = None
        self._agreement = LocalAgreement()
        self._closed_for = 0
        """The speech end for which the final words were prepared, or refused, ahead."""
        self._began_s: float | None = None
        self._speech_end = 0
        """Sample after the newest window that the detector called speech."""
        self._speech_end_s: float | None = None
        """When that window came; None where the source is ahead of the clock."""
        self._utterances = 0

    def hear(self, window: Samples) -> Iterator[Heard]:
        """Take the next window of 320 samples."""
        self._ring.push(window)
        dbfs = level_dbfs(window)
        is_speech = self._detector.is_speech(window, dbfs)
        now_s = self._clock()
        if self._began_s is None:
            self._began_s = now_s - samples_to_s(len(window))
        if is_speech:
            self._speech_end = self._ring.end
            lead_s = samples_to_s(self._ring.end) - (now_s - self._began_s)
            self._speech_end_s = now_s if lead_s <= REAL_TIME_LEAD_S else None
        level = self._meter.read(self._ring, is_speech)
        if level is not None:
            yield replace(level, behind_ms=round(1000 * self._behind_s(), 1))
        for event in self._endpointing.push(is_speech, dbfs):
            yield from self._turn(event)
        if self._utterance is not None:
            self._utterance.feed(self._speech_end)
            yield from self._ahead(self._utterance)

    def has_heard_all(self, held: HeldSource) -> bool:
        """Whether the speaker has told the end, and everything was said."""
        if self.release_quiet is None or (released := held.released_sample) is None:
            return False
        return is_said(
            heard=self._ring.end,
            released=released,
            speech_end=self._speech_end,
            quiet=self.release_quiet,
        )

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

    def _ahead(self, utterance: Feeder) -> Iterator[Hypothesis]:
        """Compute what can be computed before it is over."""
        is_live = self._speech_end_s is not None
        if self._behind_s() > MOST_BEHIND_S:
            return
        if is_live and self._speech_end > self._closed_for and utterance.has_tail(self._speech_end):
            self._closed_for = self._speech_end
            if rejection(self._endpointing.so_far(), self._settings) is None:
                utterance.close(self._speech_end, self._tail)
                utterance.session.prepare()
        partials = self._partials
        if partials is None or not (is_live or self.partials_shown):
            return
        released = self._held is not None and self._held.released_sample is not None
        if partials.are_wanted(self._ring.end, self._speech_end, released=released):
            partial = utterance.session.partial()
            if partial is not None:
                partials.came()
                if self.partials_shown:
                    self._agreement = self._agreement.after(partial.text)
                    yield replace(partial, stable=self._agreement.stable)

    def _behind_s(self) -> float:
        """How much sound the model has not taken in, less what waits for its block to be whole."""
        seconds = 0.0 if self._held is None else self._held.behind_s
        if self._utterance is not None:
            blocks = self._utterance.session.lag_frames // self._engine.profile.block_frames
            seconds += samples_to_s(blocks * self._engine.profile.block_frames * FRAME_SAMPLES)
        return seconds

    def _turn(self, event: SpeechStarted | SpeechStopped) -> Iterator[Heard]:
        if isinstance(event, SpeechStarted):
            self._utterances += 1
            session = self._engine.session(start_sample=event.start_sample, terms=self._terms())
            self._utterance = Feeder(session, event.start_sample, self._ring, self._tail)
            self._agreement = LocalAgreement()
            if self.partial_every_ms is not None:
                self._partials = Partials(event.start_sample, self.partial_every_ms)
            yield event
            return
        utterance, self._utterance = self._utterance, None
        assert utterance is not None, "endpointing stopped what it had not started"
        yield event
        nobody: AudioError | None = rejection(event, self._settings)
        if nobody is None:
            utterance.close(event.end_sample, event.hangover_samples)
            hypothesis = utterance.session.finish(
                end_of_speech_s=self._speech_end_s, end_sample=event.end_sample
            )
            nobody = doubt(hypothesis, self._engine.profile)
            if nobody is None:
                yield hypothesis
                return
        else:
            utterance.session.cancel()
        yield _rejected(nobody, utterance.start, event.end_sample)


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
        if self._loudest_power <= LOUD_ENOUGH:
            loudest = max(mean_square(window) for window in sound.reshape(-1, WINDOW_SAMPLES))
            self._loudest_power = max(self._loudest_power, loudest)
        return float(np.dot(sound, sound)) / len(sound), max(high, -low)


def doubt(hypothesis: Hypothesis, profile: PromptProfile) -> NoSpeech | None:
    """Why the words of an utterance cannot be used at all, or None."""
    if not hypothesis.text:
        return NoSpeech("sound like a voice, but no words in it")
    # Not `<`: what is no number (a graphics card that overflowed) is not sure of anything.
    if hypothesis.confidence is not None and not hypothesis.confidence >= profile.min_confidence:
        return WordsUnsure(f"no words that the model is sure of (confidence {hypothesis.confidence:.1f})")
    return None


def _rejected(error: AudioError, start: int, end: int) -> Rejected:
    return Rejected(
        reason=error.code, message=str(error), hint=error.hint, start_sample=start, end_sample=end
    )
