"""A window whose text nobody can read: terminals, and programs that keep their fields to themselves.

Dictated words are pasted, or typed, and that is all: nothing can be named there, nothing is proved, and
nothing can be taken back.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from voice_edit.desktop.errors import FieldRefused, FieldUnsupported
from voice_edit.errors import TargetError, TargetUnencodable
from voice_edit.targets.base import PreparedWrite, Receipt, Snapshot, Version
from voice_edit.targets.field_hands import FieldHands

if TYPE_CHECKING:
    from voice_edit.config import FieldSettings
    from voice_edit.desktop.base import Desktop
    from voice_edit.edits import Edit
    from voice_edit.targets.field_choice import Focus
    from voice_edit.targets.text_format import Newline

NOTE = "Written into {title}, which does not tell what it holds: look at it."


class BlindFieldTarget:
    """Takes dictated words; always looks empty."""

    def __init__(self, name: str, desktop: Desktop, focus: Focus, settings: FieldSettings) -> None:
        self._name = name
        self.focus = focus
        self._hands = FieldHands(desktop, focus, settings)
        self.times: dict[str, float] = {}
        """Milliseconds that the parts of the last write took: "write"."""

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return self._name

    @property
    def title(self) -> str:
        """What people call it."""
        return self.focus.title

    def pin(self) -> None:
        """There is nothing to read, but the clipboard will be needed."""
        with suppress(TargetError):
            self._hands.prepare()

    def snapshot(self, *, newline: Newline | None = None, whole: bool = False) -> Snapshot:
        """No text: what is there is not ours to know."""
        from voice_edit.edits import Selection

        capabilities = {"write"}
        capabilities |= {"keep": {"lines"}, "space": {"joined"}}.get(self.focus.profile.newlines, set())
        return Snapshot(
            self._name, "", Selection(0, 0), Version.of(""), frozenset(capabilities), self.focus.app
        )

    def prepare(
        self, edits: Sequence[Edit], *, expected: Version, newline: Newline | None = None
    ) -> PreparedWrite:
        """The words that will be written. Raises FieldRefused for lines that must not go there."""
        text = "".join(change.new for edit in edits for change in edit.changes)
        if self.focus.profile.newlines != "keep" and "\n" in text.strip("\n"):
            raise FieldRefused(
                f"{self.title} would take each line as something sent off.",
                hint="Nothing was written. Say it in one line, or allow lines there: docs/fields.md",
            )
        if self.focus.profile.newlines != "keep":
            text = text.strip("\n")
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TargetUnencodable("The words hold half a character.") from error
        return PreparedWrite(
            name=self._name,
            before=Version.of(""),
            after=Version.of(text),
            text_before="",
            text_after=text,
            edits=tuple(edits),
            newline="\n",
            data=data,
            token=secrets.token_hex(8),
            can_be_undone=False,
        )

    def commit(self, write: PreparedWrite) -> Receipt:
        """Paste or type the words. Raises FieldMoved, KeysHeld, PasteUnclaimed: then nothing was written."""
        ways = {"paste": self._hands.paste, "type": self._hands.type}
        reason: FieldUnsupported | None = None
        for mechanism in self.focus.mechanisms:
            began = time.perf_counter()
            try:
                ways[mechanism](write.text_after)
            except FieldUnsupported as error:
                reason = reason or error
                continue
            self.times = {"write": round((time.perf_counter() - began) * 1000, 2)}
            note = NOTE.format(title=self.title)
            return Receipt("unverified", write.before, write.after, (note,))
        raise reason or FieldUnsupported(f"There is no way here to write into {self.title}.")
