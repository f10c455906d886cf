"""Brings the sound of one utterance to its session, frame by frame, and closes it with its tail.

What is fed is defined by the utterance alone: its sound up to the last speech, a tail of fixed length (real
sound as far as it was waited for, zeros after that), zeros to the end of the last frame. How it was chunked,
and what was closed ahead and opened again, does not show.
"""

from __future__ import annotations

import numpy as np

from engine.frames import FRAME_SAMPLES, frames_in
from engine.ring import SampleRing
from engine.speech import SpeechSession


class Feeder:
    """One utterance from sample `start` on; `tail`: samples fed after its last speech."""

    def __init__(self, session: SpeechSession, start: int, ring: SampleRing, tail: int) -> None:
        self.session = session
        self.start = start
        self._ring = ring
        self._tail = tail
        self._closed: tuple[int, int] | None = None
        """End of the speech and of the real sound that it was closed with, if it is closed."""

    def feed(self, speech_end: int) -> None:
        """Push the frames that are whole and not beyond the tail of the newest speech.

        Somebody may have spoken since the utterance was closed: then it is opened again.
        """
        if self._closed is not None and self._closed[0] == speech_end:
            return
        self._open_again()
        fed = self._fed
        frames = (min(self._ring.end, speech_end + self._tail) - fed) // FRAME_SAMPLES
        if frames > 0:
            sound = self._ring.read(fed, fed + frames * FRAME_SAMPLES)
            self.session.push(sound.reshape(-1, FRAME_SAMPLES))

    def has_tail(self, speech_end: int) -> bool:
        """Whether all of the tail after the newest speech is there, so that silence changes nothing more."""
        return self._ring.end >= speech_end + self._tail

    def close(self, speech_end: int, waited: int) -> None:
        """Make what was fed exactly what an utterance is that ends at `speech_end`.

        `waited`: samples of silence that were waited through after it. Frames that were fed beyond (a cut
        lies in the past) are rewound. If it is closed just so already, the session is left alone.
        """
        real_end = speech_end + min(waited, self._tail)
        if self._closed == (speech_end, real_end):
            return
        self._open_again()
        self._keep(real_end)
        fed = self._fed
        total = frames_in(speech_end + self._tail - self.start)
        rest = np.zeros((total - self.session.frames_pushed) * FRAME_SAMPLES, dtype=np.float32)
        rest[: real_end - fed] = self._ring.read(fed, real_end)
        self.session.push(rest.reshape(-1, FRAME_SAMPLES))
        self._closed = (speech_end, real_end)

    @property
    def _fed(self) -> int:
        """First sample that was not fed."""
        return self.start + self.session.frames_pushed * FRAME_SAMPLES

    def _open_again(self) -> None:
        if self._closed is not None:
            self._keep(self._closed[1])
            self._closed = None

    def _keep(self, real_end: int) -> None:
        """Rewind to the frames that hold nothing but real sound up to `real_end`."""
        whole = (real_end - self.start) // FRAME_SAMPLES
        beyond = self.session.frames_pushed - whole
        if beyond > 0:
            self.session.rewind(beyond)
