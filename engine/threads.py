"""How many threads inference may use on this machine."""

from __future__ import annotations

import os
from pathlib import Path

SMALL_MODEL_PARAMS = 100_000_000
"""Below this a token costs less than waking a second thread.

llama.cpp's threads spin while they wait for each other: on a busy machine two of them made a small model
tens of times slower.
"""


def default_threads(n_params: int) -> int:
    """Threads for a model of `n_params` weights: one for a small model, else every usable core."""
    return 1 if n_params < SMALL_MODEL_PARAMS else usable_cores()


def usable_cores(
    topology: Path = Path("/sys/devices/system/cpu"), cgroup: Path = Path("/sys/fs/cgroup")
) -> int:
    """Physical cores that this process may run on: affinity and container quota respected, at least 1.

    Hyper-threads share one core's arithmetic units, so a thread for each would only wait.
    """
    if hasattr(os, "sched_getaffinity"):
        cpus = sorted(os.sched_getaffinity(0))
    else:
        cpus = list(range(os.cpu_count() or 1))
    cores = {_siblings(topology, cpu) for cpu in cpus}
    return max(1, min(len(cores), _quota(cgroup, len(cores))))


def _siblings(topology: Path, cpu: int) -> str:
    try:
        return (topology / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota(cgroup: Path, default: int) -> int:
    """Whole cores that a container's limit leaves, from `cpu.max`: `200000 100000` is two."""
    try:
        allowed, period = (cgroup / "cpu.max").read_text().split()
        return default if allowed == "max" else int(allowed) // int(period)
    except (OSError, ValueError):
        return default
