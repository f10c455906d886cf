"""One utterance, heard in one way: from its first sample to the edited file, with every moment noted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine.frames import FRAME_SAMPLES, samples_to_s
from voice_edit.bench.clock import BenchClock
from voice_edit.bench.measured import MeasuredEngine, Notes
from voice_edit.bench.playback import Playback
from voice_edit.bench.resources import EnergyMeter
from voice_edit.bench.sounds import BenchUtterance
from voice_edit.errors import Fault, UsageError

if TYPE_CHECKING:
    from engine.endpointing import EndpointingSettings
    from engine.events import Hypothesis, SpeechStopped
    from engine.speech import SpeechEngine
    from voice_edit.bench.ways import Way

PARTIAL_EVERY_MS = 1_000
"""How much new sound there is between two partials, at most."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was measured. Times in seconds."""

    way: str
    seconds: float
    """The length of speech that was asked for, and which utterance of that length it was."""
    take: int
    run: int
    audio_s: float
    """What the model was fed, tail included."""
    tokens: tuple[int, ...]
    stop: str
    endpoint_delay_s: float
    """From the last speech sample to the endpoint: silence that endpointing waits through by design."""
    first_s: float
    """From the endpoint to the first token of the final words."""
    final_s: float
    """From the endpoint to the final words."""
    edit_s: float | None
    """From the last speech sample until the words stand in the file, read back; None without a file."""
    steps: int
    """Batches computed for the final words; drafts save some."""
    drafted: int
    accepted: int
    partials: int
    prefill_lag_s: float
    """Sound that was not in the model at the endpoint."""
    late_s: float
    """How much later than it was spoken sound was taken, at worst: the model was busy."""
    prefill_s: float
    decode_s: float
    """Of the final words; what partials cost is only in `work_s` and `spent_s`."""
    spent_s: dict[str, float]
    """Inside each kind of call of the engine."""
    work_s: float
    """Everything that was computed, from the first sample to the final words, on the wall."""
    cpu_s: float
    """The same in processor seconds of all threads."""
    joules: float | None

    @property
    def tokens_per_step(self) -> float | None:
        """Tokens of the final words, its end included, for each batch."""
        return (len(self.tokens) + 1) / self.steps if self.steps else None

    @property
    def acceptance(self) -> float | None:
        """Share of the drafted tokens that the model agreed with; None where nothing was drafted."""
        return self.accepted / self.drafted if self.drafted else None

    @property
    def prefill_per_s(self) -> float | None:
        """Frames that the model took in, for each second of doing so."""
        return self.audio_s / samples_to_s(FRAME_SAMPLES) / self.prefill_s if self.prefill_s else None

    @property
    def decode_per_s(self) -> float | None:
        """Tokens of the final words, its end included, for each second of writing them."""
        return (len(self.tokens) + 1) / self.decode_s if self.decode_s else None

    @property
    def rtf(self) -> float:
        """Real-time factor: work for each second of sound."""
        return self.work_s / self.audio_s

    def to_json(self) -> dict[str, Any]:
        """As JSON, without the words."""
        names = ("tokens_per_step", "acceptance", "prefill_per_s", "decode_per_s", "rtf")
        derived = {name: getattr(self, name) for name in names}
        return {**asdict(self), "tokens": len(self.tokens), **derived}


Apply = Callable[["Hypothesis"], None]
"""Puts the final words where they belong and returns when they have been read back there."""


def hear(
    way: Way,
    engine: SpeechEngine,
    utterance: BenchUtterance,
    *,
    run: int,
    clock: BenchClock,
    apply: Apply | None = None,
    before_answer: Callable[[int], None] | None = None,
    energy: EnergyMeter | None = None,
) -> Trial:
    """Play `utterance` to `engine` through the whole path of live sound: voice detection, endpointing, model.

    Raises UsageError for sound that endpointing takes for none, or for several utterances.
    """
    from engine.events import SpeechStopped
    from engine.listening import listen

    playback = Playback(utterance.samples, clock)
    measured = MeasuredEngine(engine, clock, late_s=lambda: playback.late_s, before_answer=before_answer)
    stops: list[SpeechStopped] = []
    applied_s: float | None = None
    work = _Work(clock, energy)
    for event in listen(
        playback,
        measured,
        settings=endpointing(engine, utterance),
        partial_every_ms=PARTIAL_EVERY_MS if way.partials else None,
        clock=clock.now_s,
    ):
        if isinstance(event, SpeechStopped):
            stops.append(event)
        if applied_s is None and measured.notes and (final := measured.notes[-1].final) is not None:
            work.end()
            if apply is not None:
                apply(final)
                applied_s = clock.now_s()
    if len(stops) != 1 or len(measured.notes) != 1:
        raise UsageError(
            f"What should be one utterance of {utterance.seconds:g} s was heard as {len(stops)}.",
            hint="Name recordings of clear speech without long pauses: --audio FOLDER",
        )
    return _trial(way, utterance, run, measured.notes[0], stops[0], playback, work, applied_s)


def endpointing(engine: SpeechEngine, utterance: BenchUtterance) -> EndpointingSettings:
    """As the model wants it, but with room for the whole utterance, and never impatient."""
    from dataclasses import replace

    from engine.endpointing import HARD_LIMIT_MS
    from engine.listening import settings_for

    usual = settings_for(engine.profile)
    least = round(utterance.speech_s * 1000) + usual.pre_roll_ms + usual.tail_ms + 1_000
    return replace(usual, limit_ms=min(HARD_LIMIT_MS, max(usual.limit_ms, least)), patience=1.0)


class _Work:
    """What was spent since it was made: time without the waiting for sound, processor time, energy."""

    def __init__(self, clock: BenchClock, energy: EnergyMeter | None) -> None:
        self._clock, self._asleep_s = clock, clock.asleep_s
        self._energy = energy
        self._joules = energy.joules() if energy else None
        self._wall = time.perf_counter()
        self._cpu = time.process_time()
        self.wall_s = self.cpu_s = 0.0
        self.joules: float | None = None

    def end(self) -> None:
        """Take the sums."""
        asleep_s = self._clock.asleep_s - self._asleep_s
        self.wall_s = time.perf_counter() - self._wall - asleep_s
        self.cpu_s = time.process_time() - self._cpu
        after = self._energy.joules() if self._energy else None
        self.joules = after - self._joules if after is not None and self._joules is not None else None


def _trial(
    way: Way,
    utterance: BenchUtterance,
    run: int,
    notes: Notes,
    stopped: SpeechStopped,
    playback: Playback,
    work: _Work,
    applied_s: float | None,
) -> Trial:
    final = notes.final
    if final is None:
        raise Fault("An utterance ended without words.")
    # Not when the program noticed, but when the sample was there by which it could have: work that makes it
    # notice late counts against the way that does it.
    spoken_s = playback.moment_s(stopped.end_sample)
    endpoint_s = playback.moment_s(stopped.end_sample + stopped.hangover_samples)
    first_s = notes.first_s if notes.first_s is not None else notes.final_s
    timing = final.timing
    return Trial(
        way=way.key,
        seconds=utterance.seconds,
        take=utterance.take,
        run=run,
        audio_s=samples_to_s(notes.frames * FRAME_SAMPLES),
        tokens=final.tokens,
        stop=final.stop,
        endpoint_delay_s=endpoint_s - spoken_s,
        first_s=first_s - endpoint_s,
        final_s=notes.final_s - endpoint_s,
        edit_s=None if applied_s is None else applied_s - spoken_s,
        steps=timing.steps,
        drafted=timing.drafted,
        accepted=timing.accepted,
        partials=notes.partials,
        prefill_lag_s=samples_to_s(notes.lag_frames * FRAME_SAMPLES),
        late_s=playback.worst_late_s,
        prefill_s=timing.prefill_s,
        decode_s=timing.decode_s,
        spent_s=dict(notes.spent_s),
        work_s=work.wall_s,
        cpu_s=work.cpu_s,
        joules=work.joules,
    )
