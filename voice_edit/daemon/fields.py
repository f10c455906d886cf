"""The fields of other programs: what has the focus now, and those that were written into lately.

What has the focus is known from events and costs next to nothing; a field is read when somebody begins to
talk to it. Fields are told apart for as long as their program runs, so that an undo finds the right one.
"""

from __future__ import annotations

import hashlib
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from voice_edit.errors import NoTarget, TargetError
from voice_edit.targets import names
from voice_edit.targets.field import FieldTarget, Seen
from voice_edit.targets.field_blind import BlindFieldTarget
from voice_edit.targets.field_choice import TEXTLESS, Focus, Hands, judge

if TYPE_CHECKING:
    from voice_edit.apps.profiles import Chooser
    from voice_edit.config import FieldSettings
    from voice_edit.desktop.base import Desktop, Element, Window
    from voice_edit.edits import Edit

AnyField: TypeAlias = FieldTarget | BlindFieldTarget

REMEMBERED = 64
"""Fields in which an edit can still be undone."""
GRAB_S = 1.0
"""A talk key takes the keyboard for itself while it is down, and some programs then say that their field lost
the focus: so long ago, in the window that is still the active one, it is taken to have it."""


class Fields:
    """All fields of the desktop. May be used from any thread."""

    def __init__(self, desktop: Desktop, profiles: Chooser, settings: Callable[[], FieldSettings]) -> None:
        self.desktop = desktop
        self._profiles = profiles
        self._settings = settings
        self._hands = Hands.of(desktop)
        self._lock = threading.Lock()
        self._live: weakref.WeakSet[FieldTarget] = weakref.WeakSet()
        self._known: OrderedDict[str, Focus] = OrderedDict()
        """Fields that were talked to, by name; the last one comes last."""
        self._edited: OrderedDict[str, Focus] = OrderedDict()
        """Fields that hold edits of ours, in the same way."""
        self._element: Element | None = None
        self._held: _Held | None = None
        """The last element that may be talked to, whether it has the focus now or not."""
        self._listener: Callable[[], object] = lambda: None
        if desktop.accessibility is not None:
            desktop.accessibility.on_focus(self._focus_moved)
            self.refresh()

    def on_focus(self, told: Callable[[], object]) -> None:
        """Be told when something else has the focus, in a thread of the desktop's."""
        self._listener = told

    def refresh(self) -> None:
        """Ask what has the focus, where events have not told it yet. May block for a second."""
        if self.desktop.accessibility is not None:
            with suppress(TargetError):
                self._keep(self.desktop.accessibility.focused())

    def present(self) -> Focus | None:
        """What has the focus; None where that cannot be told, or fields are switched off. Cheap."""
        settings = self._settings()
        if not settings.enabled or settings.mechanism == "clipboard":
            return None
        window = self._window()
        element = self._element_in(window)
        if element is None and window is None:
            return None
        profile = self._profiles.choose(window, element)
        return judge(window, element, profile, self._hands, wanted=settings.mechanism)

    def target(self, focus: Focus, *, follows_caret: bool = False) -> AnyField:
        """A field to talk to. Touches nothing: see its `pin`."""
        name = name_of(focus)
        if focus.kind != "readable":
            return BlindFieldTarget(name, self.desktop, focus, self._settings())
        target = FieldTarget(
            name,
            self.desktop,
            focus,
            self._settings(),
            follows_caret=follows_caret,
            on_written=self._written,
        )
        with self._lock:
            self._live.add(target)
        return target

    def remember(self, focus: Focus) -> None:
        """Somebody talks to it: `named` finds it from now on."""
        if focus.kind == "readable":
            with self._lock:
                _put(self._known, focus)

    def named(self, name: str) -> AnyField:
        """The field of that name in the journal. Raises NoTarget where its program is not known any more."""
        with self._lock:
            focus = self._known.get(name) or self._edited.get(name)
        if focus is None:
            present = self.present()
            focus = present if present is not None and name_of(present) == name else None
        if focus is None or focus.kind != "readable":
            raise NoTarget(
                f"The field in {names.shown(name)} is not there now.",
                hint="Put the caret into it, then say or run it again.",
            )
        return self.target(focus)

    def written_last(self) -> AnyField | None:
        """The field that was written into last, and proved so."""
        with self._lock:
            focus = next(reversed(self._edited.values()), None)
        return None if focus is None else self.target(focus)

    def close(self) -> None:
        """Let go of the desktop."""
        self.desktop.close()

    def _focus_moved(self, element: Element | None) -> None:
        self._keep(element)
        self._listener()

    def _keep(self, element: Element | None) -> None:
        window = self._window() if _may_hold_text(element) else None
        with self._lock:
            if _may_hold_text(element) and element is not None:
                self._held = _Held(element, window)
            elif self._held is not None and self._held.lost_s is None:
                self._held.lost_s = time.monotonic()
            self._element = element

    def _window(self) -> Window | None:
        with suppress(TargetError):
            return None if self.desktop.windows is None else self.desktop.windows.active()
        return None

    def _element_in(self, window: Window | None) -> Element | None:
        """The element with the focus, unless it lies behind this window; or the one that had it just now."""
        with self._lock:
            element, held = self._element, self._held
        if not _may_hold_text(element) and held is not None and held.lost_s is not None:
            same = (held.window.id if held.window else None) == (window.id if window else None)
            if same and time.monotonic() - held.lost_s < GRAB_S:
                return held.element
        return element if element is None or window is None or _belong(element, window) else None

    def _written(self, by: FieldTarget, before: Seen, after: Seen, edits: Sequence[Edit]) -> None:
        """What one take wrote is no surprise to another that was begun before."""
        with self._lock:
            _put(self._edited, by.focus)
            others = [other for other in self._live if other is not by and other.name == by.name]
        for other in others:
            other.ours(before, after, edits)


@dataclass
class _Held:
    """An element that has the focus, or had it."""

    element: Element
    window: Window | None
    lost_s: float | None = None
    """When it lost the focus to nothing, on the monotonic clock; None: it has it."""


def _put(kept: OrderedDict[str, Focus], focus: Focus) -> None:
    """As the last one; what was used longest ago goes."""
    name = name_of(focus)
    kept[name] = focus
    kept.move_to_end(name)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)


def _may_hold_text(element: Element | None) -> bool:
    return element is not None and element.role not in TEXTLESS


def name_of(focus: Focus) -> str:
    """What the journal calls a field: its program, and what tells it from all others."""
    element, window = focus.element, focus.window
    pid = (element.pid if element is not None else None) or (window.pid if window is not None else None)
    what = element.ref if element is not None else window.id if window is not None else ""
    digest = hashlib.sha256(f"{_started(pid)} {pid} {what}".encode()).hexdigest()[:16]
    return names.field_name(focus.app or "window", digest)


def _started(pid: int | None) -> str:
    """When a process began, and since when the system runs; "" where nobody tells."""
    with suppress(OSError, IndexError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        ticks = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
        return f"{boot} {ticks}"
    return ""


def _belong(element: Element, window: Window) -> bool:
    """Whether both may be of one program. Inside a container a program has another number."""
    if element.pid is None or window.pid is None or element.pid == window.pid:
        return True
    return bool(element.app) and (element.app in window.app or window.app in element.app)
