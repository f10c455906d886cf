"""Text that lives in another program: the practice pad, an editor's plug-in. It is asked over a channel.

The program keeps the text; we send what is to be changed together with the fingerprint of the text that the
change was made for, and the program refuses when its text is another one by then (compare-and-swap). What it
answers is the text that then stands there: that is the read-back.

All offsets are code points, lines end in "\\n", a fingerprint is the SHA-256 of the UTF-8 text. A list of
changes is made in its order, each change in the text that the one before left.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from voice_edit.errors import (
    TargetChanged,
    TargetError,
    TargetGone,
    TargetReadOnly,
    TargetTimeout,
    TargetTooLarge,
    TargetUncertain,
    TargetUnencodable,
    UsageError,
)
from voice_edit.targets.base import PreparedWrite, Receipt, Snapshot, Version

if TYPE_CHECKING:
    from voice_edit.edits import Edit, Selection
    from voice_edit.targets.text_format import Newline

SCHEME = "client:"
MAX_BYTES = 1 << 18
"""UTF-8. A longer text would not fit into one line of the control protocol together with its changes."""
LONGEST_NAME = 100

_REFUSALS: dict[str, type[TargetError]] = {
    "target_changed": TargetChanged,
    "target_gone": TargetGone,
    "target_read_only": TargetReadOnly,
    "target_too_large": TargetTooLarge,
    "target_unencodable": TargetUnencodable,
}
"""What a program may answer instead of its text; any other code is a plain TargetError."""
_TOO_LARGE = "Nothing was written. Put the passage into a file: voice-edit edit FILE"


class Channel(Protocol):
    """The way to the program. Blocks; is used by one thread at a time."""

    def request(self, method: Literal["snapshot", "apply"], payload: dict[str, Any]) -> Mapping[str, Any]:
        """Ask and wait for the answer: {"text", "anchor", "head"}, or {"error": {"code", "message"}}.

        `snapshot` has no payload; `apply` has `changes` (a list of {"start", "old", "new"}),
        `before_sha256`, `text_after`, `anchor` and `head`. Raises TargetGone, TargetTimeout.
        """
        ...


class ClientTarget:
    """A text field of a connected program."""

    def __init__(self, name: str, title: str, channel: Channel) -> None:
        """`name` is stable from run to run, e.g. "practice"; `title` is for people. Raises UsageError."""
        if not name or not name.isprintable() or len(name) > LONGEST_NAME:
            raise UsageError(
                f"{name!r} cannot be the name of a text field.",
                hint=f"Choose 1 to {LONGEST_NAME} printable characters.",
            )
        self._name = SCHEME + name
        self.title = title
        self._channel = channel

    @property
    def name(self) -> str:
        """What the journal calls it: "client:practice"."""
        return self._name

    def snapshot(self, *, newline: Newline | None = None, whole: bool = False) -> Snapshot:
        """Text and selection now; `newline` is of no use here. Raises TargetGone, TargetTimeout and what the
        program says.
        """
        return self._read(self._channel.request("snapshot", {}))

    def prepare(
        self, edits: Sequence[Edit], *, expected: Version, newline: Newline | None = None
    ) -> PreparedWrite:
        """Decide what the field will hold after `edits`, without touching it.

        Raises TargetChanged when its text is no longer of version `expected`; TargetTooLarge,
        TargetUnencodable.
        """
        from voice_edit.edits import Document, Selection

        snapshot = self.snapshot()
        if not snapshot.version.same_content(expected):
            raise TargetChanged(f"{self.title} was changed after it was read.")
        document = Document(snapshot.text, snapshot.selection or Selection(0, 0))
        for edit in edits:
            document = edit.apply_to(document)
        try:
            data = document.text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TargetUnencodable(f"The new text of {self.title} holds half a character.") from error
        if len(data) > MAX_BYTES:
            raise TargetTooLarge(f"{self.title} would grow to {len(data):,} bytes.", hint=_TOO_LARGE)
        return PreparedWrite(
            name=self.name,
            before=snapshot.version,
            after=Version.of(document.text),
            text_before=snapshot.text,
            text_after=document.text,
            edits=tuple(edits),
            newline="\n",
            data=data,
            token=secrets.token_hex(8),
            selection_after=document.selection,
        )

    def commit(self, write: PreparedWrite) -> Receipt:
        """Have the program make the changes, and compare what it then holds.

        Raises TargetChanged and what else the program refuses with: then nothing was written. Raises
        TargetUncertain when it does not answer.
        """
        selection = write.selection_after
        assert selection is not None, "prepared by another target"
        payload = {
            "changes": changes_in_order(write.edits),
            "before_sha256": write.before.sha256,
            "text_after": write.text_after,
            "anchor": selection.anchor,
            "head": selection.head,
        }
        try:
            answer = self._channel.request("apply", payload)
        except (TargetGone, TargetTimeout) as error:
            raise TargetUncertain(f"{error} Nobody knows whether it holds the edit.") from error
        try:
            found = self._read(answer)
        except _MalformedError as error:
            return Receipt("unverified", write.before, write.after, (f"Not read back: {error}",))
        if not found.version.same_content(write.after):
            note = f"{self.title} holds another text than it was asked to."
            return Receipt("unverified", write.before, found.version, (note,))
        return Receipt("verified", write.before, found.version)

    def _read(self, answer: Mapping[str, Any]) -> Snapshot:
        """What an answer says. Raises TargetError."""
        refusal = answer.get("error")
        if refusal is not None:
            code, message = str(refusal.get("code", "")), str(refusal.get("message", ""))
            raise _REFUSALS.get(code, TargetError)(message or f"{self.title} refused.")
        text = answer.get("text")
        if not isinstance(text, str):
            raise _MalformedError(f"{self.title} did not say what its text is.")
        if len(text) > MAX_BYTES or len(_utf8(text)) > MAX_BYTES:
            raise TargetTooLarge(f"{self.title} holds {len(_utf8(text)):,} bytes.", hint=_TOO_LARGE)
        selection = _selection(answer, len(text))
        capabilities = frozenset({"write", "read_back", "edit", "selection", "lines"})
        return Snapshot(self.name, text, selection, Version.of(text), capabilities)


class _MalformedError(TargetError):
    """An answer that makes no sense: the program's fault."""

    hint = "Report this to whoever wrote that program; docs/control.md says what it should answer."


def changes_in_order(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    """The changes of all edits, to be made one after the other: within an edit from its end to its start."""
    return [
        {"start": change.start, "old": change.old, "new": change.new}
        for edit in edits
        for change in reversed(edit.changes)
    ]


def _selection(answer: Mapping[str, Any], length: int) -> Selection | None:
    """Where the caret is; None where the program does not say. Beyond the text is its end."""
    from voice_edit.edits import Selection

    anchor, head = answer.get("anchor"), answer.get("head")
    if not isinstance(head, int):
        return None
    head = min(max(0, head), length)
    return Selection(min(max(0, anchor), length) if isinstance(anchor, int) else head, head)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
