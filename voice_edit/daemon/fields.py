"""The fields of other programs: what has the focus now, and those that were written into lately.

What has the focus is known from events and costs next to nothing; a field is read when somebody begins to
talk to it. Fields are told apart for as long as their program runs, so that an undo finds the right one.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from voice_edit.errors import NoTarget, TargetError
from voice_edit.targets import names
from voice_edit.targets.field import FieldTarget, Seen
from voice_edit.targets.field_blind import BlindFieldTarget
from voice_edit.targets.field_choice import Focus, Hands, judge

if TYPE_CHECKING:
    from voice_edit.apps.profiles import Profiles
    from voice_edit.config import FieldSettings
    from voice_edit.desktop.base import Desktop, Element, Window
    from voice_edit.edits import Edit

AnyField: TypeAlias = FieldTarget | BlindFieldTarget

REMEMBERED = 64
"""Fields in which an edit can still be undone."""


class Fields:
    """All fields of the desktop. May be used from any thread."""

    def __init__(self, desktop: Desktop, profiles: Profiles, settings: Callable[[], FieldSettings]) -> None:
        self.desktop = desktop
        self._profiles = profiles
        self._settings = settings
        self._hands = Hands.of(desktop)
        self._lock = threading.Lock()
        self._live: weakref.WeakSet[FieldTarget] = weakref.WeakSet()
        self._known: OrderedDict[str, Focus] = OrderedDict()
        """Fields that were talked to, by name; the last one comes last."""

    def present(self) -> Focus | None:
        """What has the focus; None where that cannot be told, or fields are switched off. Cheap."""
        settings = self._settings()
        if not settings.enabled or settings.mechanism == "clipboard":
            return None
        accessibility, windows = self.desktop.accessibility, self.desktop.windows
        element = window = None
        with suppress(TargetError):
            element = None if accessibility is None else accessibility.focused()
        with suppress(TargetError):
            window = None if windows is None else windows.active()
        if element is None and window is None:
            return None
        if element is not None and window is not None and not _belong(element, window):
            element = None  # what accessibility saw last lies behind this window
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
            self._known[name] = focus
            self._known.move_to_end(name)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return target

    def named(self, name: str) -> AnyField:
        """The field of that name in the journal. Raises NoTarget where its program is not known any more."""
        focus = self._known.get(name)
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
        """The field that was talked to last and can be edited."""
        focus = next(reversed(self._known.values()), None)
        return None if focus is None else self.target(focus)

    def close(self) -> None:
        """Let go of the desktop."""
        self.desktop.close()

    def _written(self, by: FieldTarget, before: Seen, after: Seen, edits: Sequence[Edit]) -> None:
        """What one take wrote is no surprise to another that was begun before."""
        with self._lock:
            others = [other for other in self._live if other is not by and other.name == by.name]
        for other in others:
            other.ours(before, after, edits)


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
