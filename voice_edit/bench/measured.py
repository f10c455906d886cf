"""An engine whose calls are timed, and that schedules them as the engine process does; what it hears is not
touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import Cancelled
from engine.frames import frames_in, ms_to_samples
from engine.pacing import Pacer
from engine.speech import EngineAround
from voice_edit.bench.clock import BenchClock

if TYPE_CHECKING:
    from engine.events import Hypothesis, Samples
    from engine.speech import SpeechEngine, SpeechSession


@dataclass(slots=True)
class Notes:
    """What was seen of one utterance."""

    spent_s: dict[str, float] = field(default_factory=dict)
    """Time inside each kind of call: push, rewind, partial, prepare, finish."""
    partials: int = 0
    """Partial hypotheses that were computed."""
    prepared: int = 0
    """How often the end was worked ahead for."""
    lag_frames: int = 0
    """Frames that were not in the model yet when the final words were asked for."""
    frames: int = 0
    """Frames of the utterance, tail included."""
    first_s: float | None = None
    """When the first token of the final words was there, on the clock."""
    final: Hypothesis | None = None
    final_s: float = 0.0
    """When it was there, on the clock."""


class MeasuredEngine(EngineAround):
    """A `SpeechEngine` around another one."""

    def __init__(
        self,
        engine: SpeechEngine,
        clock: BenchClock,
        *,
        late_s: Callable[[], float] = lambda: 0.0,
        before_answer: Callable[[int], None] | None = None,
    ) -> None:
        """`late_s` tells how old the newest sound was when it was taken. `before_answer` is called with the
        number of frames pushed before each answer is computed.
        """
        super().__init__(engine)
        self._sharing = _Sharing(clock, late_s, before_answer or (lambda frames: None), Pacer())
        self.notes: list[Notes] = []
        """Of each utterance, in order."""

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> MeasuredSession:
        """See `SpeechEngine`."""
        self.notes.append(Notes())
        session = self.client.session(start_sample=start_sample, terms=terms)
        return MeasuredSession(session, self.notes[-1], self._sharing)

    def cancel(self) -> None:
        """See `SpeechEngine`."""
        self.client.cancel()

    def close(self) -> None:
        """The engine inside belongs to who made it."""


@dataclass(frozen=True, slots=True)
class _Sharing:
    """What all sessions of an engine have in common."""

    clock: BenchClock
    late_s: Callable[[], float]
    before_answer: Callable[[int], None]
    pacer: Pacer
    """Lets partial words be computed as often as the engine process would."""


class MeasuredSession:
    """A `SpeechSession` around another one."""

    def __init__(self, session: SpeechSession, notes: Notes, sharing: _Sharing) -> None:
        self._session = session
        self._notes = notes
        self._clock = sharing.clock
        self._before_answer = sharing.before_answer
        self._late_s = sharing.late_s
        self._pacer = sharing.pacer

    @property
    def frames_pushed(self) -> int:
        """See `SpeechSession`."""
        return self._session.frames_pushed

    @property
    def lag_frames(self) -> int:
        """See `SpeechSession`. Sound that was taken late waited to be pushed: that is lag as well."""
        return self._session.lag_frames + frames_in(ms_to_samples(self._late_s() * 1000))

    def push(self, frames: Samples) -> None:
        """See `SpeechSession`."""
        began_s = self._clock.now_s()
        with self._timed("push"):
            self._session.push(frames)
        if len(frames):
            self._pacer.pushed(len(frames), self._clock.now_s() - began_s)

    def rewind(self, frames: int) -> None:
        """See `SpeechSession`."""
        with self._timed("rewind"):
            self._session.rewind(frames)

    def partial(self) -> Hypothesis | None:
        """See `SpeechSession`. None also where the machine has no time for it."""
        began_s = self._clock.now_s()
        if not self._pacer.allows(began_s):
            return None
        self._before_answer(self._session.frames_pushed)

        def is_enough() -> bool:
            return self._pacer.is_too_long(began_s, self._clock.now_s())

        with self._timed("partial"):
            partial = _partial(self._session, is_enough)
        now_s = self._clock.now_s()
        self._pacer.computed(now_s - began_s, now_s)
        if partial is not None:
            self._notes.partials += 1
        return partial

    def prepare(self) -> None:
        """See `SpeechSession`."""
        self._before_answer(self._session.frames_pushed)
        with self._timed("prepare"):
            self._session.prepare()
        self._notes.prepared += 1

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        """See `SpeechSession`."""
        notes, clock = self._notes, self._clock
        notes.frames = self._session.frames_pushed
        # What was pushed and is less than a block waits for the rest of its block, and is late all the same.
        in_model = getattr(self._session, "frames_prefilled", None)
        notes.lag_frames = self._session.lag_frames if in_model is None else notes.frames - in_model
        self._before_answer(notes.frames)

        def piece(text: str) -> None:
            if notes.first_s is None:
                notes.first_s = clock.now_s()
            if on_piece is not None:
                on_piece(text)

        with self._timed("finish"):
            notes.final = self._session.finish(
                on_piece=piece, end_of_speech_s=end_of_speech_s, end_sample=end_sample
            )
        notes.final_s = clock.now_s()
        return notes.final

    def cancel(self) -> None:
        """See `SpeechSession`."""
        self._session.cancel()

    @contextmanager
    def _timed(self, call: str) -> Iterator[None]:
        began_s = self._clock.now_s()
        try:
            yield
        finally:
            spent = self._notes.spent_s
            spent[call] = spent.get(call, 0.0) + self._clock.now_s() - began_s


def _partial(session: SpeechSession, give_up: Callable[[], bool]) -> Hypothesis | None:
    """Partial words, given up when `give_up` says so, where the session is one of this process."""
    from engine.session import Session

    if not isinstance(session, Session):
        return session.partial()
    try:
        return session.partial(give_up=give_up)
    except Cancelled:
        return None
