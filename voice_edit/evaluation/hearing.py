"""One item through one variant: played at the speed of speech, on a clock on which nobody waits.

Sound takes the way that it takes in the daemon: voice detection, endpointing, model, and where there is a
text, the edit. The words are those of `voice-edit transcribe`; the times are those of a live speaker.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import AudioSilent, AudioTooQuiet, AudioTooShort
from engine.frames import FRAME_SAMPLES, ms_to_samples, samples_to_s
from voice_edit import pipeline
from voice_edit.bench import resources
from voice_edit.bench.clock import SkippingClock
from voice_edit.bench.measured import MeasuredEngine
from voice_edit.bench.playback import Playback
from voice_edit.errors import AudioFailed, Interrupted, UsageError, VoiceEditError
from voice_edit.evaluation.outcomes import Heard, HeardUtterance

if TYPE_CHECKING:
    from engine.events import Hypothesis, Samples, SpeechStopped
    from engine.speech import SpeechEngine
    from voice_edit.config import Settings
    from voice_edit.evaluation.carrying import Carrier, Desk
    from voice_edit.evaluation.dataset import Item
    from voice_edit.evaluation.one_pass import OnePass
    from voice_edit.evaluation.variants import Way

REST_MS = 1_400
"""Quiet behind every recording, longer than any hangover: people do not stop breathing when they stop
talking, and only then can work be done ahead as it is live."""


@dataclass(frozen=True, slots=True)
class Ear:
    """What hears, and how it is fed."""

    engine: SpeechEngine
    way: Way
    settings: Settings
    desk: Desk
    one_pass: OnePass | None = None
    """Where the model answers with commands."""

    def hear(self, item: Item) -> Heard:
        """What comes of an item. What goes wrong is part of it; raises Interrupted, and UsageError for caret
        marks that do not fit.
        """
        began = time.perf_counter()
        carrier = None
        if item.before is not None:
            try:
                carrier = self.desk.lay(item.before, item.mode)
            except UsageError as error:
                raise UsageError(f"{item.key}: {error}", hint=error.hint) from error
        run = _Run(self, item, carrier)
        failure: VoiceEditError | None = None
        try:
            run.play(_read(item))
        except (Interrupted, UsageError):
            raise
        except VoiceEditError as problem:
            cause = problem.__cause__
            if isinstance(cause, AudioTooShort | AudioSilent | AudioTooQuiet):
                run.refusals.append(cause.code)  # sound all the same: a microphone gives such, too
            else:
                failure = problem
        return Heard(
            key=item.key,
            utterances=tuple(run.utterances),
            refusals=tuple(run.refusals),
            audio_s=run.audio_s,
            work_s=time.perf_counter() - began,
            text_before=None if carrier is None else carrier.before,
            text_after=None if carrier is None else carrier.text,
            edit_s=None if carrier is None or not run.utterances else carrier.seconds,
            edit_error="" if carrier is None else carrier.error,
            error="" if failure is None else failure.code,
            message="" if failure is None else str(failure),
            peak_bytes=resources.memory().peak,
        )


def _read(item: Item) -> Samples:
    """The sound as float32[n] at 16 kHz. Raises AudioFailed."""
    source = pipeline.open_recording(item.audio)
    with pipeline.failures_named():
        pieces = [chunk.samples for chunk in source.chunks()]
    if not pieces:
        raise AudioFailed(f"{item.audio} holds no sound.")
    return np.concatenate(pieces)


class _Run:
    """One item on its way."""

    def __init__(self, ear: Ear, item: Item, carrier: Carrier | None) -> None:
        self._ear = ear
        self._item = item
        self._carrier = carrier
        self._clock = SkippingClock()
        self.utterances: list[HeardUtterance] = []
        self.refusals: list[str] = []
        self.audio_s = 0.0

    def play(self, samples: Samples) -> None:
        """Hear it out. Raises ModelFailed and others."""
        from engine.events import Hypothesis, Rejected, SpeechStopped

        self.audio_s = samples_to_s(len(samples))
        rest = np.zeros(ms_to_samples(REST_MS), dtype=np.float32)
        playback = Playback(np.concatenate((samples, rest)), self._clock)
        measured = MeasuredEngine(self._ear.engine, self._clock, late_s=lambda: playback.late_s)
        stopped: SpeechStopped | None = None
        self._ask()
        for event in pipeline.hear(
            playback,
            measured,
            self._ear.settings,
            partials=self._ear.way == "streamed",
            clock=self._clock.now_s,
        ):
            if isinstance(event, SpeechStopped):
                stopped = event
            elif isinstance(event, Rejected):
                self.refusals.append(event.reason)
            elif isinstance(event, Hypothesis) and event.kind == "final":
                assert stopped is not None, "words came before the utterance was over"
                self._take(event, stopped, playback, measured)

    def _take(
        self, final: Hypothesis, stopped: SpeechStopped, playback: Playback, measured: MeasuredEngine
    ) -> None:
        notes, timing = measured.notes[-1], final.timing
        # By the sound, not by when the program noticed: being late counts against whoever is late.
        spoken_s = playback.moment_s(stopped.end_sample)
        endpoint_s = playback.moment_s(stopped.end_sample + stopped.hangover_samples)
        first_s = notes.first_s if notes.first_s is not None else notes.final_s
        self.utterances.append(
            HeardUtterance(
                text=final.text,
                confidence=final.confidence,
                stop=final.stop,
                tokens=len(final.tokens),
                audio_s=timing.audio_s,
                endpoint_s=endpoint_s - spoken_s,
                first_s=first_s - endpoint_s,
                final_s=notes.final_s - endpoint_s,
                lag_s=samples_to_s(notes.lag_frames * FRAME_SAMPLES),
                prefill_s=timing.prefill_s,
                decode_s=timing.decode_s,
                steps=timing.steps,
            )
        )
        if self._carrier is None:
            return
        if self._ear.one_pass is not None and self._item.mode == "edit":
            self._ear.one_pass.carry_out(final.text, self._carrier)
            self._ask()
        else:
            self._carrier.hear(final)

    def _ask(self) -> None:
        """Show the model the text as it now is, where it answers with commands."""
        one_pass, carrier = self._ear.one_pass, self._carrier
        if one_pass is not None:
            one_pass.show(carrier.text if carrier is not None and self._item.mode == "edit" else None)
