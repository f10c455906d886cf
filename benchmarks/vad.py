"""Which voice detector hears people in noise? `python -m benchmarks.vad`: detectors against conditions.

Recordings of people (see `benchmarks.recordings`; packages that are missing are named) are put two by two
into takes: 1.5 s, the first, 1.2 s, the second, 1.5 s, with noise through all of it. Speech is brought to
-26 dBFS while somebody speaks, the noise to the ratio that the row names, measured on its loudest half
second. Each take goes through a detector, endpointing and the gate, without a model. For speech:

  missed      recordings that no accepted utterance touches
  onset lost  recordings that begin before their utterance does, pre-roll included: how many, and the worst
  end lost    the same for what lies after the end of the tail that the model is fed
  false/min   accepted utterances that touch no speech, in a minute of pauses
  split       recordings without a pause of 400 ms that came in more than one utterance
  merged      utterances that hold both recordings of a take, 1.2 s apart
  late        how far the end of the utterance lies behind the end of speech, median

Noise alone, at -30 dBFS: starts a minute, and how many of them the gate lets through to the model. Cost: the
time of one 20 ms window in the detector, the best of nine runs over a recording.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import noises, recordings
from benchmarks.noises import RATE, Sound
from benchmarks.recordings import Recording
from engine.endpointing import Endpointing, EndpointingSettings, rejection
from engine.events import SpeechStarted, SpeechStopped
from engine.frames import WINDOW_SAMPLES, ms_to_samples
from engine.vad import SpeechDetector, choose_detector, level_dbfs

LEAD, GAP = 1.5, 1.2
SPEECH_DBFS = -26.0
QUIET_DBFS = -40.0
ROOM_DBFS = -70.0
"""The pink noise that every take has, in dBFS, unless the condition's own is louder."""
NOISE_DBFS = -30.0
NOISE_TAKES = 12
NOISE_SECONDS = 5.0
LOST = ms_to_samples(20)
OPEN_GAP = ms_to_samples(400)

SETTINGS = EndpointingSettings(min_speech_ms=100)
"""As the program's defaults are."""

Utterance = tuple[SpeechStarted, SpeechStopped]


@dataclass
class Score:
    """What became of the recordings of one condition."""

    recordings: int = 0
    missed: int = 0
    onset_lost: int = 0
    onset_worst_ms: float = 0.0
    end_lost: int = 0
    end_worst_ms: float = 0.0
    false: int = 0
    pause_s: float = 0.0
    split: int = 0
    merged: int = 0
    late_ms: list[float] = field(default_factory=list)


@dataclass
class Take:
    """Sound, and where somebody speaks in it: one list of stretches for each recording."""

    sound: Sound
    speech: list[list[tuple[int, int]]]


def heard(
    sound: Sound, detector: SpeechDetector, settings: EndpointingSettings = SETTINGS
) -> list[Utterance]:
    """Every utterance of a take, refused ones too."""
    detector.reset()
    machine = Endpointing(settings)
    events: list[SpeechStarted | SpeechStopped] = []
    for window in sound[: len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES):
        events += machine.push(detector.is_speech(window), level_dbfs(window))
    events += machine.finish()
    return list(zip(events[::2], events[1::2], strict=True))  # type: ignore[arg-type]


def takes(
    pool: list[Recording], change: Callable[[Recording, np.random.Generator], Sound], dbfs: float, seed: int
) -> Iterator[Take]:
    """The recordings two by two, without noise."""
    rng = np.random.default_rng(seed)
    for first, second in zip(pool[::2], pool[1::2], strict=False):
        parts, speech, at = [np.zeros(int(LEAD * RATE), np.float32)], [], int(LEAD * RATE)
        for one in (first, second):
            gain = 10 ** (dbfs / 20) / recordings.speech_rms(one)
            parts += [change(one, rng) * np.float32(gain), np.zeros(int(GAP * RATE), np.float32)]
            speech.append([(start + at, end + at) for start, end in one.speech])
            at += len(parts[-2]) + len(parts[-1])
        yield Take(np.concatenate([*parts, np.zeros(int((LEAD - GAP) * RATE), np.float32)]), speech)


def judge(take: Take, utterances: list[Utterance], score: Score) -> None:
    """Count what became of a take."""
    tail = ms_to_samples(SETTINGS.tail_ms)
    kept = [pair for pair in utterances if rejection(pair[1], SETTINGS) is None]
    spans = [(start.start_sample, stop.end_sample) for start, stop in kept]
    touched: list[set[int]] = []
    for stretches in take.speech:
        first, last = stretches[0][0], stretches[-1][1]
        mine = [i for i, (a, b) in enumerate(spans) if any(a < end and start < b for start, end in stretches)]
        touched.append(set(mine))
        score.recordings += 1
        if not mine:
            score.missed += 1
            continue
        onset = spans[mine[0]][0] - first
        end = last - spans[mine[-1]][1] - tail
        score.onset_lost += onset > LOST
        score.end_lost += end > LOST
        score.onset_worst_ms = max(score.onset_worst_ms, onset / 16)
        score.end_worst_ms = max(score.end_worst_ms, end / 16)
        score.late_ms.append((spans[mine[-1]][1] - last) / 16)
        gaps = [b[0] - a[1] for a, b in itertools.pairwise(stretches)]
        score.split += len(mine) > 1 and max(gaps, default=0) < OPEN_GAP
    score.merged += len(touched[0] & touched[1])
    score.false += len(spans) - len(touched[0] | touched[1])
    score.pause_s += (len(take.sound) - sum(b - a for part in take.speech for a, b in part)) / RATE


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--detectors", nargs="+", default=["webrtc", "silero"], help="NAME or NAME:AGGRESSIVENESS"
    )
    parser.add_argument("--snr", nargs="+", type=float, default=[20, 10, 5, 0])
    parser.add_argument("--json", type=Path, help="write every number here")
    a = parser.parse_args()
    detectors = {name: _detector(name) for name in a.detectors}
    pool, missing = recordings.find()
    if missing:
        print("left out, because they are not installed:", *missing, file=sys.stderr)
    # Neighbours in a take come from different collections, and the order is always the same.
    pool = [pool[i] for i in np.random.default_rng(1).permutation(len(pool))]
    report = {
        "recordings": [one.name for one in pool],
        "speech": [
            {"condition": name, "snr_db": snr, "scores": {key: asdict(score) for key, score in row.items()}}
            for name, snr, row in _with_progress(_speech_rows(pool, detectors, a.snr))
        ],
        "noise": dict(_with_progress(_noise_rows(pool, detectors))),
        "cost_us": {name: _cost_us(one, pool[0].samples) for name, one in detectors.items()},
    }
    print(markdown(report))
    if a.json:
        a.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


def _with_progress(rows: Iterator) -> Iterator:  # type: ignore[type-arg]
    for row in rows:
        print(*row[: len(row) - 1], file=sys.stderr)
        yield row


def _detector(name: str) -> SpeechDetector:
    kind, _, aggressiveness = name.partition(":")
    return choose_detector(kind, aggressiveness=int(aggressiveness or 2))  # type: ignore[arg-type]


def _speech_rows(
    pool: list[Recording], detectors: dict[str, SpeechDetector], ratios: list[float]
) -> Iterator[tuple[str, float | None, dict[str, Score]]]:
    wide, narrow = [one for one in pool if not one.narrow], [one for one in pool if one.narrow]
    bluetooth = lambda one, _: recordings.through_bluetooth(one.samples)  # noqa: E731
    whisper = lambda one, rng: recordings.whispered(one.samples, rng)  # noqa: E731
    plain = lambda one, _: one.samples  # noqa: E731
    pink = lambda seconds, rng, _: noises.pink(seconds, rng)  # noqa: E731
    conditions = [
        ("as recorded", None, pool, plain, SPEECH_DBFS, None),
        ("quiet, -40 dBFS", None, pool, plain, QUIET_DBFS, None),
        ("quiet, -46 dBFS", None, pool, plain, QUIET_DBFS - 6, None),
        ("whispered", None, wide, whisper, SPEECH_DBFS, None),
        ("whispered, -40 dBFS", None, wide, whisper, QUIET_DBFS, None),
        ("whispered, pink", 10.0, wide, whisper, SPEECH_DBFS, pink),
        ("through Bluetooth, 8 kHz", None, wide, bluetooth, SPEECH_DBFS, None),
        ("through Bluetooth, pink", 10.0, wide, bluetooth, SPEECH_DBFS, pink),
        ("recorded at 8 kHz, pink", 10.0, narrow, plain, SPEECH_DBFS, pink),
    ]
    for kind in ("white", "pink", "brown", "hum", "fan", "babble", "keyboard"):
        for snr in ratios:
            conditions.append((kind, snr, pool, plain, SPEECH_DBFS, _noise_of(kind)))
    for seed, (name, snr, chosen, change, dbfs, noise) in enumerate(conditions):
        scores = {key: Score() for key in detectors}
        for index, take in enumerate(takes(chosen, change, dbfs, seed)):
            rng = np.random.default_rng([seed, index])
            seconds = len(take.sound) / RATE
            sound = take.sound + noises.pink(seconds, rng) * np.float32(10 ** (ROOM_DBFS / 20))
            if noise is not None and snr is not None:
                voices = [one.samples for one in wide]
                made = noise(seconds, rng, voices)
                sound = sound + made * np.float32(10 ** ((dbfs - snr) / 20))
            sound = np.clip(sound, -1.0, 1.0)
            for key, detector in detectors.items():
                judge(take, heard(sound, detector), scores[key])
        yield name, snr, scores


def _noise_of(kind: str) -> Callable[[float, np.random.Generator, list[Sound]], Sound]:
    if kind == "babble":
        return noises.babble
    maker = (noises.STEADY | noises.SUDDEN | noises.VOICELIKE)[kind]
    return lambda seconds, rng, _: maker(seconds, rng)


def _noise_rows(
    pool: list[Recording], detectors: dict[str, SpeechDetector]
) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    """Starts and passes a minute of each noise alone."""
    voices = [one.samples for one in pool if not one.narrow]
    kinds = [*noises.STEADY, *noises.SUDDEN, *noises.VOICELIKE, "babble", "babble, 20 dB lower"]
    for seed, kind in enumerate(kinds):
        row = {key: {"starts_per_min": 0.0, "passed_per_min": 0.0} for key in detectors}
        dbfs = NOISE_DBFS - (20 if "lower" in kind else 0)
        for index in range(NOISE_TAKES):
            rng = np.random.default_rng([99, seed, index])
            sound = noises.at_level(_noise_of(kind.partition(",")[0])(NOISE_SECONDS, rng, voices), dbfs)
            sound += noises.pink(NOISE_SECONDS, rng) * np.float32(10 ** (ROOM_DBFS / 20))
            for key, detector in detectors.items():
                for _, stop in heard(sound, detector):
                    row[key]["starts_per_min"] += 1
                    row[key]["passed_per_min"] += rejection(stop, SETTINGS) is None
        yield kind, row


def _cost_us(detector: SpeechDetector, sound: Sound) -> float:
    windows = sound[: len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    trials = []
    for _ in range(9):
        detector.reset()
        begin = time.perf_counter()
        for window in windows:
            detector.is_speech(window)
        trials.append((time.perf_counter() - begin) / len(windows) * 1e6)
    return min(trials)


def markdown(report: dict) -> str:  # type: ignore[type-arg]
    """The tables, cells as `first detector / second detector`."""
    names = list(report["cost_us"])
    both = lambda row, show: " / ".join(show(row[name]) for name in names)  # noqa: E731
    lines = [
        f"{len(report['recordings'])} recordings. Cells: {' / '.join(names)}.\n",
        "| condition | SNR dB | missed | onset lost (worst ms) | end lost (worst ms) "
        "| false/min | split | merged | late ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in report["speech"]:
        row, snr = entry["scores"], entry["snr_db"]
        count = next(iter(row.values()))["recordings"]
        cells = [
            f"{entry['condition']} ({count})" if snr is None else entry["condition"],
            "" if snr is None else f"{snr:g}",
            both(row, lambda s: str(s["missed"])),
            both(
                row,
                lambda s: f"{s['onset_lost']}" + (f" ({s['onset_worst_ms']:.0f})" if s["onset_lost"] else ""),
            ),
            both(
                row, lambda s: f"{s['end_lost']}" + (f" ({s['end_worst_ms']:.0f})" if s["end_lost"] else "")
            ),
            both(row, lambda s: f"{s['false'] / max(s['pause_s'] / 60, 1e-9):.1f}"),
            both(row, lambda s: str(s["split"])),
            both(row, lambda s: str(s["merged"])),
            both(row, lambda s: f"{np.median(s['late_ms']):.0f}" if s["late_ms"] else "-"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| noise alone | starts/min | through the gate/min |", "|---|---|---|"]
    for kind, row in report["noise"].items():
        cells = [both(row, lambda s, k=k: f"{s[k]:.0f}") for k in ("starts_per_min", "passed_per_min")]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    costs = ", ".join(f"{name} {cost:.0f}" for name, cost in report["cost_us"].items())
    return "\n".join([*lines, "", f"Microseconds for a window of 20 ms: {costs}."])


if __name__ == "__main__":
    main()
