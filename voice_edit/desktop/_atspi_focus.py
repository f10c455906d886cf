"""Which object has the focus, decided from events alone. Pure.

Events of one program come in its order, those of two programs in any: what a program loses never takes the
focus away from another one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from voice_edit.desktop._atspi_names import Ref


@dataclass(frozen=True, slots=True)
class Focused:
    """An object says that it has the focus now."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Unfocused:
    """An object says that it lost the focus."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Activated:
    """A window says that it has the keyboard."""

    window: Ref


@dataclass(frozen=True, slots=True)
class Deactivated:
    """A window says that it lost the keyboard."""

    window: Ref


@dataclass(frozen=True, slots=True)
class Left:
    """A program is gone from the bus."""

    bus: str


FocusEvent: TypeAlias = Focused | Unfocused | Activated | Deactivated | Left


@dataclass(frozen=True, slots=True)
class Focus:
    """What the events so far say."""

    ref: Ref | None = None
    """The object with the focus."""
    window: Ref | None = None
    """The active window, where one told that it is."""
    known: bool = False
    """False: events say less than there is, look at the objects themselves."""


def decide(now: Focus, event: FocusEvent) -> Focus:
    """What holds after an event."""
    match event:
        case Focused(ref):
            window = now.window if now.window is not None and now.window.bus == ref.bus else None
            return Focus(ref, window, known=True)
        case Unfocused(ref):
            return replace(now, ref=None, known=False) if ref == now.ref else now
        case Activated(window):
            if window == now.window and now.known:
                return now  # said twice
            # Whether the object is in this window is not known: several windows of one program.
            if now.ref is not None and now.ref.bus == window.bus and now.window is None:
                return Focus(now.ref, window, known=now.known)
            return Focus(None, window, known=False)
        case Deactivated(window):
            if now.window is not None and now.window != window:
                return now
            if now.ref is not None and now.ref.bus != window.bus:
                return now
            return Focus(None, None, known=False)
        case Left(bus):
            if (now.ref is not None and now.ref.bus == bus) or (
                now.window is not None and now.window.bus == bus
            ):
                return Focus()
            return now
