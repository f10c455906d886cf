"""What the work takes besides time: memory and energy, where the system lets us read them."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
PROCESS = Path("/proc/self")


class EnergyMeter:
    """Joules that the processor packages have used, by their own counters (RAPL); root may read them."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self._counters: list[_Counter] = []
        for zone in sorted(folder.glob("*-rapl:*")):
            # Only whole packages: their cores and memory are zones below them, `intel-rapl:0:1`.
            if zone.name.count(":") == 1 and (counter := _Counter.open(zone)) is not None:
                self._counters.append(counter)

    @property
    def is_readable(self) -> bool:
        """Whether this machine has such counters and lets us read them."""
        return bool(self._counters)

    def joules(self) -> float | None:
        """Energy since the meter was made; None where it cannot be read. Ask at least once a minute: the
        counters are short.
        """
        if not self._counters:
            return None
        try:
            return sum(counter.read_uj() for counter in self._counters) / 1e6
        except OSError:
            return None


@dataclass(slots=True)
class _Counter:
    """A counter of microjoules that begins again at 0 when it is full."""

    file: Path
    full_uj: int
    last_uj: int
    sum_uj: int = 0

    @classmethod
    def open(cls, zone: Path) -> _Counter | None:
        try:
            full = int((zone / "max_energy_range_uj").read_text())
            return cls(zone / "energy_uj", full, int((zone / "energy_uj").read_text()))
        except (OSError, ValueError):
            return None

    def read_uj(self) -> int:
        now = int(self.file.read_text())
        self.sum_uj += (now - self.last_uj) % (self.full_uj + 1)
        self.last_uj = now
        return self.sum_uj


@dataclass(frozen=True, slots=True)
class Memory:
    """Main memory of this process, in bytes."""

    resident: int | None
    """Now. None where the system does not say."""
    peak: int | None
    """The most so far, or since `forget_peak`."""


def memory(process: Path = PROCESS) -> Memory:
    """How much this process holds."""
    fields: dict[str, int] = {}
    with suppress(OSError):
        for line in (process / "status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("VmRSS", "VmHWM"):
                fields[name] = int(value.split()[0]) * 1024
    return Memory(fields.get("VmRSS"), fields.get("VmHWM"))


def forget_peak(process: Path = PROCESS) -> None:
    """Let the peak begin anew, where that can be done."""
    with suppress(OSError):
        (process / "clear_refs").write_text("5")


def available_bytes(file: Path = Path("/proc/meminfo")) -> int | None:
    """Memory that this machine can still give, swap included; None where the system does not say."""
    fields: dict[str, int] = {}
    with suppress(OSError):
        for line in file.read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("MemAvailable", "SwapFree"):
                fields[name] = int(value.split()[0]) * 1024
    return sum(fields.values()) if "MemAvailable" in fields else None


def gpu_memory_mb() -> float | None:
    """Memory in use on all NVIDIA GPUs, by whomever; None where there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = [program, "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
        return sum(float(line) for line in done.stdout.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
