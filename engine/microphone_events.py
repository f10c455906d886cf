"""What a microphone tells while it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.microphone_problems import Problem

MicrophoneState: TypeAlias = Literal["closed", "opening", "open", "lost"]

EventKind: TypeAlias = Literal[
    "opening", "open", "closed", "overflow", "lost", "reopened", "moved", "silent", "problem"
]


@dataclass(frozen=True, slots=True)
class MicrophoneEvent:
    """Something happened to the microphone."""

    kind: EventKind
    """`opening`, then `open` with the first sound, `closed` when it was let go of. `lost` and `reopened`
    enclose a gap. `moved`: another device is listened to now. `overflow`: sound was lost because this machine
    was too slow. `silent`: somebody wants sound and digital silence comes. `problem`: something is wrong with
    it, or (with `problem` None) no longer is."""
    device: str
    """The device, for people."""
    message: str
    """What happened, for people, in one line."""
    hint: str = ""
    """What to do about it, where something is to be done."""
    problem: Problem | None = None
    """For `silent` and `problem`."""
    dropped_samples: int = 0
    """For `overflow`: samples at 16 kHz that are known to be lost this time."""
    gap_s: float = 0.0
    """For `reopened`: how long nothing was recorded."""
