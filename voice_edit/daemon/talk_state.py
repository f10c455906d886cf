"""Which take is being recorded, decided from gestures alone: no device, no clock, no thread.

A gesture comes from a key, from a command over the control socket, or from the watchdog; all mean the same.
At most one take is recorded at a time. A talk key interrupts hands-free listening, which goes on after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["dictate", "edit"]
HandsFree: TypeAlias = Literal["off", "dictate", "edit"]


# --- gestures -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """Talk: until `Stop` or `Cancel`. Does nothing while somebody already talks."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class Stop:
    """What was said until now counts. Does nothing while nobody talks."""


@dataclass(frozen=True, slots=True)
class Toggle:
    """`Stop` while somebody talks, else `Start`."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give up what is being said, or what is being made of it."""


@dataclass(frozen=True, slots=True)
class SetHandsFree:
    """Listen without a key, or stop doing so."""

    mode: HandsFree


@dataclass(frozen=True, slots=True)
class Ended:
    """The take that was recorded has ended by itself: the device is gone, the speaker said to stop."""

    hands_free_too: bool = False
    """Hands-free listening is over as well."""


Gesture: TypeAlias = Start | Stop | Toggle | Cancel | SetHandsFree | Ended


# --- what follows ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin to record a take."""

    mode: Mode
    hold: bool
    """Its end is told by a gesture: pauses do not end it, and all of it is one utterance."""


@dataclass(frozen=True, slots=True)
class End:
    """The take that is being recorded is over; what was said counts."""

    tail: bool
    """Listen a little longer, because people let go of the key while they finish the last word."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The take that is being recorded is over and nothing is made of it; its sound is kept."""


@dataclass(frozen=True, slots=True)
class StopWork:
    """Stop hearing, asking and applying what was said before, as far as it is not done."""


Action: TypeAlias = Begin | End | GiveUp | StopWork


@dataclass(frozen=True, slots=True)
class Talking:
    """What is being recorded now."""

    take: Begin | None = None
    """The take that is recorded, as it was begun."""
    hands_free: HandsFree = "off"
    """What to listen for when nobody holds a key."""


def decide(state: Talking, gesture: Gesture) -> tuple[Talking, tuple[Action, ...]]:
    """The new state, and what is to be done in this order."""
    take = state.take
    held = take is not None and take.hold
    match gesture:
        case Toggle(mode=mode):
            return decide(state, Stop() if held else Start(mode))
        case Start(mode=mode):
            if held:
                return state, ()
            begin = Begin(mode, hold=True)
            return replace(state, take=begin), (*_end(take, tail=False), begin)
        case Stop():
            return _go_on(state, (End(tail=True),)) if held else (state, ())
        case Cancel():
            return _go_on(state, (GiveUp(),)) if take is not None else (state, (StopWork(),))
        case SetHandsFree(mode=wanted):
            if held or wanted == state.hands_free:
                return replace(state, hands_free=wanted), ()
            return _go_on(replace(state, hands_free=wanted), _end(take, tail=False))
        case Ended(hands_free_too=True):
            return Talking(), ()
        case Ended():
            # Hands-free listening that ended by itself would end again at once: it is begun anew by whoever
            # knows that the cause is gone.
            return _go_on(state, ()) if held else (replace(state, take=None, hands_free="off"), ())
    raise AssertionError(f"no such gesture: {gesture}")


def _end(take: Begin | None, *, tail: bool) -> tuple[Action, ...]:
    return () if take is None else (End(tail),)


def _go_on(state: Talking, actions: tuple[Action, ...]) -> tuple[Talking, tuple[Action, ...]]:
    """After a take: hands-free listening, if it is on."""
    if state.hands_free == "off":
        return replace(state, take=None), actions
    begin = Begin(state.hands_free, hold=False)
    return replace(state, take=begin), (*actions, begin)
