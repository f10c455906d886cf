"""What commands, replies and events of the control protocol are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Stage = Literal["idle", "listening", "hearing", "writing", "applying", "asking"]
"""listening: the microphone is on. hearing: the words are being found. writing: a model writes new text.
applying: they are carried out. asking: a question waits for its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that does not work, and what helps."""

    code: str
    """Stable."""
    message: str
    """What is wrong."""
    hint: str = ""
    """What to do next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One thing to choose."""

    excerpt: str
    """The place with a few words around it, or what would be done."""
    start: int | None = None
    """First code point of a place."""
    end: int | None = None
    """One past its last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """An error as `--json` prints it."""

    error: str
    """Stable code, e.g. `no_match`."""
    message: str
    """What happened."""
    hint: str = ""
    """What to do next."""
    exit_code: int = 1
    """What a program would exit with."""
    near: tuple[str, ...] = ()
    """What nearly matched, where nothing did (`no_match`)."""
    choices: tuple[Offered, ...] = ()
    """The places that match, where several do (`ambiguous`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """One change of a text."""

    start: int
    """First code point, in the text before the edit."""
    old: str
    """What was there."""
    new: str
    """What is there now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptTold:
    """Evidence of what the target holds."""

    state: Literal["verified", "unverified", "refused"]
    """verified: read back and equal."""
    notes: tuple[str, ...] = ()
    """What the user may want to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Where the time went, in milliseconds. "Until": since the key's release or the end of speech."""

    release_ms: float | None = None
    """Sound listened to after the key was released."""
    endpoint_ms: float | None = None
    """Until the utterance was known to be over."""
    first_token_ms: float | None = None
    """Until the first token of the words."""
    final_ms: float | None = None
    """Until all words."""
    wait_ms: float | None = None
    """From the later of the key's release and the end of the utterance being known, to all words: what the
    model alone kept waiting for."""
    applied_ms: float | None = None
    """Until the target was read back."""
    prefill_ms: float | None = None
    """Spent on putting frames and prompt into the cache, mostly during speech."""
    decode_ms: float | None = None
    """Spent on producing tokens."""
    steps: int | None = None
    """Batches that the model computed for the words."""
    drafted: int | None = None
    """Tokens that were guessed and checked in them; 0 where nothing was guessed."""
    accepted: int | None = None
    """Guessed tokens that were right."""
    audio_ms: float | None = None
    """Length of the utterance."""
    check_ms: float | None = None
    """Of a field in another program: spent on looking whether it is still as it was."""
    write_ms: float | None = None
    """Spent on writing into it."""
    read_back_ms: float | None = None
    """Spent on reading back what it then held."""
    parts: int = 1
    """Stretches that a long utterance was heard in."""


# --- the reply to `status` ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTold:
    """Where the words go."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTold:
    """The process that owns the model."""

    state: str
    """unloaded, loading, ready, restarting or failed."""
    name: str | None = None
    """Of the model."""
    pid: int | None = None
    """Of the process."""
    rss_bytes: int | None = None
    """Memory it occupies."""
    restarts: int = 0
    """How often it died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrophoneTold:
    """The microphone."""

    state: str
    """closed, opening, open or lost."""
    device: str | None = None
    """Its name."""
    problem: Problem | None = None
    """What keeps it from hearing."""
    dropped_samples: int = 0
    """Sound that was lost because the computer was too busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotkeysTold:
    """The keys."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTold:
    """What `status` replies."""

    stage: Stage
    """idle, listening, hearing, writing, applying or asking."""
    target: TargetTold
    """Where the words go."""
    engine: EngineTold
    """The model."""
    microphone: MicrophoneTold
    """The microphone."""
    hotkeys: HotkeysTold
    """The keys."""
    pid: int
    """Of the daemon."""
    version: str
    """Of voice-edit."""
    protocol: int
    """Of the control protocol."""
    mode: str | None = None
    """What the words are for; null when idle."""
    take: int | None = None
    """Counts the takes of this run; null when idle."""
    hands_free: Literal["off", "dictate", "edit"] = "off"
    """What is listened for without a key."""
    clients: int = 0
    """Connected now, the asking one included."""
    uptime_s: float = 0.0
    """Since the daemon began."""
    counters: dict[str, int] = field(default_factory=dict)
    """takes, utterances, applied, rejected, failed, reopened; what is missing is 0."""
    question: dict[str, Any] | None = None
    """The `ask` event that waits for its answer."""
    endpoint: str = ""
    """Where other programs reach the local endpoint; '' while it is closed."""
    endpoint_problem: str = ""
    """Why it is closed although it is wanted."""
    microphone_opened_ms: float | None = None
    """How long it took to hear the first sound when the microphone was opened last."""
