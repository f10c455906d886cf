"""What the terminal interface knows, as frozen data. How it changes is in `model`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

LinkState: TypeAlias = Literal["connecting", "connected", "absent", "lost", "starting", "refused"]
Importance: TypeAlias = Literal["info", "warning", "error"]

CLIPPING_PEAK = 0.99
"""A peak from which on the input is called clipped."""
CLIPPED_LEVELS = 25
"""For how many levels after a clipped one the mark stays: 2 seconds."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell in words."""

    level: Importance
    text: str
    """What happened, one line."""
    hint: str = ""
    """What to do next; may be empty."""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """The connection to the daemon."""

    state: LinkState = "connecting"
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where text goes."""

    kind: str = "none"
    """"file", "field", "client", "clipboard" or "none"."""
    name: str = ""
    title: str = ""
    mechanism: str = ""
    """How a field would be written to: "accessibility", "paste", "type", "clipboard"; "" if not at all."""
    why: str = ""
    """Why so, or why not."""
    app: str = ""
    """The program that a field belongs to."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """The process that owns the model."""

    state: str = "unloaded"
    name: str = ""
    pid: int | None = None
    rss_bytes: int | None = None
    restarts: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class MicrophoneState:
    """Where live sound comes from."""

    state: str = "closed"
    device: str = ""
    problem: Message | None = None
    dropped_samples: int = 0


@dataclass(frozen=True, slots=True)
class Hotkeys:
    """The keys that work on the whole desktop."""

    backend: str = ""
    dictate: str = ""
    edit: str = ""
    cancel: str = ""
    style: str = ""
    problem: Message | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """One step of the meter."""

    rms_dbfs: float
    peak: float
    is_speech: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """The words of the utterance that is spoken, or was spoken last."""

    stable: str = ""
    """The words of the partial hypothesis that the one before had as well."""
    rest: str = ""
    """The part that may still change."""
    words: str | None = None
    """The final words; None while only partial ones are known."""
    confidence: float | None = None
    probability: float | None = None
    """That all of them are right, where that was measured."""
    doubtful: tuple[str, ...] = ()
    """Words that are doubtful one by one."""
    heard_by: str = ""
    """The engine, where a second one was asked."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the last utterance."""

    kind: Literal["outcome", "failed", "rejected", "reverted"]
    utterance: int | None = None
    mode: str = ""
    words: str = ""
    compact: str = ""
    """The commands as they were understood, in short form."""
    before: str | None = None
    after: str | None = None
    """Texts before and after; None when they are too long to be sent."""
    changes: tuple[tuple[int, str, str], ...] = ()
    """Start, old and new text of each change; start in code points of the text before."""
    receipt: str = ""
    notes: tuple[str, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds by stage, as in docs/control.md."""
    message: Message | None = None
    """What went wrong, or what was taken back."""


@dataclass(frozen=True, slots=True)
class Writing:
    """New text for a passage, as far as it is written."""

    text: str
    old: str
    """What it will stand in place of; empty where that is long."""
    style: str = ""
    by: str = ""
    saw: str = ""
    """What the model is shown besides text."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several places."""

    start: int
    end: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Question:
    """Something that the daemon must be told before it goes on."""

    id: Any
    """As it came; goes back with the answer."""
    kind: Literal["choice", "confirm"]
    message: str
    choices: tuple[Choice, ...] = ()
    before: str = ""
    after: str = ""
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """All of it."""

    link: Link = Link()
    version: str = ""
    pid: int | None = None
    stage: str = "idle"
    mode: str = ""
    """"dictate", "edit", or empty when nobody talks."""
    hands_free: str = "off"
    take: int | None = None
    target: Target = Target()
    engine: EngineState = EngineState()
    microphone: MicrophoneState = MicrophoneState()
    hotkeys: Hotkeys = Hotkeys()
    levels: tuple[Level, ...] = ()
    """Newest last."""
    behind_ms: float = 0.0
    """Sound that the model has not taken yet, where there is so much that it is told."""
    speaking: bool = False
    heard: Heard = Heard()
    writing: Writing | None = None
    """None where nothing is being written."""
    result: Result | None = None
    message: Message | None = None
    """The newest notice of the take that runs or ran last."""
    question: Question | None = None
    recent: tuple[Result, ...] = ()
    """The last results of this run, newest last."""
    entries: int = 0
    """Counts what changed the history; a screen that shows it compares."""

    @property
    def connected(self) -> bool:
        return self.link.state == "connected"

    @property
    def talking(self) -> bool:
        """Whether there is a take to be stopped."""
        return self.stage in ("listening", "hearing")

    @property
    def clipped(self) -> bool:
        """Whether the input was too loud just now."""
        return any(level.peak >= CLIPPING_PEAK for level in self.levels[-CLIPPED_LEVELS:])
