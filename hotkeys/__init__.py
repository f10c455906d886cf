"""Keys in, talk gestures out.

Knows nothing of sound or of edits, and nothing uses it yet: the command line works from recordings and typed
words. What stands here is the contract that key backends will keep, so that whoever writes one has it in one
place.

Importing this package imports no key library: pynput raises without a display, so backends live in
`_underscore` modules that are imported when they are chosen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

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
    """Seconds on the monotonic clock at which the key came up."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Escape: what was said since the last `TalkStart` is kept in the journal and not applied."""

    at_s: float
    """Seconds on the monotonic clock."""


TalkEvent: TypeAlias = TalkStart | TalkStop | Cancel


class HotkeyListener(Protocol):
    """A source of talk gestures."""

    def events(self) -> Iterator[TalkEvent]:
        """Yield gestures until `close()`. A `TalkStop` or `Cancel` always follows a `TalkStart`."""

    def close(self) -> None:
        """Stop listening and let go of every grabbed key. May be called twice and from any thread."""


__all__ = ["Cancel", "HotkeyListener", "Mode", "TalkEvent", "TalkStart", "TalkStop"]
