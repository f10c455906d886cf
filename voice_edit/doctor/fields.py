"""The doctor's look at other programs' fields: what this desktop allows, and what would be done with the
field that has the focus now. In a process of its own: libraries of the desktop may hang.

No text is read, no key pressed, and the clipboard is left alone. Accessibility is switched on where it was
off, as it is by the daemon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from voice_edit.apps.showing import WAYS
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.doctor.checks import Context, Finding
from voice_edit.doctor.desktop import read_session

if TYPE_CHECKING:
    from voice_edit.apps.looking import Looked
    from voice_edit.desktop.base import Means

OFF = "Switched off by field.enabled; words go to files, the practice pad and the clipboard."
BY_HAND = "field.mechanism is “clipboard”: words are left there, and pasted by hand."
LATER = "To look at another field: voice-edit apps check --after 3, then go to it."
PUT_ONLY = "pyperclip"
"""A clipboard to leave words on, not one to be borrowed for a paste."""
LOST = {
    "accessibility": "no text can be edited or read back, only pasted",
    "windows": "nobody can tell which window words go to",
    "clipboard": "what it held is lost when words go there",
    "keyboard": "nothing is pasted by itself",
}
"""What is missing without it."""


def fields(context: Context) -> Finding:
    """Which parts of the desktop work: accessibility, windows, clipboard, keyboard."""
    skipped = _skipped(context)
    if skipped is not None:
        return skipped
    looked = _look(context)
    return of_means(looked.means, session=looked.session)


def focus(context: Context) -> Finding:
    """What has the focus now, and how words would get there."""
    skipped = _skipped(context)
    return skipped if skipped is not None else of_focus(_look(context))


def of_means(means: Sequence[Means], *, session: str) -> Finding:
    """The finding for what was opened, or could not be. Pure."""
    working = [one for one in means if one.works and one.name != PUT_ONLY]
    lacking = [one for one in means if not one.works and not _has(working, one.part)]
    details = {
        "session": session,
        "means": [
            {"part": m.part, "name": m.name, "works": m.works, "why": m.why, "remedy": m.remedy}
            for m in means
        ],
    }
    shown = "; ".join(f"{one.part} ({one.name})" for one in working)
    if not lacking:
        return Finding("ok", f"{shown}: every command, proved by reading it back", "", details)
    parts = dict.fromkeys(one.part for one in lacking)
    reasons: dict[str, list[str]] = {}
    for part in parts:
        why = ", ".join(dict.fromkeys(one.why.rstrip(".") for one in lacking if one.part == part))
        reasons.setdefault(why, []).append(f"{part}: {LOST[part]}")
    said = "; ".join(f"{', '.join(lost)} — {why}" for why, lost in reasons.items())
    remedies = dict.fromkeys(one.remedy for one in lacking if one.remedy not in ("", FieldUnsupported.hint))
    works = f"{shown} work; " if shown else ""
    return Finding("warning", f"{works}{said}", "\n".join(remedies), details)


def of_focus(looked: Looked) -> Finding:
    """The finding for what has the focus. Pure."""
    found, details = looked.focus, looked.to_json()
    if found is None:
        return Finding("ok", "Nothing has the focus that could be told.", LATER, details)
    what = "the window" if found.element is None else found.element.role or "something"
    place = f"{what} of {found.title}"
    if looked.mechanism is None:
        return Finding("ok", f"{place}: nothing would be written there. {found.why}", LATER, details)
    shown = f"{place}: {WAYS[looked.mechanism]}. {found.why} {found.profile.why}"
    return Finding("ok", shown, LATER, details)


def _has(working: Sequence[Means], part: str) -> bool:
    return any(one.part == part for one in working)


def _skipped(context: Context) -> Finding | None:
    field = context.settings.field
    if not field.enabled:
        return Finding("skipped", OFF)
    if field.mechanism == "clipboard":
        return Finding("skipped", BY_HAND)
    if read_session(context.environ).kind == "none":
        return Finding("skipped", "There are no fields without a desktop.")
    return None


def _look(context: Context) -> Looked:
    from voice_edit.apps.looking import look
    from voice_edit.apps.profiles import load_profiles
    from voice_edit.desktop.session import session_kind

    profiles = load_profiles(context.paths, session=session_kind(context.environ))
    return look(context.settings, profiles, environ=context.environ)
