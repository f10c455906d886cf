"""What every place that holds text can do: show a snapshot, and apply edits to exactly that snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from voice_edit.fingerprint import text_sha256

if TYPE_CHECKING:
    from voice_edit.edits import Edit, Selection
    from voice_edit.targets.text_format import Newline

ReceiptState = Literal["verified", "unverified", "refused"]


@dataclass(frozen=True, slots=True)
class Version:
    """The fingerprint of a target at a moment. Two versions are the same text when their `sha256` agree."""

    sha256: str
    """Hex digest of the bytes."""
    size: int
    """Bytes."""
    mtime_ns: int = 0
    """Modification time, nanoseconds since the epoch; with `inode` a quick sign that somebody wrote."""
    inode: int = 0

    @classmethod
    def of(cls, text: str) -> Version:
        """Of a text that is no file: its UTF-8."""
        return cls(text_sha256(text), len(text.encode("utf-8", "surrogatepass")))

    def same_content(self, other: Version) -> bool:
        return self.sha256 == other.sha256

    def to_json(self) -> dict[str, Any]:
        return {"sha256": self.sha256, "size": self.size, "mtime_ns": self.mtime_ns, "inode": self.inode}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Version:
        return cls(data["sha256"], data["size"], data.get("mtime_ns", 0), data.get("inode", 0))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A target's text at a moment."""

    name: str
    """What the target is called in the journal; for a file its absolute path, links resolved."""
    text: str
    selection: Selection | None
    """Caret and selection where the target has one; a file has none."""
    version: Version
    capabilities: frozenset[str]
    """What can be done: "write", "read_back", "selection", and "edit" where commands can name what is
    there; "lines" is missing where a text must stay one line, "joined": without asking."""
    app: str = ""
    """The program that holds it, lower case, where it is not our own."""
    outside: tuple[int, int] = (0, 0)
    """How many code points of the target's text come before and behind `text`: only a window was read."""
    whole: Callable[[], Snapshot] | None = field(default=None, compare=False, repr=False)
    """All of the text at this moment, where this is only a window. Raises TargetError."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Evidence of what a target holds after `apply`."""

    state: ReceiptState
    """verified: read back, equal. unverified: written, not read back. refused: nothing was written."""
    before: Version
    after: Version | None
    """The version to expect next; None when refused."""
    notes: tuple[str, ...] = ()
    """What the user may want to know, full sentences, e.g. that other hard links keep the old text."""

    def to_json(self) -> dict[str, Any]:
        after = None if self.after is None else self.after.to_json()
        return {
            "state": self.state,
            "before": self.before.to_json(),
            "after": after,
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Receipt:
        after = None if data["after"] is None else Version.from_json(data["after"])
        return cls(data["state"], Version.from_json(data["before"]), after, tuple(data["notes"]))


@dataclass(frozen=True, slots=True)
class PreparedWrite:
    """A write that is fully decided and has not touched the target: what the journal records first."""

    name: str
    """What the target is called in the journal."""
    before: Version
    """What the target must still be."""
    after: Version
    """What it will be; only `sha256` and `size` are known beforehand."""
    text_before: str
    text_after: str
    edits: tuple[Edit, ...]
    """What leads from one to the other."""
    newline: Newline
    """The line ending for which the offsets of the edits hold."""
    data: bytes
    """The new content, as the target keeps it; `after` is its fingerprint."""
    token: str
    """Names this attempt; for a file also its temporary file, so that it can be found after a crash."""
    selection_after: Selection | None = None
    """Where the target has a caret: where it then is."""
    can_be_undone: bool = True
    """False where the words leave our hands for good."""


class JournaledTarget(Protocol):
    """A place that holds text, whose edits are written down before they are made and can be undone later.

    `snapshot` says what is there, `prepare` decides without touching anything, `commit` does it. Between the
    last two the journal learns what is about to happen.
    """

    @property
    def name(self) -> str:
        """What the target is called in the journal: a file's path, or "scheme:name" (see `names`)."""
        ...

    def snapshot(self, *, newline: Newline | None = None, whole: bool = False) -> Snapshot:
        """The text now. `newline` asks for an earlier line ending, see `text_format.decode`; `whole` for all
        of the text where usually only what is around the caret is read.

        Raises TargetError.
        """
        ...

    def prepare(
        self, edits: Sequence[Edit], *, expected: Version, newline: Newline | None = None
    ) -> PreparedWrite:
        """What it will hold after `edits`. Raises TargetChanged unless it is of version `expected`."""
        ...

    def commit(self, write: PreparedWrite) -> Receipt:
        """Do what was prepared, and read it back.

        Raises TargetUncertain when nobody knows whether it was done; any other TargetError means that
        nothing was written.
        """
        ...


class Target(Protocol):
    """A place that holds text."""

    def snapshot(self) -> Snapshot:
        """The text now. Raises TargetError."""
        ...

    def apply(self, edits: Sequence[Edit], *, expected: Version) -> Receipt:
        """Make `edits` in order to the text of version `expected`. Raises TargetChanged if it is another."""
        ...
