"""How loud it was, in one line of blocks: quiet is low, speech is tall."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.text import Text


class Loudness(Protocol):
    """What a meter shows: a level of the engine, or the event of that name."""

    @property
    def rms_dbfs(self) -> float: ...
    @property
    def is_speech(self) -> bool: ...


BLOCKS = "▁▂▃▄▅▆▇█"
QUIET_DBFS, LOUD_DBFS = -60.0, -12.0
"""Levels at and below which the lowest, at and above which the tallest block is shown."""


def block(rms_dbfs: float) -> str:
    """The block for a level."""
    share = (rms_dbfs - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)
    return BLOCKS[round(min(1.0, max(0.0, share)) * (len(BLOCKS) - 1))]


class Meter:
    """Remembers the last levels, as many as any terminal is wide."""

    def __init__(self) -> None:
        self._levels: deque[Loudness] = deque(maxlen=1000)

    def push(self, level: Loudness) -> None:
        """Take the next level."""
        self._levels.append(level)

    def line(self, width: int) -> Text:
        """The last `width` levels, what the detector calls speech in green."""
        from rich.text import Text

        shown = Text()
        for level in list(self._levels)[-width:] if width > 0 else ():
            shown.append(block(level.rms_dbfs), style="green" if level.is_speech else "dim")
        return shown
