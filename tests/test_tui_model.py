"""What the terminal interface knows after which events: no screen, no socket, no clock."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.control import protocol as p
from voice_edit.tui.model import METER_LEVELS, RECENT, reduce
from voice_edit.tui.state import Message, State

CONNECTED = {"event": "link", "connected": True, "error": None}
HERE = {"event": "status", "stage": "idle", "mode": None, "hands_free": "off", "take": None}


def after(*events: dict[str, Any], state: State | None = None) -> State:
    state = state or State()
    for event in events:
        state = reduce(state, event)
    return state


def stage(name: str, mode: str | None = "edit", take: int | None = 1) -> dict[str, Any]:
    return {"event": "stage", "stage": name, "mode": mode, "take": take}


def gone(code: str) -> dict[str, Any]:
    return {"event": "link", "connected": False, "error": {"error": code, "message": "m", "hint": "h"}}


def level(rms: float = -30.0, peak: float = 0.1) -> dict[str, Any]:
    return {"event": "level", "rms_dbfs": rms, "peak": peak, "is_speech": True, "sample": 0}


def partial(text: str, stable: int = 0) -> dict[str, Any]:
    return {"event": "partial", "text": text, "stable": stable}


def test_what_the_daemon_calls_steady_is_kept_apart_from_the_rest() -> None:
    state = after(partial("change Monday"), partial("change Monday to Wednesday", 16))
    assert (state.heard.stable, state.heard.rest) == ("change Monday to", " Wednesday")


@pytest.mark.parametrize(("stable", "seen"), [(-3, 0), (0, 0), (2, 2), (99, 5)])
def test_a_daemon_that_miscounts_takes_no_words_away(stable: int, seen: int) -> None:
    heard = after(partial("so be", stable)).heard
    assert (len(heard.stable), heard.stable + heard.rest) == (seen, "so be")


def test_how_far_the_model_is_behind_is_forgotten_when_it_has_heard_everything() -> None:
    late = {**level(), "behind_ms": 900.0}
    assert after(stage("listening"), late).behind_ms == 900
    assert after(stage("listening"), late, stage("hearing")).behind_ms == 900
    assert after(stage("listening"), late, level()).behind_ms == 0
    for name in ("applying", "asking", "idle"):
        assert after(stage("listening"), late, stage(name)).behind_ms == 0
    assert after(stage("listening"), late, stage("idle"), late, stage("listening")).behind_ms == 0


def test_final_words_replace_partial_ones_and_the_next_utterance_begins_empty() -> None:
    state = after(
        stage("listening"), partial("so be"), {"event": "words", "text": "So be it.", "confidence": -0.1}
    )
    assert state.heard.words == "So be it."
    assert after({"event": "speech", "speaking": True}, state=state).heard.words is None


def test_partial_words_are_gone_when_nothing_came_of_them() -> None:
    state = after(stage("listening"), partial("hm"), stage("idle", None, None))
    assert (state.heard.stable, state.heard.rest, state.heard.words) == ("", "", None)


def test_a_new_take_begins_with_an_empty_meter_and_without_old_messages() -> None:
    notice = {"event": "notice", "level": "warning", "code": "x", "message": "old", "hint": ""}
    state = after(stage("listening"), level(), stage("idle", None, None), notice, stage("listening"))
    assert state.levels == ()
    assert state.message is None


def test_the_meter_remembers_only_what_can_be_shown() -> None:
    assert len(after(*[level()] * (METER_LEVELS + 50)).levels) == METER_LEVELS


def test_the_clip_mark_stays_for_two_seconds() -> None:
    state = after(level(peak=1.0), *[level()] * 24)
    assert state.clipped
    assert not after(level(), state=state).clipped


def test_a_result_is_kept_and_counted_and_the_list_of_results_is_bounded() -> None:
    rejected = {"event": "rejected", "reason": "no-speech", "message": "Nobody spoke.", "utterance": 3}
    state = after(*[rejected] * (RECENT + 5))
    assert state.result is not None
    assert state.result.message == Message("warning", "Nobody spoke.", "", "no-speech")
    assert (len(state.recent), state.entries) == (RECENT, RECENT + 5)


def test_a_failure_is_told_once_though_the_reply_says_it_too() -> None:
    error = {"error": "no_match", "message": "There is no “foo”.", "hint": "Say it otherwise."}
    failed = {"event": "failed", "error": error, "utterance": 4, "words": "delete foo"}
    notice = {"event": "notice", "level": "error", "code": "no_match", "message": "There is no “foo”."}
    state = after(failed, notice)
    assert state.message is None
    assert state.heard.words == "delete foo"


def test_timings_that_are_not_known_are_left_out() -> None:
    outcome = {
        "event": "outcome", "utterance": 1, "mode": "dictate", "words": "hi", "commands": [], "compact": "",
        "timing": {"release_ms": None, "first_token_ms": 12.5, "final_ms": None},
    }  # fmt: skip
    result = after(outcome).result
    assert result is not None
    assert result.timing == {"first_token_ms": 12.5}


def test_a_question_is_open_until_it_is_settled_and_others_do_not_settle_it() -> None:
    ask = {"event": "ask", "question": 5, "kind": "choice", "message": "Which?", "choices": []}
    state = after(ask, {"event": "asked", "question": 4})
    assert state.question is not None
    assert after({"event": "asked", "question": 5}, state=state).question is None


def test_a_question_that_was_asked_before_we_came_is_in_the_status() -> None:
    ask = {"event": "ask", "question": 5, "kind": "confirm", "message": "Sure?", "choices": []}
    state = after(CONNECTED, {**HERE, "question": ask})
    assert state.question is not None
    assert state.question.kind == "confirm"


@pytest.mark.parametrize(
    ("code", "seen"),
    [("daemon_not_running", "absent"), ("protocol_mismatch", "refused"), ("daemon_busy", "lost")],
)
def test_how_the_connection_is_follows_from_the_error(code: str, seen: str) -> None:
    state = after(
        {"event": "link", "connected": False, "error": {"error": code, "message": "m", "hint": "h"}}
    )
    assert state.link.state == seen


def test_a_daemon_that_was_there_is_lost_and_not_absent() -> None:
    gone = {
        "event": "link",
        "connected": False,
        "error": {"error": "daemon_gone", "message": "The daemon has ended."},
    }
    none = {
        "event": "link",
        "connected": False,
        "error": {"error": "daemon_not_running", "message": "No daemon."},
    }
    state = after(CONNECTED, HERE, stage("listening"), gone, none)
    assert state.link.state == "lost"
    assert state.stage == "idle"


def test_what_was_done_stays_to_be_read_when_the_daemon_is_gone() -> None:
    outcome = {
        "event": "outcome", "utterance": 1, "mode": "dictate", "words": "hi", "commands": [], "compact": "",
    }  # fmt: skip
    state = after(CONNECTED, HERE, outcome, gone("daemon_gone"))
    assert state.result is not None
    assert state.heard.words == "hi"


def test_events_that_nobody_knows_change_nothing() -> None:
    state = after(CONNECTED)
    assert reduce(state, {"event": "weather", "sunny": True}) is state
    assert reduce(state, {}) is state


def test_an_event_that_lacks_what_it_needs_is_told_and_harms_nothing() -> None:
    state = after(CONNECTED, HERE, {"event": "level"})
    assert state.message is not None
    assert "'level'" in state.message.text
    assert state.levels == ()


NAMES = [kind.event for kind in p.EVENTS] + ["link", "status", "starting", "hands_free", "forget"]
FIELDS = sorted({"connected", *(name for kind in p.EVENTS for name in p.fields_of(kind))})
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=5,
)


@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=8))
def test_no_event_whatever_is_in_it_ends_the_program(name: str, more: dict[str, Any]) -> None:
    assert isinstance(reduce(after(CONNECTED, HERE), {**more, "event": name}), State)
