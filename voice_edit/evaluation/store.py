"""Outcomes on disk: one line of JSON each, appended as they come, so that nothing is heard twice.

A line that was cut short when the program or the machine died is dropped. Lines of other variants, other
models and other versions stay where they are and count for nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from voice_edit.errors import UsageError
from voice_edit.evaluation.outcomes import Heard

FILE = "results.jsonl"
FORMAT = 1


@dataclass
class Kept:
    """What is known of one variant."""

    outcomes: dict[str, tuple[str, Heard]] = field(default_factory=dict)
    """By the item's key: its fingerprint, and what came of it."""
    about: dict[str, Any] = field(default_factory=dict)
    """What was measured once: memory, machine, how the engine names itself."""

    def heard(self, key: str, fingerprint: str) -> Heard | None:
        """What came of an item, if it is still the same one."""
        known = self.outcomes.get(key)
        return known[1] if known is not None and known[0] == fingerprint else None


class Store:
    """The results in a folder. Only one program at a time writes there."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        """Use `open_store`."""
        self._path = path
        self._file = file
        self._variants: dict[str, Kept] = {}

    def variant(self, name: str) -> Kept:
        """What is known of the variant with this fingerprint."""
        return self._variants.setdefault(name, Kept())

    @property
    def others(self) -> int:
        """Variants that are in the file."""
        return len(self._variants)

    def add(self, variant: str, fingerprint: str, heard: Heard) -> None:
        """Keep an outcome: it is on its way to the disk when this returns, whatever happens to us.

        Raises UsageError where the disk is full.
        """
        self._append({"variant": variant, "item": fingerprint, "heard": heard.to_json()})

    def tell(self, variant: str, about: Mapping[str, Any]) -> None:
        """Keep what was measured once. Raises as `add`."""
        self._append({"variant": variant, "about": dict(about)})

    def _append(self, record: dict[str, Any]) -> None:
        self._take(record)
        line = json.dumps({"v": FORMAT, **record}, ensure_ascii=False).encode("utf-8", "surrogatepass")
        try:
            self._file.write(line + b"\n")
            self._file.flush()
        except OSError as error:
            raise UsageError(
                f"{self._path} cannot be written: {error.strerror}.",
                hint="Make room and run the same command again: it goes on where it was.",
            ) from error

    def read(self) -> None:
        """Take in what is there, and drop a line that was never finished."""
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # of a later version, or touched by somebody
        self._file.truncate(whole)
        self._file.seek(whole)

    def _take(self, record: dict[str, Any]) -> None:
        kept = self.variant(record["variant"])
        if "heard" in record:
            heard = record["heard"]
            heard = heard if isinstance(heard, Heard) else Heard.from_json(heard)
            kept.outcomes[heard.key] = (record["item"], heard)
        else:
            kept.about.update(record["about"])


@contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    """The results in `folder`, which is made. Raises UsageError where it cannot be written, or another
    program is writing there.
    """
    import fcntl

    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", hint="Name another folder: --output FOLDER"
        ) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"Another `voice-edit eval` writes to {folder}.",
                hint="Wait for it, or name another --output.",
            ) from error
        store = Store(path, file)
        store.read()
        yield store
    finally:
        with suppress(OSError):  # of what a full disk did not take, it was told
            file.close()
