"""The live microphone, measured through a real sound server: `python -m benchmarks.microphone --takes 20`.

A PulseAudio server of its own with a virtual microphone (needs pulseaudio, pulseaudio-utils, libportaudio2
and libasound2-plugins). Measured are: the time from `begin` to the first sample with the device closed
before; how like the said is what was heard, its first and last 100 ms included; the regularity of PortAudio's
callbacks; and the share of a core that this process needs while it listens. A real device adds its own start,
0.2 to 0.7 s.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import sounds
from hearing_microphones import Heard, likeness
from virtual_microphone import VirtualMicrophone, short_folder

from engine import microphone_opening
from engine.microphone import Microphone
from engine.ring import BlockRing

CALLBACKS_S: list[float] = []


class TimedRing(BlockRing):
    """Notes when the callback comes."""

    def write(self, block: npt.NDArray[np.float32], *, lost_before: bool = False) -> None:
        CALLBACKS_S.append(time.perf_counter())
        super().write(block, lost_before=lost_before)


def starts(server: VirtualMicrophone, takes: int) -> dict[str, Any]:
    """From `begin` to the first sample, each time with the device closed before, in ms."""
    delays_ms, likenesses, dropped = [], [], 0
    microphone = Microphone()
    for number in range(takes):
        said = sounds.noise(600, dbfs=-20, seed=number)
        take = microphone.begin()
        heard = Heard(take)
        server.wait_until_heard()
        server.play(said)
        take.stop_after(400)
        likenesses.append(likeness(said, heard.to_the_end()))
        assert take.first_sound_s is not None
        delays_ms.append(1000 * (take.first_sound_s - take.began_s))
        dropped += take.dropped_samples
        server.wait_until_released()
    return {
        "first_in_process_ms": round(delays_ms[0], 1),
        "median_ms": round(float(np.median(delays_ms[1:])), 1),
        "worst_ms": round(max(delays_ms[1:]), 1),
        "least_likeness": dict(
            zip(
                ("whole", "first_100_ms", "last_100_ms"),
                np.min(likenesses, axis=0).round(6).tolist(),
                strict=True,
            )
        ),
        "dropped_samples": dropped,
    }


def listening(seconds: float) -> dict[str, Any]:
    """Callbacks and processor time while somebody listens for so long."""
    with Microphone() as microphone:
        heard = Heard(microphone.begin())
        heard.wait_for_more()
        CALLBACKS_S.clear()
        cpu_s, began_s = time.process_time(), time.perf_counter()
        time.sleep(seconds)
        cpu_s, lasted_s = time.process_time() - cpu_s, time.perf_counter() - began_s
        between_ms = 1000 * np.diff(CALLBACKS_S)
    return {
        "callbacks": len(between_ms) + 1,
        "between_ms": {
            "mean": round(float(between_ms.mean()), 2),
            "sd": round(float(between_ms.std()), 2),
            "p99": round(float(np.percentile(between_ms, 99)), 1),
            "max": round(float(between_ms.max()), 1),
        },
        "cpu_share_of_a_core": round(cpu_s / lasted_s, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--takes", type=int, default=21)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    microphone_opening.BlockRing = TimedRing  # type: ignore[misc]
    with short_folder() as folder, VirtualMicrophone(folder) as server:
        os.environ.update(server.environment)
        measured = {"starts": starts(server, arguments.takes), "listening": listening(arguments.seconds)}
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
