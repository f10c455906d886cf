"""What daemon, engine process and terminal interface have in RAM. See `benchmarks.costs`.

`rss`: all of it that is in RAM, in megabytes. `own`: what would be free if it ended; the rest is shared, as
are libraries and the file of the weights (mapped: the system may drop and read them again).
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from voice_edit.control.client import ControlClient
from voice_edit.paths import Paths

START_S = 30.0
LOAD_S = 600.0


def of(pid: int) -> dict[str, float]:
    """Memory of a process in megabytes."""
    values: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, _, rest = line.partition(":")
        values[name] = int(rest.split()[0])
    return {
        "rss_mb": round(values["Rss"] / 1024, 1),
        "own_mb": round((values["Private_Clean"] + values["Private_Dirty"]) / 1024, 1),
    }


@contextmanager
def daemon(environment: dict[str, str]) -> Iterator[tuple[int, Path]]:
    """A daemon without keys: its process, and its socket."""
    socket = Paths.from_environment(environment).socket
    config = Path(environment["VOICE_EDIT_HOME"]) / "config" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[hotkeys]\nbackend = "none"\n', encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "voice_edit", "run"],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + START_S
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the daemon did not start")
            time.sleep(0.02)
        yield process.pid, socket
    finally:
        process.terminate()
        process.wait()


@contextmanager
def terminal_interface(environment: dict[str, str]) -> Iterator[int]:
    """`voice-edit tui` in a terminal of its own: its process, once it shows something."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "voice_edit", "tui"],
        env=environment | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "32"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        quiet_s, deadline, shown = 1.5, time.monotonic() + START_S, 0
        while time.monotonic() < deadline:
            if select.select([ours], [], [], quiet_s)[0]:
                shown += len(os.read(ours, 1 << 16))
            elif shown > 2000:  # the screen is drawn, and nothing happens any more
                break
        if process.poll() is not None:
            raise RuntimeError("the terminal interface has ended")
        yield process.pid
    finally:
        process.terminate()
        process.wait()
        os.close(ours)


def run(model: str) -> dict[str, Any]:
    """Daemon before and after the model was loaded, engine process, terminal interface."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="voice-edit-memory-") as folder:
        environment = {
            **os.environ, "VOICE_EDIT_HOME": str(Path(folder, "home")), "VOICE_EDIT_ENGINE__MODEL": model
        }  # fmt: skip
        with daemon(environment) as (pid, socket), ControlClient(socket) as client:
            found["daemon, never loaded"] = of(pid)
            client.request("engine.load")
            deadline = time.monotonic() + LOAD_S
            while (engine := client.request("status")["engine"])["state"] != "ready":
                if engine["state"] == "failed" or time.monotonic() > deadline:
                    raise RuntimeError(f"the model was not loaded: {engine}")
                time.sleep(0.05)
            found["daemon, model loaded"] = of(pid)
            found["engine process"] = of(engine["pid"])
            with terminal_interface(environment) as tui:
                found["terminal interface"] = of(tui)
    return found
