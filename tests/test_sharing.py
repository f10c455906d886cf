"""One model for the microphone and for others: the microphone first, and everybody hears the same words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tiny
from engine_processes import FRAMES, hear, is_undisturbed, until

from engine.background import BackgroundSession, Once
from engine.client import EngineClient
from engine.errors import Cancelled, ContextFull, DecodeFailed
from engine.events import Written
from engine.sharing import SharedEngine
from engine.turns import Turn, Turns

PROMPT = "Write down what follows. "
OTHER = tiny.sound(12, seed=3)


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedEngine]:
    client = EngineClient(tiny.tiny_model(), n_ctx=512, text_ctx=512)
    with SharedEngine(client) as opened:
        yield opened


@pytest.fixture
def run() -> Iterator[Callable[..., Future[Any]]]:
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield pool.submit


def pushed(session: Any, frames: np.ndarray = FRAMES) -> Any:
    for frame in frames:
        session.push(frame[None])
    return session


def write(shared: SharedEngine, suffix: str = "the words", pieces: list[str] | None = None) -> Written:
    text = shared.background.read(PROMPT)
    return text.write(suffix, max_tokens=60, on_piece=None if pieces is None else pieces.append)


# --- utterances ------------------------------------------------------------------------------------------


def test_the_background_hears_what_the_engine_hears(shared: SharedEngine) -> None:
    assert is_undisturbed(hear(shared.background, FRAMES))


def test_an_utterance_waits_while_the_microphones_is_open(
    shared: SharedEngine, run: Callable[..., Future[Any]]
) -> None:
    front = pushed(shared.session(), OTHER)
    behind = pushed(shared.background.session())
    words = run(behind.finish)
    until(lambda: shared.background.waiting == 1, "it waits")
    assert not words.done()
    front.finish()
    assert is_undisturbed(words.result(30))


def test_the_microphone_puts_an_utterance_off_which_is_begun_again_by_itself(
    shared: SharedEngine, run: Callable[..., Future[Any]]
) -> None:
    behind = pushed(shared.background.session())
    words = run(behind.finish)
    front = pushed(shared.session())
    assert is_undisturbed(front.finish())
    assert is_undisturbed(words.result(30))


def test_put_off_in_the_middle_of_its_sound_it_goes_on_from_what_was_kept(shared: SharedEngine) -> None:
    behind = pushed(shared.background.session(), FRAMES[:30])
    front = pushed(shared.session())
    pushed(behind, FRAMES[30:])
    assert behind.times_put_off == 1
    assert behind.lag_frames == 60, "nothing of it is in the model now"
    assert is_undisturbed(front.finish())
    assert is_undisturbed(behind.finish())


def test_pieces_are_told_once_however_often_it_is_put_off(
    shared: SharedEngine, run: Callable[..., Future[Any]]
) -> None:
    behind = pushed(shared.background.session())
    pieces: list[str] = []
    came, go_on = threading.Event(), threading.Event()

    def on_piece(piece: str) -> None:
        pieces.append(piece)
        came.set()
        assert go_on.wait(30)

    words = run(behind.finish, on_piece=on_piece)
    assert came.wait(30)
    front = pushed(shared.session(), OTHER)
    go_on.set()
    until(lambda: behind.times_put_off == 1 and shared.background.waiting == 1, "it was put off")
    front.finish()
    heard = words.result(30)
    assert is_undisturbed(heard)
    assert "".join(pieces).strip() == heard.text


@pytest.mark.parametrize("ending", ["cancel", "error", "replaced"])
def test_however_the_microphones_utterance_ends_the_background_goes_on(
    shared: SharedEngine, run: Callable[..., Future[Any]], ending: str
) -> None:
    front = shared.session()
    words = run(pushed(shared.background.session()).finish)
    until(lambda: shared.background.waiting == 1, "it waits")
    if ending == "cancel":
        front.cancel()
    elif ending == "error":
        with pytest.raises(ContextFull):
            front.push(np.zeros((5000, 640), dtype=np.float32))
    else:
        shared.session().cancel()
    assert is_undisturbed(words.result(30))
    assert not shared.is_front_open


def test_giving_the_microphone_up_leaves_the_background_alone(
    shared: SharedEngine, run: Callable[..., Future[Any]]
) -> None:
    words = run(pushed(shared.background.session()).finish)
    shared.cancel()
    assert is_undisturbed(words.result(30))


def test_several_in_the_background_hear_each_the_own_words(
    shared: SharedEngine, run: Callable[..., Future[Any]]
) -> None:
    words = [run(hear, shared.background, FRAMES) for _ in range(4)]
    assert all(is_undisturbed(each.result(60)) for each in words)


def test_one_that_sends_slowly_does_not_hold_up_one_that_is_waited_for(shared: SharedEngine) -> None:
    slow = pushed(shared.background.session(), FRAMES[:30])
    assert is_undisturbed(hear(shared.background, FRAMES))
    assert slow.times_put_off == 1
    pushed(slow, FRAMES[30:])
    assert is_undisturbed(slow.finish())


def test_frames_may_be_rewound_wherever_they_are(shared: SharedEngine) -> None:
    behind = pushed(shared.background.session(), FRAMES[:40])
    behind.rewind(20)
    pushed(behind, FRAMES[20:50])
    front = pushed(shared.session(), OTHER)
    behind.rewind(10)
    front.cancel()
    pushed(behind, FRAMES[40:])
    assert behind.frames_pushed == 60
    assert is_undisturbed(behind.finish())
    with pytest.raises(ValueError, match="cannot be dropped"):
        shared.background.session().rewind(1)


def test_more_frames_than_the_model_takes_are_refused(shared: SharedEngine) -> None:
    behind = shared.background.session()
    with pytest.raises(ContextFull):
        behind.push(np.zeros((5000, 640), dtype=np.float32))
    behind.cancel()


def test_one_that_was_cancelled_says_so_in_every_call(
    shared: SharedEngine, run: Callable[..., Future[Any]]
) -> None:
    front = shared.session()
    behind = pushed(shared.background.session())
    words = run(behind.finish)
    until(lambda: shared.background.waiting == 1, "it waits")
    behind.cancel()
    with pytest.raises(Cancelled):
        words.result(30)
    with pytest.raises(Cancelled):
        behind.push(FRAMES[:1])
    assert shared.background.waiting == 0
    front.cancel()
    assert is_undisturbed(hear(shared.background, FRAMES))


def test_a_session_in_the_background_ends_once(shared: SharedEngine) -> None:
    behind = pushed(shared.background.session())
    behind.finish()
    with pytest.raises(RuntimeError, match="over"):
        behind.finish()


# --- texts -----------------------------------------------------------------------------------------------


def test_a_text_waits_for_the_microphone_and_is_the_same_text(
    shared: SharedEngine, run: Callable[..., Future[Any]]
) -> None:
    undisturbed = write(shared)
    front = pushed(shared.session())
    text = run(write, shared)
    until(lambda: shared.background.waiting == 1, "it waits")
    front.finish()
    assert text.result(30).tokens == undisturbed.tokens


def test_a_text_that_is_put_off_tells_its_pieces_once(
    shared: SharedEngine, run: Callable[..., Future[Any]]
) -> None:
    pieces: list[str] = []
    came, go_on = threading.Event(), threading.Event()

    def on_piece(piece: str) -> None:
        pieces.append(piece)
        came.set()
        assert go_on.wait(30)

    undisturbed: list[str] = []
    tokens = write(shared, pieces=undisturbed).tokens
    text = shared.background.read(PROMPT)
    written = run(text.write, "the words", max_tokens=60, on_piece=on_piece)
    assert came.wait(30)
    front = pushed(shared.session(), OTHER)
    go_on.set()
    until(lambda: text.times_put_off == 1 and shared.background.waiting == 1, "it was put off")
    front.finish()
    assert written.result(30).tokens == tokens
    assert "".join(pieces) == "".join(undisturbed)


def test_a_text_of_the_users_that_was_announced_is_not_lost_to_the_background(
    shared: SharedEngine, run: Callable[..., Future[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.turns.EXPECTED_S", 0.0)
    mine = shared.read(PROMPT)
    theirs = write(shared)
    assert mine.write("the words", max_tokens=60).tokens == theirs.tokens


def test_what_was_announced_keeps_the_background_waiting_until_it_is_written(
    shared: SharedEngine, run: Callable[..., Future[Any]]
) -> None:
    mine = shared.read(PROMPT)
    text = run(write, shared)
    until(lambda: shared.background.waiting == 1, "it waits")
    assert not text.done()
    assert mine.write("the words", max_tokens=60).tokens == text.result(30).tokens


def test_a_text_that_is_dropped_is_cancelled(shared: SharedEngine, run: Callable[..., Future[Any]]) -> None:
    front = shared.session()
    text = shared.background.read(PROMPT)
    written = run(text.write, "the words")
    until(lambda: shared.background.waiting == 1, "it waits")
    text.drop()
    with pytest.raises(Cancelled):
        written.result(30)
    front.cancel()


# --- the end ---------------------------------------------------------------------------------------------


def test_what_nobody_waits_for_does_not_keep_the_model_in_memory() -> None:
    with SharedEngine(EngineClient(tiny.tiny_model(), n_ctx=512)) as shared:
        behind = pushed(shared.background.session(), FRAMES[:30])
        until(lambda: shared.state.state == "ready", "the model is loaded")
        assert shared.unload(wait_s=30)
        pushed(behind, FRAMES[30:])
        assert is_undisturbed(behind.finish())


def test_closing_cancels_whoever_waits(run: Callable[..., Future[Any]]) -> None:
    shared = SharedEngine(EngineClient(tiny.tiny_model(), n_ctx=512))
    shared.session()
    words = run(pushed(shared.background.session()).finish)
    until(lambda: shared.background.waiting == 1, "it waits")
    shared.close()
    with pytest.raises(Cancelled):
        words.result(30)


def test_whoever_frees_memory_is_told_when_the_background_works() -> None:
    told: list[bool] = []
    with SharedEngine(EngineClient(tiny.tiny_model(), n_ctx=512), on_busy=told.append) as shared:
        hear(shared.background, FRAMES)
        assert told == [True, False]
        session: BackgroundSession = pushed(shared.background.session(), FRAMES[:3])
        assert told == [True, False, True]
        session.cancel()
        assert told == [True, False, True, False]
        shared.expect()
        assert told == [True, False, True, False, False], "nobody frees what was loaded for nothing"


def test_an_utterance_that_could_not_begin_is_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> Any:
        raise OSError("no memory for it")

    with SharedEngine(EngineClient(tiny.tiny_model(), n_ctx=512)) as shared:
        with monkeypatch.context() as broken:
            broken.setattr(shared.client, "session", full)
            with pytest.raises(OSError, match="no memory"):
                shared.session()
        shared.cancel()
        assert not shared.is_front_open
        assert is_undisturbed(hear(shared, FRAMES))


# --- the rules, without a model --------------------------------------------------------------------------


def test_whoever_began_to_wait_first_is_first_again_after_being_put_off(
    run: Callable[..., Future[Any]],
) -> None:
    turns = Turns()
    first, second = Turn(lambda: None), Turn(lambda: None)
    turns.take(first)
    later = run(turns.take, second)
    until(lambda: turns.waiting == 1, "the second waits")
    turns.begin_front("microphone")
    again = run(turns.take, first)
    until(lambda: turns.waiting == 2, "both wait")
    turns.end_front("microphone")
    again.result(30)
    assert first.has
    assert not later.done()
    turns.give_back(first)
    later.result(30)


def test_words_that_come_out_differently_are_an_error_not_a_jumble() -> None:
    told: list[str] = []
    once = Once(told.append)
    for piece in ("The ", "quick "):
        once.take(piece)
    once.begin()
    once.take("The qu")
    once.take("ick brown")
    assert "".join(told) == "The quick brown"
    once.begin()
    with pytest.raises(DecodeFailed, match="differently"):
        once.take("A slow")
    once.begin()
    once.take("The quick")
    with pytest.raises(DecodeFailed, match="differently"):
        once.end()


def test_the_background_rests_a_moment_behind_the_front(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.turns.REST_S", 1000.0)
    turns = Turns()
    assert turns.try_take(Turn(lambda: None)), "nobody was in front"
    microphone, behind = object(), Turn(lambda: None)
    turns.begin_front(microphone)
    turns.end_front(microphone)
    assert not turns.try_take(behind)
    monkeypatch.setattr("engine.turns.REST_S", 0.05)
    turns.begin_front(microphone)
    turns.end_front(microphone)
    turns.end_front(microphone)
    turns.take(behind)
    assert behind.has
