"""Short sounds that say: I listen, I have heard, I have given up. Synthesised: there is no file to ship.

Call `start` when the first sound of a take has come, and `stop` or `cancel` when its last has; none while
hands-free listening goes on. Then only the start cue can get into a take, where the microphone hears the
speakers. Nobody is kept waiting for it, so it is made of what no voice is made of: 12 ms above 5 kHz. Notes
of a usual pitch, in a room with an echo, put words before the first one, or had the take rejected:
`tests/test_cues.py` listens for that with the bundled model.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from engine.events import Samples

logger = logging.getLogger(__name__)

CueName = Literal["start", "stop", "cancel"]
CUE_RATE = 16_000
"""Samples per second."""

_NOTES: dict[CueName, tuple[tuple[float, int], ...]] = {
    "start": ((5200.0, 12), (6300.0, 12)),  # two ticks, upwards
    "stop": ((880.0, 50), (587.3, 70)),  # A5 D5: falling, done
    "cancel": ((392.0, 60), (311.1, 100)),  # G4 E flat 4: lower, longer
}
"""Hertz and milliseconds of each note."""
REST_MS = 40
"""After each note."""

LOUDEST = 0.8
"""Peak at volume 1."""
RETRY_S = 60.0
"""After a failure the sound system is left alone for so long: who cannot hear, cannot miss it."""


class Player(Protocol):
    """Makes sound."""

    def play(self, samples: Samples, rate: int) -> None:
        """Play float32[n] in [-1, 1] to its end. May raise whatever it wants."""
        ...


class PortAudioPlayer:
    """The default output."""

    def play(self, samples: Samples, rate: int) -> None:
        """See `Player`."""
        from engine import _portaudio

        _portaudio.play(samples, rate)


class Cues:
    """Plays cues in a thread of its own. No call waits, none raises; a newer cue replaces one that waits."""

    def __init__(
        self, *, volume: float, player: Player | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`volume` 0 to 1; at 0 nothing is opened and nothing heard. `clock` in seconds."""
        self._volume = volume
        self._player = player or PortAudioPlayer()
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: CueName | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._busy = False
        self._silent_until_s = float("-inf")

    def start(self) -> None:
        """The microphone runs: speak."""
        self._want("start")

    def stop(self) -> None:
        """What was said is being made into text."""
        self._want("stop")

    def cancel(self) -> None:
        """What was said is not used."""
        self._want("cancel")

    @property
    def is_idle(self) -> bool:
        """Whether everything that was wanted was played, or given up."""
        with self._changed:
            return self._waiting is None and not self._busy

    def close(self) -> None:
        """Play nothing more. May be called twice. What is being played ends by itself."""
        with self._changed:
            self._closed = True
            self._waiting = None
            self._changed.notify_all()

    def _want(self, name: CueName) -> None:
        with self._changed:
            if self._closed or self._volume <= 0:
                return
            self._waiting = name
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cues", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                name, self._waiting = self._waiting, None
                self._busy = name is not None
                if name is None:
                    return
            if self._clock() >= self._silent_until_s:
                self._play(name)
            with self._changed:
                self._busy = False

    def _play(self, name: CueName) -> None:
        try:
            self._player.play(synthesise(name, self._volume), CUE_RATE)
        except Exception as error:  # no output, no permission, no PortAudio: silence is no failure
            logger.debug("no cue is heard: %s", error)
            self._silent_until_s = self._clock() + RETRY_S


@lru_cache(maxsize=8)
def synthesise(name: CueName, volume: float) -> Samples:
    """The cue as float32[n] at `CUE_RATE`, beginning and ending in silence."""
    import numpy as np

    rest = np.zeros(REST_MS * CUE_RATE // 1000)
    sound = np.concatenate([part for hertz, ms in _NOTES[name] for part in (_note(hertz, ms), rest)])
    # Loudness is felt as a power of the amplitude: half way is half as loud.
    cue: Samples = (sound * (LOUDEST * volume**1.5)).astype(np.float32)
    cue.setflags(write=False)  # it is kept
    return cue


def _note(hertz: float, ms: int) -> Samples:
    """A sine that swells and fades, so that nothing clicks."""
    import numpy as np

    samples = ms * CUE_RATE // 1000
    envelope = np.sin(np.pi * np.arange(samples) / samples) ** 2
    note: Samples = (envelope * np.sin(2 * np.pi * hertz / CUE_RATE * np.arange(samples))).astype(np.float32)
    return note
