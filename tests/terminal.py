"""The command line on a real terminal: a pseudo terminal with a process of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

PATIENCE_S = 20.0
# Ctrl-C on the terminal is for the process that has it as its controlling terminal.
_RUN = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from voice_edit.cli import main
main()
"""


class Terminal:
    """`voice-edit ARGUMENTS` in a terminal of 100 by 30. What it printed so far is in `raw`."""

    def __init__(self, *arguments: object, environ: Mapping[str, str] | None = None) -> None:
        self._arguments = [str(argument) for argument in arguments]
        self._environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **(environ or {})}
        self.raw = ""

    def __enter__(self) -> Terminal:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUN, *self._arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=self._environ,
            start_new_session=True,
        )
        os.close(slave)
        self.pid = self._process.pid
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._master)

    @property
    def plain(self) -> str:
        """The same without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.raw)

    def type(self, text: str) -> None:
        """As if somebody typed it."""
        os.write(self._master, text.encode())

    def until(self, text: str, *, times: int = 1) -> None:
        """Wait until it was printed, so often in all."""
        deadline = time.monotonic() + PATIENCE_S
        while self.plain.count(text) < times:
            assert self._read(deadline), f"{text!r} was never printed; what was:\n{self.raw}"

    def wait(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            pass
        return self._process.wait(PATIENCE_S)

    def _read(self, deadline: float) -> bool:
        readable, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            return False
        piece = b""
        with suppress(OSError):  # nobody has it open any more
            piece = os.read(self._master, 65536)
        self.raw += piece.decode("utf-8", "replace")
        return bool(piece)
