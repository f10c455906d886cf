"""Utterances of a wanted length, out of recordings: speech without long pauses, so that nothing ends early.

Recordings are cut to what the voice detector takes for speech, pauses are shortened, and the pieces joined
until there is enough; the end is cut where it is quietest. The same recordings give the same utterances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.events import Samples
from engine.frames import WINDOW_SAMPLES, ms_to_samples, samples_to_s
from voice_edit.errors import AudioFailed, UsageError

LONGEST_PAUSE_MS = 160
"""What is left of a pause: well under any hangover, so nothing ends early, and long enough to be heard."""

QUIET_END = 0.1
"""The end is put at the quietest window of this last share of the wanted length."""

LEAD_MS, REST_MS = 300, 1_400
"""Quiet before the first and after the last word: the latter longer than any hangover."""

NOISE_DBFS = -72.0
"""A quiet room; digital silence would be a muted microphone."""

FORMATS = {".wav", ".flac", ".ogg", ".mp3"}


@dataclass(frozen=True, slots=True, eq=False)
class BenchUtterance:
    """Something that is said in the benchmark."""

    seconds: float
    """The length that was asked for."""
    take: int
    """Which of several of that length; they begin with different recordings."""
    samples: Samples
    """float32[n] at 16 kHz, with the quiet around it."""
    speech_s: float
    """Length of what is said, pauses included."""


def recordings(folder: Path) -> list[Samples]:
    """All recordings of a folder in the order of their names. Raises UsageError, AudioFailed."""
    from voice_edit import pipeline

    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in FORMATS)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be read: {error.strerror}.", hint="Name a folder of recordings: --audio FOLDER"
        ) from error
    if not paths:
        raise UsageError(
            f"{folder} holds no recordings.", hint="Put WAV, FLAC, OGG or MP3 files of speech into it."
        )
    with pipeline.failures_named():
        from engine.source import read_audio

        return [read_audio(path) for path in paths]


def spoken(samples: Samples) -> Samples:
    """Only the speech of a recording, from the first word to the last, with its pauses shortened."""
    from engine.vad import WebRtcDetector

    windows = samples[: len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    detector = WebRtcDetector()
    said = np.fromiter((detector.is_speech(window) for window in windows), dtype=bool, count=len(windows))
    if not said.any():
        return samples[:0]
    first, last = int(said.argmax()), len(said) - int(said[::-1].argmax())
    most = LONGEST_PAUSE_MS * 16 // WINDOW_SAMPLES
    kept, pause = [], 0
    for index in range(first, last):
        pause = 0 if said[index] else pause + 1
        if pause <= most:
            kept.append(index)
    return windows[kept].reshape(-1)


def require_speech(pieces: Sequence[Samples]) -> list[Samples]:
    """Those of `pieces` in which somebody speaks. Raises AudioFailed if there are none."""
    pieces = [piece for piece in pieces if len(piece)]
    if not pieces:
        raise AudioFailed("Nobody speaks in these recordings.", hint="Name others: --audio FOLDER")
    return pieces


def utterance(pieces: Sequence[Samples], seconds: float, take: int) -> BenchUtterance:
    """About `seconds` of speech, beginning with piece number `take`, round and round if need be.

    `pieces`: what `spoken` gave. Raises AudioFailed if there is no speech in any.
    """
    pieces = require_speech(pieces)
    wanted = ms_to_samples(seconds * 1000) // WINDOW_SAMPLES * WINDOW_SAMPLES
    gap = np.zeros(ms_to_samples(LONGEST_PAUSE_MS), dtype=np.float32)
    parts: list[Samples] = []
    number = take
    while sum(map(len, parts)) < wanted:
        parts += [_level(pieces[number % len(pieces)]), gap]
        number += 1
    said = np.concatenate(parts)
    said = said[: _quietest(said, wanted)]
    whole = np.concatenate((_zeros(LEAD_MS), said, _zeros(REST_MS)))
    whole += _noise(len(whole), take)
    return BenchUtterance(seconds, take, whole, samples_to_s(len(said)))


def _quietest(said: Samples, wanted: int) -> int:
    """Where to cut: at the end of the quietest window of the last tenth before `wanted`."""
    least = int(wanted * (1 - QUIET_END)) // WINDOW_SAMPLES * WINDOW_SAMPLES
    if wanted - least < WINDOW_SAMPLES:
        return wanted
    powers = np.square(said[least:wanted].reshape(-1, WINDOW_SAMPLES)).mean(axis=1)
    return least + (int(powers.argmin()) + 1) * WINDOW_SAMPLES


def _level(piece: Samples) -> Samples:
    """Brought to a common loudness, so that no piece passes for the pause of another."""
    peak = float(np.abs(piece).max())
    return piece * np.float32(0.5 / peak) if peak > 0 else piece


def _zeros(ms: float) -> Samples:
    return np.zeros(ms_to_samples(ms), dtype=np.float32)


def _noise(samples: int, seed: int) -> Samples:
    noise = np.random.default_rng(seed).standard_normal(samples)
    return (noise * 10 ** (NOISE_DBFS / 20)).astype(np.float32)
