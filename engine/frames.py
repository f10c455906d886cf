"""The grids on which sound is cut, and every conversion between samples, milliseconds, windows and frames.

The grids are pure: they copy what they must keep into one buffer that is reused, and any chunking of the same
samples gives the same pieces.
"""

from __future__ import annotations

import numpy as np

from engine.events import Samples

SAMPLE_RATE = 16_000
"""The only rate inside the engine, in Hz; the model was trained on it."""

WINDOW_SAMPLES = 320
"""20 ms: a length that WebRTC VAD accepts, two per frame."""

FRAME_SAMPLES = 640
"""40 ms: gemma4ua turns this many samples into one soft token."""


def ms_to_samples(ms: float) -> int:
    """Whole samples in `ms` milliseconds, rounded to the nearest."""
    return round(ms * SAMPLE_RATE / 1000)


def samples_to_ms(samples: int) -> float:
    """Milliseconds that `samples` samples last."""
    return samples * 1000 / SAMPLE_RATE


def samples_to_s(samples: int) -> float:
    """Seconds that `samples` samples last."""
    return samples / SAMPLE_RATE


def windows_in_ms(ms: float) -> int:
    """Whole VAD windows needed to last at least `ms` milliseconds."""
    return -(-ms_to_samples(ms) // WINDOW_SAMPLES)


def frames_in(samples: int) -> int:
    """Frames needed to hold `samples` samples; a started frame counts (it is zero-padded)."""
    return -(-samples // FRAME_SAMPLES)


class SampleGrid:
    """Cuts a stream of samples of any chunking into pieces of one length.

    Arrays that `push` and `flush` return are views that are valid until the next call: of the chunk itself
    where that is possible, else of the grid's own buffer. Copy what must live longer.
    """

    def __init__(self, piece_samples: int) -> None:
        if piece_samples < 1:
            raise ValueError(f"a piece needs at least one sample, not {piece_samples}")
        self._piece = piece_samples
        self._kept = np.zeros(piece_samples, dtype=np.float32)
        """Samples that do not fill a piece yet, in front; never full."""
        self._kept_samples = 0
        self._out = np.empty(piece_samples, dtype=np.float32)

    @property
    def pending_samples(self) -> int:
        """Samples taken that do not fill a piece yet."""
        return self._kept_samples

    def push(self, samples: Samples) -> Samples:
        """Take any number of samples; return the pieces that are now whole, as float32[k, piece], k >= 0."""
        if samples.ndim != 1:
            raise ValueError(f"samples must have one dimension, not shape {samples.shape}")
        piece, kept = self._piece, self._kept_samples
        total = kept + len(samples)
        whole = total // piece * piece
        if whole == 0:
            self._kept[kept:total] = samples
            self._kept_samples = total
            return self._out[:0].reshape(0, piece)
        taken = whole - kept
        if kept == 0 and samples.dtype == np.float32:
            pieces = samples[:whole]
        else:
            pieces = self._room(whole)
            pieces[:kept] = self._kept[:kept]
            pieces[kept:] = samples[:taken]
        self._kept_samples = total - whole
        self._kept[: self._kept_samples] = samples[taken:]
        return pieces.reshape(-1, piece)

    def flush(self) -> Samples:
        """Return the last, unfinished piece padded with zeros as float32[1, piece], or float32[0, piece].

        The grid is empty afterwards and may be used for another stream.
        """
        piece, kept = self._piece, self._kept_samples
        self._kept_samples = 0
        if kept == 0:
            return self._out[:0].reshape(0, piece)
        out = self._out[:piece]
        out[:kept] = self._kept[:kept]
        out[kept:] = 0.0
        return out.reshape(1, piece)

    def reset(self) -> None:
        """Forget the unfinished piece."""
        self._kept_samples = 0

    def _room(self, samples: int) -> Samples:
        if len(self._out) < samples:
            self._out = np.empty(samples, dtype=np.float32)
        return self._out[:samples]


class WindowGrid(SampleGrid):
    """Cuts a source into the detector's windows: `push` gives float32[k, 320]."""

    def __init__(self) -> None:
        super().__init__(WINDOW_SAMPLES)
