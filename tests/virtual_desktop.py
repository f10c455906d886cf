"""A desktop that nobody sees: X server, window manager, session bus, accessibility bus, and test programs.

    with virtual_desktop() as desk:
        app = desk.start("gtk3")                  # "gtk4", "qt", "tk", "xterm", ...: see `desktop_apps`
        app.set("Some text", caret=3)             # in its field "text"; also "entry", "password", "read_only"
        app.focus("entry")
        with desk.entered():                      # os.environ is the desktop's: code under test connects
            ...
        app.text()                                # what it truly holds, by its own account
        app.freeze(); app.thaw(); app.close()

Everything is private to it: home, runtime folder, buses, display. `desk.env` is the environment to connect
with. All it started is gone when the block ends, also what was started by others on its buses.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desktop_apps import App, Terminal, end, start
from virtual_display import VirtualDisplay, until

BUS_LAUNCHER = "/usr/libexec/at-spi-bus-launcher"
UNWANTED = (
    "WAYLAND_DISPLAY",
    "XDG_SESSION_TYPE",
    "XAUTHORITY",
    "AT_SPI_BUS_ADDRESS",
    "NO_AT_BRIDGE",
    "GTK_A11Y",
    "GTK_MODULES",
    "GTK_IM_MODULE",
    "QT_IM_MODULE",
    "XMODIFIERS",
    "QT_ACCESSIBILITY",
    "QT_LINUX_ACCESSIBILITY_ALWAYS_ON",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
)
"""Variables of whoever runs the tests that would change what programs do."""

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
"""A session bus on which only accessibility is started on demand: no portal, no notifications."""


class SessionBus:
    """A private session bus that can start an accessibility bus. Needs no display."""

    def __init__(self, folder: Path) -> None:
        for program, package in (("dbus-daemon", "dbus"), (BUS_LAUNCHER, "at-spi2-core")):
            if not shutil.which(program):
                pytest.fail(f"these tests need {program} (apt: {package})", pytrace=False)
        (folder / "home").mkdir()
        (folder / "services").mkdir()
        (folder / "services" / "org.a11y.Bus.service").write_text(
            f"[D-BUS Service]\nName=org.a11y.Bus\nExec={BUS_LAUNCHER}\n", encoding="utf-8"
        )
        config = folder / "bus.conf"
        config.write_text(BUS_CONFIG.format(folder=folder), encoding="utf-8")
        self.env = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        """For programs on this bus."""
        self.env |= {
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder),
            "GSETTINGS_BACKEND": "memory",
            "LC_ALL": "C.UTF-8",
        }
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "DISPLAY"):
            self.env.pop(name, None)
        reader, writer = os.pipe()
        command = ["dbus-daemon", "--nofork", f"--config-file={config}", f"--print-address={writer}"]
        self.process = start(command, self.env, pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as answer:
            self.address = answer.readline().strip()
        assert self.address, "dbus-daemon did not start"
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self.address

    def close(self) -> None:
        end(self.process)


class VirtualDesktop(VirtualDisplay):
    """A `VirtualDisplay` with buses and test programs."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        """Private to it: runtime folder, with the home inside."""
        self.apps: list[App | Terminal] = []
        self._started = 0
        try:
            self.bus = SessionBus(folder)
        except BaseException:
            super().close()
            raise
        self.env = {
            **self.bus.env,
            "DISPLAY": self.name,
            "GDK_BACKEND": "x11",
            "GSK_RENDERER": "cairo",
            "QT_QPA_PLATFORM": "xcb",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }

    def start(self, kind: str) -> Any:
        """Start a test program and bring it to the front: "gtk3", "gtk4", "qt", "tk" (an `App`), "xterm",
        "vte" (a `Terminal`). Its first field has the keyboard."""
        self._started += 1
        title = f"{kind}-{self._started}"
        app: App | Terminal
        if kind in ("xterm", "vte"):
            app = Terminal(kind, self.env, self.folder, title=title)
        else:
            app = App(kind, self.env, title=title)
        self.apps.append(app)
        self.activate(app)
        return app

    # --- windows ------------------------------------------------------------------------------------------

    def window_of(self, app: App | Terminal) -> int:
        """The X11 window of a program. Raises AssertionError when it has none."""
        found = self._ask("xdotool", "search", "--onlyvisible", "--name", rf"\b{app.title}\b").split()
        assert found, f"{app.title} has no window"
        return int(found[-1])

    def active_window(self) -> int | None:
        """What the window manager calls the active window."""
        answer = self._ask("xdotool", "getactivewindow").strip()
        return int(answer) if answer else None

    def activate(self, app: App | Terminal) -> None:
        """Bring it to the front and wait until it has the keyboard."""
        until(lambda: self._has_window(app), f"{app.title} showed a window")
        window = self.window_of(app)

        def active() -> bool:
            if self.active_window() == window and self.focus_window() == window:
                return True
            self._ask("xdotool", "windowactivate", str(window))
            return False

        until(active, f"{app.title} was brought to the front")
        if isinstance(app, App):
            until(app.focused, f"a field of {app.title} had the keyboard")

    def focus_window(self) -> int | None:
        """The top-level window that the X server sends keys to."""
        answer = self._ask("xdotool", "getwindowfocus").strip()
        return int(answer) if answer else None

    def _has_window(self, app: App | Terminal) -> bool:
        return bool(self._ask("xdotool", "search", "--onlyvisible", "--name", rf"\b{app.title}\b").strip())

    def _ask(self, *command: str) -> str:
        """Run a program whose failure means "there is none"."""
        quiet = subprocess.DEVNULL
        done = subprocess.run(
            command, env=self.env, stdout=subprocess.PIPE, stderr=quiet, timeout=60, text=True, check=False
        )
        return done.stdout

    # --- life ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """While it lasts, os.environ is the desktop's, so that code in this process connects to it."""
        before = dict(os.environ)
        try:
            os.environ.clear()
            os.environ.update(self.env)
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def close(self) -> None:
        """End everything that runs here."""
        for app in reversed(self.apps):
            app.close()
        self.bus.close()
        super().close()
        sweep(self.folder)


def running(folder: Path) -> list[int]:
    """Processes with this folder in their environment: started here, by a bus, or by one of those."""
    mark, found = f"={folder}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def sweep(folder: Path) -> None:
    """End what still runs: a bus ends without taking along what it started."""
    for pid in running(folder):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def virtual_desktop() -> Iterator[VirtualDesktop]:
    """A desktop for a with-block."""
    # The name must be short: there are sockets in it.
    with tempfile.TemporaryDirectory(prefix="desk-", ignore_cleanup_errors=True) as folder:
        desk = VirtualDesktop(Path(folder))
        try:
            yield desk
        finally:
            desk.close()
