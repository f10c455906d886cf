"""Programs that own the clipboard, and a witness that reads it: none of them has anything to do with us.

`Owner` is a Qt program with text, HTML, an image, files and any bytes at once, as a browser or an office has.
`held` asks with xclip, one process for each type, as any other program would.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from desktop_apps import start
from virtual_desktop import VirtualDesktop
from virtual_display import until

CLIPBOARD_PROGRAM = Path(__file__).parent / "apps" / "qt_clipboard.py"

IGNORED = {"TARGETS", "MULTIPLE", "TIMESTAMP", "SAVE_TARGETS"}
"""Targets about the selection, not in it."""


class Owner:
    """A program that has copied something; `what`: the kinds of `apps/qt_clipboard.py`."""

    def __init__(self, desk: VirtualDesktop, *what: str, selection: str = "clipboard") -> None:
        self._desk = desk
        command = [sys.executable, str(CLIPBOARD_PROGRAM), selection, *what]
        self.process = start(command, desk.env, piped=True)
        assert self.process.stdout
        ready = self.process.stdout.readline()
        if not ready:
            assert self.process.stderr
            pytest.fail(f"the owner of the clipboard ended: {self.process.stderr.read().decode()}", False)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        """End it; what it offered is gone then, as far as it is still its owner."""
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


@contextlib.contextmanager
def owner(desk: VirtualDesktop, *what: str, selection: str = "clipboard") -> Iterator[Owner]:
    """An owner for a with-block."""
    program = Owner(desk, *what, selection=selection)
    try:
        yield program
    finally:
        program.close()


def targets(desk: VirtualDesktop, selection: str = "clipboard") -> list[str]:
    """What is on offer, in the owner's order; nothing if there is no owner."""
    listed = xclip(desk, "-selection", selection, "-t", "TARGETS", "-o")
    return [name for name in listed.decode().split("\n") if name and name not in IGNORED]


def held(desk: VirtualDesktop, selection: str = "clipboard") -> dict[str, bytes]:
    """Everything that is on offer, byte by byte."""
    names = targets(desk, selection)
    return {name: xclip(desk, "-selection", selection, "-t", name, "-o") for name in names}


def copy(desk: VirtualDesktop, text: str, selection: str = "clipboard") -> subprocess.Popen[bytes]:
    """Another program copies a text, now. It must be ended with `end_copier`."""
    copier = subprocess.Popen(
        ["xclip", "-selection", selection, "-quiet", "-i"],
        env=desk.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert copier.stdin
    copier.stdin.write(text.encode())
    copier.stdin.close()
    until(lambda: text_of(desk, selection) == text, f"xclip offered {text!r}")
    return copier


def end_copier(copier: subprocess.Popen[bytes]) -> None:
    copier.kill()
    copier.wait()


def text_of(desk: VirtualDesktop, selection: str = "clipboard") -> str:
    """The text on offer; "" if there is none."""
    return xclip(desk, "-selection", selection, "-t", "UTF8_STRING", "-o").decode()


def clear(desk: VirtualDesktop) -> None:
    """Nobody owns anything."""
    from Xlib import X, display
    from Xlib.protocol import request

    shown = display.Display(desk.name)
    try:
        for name in ("CLIPBOARD", "PRIMARY"):
            request.SetSelectionOwner(
                display=shown.display, onerror=None, window=X.NONE,
                selection=shown.intern_atom(name), time=X.CurrentTime,
            )  # fmt: skip
        shown.sync()
    finally:
        shown.close()


def xclip(desk: VirtualDesktop, *arguments: str) -> bytes:
    """What xclip prints; nothing if it fails, which it does where nothing is on offer."""
    done = subprocess.run(
        ["xclip", *arguments], env=desk.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout if done.returncode == 0 else b""


@contextlib.contextmanager
def manager(desk: VirtualDesktop, *command: str, package: str) -> Iterator[subprocess.Popen[bytes]]:
    """A clipboard manager that runs for a with-block."""
    try:
        program = subprocess.Popen(
            command, env=desk.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.fail(f"this test needs {command[0]} (apt: {package})", pytrace=False)
    try:
        yield program
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()
