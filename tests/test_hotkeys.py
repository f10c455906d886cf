"""What every listener does, shown with the scripted one: timelines, threads, ends."""

from __future__ import annotations

import dataclasses
import threading
import time

import pytest
from hotkey_ear import Ear
from virtual_display import until

from hotkeys import (
    Bindings,
    Cancel,
    ChordInvalid,
    HotkeyListener,
    ListenerLost,
    ScriptedListener,
    TalkEvent,
    TalkStart,
    TalkStop,
    timeline,
)
from hotkeys.gesture import KeyEvent


def heard(text: str, **bindings: object) -> list[str]:
    """What comes of a timeline on its own clock, as "10 start edit"."""
    listener = ScriptedListener(Bindings(**bindings), timeline(text), paced=False, ends=True)  # type: ignore[arg-type]
    return [told(event) for event in listener.events()]


def told(event: TalkEvent) -> str:
    kind = f"start {event.mode}" if isinstance(event, TalkStart) else type(event).__name__.lower()
    return f"{round(event.at_s * 1000)} {kind}"


# --- timelines ----------------------------------------------------------------------------------------------


def test_a_timeline_plays_at_once_on_its_own_clock() -> None:
    began_s = time.monotonic()
    day = "0+<ctrl> 5+<alt> 10+space 90000-space 90010-<alt> 90020-<ctrl>"
    assert heard(day, style="hold") == ["10 start dictate", "90000 talkstop"]
    assert time.monotonic() - began_s < 45  # a minute and a half of it was talk


def test_a_tap_a_hold_and_a_cancel() -> None:
    text = "0+<f9> 100-<f9> 5000+<f9> 5100-<f9> 7000+<f9> 8000-<f9> 9000+<f8> 9500+<esc> 9900-<f8>"
    assert heard(text, dictate="<f9>", edit="<f8>") == [
        "0 start dictate", "5000 talkstop", "7000 start dictate", "8000 talkstop",
        "9000 start edit", "9500 cancel",
    ]  # fmt: skip


def test_a_key_that_is_still_down_at_the_end_stops_after_the_longest_hold() -> None:
    assert heard("0+<f9>", dictate="<f9>", style="hold", longest_hold_s=60.0) == [
        "0 start dictate", "60000 talkstop"
    ]  # fmt: skip


def test_what_is_no_timeline_is_refused() -> None:
    with pytest.raises(ChordInvalid, match="not a step of a timeline: 'soon'"):
        timeline("soon")
    with pytest.raises(ChordInvalid, match="names no key we know"):
        timeline("0+<nokey>")


def test_a_timeline_can_be_played_in_real_time() -> None:
    began_s = time.monotonic()
    listener = ScriptedListener(
        Bindings(dictate="<f9>", style="hold"), timeline("0+<f9> 120-<f9>"), ends=True
    )
    start, stop = list(listener.events())
    assert isinstance(start, TalkStart)
    # A busy machine tells of the first key late, and of the second one not earlier for that.
    assert stop.at_s - began_s >= 0.119
    listener.close()


# --- fingers and commands -----------------------------------------------------------------------------------


def test_keys_can_be_pressed_by_hand() -> None:
    listener = ScriptedListener(Bindings(style="hold"))
    ear = Ear(listener)
    for key in ("ctrl", "alt", "e"):
        listener.press(key)
    assert ear.next() == "start edit"
    listener.release("e")
    assert ear.next() == "stop"
    assert ear.close() == []


def test_a_take_that_ended_by_command_lets_the_next_tap_start() -> None:
    listener = ScriptedListener(Bindings(dictate="<f9>", style="toggle"))
    ear = Ear(listener)
    listener.press("<f9>")
    listener.release("<f9>")
    assert ear.next() == "start dictate"
    until(lambda: listener._gesture.down is None, "the key came up")
    listener.talking(True)
    listener.talking(False)
    until(lambda: not listener._gesture.is_talking, "it was told")
    listener.press("<f9>")
    assert ear.next() == "start dictate"
    assert ear.close() == ["cancel"]


def test_what_the_owner_said_before_it_knew_of_the_last_key_is_not_believed() -> None:
    listener = ScriptedListener(Bindings(dictate="<f9>", style="toggle", debounce_ms=0))
    ear = Ear(listener)
    for expected in ("start dictate", "stop", "start dictate"):
        listener.press("<f9>")
        listener.release("<f9>")
        assert ear.next() == expected
    listener.talking(False, seen=ear.gestures[1])  # the owner has only got as far as the stop
    until(listener._notes.empty, "the listener took note")
    listener.press("<esc>")
    assert ear.next() == "cancel"  # so the second take is still on
    listener.talking(False, seen=ear.gestures[3])
    assert ear.close() == []


def test_escape_is_wanted_while_a_take_is_on_and_only_then() -> None:
    class Noting(ScriptedListener):
        wanted: list[bool]

        def _want_cancel_key(self, wanted: bool) -> None:
            self.wanted.append(wanted)

    Noting.wanted = []
    listener = Noting(Bindings(dictate="<f9>", style="hold"))
    ear = Ear(listener)
    listener.press("<f9>")
    assert ear.next() == "start dictate"
    until(lambda: listener.wanted == [True], "Escape is taken")
    listener.release("<f9>")
    assert ear.next() == "stop"
    until(lambda: listener.wanted == [True, False], "Escape is given back")
    listener.talking(True)
    until(
        lambda: listener.wanted == [True, False, True], "Escape is taken for a take that was begun by command"
    )
    listener.talking(False)
    until(lambda: listener.wanted == [True, False, True, False], "Escape is given back again")
    assert ear.close() == []


# --- ends ---------------------------------------------------------------------------------------------------


def test_close_ends_the_events_and_the_thread_and_may_be_called_twice_from_anywhere() -> None:
    before = threading.active_count()
    listener: HotkeyListener = ScriptedListener(Bindings())
    ear = Ear(listener)
    closers = [threading.Thread(target=listener.close) for _ in range(4)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join()
    assert ear.next() == "end"
    assert list(listener.events()) == []
    listener.close()
    listener.talking(True)
    until(lambda: threading.active_count() == before, "no thread is left")


def test_closing_in_the_middle_of_a_talk_cancels_it() -> None:
    listener = ScriptedListener(Bindings(dictate="<f9>", style="hold"))
    ear = Ear(listener)
    listener.press("<f9>")
    assert ear.next() == "start dictate"
    assert ear.close() == ["cancel"]


def test_a_listener_that_is_closed_by_its_own_consumer_ends() -> None:
    listener = ScriptedListener(Bindings(dictate="<f9>", style="hold"))
    listener.press("<f9>")
    seen = []
    for event in listener.events():
        seen.append(told(event).split()[1])
        listener.close()
    assert seen == ["start", "cancel"]


def test_a_fault_of_the_backend_ends_talk_and_events_with_an_error_that_says_so() -> None:
    class Faulty(ScriptedListener):
        def _wait(self, timeout_s: float | None) -> list[KeyEvent]:
            if self._gesture.is_talking:
                raise RuntimeError("the cable")
            return list(super()._wait(timeout_s))

    listener = Faulty(Bindings(dictate="<f9>", style="hold"))
    ear = Ear(listener)
    listener.press("<f9>")
    assert [ear.next(), ear.next(), ear.next()] == ["start dictate", "stop", "end"]
    ear.close()
    assert isinstance(ear.error, ListenerLost)
    assert "the cable" in str(ear.error)


def test_gestures_cannot_be_changed_on_their_way() -> None:
    for event in (TalkStart("edit", 0.0), TalkStop(1.0), Cancel(1.0)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            event.at_s = 2.0  # type: ignore[misc]
