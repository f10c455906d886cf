"""Every way voice-edit can fail, with the next step and the exit code.

VoiceEditError                       1   base class; never raised bare
├── Fault                            1   a fault in voice-edit itself
├── OutputFailed                     1   what was to be printed cannot be written
├── UsageError                       2   the command line or a setting makes no sense
├── AudioFailed                      3   the recording cannot be heard (wraps engine.AudioError)
├── ModelFailed                      4   the model cannot be loaded or run (wraps engine.ModelError)
├── TargetError                      5   the file or text field to be edited
│   ├── TargetMissing                    not there (any more)
│   ├── TargetUnreadable                 permissions forbid reading
│   ├── TargetIsFolder
│   ├── TargetNotRegular                 device, pipe, socket
│   ├── TargetNotText                    binary, or text in an encoding we do not write
│   ├── TargetUnencodable                the new text cannot be written in the file's encoding
│   ├── TargetTooLarge
│   ├── TargetReadOnly                   permissions or a read-only file system
│   ├── TargetChanged                    somebody else wrote to it since we looked
│   ├── TargetUnsafe                     its owner, mode or attributes would be lost by replacing it
│   ├── TargetWriteFailed                any other failure of the operating system
│   │   └── DiskFull                     no space, quota or file-size limit
│   ├── TargetGone                       the program that holds the text is not there (any more)
│   ├── TargetTimeout                    it is there and does not answer
│   ├── TargetUncertain                  it went silent while it was written to: nobody knows
│   └── NoTarget                         there is no text to edit, only a place for new words
├── CommandError                     6   the words do not fit the document
│   ├── NoMatch                          nothing there (carries what nearly matched)
│   ├── Ambiguous                        several places match (carries the choices)
│   ├── NotUnderstood                    not a command we know
│   ├── NotConfirmed                     a large edit that nobody said yes to
│   ├── NeedsWriter                      asks for new text that nobody here can write; see rewriting/errors.py
│   ├── NothingToUndo
│   └── NothingToRedo
├── JournalError                     7   the history on disk
│   ├── JournalUnavailable               cannot be opened, created or written
│   ├── JournalBusy                      another voice-edit holds it (or the file) too long
│   ├── JournalTooNew                    written by a later version of voice-edit
│   ├── UtteranceMissing                 no such number
│   └── AudioGone                        the utterance is there, its audio was pruned or never recorded
├── DaemonError                      8   the voice-edit that runs in the background
│   ├── DaemonNotRunning                 nobody listens on the control socket
│   ├── DaemonRunning                    another one runs already
│   ├── DaemonBusy                       it runs and does not answer in time
│   ├── DaemonGone                       it ended, or closed the connection, before it answered
│   ├── DaemonStartFailed                it was started and ended at once
│   ├── ProtocolMismatch                 it is of a version that we do not understand
│   └── ControlUnavailable               the control socket cannot be made or opened
├── ServiceError                     9   systemd or launchd, which start the daemon with the session
│   ├── ServiceUnavailable               there is none here, or it cannot be reached
│   └── ServiceFailed                    it refused, or its files cannot be written
├── RemoteFailure                    *   what the daemon told of a failure; exit code and details are its
└── Interrupted                    130   Ctrl-C, or the recording was cancelled
    └── Cancelled                        the speaker gave up what was being said

`str(error)` says what happened in one line. `error.hint` says what to do next. Neither contains dictated text
beyond the few words that are needed to recognise the place.
"""

# The names say what happened; "Error" at the end of each would add nothing.
# ruff: noqa: N818

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar


class VoiceEditError(Exception):
    """Base of everything a user may see. Raise a subclass."""

    hint: str = "Run again with --verbose for details."
    """The next step, a full sentence."""
    exit_code: ClassVar[int] = 1
    """What the process returns to the shell; documented in the README."""
    utterance: int | None = None
    """The utterance that failed so, where it is known: its number in the journal."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint

    def is_about(self, utterance: int) -> None:
        """From now on the hint names the utterance where it spoke of `retry N`."""
        self.utterance = utterance
        self.hint = self.hint.replace("retry N", f"retry {utterance}")

    @property
    def code(self) -> str:
        """Stable name for scripts: the class name in snake_case, e.g. `target_changed`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    def to_json(self) -> dict[str, Any]:
        """What `--json` prints for a failure; subclasses add their details."""
        return {"error": self.code, "message": str(self), "hint": self.hint, "exit_code": self.exit_code}


class Fault(VoiceEditError):
    """Something that nobody foresaw. The exception behind it is told with --verbose."""

    hint = (
        "Run it again as `voice-edit --verbose ...` and report what it prints; "
        "`voice-edit log` shows what was done."
    )


class OutputFailed(VoiceEditError):
    """Standard output cannot be written, for example to a full disk. What was done before it stands."""

    hint = "Edits made so far stand: see `voice-edit log`. Free some space, or print elsewhere."


class UsageError(VoiceEditError):
    """The command line or a setting makes no sense."""

    exit_code = 2
    hint = "See `voice-edit --help`."


class AudioFailed(VoiceEditError):
    """The recording cannot be heard. Message and hint usually come from the engine's AudioError."""

    exit_code = 3
    hint = "Use a WAV, FLAC, OGG or MP3 recording with speech in it."


class ModelFailed(VoiceEditError):
    """The model cannot be loaded or run. Message and hint usually come from the engine's ModelError."""

    exit_code = 4
    hint = "Run `voice-edit model show` to see which model is used; `--model bundled` always works."


# --- the file to be edited ----------------------------------------------------------------------------------


class TargetError(VoiceEditError):
    """Something about the file or text field to be edited. Unless the class says otherwise, nothing was
    written.
    """

    exit_code = 5
    hint = "Nothing was written. Check the file and run the command again."


class TargetMissing(TargetError):
    """There is no such file, or it went away meanwhile."""

    hint = "Nothing was written. Check the path; create an empty file first if you want to start a new text."


class TargetUnreadable(TargetError):
    """Permissions, or a failing disk, forbid reading it."""

    hint = "Make the file readable for you, for example: chmod u+rw FILE"


class TargetIsFolder(TargetError):
    """The path names a folder."""

    hint = "Name a text file inside the folder."


class TargetNotRegular(TargetError):
    """A device, pipe or socket: it has no content that could be replaced atomically."""

    hint = "Name a regular text file, or pipe text through `voice-edit say`."


class TargetNotText(TargetError):
    """Binary, or text in an encoding we do not write."""

    hint = (
        "Supported are UTF-8 (with or without BOM) and UTF-16 with BOM. Convert the file first, "
        "for example: iconv -f WINDOWS-1252 -t UTF-8 old.txt > new.txt"
    )


class TargetUnencodable(TargetError):
    """The new text holds a lone surrogate, or is unwritable in the file's encoding for another reason."""

    hint = "Nothing was written. Dictate the passage again; `voice-edit log` has the words."


class TargetTooLarge(TargetError):
    """Longer than we edit by voice."""

    hint = "Split the file, or raise `target.max_file_mb` in the configuration."


class TargetReadOnly(TargetError):
    """Permissions, an immutable flag or a read-only file system forbid writing."""

    hint = "Nothing was written. Make the file and its folder writable, for example: chmod u+w FILE"


class TargetChanged(TargetError):
    """Somebody else wrote to the file after we looked at it."""

    hint = "Nothing was written. Look at the file, then say it again: `voice-edit retry N` has the words."


class TargetUnsafe(TargetError):
    """Replacing the file would lose its owner, mode or extended attributes."""

    hint = "Nothing was written. Run as the owner of the file, or copy it to a file of your own."


class TargetWriteFailed(TargetError):
    """The operating system refused for another reason; the old file is intact."""

    hint = "The old file is intact. The words are kept: free the cause, then `voice-edit retry N`."


class DiskFull(TargetWriteFailed):
    """No space left, quota exceeded or file-size limit reached; the old file is intact."""

    hint = "The old file is intact. Free some space, then `voice-edit retry N`: the words are kept."


class TargetGone(TargetError):
    """The program that holds the text is not there, or not any more."""

    hint = "Nothing was written. Open it again, then `voice-edit retry N`: the words are kept."


class TargetTimeout(TargetError):
    """The program that holds the text is there and does not answer."""

    hint = "Nothing was written. Wait until it answers again, then `voice-edit retry N`: the words are kept."


class TargetUncertain(TargetError):
    """It went away or fell silent while it was written to: nobody knows whether it holds the edit."""

    hint = "Look at the text. If the edit is not there: `voice-edit retry N`; the words are kept."


class NoTarget(TargetError):
    """There is no text that could be edited; new words could at least go to the clipboard."""

    hint = (
        "Open a text first: `voice-edit tui` has a field to practise in, `voice-edit edit FILE` takes a file."
    )


# --- words that do not fit the document ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several places that match."""

    start: int
    """First code point of the place."""
    end: int
    """One past its last code point."""
    excerpt: str
    """The place with a few words around it, on one line, for showing."""


class CommandError(VoiceEditError):
    """The words do not fit the document. Nothing was changed."""

    exit_code = 6
    hint = "Nothing was changed. Say it in other words; `voice-edit say --help` lists the commands."


class NoMatch(CommandError):
    """The place that was named is not in the document."""

    hint = "Nothing was changed. Quote the words as they stand in the text."

    def __init__(self, message: str, *, near: Sequence[str] = (), hint: str | None = None) -> None:
        if hint is None and near:
            hint = (
                "Nothing was changed. Nearest in the text: " + ", ".join(f"“{text}”" for text in near) + "."
            )
        super().__init__(message, hint=hint)
        self.near: tuple[str, ...] = tuple(near)

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "near": list(self.near)}


class Ambiguous(CommandError):
    """Several places match: we ask, we do not guess."""

    hint = "Nothing was changed. Say which: “the first ...”, “the last ...”, or quote more words around it."

    def __init__(self, message: str, *, choices: Sequence[Choice] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.choices: tuple[Choice, ...] = tuple(choices)
        self.selector: Any = None
        """The selector that names them all, as it was when its place was looked for."""
        self.command: int = 0
        """In which of the utterance's commands it stands."""
        self.document: Any = None
        """The document in which the choices are: what the commands before that one had left."""

    def to_json(self) -> dict[str, Any]:
        choices = [{"start": c.start, "end": c.end, "excerpt": c.excerpt} for c in self.choices]
        return {**super().to_json(), "choices": choices}


class NotUnderstood(CommandError):
    """The words are not a command we know."""

    hint = (
        "Nothing was changed. `voice-edit say --help` lists the commands; to insert the words, dictate them."
    )


class NotConfirmed(CommandError):
    """The edit would remove or replace a lot of text, and nobody said that it should."""

    hint = (
        "Nothing was changed. Say it again and answer yes, or raise `ask.confirm_chars`; "
        "`voice-edit retry N` has the words."
    )


class NeedsWriter(CommandError):
    """The words ask for new text; the model in use cannot write it."""

    hint = "Nothing was changed. Use a model that can write, for example: --model gemma-4-12b"


class NothingToUndo(CommandError):
    """No applied edit of ours is left for this target."""

    hint = "`voice-edit log` shows what was done."


class NothingToRedo(CommandError):
    """Nothing was undone, or a new edit came after the undo."""

    hint = "`voice-edit log` shows what was done."


# --- the history on disk ------------------------------------------------------------------------------------


class JournalError(VoiceEditError):
    """The history on disk. Without it nothing is applied: an edit we cannot undo is not made."""

    exit_code = 7
    hint = "Nothing was written to your file."


class JournalUnavailable(JournalError):
    """The journal cannot be opened, created or written."""

    hint = "Nothing was written to your file. Free some space, or set VOICE_EDIT_HOME to a writable folder."


class JournalBusy(JournalError):
    """Another voice-edit holds the journal or the same file for too long."""

    hint = "Wait for the other voice-edit to finish, then run the command again."


class JournalTooNew(JournalError):
    """The journal was written by a later version."""

    hint = "Update voice-edit, or set VOICE_EDIT_HOME to another folder to start a second history."


class UtteranceMissing(JournalError):
    """There is no utterance of that number."""

    hint = "`voice-edit log` lists the numbers."


class AudioGone(JournalError):
    """The utterance is known, but its audio was pruned or never recorded."""

    hint = "`voice-edit log` shows the words that were heard; `voice-edit edit FILE --say ...` applies words."


# --- the program in the background --------------------------------------------------------------------------


class DaemonError(VoiceEditError):
    """The voice-edit that runs in the background, or the way to it."""

    exit_code = 8
    hint = "`voice-edit status` shows whether it runs."


class DaemonNotRunning(DaemonError):
    """Nobody listens on the control socket."""

    hint = "Start it: `voice-edit run` in a terminal, or `voice-edit service install` for every login."


class DaemonRunning(DaemonError):
    """Another one runs already; two would fight over microphone and keys."""

    hint = "Use the one that runs (`voice-edit status`), or end it first: voice-edit stop --daemon"


class DaemonBusy(DaemonError):
    """It runs and does not answer in time."""

    hint = "Try again; if that does not help: `voice-edit stop --daemon`, then `voice-edit run`."


class DaemonGone(DaemonError):
    """It ended, or closed the connection, before it answered."""

    hint = "What was said is kept: see `voice-edit log`. Start it again: voice-edit run"


class DaemonStartFailed(DaemonError):
    """It was started and ended at once, or never began to listen."""

    hint = "Run `voice-edit run` in a terminal to see why."


class ProtocolMismatch(DaemonError):
    """The daemon speaks a version of the control protocol that we do not understand."""

    hint = "Two versions are mixed. End the running one, then start it again: voice-edit stop --daemon"

    def __init__(self, message: str, *, pid: int = 0, hint: str | None = None) -> None:
        """`pid`: of that daemon, 0 where it did not say."""
        super().__init__(message, hint=hint)
        self.pid = pid


class ControlUnavailable(DaemonError):
    """The control socket cannot be made or opened."""

    hint = "Set VOICE_EDIT_HOME to a folder of your own that you can write to."


class ServiceError(VoiceEditError):
    """The service manager of this session, systemd or launchd."""

    exit_code = 9
    hint = "Start `voice-edit run` yourself; `voice-edit service status` shows what is known of the service."


class ServiceUnavailable(ServiceError):
    """There is no service manager here, or it cannot be reached."""

    hint = "Start `voice-edit run` from the autostart of your desktop instead."


class ServiceFailed(ServiceError):
    """It refused what was asked, or its files cannot be written."""

    hint = "`voice-edit service logs` shows what the daemon wrote last."


class RemoteFailure(VoiceEditError):
    """What the daemon told of a failure. Code, exit code and details are those of the error it met."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(
            str(told.get("message", "The daemon gave no reason.")), hint=str(told.get("hint", ""))
        )
        self._told = dict(told)
        code = told.get("exit_code")
        # An instance's own value: the class cannot know what the daemon met.
        self.exit_code = code if isinstance(code, int) and 0 < code < 256 else 1  # type: ignore[misc]
        self.choices: tuple[Choice, ...] = tuple(_choices(told.get("choices")))
        """What an `ambiguous` error offers to choose from."""

    @property
    def code(self) -> str:
        return str(self._told.get("error", "fault"))

    def to_json(self) -> dict[str, Any]:
        return {**self._told, **super().to_json()}


def _choices(told: Any) -> Iterator[Choice]:
    for one in told if isinstance(told, list) else ():
        with suppress(KeyError, TypeError, ValueError):
            yield Choice(int(one["start"]), int(one["end"]), str(one["excerpt"]))


class Interrupted(VoiceEditError):
    """Ctrl-C, or the recording was cancelled."""

    exit_code = 130
    hint = "What was begun is kept: `voice-edit log` shows it, `voice-edit retry N` takes it up again."


class Cancelled(Interrupted):
    """The speaker gave up what was being said."""

    hint = "Nothing was changed. The sound is kept: `voice-edit retry N` hears it after all."
