"""What the daemon tells its clients: one dataclass an event. docs/control.md is written from this file.

Clients pass over events and fields that they do not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from voice_edit.control.protocol_commands import Mode
from voice_edit.control.protocol_parts import Failing, Offered, Problem, ReceiptTold, Replaced, Stage, Times


class Event:
    """Base of all events. The docstring of each is its line in the table."""

    __slots__ = ()
    event: ClassVar[str]
    """Its name."""


# --- the daemon -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Event):
    """The first line of every connection."""

    event: ClassVar[str] = "hello"
    protocol: int
    """Version of this protocol."""
    version: str
    """Of voice-edit."""
    pid: int
    """Of the daemon."""
    at_s: float | None = None
    """Clock of the daemon, in seconds; only differences mean something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChanged(Event):
    """What the daemon does now."""

    event: ClassVar[str] = "stage"
    stage: Stage
    """idle, listening, hearing, writing, applying or asking."""
    mode: Mode | None = None
    """What the words are for; null when idle."""
    take: int | None = None
    """Counts the takes of this run; null when idle."""
    hands_free: Literal["off", "dictate", "edit"] = "off"
    """What is listened for without a key."""
    reason: str | None = None
    """Why the stage before ended, where that is not plain: `cancelled`, `too-long`, ..."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrophoneChanged(Event):
    """The microphone's state, or what is wrong with it."""

    event: ClassVar[str] = "microphone"
    state: str
    """closed, opening, open or lost."""
    device: str | None = None
    """Its name."""
    problem: Problem | None = None
    """What keeps it from hearing."""
    dropped_samples: int | None = None
    """Sound that was lost because the computer was too busy, since the daemon began."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChanged(Event):
    """The state of the process that owns the model."""

    event: ClassVar[str] = "engine"
    state: str
    """unloaded, loading, ready, restarting or failed."""
    name: str | None = None
    """Of the model."""
    pid: int | None = None
    """Of the process."""
    message: str | None = None
    """What happened, where something did."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotkeysChanged(Event):
    """Which keys are listened to, and how."""

    event: ClassVar[str] = "hotkeys"
    backend: str | None = None
    """The way to the keyboard; null where there is none."""
    dictate: str = ""
    """The key to dictate."""
    edit: str = ""
    """The key for edit commands."""
    cancel: str = ""
    """The key to give up."""
    style: str = ""
    """hold, toggle or hybrid."""
    problem: Problem | None = None
    """Why keys do not work."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Something the user should know."""

    event: ClassVar[str] = "notice"
    level: Literal["info", "warning", "error"]
    """How bad it is."""
    code: str
    """Stable."""
    message: str
    """What happened."""
    hint: str = ""
    """What to do next."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye(Event):
    """The last line: the connection ends."""

    event: ClassVar[str] = "bye"
    reason: str
    """`stopped`, `too-many-clients`, `line_too_long`, ..."""
    at_s: float | None = None
    """When."""


# --- sound and words ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Event):
    """How loud it is, about 10 to 25 times a second while listening. A slow client gets fewer."""

    event: ClassVar[str] = "level"
    rms_dbfs: float
    """Decibels below full scale; -100 is silence."""
    peak: float = 0.0
    """Largest magnitude, 0 to 1."""
    is_speech: bool = False
    """What the voice detector said."""
    sample: int = 0
    """Where in the take, at 16 kHz."""
    behind_ms: float = 0.0
    """Sound that the model has not taken yet; more than some hundred: it cannot keep up."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech(Event):
    """Somebody begins or ceases to speak."""

    event: ClassVar[str] = "speech"
    speaking: bool
    """Begins or ceases."""
    sample: int = 0
    """Where in the take, at 16 kHz."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial(Event):
    """The words so far. They are shown, may still change, and are never applied. A slow client gets fewer."""

    event: ClassVar[str] = "partial"
    text: str
    """All of them, not only what is new."""
    stable: int = 0
    """Its first code points, whole words, that the one before had as well: most likely they stay."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words(Event):
    """What was said. What becomes of it follows as `outcome`, `failed` or `reverted`."""

    event: ClassVar[str] = "words"
    text: str
    """The words."""
    utterance: int | None = None
    """Its number in the journal, where it is known already."""
    confidence: float | None = None
    """Mean natural-log probability of the tokens; 0 is certain."""
    probability: float | None = None
    """That all of them are right, as was measured of this model; null where nobody measured."""
    weak: bool = False
    """Whether they are doubtful (docs/weak-answers.md)."""
    weak_words: tuple[str, ...] = ()
    """Those that are doubtful one by one."""
    heard_by: str | None = None
    """The engine whose words these are, where a second one was asked."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingTold(Event):
    """New text for a passage appears. It is shown, and put into the target only when it is whole and good.
    A slow client gets fewer."""

    event: ClassVar[str] = "writing"
    text: str
    """All of it so far."""
    old: str | None = None
    """The passage that it is for; null where that is long."""
    start: int = 0
    """Where the passage begins in the target's text, in code points."""
    style: str = ""
    """The style's name; empty for a wish in free words."""
    by: str = ""
    """The model that writes."""
    saw: str = ""
    """What it is shown besides text; empty for nothing."""
    over: bool = False
    """Nothing more comes: `outcome` or `failed` follow."""
    at_s: float | None = None
    """When."""


# --- what became of it ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeTold(Event):
    """An utterance was carried out."""

    event: ClassVar[str] = "outcome"
    utterance: int
    """Its number in the journal."""
    mode: Mode
    """What the words were for."""
    words: str
    """The words."""
    commands: list[Any]
    """What they were understood as (docs/commands.md); empty for dictation."""
    compact: str
    """The same in one line for people."""
    changes: tuple[Replaced, ...] = ()
    """What changed, in order."""
    before: str | None = None
    """The text before; null where before and after together are over 100,000 characters."""
    after: str | None = None
    """The text after."""
    receipt: ReceiptTold | None = None
    """null where nothing was to be written."""
    target: str | None = None
    """Its name in the journal; a file's path."""
    timing: Times | None = None
    """null for typed words."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverted(Event):
    """Edits were undone or made again."""

    event: ClassVar[str] = "reverted"
    direction: Literal["undo", "redo"]
    """Which."""
    utterances: tuple[int, ...]
    """Whose edits."""
    utterance: int | None = None
    """The utterance that asked for it, where it was said."""
    words: tuple[str | None, ...] = ()
    """The words of those edits."""
    before: str | None = None
    """The text before; null where it is long."""
    after: str | None = None
    """The text after."""
    receipt: ReceiptTold | None = None
    """Of the last one."""
    target: str | None = None
    """Its name in the journal."""
    timing: Times | None = None
    """null where it was not said."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTold(Event):
    """An utterance that changed nothing; words and sound are kept."""

    event: ClassVar[str] = "failed"
    error: Failing
    """Why."""
    utterance: int | None = None
    """Its number in the journal."""
    words: str = ""
    """The words, as far as they were heard."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedTold(Event):
    """Sound from which nothing is inserted: silence, noise, a click."""

    event: ClassVar[str] = "rejected"
    reason: str
    """Stable code, e.g. `no-speech`."""
    message: str
    """What happened."""
    hint: str = ""
    """What to do next."""
    utterance: int | None = None
    """Its number in the journal."""
    at_s: float | None = None
    """When."""


# --- questions ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Event):
    """A question to the user, to be answered with `answer`. Subscribe only if you can put it to the user."""

    event: ClassVar[str] = "ask"
    question: int
    """Its number."""
    kind: Literal["choice", "confirm"]
    """choice: which of the places. confirm: shall it be done."""
    message: str
    """The question."""
    choices: tuple[Offered, ...] = ()
    """The places, to choose by their index."""
    before: str | None = None
    """The text now, where that helps."""
    after: str | None = None
    """The text as it would be."""
    timeout_s: float | None = None
    """Without an answer until then, nothing is done."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Event):
    """A question is settled: answered, timed out or given up."""

    event: ClassVar[str] = "asked"
    question: int
    """Its number."""
    choice: int | None = None
    """The answer; null for none."""
    at_s: float | None = None
    """When."""


# --- where the words go ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNow(Event):
    """Where the words go now."""

    event: ClassVar[str] = "target"
    kind: str
    """file, field (of another program), client, clipboard or none."""
    name: str | None = None
    """Its name in the journal; a file's path."""
    title: str | None = None
    """For people."""
    mechanism: str | None = None
    """Of a field: accessibility, paste, type or clipboard, as it would be used now; null if nothing can be
    written there."""
    why: str | None = None
    """Of a field: why that mechanism, or why none."""
    app: str | None = None
    """Of a field: the program, lower case."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotWanted(Event):
    """To the client whose text field is the target, subscribed or not: tell its text with `target.reply`."""

    event: ClassVar[str] = "target.snapshot"
    request: int
    """To be repeated in the reply."""
    at_s: float | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyWanted(Event):
    """To the client whose text field is the target, subscribed or not: make the changes if its text still is
    what was told, then tell what is there now with `target.reply`."""

    event: ClassVar[str] = "target.apply"
    request: int
    """To be repeated in the reply."""
    changes: tuple[Replaced, ...]
    """To be made in order, each in the text that the one before left."""
    before_sha256: str
    """Of the UTF-8 text that it must have now; else reply with the error `target_changed`."""
    text_after: str
    """What it will be."""
    anchor: int | None = None
    """Where the selection then begins, in code points."""
    head: int | None = None
    """Where the caret then is."""
    expected: str | None = None
    """The text that it must have now, where it is short."""
    at_s: float | None = None
    """When."""


EVENTS: tuple[type[Event], ...] = (
    Hello, StageChanged, MicrophoneChanged, EngineChanged, HotkeysChanged, Notice, Bye,
    Level, Speech, Partial, Words, WritingTold,
    OutcomeTold, Reverted, FailedTold, RejectedTold,
    Ask, Asked,
    TargetNow, SnapshotWanted, ApplyWanted,
)  # fmt: skip
"""All of them, in the order of the documentation."""
