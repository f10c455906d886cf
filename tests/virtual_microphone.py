"""A microphone without a sound card: a PulseAudio server of its own, with a sink whose sound a source gives.

    with VirtualMicrophone(folder) as microphone:     # or the fixture `virtual_microphone`
        ...                                           # whoever has `microphone.environment` can listen now
        microphone.wait_until_heard()                 # until somebody does
        microphone.play(samples)                      # says them

The server lies in a private folder and ends with the `with`. `environment` is what a process needs to find
it; the fixture also puts it into this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

SINK = "vmic_sink"
SOURCE = "vmic"
DESCRIPTION = "Virtual Microphone"

DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Nothing is left behind when the tests are killed: each process dies with the thread that began it."""

NEEDED = ("setpriv", "pulseaudio", "pactl", "pacat", "parec")


def wait_for(condition: Callable[[], Any], what: str, *, timeout_s: float = 20.0) -> Any:
    """What `condition` returns as soon as it is true; fails the test if that takes too long."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s in vain for {what}"
        time.sleep(0.01)
    return found


class VirtualMicrophone:
    """A sound server with one microphone, into which tests speak."""

    def __init__(
        self, folder: Path, *, rate: int = 16_000, channels: int = 1, source_properties: str = ""
    ) -> None:
        missing = [name for name in NEEDED if shutil.which(name) is None]
        if missing:
            pytest.fail(f"{', '.join(missing)} missing: apt-get install pulseaudio pulseaudio-utils")
        self.folder = folder
        self.rate = rate
        self.channels = channels
        self._properties = source_properties or f"device.description='{DESCRIPTION}'"
        self._server: subprocess.Popen[bytes] | None = None
        self._helpers: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)
        # Sockets have short names only (108 bytes), and pytest's folders long ones.
        self._socket = folder / "p"
        self.environment = {
            "PULSE_SERVER": f"unix:{self._socket}",
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_COOKIE": str(folder / "cookie"),
        }
        """What a process needs to find this server, and no other."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    # --- the server -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the server; with it, its microphone is the system's choice."""
        self._server = subprocess.Popen(
            [
                *DIES_WITH_US, "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1",
                "--use-pid-file=no",
                f"--log-target=file:{self.folder / 'pulse.log'}",
                "-L", f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}",
                "-L", f"module-null-sink sink_name={SINK} rate={self.rate} channels={self.channels}",
            ],
            env=self._whole_environment() | {"HOME": str(self.folder), "DBUS_SESSION_BUS_ADDRESS": ""},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for(lambda: self.pactl("info", check=False), "PulseAudio to answer")
        self.plug_in()
        # A null sink that wakes up makes 2 s of silence at once, unless somebody wants sound sooner by then.
        self.pactl("suspend-sink", SINK, "1")
        self._helper("parec", f"--device={SINK}.monitor", "--latency-msec=10")
        helper = f'application.process.id = "{self._helpers[-1].pid}"'
        wait_for(lambda: helper in self.pactl("list", "source-outputs"), "the helper to listen")
        self.pactl("suspend-sink", SINK, "0")

    def kill(self) -> None:
        """The server dies at once, as in a crash."""
        for helper in self._helpers:
            helper.kill()
            helper.wait()
        self._helpers.clear()
        if self._server is not None:
            # A stopped process would never see a gentler signal.
            self._server.kill()
            self._server.wait()
            self._server = None
        self._socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """The server answers nobody, as if it hung; `thaw` ends that."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def pactl(self, *arguments: str, check: bool = True) -> str:
        """What `pactl` prints; '' where it fails and that is not checked."""
        done = subprocess.run(
            ["pactl", *arguments], env=self._whole_environment(), capture_output=True, text=True, timeout=20,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done.stdout if done.returncode == 0 else ""

    # --- the microphone ---------------------------------------------------------------------------------

    def plug_in(self, name: str = SOURCE, *, description: str = "", is_default: bool = True) -> None:
        """Add a microphone of that name; all of them give what is said."""
        properties = f"device.description='{description}'" if description else self._properties
        self.pactl(
            "load-module", "module-remap-source", f"master={SINK}.monitor", f"source_name={name}",
            f'source_properties="{properties}"',
        )  # fmt: skip
        if is_default:
            self.pactl("set-default-source", name)

    def unplug(self, name: str = SOURCE) -> None:
        """Take the microphone of that name away."""
        rows = [row.split("\t") for row in self.pactl("list", "short", "modules").splitlines()]
        number = next(row[0] for row in rows if len(row) > 2 and f"source_name={name} " in row[2] + " ")
        self.pactl("unload-module", number)

    def listeners(self) -> list[dict[str, Any]]:
        """Everybody who records something here, the fixture's own left out."""
        rows = json.loads(self.pactl("--format=json", "list", "source-outputs"))
        own = {str(helper.pid) for helper in self._helpers}
        programs = [row for row in rows if "application.process.id" in row["properties"]]
        return [row for row in programs if row["properties"]["application.process.id"] not in own]

    def wait_until_heard(self) -> None:
        """Until somebody listens, so that nothing that is said from now on is lost."""
        wait_for(lambda: any(not row["corked"] for row in self.listeners()), "somebody to listen")

    def wait_until_released(self) -> None:
        """Until nobody listens any more."""
        wait_for(lambda: not self.listeners(), "the microphone to be let go of")

    def play(
        self, sound: npt.NDArray[np.float32] | Path, *, wait: bool = True, lead_ms: int = 100
    ) -> subprocess.Popen[bytes]:
        """Say float32[n] or float32[n, channels] at the microphone's rate, or a recording, after `lead_ms` of
        silence; `wait` until it was said."""
        rate = self.rate
        if isinstance(sound, Path):
            sound, rate = soundfile.read(sound, dtype="float32")
        channels = 1 if sound.ndim == 1 else sound.shape[1]
        lead = np.zeros((rate * lead_ms // 1000, *sound.shape[1:]), dtype=np.float32)
        with tempfile.TemporaryFile(dir=self.folder) as file:
            file.write(np.concatenate([lead, sound.astype(np.float32)]).tobytes())
            file.seek(0)
            player = self._helper(
                "pacat", "--playback", "--raw", "--format=float32le", f"--rate={rate}",
                f"--channels={channels}", f"--device={SINK}", stdin=file,
            )  # fmt: skip
        if wait:
            self.wait_until_said(player)
        return player

    def wait_until_said(self, player: subprocess.Popen[bytes]) -> None:
        assert player.wait(timeout=120) == 0
        self._helpers.remove(player)

    # ----------------------------------------------------------------------------------------------------

    def _helper(self, *command: str, stdin: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        helper = subprocess.Popen(
            [*DIES_WITH_US, *command], env=self._whole_environment(), stdin=stdin,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._helpers.append(helper)
        return helper

    def _whole_environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A private folder whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="vmic-") as folder:
        yield Path(folder)


@pytest.fixture
def virtual_microphone(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualMicrophone]:
    """A microphone of one test, which this process listens to as well."""
    with short_folder() as folder, VirtualMicrophone(folder) as microphone:
        for name, value in microphone.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PULSE_SOURCE", raising=False)
        yield microphone
