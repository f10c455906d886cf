"""When a key begins, ends or gives up talking. Pure: the state and the time are arguments.

    hold     talk while the key is down
    toggle   one press starts, the next one ends
    hybrid   a press starts; released within `tap_ms` it was a tap and talking goes on until the next press,
             released later it was a hold and talking ends with it

A keyboard is not a clean source. What `decide` makes of its faults:

    repeated presses        ignored: the key is down already
    release + press pairs   another form of auto-repeat, and contact bounce: a release followed by a press
                            within `debounce_ms` did not happen, so a release counts only after that time
    a second talk key       ignored while the first is down, and until it came up itself; where talking goes
                            on without a key, either key ends it
    cancel while held       the release that follows does nothing
    a release nobody saw    talking ends `longest_hold_ms` after the press; the same key pressed again after a
                            pause longer than any auto-repeat delay is a new press
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from hotkeys.talk import Cancel, Mode, TalkEvent, TalkStart, TalkStop

Style: TypeAlias = Literal["hold", "toggle", "hybrid"]

REPEAT_GAP_MS: Final = 2500
"""A repeated press after a longer silence is a new press; desktops offer auto-repeat delays up to 2 s."""


@dataclass(frozen=True, slots=True)
class Press:
    """A talk chord went down, or repeats."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class Release:
    """The key of a talk chord came up; what its modifiers do does not matter."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class CancelPress:
    """The cancel chord went down."""


@dataclass(frozen=True, slots=True)
class Talking:
    """Somebody else says whether talk is on: it began or ended by command, or could not begin."""

    on: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time has passed; due when `deadline_ms` says so."""


KeyEvent: TypeAlias = Press | Release | CancelPress | Talking | Tick


@dataclass(frozen=True, slots=True)
class Rules:
    """How gestures are read. All times in milliseconds."""

    style: Style = "hybrid"
    tap_ms: int = 300
    """A press shorter than this is a tap (hybrid only)."""
    debounce_ms: int = 30
    """A release followed by a press within this time did not happen."""
    longest_hold_ms: int = 300_000
    """A key that seems to be down for longer was released unseen."""


@dataclass(frozen=True, slots=True)
class Gesture:
    """Where the keys and the talk stand. A new one is at rest."""

    rules: Rules = Rules()
    talk: Literal["off", "held", "latched", "outside"] = "off"
    """held: ends when `down` comes up. latched: ends with the next press. outside: begun by command."""
    down: Mode | None = None
    """The talk key that is believed to be down."""
    pressed_ms: int = 0
    """When it went down."""
    seen_ms: int = 0
    """When it was last heard of, repeats included."""
    released_ms: int | None = None
    """When it came up, while that may still turn out to be a bounce."""
    passed_over: tuple[Mode, int] | None = None
    """Another talk key that went down meanwhile, and when it was last heard of: it must come up first."""

    @property
    def is_talking(self) -> bool:
        """Whether a TalkStop or Cancel is still to come."""
        return self.talk != "off"


Decision: TypeAlias = tuple[Gesture, tuple[TalkEvent, ...]]


def decide(state: Gesture, event: KeyEvent, now_ms: int) -> Decision:
    """What follows from `event` at `now_ms` on the monotonic clock, which never runs backwards.

    Time that has passed unheard is caught up with first, so there may be two gestures: a stop, then a start.
    """
    state, before = _elapse(state, event, now_ms)
    match event:
        case Press(mode):
            state, after = _press(state, mode, now_ms)
        case Release(mode):
            after = ()
            if state.passed_over is not None and state.passed_over[0] == mode:
                state = replace(state, passed_over=None)
            if mode == state.down and state.released_ms is None:
                state = replace(state, released_ms=now_ms)
                if state.rules.debounce_ms <= 0:
                    state, after = _come_up(state)
        case CancelPress():
            after = (Cancel(now_ms / 1000),) if state.is_talking else ()
            state = replace(state, talk="off")
        case Talking(on):
            after = ()
            if not on:
                state = replace(state, talk="off")
            elif state.talk == "off":
                state = replace(state, talk="outside")
        case Tick():
            after = ()
    return state, before + after


def deadline_ms(state: Gesture) -> int | None:
    """When `decide` wants a `Tick` at the latest, or None where only a key can change anything."""
    if state.released_ms is not None:
        return state.released_ms + state.rules.debounce_ms
    return state.pressed_ms + state.rules.longest_hold_ms if state.talk == "held" else None


def _elapse(state: Gesture, event: KeyEvent, now_ms: int) -> Decision:
    """Let a pending release, then the watchdog, come true where their time is over."""
    if state.released_ms is not None:
        other_key = isinstance(event, Press) and event.mode != state.down
        if other_key or now_ms >= state.released_ms + state.rules.debounce_ms:
            return _come_up(state)
    elif state.talk == "held" and now_ms >= state.pressed_ms + state.rules.longest_hold_ms:
        return replace(state, talk="off"), (TalkStop(now_ms / 1000),)
    return state, ()


def _press(state: Gesture, mode: Mode, now_ms: int) -> Decision:
    """A talk key goes down, or only seems to."""
    if state.down == mode and (state.released_ms is not None or now_ms - state.seen_ms <= REPEAT_GAP_MS):
        return replace(state, released_ms=None, seen_ms=now_ms), ()
    if state.passed_over is not None and state.passed_over[0] == mode:
        if now_ms - state.passed_over[1] <= REPEAT_GAP_MS:
            return replace(state, passed_over=(mode, now_ms)), ()
        state = replace(state, passed_over=None)
    if state.down not in (None, mode) and (state.talk == "held" or now_ms - state.seen_ms <= REPEAT_GAP_MS):
        return replace(state, passed_over=(mode, now_ms)), ()
    if state.talk == "held":
        return replace(state, seen_ms=now_ms), ()  # released unseen and held again: the hold goes on
    state = replace(state, down=mode, pressed_ms=now_ms, seen_ms=now_ms, released_ms=None)
    at_s = now_ms / 1000
    if state.talk == "latched" or (state.talk == "outside" and state.rules.style != "hold"):
        return replace(state, talk="off"), (TalkStop(at_s),)
    talk: Literal["latched", "held"] = "latched" if state.rules.style == "toggle" else "held"
    return replace(state, talk=talk), (TalkStart(mode, at_s),)


def _come_up(state: Gesture) -> Decision:
    """The key is up, since `released_ms`."""
    assert state.released_ms is not None
    released_ms = state.released_ms
    state = replace(state, down=None, released_ms=None)
    if state.talk != "held":
        return state, ()
    if state.rules.style == "hybrid" and released_ms - state.pressed_ms < state.rules.tap_ms:
        return replace(state, talk="latched"), ()
    return replace(state, talk="off"), (TalkStop(released_ms / 1000),)
