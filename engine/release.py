"""When what was said while a key was held is over: a pure decision, asked with every window.

People let go of a key while they finish the last word, so a take goes on for a moment after the release (the
release tail). Most let go later, though, and then that moment is a wait for nothing: the take is over as soon
as everything until the release has arrived and nobody has spoken for a short while. Which while is enough
was measured with `python -m benchmarks.release_tail`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from engine.events import AudioChunk


def is_said(*, heard: int, released: int, speech_end: int, quiet: int) -> bool:
    """Whether a take that ends now ends with its speech. All in samples of the take.

    `heard`: what came so far. `released`: what was said before the key came up. `speech_end`: end of the
    newest window that the detector called speech, be it a word or not; 0 for none. `quiet`: how long nobody
    must have spoken.
    """
    return heard >= released and heard - speech_end >= quiet


@runtime_checkable
class HeldSource(Protocol):
    """An `AudioSource` whose speaker tells the end, and which may be told that no more is needed."""

    def chunks(self) -> Iterator[AudioChunk]:
        """See `AudioSource`."""
        ...

    def close(self) -> None:
        """See `AudioSource`."""
        ...

    @property
    def released_sample(self) -> int | None:
        """How much of it was said when the speaker told the end; some of that may still be on its way. None
        while nobody told it, and where that cannot be known."""
        ...

    @property
    def behind_s(self) -> float:
        """Seconds of sound that came and were not read yet."""
        ...

    def enough(self) -> None:
        """Everything was said: no more sound is waited for."""
        ...
