"""What a measurement was made on: processor, cores, memory, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("llama-cpp-python", "numpy")
SOURCE = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Machine:
    """Enough to judge a number by, and nothing that tells whose machine it is."""

    processor: str
    cores: int
    """Physical cores that this process may use."""
    memory_gb: float | None
    gpu: str
    """'' where there is none, or nobody knows."""
    system: str
    python: str
    versions: dict[str, str]
    """Of voice-edit and of the packages that do the work."""
    commit: str
    """Of the source that ran, with `+` if it had been changed; '' where voice-edit was installed."""
    load: float | None
    """How many programs wanted a core in the minute before, on average."""

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def sentence(self) -> str:
        """In one line, for people."""
        memory = f", {self.memory_gb:.0f} GB" if self.memory_gb else ""
        gpu = f", {self.gpu}" if self.gpu else ""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        commit = f", commit {self.commit}" if self.commit else ""
        load = f", load {self.load:.1f} before" if self.load is not None else ""
        return (
            f"{self.processor}, {self.cores} cores{memory}{gpu}; {self.system}, Python {self.python}, "
            f"{versions}{commit}{load}"
        )


def this_machine() -> Machine:
    """Asks the system; nothing is sent anywhere."""
    from engine.threads import usable_cores
    from voice_edit import __version__

    versions = {"voice-edit": __version__}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return Machine(
        processor=_processor(),
        cores=usable_cores(),
        memory_gb=_memory_gb(),
        gpu=_first_line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        versions=versions,
        commit=commit_of(SOURCE),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def commit_of(folder: Path) -> str:
    """The commit that is checked out in `folder`, with `+` where tracked files differ from it; '' if none is.

    A repository that merely surrounds the folder does not count.
    """
    if not (folder / ".git").exists():
        return ""
    git = ("git", "-C", str(folder))
    commit = _first_line(*git, "rev-parse", "--short=12", "HEAD")
    changed = commit and _first_line(*git, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+" if changed else commit


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().partition("\n")[0].strip()


def _processor(file: Path = Path("/proc/cpuinfo")) -> str:
    try:
        for line in file.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model"):
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, OSError, ValueError):
        return None
