"""Which text is meant: a file that was named, a field that a client offers, or the clipboard.

Chosen when somebody begins to talk, and kept for that take whatever is focused later:

    named with the command > pinned file > offered field with the focus > field offered last > clipboard
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice_edit.errors import UsageError

if TYPE_CHECKING:
    from voice_edit.targets.base import JournaledTarget

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
    """`file`, `client` or `clipboard`."""
    title: str

    def to_json(self) -> dict[str, Any]:
        """As `status` and the event `target` say it."""
        return {"kind": self.kind, "name": self.target.name, "title": self.title}


class TargetBook:
    """What could be meant now. Used by the daemon's loop only, except for `open`."""

    def __init__(
        self, open_file: Callable[[Path], JournaledTarget], clipboard: Callable[[], JournaledTarget]
    ) -> None:
        """`open_file` raises TargetError for a file that cannot be edited."""
        self._open_file = open_file
        self._clipboard = clipboard
        self._pinned: tuple[Chosen, Owner | None] | None = None
        self._offers: list[Offer] = []
        """The one that had the focus last comes last."""

    def choose(self, file: Path | None = None) -> Chosen:
        """The target for what is said from now on. Raises TargetError for a named file."""
        if file is not None:
            return self.open(file)
        if self._pinned is not None:
            return self._pinned[0]
        if self._offers:
            best = next((offer for offer in reversed(self._offers) if offer.focused), self._offers[-1])
            return Chosen(best.target, "client", best.title)
        return Chosen(self._clipboard(), "clipboard", "the clipboard")

    def open(self, file: Path) -> Chosen:
        """A file as a target. From any thread. Raises TargetError where it cannot be edited."""
        return Chosen(self._open_file(file), "file", file.name)

    def pin(self, chosen: Chosen, owner: Owner | None) -> None:
        """Everything goes there until `unpin`, or until `owner` is gone."""
        self._pinned = chosen, owner

    def unpin(self) -> None:
        """Choose freely again."""
        self._pinned = None

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
        """A client is gone, and all that hung on it."""
        self.withdraw(owner)
        if self._pinned is not None and self._pinned[1] is owner:
            self._pinned = None
