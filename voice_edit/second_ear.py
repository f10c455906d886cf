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
    from engine.speech import SpeechSession
    from voice_edit.config import Paths, Settings
    from voice_edit.engines import ResidentEngine

logger = logging.getLogger(__name__)


def shown_name(model: str) -> str:
    """An engine of the settings, for people: a file without its folder."""
    return model[:-5].rpartition("/")[2] if model.lower().endswith(".gguf") else model


TIERS = {"bundled": 0, "server": 2}
"""How well engines hear, by name; all others are between."""


def tier_of(model: str) -> int:
    """0 the bundled model, 1 another one on this machine, 2 a server."""
    return TIERS.get(model, 1)


def settings_of(settings: Settings) -> Settings | None:
    """The settings under which the second engine hears; None where none is named, or the one that hears
    already.
    """
    model = settings.fallback.engine
    if not model or model == settings.engine.model:
        return None
    engine = settings.engine.model_copy(update={"model": model, "projector": None, "writing_tokens": 0})
    return settings.model_copy(update={"engine": engine})


def second_ear(settings: Settings, paths: Paths) -> SecondEar | None:
    """The second engine of the settings, not opened yet; None where none is named, or the one that hears
    already. Raises nothing: what is wrong with it is told when it would have been of use.
    """
    own = settings_of(settings)
    if own is None:
        return None
    return SecondEar(
        own.engine.model,
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
        """`model` as in the settings. `settings`: those under which it hears. `idle_s`: given back after so
        long; 0: only by `close`.
        """
        self.name = shown_name(model)
        self.tier = tier_of(model)
        self._settings = settings
        self._open = open_engine
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._engine: ResidentEngine | None = None
        self._lock = threading.Lock()
        self._idle: threading.Timer | None = None
        self._is_closed = False
        self._hearing: _Hearing | None = None

    def hear(
        self, stretch: Stretch, *, purpose: Purpose, speech_s: float, terms: Sequence[str] = ()
    ) -> Candidate:
        """What it hears, judged; or why it hears nothing. Raises Interrupted where the user gave up."""
        from engine.judging.choose import Candidate

        self._stop_idling()
        self._hearing = hearing = _Hearing()
        try:
            engine = self._ready()
            heard = self._hear(engine, hearing, stretch, terms)
            return self._candidate(engine, heard, purpose, speech_s)
        except Interrupted:
            raise
        except VoiceEditError as error:
            logger.info("the second engine is of no use: %s", error)
            return Candidate(engine=self.name, tier=self.tier, problem=_sentence(error))
        except Exception as error:  # the first engine's words are there: a fault of this one costs none
            logger.exception("the second engine failed")
            problem = f"A fault in it: {type(error).__name__}."
            return Candidate(engine=self.name, tier=self.tier, problem=problem)
        finally:
            self._hearing = None
            self._begin_idling()

    def cancel(self) -> None:
        """Make the `hear` that is running raise Interrupted."""
        hearing = self._hearing
        if hearing is not None:
            hearing.stop()

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

    def _hear(
        self, engine: ResidentEngine, hearing: _Hearing, stretch: Stretch, terms: Sequence[str]
    ) -> Hypothesis:
        timer = threading.Timer(self._timeout_s, hearing.stop, kwargs={"late": True})
        timer.daemon = True
        timer.start()
        try:
            heard = pipeline.hear_utterance(
                stretch.samples,
                stretch.speech_samples,
                engine,
                self._settings,
                terms=terms if engine.profile.terms else (),
                on_session=hearing.begin,
            )
        except Interrupted as error:
            if hearing.is_late:
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
                engine=self.name,
                tier=self.tier,
                text=heard.text,
                confidence=heard.confidence,
                problem="It is not sure of any words." if heard.text else "It heard no words.",
            )
        below = self._settings.weak.below
        verdict = judge(heard, engine.profile, purpose=purpose, below=below, speech_s=speech_s)
        return Candidate(engine=self.name, tier=self.tier, heard=judged(heard, verdict))

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


class _Hearing:
    """One stretch being heard. It can be stopped at any moment, also before it has begun."""

    def __init__(self) -> None:
        self.is_late = False
        self._lock = threading.Lock()
        self._is_stopped = False
        self._session: SpeechSession | None = None

    def begin(self, session: SpeechSession) -> None:
        """It has begun."""
        with self._lock:
            self._session = session
            if self._is_stopped:
                session.cancel()

    def stop(self, *, late: bool = False) -> None:
        """Whatever is asked of the session raises Cancelled from now on."""
        with self._lock:
            if not self._is_stopped:
                self._is_stopped, self.is_late = True, late
                if self._session is not None:
                    self._session.cancel()


class TooLate(VoiceEditError):  # noqa: N818  (the names say what is wrong)
    """The second engine took longer than it is waited for."""

    hint = "Its model may still be loading; the next time it is quicker. See fallback.timeout_s."


def _sentence(error: VoiceEditError) -> str:
    text = " ".join(str(error).split())
    return text if text[-1:] in ".!?" else f"{text}."
