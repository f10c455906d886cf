"""A Wayland session that nobody sees: sway (or weston) without a screen, private to a test.

sway refuses to run as root, so it gets a user of its own there; its clients may be root.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from virtual_desktop import SessionBus, sweep
from virtual_display import until

NEEDED = {
    "sway": "sway", "swaymsg": "sway", "weston": "weston", "wl-copy": "wl-clipboard", "setpriv": "util-linux",
}  # fmt: skip
"""Program -> the Debian package it comes in."""
NOBODY = 65534
APPS = Path(__file__).parent / "apps"
SWAY = """\
output HEADLESS-1 resolution 1024x600
xwayland disable
focus_follows_mouse no
"""


def accepts(path: Path) -> bool:
    """Whether a program listens on this socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


class VirtualWayland:
    """One compositor, with a folder of its own for sockets."""

    def __init__(self, folder: Path, compositor: str) -> None:
        self.folder = folder
        self._children: list[subprocess.Popen[Any]] = []
        self._bus: SessionBus | None = None
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONPATH")}
        self.env: dict[str, str] = {
            **kept,
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "XDG_SESSION_TYPE": "wayland",
            "GDK_BACKEND": "wayland",
            "QT_QPA_PLATFORM": "wayland",
            "GSETTINGS_BACKEND": "memory",
            "GTK_A11Y": "none",
            "NO_AT_BRIDGE": "1",
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        }
        """What clients need."""
        for name in ("home", "run"):
            (folder / name).mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(folder / name, NOBODY, NOBODY)
        folder.chmod(0o755)
        self.compositor = self._start(compositor)
        """Its process."""
        displays: list[Path] = []

        def up() -> bool:
            displays[:] = [path for path in (folder / "run").glob("wayland-*") if path.suffix != ".lock"]
            assert self.compositor.poll() is None, (folder / "log").read_text("utf-8", "replace")[-2000:]
            # A socket's file is there before anyone listens on it.
            return bool(displays) and accepts(displays[0])

        until(up, f"{compositor} came up")
        self.env["WAYLAND_DISPLAY"] = displays[0].name
        if compositor == "sway":
            commands: list[Path] = []

            def listening() -> bool:
                commands[:] = (folder / "run").glob("sway-ipc.*")
                return bool(commands) and accepts(commands[0])

            until(listening, "sway opened its socket for commands")
            self.env["SWAYSOCK"] = str(commands[0])

    def _start(self, compositor: str) -> subprocess.Popen[Any]:
        (self.folder / "sway.conf").write_text(SWAY)
        options: Sequence[str] = {
            "sway": ("sway", "-c", str(self.folder / "sway.conf")),
            "weston": ("weston", "--backend=headless-backend.so", "--socket=wayland-7", "--no-config"),
        }[compositor]
        env = {
            **self.env,
            "WLR_BACKENDS": "headless",
            "WLR_RENDERER": "pixman",
            "WLR_LIBINPUT_NO_DEVICES": "1",
        }
        with (self.folder / "log").open("wb") as log:
            child = subprocess.Popen(
                [*as_nobody(), *options], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._children.append(child)
        return child

    def start_accessibility(self) -> None:
        """Start a bus; programs that are started later are on it."""
        (self.folder / "bus").mkdir()
        self._bus = SessionBus(self.folder / "bus")
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self._bus.address
        del self.env["GTK_A11Y"], self.env["NO_AT_BRIDGE"]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """While it lasts, os.environ is the session's, so that code in this process connects to it."""
        before = dict(os.environ)
        try:
            os.environ.clear()
            os.environ.update(self.env)
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def spawn(self, *command: str, **options: Any) -> subprocess.Popen[Any]:
        """Start a client; it is ended with the session."""
        quiet = subprocess.DEVNULL
        child = subprocess.Popen(
            command, env=self.env, **{"stdin": quiet, "stdout": quiet, "stderr": quiet, **options}
        )
        self._children.append(child)
        return child

    def run(self, *command: str, stdin: bytes = b"") -> bytes:
        """Run a client to its end; what it printed."""
        # Some of them stay in the background with whatever output they inherit: it must not be ours.
        with tempfile.TemporaryFile() as out:
            subprocess.run(
                command, env=self.env, check=True, input=stdin, stdout=out, stderr=subprocess.DEVNULL,
                timeout=60,
            )  # fmt: skip
            out.seek(0)
            return out.read()

    def sway(self, *command: str) -> Any:
        """Tell sway something; its answer."""
        return json.loads(self.run("swaymsg", "-r", *command))

    def focused(self) -> dict[str, Any]:
        """The node of sway's tree that has the focus."""
        nodes = [self.sway("-t", "get_tree")]
        for node in nodes:
            nodes += [*node.get("nodes", ()), *node.get("floating_nodes", ())]
        return next((node for node in nodes if node.get("focused")), {})

    def close(self) -> None:
        """End everything that was started, last first."""
        for child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    stream.close()
        if self._bus is not None:
            self._bus.close()


class WaylandApp:
    """A program of tests/apps with the focus, told what to do over its own channel."""

    def __init__(self, session: VirtualWayland, name: str) -> None:
        python = sys.executable if name == "qt" else "/usr/bin/python3"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = session.spawn(python, str(APPS / f"{name}_app.py"), f"a window of {name}", **pipes)
        self.pid = self.process.pid
        assert self.process.stdout is not None
        assert self.process.stdout.readline(), f"{name} did not start (apt: python3-gi gir1.2-gtk-4.0)"

        def has_focus() -> bool:
            return session.focused().get("pid") == self.pid and self.ask("state")["focus"] == "text"

        until(has_focus, f"the window of {name} got the keyboard")

    def ask(self, verb: str, **about: Any) -> dict[str, Any]:
        """A request of `app_wire`; its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": verb, **about}).encode() + b"\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def set(self, text: str, anchor: int | None = None, caret: int | None = None) -> None:
        end = len(text)
        caret = end if caret is None else caret
        self.ask("set", field="text", text=text, anchor=caret if anchor is None else anchor, caret=caret)

    def focus(self, name: str) -> None:
        """Put the caret into another field of its window."""
        self.ask("focus", field=name)

    def text(self) -> str:
        """What the field truly holds."""
        return str(self.ask("state")["fields"]["text"]["text"])

    def selected(self) -> tuple[int, int]:
        """Where the selection begins and ends."""
        state = self.ask("state")["fields"]["text"]
        low, high = sorted((int(state["anchor"]), int(state["caret"])))
        return low, high

    def until_text(self, wanted: str) -> None:
        until(lambda: self.text() == wanted, f"the field held {wanted!r}")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It does not answer for a while."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def as_nobody() -> list[str]:
    """What to put before a command that must not be root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


@contextmanager
def virtual_wayland(compositor: str = "sway", *, accessible: bool = False) -> Iterator[VirtualWayland]:
    """A session for a with-block; with `accessible` it has a session bus that knows accessibility."""
    missing = [
        f"{program} (apt: {package})" for program, package in NEEDED.items() if not shutil.which(program)
    ]
    if missing:
        pytest.fail(f"these tests need programs that are not installed: {', '.join(missing)}", pytrace=False)
    # Sockets have short names, and the compositor's user must get there: not pytest's folder.
    with tempfile.TemporaryDirectory(
        prefix="vway-", dir="/tmp" if sys.platform == "linux" else None
    ) as folder:
        session = None
        try:
            session = VirtualWayland(Path(folder), compositor)
            if accessible:
                session.start_accessibility()
            yield session
        finally:
            if session is not None:
                session.close()
            sweep(Path(folder))
