"""The control protocol: every command and every event, checked. docs/control.md is written from here.

    server   {"event": "hello", "protocol": 1, "version": ..., "pid": ...}
    client   {"id": 1, "command": "talk.start", "mode": "edit"}
    server   {"id": 1, "ok": true, "result": {...}}       or  {"id": 1, "ok": false, "error": {...}}
    server   {"event": "stage", "at_s": 12.5, "stage": "listening", ...}

Commands are typed objects, because the daemon must not believe what it is told. Events travel as
dictionaries; their classes say what is in them, and `parse_event` builds one where that helps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voice_edit.control.lines import MAX_LINE_BYTES, PROTOCOL, LineError, Message, decode, encode
from voice_edit.control.protocol_commands import (
    COMMANDS,
    Answer,
    Command,
    EngineLoad,
    EngineUnload,
    FileRef,
    HandsFree,
    Log,
    Mode,
    Play,
    Redo,
    ReplyError,
    Retry,
    Say,
    Settings,
    SettingsSet,
    Status,
    Stop,
    Subscribe,
    TalkCancel,
    TalkStart,
    TalkStop,
    TalkToggle,
    TargetClear,
    TargetFile,
    TargetFocus,
    TargetOffer,
    TargetReply,
    TargetWithdraw,
    Undo,
    Unsubscribe,
)  # fmt: skip
from voice_edit.control.protocol_events import (
    EVENTS,
    ApplyWanted,
    Ask,
    Asked,
    Bye,
    EngineChanged,
    Event,
    FailedTold,
    Hello,
    HotkeysChanged,
    Level,
    MicrophoneChanged,
    Notice,
    OutcomeTold,
    Partial,
    RejectedTold,
    Reverted,
    SnapshotWanted,
    Speech,
    StageChanged,
    TargetNow,
    Words,
    WritingTold,
)  # fmt: skip
from voice_edit.control.protocol_fields import FieldError, build, fields_of, plain
from voice_edit.control.protocol_parts import StatusTold
from voice_edit.errors import UsageError

__all__ = [
    "BY_COMMAND",
    "BY_EVENT",
    "COALESCED",
    "COMMANDS",
    "EVENTS",
    "MAX_LINE_BYTES",
    "PROTOCOL",
    "Answer",
    "ApplyWanted",
    "Ask",
    "Asked",
    "Bye",
    "Command",
    "EngineChanged",
    "EngineLoad",
    "EngineUnload",
    "Event",
    "FailedTold",
    "FieldError",
    "FileRef",
    "HandsFree",
    "Hello",
    "HotkeysChanged",
    "Level",
    "LineError",
    "Log",
    "Message",
    "MicrophoneChanged",
    "Mode",
    "Notice",
    "OutcomeTold",
    "Partial",
    "Play",
    "Redo",
    "RejectedTold",
    "ReplyError",
    "RequestError",
    "RequestId",
    "Retry",
    "Reverted",
    "Say",
    "Settings",
    "SettingsSet",
    "SnapshotWanted",
    "Speech",
    "StageChanged",
    "Status",
    "StatusTold",
    "Stop",
    "Subscribe",
    "TalkCancel",
    "TalkStart",
    "TalkStop",
    "TalkToggle",
    "TargetClear",
    "TargetFile",
    "TargetFocus",
    "TargetNow",
    "TargetOffer",
    "TargetReply",
    "TargetWithdraw",
    "Undo",
    "Unsubscribe",
    "Words",
    "WritingTold",
    "build",
    "check_event",
    "decode",
    "done",
    "encode",
    "failed",
    "fields_of",
    "parse_command",
    "parse_event",
    "plain",
    "request_id",
    "to_message",
]  # fmt: skip

RequestId = int | str | None
BY_COMMAND: dict[str, type[Command]] = {kind.command: kind for kind in COMMANDS}
BY_EVENT: dict[str, type[Event]] = {kind.event: kind for kind in EVENTS}
COALESCED = frozenset({Level.event, Partial.event, WritingTold.event})
"""Only the newest of these is of interest: a slow reader gets fewer of them."""


class RequestError(UsageError):
    """A request that is none. `code` says which rule it breaks."""

    def __init__(self, code: str, message: str, *, hint: str = "See docs/control.md.") -> None:
        super().__init__(message, hint=hint)
        self._code = code

    @property
    def code(self) -> str:
        return self._code


def request_id(message: Mapping[str, Any]) -> RequestId:
    """What the reply repeats, None where the request has no usable one."""
    given = message.get("id")
    return given if isinstance(given, int | str) and not isinstance(given, bool) else None


def parse_command(message: Mapping[str, Any]) -> Command:
    """The command in a request. Raises RequestError."""
    if "id" in message and message["id"] is not None and request_id(message) is None:
        raise RequestError("bad_id", "'id' must be a whole number or text.")
    name = message.get("command")
    kind = BY_COMMAND.get(name) if isinstance(name, str) else None
    if kind is None:
        what = (
            "There is no 'command' in the request." if name is None else f"There is no command {name!r:.80}."
        )
        raise RequestError("unknown_command", what, hint=f"The commands are: {', '.join(BY_COMMAND)}.")
    given = {key: value for key, value in message.items() if key not in ("id", "command")}
    try:
        command = build(kind, given, strict=True)
    except FieldError as error:
        raise RequestError("bad_field", f"{kind.command}: {error}.") from None
    if isinstance(command, Subscribe | Unsubscribe):
        _known_events(command.events or ())
    return command


def _known_events(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in BY_EVENT:
            raise RequestError(
                "unknown_event",
                f"There is no event {name!r:.80}.",
                hint=f"The events are: {', '.join(BY_EVENT)}.",
            )


def parse_event(message: Mapping[str, Any]) -> Event | None:
    """The event as an object; None for one that is not known. What else is in it is passed over.

    Raises FieldError where a known field is not what it should be.
    """
    kind = BY_EVENT.get(str(message.get("event")))
    return None if kind is None else build(kind, message, strict=False)


def check_event(message: Mapping[str, Any]) -> Event:
    """The same, but nothing unknown is let pass: holds the daemon to docs/control.md. Raises FieldError."""
    kind = BY_EVENT.get(str(message.get("event")))
    if kind is None:
        raise FieldError(f"there is no event {message.get('event')!r}")
    return build(kind, {key: value for key, value in message.items() if key != "event"}, strict=True)


def to_message(what: Command | Event) -> Message:
    """A command or event as it travels; a command's fields that have their default are left out."""
    fields: Message = plain(what)
    if isinstance(what, Event):
        return {"event": what.event, **fields}
    needed = fields_of(type(what))
    given = {key: value for key, value in fields.items() if value is not None or needed[key][1]}
    return {"command": what.command, **given}


def done(request: RequestId, result: Mapping[str, Any]) -> Message:
    """The reply to a request that was carried out."""
    return {"id": request, "ok": True, "result": result}


def failed(request: RequestId, error: Mapping[str, Any]) -> Message:
    """The reply to a request that failed; `error` as `VoiceEditError.to_json` gives it."""
    return {"id": request, "ok": False, "error": error}
