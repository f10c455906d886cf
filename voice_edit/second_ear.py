"""The second engine (`[fallback]`): hears again what the first one is not sure of, in a process of its own.

It is started when it is first needed, given back when it was not needed for a while, and never waited for
longer than the settings say: the first engine's words are there all the time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voice_edit import pipeline
from voice_edit.errors import Interrupted, VoiceEditError

if TYPE_CHECKING:
    from engine.events import Hypothesis, Samples
    from engine.judging.choose import Candidate
    from engine.judging.judge import Purpose
    from voice_edit.config import Paths, Settings
    from voice_edit.engines import ResidentEngine

logger = logging.getLogger(__name__)

TIERS = {"bundled": 0, "server": 2}
"""How well engines hear, by name; all others are between."""


def tier_of(model: str) -> int:
    """0 the bundled model, 1 another one on this machine, 2 a server."""
    return TIERS.get(model, 1)


def second_ear(settings: Settings, paths: Paths) -> SecondEar | None:
    """The second engine of the settings, not opened yet; None where none is named, or the one that hears
    already. Raises nothing: what is wrong with it is told when it would have been of use.
    """
    model = settings.fallback.engine
    if not model or model == settings.engine.model:
        return None
    engine = settings.engine.model_copy(update={"model": model, "projector": None, "writing_tokens": 0})
    own = settings.model_copy(update={"engine": engine})
    return SecondEar(
        model,
        own,
        lambda: pipeline.open_engine(own, paths),
        timeout_s=settings.fallback.timeout_s,
        idle_s=settings.daemon.unload_after_s,
    )


@contextmanager
def opened(settings: Settings, paths: Paths) -> Iterator[SecondEar | None]:
    """The second engine for as long as a verb runs."""
    second = second_ear(settings, paths)
    try:
        yield second
    finally:
        if second is not None:
            second.close()


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """The sound of one utterance."""

    samples: Samples
    """float32[n]: the utterance, and what is known of the silence after it."""
    speech_samples: int
    """Of the utterance alone."""
    start_sample: int
    """Where it begins, on the clock of its source."""


class SecondEar:
    """Hears one stretch after the other. `cancel` may be called from any thread."""

    def __init__(
        self,
        model: str,
        settings: Settings,
        open_engine: Callable[[], ResidentEngine],
        *,
        timeout_s: float,
        idle_s: float = 0.0,
    ) -> None:
        """`settings`: those under which it hears. `idle_s`: given back after so long; 0: only by `close`."""
        self.model = model
        self.tier = tier_of(model)
        self._settings = settings
        self._open = open_engine
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._engine: ResidentEngine | None = None
        self._lock = threading.Lock()
        self._idle: threading.Timer | None = None
        self._is_closed = False

    def hear(
        self, stretch: Stretch, *, purpose: Purpose, speech_s: float, terms: Sequence[str] = ()
    ) -> Candidate:
        """What it hears, judged; or why it hears nothing. Raises Interrupted where the user gave up."""
        from engine.judging.choose import Candidate

        self._stop_idling()
        try:
            engine = self._ready()
            heard = self._hear(engine, stretch, terms)
        except Interrupted:
            raise
        except VoiceEditError as error:
            logger.info("the second engine is of no use: %s", error)
            return Candidate(engine=self.model, tier=self.tier, problem=_sentence(error))
        finally:
            self._begin_idling()
        return self._candidate(engine, heard, purpose, speech_s)

    def cancel(self) -> None:
        """Make the `hear` that is running raise Interrupted."""
        engine = self._engine
        if engine is not None:
            engine.cancel()

    def close(self) -> None:
        """Give everything back, for good."""
        self._is_closed = True
        self._stop_idling()
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    # --- inside -----------------------------------------------------------------------------------------

    def _ready(self) -> ResidentEngine:
        with self._lock:
            if self._is_closed:
                raise Interrupted("Closed.")
            if self._engine is None:
                self._engine = self._open()
            return self._engine

    def _hear(self, engine: ResidentEngine, stretch: Stretch, terms: Sequence[str]) -> Hypothesis:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            engine.cancel()

        timer = threading.Timer(self._timeout_s, give_up)
        timer.daemon = True
        timer.start()
        try:
            heard = pipeline.hear_utterance(
                stretch.samples,
                stretch.speech_samples,
                engine,
                self._settings,
                terms=terms if engine.profile.terms else (),
            )
        except Interrupted as error:
            if late.is_set():
                raise TooLate(f"It was not done after {self._timeout_s:g} s.") from error
            raise
        finally:
            timer.cancel()
        start = stretch.start_sample
        return replace(heard, start_sample=start, end_sample=start + stretch.speech_samples)

    def _candidate(
        self, engine: ResidentEngine, heard: Hypothesis, purpose: Purpose, speech_s: float
    ) -> Candidate:
        from engine.judging.choose import Candidate
        from engine.judging.judge import judge, judged
        from engine.listening import doubt

        unusable = doubt(heard, engine.profile)
        if unusable is not None:
            return Candidate(
                engine=self.model,
                tier=self.tier,
                text=heard.text,
                confidence=heard.confidence,
                problem="It is not sure of any words." if heard.text else "It heard no words.",
            )
        below = self._settings.weak.below
        verdict = judge(heard, engine.profile, purpose=purpose, below=below, speech_s=speech_s)
        return Candidate(engine=self.model, tier=self.tier, heard=judged(heard, verdict))

    def _begin_idling(self) -> None:
        self._stop_idling()
        if self._idle_s and self._engine is not None:
            self._idle = threading.Timer(self._idle_s, self._unload)
            self._idle.daemon = True
            self._idle.start()

    def _stop_idling(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _unload(self) -> None:
        engine = self._engine
        if engine is not None:
            engine.unload()


class TooLate(VoiceEditError):  # noqa: N818  (the names say what is wrong)
    """The second engine took longer than it is waited for."""

    hint = "Its model may still be loading; the next time it is quicker. See fallback.timeout_s."


def _sentence(error: VoiceEditError) -> str:
    text = " ".join(str(error).split())
    return text if text[-1:] in ".!?" else f"{text}."
