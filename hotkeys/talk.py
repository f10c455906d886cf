"""What crosses from the keys to whoever listens to the voice: plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["dictate", "edit"]
"""What the words are for. The key decides, never the words: dictated imperatives are not executed."""


@dataclass(frozen=True, slots=True)
class TalkStart:
    """The user began to hold (or tapped) a talk key."""

    mode: Mode
    at_s: float
    """Seconds on the monotonic clock at which the key went down."""


@dataclass(frozen=True, slots=True)
class TalkStop:
    """The talk key was released (or tapped again): what was said until now counts."""

    at_s: float
    """Seconds on the monotonic clock at which the key came up; a little in the past, see `debounce_ms`."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Escape: what was said since the last `TalkStart` is kept in the journal and not applied."""

    at_s: float
    """Seconds on the monotonic clock."""


TalkEvent: TypeAlias = TalkStart | TalkStop | Cancel
