"""One take, from the key going down to the last receipt: what the loop and the working thread know of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.frames import samples_to_ms

if TYPE_CHECKING:
    from engine.events import SpeechStopped
    from engine.microphone import Problem
    from engine.pump import RecordingSource
    from voice_edit.journal.journal import Take
    from voice_edit.pipeline import Mode
    from voice_edit.targets.base import JournaledTarget


@dataclass(eq=False)
class TakeJob:
    """One take, from the key going down to the last receipt."""

    number: int
    """Of this daemon's run, for events."""
    mode: Mode
    hold: bool
    """All of it is one utterance, which ends when the source does."""
    target: JournaledTarget
    source: RecordingSource
    problem: Callable[[], Problem | None]
    """What was wrong with the microphone during the take."""
    take: Take
    released_s: float | None = None
    """When the key came up, on the monotonic clock."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    tail_ms: float | None = None
    """How long was listened on after the key came up, in milliseconds, at most that until it is known; None
    for a take without a key."""
    endpoint_s: float | None = None
    """When the newest utterance was known to be over, on the monotonic clock."""
    words_s: float | None = None
    """When its words were at hand here; perhaps they were computed before it was over."""
    handled: int = 0
    """Sample up to which the sound has been dealt with."""

    def note_tail(self, stopped: SpeechStopped) -> None:
        """How much of the release tail was listened to: it ends early where nobody speaks any more."""
        released = self.source.released_sample
        if self.tail_ms is not None and released is not None and stopped.reason == "end_of_source":
            listened = samples_to_ms(max(0, stopped.end_sample + stopped.hangover_samples - released))
            self.tail_ms = min(self.tail_ms, listened)
