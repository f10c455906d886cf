"""PortAudio: the only file that imports sounddevice. Opens inputs, lists them, and plays short sounds.

PortAudio is not made for several threads, so that every call to it happens under one lock; whoever cannot
get the lock in time is told that the sound system does not answer. Its list of devices is made once, when it
is initialised: `refresh` makes it anew, which is possible only while nothing of ours is open.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine._quiet import c_stderr_silenced, silence_alsa
from engine.errors import MicrophoneBusy, MicrophoneError, MicrophoneLost, PortAudioMissing
from engine.events import Samples
from engine.ring import BlockRing

logger = logging.getLogger(__name__)

BLOCK_MS = 20
"""Sound per callback: short enough for the eye and the ear, long enough that 50 a second cost nothing."""

FORMAT_ERRORS = (-9998, -9997, -9994)
"""paInvalidChannelCount, paInvalidSampleRate, paSampleFormatNotSupported (portaudio.h)."""

PLAYING_LATENCY_S = 0.2
"""Buffered when playing; filled at once, so that it delays nothing, and a busy machine is not heard."""

PLAYED_OUT_S = 0.1
"""Silence after what is played, beyond what the device says that it holds back."""

LOCK_S = 5.0
"""Longer than any call takes that is not stuck."""

EXIT_S = 1.0
"""The program does not wait longer for a sound system that hangs."""

_lock = threading.RLock()
_found_s = 0.0
"""When the list of devices was made, in seconds of the monotonic clock."""
_open_streams: set[int] = set()
"""Streams of ours that PortAudio still knows; while there is one, it cannot be initialised anew."""


class FormatRefused(MicrophoneBusy):
    """Another rate or number of channels may do."""


@dataclass(frozen=True, slots=True)
class InputDevice:
    """An input as PortAudio lists it."""

    index: int
    name: str
    """As people know it, for example "HDA Intel PCH: ALC257 Analog (hw:0,0)" or "pulse"."""
    channels: int
    rate: int
    """Its own samples per second."""
    is_default: bool


@contextmanager
def _portaudio() -> Iterator[Any]:
    """sounddevice, with nobody else calling it. Raises PortAudioMissing, MicrophoneLost."""
    if not _lock.acquire(timeout=LOCK_S):
        raise MicrophoneLost(
            "the sound system does not answer",
            hint="Restart it (systemctl --user restart pipewire pulseaudio), then voice-edit.",
        )
    try:
        yield _sounddevice()
    finally:
        _lock.release()


def _sounddevice() -> Any:
    global _found_s
    try:
        if not _found_s:
            # What the sound settings of the desktop call whoever records and plays.
            os.environ.setdefault("PULSE_PROP_OVERRIDE", "application.name=voice-edit")
            silence_alsa()
        with c_stderr_silenced():
            import sounddevice
        if not _found_s:
            _end_in_time(sounddevice)
        _found_s = _found_s or time.monotonic()
    except (OSError, ImportError) as error:
        raise PortAudioMissing(f"PortAudio cannot be loaded ({error})") from error
    return sounddevice


def _end_in_time(sounddevice: Any) -> None:
    """When the program ends, sounddevice waits for the sound system: for ever where that hangs."""
    waits = getattr(sounddevice, "_exit_handler", None)
    if waits is None:  # another version, which may do better
        return
    atexit.unregister(waits)

    def end() -> None:
        if _lock.acquire(timeout=EXIT_S):  # else a thread is stuck in it
            waits()

    atexit.register(end)


def input_devices() -> list[InputDevice]:
    """The inputs that PortAudio found when it was initialised. Raises PortAudioMissing, MicrophoneLost."""
    with _portaudio() as sounddevice:
        chosen = sounddevice.default.device[0]
        return [
            InputDevice(
                index=row["index"],
                name=row["name"],
                channels=row["max_input_channels"],
                rate=round(row["default_samplerate"]),
                is_default=row["index"] == chosen,
            )
            for row in sounddevice.query_devices()
            if row["max_input_channels"] > 0
        ]


def refresh(*, older_than_s: float = 0.0) -> bool:
    """Look for devices anew, unless that was done less than `older_than_s` ago. False where something of ours
    is open, so that it cannot be done."""
    global _found_s
    with _portaudio() as sounddevice:
        if _open_streams:
            return False
        if time.monotonic() - _found_s < older_than_s:
            return True
        _found_s = time.monotonic()
        try:
            with c_stderr_silenced():
                # Not sounddevice._initialize(), which takes descriptor 2 away from the whole process.
                sounddevice._check(sounddevice._lib.Pa_Terminate())
                sounddevice._check(sounddevice._lib.Pa_Initialize())
        except sounddevice.PortAudioError as error:
            raise MicrophoneError(f"the sound system cannot be used ({error})") from error
        return True


class InputStream:
    """An open input. Its callback copies what comes into `ring`, and does nothing else."""

    def __init__(self, device: InputDevice, *, rate: int, channels: int, ring: BlockRing) -> None:
        """Open and start it. Raises FormatRefused, MicrophoneBusy, PortAudioMissing, MicrophoneLost."""
        self.rate = rate
        self.channels = channels
        self.ring = ring
        self.ended = threading.Event()
        """Set when the device gives no more sound: it is gone, or was closed."""

        # sounddevice's streams are in a reference cycle with their callback, and stay until the garbage is
        # collected: they must not keep a ring of 640 kB for every take.
        self._fed = fed = [ring]

        def copy(block: Any, _samples: int, _time: Any, status: Any) -> None:
            for ring in fed:
                ring.write(block, lost_before=bool(status))

        with _portaudio() as sounddevice, c_stderr_silenced():
            try:
                self._stream = sounddevice.InputStream(
                    device=device.index,
                    samplerate=rate,
                    channels=channels,
                    dtype="float32",
                    blocksize=rate * BLOCK_MS // 1000,
                    latency="low",
                    callback=copy,
                    finished_callback=self.ended.set,
                )
                try:
                    self._stream.start()
                except BaseException:
                    self._stream.close()
                    raise
            except sounddevice.PortAudioError as error:
                refused = FormatRefused if _number(error) in FORMAT_ERRORS else MicrophoneBusy
                raise refused(f"{device.name}: cannot be opened ({_reason(error)})") from error
            self.latency_s = float(self._stream.latency)
            """Seconds from a sound to its callback, as the device says."""
            _open_streams.add(id(self))

    def close(self) -> None:
        """Let go of the device. Takes as long as the sound system needs. May be called twice."""
        with _portaudio() as sounddevice, c_stderr_silenced():
            if id(self) not in _open_streams:
                return
            try:
                self._stream.abort()
                self._stream.close()
            except sounddevice.PortAudioError as error:
                logger.warning("closing the microphone: %s", _reason(error))
            finally:
                _open_streams.discard(id(self))
                self._fed.clear()
                self.ended.set()


class Playback:
    """A sound that is being played."""

    def __init__(self, samples: Samples, rate: int) -> None:
        self._samples = np.ascontiguousarray(samples, dtype=np.float32).reshape(-1, 1)
        self._at = 0
        self._last = len(samples)
        """Where it ends, silence after it included: what is in the device's buffers then may be cut off."""
        self.ended = threading.Event()
        """Set when the last sample was heard, or playing was stopped."""
        with _portaudio() as sounddevice, c_stderr_silenced():
            self._stop = sounddevice.CallbackStop
            try:
                self._stream = sounddevice.OutputStream(
                    samplerate=rate,
                    channels=1,
                    dtype="float32",
                    latency=PLAYING_LATENCY_S,
                    callback=self._fill,
                    finished_callback=self.ended.set,
                )
                _open_streams.add(id(self))
                self._last += round((float(self._stream.latency) + PLAYED_OUT_S) * rate)
                try:
                    self._stream.start()
                except BaseException:
                    self._close()
                    raise
            except sounddevice.PortAudioError as error:
                raise MicrophoneError(
                    f"nothing can be played ({_reason(error)})",
                    hint="Check the output in the sound settings.",
                ) from error

    def _fill(self, out: Any, samples: int, _time: Any, _status: Any) -> None:
        piece = self._samples[self._at : self._at + samples]
        out[: len(piece)] = piece
        out[len(piece) :] = 0.0
        self._at += samples
        if self._at >= self._last:
            raise self._stop

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until it was heard out; False if it was not in time. Then the device is let go."""
        heard = self.ended.wait(timeout_s)
        self.stop()
        return heard

    def stop(self) -> None:
        """Be silent now. May be called twice."""
        with _portaudio():
            self._close()

    def _close(self) -> None:
        if id(self) in _open_streams:
            _open_streams.discard(id(self))
            with c_stderr_silenced():
                self._stream.abort(ignore_errors=True)
                self._stream.close(ignore_errors=True)
            self.ended.set()


def play(samples: Samples, rate: int = 16_000, *, blocking: bool = True) -> Playback:
    """Play float32[n] in [-1, 1] on the default output; `blocking` until it was heard, or in the background,
    until it was heard or `stop` of what is returned is called.

    Raises MicrophoneError (of which PortAudioMissing is one) where nothing can be played.
    """
    playback = Playback(samples, rate)
    longest_s = len(samples) / rate + LOCK_S
    if blocking:
        playback.wait(longest_s)
    else:
        threading.Thread(target=playback.wait, args=[longest_s], name="playing", daemon=True).start()
    return playback


def _number(error: Exception) -> int | None:
    return error.args[1] if len(error.args) > 1 else None


def _reason(error: Exception) -> str:
    """PortAudio's own words without its number."""
    return str(error.args[0]).removeprefix("Error opening InputStream: ")
