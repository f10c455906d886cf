"""Recordings on disk: one WAV file per take, readable however abruptly it ends.

The header promises more samples than will ever come, which readers (libsndfile, ffmpeg, sox, Python's wave)
take to mean "until the end of the file". So every cut after the header is a valid recording, and nothing
has to happen at the end for the words to be safe. `TakeAudio.finish` and `repair` put the true lengths in.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

from voice_edit.errors import AudioGone, JournalUnavailable
from voice_edit.journal import durable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples: TypeAlias = npt.NDArray[np.float32]

SAMPLE_RATE = 16_000
"""The engine's only rate; kept here so that reading the history does not import the engine."""
HEADER_BYTES = 44
BYTES_PER_SAMPLE = 2
SYNC_EVERY_S = 1.0
"""A power failure costs at most this much; a killed process costs nothing."""

# Largest length that readers which compute in signed 32 bits still take.
_OPEN_ENDED = 0x7FFF_FFF0 - HEADER_BYTES


class TakeAudio:
    """The growing recording of one take. Not for several threads at once."""

    def __init__(self, path: Path) -> None:
        """Create the file, readable by this user only. Raises JournalUnavailable."""
        self.path = path
        self.samples = 0
        """Samples written so far, on the source's clock."""
        try:
            self._fd = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            self._put(_header(_OPEN_ENDED), 0)
            durable.sync_file(self._fd)
            durable.sync_folder(path.parent)
        except OSError as error:
            raise _cannot_record(path, error) from error
        self._synced_s = 0.0
        self._closed = False

    def append(self, samples: Samples) -> None:
        """Write mono 16 kHz samples in [-1, 1] before anything else happens to them. Raises
        JournalUnavailable.
        """
        if len(samples) == 0:
            return
        durable.step("take.append")
        try:
            self._put(to_pcm(samples), HEADER_BYTES + BYTES_PER_SAMPLE * self.samples)
            self.samples += len(samples)
            now_s = time.monotonic()
            if now_s - self._synced_s >= SYNC_EVERY_S:
                durable.sync_file(self._fd)
                self._synced_s = now_s
        except OSError as error:
            raise _cannot_record(self.path, error) from error

    def finish(self) -> None:
        """Put the true length into the header and close. May be called twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self._put(_header(BYTES_PER_SAMPLE * self.samples), 0)
            durable.sync_file(self._fd)
        except OSError as error:
            raise _cannot_record(self.path, error) from error
        finally:
            os.close(self._fd)

    def _put(self, data: bytes, offset: int) -> None:
        # At an explicit offset: a short write on a full disk must not leave later samples off by one byte.
        view = memoryview(data)
        while view:
            count = os.pwrite(self._fd, view, offset)
            view, offset = view[count:], offset + count

    def __enter__(self) -> TakeAudio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()


def to_pcm(samples: Samples) -> bytes:
    """Signed 16-bit little endian. Exact for samples that came from 16-bit audio, so a retry hears the
    same. What is no number becomes silence.
    """
    import numpy as np

    # Scaling by a power of two is exact in float32, so this rounds as float64 would.
    scaled = np.maximum(samples, -1.0)
    np.minimum(scaled, 1.0, out=scaled)
    if np.isnan(np.dot(scaled, scaled)):
        scaled[np.isnan(scaled)] = 0.0
    scaled *= 32768.0
    np.rint(scaled, out=scaled)
    np.minimum(scaled, 32767.0, out=scaled)
    return bytes(scaled.astype("<i2").tobytes())


def load(path: Path, start_sample: int = 0, end_sample: int | None = None) -> Samples:
    """float32[n] in [-1, 1): the samples from `start_sample` up to `end_sample` (None: all there are).
    Raises AudioGone.
    """
    import numpy as np

    count = -1 if end_sample is None else max(0, end_sample - start_sample)
    try:
        stored = stored_samples(path)
        available = max(0, stored - start_sample)
        count = available if count < 0 else min(count, available)
        raw = np.fromfile(path, "<i2", count=count, offset=HEADER_BYTES + BYTES_PER_SAMPLE * start_sample)
    except OSError as error:
        raise AudioGone(f"The recording {path.name} is gone: {error.strerror or error}.") from error
    return raw.astype(np.float32) / np.float32(32768.0)


def stored_samples(path: Path) -> int:
    """How many whole samples the file holds, whatever its header says. Raises OSError."""
    return max(0, path.stat().st_size - HEADER_BYTES) // BYTES_PER_SAMPLE


def repair(path: Path) -> int:
    """Give a recording that was cut off its true length; returns its samples. Raises OSError."""
    samples = stored_samples(path)
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.ftruncate(fd, HEADER_BYTES + BYTES_PER_SAMPLE * samples)
        os.pwrite(fd, _header(BYTES_PER_SAMPLE * samples), 0)
        durable.sync_file(fd)
    finally:
        os.close(fd)
    return samples


def _header(data_bytes: int) -> bytes:
    """RIFF header of mono 16-bit PCM at SAMPLE_RATE."""
    form = struct.pack(
        "<IHHIIHH", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * BYTES_PER_SAMPLE, BYTES_PER_SAMPLE, 16
    )
    size = struct.pack("<I", HEADER_BYTES - 8 + data_bytes)
    return b"RIFF" + size + b"WAVEfmt " + form + b"data" + struct.pack("<I", data_bytes)


def _cannot_record(path: Path, error: OSError) -> JournalUnavailable:
    return JournalUnavailable(
        f"The recording {path} cannot be written: {error.strerror}.",
        hint="What was said until now is kept. Free some space, or set VOICE_EDIT_HOME to another disk.",
    )
