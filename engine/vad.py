"""Is there a voice in these 20 ms? A signal, not a decision: `endpointing` decides.

Three layers, because each is fooled by something: WebRTC VAD looks at the shape of the spectrum and calls a
fan or a hum a voice; a fixed level floor keeps out the hiss of an idle input; a floor that follows the room
keeps out steady noise of any loudness. What still gets through is weighed by `endpointing`, which sees
whole utterances.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np

from engine.frames import SAMPLE_RATE, WINDOW_SAMPLES
from engine.loudness import mean, power

if TYPE_CHECKING:
    from engine.events import Samples

DetectorName: TypeAlias = Literal["webrtc", "silero"]

SILENCE_DBFS = -100.0
"""The level given to digital silence and to anything below it; 16-bit dither is at about -98."""

FLOOR_DBFS = -55.0
"""Windows quieter than this are never speech: a voice at arm's length is 20 to 30 dB above it."""

VOICE_BAND_HZ = (200, 4_000)

DETECTOR_GAIN = 4.0
"""WebRTC VAD misses every other soft word that peaks at -32 dBFS; 12 dB louder it finds them all, and
clipping the loud ones changes nothing. The noise this lifts too is what the two floors are for."""

ROOM_WINDOWS = 150
"""The room's noise is judged by the last 3 s: long enough to hold a gap between words, short enough to
follow."""

ROOM_MIN_WINDOWS = 25
"""Before half a second is heard, the room is unknown: the first word may be all there was."""

ROOM_AVERAGE_WINDOWS = 5
"""Speech and room are compared over 100 ms: a fan's level wanders by several dB from window to window."""

ROOM_MARGIN_DB = 4.0
"""Speech stands out from the room by this much."""


class SpeechDetector(Protocol):
    """Says of one window whether there is a voice in it. May remember earlier windows; `reset` forgets
    them."""

    def is_speech(self, window: Samples, dbfs: float | None = None) -> bool:
        """`window` is float32[320] in [-1, 1], the one right after the last. `dbfs`: its `level_dbfs`, where
        that is known already; None: it is measured here if it is needed."""
        ...

    def reset(self) -> None:
        """The next window does not follow the last one."""
        ...


def rms_dbfs(samples: Samples) -> float:
    """Root mean square of `samples` around their mean, in dB relative to full scale, at least -100.

    The mean is taken out because a microphone's constant offset is not sound.
    """
    if len(samples) == 0:
        return SILENCE_DBFS
    return _decibels(power(samples))


def level_dbfs(samples: Samples) -> float:
    """Level of `samples` (16 kHz) between 200 and 4,000 Hz, where a voice is, in dBFS, at least -100.

    What endpointing and the detector compare with the room: traffic, wind and hum carry most of their power
    below that band, and there their level wanders so much that it would look like syllables.
    """
    taper, squares = _taper(len(samples))
    if not squares:
        return SILENCE_DBFS
    spectrum = np.fft.rfft((samples - mean(samples)) * taper)
    low, high = (len(samples) * hz // SAMPLE_RATE for hz in VOICE_BAND_HZ)
    band = spectrum[low:high]
    return _decibels(2.0 * float(np.vdot(band, band).real) / (len(samples) * squares))


@lru_cache(maxsize=4)
def _taper(samples: int) -> tuple[Samples, float]:
    """A Hann taper, which keeps a strong hum from leaking into the band, and the sum of its squares."""
    taper = np.hanning(samples).astype(np.float32)
    return taper, float(np.dot(taper, taper))


def _decibels(square: float) -> float:
    return max(SILENCE_DBFS, 10.0 * math.log10(square)) if square > 1e-10 else SILENCE_DBFS


class Room:
    """How loud it is without a voice: the level that the quietest tenth of the last 3 s stays below."""

    # Lists and deques: for so few numbers, one at a time, they take a fifth of the time that numpy takes.

    def __init__(self) -> None:
        self._powers: deque[float] = deque(maxlen=ROOM_AVERAGE_WINDOWS)
        self._levels: deque[float] = deque()
        self._sorted: list[float] = []
        """The same levels, the lowest first."""

    def push(self, dbfs: float) -> float:
        """Take the level of the next window; return by how many dB the last 100 ms stand out from the room.

        Infinite while the room is unknown.
        """
        self._powers.append(10.0 ** (dbfs / 10.0))
        level = _decibels(sum(self._powers) / len(self._powers))
        if len(self._levels) == ROOM_WINDOWS:
            del self._sorted[bisect_left(self._sorted, self._levels.popleft())]
        self._levels.append(level)
        insort(self._sorted, level)
        filled = len(self._sorted)
        return math.inf if filled < ROOM_MIN_WINDOWS else level - self._sorted[filled // 10]

    def reset(self) -> None:
        """Forget the room."""
        self._powers.clear()
        self._levels.clear()
        self._sorted.clear()


class WebRtcDetector:
    """WebRTC VAD on 20 ms windows behind two level floors. Not for use from two threads at once."""

    def __init__(
        self,
        aggressiveness: int = 2,
        floor_dbfs: float = FLOOR_DBFS,
        *,
        room_margin_db: float = ROOM_MARGIN_DB,
    ) -> None:
        """`aggressiveness` 0 to 3: the higher, the fewer windows are called speech.

        `floor_dbfs`: windows below are never speech. `room_margin_db`: by how much speech must stand out
        from the room's own noise. Raises ValueError for values that make no sense.
        """
        if aggressiveness not in range(4):
            raise ValueError(f"the detector's aggressiveness is 0, 1, 2 or 3, not {aggressiveness!r}")
        if not SILENCE_DBFS <= floor_dbfs <= 0.0:
            raise ValueError(f"the level floor is {SILENCE_DBFS:g} to 0 dBFS, not {floor_dbfs!r}")
        if not 0.0 <= room_margin_db <= 30.0:
            raise ValueError(f"the margin over the room's noise is 0 to 30 dB, not {room_margin_db!r}")
        self._aggressiveness = aggressiveness
        self._floor_dbfs = floor_dbfs
        self._room_margin_db = room_margin_db
        self._room = Room()
        self._scaled = np.empty(WINDOW_SAMPLES, dtype=np.float32)
        self.reset()

    def is_speech(self, window: Samples, dbfs: float | None = None) -> bool:
        """See `SpeechDetector`. Raises ValueError for another shape than [320]."""
        if window.shape != (WINDOW_SAMPLES,):
            raise ValueError(f"a window is {WINDOW_SAMPLES} samples, not an array of shape {window.shape}")
        scaled = np.multiply(window, 32767.0 * DETECTOR_GAIN, out=self._scaled)
        np.maximum(scaled, -32768.0, out=scaled)
        np.minimum(scaled, 32767.0, out=scaled)
        np.rint(scaled, out=scaled)
        # WebRTC VAD follows the noise by the windows it hears, so it must hear the quiet ones too.
        voice = bool(self._vad.is_speech(scaled.astype(np.int16).tobytes(), SAMPLE_RATE, WINDOW_SAMPLES))
        level = level_dbfs(window) if dbfs is None else dbfs
        stands_out = self._room.push(level) >= self._room_margin_db
        return voice and stands_out and rms_dbfs(window) >= self._floor_dbfs

    def reset(self) -> None:
        """See `SpeechDetector`."""
        import webrtcvad

        self._vad = webrtcvad.Vad(self._aggressiveness)
        self._room.reset()


def choose_detector(
    name: DetectorName = "webrtc", *, aggressiveness: int = 2, floor_dbfs: float = FLOOR_DBFS
) -> SpeechDetector:
    """The detector of that name. Both take an aggressiveness of 0 to 3 and a level floor.

    Raises DetectorMissing where it needs something that is not installed, ValueError for values that make no
    sense.
    """
    if name == "silero":
        from engine.silero import SileroDetector

        return SileroDetector(aggressiveness, floor_dbfs)
    return WebRtcDetector(aggressiveness, floor_dbfs)
