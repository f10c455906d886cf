"""Handles on test programs: give them a text, and ask them what they truly hold.

The programs lie in `apps/`. What they hold is told over a channel of their own (`apps/app_wire.py`), never
over accessibility, clipboard or keys, which are what is tested. Nothing here needs X11: `App` starts its
program with the environment it is given.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from virtual_display import PATIENCE_S, until

APPS = Path(__file__).parent / "apps"
SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's, which has GTK and Tk."""

START_S = 60.0
"""A browser that was never started on this machine reads half a gigabyte from its disk first."""

PROGRAMS = {
    "gtk3": ([SYSTEM_PYTHON, str(APPS / "gtk3_app.py")], "python3-gi gir1.2-gtk-3.0"),
    "gtk4": ([SYSTEM_PYTHON, str(APPS / "gtk4_app.py")], "python3-gi gir1.2-gtk-4.0"),
    "qt": (
        [sys.executable, str(APPS / "qt_app.py")],
        "libegl1 libxkbcommon-x11-0 libxcb-cursor0; pip: PySide6-Essentials",
    ),
    "mousepad": ([SYSTEM_PYTHON, str(APPS / "mousepad_app.py")], "mousepad python3-gi gir1.2-atspi-2.0"),
    "chromium": ([SYSTEM_PYTHON, str(APPS / "chromium_app.py")], "chromium"),
    "tk": ([SYSTEM_PYTHON, str(APPS / "tk_app.py")], "python3-tk"),
}
"""Kind -> its command, and the Debian packages it needs."""


class App:
    """A test program with named fields. Offsets are code points."""

    def __init__(self, kind: str, env: Mapping[str, str], *, title: str) -> None:
        command, packages = PROGRAMS[kind]
        self.kind, self.title = kind, title
        self._packages = packages
        self._frozen = False
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._errors: list[str] = []
        self.process = start([*command, title], env, piped=True)
        self._listeners = [threading.Thread(target=self._listen), threading.Thread(target=self._overhear)]
        for thread in self._listeners:
            thread.start()
        ready = self._answer(START_S)
        self.fields = tuple(ready["fields"])
        """Names of its fields: "text", "entry", "password", "read_only"; Qt has "rich" too, Chromium
        "editable", and Mousepad only "text"."""
        self.pid = int(ready["pid"])
        """The process that has the window."""

    # --- what it holds ------------------------------------------------------------------------------------

    def text(self, field: str = "text") -> str:
        """What is truly there."""
        return str(self.state()["fields"][field]["text"])

    def caret(self, field: str = "text") -> int:
        return int(self.state()["fields"][field]["caret"])

    def selection(self, field: str = "text") -> tuple[int, int]:
        """Anchor and caret."""
        state = self.state()["fields"][field]
        return state["anchor"], state["caret"]

    def focused(self) -> str | None:
        """Its field with the keyboard, by its own account; None when it has none."""
        focus = self.state()["focus"]
        return None if focus is None else str(focus)

    def state(self) -> dict[str, Any]:
        """{"focus": ..., "fields": {name: {"text", "anchor", "caret"}}}."""
        return self.ask("state")

    def expect(self, text: str, field: str = "text") -> None:
        """Wait until it holds exactly this."""
        until(
            lambda: self.text(field) == text, f"{self.kind} {field} held {text!r}, not {self.text(field)!r}"
        )

    # --- what is done to it -------------------------------------------------------------------------------

    def set(
        self, text: str, *, caret: int | None = None, anchor: int | None = None, field: str = "text"
    ) -> None:
        """Fill a field. The caret stands at the end unless told; an `anchor` makes a selection."""
        caret = len(text) if caret is None else caret
        self.ask("set", field=field, text=text, caret=caret, anchor=caret if anchor is None else anchor)

    def select(self, anchor: int, caret: int, *, field: str = "text") -> None:
        self.ask("select", field=field, anchor=anchor, caret=caret)

    def focus(self, field: str = "text") -> None:
        """Give a field the keyboard, as far as it is the program's to give: its window must be in front."""
        self.ask("focus", field=field)
        until(lambda: self.focused() == field, f"{self.kind} {field} had the focus, not {self.focused()}")

    def read_only(self, on: bool, *, field: str = "text") -> None:
        self.ask("read_only", field=field, on=on)

    def undo(self, *, field: str = "text") -> None:
        """One step back in the program's own history, as ctrl+z does."""
        self.ask("undo", field=field)

    def freeze(self) -> None:
        """Stop it as if it hung. Nothing can be asked of it until `thaw`."""
        os.killpg(self.pid, signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)
        self._frozen = False

    def close(self) -> None:
        """End it, whatever state it is in. May be called twice."""
        if self._frozen:
            self.thaw()
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                self._send({"do": "quit"})
        end(self.process, leaving=True)
        for thread in self._listeners:
            thread.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    # --- its channel --------------------------------------------------------------------------------------

    def ask(self, verb: str, **details: Any) -> dict[str, Any]:
        """Send a request, return the answer."""
        assert not self._frozen, f"{self.kind} is frozen and cannot answer"
        self._send({"do": verb, **details})
        return self._answer()

    def _send(self, request: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def _answer(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        try:
            answer = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            self.close()
            raise AssertionError(f"{self.kind} did not answer: {''.join(self._errors)}") from None
        if answer is None:
            self.close()
            pytest.fail(
                f"the test program {self.kind} ended (apt: {self._packages}):\n{''.join(self._errors)}",
                pytrace=False,
            )
        assert "error" not in answer, f"{self.kind}: {answer['error']}"
        return answer

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._answers.put(json.loads(line))
        self._answers.put(None)

    def _overhear(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self._errors.append(line.decode(errors="replace"))


class Terminal:
    """A terminal whose program puts what is typed into a file: that file is what it holds.

    It can only be emptied, not filled, and it has one field, "text".
    """

    fields = ("text",)

    def __init__(self, kind: str, env: Mapping[str, str], folder: Path, *, title: str) -> None:
        self.kind, self.title = kind, title
        self._got = folder / f"{title}.typed"
        self._got.write_bytes(b"")
        self._frozen = False
        reader = [str(APPS / "terminal_reader.sh"), str(self._got)]
        command = {
            "xterm": ["xterm", "-u8", "-class", "XTerm", "-T", title, "-e", *reader],
            "vte": [SYSTEM_PYTHON, str(APPS / "vte_app.py"), title, *reader],
        }[kind]
        self.process = start(command, env)
        ready = folder / f"{title}.typed.ready"
        packages = {"xterm": "xterm", "vte": "python3-gi gir1.2-vte-2.91"}[kind]
        try:
            until(ready.exists, f"{kind} came up (apt: {packages})")
        except AssertionError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self.process.pid

    def text(self, field: str = "text") -> str:
        """What has been typed or pasted since the last `set`."""
        return self._got.read_text(encoding="utf-8", errors="replace")

    def set(
        self, text: str = "", *, caret: int | None = None, anchor: int | None = None, field: str = "text"
    ) -> None:
        """Forget what has been typed."""
        assert not text, "a terminal cannot be filled"
        os.truncate(self._got, 0)

    def expect(self, text: str, field: str = "text") -> None:
        """Wait until it has got exactly this."""
        until(lambda: self.text() == text, f"{self.kind} got {text!r}, not {self.text()!r}")

    def focus(self, field: str = "text") -> None:
        """There is nothing inside it to choose."""

    def freeze(self) -> None:
        """Stop it as if it hung."""
        os.kill(self.pid, signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)
        self._frozen = False

    def close(self) -> None:
        """End it. May be called twice."""
        if self._frozen:
            self.thaw()
        end(self.process)


def start(
    command: list[str], env: Mapping[str, str], *, piped: bool = False, **more: Any
) -> subprocess.Popen[bytes]:
    """A program in a process group of its own. Unless piped, it holds none of our files open."""
    ends = subprocess.PIPE if piped else subprocess.DEVNULL
    return subprocess.Popen(
        command, env=dict(env), stdin=ends, stdout=ends, stderr=ends, start_new_session=True, **more
    )


def end(process: subprocess.Popen[bytes], *, leaving: bool = False) -> None:
    """End a process and all it started. `leaving`: it was asked to go, and is given a moment."""
    if leaving:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
            break
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
