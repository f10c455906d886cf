"""What becomes of the clipboard while it is borrowed. Pure: no X server, no thread, no clock.

A selection (CLIPBOARD, PRIMARY) goes through three states:

    theirs ──lend──► words ──give back──► kept ──┐     words: our text is on offer, `original` is set aside
      ▲                ▲                   │     │     kept:  we offer what it held before
      │                └───────lend────────┘     │
      └───────────── another program copies ─────┘     from then on it is theirs, and nothing of ours

A claim is one paste: somebody must ask for the words between the key press and the end of patience. When
nobody did, the key may still lie unread in the queue of a frozen program: what it fetches when it wakes up
would be the user's old clipboard, in the middle of a text. That late paste gets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

QUIET_MS = 120.0
"""A claim is over when its program has asked for nothing more for so long: browsers fetch several types."""
LATE_MS = 60_000.0
"""How long a frozen program that was sent the paste key is expected to act on it after all."""
LATE_UNKNOWN_MS = 10_000.0
"""The same for a program that cannot be asked whether it is frozen."""
LATE_AWAKE_MS = 2_000.0
"""The same once it has read the key: a browser's page may still be busy."""
LATE_SERIES_MS = 500.0
"""How long after the first late request its other requests belong to the same paste."""


@dataclass(frozen=True, slots=True)
class Content:
    """One type of what a selection holds."""

    type: str
    """Name of the property type the owner answered with: "UTF8_STRING", "image/png", "ATOM"."""
    format: Literal[8, 16, 32]
    """Bits of one unit."""
    data: bytes
    """Units of 16 and 32 bits in the byte order of this machine."""


Contents: TypeAlias = Mapping[str, Content]
"""Everything that a selection holds: its targets, in the owner's order, with what each gave."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Our part in one selection."""

    state: Literal["theirs", "words", "kept"] = "theirs"
    original: Contents | None = None
    """What it held before we took it; None while it is theirs, empty when it held nothing."""

    def lend(self, saved: Contents | None) -> Hold:
        """Our words go on offer. `saved`: what it holds, read from its owner; None once it is ours."""
        if self.state == "theirs":
            assert saved is not None, "what it held must be read before it is taken"
            return Hold("words", saved)
        return replace(self, state="words")

    def give_back(self) -> Hold:
        """It shows again what it held; theirs if it held nothing, since then nobody owns it."""
        if self.state != "words":
            return self
        return replace(self, state="kept") if self.original else Hold()

    def show(self, contents: Contents) -> Hold:
        """From now on it holds this, for good."""
        return Hold("kept", contents)

    def shown_to(self, client: int, words: Contents, claim: Claim | None) -> Contents:
        """What a client gets that asks for it now."""
        if self.state == "words" and not (claim is not None and client in claim.bystanders):
            return words
        return self.original or {}

    def lost(self) -> Hold:
        """Another program copied something: it wins."""
        return Hold()


@dataclass(frozen=True, slots=True)
class Claim:
    """One paste: who may take the words, and whether they did."""

    into: int | None
    """The X client that they are meant for (its resource-id base); None if nobody knows."""
    bystanders: frozenset[int] = frozenset()
    """Clients that fetch everything, and whose asking proves nothing: clipboard managers, ourselves."""
    pressed: bool = False
    open_transfers: int = 0
    """Answers that are still on their way, piece by piece."""
    taken_ms: float | None = None
    """When its program last asked for, or finished taking, the words."""

    def counts(self, client: int) -> bool:
        """Whether a request of this client is the paste."""
        if client in self.bystanders:
            return False
        return self.into is None or client == self.into

    def press(self) -> Claim:
        """The paste key goes down now. What was asked before was not the paste."""
        return replace(self, pressed=True)

    def asked(self, client: int, now_ms: float, *, whole: bool) -> Claim:
        """A request for the words was answered, wholly or with the first of several pieces."""
        if not self.pressed or not self.counts(client):
            return self
        if not whole:
            return replace(self, open_transfers=self.open_transfers + 1)
        return replace(self, taken_ms=now_ms)

    def finished(self, client: int, now_ms: float, *, complete: bool) -> Claim:
        """A transfer in pieces ended."""
        if not self.counts(client) or not self.open_transfers:
            return self
        left = replace(self, open_transfers=self.open_transfers - 1)
        return replace(left, taken_ms=now_ms) if complete else left

    @property
    def taken(self) -> bool:
        return self.taken_ms is not None and not self.open_transfers

    def quiet_for_ms(self, now_ms: float) -> float:
        """How much longer nobody must ask before the clipboard is given back; 0 when that is now."""
        if self.open_transfers:
            return QUIET_MS
        return 0.0 if self.taken_ms is None else max(0.0, self.taken_ms + QUIET_MS - now_ms)


@dataclass(frozen=True, slots=True)
class Late:
    """A program that was sent the paste key and asked for nothing in time."""

    client: int
    since_ms: float
    answers: bool
    """Whether it can be asked if it is awake."""
    awake_ms: float | None = None
    """When it told that it has read the key."""
    first_ms: float | None = None
    """When the late paste began."""

    def refuses(self, client: int, now_ms: float) -> bool:
        """Whether a request of this client is the late paste, which must get nothing."""
        if client != self.client:
            return False
        if self.first_ms is not None:
            return now_ms - self.first_ms < LATE_SERIES_MS
        if self.awake_ms is not None:
            return now_ms - max(self.awake_ms, self.since_ms) < LATE_AWAKE_MS
        return now_ms - self.since_ms < (LATE_MS if self.answers else LATE_UNKNOWN_MS)

    def refused(self, now_ms: float) -> Late:
        """A request was refused."""
        return replace(self, first_ms=now_ms) if self.first_ms is None else self

    def woke(self, now_ms: float) -> Late:
        """It has read the key."""
        return replace(self, awake_ms=now_ms)

    def asleep(self, now_ms: float) -> bool:
        """Whether the key surely lies unread: another one would make two pastes of it."""
        unread = self.awake_ms is None and self.first_ms is None
        return self.answers and unread and self.refuses(self.client, now_ms)
