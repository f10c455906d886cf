"""Which text is meant: a file that was named, a field of a client or of any program, or the clipboard.

Chosen when somebody begins to talk, and kept for that take whatever is focused later; who listens without a
key follows the choice in the next pause.

    named with the command > file pinned last > offered field with the focus > focused field of any program
    > field offered last > clipboard

A client in a terminal cannot be sure that it has the focus: its word counts while a terminal has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice_edit.desktop.errors import FieldReadOnly, FieldSecret
from voice_edit.errors import TargetError, UsageError

if TYPE_CHECKING:
    from voice_edit.daemon.fields import Fields
    from voice_edit.targets.base import JournaledTarget
    from voice_edit.targets.field_choice import Focus

Owner = object
"""A connected client, compared by identity."""


@dataclass(eq=False)
class Offer:
    """A text field of a client."""

    owner: Owner
    title: str
    target: JournaledTarget
    focused: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The target of a take, and how it is shown."""

    target: JournaledTarget
    kind: str
    """`file`, `client`, `field` or `clipboard`."""
    title: str
    focus: Focus | None = None
    """Of a field in another program: what is known of it."""

    @property
    def refusal(self) -> TargetError | None:
        """Why nobody is listened to for this target; None: go on."""
        if self.focus is None:
            return None
        if self.focus.kind == "secret":
            return FieldSecret(f"The focus of {self.title} is on a password.")
        if self.focus.kind == "read_only":
            message = f"The field of {self.title} cannot be changed."
            return FieldReadOnly(message, hint="Put the caret into a field that can be edited, then talk.")
        return None

    def differs(self, other: Chosen) -> bool:
        """Whether words would go elsewhere. A field that is offered anew is another one; a file is not."""
        if self.kind == other.kind == "client":
            return self.target is not other.target
        return (self.kind, self.target.name) != (other.kind, other.target.name)

    def to_json(self) -> dict[str, Any]:
        """As `status` and the event `target` say it."""
        shown: dict[str, Any] = {"kind": self.kind, "name": self.target.name, "title": self.title}
        if self.focus is not None:
            mechanisms = self.focus.mechanisms
            shown |= {
                "app": self.focus.app,
                "mechanism": mechanisms[0] if mechanisms else None,
                "why": f"{self.focus.why} {self.focus.profile.why}".strip(),
            }
        return shown


class TargetBook:
    """What could be meant now. Used by the daemon's loop only, except for `open`."""

    def __init__(
        self, open_file: Callable[[Path], JournaledTarget], clipboard: Callable[[], JournaledTarget]
    ) -> None:
        """`open_file` raises TargetError for a file that cannot be edited."""
        self._open_file = open_file
        self._clipboard = clipboard
        self.fields: Fields | None = None
        """The desktop's, once it is open."""
        self._pins: list[tuple[Chosen, Owner | None]] = []
        """One of each owner; the newest comes last, and the one before it counts again when that is gone."""
        self._offers: list[Offer] = []
        """The one that had the focus last comes last."""

    def choose(self, file: Path | None = None, *, follows_caret: bool = False) -> Chosen:
        """The target for what is said from now on; `follows_caret` as in FieldTarget. Raises TargetError for
        a named file.
        """
        if file is not None:
            return self.open(file)
        if self._pins:
            return self._pins[-1][0]
        focus = None if self.fields is None else self.fields.present()
        best = next((offer for offer in reversed(self._offers) if offer.focused), None)
        if best is not None and (focus is None or _may_be_a_terminal(focus)):
            return Chosen(best.target, "client", best.title)
        if self.fields is not None and focus is not None and focus.kind != "none":
            target = self.fields.target(focus, follows_caret=follows_caret)
            return Chosen(target, "field", focus.title, focus)
        if self._offers:
            return Chosen(self._offers[-1].target, "client", self._offers[-1].title)
        return Chosen(self._clipboard(), "clipboard", "the clipboard")

    def talked_to(self, chosen: Chosen) -> None:
        """Somebody talks to it: a field of another program is remembered, for an undo or a retry."""
        if self.fields is not None and chosen.focus is not None:
            self.fields.remember(chosen.focus)

    def edited(self, chosen: Chosen) -> JournaledTarget:
        """Whose edits an undo by command is about: the terminal in which somebody asks for it has none, so
        it is the field that was written into last.
        """
        keeps_nothing = chosen.kind == "clipboard" or (
            chosen.focus is not None and chosen.focus.kind != "readable"
        )
        last = self.fields.written_last() if self.fields is not None and keeps_nothing else None
        return chosen.target if last is None else last

    def offered(self) -> Chosen | None:
        """The field of a client that was offered last."""
        return Chosen(self._offers[-1].target, "client", self._offers[-1].title) if self._offers else None

    def open(self, file: Path) -> Chosen:
        """A file as a target. From any thread. Raises TargetError where it cannot be edited."""
        return Chosen(self._open_file(file), "file", file.name)

    def pin(self, chosen: Chosen, owner: Owner | None) -> None:
        """Everything goes there until `unpin`, a newer pin, or until `owner` is gone."""
        self._let_go(owner)
        self._pins.append((chosen, owner))

    def unpin(self) -> None:
        """Choose freely again."""
        self._pins.clear()

    def offer(self, owner: Owner, title: str, target: JournaledTarget) -> None:
        """A client has a field for words. Offering again replaces the field it offered before."""
        self.withdraw(owner)
        self._offers.append(Offer(owner, title, target))

    def focus(self, owner: Owner, focused: bool) -> None:
        """The field of a client has, or has no longer, the keyboard. Raises UsageError without an offer."""
        offer = next((offer for offer in self._offers if offer.owner is owner), None)
        if offer is None:
            raise UsageError("This client offers no field.", hint="Send target.offer first.")
        offer.focused = focused
        if focused:
            self._offers.remove(offer)
            self._offers.append(offer)

    def withdraw(self, owner: Owner) -> None:
        """The field of a client is no longer there."""
        self._offers = [offer for offer in self._offers if offer.owner is not owner]

    def forget(self, owner: Owner) -> None:
        """A client is gone, and all that hung on it: what others pinned before it counts again."""
        self.withdraw(owner)
        self._let_go(owner)

    def _let_go(self, owner: Owner | None) -> None:
        self._pins = [pin for pin in self._pins if pin[1] is not owner]


def _may_be_a_terminal(focus: Focus) -> bool:
    """Whether the program in front may be the terminal that a client runs in."""
    return focus.kind == "none" or focus.pastes_primary
