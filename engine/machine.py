"""What this machine has: main memory that is free, and the devices that llama.cpp was built for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

DeviceKind = Literal["cpu", "gpu", "igpu", "accelerator"]


@dataclass(frozen=True, slots=True)
class Device:
    """Something that llama.cpp computes on, as it reports it."""

    name: str
    """`CUDA0`, `Vulkan0`, `MTL0`, `CPU`."""
    description: str
    """What the hardware calls itself."""
    backend: str
    """The part of llama.cpp that drives it: `CUDA`, `Vulkan`, `MTL`, `CPU`."""
    kind: DeviceKind
    total_bytes: int
    """Its memory; 0 where it is not told."""
    free_bytes: int

    @property
    def is_graphics(self) -> bool:
        """Whether layers can be put on it."""
        return self.kind in ("gpu", "igpu")

    @property
    def shares_ram(self) -> bool:
        """Whether its memory is a part of the main memory."""
        return self.kind != "gpu" or self.backend in ("MTL", "Metal")


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory and devices, as of now."""

    ram_bytes: int
    """Main memory that this process may use: a container's or service's limit counts."""
    available_bytes: int | None
    """What of it is free or can be made free at once; None where the system does not tell."""
    devices: tuple[Device, ...]
    backends: tuple[str, ...]
    """What llama.cpp was built with, `CPU` among it."""

    @property
    def graphics(self) -> tuple[Device, ...]:
        """What layers are put on: as llama.cpp chooses, an integrated one only without another."""
        cards = tuple(device for device in self.devices if device.kind == "gpu")
        return cards or tuple(device for device in self.devices if device.kind == "igpu")[:1]


def machine() -> Machine:
    """Ask now. Loads llama.cpp, and the driver of a graphics card where it was built for one."""
    from engine._llama_devices import backends, devices

    total, available = memory()
    return Machine(total, available, devices(), backends())


def memory(
    meminfo: Path = Path("/proc/meminfo"),
    own_group: Path = Path("/proc/self/cgroup"),
    groups: Path = Path("/sys/fs/cgroup"),
) -> tuple[int, int | None]:
    """Main memory and what of it is available, in bytes. The paths are Linux's."""
    total, available = _of_the_system(meminfo)
    for limit, used in _limits(own_group, groups):
        total = min(total, limit)
        if available is not None:
            available = min(available, max(0, limit - used))
    return total, available


def _of_the_system(meminfo: Path) -> tuple[int, int | None]:
    try:
        rows = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        return _kib(rows["MemTotal"]), _kib(rows["MemAvailable"])
    except (OSError, KeyError, ValueError, IndexError):
        if sys.platform == "win32":
            return 0, None
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), None


def _kib(text: str) -> int:
    return int(text.split()[0]) * 1024


def _limits(own_group: Path, groups: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of every control group (v2) around this process that has a limit."""
    try:
        lines = own_group.read_text().splitlines()
    except OSError:
        return
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None:
        return
    folder = groups / own.strip("/")
    while True:
        yield from _limit(folder)
        if folder == groups or groups not in folder.parents:
            return
        folder = folder.parent


def _limit(folder: Path) -> Iterator[tuple[int, int]]:
    try:
        limit = (folder / "memory.max").read_text().strip()
        if limit == "max":
            return
        used = int((folder / "memory.current").read_text())
        # Cached files count as used, and go when the memory is wanted.
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        yield int(limit), used - int(stat.get("inactive_file", 0)) - int(stat.get("active_file", 0))
    except (OSError, ValueError):
        return
