"""From a device's own rate and channels to 16 kHz mono, as a stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.events import Samples
from engine.frames import SAMPLE_RATE

CHANNEL_RANGE = 10 ** (-12 / 10)
"""Channels more than 12 dB below the loudest one are left out: a dead second channel would only thin the
voice out."""

CANCELLED = 10 ** (-9 / 10)
"""A mix this far below its loudest channel cancels itself out (opposite phases): take that channel alone."""

MEMORY_S = 1.0
"""Over how long the channels are compared: a syllable must not decide, and a switched headset must."""


class Converter:
    """Makes 16 kHz mono of one device's stream. `flush` ends the stream; another one needs another converter.

    What a device gives at 16 kHz with one channel is passed on bit for bit.
    """

    def __init__(self, rate: int, channels: int) -> None:
        if rate < 1 or channels < 1:
            raise ValueError(f"{rate} samples a second on {channels} channels is no sound")
        self._rate = rate
        self._mix = Downmix(channels, rate) if channels > 1 else None
        self._resampler = _resampler(rate) if rate != SAMPLE_RATE else None
        self.taken = 0
        """Samples per channel that were pushed."""
        self.given = 0
        """Samples that were returned."""

    @property
    def pending_s(self) -> float:
        """Sound that was pushed and has not come out yet, in seconds: the filter looks ahead."""
        return max(0.0, self.taken / self._rate - self.given / SAMPLE_RATE)

    def push(self, block: npt.NDArray[np.float32]) -> Samples:
        """float32[n, channels] -> float32[m], a new array, clipped to [-1, 1]; m may be 0."""
        self.taken += len(block)
        mono = block[:, 0].copy() if self._mix is None else self._mix.push(block)
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(mono, last=False)
        return self._out(mono)

    def flush(self) -> Samples:
        """What the filter still holds, so that the last sample pushed is the last that comes out."""
        if self._resampler is None:
            return np.empty(0, dtype=np.float32)
        return self._out(self._resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True))

    def _out(self, samples: Samples) -> Samples:
        self.given += len(samples)
        # Filters and converters overshoot at full scale; the model and the detector expect [-1, 1].
        np.maximum(samples, -1.0, out=samples)
        return np.minimum(samples, 1.0, out=samples)


def _resampler(rate: int) -> Any:
    import soxr

    return soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")


class Downmix:
    """The mean of the channels that carry the voice; which ones these are may change, without a click."""

    def __init__(self, channels: int, rate: int) -> None:
        self._memory = MEMORY_S * rate
        self._products = np.zeros((channels, channels))
        self._weights: Samples | None = None

    def push(self, block: npt.NDArray[np.float32]) -> Samples:
        """float32[n, channels] -> float32[n]."""
        samples = len(block)
        if samples == 0:
            return np.empty(0, dtype=np.float32)
        keep = max(0.0, 1.0 - samples / self._memory)
        sound = block - block.mean(axis=0)
        self._products *= keep
        self._products += (sound.T @ sound).astype(np.float64)
        weights = mix_weights(self._products)
        before = weights if self._weights is None else self._weights
        self._weights = weights
        if np.array_equal(before, weights):
            return np.asarray(block @ weights, dtype=np.float32)
        ramp = np.linspace(0.0, 1.0, samples, endpoint=False, dtype=np.float32)[:, None]
        shares = before + (weights - before) * ramp
        return np.asarray(np.einsum("nc,nc->n", block, shares), dtype=np.float32)


def mix_weights(products: npt.NDArray[np.float64]) -> Samples:
    """The share of each channel, float32[channels], by the channels' covariance (of any scale)."""
    power = np.diag(products)
    best = int(np.argmax(power))
    heard = power >= power[best] * CHANNEL_RANGE
    weights = heard / heard.sum()
    if weights @ products @ weights < power[best] * CANCELLED:
        weights = np.zeros(len(power))
        weights[best] = 1.0
    return np.asarray(weights, dtype=np.float32)
