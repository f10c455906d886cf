"""Everything between the words and a field of another program, for benchmarks.

Our own parts (focus, accessibility, clipboard, keys, journal, edits) work on a desktop that nobody sees, with
real programs to write into.

Only the microphone and the model are left out: words are given. What a field truly holds is told by its
program over a channel of its own (`tests/apps`).
"""

from __future__ import annotations

import contextlib
import math
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from virtual_desktop import VirtualDesktop, virtual_desktop

from voice_edit.apps.profiles import load_profiles
from voice_edit.config import FieldSettings
from voice_edit.daemon.fields import Fields
from voice_edit.desktop.base import Desktop
from voice_edit.desktop.errors import PasteUnclaimed
from voice_edit.desktop.opening import open_desktop
from voice_edit.editing import Editing
from voice_edit.edits import Change, Edit, Selection
from voice_edit.errors import TargetError, TargetUncertain, VoiceEditError
from voice_edit.journal.journal import Journal
from voice_edit.paths import Paths
from voice_edit.pipeline import Mode
from voice_edit.targets.field_choice import Focus

State: TypeAlias = Literal["verified", "unverified", "refused", "uncertain"]
PATIENCE_S = 5.0
SETTLE_S = 0.15
"""After this, a write that somebody claims not to have made would be there."""

APPS = ("gtk3", "gtk4", "qt", "mousepad", "chromium", "tk", "xterm", "vte")
FIELDS = {
    "gtk3": ("text", "entry"),
    "gtk4": ("text", "entry"),
    "qt": ("text", "rich", "entry"),
    "tk": ("text", "entry"),
    "xterm": ("text",),
    "vte": ("text",),
    "mousepad": ("text",),
    "chromium": ("text", "editable", "entry"),
}
"""Where something can be written. The others of a program are a password and text that takes nothing."""
TERMINALS = ("xterm", "vte")
OTHER = "Another field."


@dataclass(frozen=True, slots=True)
class Said:
    """What became of some words."""

    state: State
    """What we claim. refused: nothing was written. uncertain: nobody knows."""
    words: str
    kept: bool
    """The words are in the journal, or were never wanted: nobody is listened to for a password."""
    why: str = ""
    """Class and message of the error, if there was one."""
    ms: float = 0.0
    """From the words being there to the end."""
    times: dict[str, float] = field(default_factory=dict)
    """Milliseconds of the parts of the write, see `FieldTarget.times`."""


class FieldRig:
    """A desktop, our parts on it, and a journal. `fields` is what the daemon uses."""

    def __init__(self) -> None:
        self.mechanism = "auto"
        """As in the setting `field.mechanism`."""

    def __enter__(self) -> Self:
        # Who is told to end takes the desktop along.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        with ExitStack() as stack:
            self.desk: VirtualDesktop = stack.enter_context(virtual_desktop())
            stack.enter_context(self.desk.entered())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voice-edit-fields-")))
            self.desktop: Desktop = open_desktop(self.desk.env)
            stack.callback(self.desktop.close)
            missing = [means for means in self.desktop.means if not means.works]
            assert not missing, f"parts of the desktop do not work here: {missing}"
            profiles = load_profiles(Paths.from_environment({"VOICE_EDIT_HOME": str(folder)}), session="x11")
            self.fields = Fields(self.desktop, profiles, self._settings)
            self.journal = stack.enter_context(Journal.open(folder / "journal.sqlite3"))
            self._editings: dict[str, Editing] = {}
            self._close = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close.close()

    @contextlib.contextmanager
    def running(self, kind: str) -> Iterator[Any]:
        """A program for a with-block."""
        app = self.desk.start(kind)
        try:
            yield app
        finally:
            app.close()
            self.desk.apps.remove(app)

    # --- a take, step by step -----------------------------------------------------------------------------

    def put_focus(self, app: Any, name: str) -> None:
        """Bring a field to the front, and wait until our own side has noticed. Others hold `OTHER`."""
        for other in app.fields:
            if other != name:
                app.set(OTHER, field=other)
        app.focus(name)
        self.wait(lambda: self._sees(app, name), f"we noticed that {app.kind} {name} has the focus")

    def present(self) -> Focus | None:
        """What has the focus: the moment the key goes down."""
        return self.fields.present()

    def say(self, words: str, *, mode: Mode, between: Callable[[], object] = lambda: None) -> Said:
        """The key goes down, `between` happens while talking, the words come, and are carried out."""
        focus = self.present()
        if focus is None or focus.kind in ("secret", "read_only", "none"):
            between()
            return Said("refused", "", kept=True, why="nothing to talk to" if focus is None else focus.why)
        target = self.fields.target(focus)
        target.pin()
        between()
        editing = self._editings.setdefault(target.name, Editing(target, self.journal))
        editing.target = target
        began = time.perf_counter()
        state: State
        try:
            outcome = editing.say(words, mode=mode)
        except VoiceEditError as error:
            state, why = claim(error), f"{type(error).__name__}: {error}"
            if mode == "dictate" and isinstance(error, TargetError):
                self._shelter(words)
        else:
            receipts = [outcome.receipt, *(one.receipt for one in outcome.reverted)]
            states = {receipt.state for receipt in receipts if receipt is not None}
            state = "unverified" if "unverified" in states else "verified" if states else "refused"
            why = "" if states else "nothing was to be written"
        ms = (time.perf_counter() - began) * 1000
        times = dict(getattr(target, "times", {}))
        last = self.journal.last()
        return Said(state, words, kept=last is not None and last.words == words, why=why, ms=ms, times=times)

    def write(self, text: str) -> Said:
        """Put `text` in the place of the selection, as it is: no manners, no journal."""
        focus = self.present()
        if focus is None or focus.kind in ("secret", "read_only", "none"):
            return Said("refused", text, kept=True, why="nothing to talk to" if focus is None else focus.why)
        target = self.fields.target(focus)
        target.pin()
        began = time.perf_counter()
        state: State
        try:
            snapshot = target.snapshot()
            place = snapshot.selection or Selection(0, 0)
            after = place.start + len(text)
            change = Change(place.start, snapshot.text[place.start : place.end], text)
            edit = Edit((change,), place, Selection(after, after))
            state, why = target.commit(target.prepare([edit], expected=snapshot.version)).state, ""
        except VoiceEditError as error:
            state, why = claim(error), f"{type(error).__name__}: {error}"
        ms = (time.perf_counter() - began) * 1000
        return Said(state, text, kept=True, why=why, ms=ms, times=dict(getattr(target, "times", {})))

    # --- looking ------------------------------------------------------------------------------------------

    def truth(self, app: Any, name: str, right: Callable[[str], bool]) -> str:
        """What the field holds, as soon as it is `right`; or at last, when it does not become so."""
        deadline = time.monotonic() + PATIENCE_S
        while not right(text := str(app.text(name))) and time.monotonic() < deadline:
            time.sleep(0.005)
        return text

    def strangers(self, app: Any, name: str) -> list[str]:
        """What other fields of a program hold that nobody put there."""
        return [text for other in app.fields if other != name and (text := app.text(other)) != OTHER]

    def later(self, app: Any, name: str) -> str:
        """What the field holds after a while, in case something comes that should not."""
        time.sleep(SETTLE_S)
        return str(app.text(name))

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Until something holds; AssertionError if it never does."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"this did not happen: {what}; what has the focus: {self.present()}")
            time.sleep(0.005)

    def _shelter(self, words: str) -> None:
        """What the daemon does with words that no field took."""
        if self.desktop.clipboard is not None:
            with contextlib.suppress(TargetError):
                self.desktop.clipboard.put(words)

    def _settings(self) -> FieldSettings:
        return FieldSettings(mechanism=self.mechanism)

    def _sees(self, app: Any, name: str) -> bool:
        """Whether the focus as we know it is this field; told by its text, and a few traits."""
        focus = self.present()
        if focus is None:
            return False
        if focus.window is not None and focus.window.pid not in (app.pid, None):
            return False
        element = focus.element
        if element is None or element.role == "terminal":
            return app.kind in ("tk", *TERMINALS)
        if self.desktop.accessibility is None or element.pid != app.pid:
            return False
        if element.secret or name == "password":
            return element.secret and name == "password"
        if not element.editable or name == "read_only":
            return not element.editable and name == "read_only"
        if not element.readable:
            return False
        with contextlib.suppress(VoiceEditError):
            held = self.desktop.accessibility.field(element).read(0, 500)
            return held.strip("\n") == str(app.text(name))[:500].strip("\n")
        return False


def claim(error: VoiceEditError) -> State:
    """What an error says of the field. A program that slept through a paste may still take it: we say so."""
    return "uncertain" if isinstance(error, TargetUncertain | PasteUnclaimed) else "refused"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, p95 and largest, rounded."""
    numbers = {"median": statistics.median(values), "p95": percentile(values, 0.95), "largest": max(values)}
    return {name: round(value, 1) for name, value in numbers.items()}
