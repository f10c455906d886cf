"""A whole daemon with a virtual microphone, for benchmarks: private sound server and home, all of it real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from virtual_desktop import VirtualDesktop, virtual_desktop
from virtual_display import VirtualDisplay, virtual_display
from virtual_microphone import VirtualMicrophone

from voice_edit.control.client import ControlClient
from voice_edit.paths import Paths

START_S = 20.0
TAKE_S = 60.0
ENDS = ("outcome", "failed", "rejected", "reverted")


class Rig:
    """Starts everything, and ends it. `note` is the file that words go to."""

    def __init__(
        self, *, keep: Path | None = None, settings: str = "", display: bool = False, desktop: bool = False
    ) -> None:
        """`display`: with a virtual screen, whose keyboard talks (`self.display`). `desktop`: with
        accessibility and programs too (`self.desk`); words go to the field that has the focus.
        """
        self._kept = keep
        self._settings = settings
        self._with_display = display or desktop
        self._with_desktop = desktop
        self.display: VirtualDisplay | None = None
        self.desk: VirtualDesktop | None = None
        self._screens = ExitStack()
        self.seen: list[dict[str, Any]] = []
        """Events that `wait_for` passed over."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="voice-edit-rig-")
        base = self._kept or Path(self._folder.name)
        base.mkdir(parents=True, exist_ok=True)
        self.home = base / "home"
        (self.home / "config").mkdir(parents=True, exist_ok=True)
        backend = "x11" if self._with_display else "none"
        text = f'[hotkeys]\nbackend = "{backend}"\n{self._settings}'
        (self.home / "config" / "config.toml").write_text(text, encoding="utf-8")
        self.note = base / "note.txt"
        self.note.write_text("Begin.\n", encoding="utf-8")
        self.microphone = VirtualMicrophone(Path(self._folder.name) / "pulse")
        self.microphone.__enter__()
        self.environment = {
            **os.environ,
            **self.microphone.environment,
            "VOICE_EDIT_HOME": str(self.home),
        }
        if self._with_desktop:
            self.display = self.desk = self._screens.enter_context(virtual_desktop())
            self.environment = {**os.environ, **self.microphone.environment, **self.desk.env}
            self.environment["VOICE_EDIT_HOME"] = str(self.home)
        elif self._with_display:
            self.display = self._screens.enter_context(virtual_display())
            self.environment["DISPLAY"] = self.display.name
        self._log = (base / "daemon.log").open("ab")
        self.start_daemon()
        return self

    def start_daemon(self) -> None:
        """Start it and connect."""
        socket = Paths.from_environment({"VOICE_EDIT_HOME": str(self.home)}).socket
        socket.unlink(missing_ok=True)  # of a daemon that was killed
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "voice_edit", "run"],
            env=self.environment,
            stdout=self._log,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_S
        while not socket.exists():
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the daemon did not start: " + Path(self._log.name).read_text())
            time.sleep(0.02)
        self.client = ControlClient(socket)
        events = [*ENDS, "stage", "microphone", "notice", "engine", "words", "target", "hotkeys"]
        self.client.request("subscribe", events=events)
        if not self._with_desktop:
            self.client.request("target.file", path=str(self.note), pin="daemon")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.daemon.send_signal(signal.SIGTERM)
        try:
            self.daemon.wait(15)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            raise
        finally:
            self.microphone.kill()
            self._screens.close()
            self._log.close()
            if self._kept is None:
                self._folder.cleanup()

    def take(self, wav: Path, *, mode: str = "dictate", before_stop_s: float = 0.0) -> dict[str, Any]:
        """Start talking, play a recording, stop when it has been played; what became of it, as an event."""
        self.begin(mode)
        self.microphone.play(wav)
        time.sleep(before_stop_s)
        self.client.request("talk.stop")
        return self.wait_for(*ENDS)

    def begin(self, mode: str = "dictate") -> None:
        """Start talking, and wait until the microphone is really open."""
        self.waiting_events()
        self.client.request("talk.start", mode=mode)
        self.wait_until_open()

    def wait_until_open(self) -> None:
        """Until the first sound came from the microphone."""
        while True:
            event = self.wait_for("microphone", "failed", "notice")
            if event["event"] == "microphone" and event["state"] == "open":
                return
            if event["event"] == "failed" or event.get("level") == "error":
                raise RuntimeError(str(event))

    def wait_until_idle(self) -> None:
        """Until nothing is done any more for what was said."""
        deadline = time.monotonic() + START_S
        while (stage := self.client.request("status")["stage"]) != "idle":
            if time.monotonic() > deadline:
                raise RuntimeError(f"still {stage}")
            time.sleep(0.01)

    def wait_for_keys(self) -> None:
        """Until the talk keys are grabbed."""
        deadline = time.monotonic() + START_S
        while not (keys := self.client.request("status")["hotkeys"])["backend"]:
            if keys["problem"] or time.monotonic() > deadline:
                raise RuntimeError(f"no talk keys: {keys['problem']}")
            time.sleep(0.05)

    def waiting_events(self) -> list[dict[str, Any]]:
        """What came in and was not looked at yet."""
        events = []
        while (event := self.client.next_event(0)) is not None:
            events.append(event)
        return events

    def wait_for(self, *names: str, timeout_s: float = TAKE_S) -> dict[str, Any]:
        """The next event of one of these names."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            event = self.client.next_event(left)
            if event is not None and event["event"] in names:
                return event
            if event is not None:
                self.seen.append(event)
        raise RuntimeError(f"none of {names} came within {timeout_s:g} s")


def sample_edits(folder: Path) -> list[dict[str, Any]]:
    """The recordings of `samples/`: what is said in them, in which mode, the text before and after."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        found.append({**yaml.safe_load(path.read_text(encoding="utf-8")), "wav": path.with_suffix(".wav")})
    return found


def rss_kb(pid: int) -> int:
    """Resident memory."""
    return _status(pid)["VmRSS"]


def threads(pid: int) -> int:
    """How many threads it has."""
    return _status(pid)["Threads"]


def open_descriptors(pid: int) -> int:
    """How many file descriptors it has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def cpu_seconds(pid: int) -> float:
    """User and system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wake_ups(pid: int) -> int:
    """Voluntary context switches of all threads: how often something inside woke up."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def _status(pid: int) -> dict[str, int]:
    values = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmRSS", "Threads"):
            values[name] = int(rest.split()[0])
    return values
