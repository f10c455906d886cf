"""Which keys mean what. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hotkeys.chord import Chord, parse
from hotkeys.errors import ChordInvalid
from hotkeys.gesture import Rules, Style
from hotkeys.talk import Mode

Action: TypeAlias = Literal["dictate", "edit", "cancel"]
TALK: tuple[Mode, ...] = ("dictate", "edit")


@dataclass(frozen=True, slots=True)
class Bindings:
    """The settings of the keys, as a person writes them. Raises ChordInvalid when they make no sense."""

    dictate: str = "<ctrl>+<alt>+space"
    """Held or tapped to dictate; empty for no such key."""
    edit: str = "<ctrl>+<alt>+e"
    """Held or tapped to give edit commands; empty for no such key."""
    cancel: str = "<esc>"
    """Gives up what is being said; taken from other programs only while somebody talks. Empty for none."""
    style: Style = "hybrid"
    tap_ms: int = 300
    """hybrid: a shorter press is a tap."""
    debounce_ms: int = 30
    """A release followed by a press within this time did not happen."""
    longest_hold_s: float = 300.0
    """A key that seems to be down for longer was released unseen."""

    def __post_init__(self) -> None:
        chords = self.chords()
        for action, chord in chords.items():
            for other, same in chords.items():
                if action < other and chord == same:
                    raise ChordInvalid(
                        f"{chord} is bound to both {action} and {other}",
                        hint=f"Give `hotkeys.{action}` and `hotkeys.{other}` different keys.",
                    )

    def chords(self) -> dict[Action, Chord]:
        """The chord of each action that has one."""
        written: dict[Action, str] = {"dictate": self.dictate, "edit": self.edit, "cancel": self.cancel}
        return {action: parse(text) for action, text in written.items() if text.strip()}

    def talk_chords(self) -> dict[Mode, Chord]:
        """The chords that begin talking."""
        chords = self.chords()
        return {mode: chords[mode] for mode in TALK if mode in chords}

    def rules(self, *, least_wait_ms: int = 0) -> Rules:
        """How gestures are read. `least_wait_ms`: what a backend needs to tell a release from a repeat."""
        return Rules(
            style=self.style,
            tap_ms=self.tap_ms,
            debounce_ms=max(self.debounce_ms, least_wait_ms),
            longest_hold_ms=round(self.longest_hold_s * 1000),
        )
