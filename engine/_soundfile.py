"""Recordings on disk: the only file that imports soundfile and soxr.

A recording is read twice, block by block. The first pass looks for everything that makes it useless and
measures what the second pass needs: which channels carry the voice, how far a sample is off zero, how loud
it gets. The second pass gives 16 kHz mono. Neither holds more than one block, so an hour of sound needs no
more memory than a second.
"""

from __future__ import annotations

import logging
import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import (
    AudioEmpty,
    AudioError,
    AudioMissing,
    AudioNotFinite,
    AudioTooLong,
    AudioUnreadable,
)
from engine.events import Samples
from engine.frames import SAMPLE_RATE
from engine.loudness import Loudness, check_loudness

logger = logging.getLogger(__name__)

LEAST_RATE, MOST_RATE = 4_000, 768_000
"""Below 4 kHz, consonants are gone; above 768 kHz, it is not a recording of sound."""

MOST_CHANNELS = 64

DC_WORTH_REMOVING = 0.005
"""Smaller offsets are left alone, so that a clean 16 kHz file is passed on bit for bit."""

CHANNEL_RANGE = 10 ** (-12 / 10)
"""Channels more than 12 dB below the loudest one are left out: silent inputs would only thin out the
voice."""

CANCELLED = 10 ** (-9 / 10)
"""A mix this far below its loudest channel cancels itself out (opposite phases): take that channel alone."""

OGG_PAGE_MOST = 27 + 255 + 255 * 255
"""Bytes of the longest OGG page."""

STREAMED_SIZE = 0x7FFF0000
"""Programs that write WAV into a pipe put the largest number they know into the header; it is no promise."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one file becomes 16 kHz mono; measured by the first pass."""

    path: Path
    rate: int
    """Samples per second and channel in the file."""
    frames: int
    """Samples per channel that could really be read."""
    weights: npt.NDArray[np.float32]
    """float32[channels]: the share of each channel in the mix. Includes the gain that undoes samples beyond
    1."""
    offset: float
    """Constant to subtract from the mix."""
    missing_s: float
    """Seconds that the header promises and the file does not hold."""
    cut_off: bool = False
    """The end is missing, and how much of it nobody knows: OGG files do not announce their length."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.frames / self.rate


def inspect(path: Path, *, longest_s: float = math.inf) -> Recipe:
    """Read all of `path` once; return how to hear it. Raises the `AudioError` that says why it cannot be
    heard, AudioTooLong as soon as it is known to last longer than `longest_s`.
    """
    _check_file(path)
    with _opened(path) as file:
        rate, channels = int(file.samplerate), int(file.channels)
        if not LEAST_RATE <= rate <= MOST_RATE:
            raise AudioUnreadable(f"{path}: {rate} samples a second; {LEAST_RATE} to {MOST_RATE} can be used")
        if channels > MOST_CHANNELS:
            raise AudioUnreadable(f"{path}: {channels} channels; at most {MOST_CHANNELS} can be used")
        with _mpg123_silenced():
            measured = _measure(path, file, rate, channels, longest_s)
        promised = _promised_frames(file, measured.frames)
    frames = measured.frames
    if frames == 0:
        raise _nothing_in(path)
    missing_s = max(0.0, (promised - frames) / rate)
    if missing_s > 0.0:
        logger.warning(
            "%s: the header promises %.1f s, only %.1f s are there; it was cut short in recording or copying",
            path,
            promised / rate,
            frames / rate,
        )
    check_loudness(measured.loudness(), str(path))
    weights, offset = measured.mix()
    return Recipe(path, rate, frames, weights, offset, missing_s, _lacks_its_end(path))


def blocks(recipe: Recipe) -> Iterator[Samples]:
    """The recording as float32 arrays of 16 kHz mono in [-1, 1], each a third of a second or so, none
    reused."""
    import soxr

    resampler = None
    if recipe.rate != SAMPLE_RATE:
        resampler = soxr.ResampleStream(recipe.rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    plain = len(recipe.weights) == 1 and recipe.weights[0] == 1.0
    with _opened(recipe.path) as file:
        for block in _read(recipe.path, file, recipe.rate // 50 * 16):
            mono = block[:, 0].copy() if plain else block @ recipe.weights
            if recipe.offset:
                mono -= np.float32(recipe.offset)
            yield _bounded(mono if resampler is None else resampler.resample_chunk(mono, last=False))
    if resampler is not None:
        yield _bounded(resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True))


def _bounded(samples: Samples) -> Samples:
    # Filters overshoot at full scale; the model and the 16-bit detector expect [-1, 1].
    return np.clip(samples, -1.0, 1.0, out=samples)


class _Measured:
    """What the first pass learns of each channel. Sums over blocks are float64, so that an hour adds up."""

    def __init__(self, rate: int, channels: int) -> None:
        self.rate = rate
        self.frames = 0
        self._sum = np.zeros(channels)
        self._products = np.zeros((channels, channels))
        self._low = np.full(channels, np.inf)
        self._high = np.full(channels, -np.inf)
        self._loudest = np.zeros(channels)

    def add(self, block: npt.NDArray[np.float32]) -> bool:
        """Take float32[n, channels]; False if a sample of it is not finite, or too large to be a sample."""
        channels = np.ascontiguousarray(block.T)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = channels.sum(axis=1)
            products = channels @ channels.T
        # Whatever is not finite spreads into the sums, so that looking at each sample is spared.
        if not (np.isfinite(sums).all() and np.isfinite(products).all()):
            return False
        self.frames += len(block)
        self._sum += sums
        self._products += products
        np.minimum(self._low, channels.min(axis=1), out=self._low)
        np.maximum(self._high, channels.max(axis=1), out=self._high)
        window = self.rate // 50
        whole = len(block) // window
        if whole:
            windows = channels[:, : whole * window].reshape(-1, whole, window)
            powers = np.einsum("cwn,cwn->cw", windows, windows) / window - windows.mean(axis=2) ** 2
            np.maximum(self._loudest, powers.max(axis=1), out=self._loudest)
        return True

    def loudness(self) -> Loudness:
        """Of the channel that is heard best."""
        swing = float(np.max(self._high - self._low)) / 2
        return Loudness(self.frames / self.rate, swing, float(self._loudest.max()))

    def mix(self) -> tuple[npt.NDArray[np.float32], float]:
        """The weights of the channels and the offset of their mix."""
        mean = self._sum / self.frames
        covariance = self._products / self.frames - np.outer(mean, mean)
        power = np.diag(covariance)
        best = int(np.argmax(power))
        heard = power >= power[best] * CHANNEL_RANGE
        weights = heard / heard.sum()
        if weights @ covariance @ weights < power[best] * CANCELLED:
            weights = np.zeros_like(weights)
            weights[best] = 1.0
        offset = float(weights @ mean)
        if abs(offset) < DC_WORTH_REMOVING:
            offset = 0.0
        used = weights > 0
        centre = mean[used] if offset else 0.0
        peak = float(max(np.max(self._high[used] - centre), np.max(centre - self._low[used])))
        gain = 1.0 / peak if peak > 1.0 else 1.0
        return (weights * gain).astype(np.float32), offset * gain


def _measure(path: Path, file: Any, rate: int, channels: int, longest_s: float) -> _Measured:
    measured = _Measured(rate, channels)
    for block in _read(path, file, rate // 50 * 16):
        if not measured.add(block):
            bad = ~np.isfinite(block).all(axis=1)
            second = (measured.frames + int(np.argmax(bad))) / rate
            raise AudioNotFinite(f"{path}: around {second:.3f} s, samples are not numbers (NaN or infinite)")
        if measured.frames > longest_s * rate:  # whatever the header promises
            raise AudioTooLong(f"{path} lasts longer than the {longest_s:g} s that can be sent at once")
    return measured


def _read(path: Path, file: Any, frames: int) -> Iterator[npt.NDArray[np.float32]]:
    """Blocks of float32[frames, channels], views of one buffer that is written over by the next."""
    import soundfile

    buffer = np.empty((frames, file.channels), dtype=np.float32)
    at = 0
    while True:
        try:
            block = file.read(out=buffer)
        except soundfile.LibsndfileError as error:
            where = f"at {at / file.samplerate:.1f} s"
            raise AudioUnreadable(
                f"{path}: damaged or cut off {where} ({error.error_string.strip()})",
                hint=f"Copy or record it again; to save what comes before: ffmpeg -i '{path}' saved.wav",
            ) from error
        if len(block) == 0:
            return
        at += len(block)
        yield block


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A `soundfile.SoundFile`; the content decides about the format, not the name."""
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]
        """Read from start to end. python-soundfile seeks after every block of a seekable file, and a seek
        makes an MP3 decoder forget the bits that the next block still needs."""

        def seekable(self) -> bool:
            return False

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise _cannot_open(path, error) from error
    try:
        with _mpg123_silenced():
            file = Forward(descriptor, closefd=True)
    except soundfile.LibsndfileError as error:
        raise AudioUnreadable(f"{path}: {_resembles(path)} ({error.error_string.strip()})") from error
    with file:
        yield file


@contextmanager
def _mpg123_silenced() -> Iterator[None]:
    """Nothing printed to stderr by the MP3 decoder, which comments on files there, past every setting.

    What matters of it is raised or measured by us.
    """
    try:
        kept = os.dup(2)
    except OSError:  # closed: nobody is bothered
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _check_file(path: Path) -> None:
    try:
        found = path.stat()
    except OSError as error:
        raise _cannot_open(path, error) from error
    if stat.S_ISDIR(found.st_mode):
        raise AudioUnreadable(f"{path}: a folder, not a recording", hint="Name a file inside that folder.")
    if not stat.S_ISREG(found.st_mode):
        raise AudioUnreadable(
            f"{path}: not a regular file", hint="Save the sound into a file first: recordings are read twice."
        )
    if found.st_size == 0:
        raise AudioEmpty(f"{path}: the file is empty (0 bytes)")


def _cannot_open(path: Path, error: OSError) -> AudioError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return AudioMissing(f"{path}: no such file")
    if isinstance(error, PermissionError):
        return AudioUnreadable(f"{path}: no permission to read it", hint=f"Allow it: chmod u+r '{path}'")
    return AudioUnreadable(f"{path}: cannot be opened ({error.strerror})", hint="Check the disk and path.")


def _nothing_in(path: Path) -> AudioEmpty:
    size = path.stat().st_size
    if size < 4096:
        return AudioEmpty(f"{path}: no samples in it")
    return AudioEmpty(
        f"{path}: no samples according to its header, yet {size} bytes follow; the recorder was interrupted",
        hint=f"Repair the header, for example: ffmpeg -ignore_length 1 -i '{path}' repaired.wav",
    )


def _promised_frames(file: Any, read: int) -> int:
    """Frames per channel that the header announces, or `read` where it announces nothing believable."""
    log = re.search(r"^\s*data\s*: (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if log:
        promised, there = int(log[1]), int(log[2])
        return read if promised >= STREAMED_SIZE or there == 0 else max(read, read * promised // there)
    # Compressed files announce an estimate that may be off by a few blocks.
    return int(file.frames) if 0 < read < 0.9 * file.frames else read


def _lacks_its_end(path: Path) -> bool:
    """Whether an OGG file was cut off: its last page must say that it is the last (RFC 3533, section 6)."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        file.seek(max(0, path.stat().st_size - OGG_PAGE_MOST))
        end = file.read()
    last = end.rfind(b"OggS")
    return last < 0 or len(end) < last + 6 or not end[last + 5] & 0x04


_KNOWN_STARTS = (
    (b"RIFF", 0, "a WAV file with a damaged header"),
    (b"fLaC", 0, "a damaged FLAC file"),
    (b"OggS", 0, "a damaged OGG file, or one without sound"),
    (b"ID3", 0, "a damaged MP3 file"),
    (b"ftyp", 4, "an MP4 or M4A file, which cannot be read directly"),
    (b"\x1aE\xdf\xa3", 0, "a WebM or Matroska file, which cannot be read directly"),
    (b"#!AMR", 0, "an AMR file, which cannot be read directly"),
    (b"0&\xb2u", 0, "a WMA file, which cannot be read directly"),
)


def _resembles(path: Path) -> str:
    """What a file that libsndfile refuses looks like, for people."""
    with path.open("rb") as file:
        start = file.read(16)
    for magic, at, name in _KNOWN_STARTS:
        if start[at : at + len(magic)] == magic:
            return name
    return "not audio, or in a format that is not known here"
