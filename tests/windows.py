"""Windows as endpointing gets them, and what it makes of them: shared by its tests."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import sounds
from hypothesis import strategies as st

from engine.endpointing import Endpointing, EndpointingSettings, SpeechEvent
from engine.events import SpeechStarted, SpeechStopped
from engine.frames import WINDOW_SAMPLES, WindowGrid
from engine.vad import SpeechDetector, WebRtcDetector, level_dbfs

Window = tuple[bool, float]
"""Whether it is speech, and its level in dBFS."""

lengths = st.integers(1, 8) | st.integers(9, 40) | st.integers(100, 300)
stretches = st.lists(st.tuples(st.booleans(), lengths, st.integers(-70, -10)), max_size=20)


def windows_of(stretches: list[tuple[bool, int, int]]) -> list[Window]:
    """Stretches of windows alike, each a little uneven so that there is a quietest one."""
    windows = [(speech, level + index % 7) for speech, n, level in stretches for index in range(n)]
    return windows[:1400]


def drawn(picture: str) -> list[Window]:
    """`#` is a loud speech window, `+` a soft one, `.` silence; blanks are for the eye."""
    return [{"#": (True, -20.0), "+": (True, -40.0), ".": (False, -70.0)}[c] for c in picture if c != " "]


def run(windows: Iterable[Window], settings: EndpointingSettings) -> list[SpeechEvent]:
    """Everything the machine says of these windows, the end of the source included."""
    machine = Endpointing(settings)
    events = [event for window in windows for event in machine.push(*window)]
    return events + machine.finish()


def utterances(events: list[SpeechEvent]) -> list[tuple[SpeechStarted, SpeechStopped]]:
    """Start and stop of each; fails if they do not alternate."""
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped] * (len(events) // 2)
    return list(zip(events[::2], events[1::2], strict=True))  # type: ignore[arg-type]


def coverage(events: list[SpeechEvent], windows: int) -> np.ndarray:
    """How many utterances each window lies in."""
    count = np.zeros(windows, dtype=int)
    for start, stop in utterances(events):
        count[start.start_sample // WINDOW_SAMPLES : stop.end_sample // WINDOW_SAMPLES] += 1
    return count


def heard(
    sound: sounds.Sound,
    settings: EndpointingSettings,
    lengths: Iterable[int],
    detector: SpeechDetector | None = None,
) -> list[SpeechEvent]:
    """A real detector and the machine on `sound`, cut into chunks of `lengths`."""
    grid, detector, machine = WindowGrid(), detector or WebRtcDetector(), Endpointing(settings)
    events: list[SpeechEvent] = []
    at = 0
    for length in lengths:
        pieces = grid.push(sound[at : at + length]) if at < len(sound) else grid.flush()
        for window in pieces:
            events += machine.push(detector.is_speech(window), level_dbfs(window))
        if at >= len(sound):
            return events + machine.finish()
        at += length
    raise AssertionError("lengths ended before the sound")
