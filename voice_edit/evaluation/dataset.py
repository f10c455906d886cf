"""What a model is tested on: recordings, and what should come of each."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voice_edit.pipeline import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A recording, and what should come of it."""

    key: str
    """Its name in the folder; no two items share one."""
    audio: Path
    words: str
    """What is said, as it should be written; empty where nobody says anything."""
    mode: Mode = "dictate"
    """What the words are for. Without `before`, nothing is edited and it does not matter."""
    before: str | None = None
    """The text that is edited, `<>` at the caret or `[...]` around the selection; None: only words count."""
    after: str | None = None
    """What the text should then be, without marks."""
    speaker: str = ""
    """Whoever speaks, where it is known: recordings of one person resemble each other."""
    tags: tuple[tuple[str, str], ...] = ()
    """What the report tells apart, as (name, value): kind, noise, accent, ..."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing should be heard in it."""
        return not self.words.strip()

    @property
    def edits(self) -> bool:
        """Whether there is a text that should be changed, or left alone."""
        return self.before is not None and self.after is not None

    def fingerprint(self) -> str:
        """Of all that its outcome depends on; what is expected is not part of that. Raises OSError."""
        digest = hashlib.sha256(self.audio.read_bytes())
        digest.update(f"\0{self.mode}\0{self.before}".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Dataset:
    """The items of a folder."""

    name: str
    layout: str
    """How it lies in the folder, for people."""
    items: tuple[Item, ...]
    language: str = "en"
    """ISO 639-1; decides how words are normalised before they are counted."""
    note: str = ""
    """What the folder says of itself."""
    folder: Path = field(default_factory=Path)

    def some(self, count: int | None, *, seed: int) -> Dataset:
        """Only `count` of the items, drawn by `seed`, in their order; all where there are no more."""
        if count is None or count >= len(self.items):
            return self
        return self._with(drawn(self.items, count, seed))

    def only(self, wanted: Sequence[tuple[str, str]]) -> Dataset:
        """Only items that have all of these tags (`speaker` counts as one)."""
        kept = (item for item in self.items if {*wanted} <= {*item.tags, ("speaker", item.speaker)})
        return self._with(tuple(kept))

    def _with(self, items: tuple[Item, ...]) -> Dataset:
        return Dataset(self.name, self.layout, items, self.language, self.note, self.folder)


def drawn(items: Sequence[Item], count: int, seed: int) -> tuple[Item, ...]:
    """`count` of the items in their order. Which ones depends on their names, not on where they stand, so
    that a folder that grows keeps most of what was drawn.
    """

    def lot(item: Item) -> float:
        return random.Random(f"{seed} {item.key}").random()

    chosen = {item.key for item in sorted(items, key=lot)[:count]}
    return tuple(item for item in items if item.key in chosen)
