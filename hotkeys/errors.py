"""Everything that can go wrong between a key and a gesture.

    HotkeyError
    ├── ChordInvalid          a chord is spelled in a way that no keyboard could press
    ├── ChordUnsupported      well spelled, but this backend or this keyboard cannot have it
    ├── ChordTaken            another program holds the chord
    ├── BackendUnavailable    this way to the keyboard is closed here
    ├── NoHotkeyBackend       no way to the keyboard is open; says why for each
    └── ListenerLost          the display server, the device or the portal went away while listening

`str(error)` says in one line what happened, `error.hint` what to do next, `error.code` is a stable name.
"""

# The names say what is wrong; an "Error" at their end would only make them longer.
# ruff: noqa: N818

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Attempt(NamedTuple):
    """What is known about one way to the keyboard."""

    name: str
    """The backend's name, as in `hotkeys.backend`."""
    why: str
    """Why it cannot be used here, in one line; '' where it can."""
    remedy: str
    """What to do about it; for a backend that works, what to know about it, possibly ''."""

    @property
    def works(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.why


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a listener that works, but not wholly."""

    code: str
    """Stable name: `chord-taken`, `chord-missing`, `not-consumed`, `no-cancel-key`, ..."""
    message: str
    """What is the matter, in one line."""
    hint: str
    """What to do about it."""


class HotkeyError(Exception):
    """Base of the tree. Raise a leaf."""

    code: str = "hotkeys"
    hint: str = "Use `voice-edit talk start` and `voice-edit talk stop` instead; they need no key backend."

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class ChordInvalid(HotkeyError):
    """A chord cannot be read, or two gestures share one."""

    code = "chord-invalid"
    hint = "Write chords like <ctrl>+<alt>+space, <f9>, <pause>, <right_alt> or `."


class ChordUnsupported(HotkeyError):
    """A good chord that cannot be had from this backend or on this keyboard."""

    code = "chord-unsupported"
    hint = "Choose other keys for `hotkeys.dictate` and `hotkeys.edit`, or another `hotkeys.backend`."


class ChordTaken(HotkeyError):
    """Another program, often the desktop itself, has grabbed the chord."""

    code = "chord-taken"
    hint = (
        "Free it in the desktop's keyboard settings or end the program that holds it (another voice-edit?), "
        "or choose other keys: `voice-edit doctor` names the setting."
    )


class BackendUnavailable(HotkeyError):
    """This way to the keyboard is closed. `str(error)` is the reason, `error.hint` the remedy."""

    code = "backend-unavailable"


class NoHotkeyBackend(HotkeyError):
    """No way to the keyboard is open."""

    code = "no-hotkey-backend"

    def __init__(self, tried: Sequence[Attempt], *, hint: str | None = None) -> None:
        reasons = "; ".join(f"{attempt.name}: {attempt.why}" for attempt in tried)
        super().__init__(f"no keys can be listened to ({reasons})", hint=hint)
        if hint is None and tried:
            self.hint = "\n".join(f"{a.name}: {a.remedy}" for a in tried if a.remedy) or HotkeyError.hint
        self.tried: tuple[Attempt, ...] = tuple(tried)
        """Every backend that was tried, in order, with its reason and remedy."""


class ListenerLost(HotkeyError):
    """Listening ended by itself: the server, device or portal is gone."""

    code = "listener-lost"
    hint = "Keys are not heard any more. Restart voice-edit once the desktop is back."
