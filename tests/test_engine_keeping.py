"""What a process must be told, and when it counts as hung: decisions without a process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.messages import MOST_FRAMES, AskPartial, Cancel, Finish, Open, Rewind, Sound, ToEngine
from engine.utterance import FrameStore, Told, Utterance, next_message
from engine.watchdog import Limits, Watchdog
from engine.worker import Inbox


class Process:
    """Does with messages what the worker does, to numbered frames."""

    def __init__(self) -> None:
        self.told = Told()
        self.frames: list[float] = []
        self.said: list[ToEngine] = []

    def bring(self, utterance: Utterance, messages: int = 10_000) -> None:
        for _ in range(messages):
            step = next_message(utterance, self.told)
            if step is None:
                return
            message, self.told = step
            utterance.was_told(self.told.frames)
            self.said.append(message)
            match message:
                case Open():
                    self.frames = []
                case Sound(frames=frames):
                    assert len(frames) <= MOST_FRAMES
                    self.frames += frames[:, 0].tolist()
                case Rewind(frames=n):
                    assert 0 < n <= len(self.frames)
                    del self.frames[len(self.frames) - n :]


def numbered(first: int, count: int) -> np.ndarray:
    return np.repeat(np.arange(first, first + count, dtype=np.float32), 640).reshape(-1, 640)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 50)),
        st.tuples(st.just("rewind"), st.integers(0, 60)),
        st.tuples(st.just("send"), st.integers(0, 4)),
        st.tuples(st.just("lose"), st.just(0)),
    ),
    max_size=40,
)


@given(actions)
@example([("push", 10), ("send", 4), ("rewind", 5), ("push", 5)])
@settings(max_examples=300)
def test_whatever_was_pushed_rewound_and_lost_the_process_ends_up_with_the_frames_of_the_caller(
    todo: list[tuple[str, int]],
) -> None:
    utterance, process, wanted, number = Utterance(1, 0, FrameStore()), Process(), [], 0
    for action, count in todo:
        if action == "push":
            utterance.push(numbered(number, count))
            wanted += [float(number + i) for i in range(count)]
            number += count
        elif action == "rewind":
            dropped = min(count, len(wanted))
            utterance.rewind(dropped)
            wanted = wanted[: len(wanted) - dropped]
        elif action == "send":
            process.bring(utterance, count)
        else:
            utterance.process_lost()
            process = Process()
    process.bring(utterance)
    assert process.frames == wanted
    assert utterance.pushed == len(wanted)


def test_words_are_asked_for_when_all_sound_was_sent_and_only_once() -> None:
    utterance, process = Utterance(3, 640, FrameStore()), Process()
    utterance.push(numbered(0, 20))
    utterance.finish = Finish(3, 1.5, 99, False)
    process.bring(utterance)
    assert [type(message) for message in process.said] == [Open, Sound, Sound, Finish]
    assert process.said[0] == Open(3, 640)
    assert next_message(utterance, process.told) is None


def test_partial_words_that_were_asked_of_a_lost_process_are_not_asked_for_again() -> None:
    utterance, process = Utterance(1, 0, FrameStore()), Process()
    utterance.partial_asked = 1
    process.bring(utterance)
    assert process.said[-1] == AskPartial(1, 1)
    utterance.process_lost()
    second = Process()
    second.bring(utterance)
    assert [type(message) for message in second.said] == [Open]


def test_a_cancelled_utterance_is_cancelled_once_and_nothing_more_is_sent_of_it() -> None:
    utterance, process = Utterance(1, 0, FrameStore()), Process()
    utterance.push(numbered(0, 40))
    process.bring(utterance, 2)
    utterance.is_cancelled = True
    process.bring(utterance)
    assert [type(message) for message in process.said] == [Open, Sound, Cancel]
    unheard_of = Process()
    unheard_of.bring(utterance)
    assert unheard_of.said == []


def test_pieces_of_a_replay_are_handed_on_once() -> None:
    utterance = Utterance(1, 0, FrameStore())
    for text in ("a", "b"):
        utterance.take_piece(text)
    utterance.process_lost()
    for text in ("a", "b", "c"):
        utterance.take_piece(text)
    assert list(utterance.pieces) == ["a", "b", "c"]


# --- what the process reads while it works -------------------------------------------------------------


class Cancelling:
    """A session that only knows whether it was cancelled."""

    is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


def inbox_with(number: int) -> tuple[Inbox, Any]:
    inbox, session = Inbox(), Cancelling()
    inbox.put(Open(number, 0))
    inbox.take()
    inbox.begin(number, session)  # type: ignore[arg-type]
    return inbox, session


@pytest.mark.parametrize("message", [Cancel(4), Open(5, 0)])
def test_what_ends_an_utterance_is_obeyed_as_soon_as_it_is_read(message: ToEngine) -> None:
    inbox, session = inbox_with(4)
    inbox.put(Sound(4, numbered(0, 8)))
    assert not session.is_cancelled
    assert inbox.current(4) is session
    inbox.put(message)  # the sound before it was not dealt with yet
    assert session.is_cancelled
    assert inbox.current(4) is None


def test_a_cancel_that_comes_before_the_session_is_made_is_not_forgotten() -> None:
    inbox, session = Inbox(), Cancelling()
    inbox.put(Open(4, 0))
    inbox.put(Cancel(4))
    inbox.take()
    inbox.begin(4, session)  # type: ignore[arg-type]
    assert session.is_cancelled
    assert inbox.current(4) is None


def test_a_late_cancel_does_not_touch_the_next_utterance() -> None:
    inbox, session = inbox_with(5)
    inbox.put(Cancel(4))
    assert not session.is_cancelled
    assert inbox.current(5) is session


def test_partial_words_make_way_for_the_final_ones_and_for_a_second_of_sound() -> None:
    inbox, _ = inbox_with(1)
    for waiting in range(0, 25, 5):
        assert not inbox.is_pressing(), waiting
        inbox.put(Sound(1, numbered(waiting, 5)))
    assert not inbox.is_pressing()
    inbox.put(Sound(1, numbered(25, 1)))
    assert inbox.is_pressing()
    inbox.take()
    assert not inbox.is_pressing()
    inbox.put(Finish(1, None, None, False))
    assert inbox.is_pressing()


def test_work_is_what_waits_and_what_is_being_done() -> None:
    inbox = Inbox()
    assert not inbox.is_busy()
    inbox.put(Open(1, 0))
    assert inbox.is_busy()
    inbox.take()
    assert inbox.is_busy()
    assert inbox.dealt_with()
    assert not inbox.is_busy()
    assert inbox.done == 1


# --- the watchdog --------------------------------------------------------------------------------------

LIMITS = Limits(start_s=30, silent_s=8, stuck_s=20, load_s=60)


def ready_watchdog() -> Watchdog:
    watchdog = Watchdog(LIMITS)
    watchdog.sent()
    watchdog.loaded()
    watchdog.beat(1, 0)
    assert watchdog.waited(0.1, was_heard=True) == ""
    return watchdog


def seconds_until_hung(watchdog: Watchdog, *, was_heard: bool, step_s: float = 1.0) -> tuple[float, str]:
    for i in range(1000):
        reason = watchdog.waited(step_s, was_heard=was_heard)
        if reason:
            return (i + 1) * step_s, reason
    return float("inf"), ""


def test_a_process_that_has_nothing_to_do_may_be_silent_for_ever() -> None:
    watchdog = ready_watchdog()
    assert watchdog.timeout_s() is None
    assert seconds_until_hung(watchdog, was_heard=False) == (float("inf"), "")


def test_silence_is_counted_from_the_first_message_that_is_not_dealt_with() -> None:
    watchdog = ready_watchdog()
    for _ in range(100):
        watchdog.waited(1.0, was_heard=False)
    watchdog.sent()
    assert watchdog.timeout_s() == 1.0
    after_s, reason = seconds_until_hung(watchdog, was_heard=False)
    assert after_s == 9
    assert "no sign of life" in reason


def test_signs_of_life_without_progress_are_enough_only_for_so_long() -> None:
    watchdog = ready_watchdog()
    watchdog.sent()
    after_s, reason = seconds_until_hung(watchdog, was_heard=True)
    assert after_s == 21
    assert "did not get on" in reason


def test_a_slow_process_that_gets_on_is_left_alone() -> None:
    watchdog = ready_watchdog()
    watchdog.sent()
    for step in range(50):
        for _ in range(15):
            assert watchdog.waited(1.0, was_heard=True) == ""
        watchdog.beat(1, step + 1)


def test_loading_has_limits_of_its_own() -> None:
    assert seconds_until_hung(Watchdog(LIMITS), was_heard=False)[0] == 31
    assert seconds_until_hung(Watchdog(LIMITS), was_heard=True)[0] == 61


@pytest.mark.parametrize("slept_s", [100.0, 1e6])
def test_a_sleep_of_the_machine_counts_as_one_wait(slept_s: float) -> None:
    watchdog = ready_watchdog()
    watchdog.sent()
    assert watchdog.waited(slept_s, was_heard=False) == ""
    assert watchdog.waited(0.1, was_heard=True) == ""
