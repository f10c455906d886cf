"""What the model is fed of an utterance: the same bytes, whatever was computed ahead and taken back."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.endpointing import EndpointingSettings, hold_settings, rejection
from engine.events import AudioChunk, Hypothesis, Level, SpeechStarted, SpeechStopped, Timing
from engine.feeding import Feeder
from engine.frames import SAMPLE_RATE, WINDOW_SAMPLES, frames_in, ms_to_samples
from engine.listening import listen
from engine.ring import SampleRing
from engine.session import Engine
from voice_edit import pipeline
from voice_edit.config import Settings

FREE = EndpointingSettings(
    limit_ms=3000, search_ms=600, pre_roll_ms=200, tail_ms=200, hangover_ms=300, min_speech_ms=60,
    noise_margin_db=0.0, vowel_range_db=100.0,
)  # fmt: skip
USUAL = dataclasses.replace(FREE, limit_ms=6000, tail_ms=400, hangover_ms=600)
ODD = dataclasses.replace(FREE, tail_ms=230, pre_roll_ms=110)
IMPATIENT = dataclasses.replace(FREE, tail_ms=400, hangover_ms=300)
BRIEF = dataclasses.replace(FREE, tail_ms=50)
ALL = {
    "free": FREE, "usual": USUAL, "odd": ODD, "impatient": IMPATIENT,
    "held in pieces": hold_settings(USUAL), "held whole": hold_settings(FREE, whole=True),
}  # fmt: skip


class LoudDetector:
    """Speech is what is loud."""

    def is_speech(self, window: np.ndarray, dbfs: float | None = None) -> bool:
        return float(np.abs(window).max()) > 0.02

    def reset(self) -> None:
        pass


@dataclass
class Recorded:
    """A session that keeps what it is fed, and what it was fed when the final words were prepared."""

    start: int
    frames: np.ndarray = field(default_factory=lambda: np.empty((0, 640), dtype=np.float32))
    changes: int = 0
    prepared: list[tuple[int, bytes]] = field(default_factory=list)
    partials: int = 0
    finished: np.ndarray | None = None
    lag_frames: int = 0

    @property
    def frames_pushed(self) -> int:
        return len(self.frames)

    def push(self, frames: np.ndarray) -> None:
        self.frames = np.concatenate((self.frames, frames))
        self.changes += len(frames) > 0

    def rewind(self, n: int) -> None:
        assert 0 < n <= len(self.frames), "a rewind of nothing makes words void for nothing"
        self.frames = self.frames[: len(self.frames) - n]
        self.changes += 1

    def prepare(self) -> None:
        self.prepared.append((self.changes, self.frames.tobytes()))

    def partial(self) -> Hypothesis:
        self.partials += 1
        return self._words("partial", 0)

    def finish(self, *, end_of_speech_s: float | None = None, end_sample: int) -> Hypothesis:
        self.finished = self.frames
        return self._words("final", end_sample)

    def cancel(self) -> None:
        pass

    def _words(self, kind: Any, end: int) -> Hypothesis:
        timing = Timing(None, 0.0, 0.0, 0.0, 0.0, 0.0)
        return Hypothesis(kind, "Words.", (1,), -0.1, self.start, end, "eos", timing)


class RecordingEngine:
    """Hears the same in everything, and keeps it."""

    def __init__(self) -> None:
        self.profile = tiny.profile()
        self.max_frames = 1_000
        self.sessions: list[Recorded] = []

    def session(self, *, start_sample: int = 0, terms: object = ()) -> Recorded:
        self.sessions.append(Recorded(start_sample))
        return self.sessions[-1]


@dataclass
class Live:
    """A source in real time on a clock that does not wait; perhaps with a key that comes up."""

    sound: np.ndarray
    sizes: list[int]
    released_sample: int | None = None
    behind_s: float = 0.0
    now_s: float = 1000.0
    enough_at: int | None = None
    given: int = 0

    def chunks(self) -> Iterator[AudioChunk]:
        sizes = itertools.cycle(self.sizes)
        while self.given < len(self.sound) and self.enough_at is None:
            chunk = self.sound[self.given : self.given + next(sizes)]
            self.given += len(chunk)
            self.now_s += len(chunk) / SAMPLE_RATE
            yield AudioChunk(chunk, self.given - len(chunk))

    def enough(self) -> None:
        self.enough_at = self.given

    def close(self) -> None:
        pass

    def clock(self) -> float:
        return self.now_s


def sound_of(stretches: list[tuple[bool, int]], seed: int = 0) -> np.ndarray:
    """Samples that nowhere repeat, loud where somebody speaks."""
    rng = np.random.default_rng(seed)
    pieces = [
        rng.uniform(0.3, 1.0) * (0.3 if speech else 0.01) * rng.uniform(-1, 1, n * WINDOW_SAMPLES)
        for speech, n in stretches
    ]
    return np.concatenate([*pieces, np.empty(0)]).astype(np.float32)[: 500 * WINDOW_SAMPLES]


def heard(
    source: Live, chosen: EndpointingSettings, engine: Any = None, **options: Any
) -> tuple[list[tuple[SpeechStarted, SpeechStopped]], list[Recorded]]:
    """Each utterance, and its session."""
    engine = engine or RecordingEngine()
    options = {"partial_every_ms": 1000, **options}
    events = list(
        listen(source, engine, settings=chosen, detector=LoudDetector(), clock=source.clock, **options)
    )
    marks = [event for event in events if isinstance(event, SpeechStarted | SpeechStopped)]
    return list(zip(marks[::2], marks[1::2], strict=True)), engine.sessions  # type: ignore[arg-type]


def defined(
    sound: np.ndarray, started: SpeechStarted, stopped: SpeechStopped, chosen: EndpointingSettings
) -> np.ndarray:
    """What the model must be fed of an utterance, computed from the whole source after the fact."""
    tail = ms_to_samples(chosen.tail_ms)
    real_end = stopped.end_sample + min(stopped.hangover_samples, tail)
    frames = np.zeros((frames_in(stopped.end_sample + tail - started.start_sample), 640), dtype=np.float32)
    real = sound[started.start_sample : real_end]
    frames.reshape(-1)[: len(real)] = real
    return frames


lengths = st.integers(1, 8) | st.integers(9, 40) | st.integers(60, 160)
stretches = st.lists(st.tuples(st.booleans(), lengths), max_size=12)
chunkings = st.lists(st.integers(1, 5000), min_size=1, max_size=6)


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=25)
@given(stretches, chunkings)
def test_what_is_fed_is_what_an_utterance_is_whatever_was_computed_ahead(
    name: str, stretches: list, sizes: list[int]
) -> None:
    sound, chosen = sound_of(stretches), ALL[name]
    utterances, sessions = heard(Live(sound, sizes), chosen)
    for (started, stopped), session in zip(utterances, sessions, strict=True):
        if rejection(stopped, chosen) is None:
            assert session.finished is not None
            np.testing.assert_array_equal(session.finished, defined(sound, started, stopped, chosen))


@pytest.mark.parametrize("name", ["free", "usual", "odd", "held in pieces"])
@settings(deadline=None, max_examples=20)
@given(stretches)
def test_when_a_whole_hangover_was_waited_for_the_final_words_were_prepared_for_just_these_frames(
    name: str, stretches: list
) -> None:
    chosen = ALL[name]
    utterances, sessions = heard(Live(sound_of(stretches), [WINDOW_SAMPLES]), chosen)
    hangover = ms_to_samples(chosen.hangover_ms)
    for (_, stopped), session in zip(utterances, sessions, strict=True):
        if stopped.hangover_samples < hangover or rejection(stopped, chosen) is not None:
            continue
        assert session.prepared, "nothing was computed while silence was waited through"
        assert session.finished is not None
        assert session.prepared[-1] == (session.changes, session.finished.tobytes())


def test_who_goes_on_after_the_words_were_prepared_is_heard_as_if_they_had_not_been() -> None:
    sound = sound_of([(False, 20), (True, 30), (False, 25), (True, 20), (False, 50)])
    (utterance,), (session,) = heard(Live(sound, [640]), USUAL)
    assert len(session.prepared) == 2
    assert session.finished is not None
    np.testing.assert_array_equal(session.finished, defined(sound, *utterance, USUAL))


def test_what_was_closed_ahead_leaves_no_padding_where_the_utterance_turns_out_longer() -> None:
    sound = sound_of([(True, 20)])
    ring = SampleRing(len(sound))
    ring.push(sound)
    session = Recorded(0)
    feeder = Feeder(session, 0, ring, 100)
    feeder.close(1000, 100)
    assert len(session.frames) == 2
    feeder.close(3000, 50)
    fed = session.frames.ravel()
    np.testing.assert_array_equal(fed[:3050], sound[:3050])
    assert not fed[3050:].any()
    assert len(session.frames) == 5


def test_clicks_are_not_prepared_for() -> None:
    picky = dataclasses.replace(USUAL, min_speech_ms=200)
    _, (session,) = heard(Live(sound_of([(False, 20), (True, 4), (False, 50)]), [640]), picky)
    assert session.prepared == []


def test_sound_that_is_read_faster_than_it_was_said_is_not_worth_computing_ahead() -> None:
    sound = sound_of([(False, 20), (True, 100), (False, 50)])
    source = Live(sound, [640])
    source.clock = lambda: 5.0  # type: ignore[method-assign]
    _, (session,) = heard(source, USUAL, partials_shown=False)
    assert (session.prepared, session.partials) == ([], 0)


def test_partial_words_are_computed_as_drafts_also_where_nobody_watches() -> None:
    engine = RecordingEngine()
    source = Live(sound_of([(False, 20), (True, 100), (False, 50)]), [640])
    events = listen(
        source, engine, settings=USUAL, detector=LoudDetector(), clock=source.clock, partial_every_ms=1000,
        partials_shown=False,
    )  # type: ignore[arg-type]  # fmt: skip
    assert [event.kind for event in events if isinstance(event, Hypothesis)] == ["final"]
    assert engine.sessions[0].partials == 3, "each second, and the pause"


def test_who_is_behind_computes_nothing_ahead_and_says_how_far() -> None:
    engine = RecordingEngine()
    source = Live(sound_of([(False, 20), (True, 100), (False, 50)]), [640], behind_s=1.5)
    events = list(
        listen(
            source, engine, settings=USUAL, detector=LoudDetector(), clock=source.clock, partial_every_ms=1000
        )  # type: ignore[arg-type]
    )
    assert (engine.sessions[0].prepared, engine.sessions[0].partials) == ([], 0)
    assert {event.behind_ms for event in events if isinstance(event, Level)} == {1500.0}


@pytest.mark.parametrize(("waiting", "behind_ms"), [(0, 0.0), (3, 0.0), (4, 160.0), (30, 1120.0)])
def test_frames_that_wait_for_their_block_to_be_whole_are_not_behind(waiting: int, behind_ms: float) -> None:
    engine = RecordingEngine()
    assert engine.profile.block_frames == 4
    engine.session = lambda **_: Recorded(0, lag_frames=waiting)  # type: ignore[assignment, method-assign]
    source = Live(sound_of([(True, 50)]), [640])
    events = list(listen(source, engine, settings=USUAL, detector=LoudDetector(), clock=source.clock))  # type: ignore[arg-type]
    levels = [event.behind_ms for event in events if isinstance(event, Level)]
    assert levels[-1] == behind_ms


# --- a key that comes up ---------------------------------------------------------------------------------

QUIET_MS = 200
HELD = hold_settings(USUAL)


def first_end(flags: list[bool], released: int) -> int | None:
    """The window boundary where a take may end, by going through all of them."""
    speech_end = 0
    for index, is_speech in enumerate(flags):
        heard = (index + 1) * WINDOW_SAMPLES
        speech_end = heard if is_speech else speech_end
        if heard >= released and heard - speech_end >= ms_to_samples(QUIET_MS):
            return heard
    return None


@settings(deadline=None, max_examples=50)
@given(stretches, chunkings, st.integers(0, 100_000))
def test_after_the_release_a_take_ends_once_nobody_spoke_for_a_while_and_loses_nothing_before(
    stretches: list, sizes: list[int], released: int
) -> None:
    sound = sound_of(stretches)
    sound = sound[: released + ms_to_samples(400)]
    flags = [speech for speech, n in stretches for _ in range(n)]
    end = first_end(flags[: len(sound) // WINDOW_SAMPLES], released)
    source = Live(sound, sizes, released_sample=released)
    utterances, sessions = heard(source, HELD, release_quiet_ms=QUIET_MS)
    assert (source.enough_at is not None) == (end is not None)
    for (started, stopped), session in zip(utterances, sessions, strict=True):
        if stopped.reason == "end_of_source":
            padded = -(-len(sound) // WINDOW_SAMPLES) * WINDOW_SAMPLES
            assert stopped.end_sample + stopped.hangover_samples == (end or padded)
        if rejection(stopped, HELD) is None:
            assert session.finished is not None
            np.testing.assert_array_equal(session.finished, defined(sound, started, stopped, HELD))


def test_a_take_whose_key_is_not_up_goes_on_through_silence() -> None:
    source = Live(sound_of([(True, 50), (False, 100)]), [640])
    heard(source, HELD, release_quiet_ms=QUIET_MS)
    assert source.enough_at is None


def test_words_of_a_pause_that_the_release_ends_are_at_hand() -> None:
    sound = sound_of([(False, 10), (True, 50), (False, 25)])
    source = Live(sound, [WINDOW_SAMPLES], released_sample=83 * WINDOW_SAMPLES)
    _, (session,) = heard(source, HELD, release_quiet_ms=QUIET_MS)
    assert source.enough_at == 83 * WINDOW_SAMPLES
    assert session.finished is not None
    assert session.prepared == [(session.changes, session.finished.tobytes())]


@settings(deadline=None, max_examples=20)
@given(stretches, st.integers(0, 60_000))
def test_a_retry_feeds_a_take_that_ended_early_as_it_was_fed(stretches: list, released: int) -> None:
    sound = sound_of(stretches)
    source = Live(sound, [640], released_sample=released)
    utterances, sessions = heard(source, HELD, release_quiet_ms=QUIET_MS)
    chosen = Settings.model_validate({"listening": {"tail_ms": USUAL.tail_ms}})
    for (started, stopped), session in zip(utterances, sessions, strict=True):
        if session.finished is None:
            continue
        again = RecordingEngine()
        kept = sound[started.start_sample : stopped.end_sample + stopped.hangover_samples]
        pipeline.hear_utterance(kept, stopped.end_sample - started.start_sample, again, chosen)  # type: ignore[arg-type]
        np.testing.assert_array_equal(again.sessions[0].finished, session.finished)


# --- with a model ----------------------------------------------------------------------------------------


def test_words_that_were_prepared_in_pauses_are_those_of_the_same_sound_heard_at_once() -> None:
    sound = np.concatenate([
        0.001 * np.ones(8000, dtype=np.float32), tiny.sound(50, seed=1).ravel(),
        0.001 * np.ones(8000, dtype=np.float32), tiny.sound(25, seed=2).ravel(),
        0.001 * np.ones(16_000, dtype=np.float32),
    ])  # fmt: skip
    with Engine.open(tiny.tiny_model(), n_ctx=512) as engine:
        engine.profile = dataclasses.replace(engine.profile, min_confidence=-100.0)
        source = Live(sound, [640])
        ahead, flat = [], []
        for event in listen(
            source, engine, settings=USUAL, detector=LoudDetector(), clock=source.clock, partial_every_ms=300
        ):
            ahead.append(event)
        again = Live(sound, [640])
        for event in listen(again, engine, settings=USUAL, detector=LoudDetector(), clock=lambda: 5.0):
            flat.append(event)
    words = [
        [e for e in events if isinstance(e, Hypothesis) and e.kind == "final"] for events in (ahead, flat)
    ]
    assert len(words[0]) == len(words[1]) == 1
    assert words[0][0].tokens == words[1][0].tokens
    assert words[0][0].timing.audio_s == words[1][0].timing.audio_s
