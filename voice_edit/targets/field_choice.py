"""What can be done with the thing that has the focus, decided from what the desktop tells of it. Pure.

a password                                   secret      not listened for
text that can be read and changed            readable    every command, proved by reading it back
text that can be read and takes nothing      read_only   refused before anybody speaks
a terminal, or a program without accessibility  blind    dictation is pasted, and cannot be read back
a button, a list, nothing at all             none        words go to the clipboard
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from voice_edit.apps.profiles import AppProfile, Mechanism
    from voice_edit.desktop.base import Desktop, Element, Window

FieldKind: TypeAlias = Literal["secret", "read_only", "readable", "blind", "none"]

TEXTLESS = frozenset({"", "frame", "window", "unknown", "application", "invalid", "panel", "filler"})
"""Roles of what a program shows that keeps its fields from accessibility: its window is all we see."""


@dataclass(frozen=True, slots=True)
class Hands:
    """Which ways of writing this session has."""

    paste: bool
    type: bool

    @classmethod
    def of(cls, desktop: Desktop) -> Hands:
        keys = desktop.keyboard is not None
        return cls(paste=keys and desktop.clipboard is not None, type=keys)


@dataclass(frozen=True, slots=True)
class Focus:
    """What has the focus, and what follows from it."""

    kind: FieldKind
    window: Window | None
    element: Element | None
    profile: AppProfile
    mechanisms: tuple[Mechanism, ...]
    """Ways of writing, best first; none for `secret`, `read_only` and `none`."""
    why: str
    """One sentence for people."""

    @property
    def app(self) -> str:
        """The program, lower case; "" if nobody tells."""
        if self.element is not None and self.element.app:
            return self.element.app
        return "" if self.window is None else self.window.app

    @property
    def pastes_primary(self) -> bool:
        """Whether it is a terminal, which pastes what was selected last."""
        return self.profile.terminal or (self.element is not None and self.element.role == "terminal")

    @property
    def title(self) -> str:
        """What to call the field in front of people."""
        return self.app or (self.window.title if self.window is not None else "") or "the focused window"


def judge(
    window: Window | None, element: Element | None, profile: AppProfile, hands: Hands, *, wanted: str = "auto"
) -> Focus:
    """What the focus is. `wanted` is the setting `field.mechanism`."""
    kind, why = _kind(window, element, profile)
    mechanisms: tuple[Mechanism, ...] = ()
    if kind in ("readable", "blind"):
        mechanisms = _mechanisms(kind, element, profile, hands, wanted)
        if not mechanisms:
            kind, why = "none", f"{why} No way of writing into it works here."
    return Focus(kind, window, element, profile, mechanisms, why)


def _kind(window: Window | None, element: Element | None, profile: AppProfile) -> tuple[FieldKind, str]:
    if element is not None and element.secret:
        return "secret", "A password is neither read nor listened for."
    if element is not None and (element.role == "terminal" or profile.terminal):
        return "blind", "A terminal takes what is pasted; what is in it is not ours to edit."
    if element is not None and element.readable:
        if element.editable:
            return "readable", "Its text can be read, changed and read back."
        return "read_only", "Its text can be read, but not changed."
    if element is not None and element.editable:
        return "blind", "It takes text but does not tell what it holds."
    if element is not None and element.role not in TEXTLESS:
        return "none", f"The focus is on something that holds no text ({element.role})."
    if window is not None:
        return "blind", "This program tells nothing of its fields; pasting works in most."
    return "none", "No window has the focus that could be told."


def _mechanisms(
    kind: FieldKind, element: Element | None, profile: AppProfile, hands: Hands, wanted: str
) -> tuple[Mechanism, ...]:
    works: dict[Mechanism, bool] = {
        "accessibility": kind == "readable" and element is not None and element.writable,
        "paste": hands.paste,
        "type": hands.type,
    }
    order = profile.mechanisms if wanted == "auto" else (wanted,)
    return tuple(each for each in order if each != "clipboard" and works.get(each, False))  # type: ignore[misc, call-overload]
