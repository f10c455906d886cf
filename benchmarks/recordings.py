"""Recordings of people that a Debian system can have, and where in them somebody speaks.

Nothing of them lies in this repository. What is not installed is left out and named. The ground truth comes
from the clean recordings by a rule, see `speech_in`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from scipy import signal

from benchmarks.noises import RATE, Sound

SAMPLES = Path(__file__).parent.parent / "samples"

REFERENCE_PERCENTILE = 95
BELOW_REFERENCE_DB = 32.0
ABOVE_FLOOR_DB = 10.0
STEP = RATE // 100
CLOSED_GAP_S = 0.2
SHORTEST_S = 0.06


@dataclass(frozen=True, slots=True)
class Collection:
    """A folder of recordings, and which of them are taken."""

    name: str
    folder: Path
    pattern: str
    package: str
    """The Debian package that brings it, or '' for our own."""
    per_folder: int = 100
    """How many of each folder, spread evenly over its files in alphabetical order."""
    seconds: tuple[float, float] = (0.4, 15.0)
    narrow: bool = False
    """Recorded at 8 kHz, as telephones and Bluetooth headsets do."""


COLLECTIONS = (
    Collection("samples", SAMPLES, "*.wav", ""),
    Collection("alsa", Path("/usr/share/sounds/alsa"), "[FRS]*.wav", "alsa-utils"),
    Collection(
        "pocketsphinx", Path("/usr/share/pocketsphinx/test/data"), "**/*.[rw]a[wv]", "pocketsphinx-testdata"
    ),
    Collection(
        "ktuberling", Path("/usr/share/ktuberling/sounds"), "*/*.ogg", "ktuberling-data", 2, (0.4, 4.0)
    ),
    *(
        Collection(
            f"asterisk-{language}", Path("/usr/share/asterisk/sounds"), f"{folder}/*.wav",
            f"asterisk-core-sounds-{language}-wav", 6, (1.5, 6.0), narrow=True,
        )
        for language, folder in (
            ("en", "en_US_f_Allison"), ("fr", "fr_CA_f_June"), ("ru", "ru_RU_f_IvrvoiceRU")
        )
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One of them."""

    name: str
    samples: Sound
    """float32[n] at 16 kHz, clean."""
    speech: list[tuple[int, int]]
    """Where somebody speaks in it, as [start, end) in samples. Never empty."""
    narrow: bool


def find() -> tuple[list[Recording], list[str]]:
    """The recordings that are installed, and the packages of those that are not."""
    found, missing = [], []
    for collection in COLLECTIONS:
        recordings = list(_read(collection))
        found += recordings
        if not recordings:
            missing.append(collection.package)
    return found, missing


def _read(collection: Collection) -> Iterator[Recording]:
    folders: dict[Path, list[Path]] = {}
    known: set[bytes] = set()
    for path in sorted(collection.folder.glob(collection.pattern)):
        folders.setdefault(path.parent, []).append(path)
    for paths in folders.values():
        taken = 0
        for path in paths[:: max(1, len(paths) // (4 * collection.per_folder))]:
            sound = _load(path)
            speech = speech_in(sound)
            fits = collection.seconds[0] <= len(sound) / RATE <= collection.seconds[1]
            # Some languages share a folder's recordings under another name.
            if not fits or not speech or sound.tobytes() in known:
                continue
            known.add(sound.tobytes())
            yield Recording(f"{collection.name}/{path.stem}", sound, speech, collection.narrow)
            taken += 1
            if taken == collection.per_folder:
                break


def _load(path: Path) -> Sound:
    if path.suffix == ".raw":
        pcm, rate = np.fromfile(path, dtype="<i2").astype(np.float32) / 32768, RATE
    else:
        read, rate = soundfile.read(path, dtype="float32", always_2d=True)
        pcm = read.mean(axis=1)
    sound = pcm if rate == RATE else soxr.resample(pcm, rate, RATE)
    return (sound - sound.mean()).astype(np.float32)


def speech_in(sound: Sound) -> list[tuple[int, int]]:
    """Where somebody speaks in a clean recording, as [start, end) in samples.

    The rule: the level is measured in steps of 10 ms above 120 Hz, averaged over 30 ms. Speech is what lies
    at most 32 dB below the level that the loudest twentieth of all steps exceeds, and at least 10 dB above
    the quietest tenth of a second. Gaps under 200 ms are closed, then stretches under 60 ms dropped.
    """
    if len(sound) < RATE // 5:
        return []
    high = signal.sosfilt(signal.butter(4, 120, "highpass", fs=RATE, output="sos"), sound)
    steps = high[: len(high) // STEP * STEP].reshape(-1, STEP)
    power = np.convolve((steps**2).mean(axis=1), np.ones(3) / 3, "same") + 1e-10
    floor = np.convolve(power, np.ones(10) / 10, "valid").min()
    reference = np.percentile(power, REFERENCE_PERCENTILE)
    # A recording that is all speech has no quiet tenth: its floor must not hide its soft sounds.
    least = max(
        reference * 10 ** (-BELOW_REFERENCE_DB / 10),
        min(floor * 10 ** (ABOVE_FLOOR_DB / 10), reference / 100),
    )
    edges = np.flatnonzero(np.diff(np.concatenate(([False], power >= least, [False])).astype(int)))
    runs: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2) * STEP:
        if runs and start - runs[-1][1] < CLOSED_GAP_S * RATE:
            runs[-1] = (runs[-1][0], int(end))
        else:
            runs.append((int(start), int(end)))
    return [(start, end) for start, end in runs if end - start >= SHORTEST_S * RATE]


# --- how it is said and carried ---------------------------------------------------------------------------


def speech_rms(recording: Recording) -> float:
    """Root mean square of the stretches where somebody speaks."""
    power = np.concatenate([recording.samples[start:end] ** 2 for start, end in recording.speech])
    return float(np.sqrt(power.mean() + 1e-12))


def through_bluetooth(sound: Sound) -> Sound:
    """As a hands-free headset sends it: 8 kHz, 300 to 3,400 Hz, and 16 bit."""
    sos = signal.butter(6, (300, 3400), "bandpass", fs=RATE, output="sos")
    narrow = soxr.resample(signal.sosfilt(sos, sound).astype(np.float32), RATE, RATE // 2)
    return soxr.resample(np.round(narrow * 32767) / 32768, RATE // 2, RATE)[: len(sound)].astype(np.float32)


def whispered(sound: Sound, rng: np.random.Generator, *, order: int = 18) -> Sound:
    """The same words without the vocal folds: noise through the mouth's resonances (linear prediction).

    Frames of 30 ms, half overlapping; each keeps its level, low frequencies are weakened as in a whisper.
    """
    size, hop = 480, 240
    window = np.hanning(size)
    padded = np.concatenate([np.zeros(hop), sound, np.zeros(size)])
    out = np.zeros(len(padded))
    for first in range(0, len(padded) - size, hop):
        frame = padded[first : first + size] * window
        if (energy := float(frame @ frame)) < 1e-9:
            continue
        shaped = np.append(frame[0], frame[1:] - 0.95 * frame[:-1])
        lags = np.correlate(shaped, shaped, "full")[size - 1 : size + order]
        lags[0] *= 1.001
        lags[0] += 1e-12
        row = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
        taps = np.linalg.solve(lags[:order][row], lags[1:])
        made = signal.lfilter([1.0], np.concatenate(([1.0], -taps)), rng.standard_normal(size)) * window
        out[first : first + size] += made * np.sqrt(energy / (made @ made + 1e-12))
    sos = signal.butter(2, 350, "highpass", fs=RATE, output="sos")
    return signal.sosfilt(sos, out[hop : hop + len(sound)]).astype(np.float32)
