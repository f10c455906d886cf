"""What has the focus now, and what would be done with it: for people who wonder why it does not work."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voice_edit.apps.profiles import short
from voice_edit.apps.showing import WAYS

if TYPE_CHECKING:
    from voice_edit.apps.profiles import Mechanism, Profiles
    from voice_edit.config import Settings
    from voice_edit.desktop.base import Means, SessionKind
    from voice_edit.targets.field_choice import Focus

NOTHING = "Nothing has the focus that could be told."


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found. Never holds text of the field."""

    session: SessionKind
    focus: Focus | None
    """None where nothing has the focus, or fields are switched off."""
    means: Sequence[Means]

    @property
    def mechanism(self) -> Mechanism | None:
        """What would be tried first; None if nothing could be written there."""
        return self.focus.mechanisms[0] if self.focus is not None and self.focus.mechanisms else None

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Name and value of each thing to tell, for people."""
        focus = self.focus
        if focus is None:
            return [("focus", NOTHING)]
        found: list[tuple[str, str]] = []
        if focus.window is not None:
            found.append(
                ("window", f"{short(focus.window.app) or 'no name'} — “{short(focus.window.title)}”")
            )
        if (element := focus.element) is not None:
            told = [element.role or "no role", element.toolkit, *_traits(focus)]
            found.append(("field", f"{element.app or 'no name'}: {', '.join(part for part in told if part)}"))
        found.append(("profile", focus.profile.why))
        ways = ", then ".join(WAYS[way] for way in focus.mechanisms) or "nothing is written there"
        if "paste" in focus.mechanisms:
            ways += f"  (pastes with {focus.profile.chord})"
        found += [("way", ways), ("why", focus.why)]
        return found

    def to_json(self) -> dict[str, Any]:
        """All of it, without any text of the field."""
        focus = self.focus
        if focus is None:
            return {"session": self.session, "kind": None}
        window, element = focus.window, focus.element
        return {
            "session": self.session,
            "kind": focus.kind,
            "window": None
            if window is None
            else {"id": window.id, "app": short(window.app), "pid": window.pid},
            "element": None
            if element is None
            else {
                "app": element.app, "toolkit": element.toolkit, "role": element.role,
                "secret": element.secret, "editable": element.editable, "multi_line": element.multi_line,
                "readable": element.readable, "writable": element.writable,
            },
            "profile": focus.profile.name,
            "profile_why": focus.profile.why,
            "mechanisms": list(focus.mechanisms),
            "chord": focus.profile.chord,
            "why": focus.why,
        }  # fmt: skip


def look(
    settings: Settings, profiles: Profiles, *, environ: Mapping[str, str] = os.environ, after_s: float = 0.0
) -> Looked:
    """Open the desktop, wait `after_s` seconds, and say what has the focus then. Reads no text, presses no
    key and leaves the clipboard alone.
    """
    from voice_edit.daemon.fields import Fields
    from voice_edit.desktop.opening import open_desktop

    fields = Fields(open_desktop(environ, settings), profiles, lambda: settings.field)
    try:
        time.sleep(after_s)
        return Looked(fields.desktop.kind, fields.present(), fields.desktop.means)
    finally:
        fields.close()


def _traits(focus: Focus) -> list[str]:
    element = focus.element
    assert element is not None
    if element.secret:
        return ["a password"]
    return [
        "several lines" if element.multi_line else "one line",
        "can be read" if element.readable else "cannot be read",
        "can be changed in place" if element.writable else "",
        "" if element.editable else "takes no text",
    ]
