"""What a client may ask of the daemon: one dataclass a command. docs/control.md is written from this file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

Mode = Literal["dictate", "edit"]
"""What the words are for: to be written down, or to be carried out."""


class Command:
    """Base of all commands. The docstring of each is its line in the table."""

    __slots__ = ()
    command: ClassVar[str]
    """Its name in a request."""
    result: ClassVar[str] = "{}"
    """What the reply's `result` holds."""


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file as the target of one take."""

    file: str
    """Absolute path."""


@dataclass(frozen=True, slots=True)
class ReplyError:
    """Why a client's own text field could not do what was wanted."""

    code: str
    """Stable, e.g. `target_changed`."""
    message: str
    """For people."""


# --- the connection -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Command):
    """What the daemon is doing, and the state of everything that it needs."""

    command: ClassVar[str] = "status"
    result: ClassVar[str] = "see Status below"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe(Command):
    """From now on send events to this client; more than once adds to what was asked for."""

    command: ClassVar[str] = "subscribe"
    result: ClassVar[str] = "{events: all names that are now sent}"
    events: tuple[str, ...] | None = None
    """Names of events; null for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe(Command):
    """Send these events no more."""

    command: ClassVar[str] = "unsubscribe"
    result: ClassVar[str] = "{events: all names that are still sent}"
    events: tuple[str, ...] | None = None
    """Names of events; null for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Command):
    """End the daemon. What is being said is kept."""

    command: ClassVar[str] = "stop"


# --- talking --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkStart(Command):
    """Start a take, as if a talk key went down. Does nothing while one is being taken."""

    command: ClassVar[str] = "talk.start"
    result: ClassVar[str] = "{stage, mode, take}"
    mode: Mode = "dictate"
    """What the words are for."""
    target: FileRef | None = None
    """Where the words go, this time only; null for the target in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkStop(Command):
    """End the take, as if the talk key was released; what was said counts. Nothing while nobody talks."""

    command: ClassVar[str] = "talk.stop"
    result: ClassVar[str] = "{stage, mode, take}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkToggle(Command):
    """`talk.stop` while a take goes on, else `talk.start`."""

    command: ClassVar[str] = "talk.toggle"
    result: ClassVar[str] = "{stage, mode, take}"
    mode: Mode = "dictate"
    """What the words are for."""
    target: FileRef | None = None
    """Where the words go, this time only; null for the target in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkCancel(Command):
    """Give up what is being said, heard or asked; nothing is applied, the recording is kept."""

    command: ClassVar[str] = "talk.cancel"
    result: ClassVar[str] = "{stage, mode, take}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandsFree(Command):
    """Listen without a key, or stop doing so."""

    command: ClassVar[str] = "hands_free"
    result: ClassVar[str] = "{hands_free}"
    mode: Literal["off", "dictate", "edit"]
    """What to listen for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(Command):
    """Carry out typed words as if they had been heard. The reply comes when it is done."""

    command: ClassVar[str] = "say"
    result: ClassVar[str] = "as the event `outcome` or `reverted`"
    words: str
    """What is said."""
    mode: Mode = "edit"
    """What the words are for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Command):
    """Answer the question of an `ask` event. The first answer counts."""

    command: ClassVar[str] = "answer"
    question: int
    """Its number in the event."""
    choice: int | None
    """Which of the choices, counted from 0; to confirm: 0 is yes. null: none of them, do nothing."""


# --- where the words go ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFile(Command):
    """Make a file the target, whatever has the focus."""

    command: ClassVar[str] = "target.file"
    result: ClassVar[str] = "{kind, name, title}"
    path: str
    """Absolute path of a text file."""
    pin: Literal["client", "daemon"] = "client"
    """How long: until this client disconnects, or until `target.clear`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetClear(Command):
    """No file is the target any more."""

    command: ClassVar[str] = "target.clear"
    result: ClassVar[str] = "{kind, name, title}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOffer(Command):
    """Offer a text field of this client's own. It then gets `target.snapshot` and `target.apply` events."""

    command: ClassVar[str] = "target.offer"
    name: str
    """Stable from run to run, e.g. `practice`; the journal calls it `client:NAME`."""
    title: str
    """For people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFocus(Command):
    """Tell whether the offered field has the focus. Of several fields the focused one gets the words."""

    command: ClassVar[str] = "target.focus"
    focused: bool
    """Now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetWithdraw(Command):
    """Offer the text field no more."""

    command: ClassVar[str] = "target.withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReply(Command):
    """Answer a `target.snapshot` or `target.apply`: the text as it is now, or why there is none."""

    command: ClassVar[str] = "target.reply"
    request: int
    """Its number in the event."""
    text: str | None = None
    """The whole text; after an apply read back from the field."""
    anchor: int | None = None
    """Where the selection was begun, in code points."""
    head: int | None = None
    """Where the caret is, in code points."""
    error: ReplyError | None = None
    """Why not."""


# --- what was done --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Command):
    """Take back the last edits of the target, newest first."""

    command: ClassVar[str] = "undo"
    result: ClassVar[str] = "as the event `reverted`"
    count: int = 1
    """How many utterances."""
    target: str | None = None
    """Whose, by its name in the history; null: of what is talked to, or was talked to last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redo(Command):
    """Make edits again that were undone."""

    command: ClassVar[str] = "redo"
    result: ClassVar[str] = "as the event `reverted`"
    count: int = 1
    """How many utterances."""
    target: str | None = None
    """Whose, by its name in the history; null: of what is talked to, or was talked to last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log(Command):
    """What was said and what became of it, newest first."""

    command: ClassVar[str] = "log"
    result: ClassVar[str] = "{utterances: as `voice-edit log --json` prints them}"
    limit: int = 50
    """At most so many."""
    search: str | None = None
    """Only those whose words contain this."""
    before: int | None = None
    """Only those with a smaller number: the next page."""
    target: str | None = None
    """Only those for this target, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Command):
    """Hear a kept recording again, or take its words, and apply what they say."""

    command: ClassVar[str] = "retry"
    result: ClassVar[str] = "as the event `outcome` or `reverted`"
    utterance: int
    """Its number."""
    by_words: bool = False
    """Take the words that were heard, and do not hear the recording again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play(Command):
    """Play a kept recording through the speakers. The reply comes when it begins."""

    command: ClassVar[str] = "play"
    utterance: int
    """Its number."""


# --- engine and settings --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLoad(Command):
    """Load the model now. The reply comes at once; `engine` events tell the rest."""

    command: ClassVar[str] = "engine.load"
    result: ClassVar[str] = "{state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineUnload(Command):
    """Free the model's memory. It is loaded again when somebody talks."""

    command: ClassVar[str] = "engine.unload"
    result: ClassVar[str] = "{state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Command):
    """Every setting as it is in use."""

    command: ClassVar[str] = "settings"
    result: ClassVar[str] = "{settings: section -> name -> value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsSet(Command):
    """Change a setting, in use and in config.toml."""

    command: ClassVar[str] = "settings.set"
    result: ClassVar[str] = "{name, value, restart: true where it counts only after a restart}"
    name: str
    """As `section.name`."""
    value: Any
    """Of the setting's type; null for the default."""


COMMANDS: tuple[type[Command], ...] = (
    Status, Subscribe, Unsubscribe, Stop,
    TalkStart, TalkStop, TalkToggle, TalkCancel, HandsFree, Say, Answer,
    TargetFile, TargetClear, TargetOffer, TargetFocus, TargetWithdraw, TargetReply,
    Undo, Redo, Log, Retry, Play,
    EngineLoad, EngineUnload, Settings, SettingsSet,
)  # fmt: skip
"""All of them, in the order of the documentation."""
