"""One engine process as the daemon sees it: started, talked to without waiting, ended, looked at."""

from __future__ import annotations

import logging
import os
import signal
import site
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from engine.messages import FromEngine, unpack_from_engine
from engine.wire import Decoder

logger = logging.getLogger(__name__)

COMMAND = ("-P", "-m", "engine.worker")
"""What Python is to run. -P: no code from whatever folder the daemon was started in."""

KILL_WAIT_S = 10.0
"""A killed process that is not gone after this hangs in a driver."""

_LONGEST_LINE = 2000
_RECEIVED = 1 << 18


class EngineProcess:
    """A running `engine.worker`. Use it from the thread that made it: on Linux the process dies with that."""

    def __init__(self) -> None:
        """Start it. Raises OSError where the system has no room for another process."""
        if not sys.executable:
            raise OSError("this Python does not know its own program, so it cannot start an engine process")
        ours, theirs = socket.socketpair()
        log_out, log_in = os.pipe()
        command = [sys.executable, *COMMAND, f"--fd={theirs.fileno()}", f"--parent={os.getpid()}"]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log_in,
                stderr=log_in,
                close_fds=True,
                pass_fds=(theirs.fileno(),),
                process_group=0,  # Ctrl-C and Ctrl-Z in the daemon's terminal are not for this process
                cwd="/",
                env=_environment(),
            )
        except BaseException:
            ours.close()
            os.close(log_out)
            raise
        finally:
            theirs.close()
            os.close(log_in)
        ours.setblocking(False)
        os.set_blocking(log_out, False)
        self.connection = ours
        self.log_fd = log_out
        self._decoder = Decoder()
        self._received = memoryview(bytearray(_RECEIVED))
        self._log_line = b""
        self._out = memoryview(b"")

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def has_unsent(self) -> bool:
        """Whether a message is still on its way out."""
        return len(self._out) > 0

    def send(self, message: bytes) -> None:
        """Begin to send a message; the one before must be sent. `flush` sends on."""
        assert not self._out, "one message after the other"
        self._out = memoryview(message)

    def flush(self) -> None:
        """Send what can be sent without waiting. Raises OSError when the process is gone."""
        while self._out:
            try:
                sent = self.connection.send(self._out)
            except BlockingIOError:
                return
            self._out = self._out[sent:]

    def receive(self) -> list[FromEngine] | None:
        """What it said since the last time; None when it is gone. Raises WireError for nonsense."""
        try:
            n = self.connection.recv_into(self._received)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not n:
            return None
        return [unpack_from_engine(packet) for packet in self._decoder.feed(self._received[:n])]

    def drain_log(self) -> bool:
        """Hand what it wrote to stderr to our debug log. False when there will be no more."""
        while True:
            try:
                data = os.read(self.log_fd, 1 << 16)
            except BlockingIOError:
                return True
            except OSError:
                return False
            lines = (self._log_line + data).split(b"\n")
            self._log_line = lines.pop()[:_LONGEST_LINE]
            if not data and self._log_line:
                lines.append(self._log_line)
            for line in lines:
                logger.debug("engine process %d: %s", self.pid, line[:_LONGEST_LINE].decode(errors="replace"))
            if not data:
                return False

    def end(self) -> str:
        """Kill it if it still runs, wait until it is gone, free everything. How it ended, in words."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_WAIT_S)
        self.drain_log()
        self.connection.close()
        os.close(self.log_fd)
        return "cannot be ended" if self._process.returncode is None else _how(self._process.returncode)

    @property
    def is_gone(self) -> bool:
        """Whether the system has nothing of it any more."""
        return self._process.poll() is not None


def resident_bytes(pid: int) -> int | None:
    """Memory of a process that is in RAM; None where that cannot be told."""
    if Path("/proc/self/statm").exists():
        try:
            pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
            return int(pages) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            return None
    try:
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, timeout=2, check=True
        )
        return int(told.stdout) * 1024
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _environment() -> dict[str, str]:
    """Ours, and from a checkout where to find this package."""
    root = str(Path(__file__).resolve().parent.parent)
    installed = [*site.getsitepackages(), site.getusersitepackages()]
    environment = dict(os.environ)
    if root not in installed:
        given = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = root if not given else os.pathsep.join((root, given))
    return environment
