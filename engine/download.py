"""One file from a hub to the disk, through connections that break.

What has arrived stays in the part file, and every attempt asks for the rest only. The file counts when its
bytes, read back from the disk, have the hash that was known before the first of them was asked for; else it
is thrown away.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from engine.errors import HubRefused, HubUnreachable, WrongBytes
from engine.model_rows import RemoteFile
from engine.model_store import OnBytes, digest, storing

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hub says of a file."""

    commit: str
    """Of the repository; empty where it does not say."""
    size: int
    """Bytes; 0 where it does not say."""
    sha256: str
    """Of a large file; empty where it does not say."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file must be."""

    size: int
    sha256: str
    first_use: bool
    """Only the hub says so."""


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes that arrive."""

    start: int
    """Where in the file they begin."""
    chunks: Iterator[bytes]
    """Raises Trouble when the connection breaks."""


class Hub(Protocol):
    """Where files come from."""

    @property
    def place(self) -> str:
        """For people: `huggingface.co`."""
        ...

    def ask(self, file: RemoteFile) -> Answer:
        """What it has under that name. Raises Trouble, HubRefused, HubUnreachable."""
        ...

    def body(self, file: RemoteFile, start: int) -> AbstractContextManager[Body]:
        """The file from byte `start` on; a hub may begin before that. Raises as `ask`."""
        ...

    def cached(self, file: RemoteFile) -> Path | None:
        """Where another program has put this very file on this machine already."""
        ...


class Trouble(Exception):  # noqa: N818  (it may pass; an error will not)
    """An attempt failed; another may succeed."""

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        """How long the hub wants to be left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """When to try again, and when to give up."""

    attempts: int = 8
    """In a row, of which none brought anything to speak of."""
    first_attempts: int = 3
    """As long as nobody answered at all."""
    progress_bytes: int = 1 << 20
    """So much in one attempt is something to speak of."""
    first_wait_s: float = 1.0
    """Doubled after each poor attempt."""
    longest_wait_s: float = 30.0
    longest_asked_s: float = 120.0
    """More than this a hub may not ask for."""
    slow_bytes_s: float = 1024.0
    """Slower than this for `slow_s` is a connection that hangs."""
    slow_s: float = 60.0

    def wait_s(self, poor: int, asked_s: float | None) -> float:
        """How long before the next attempt, after so many poor ones in a row."""
        if asked_s is not None:
            return min(max(asked_s, 0.0), self.longest_asked_s)
        return min(self.first_wait_s * 2.0 ** (max(poor, 1) - 1), self.longest_wait_s)


Stage = Literal["fetching", "checking", "waiting", "linking"]


class OnStep(Protocol):
    """Told what happens: `done` bytes of the file, and why if it waits."""

    def __call__(self, stage: Stage, done: int, note: str = "") -> None: ...


def expect(file: RemoteFile, answer: Answer, pinned: Expected | None) -> Expected:
    """What the file must be, from the catalogue, from what was taken on first use, and from the hub's answer.

    Raises HubRefused where they contradict each other, or where nobody says.
    """
    if answer.commit and answer.commit != file.revision:
        raise HubRefused(f"{file}: asked for revision {file.revision}, the hub has {answer.commit}")
    known_sha256 = file.sha256 or (pinned.sha256 if pinned else "")
    known_size = file.size or (pinned.size if pinned else 0)
    whose = "is known" if file.sha256 or file.size else "was fetched before"
    for what, known, said in (
        ("SHA-256", known_sha256, answer.sha256),
        ("size", known_size, answer.size),
    ):
        if known and said and known != said:
            raise HubRefused(
                f"{file} at {file.revision}: another file than {whose}: the hub says {what} {said}, not "
                f"{known}. Nothing was fetched"
            )
    sha256, size = known_sha256 or answer.sha256, known_size or answer.size
    if not sha256 or not size:
        what = "size" if sha256 else "SHA-256"
        raise HubRefused(f"{file}: neither we nor the hub know its {what}, so it could not be checked")
    return Expected(size, sha256, first_use=not file.sha256)


def ask(
    hub: Hub,
    file: RemoteFile,
    patience: Patience,
    on_step: OnStep,
    sleep: Callable[[float], object] = time.sleep,
) -> Answer:
    """As `hub.ask`, again and again. Raises HubUnreachable, HubRefused."""
    patience = replace(patience, attempts=patience.first_attempts)
    for poor in range(1, patience.attempts + 1):
        try:
            return hub.ask(file)
        except Trouble as trouble:
            _wait(trouble, poor, patience, file, hub, on_step, 0, sleep)
    raise AssertionError("the last attempt raises")


def fetch(
    hub: Hub,
    file: RemoteFile,
    expected: Expected,
    part: Path,
    on_step: OnStep,
    patience: Patience,
    *,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Bring `part` to the expected bytes: what is there already is not fetched again. Returns how many were.

    Returns only when the hash of what is on the disk is right. Raises HubUnreachable, HubRefused, WrongBytes,
    DiskFull, ModelError.
    """
    poor, wrong, fetched = 0, 0, 0

    def count(n: int) -> None:
        nonlocal fetched
        fetched += n

    with storing(part.parent):
        part.parent.mkdir(parents=True, exist_ok=True)
        while True:
            have = part.stat().st_size if part.exists() else 0
            if have > expected.size:
                part.unlink()
                continue
            if have == expected.size:
                if matches(part, expected, on_step):
                    return fetched
                part.unlink()
                wrong += 1
                logger.warning("%s: %d bytes arrived, and their hash is wrong", file, have)
                if wrong > 1:
                    raise WrongBytes(f"{file}: fetched twice from {hub.place}, both times with wrong bytes")
                continue
            trouble = _attempt(hub, file, expected, part, have, on_step, count, patience, clock)
            if trouble is None:
                poor = 0
                continue
            got = part.stat().st_size - have if part.exists() else 0
            poor = 1 if got >= patience.progress_bytes else poor + 1
            _wait(trouble, poor, patience, file, hub, on_step, max(have + got, 0), sleep)


def matches(path: Path, expected: Expected, on_step: OnStep) -> bool:
    """Whether the file on the disk is what it must be."""
    done = 0

    def more(n: int) -> None:
        nonlocal done
        done += n
        on_step("checking", done)

    return path.stat().st_size == expected.size and digest(path, more) == expected.sha256


def _attempt(
    hub: Hub,
    file: RemoteFile,
    expected: Expected,
    part: Path,
    have: int,
    on_step: OnStep,
    count: OnBytes,
    patience: Patience,
    clock: Callable[[], float],
) -> Trouble | None:
    """Ask for what is missing and write it down. Returns why it is not all there."""
    # Without a buffer: what was taken from the connection is in the file, whatever ends this process.
    with part.open("r+b" if have else "wb", buffering=0) as out:
        try:
            with hub.body(file, have) as body:
                if body.start > have:
                    return Trouble(f"the hub sends from byte {body.start:,} on, not from {have:,}")
                out.truncate(body.start)
                out.seek(body.start)
                at, slow_at, slow_since = body.start, body.start, clock()
                for chunk in body.chunks:
                    view = memoryview(chunk)[: expected.size - at]
                    at += len(view)
                    count(len(view))
                    while view:
                        view = view[out.write(view) :]
                    on_step("fetching", at)
                    if at == expected.size:
                        break
                    if clock() - slow_since >= patience.slow_s:
                        if at - slow_at < patience.slow_bytes_s * patience.slow_s:
                            return Trouble("it hardly moves")
                        slow_at, slow_since = at, clock()
        except Trouble as trouble:
            return trouble
        finally:
            os.fsync(out.fileno())
    return (
        None
        if at == expected.size
        else Trouble(f"the connection ended after {at:,} of {expected.size:,} bytes")
    )


def _wait(
    trouble: Trouble,
    poor: int,
    patience: Patience,
    file: RemoteFile,
    hub: Hub,
    on_step: OnStep,
    done: int,
    sleep: Callable[[float], object],
) -> None:
    """Until the next attempt. Raises HubUnreachable where there is none."""
    logger.info("%s: attempt %d: %s", file, poor, trouble)
    if poor >= patience.attempts:
        raise HubUnreachable(f"{file}: gave up on {hub.place} after {poor} attempts: {trouble}") from trouble
    on_step("waiting", done, str(trouble))
    sleep(patience.wait_s(poor, trouble.wait_s))
