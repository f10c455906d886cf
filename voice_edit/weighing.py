"""Hearing with a second thought: every final answer is judged, and a doubtful one is heard again.

    pipeline.hear ─► final words ─► judge ─► sure: on they go
                                         └► doubtful: the second engine, if there is one ─► the better one

The words carry their verdict with them (`Hypothesis.verdict`). What is done with doubtful words is decided
where they are carried out (`doubt`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voice_edit import pipeline
from voice_edit.second_ear import SecondEar, Stretch, shown_name, tier_of

if TYPE_CHECKING:
    from engine.events import Hypothesis, Rejected, Samples
    from engine.judging.choose import Candidate
    from engine.judging.judge import Purpose
    from engine.ring import SampleRing
    from engine.source import AudioSource
    from engine.speech import SpeechEngine
    from voice_edit.config import Settings
    from voice_edit.pipeline import Heard, Mode

KEPT_S = 45.0
"""Sound that is kept for the second engine: the longest utterance, and what was waited through after it."""


class Weigher:
    """Judges what one engine hears, and asks a second one. For one source or kept utterance at a time."""

    def __init__(
        self,
        engine: SpeechEngine,
        settings: Settings,
        *,
        mode: Mode | None,
        second: SecondEar | None = None,
    ) -> None:
        """`mode`: what the words are for; None: nothing but to be written down."""
        self._engine = engine
        self._settings = settings
        self._purpose: Purpose = "command" if mode == "edit" else "dictation"
        self._second = second
        self._name, self._tier = shown_name(settings.engine.model), tier_of(settings.engine.model)
        self._terms: tuple[str, ...] = ()

    def hear(
        self,
        source: AudioSource,
        *,
        partials: bool = False,
        hold: bool = False,
        recorder: Callable[[Samples], None] | None = None,
        terms: Callable[[], Sequence[str]] | None = None,
    ) -> Iterator[Heard]:
        """As `pipeline.hear`. Final words have their verdict; some come from the second engine, also where
        the first one was not sure of any.
        """
        from engine.errors import WordsUnsure
        from engine.events import Hypothesis, Rejected, SpeechStopped
        from engine.frames import samples_to_s

        ring = self._ring()
        hangover, speech_s = 0, 0.0
        heard = pipeline.hear(
            source,
            self._engine,
            self._settings,
            partials=partials,
            hold=hold,
            recorder=_both(recorder, ring),
            terms=None if terms is None else lambda: self._keep(terms()),
        )
        for event in heard:
            if isinstance(event, SpeechStopped):
                hangover, speech_s = event.hangover_samples, samples_to_s(event.speech_samples)
            if isinstance(event, Hypothesis) and event.kind == "final":
                yield self.weigh(event, _reader(ring, event, hangover), speech_s=speech_s)
            elif isinstance(event, Rejected) and event.reason == WordsUnsure.code:
                yield self._weigh_rejected(event, _reader(ring, event, hangover), speech_s=speech_s)
            else:
                yield event

    def hear_kept(self, samples: Samples, speech_samples: int, *, terms: Sequence[str] = ()) -> Hypothesis:
        """As `pipeline.hear_utterance`, with a verdict, and perhaps the second engine's words."""
        self._terms = tuple(terms)
        heard = pipeline.hear_utterance(samples, speech_samples, self._engine, self._settings, terms=terms)
        return self.weigh(heard, lambda: Stretch(samples, speech_samples, heard.start_sample))

    def weigh(
        self, heard: Hypothesis, sound: Callable[[], Stretch | None], *, speech_s: float = 0.0
    ) -> Hypothesis:
        """The hypothesis with its verdict, or what the second engine hears in its place. `speech_s`: seconds
        of it that are speech, 0 where nobody knows. Raises Interrupted.
        """
        from engine.judging.choose import Candidate
        from engine.judging.judge import judge, judged

        verdict = judge(
            heard,
            self._engine.profile,
            purpose=self._purpose,
            below=self._settings.weak.below,
            speech_s=speech_s,
        )
        heard = judged(heard, verdict)
        if not verdict.weak or self._second is None:
            return heard
        first = Candidate(engine=self._name, tier=self._tier, heard=heard)
        return self._ask_second(first, sound, speech_s)[0] or heard

    # --- inside -----------------------------------------------------------------------------------------

    def _weigh_rejected(
        self, rejected: Rejected, sound: Callable[[], Stretch | None], *, speech_s: float
    ) -> Hypothesis | Rejected:
        from engine.judging.choose import Candidate

        if self._second is None:
            return rejected
        problem = f"{rejected.message[:1].upper()}{rejected.message[1:]}."
        first = Candidate(engine=self._name, tier=self._tier, problem=problem)
        heard, verdict = self._ask_second(first, sound, speech_s)
        return heard or replace(rejected, verdict=verdict)

    def _ask_second(
        self, first: Candidate, sound: Callable[[], Stretch | None], speech_s: float
    ) -> tuple[Hypothesis | None, Any]:
        from engine.judging.choose import Candidate, choose

        second = self._second
        assert second is not None
        stretch = sound()
        if stretch is None:
            found = Candidate(engine=second.name, tier=second.tier, problem="The sound is not at hand.")
        else:
            found = second.hear(stretch, purpose=self._purpose, speech_s=speech_s, terms=self._terms)
        taken, verdict = choose(first, found)
        if taken is None or taken.heard is None:
            return None, verdict
        return self._in_place(first.heard, taken.heard, verdict), verdict

    def _in_place(self, first: Hypothesis | None, taken: Hypothesis, verdict: Any) -> Hypothesis:
        """What is taken, as if it had been heard at once: when the speech ended is known from the first."""
        if first is not None and first is not taken:
            timing = replace(taken.timing, end_of_speech_s=first.timing.end_of_speech_s)
            taken = replace(taken, timing=timing)
        return replace(taken, verdict=verdict)

    def _keep(self, terms: Sequence[str]) -> Sequence[str]:
        self._terms = tuple(terms)
        return terms

    def _ring(self) -> SampleRing | None:
        if self._second is None:
            return None
        from engine.frames import SAMPLE_RATE
        from engine.ring import SampleRing

        return SampleRing(round(KEPT_S * SAMPLE_RATE))


def _both(
    recorder: Callable[[Samples], None] | None, ring: SampleRing | None
) -> Callable[[Samples], None] | None:
    """What was there before gets the sound first."""
    if ring is None:
        return recorder

    def record(samples: Samples) -> None:
        if recorder is not None:
            recorder(samples)
        ring.push(samples)

    return record


def _reader(
    ring: SampleRing | None, heard: Hypothesis | Rejected, hangover: int
) -> Callable[[], Stretch | None]:
    """The sound of an utterance and of the silence after it, if it is still there."""
    start, end = heard.start_sample, heard.end_sample

    def read() -> Stretch | None:
        if ring is None or start < ring.start:
            return None
        samples = ring.read(start, min(end + hangover, ring.end)).copy()
        return Stretch(samples, min(end, ring.end) - start, start)

    return read
