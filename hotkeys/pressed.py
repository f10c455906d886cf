"""Which keys are down, for backends that see every key; turns keys into what `gesture.decide` takes. Pure.

A key that was down before the modifiers came triggers nothing, not even by its auto-repeat. Releases get lost
(a lock screen, another seat, a full buffer), so keys that were silent for long are taken to be up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hotkeys.bindings import Bindings
from hotkeys.chord import cancels, triggered
from hotkeys.gesture import CancelPress, KeyEvent, Press, Release
from hotkeys.talk import Mode

FORGET_MS: Final = 30_000
"""No key said anything for so long: whatever seemed to be down is up, but for the talk key."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A keyboard at a moment."""

    bindings: Bindings
    held: frozenset[str] = frozenset()
    """Physical keys that are down: "left_ctrl", "space"."""
    talk: Mode | None = None
    """Whose chord's key is down."""
    heard_ms: int = 0
    """When a key was heard of last."""
    let_go: tuple[Mode, int] | None = None
    """The talk chord that came up last, and when: half of an auto-repeat, perhaps."""

    def press(self, key: str, now_ms: int) -> tuple[Pressed, KeyEvent | None]:
        """`key` went down, or repeats."""
        known = self._after_silence(now_ms)
        state = replace(known, held=known.held | {key}, heard_ms=now_ms)
        chords = self.bindings.talk_chords()
        if known.talk is not None and chords[known.talk].key == key:
            return state, Press(known.talk)
        if known.let_go is not None and known.talk is None:
            mode, at_ms = known.let_go
            if chords[mode].key == key and now_ms - at_ms <= self.bindings.debounce_ms:
                return replace(state, talk=mode), Press(mode)
        if key in known.held:
            return state, None
        if (mode_now := triggered(chords, known.held, key)) is not None:
            return replace(state, talk=known.talk or mode_now), Press(mode_now)
        cancel = self.bindings.chords().get("cancel")
        talk = chords[known.talk] if known.talk is not None else None
        if cancel is not None and cancels(cancel, known.held, key, talk):
            return state, CancelPress()
        return state, None

    def release(self, key: str, now_ms: int) -> tuple[Pressed, KeyEvent | None]:
        """`key` came up."""
        known = self._after_silence(now_ms)
        state = replace(known, held=known.held - {key}, heard_ms=now_ms)
        if known.talk is not None and self.bindings.talk_chords()[known.talk].key == key:
            return replace(state, talk=None, let_go=(known.talk, now_ms)), Release(known.talk)
        return state, None

    def _after_silence(self, now_ms: int) -> Pressed:
        if now_ms - self.heard_ms <= FORGET_MS:
            return self
        key = self.bindings.talk_chords()[self.talk].key if self.talk is not None else None
        return replace(self, held=self.held & {key})
