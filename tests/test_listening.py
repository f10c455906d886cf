"""The whole street from samples to words, on a fake clock: what is heard, when, and what is refused."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny

from engine.endpointing import EndpointingSettings
from engine.errors import ContextFull, DecodeFailed
from engine.events import AudioChunk, Hypothesis, Level, Rejected, SpeechStarted, SpeechStopped, Timing
from engine.frames import samples_to_s
from engine.listening import listen, settings_for
from engine.ring import SampleRing
from engine.session import Engine
from engine.source import PcmSource
from engine.vad import rms_dbfs

RATE = 16_000
SETTINGS = EndpointingSettings(
    onset_ms=60,
    hangover_ms=600,
    pre_roll_ms=200,
    tail_ms=400,
    limit_ms=6_000,
    min_speech_ms=100,
    noise_margin_db=0.0,
)


class LoudDetector:
    """Speech is what is loud."""

    def is_speech(self, window: np.ndarray, dbfs: float | None = None) -> bool:
        return float(np.abs(window).max()) > 0.02

    def reset(self) -> None:
        pass


class FakeClock:
    """A clock for paced sources on which waiting takes no time."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now_s(self) -> float:
        return self.seconds

    def wait(self, seconds: float, closed: threading.Event) -> None:
        self.seconds += seconds


class ScriptedSession:
    """Keeps the frames it is given."""

    def __init__(self, start: int, engine: ScriptedEngine) -> None:
        self.start, self.engine = start, engine
        self.frames = np.empty((0, 640), dtype=np.float32)
        self.longest = 0
        self.is_cancelled = False

    @property
    def frames_pushed(self) -> int:
        return len(self.frames)

    def push(self, frames: np.ndarray) -> None:
        self.frames = np.concatenate((self.frames, frames))
        self.longest = max(self.longest, len(self.frames))

    def cancel(self) -> None:
        self.is_cancelled = True

    def rewind(self, n: int) -> None:
        self.frames = self.frames[: len(self.frames) - n]

    @property
    def lag_frames(self) -> int:
        return 0

    def prepare(self) -> None:
        """The frames are all there."""

    def partial(self) -> Hypothesis:
        return self.hypothesis("partial", None, self.start + self.frames.size)

    def finish(self, *, end_of_speech_s: float | None, end_sample: int) -> Hypothesis:
        return self.hypothesis("final", end_of_speech_s, end_sample)

    def hypothesis(self, kind: Any, spoken_s: float | None, end: int) -> Hypothesis:
        timing = Timing(spoken_s, 0.0, 0.0, 0.0, 0.0, samples_to_s(self.frames.size))
        text, confidence = self.engine.answer
        return Hypothesis(kind, text, (1,), confidence, self.start, end, "eos", timing)


class ScriptedEngine:
    """Gives every utterance the same words."""

    def __init__(self, text: str = "Words.", confidence: float | None = -0.1) -> None:
        self.answer = (text, confidence)
        self.profile = tiny.profile()
        self.max_frames = 1_000
        self.sessions: list[ScriptedSession] = []

    def session(self, *, start_sample: int, terms: object = ()) -> ScriptedSession:
        self.sessions.append(ScriptedSession(start_sample, self))
        return self.sessions[-1]


def hear(samples: np.ndarray, engine: Any = None, *, chunk: int = 640, **options: Any) -> list[Any]:
    source = PcmSource(samples, chunk_samples=chunk)
    options.setdefault("settings", SETTINGS)
    return list(listen(source, engine or ScriptedEngine(), detector=LoudDetector(), **options))


def without_levels(heard: list[Any]) -> list[Any]:
    return [event for event in heard if not isinstance(event, Level)]


def finals(heard: list[Any]) -> list[Hypothesis]:
    return [event for event in heard if isinstance(event, Hypothesis) and event.kind == "final"]


def quiet(seconds: float) -> np.ndarray:
    rng = np.random.default_rng(7)
    return (0.0005 * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    return tiny.sound(round(seconds * 25), seed=seed).ravel()


ONE_WORD = np.concatenate([quiet(1.0), voice(2.0), quiet(1.5)])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.open(tiny.tiny_model(), n_ctx=512) as opened:
        lenient = dataclasses.replace(opened.profile, min_confidence=-100.0)
        opened.profile = lenient
        yield opened


# --- one utterance ---------------------------------------------------------------------------------------


def test_an_utterance_is_started_stopped_and_then_heard() -> None:
    events = without_levels(hear(ONE_WORD))
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped, Hypothesis]
    started, stopped, final = events
    assert (started.start_sample, started.onset_sample) == (12_800, 16_000)
    assert (stopped.end_sample, stopped.reason) == (48_000, "pause")
    assert (final.text, final.start_sample, final.end_sample) == ("Words.", 12_800, 48_000)


def test_what_is_fed_is_sound_to_the_last_speech_and_a_fixed_tail() -> None:
    engine = ScriptedEngine()
    hear(ONE_WORD, engine)
    (session,) = engine.sessions
    fed = session.frames.ravel()
    expected = ONE_WORD[12_800 : 48_000 + 6_400]
    np.testing.assert_array_equal(fed[: len(expected)], expected)
    assert len(fed) == 640 * 65
    assert not fed[len(expected) :].any()


@pytest.mark.parametrize("chunk", [1, 160, 333, 640, 5_000, 10**6])
def test_any_chunking_feeds_the_same(chunk: int) -> None:
    reference, engine = ScriptedEngine(), ScriptedEngine()
    sound = np.concatenate([ONE_WORD, voice(1.0, 3), quiet(0.9), voice(0.3, 4)])
    expected = without_levels(hear(sound, reference))
    assert without_levels(hear(sound, engine, chunk=chunk)) == expected
    for ours, theirs in zip(engine.sessions, reference.sessions, strict=True):
        np.testing.assert_array_equal(ours.frames, theirs.frames)


@pytest.mark.parametrize("hangover_ms", [400, 600, 1_400])
def test_what_is_fed_does_not_depend_on_how_long_silence_was_waited_for(hangover_ms: int) -> None:
    engine, reference = ScriptedEngine(), ScriptedEngine()
    hear(ONE_WORD, reference)
    hear(ONE_WORD, engine, settings=dataclasses.replace(SETTINGS, hangover_ms=hangover_ms))
    np.testing.assert_array_equal(engine.sessions[0].frames, reference.sessions[0].frames)


def test_nothing_beyond_the_tail_is_ever_fed_while_silence_is_waited_for() -> None:
    engine = ScriptedEngine()
    hear(ONE_WORD, engine, settings=dataclasses.replace(SETTINGS, hangover_ms=1_400))
    assert engine.sessions[0].longest == len(engine.sessions[0].frames)


def test_a_pause_within_an_utterance_is_fed_whole() -> None:
    sound = np.concatenate([quiet(1.0), voice(1.0), quiet(0.5), voice(1.0, 2), quiet(1.0)])
    engine = ScriptedEngine()
    hear(sound, engine)
    (session,) = engine.sessions
    fed = session.frames.ravel()
    np.testing.assert_array_equal(fed[: 56_000 - 12_800], sound[12_800:56_000])


def test_a_source_that_ends_in_the_middle_of_a_word_gets_a_silent_tail() -> None:
    sound = np.concatenate([quiet(1.0), voice(1.0)])
    engine = ScriptedEngine()
    events = without_levels(hear(sound, engine))
    assert events[1].reason == "end_of_source"
    fed = engine.sessions[0].frames.ravel()
    np.testing.assert_array_equal(fed[: 32_000 - 12_800], sound[12_800:])
    assert not fed[32_000 - 12_800 :].any()
    assert len(fed) >= 32_000 - 12_800 + 6_400


# --- while it is spoken ----------------------------------------------------------------------------------


class WatchedSource:
    """A paced source that notes, whenever it is asked for more, how much is prefilled."""

    def __init__(self, samples: np.ndarray, clock: FakeClock, engine: Engine) -> None:
        self.source = PcmSource(samples, paced=True, clock=clock)
        self.engine = engine
        self.seen: list[tuple[int, int]] = []

    def chunks(self) -> Iterator[AudioChunk]:
        for chunk in self.source.chunks():
            yield chunk
            self.seen.append((chunk.start_sample + len(chunk.samples), self.engine.cache.ledger.soft))

    def close(self) -> None:
        self.source.close()


def test_prefill_happens_while_the_source_still_produces(engine: Engine) -> None:
    clock = FakeClock()
    source = WatchedSource(ONE_WORD, clock, engine)
    heard: list[tuple[float, Any]] = []
    for event in listen(source, engine, settings=SETTINGS, detector=LoudDetector(), clock=clock.now_s):
        heard.append((clock.seconds - 1_000.0, event))
    assert clock.seconds == pytest.approx(1_000.0 + len(ONE_WORD) / RATE), "a chunk came before its time"
    start = 12_800
    for now, prefilled in source.seen:
        if 20_000 <= now <= 48_000:
            behind = (now - start) // 640 - prefilled
            assert 0 <= behind <= engine.block_frames, (
                f"at sample {now} only {prefilled} frames are prefilled"
            )
    (spoken,) = [(at, event) for at, event in heard if isinstance(event, Hypothesis)]
    assert spoken[0] == pytest.approx(3.6, abs=0.05), (
        "the words come when the pause is over, not when the source is"
    )
    assert spoken[1].timing.end_of_speech_s == pytest.approx(1_003.0, abs=0.05)


def test_streamed_words_are_those_of_the_same_frames_in_one_piece(engine: Engine) -> None:
    (final,) = finals(hear(ONE_WORD, engine, partial_every_ms=500))
    frames = np.zeros((65, 640), dtype=np.float32)
    frames.ravel()[: 54_400 - 12_800] = ONE_WORD[12_800:54_400]
    session = engine.session()
    session.push(frames)
    assert session.finish().tokens == final.tokens


def test_partials_come_at_their_pace_and_before_the_stop() -> None:
    events = without_levels(hear(ONE_WORD, partial_every_ms=500))
    kinds = [event.kind if isinstance(event, Hypothesis) else type(event).__name__ for event in events]
    assert kinds == ["SpeechStarted", *["partial"] * 5, "SpeechStopped", "final"]


def test_a_source_that_is_read_flat_out_has_no_end_of_speech_time() -> None:
    (final,) = finals(hear(ONE_WORD, clock=lambda: 5.0))
    assert final.timing.end_of_speech_s is None


def test_levels_come_twelve_times_a_second() -> None:
    levels = [event for event in hear(ONE_WORD) if isinstance(event, Level)]
    assert len(levels) == int(4.5 * 12.5)
    assert levels[0].rms_dbfs == pytest.approx(-66, abs=1)
    assert not levels[0].is_speech
    assert levels[20].is_speech
    assert 0.05 < levels[20].peak <= 1
    assert levels[-1].sample == len(levels) * 1_280


# --- a long monologue ------------------------------------------------------------------------------------


def monologue(seconds: float) -> np.ndarray:
    """Speech that hardly pauses: 120 ms of softer sound about every three seconds."""
    sound = voice(seconds, 11).copy()
    for second in np.arange(2.9, seconds, 3.1):
        at = int(second * RATE)
        sound[at : at + 1_920] *= 0.001
    return sound


@pytest.mark.parametrize("sound", [monologue(40.0), voice(40.0, 12)], ids=["pauses", "never pauses"])
def test_a_monologue_becomes_utterances_that_join_without_loss_or_doubling(sound: np.ndarray) -> None:
    engine = ScriptedEngine()
    heard = finals(hear(np.concatenate([quiet(0.5), sound, quiet(1.0)]), engine))
    whole = np.concatenate([quiet(0.5), sound, quiet(1.0)])
    assert len(heard) >= 7
    for before, after in pairwise(heard):
        assert before.end_sample <= after.start_sample, "no sample is heard twice"
        gap = whole[before.end_sample : after.start_sample]
        assert rms_dbfs(gap) < -40 or not len(gap), "only silence is left out"
    for final, session in zip(heard, engine.sessions, strict=True):
        fed = session.frames.ravel()
        own = whole[final.start_sample : final.end_sample]
        np.testing.assert_array_equal(fed[: len(own)], own)
        assert rms_dbfs(fed[len(own) :]) < -40, "the words of the next utterance are not in this one's tail"
        assert len(fed) <= 6_000 * 16 + 640


def test_minutes_of_speech_lose_no_sample() -> None:
    engine = ScriptedEngine()
    sound = np.tile(np.concatenate([voice(7.0, 1), quiet(1.0)]), 15)
    recorded = 0

    def count(samples: np.ndarray) -> None:
        nonlocal recorded
        recorded += len(samples)

    spoken = sum(
        event.end_sample - event.start_sample for event in finals(hear(sound, engine, recorder=count))
    )
    assert recorded == len(sound) == 120 * RATE
    assert spoken == pytest.approx(15 * 7 * RATE, rel=0.05)


# --- nothing spoken --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (np.zeros(0, dtype=np.float32), "audio-empty"),
        (voice(0.04), "audio-too-short"),
        (np.zeros(RATE * 3, dtype=np.float32), "audio-silent"),
        (quiet(3.0), "audio-too-quiet"),
        (quiet(3.0) * 8, "no-speech"),
    ],
)
def test_where_nobody_speaks_nothing_is_inserted_and_it_says_why(sound: np.ndarray, reason: str) -> None:
    engine = ScriptedEngine()
    events = without_levels(hear(sound, engine))
    assert [type(event) for event in events] == [Rejected]
    assert events[0].reason == reason
    assert events[0].message
    assert events[0].hint
    assert (events[0].start_sample, events[0].end_sample) == (0, len(sound))
    assert engine.sessions == []


def test_a_click_is_rejected_without_asking_the_model() -> None:
    engine = ScriptedEngine(text="Thank you.")
    sound = np.concatenate([quiet(1.0), voice(2.0)[: 4 * 320], quiet(1.5)])
    events = without_levels(hear(sound, engine))
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped, Rejected]
    assert events[-1].reason == "no-speech"


@pytest.mark.parametrize(
    ("text", "confidence", "reason"), [("", None, "no-speech"), ("Mumble.", -7.0, "unsure")]
)
def test_sound_without_words_is_rejected(text: str, confidence: float | None, reason: str) -> None:
    events = without_levels(hear(ONE_WORD, ScriptedEngine(text, confidence)))
    assert isinstance(events[-1], Rejected)
    assert events[-1].reason == reason
    assert events[-1].start_sample == 12_800


# --- sessions are not left open ---------------------------------------------------------------------------


def test_partial_words_that_are_not_at_hand_are_asked_for_again_with_the_next_frame() -> None:
    class Slow(ScriptedSession):
        asked = 0

        def partial(self) -> Hypothesis:
            self.asked += 1
            return super().partial() if self.asked % 3 == 0 else None  # type: ignore[return-value]

    engine = ScriptedEngine()
    session = Slow(0, engine)
    engine.session = lambda **_: session  # type: ignore[assignment, method-assign]
    partials = [event for event in hear(voice(2.0), engine, partial_every_ms=400) if is_partial(event)]
    assert len(partials) == session.asked // 3 > 2


def is_partial(event: Any) -> bool:
    return isinstance(event, Hypothesis) and event.kind == "partial"


def test_a_session_whose_sound_is_rejected_or_left_is_cancelled() -> None:
    engine = ScriptedEngine()
    sessions: list[ScriptedSession] = []

    def begin(*, start_sample: int, terms: object = ()) -> ScriptedSession:
        sessions.append(ScriptedSession(start_sample, engine))
        return sessions[-1]

    engine.session = begin  # type: ignore[method-assign]
    heard = listen(PcmSource(ONE_WORD), engine, detector=LoudDetector())  # type: ignore[arg-type]
    while not isinstance(next(heard), SpeechStarted):
        pass
    heard.close()  # type: ignore[attr-defined]
    assert [session.is_cancelled for session in sessions] == [True]
    hear(ONE_WORD, engine)
    hear(np.concatenate([quiet(1.0), voice(2.0)[: 4 * 320], quiet(1.5)]), engine)
    assert [session.is_cancelled for session in sessions] == [True, False, True]


# --- robustness ------------------------------------------------------------------------------------------


def test_every_sample_is_recorded_before_the_model_may_fail() -> None:
    engine = ScriptedEngine()
    recorded: list[np.ndarray] = []

    def fail(*_: object, **__: object) -> None:
        raise DecodeFailed("scripted")

    scripted = SimpleNamespace(frames_pushed=0, push=fail, cancel=lambda: None)
    engine.session = lambda **_: scripted  # type: ignore[assignment, method-assign]
    with pytest.raises(DecodeFailed):
        hear(ONE_WORD, engine, recorder=lambda samples: recorded.append(samples.copy()))
    kept = np.concatenate(recorded)
    assert len(kept) >= 16_000
    np.testing.assert_array_equal(kept, ONE_WORD[: len(kept)])


def test_an_utterance_longer_than_the_context_is_refused_before_anybody_speaks() -> None:
    engine = ScriptedEngine()
    engine.max_frames = 100
    with pytest.raises(ContextFull, match="150 positions, 100 are free"):
        hear(ONE_WORD, engine)


def test_a_model_brings_its_own_limits() -> None:
    profile = dataclasses.replace(tiny.profile(), max_utterance_ms=9_000, tail_ms=300)
    assert (settings_for(profile).limit_ms, settings_for(profile).tail_ms) == (9_000, 300)


# --- the ring --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[1] * 30, [3, 7, 2, 5, 11, 4], [10], [25], [9, 25, 1, 10]])
def test_a_ring_gives_back_the_newest_samples_by_position(sizes: list[int]) -> None:
    ring = SampleRing(10)
    stream = np.arange(200, dtype=np.float32)
    at = 0
    for size in sizes:
        ring.push(stream[at : at + size])
        at += size
        assert (ring.start, ring.end) == (max(0, at - 10), at)
        for start in range(ring.start, at + 1):
            np.testing.assert_array_equal(ring.read(start, at), stream[start:at])


@pytest.mark.parametrize(("start", "end"), [(4, 8), (10, 16), (9, 8)])
def test_a_ring_refuses_what_it_does_not_hold(start: int, end: int) -> None:
    ring = SampleRing(10)
    ring.push(np.zeros(15, dtype=np.float32))
    with pytest.raises(LookupError):
        ring.read(start, end)
