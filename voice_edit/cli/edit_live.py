"""`voice-edit edit FILE` through the microphone: the daemon hears and edits, we show what it does."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice_edit.cli.daemon import connect
from voice_edit.cli.live import event_rich, outcome_json
from voice_edit.cli.live_line import LiveLine, Now
from voice_edit.cli.questions import Keyboard, Questions
from voice_edit.cli.signals import signals_as_ctrl_c
from voice_edit.errors import DaemonGone, RemoteFailure, UsageError, VoiceEditError
from voice_edit.paths import whole_path

if TYPE_CHECKING:
    from voice_edit.cli.options import Invocation
    from voice_edit.cli.output import Output
    from voice_edit.control.client import ControlClient
    from voice_edit.pipeline import Mode

EVENTS = ("stage", "target", "outcome", "reverted", "failed", "rejected", "notice", "microphone", "engine")
WATCHED = ("level", "speech", "partial", "words", "writing")
ANSWERED = ("ask", "asked")
FILE_S = 30.0
"""For the daemon to open the file, which may lie far away."""


def edit_live(
    file: Path, mode: Mode, run: Invocation, output: Output, *, watched: bool, hands_free: bool
) -> list[VoiceEditError]:
    """Make the file the target and show what becomes of what is said, until Ctrl-C or “stop listening”.

    Returns the failures of utterances. Raises DaemonError, TargetError as the daemon tells it.
    """
    path = str(whole_path(file))  # links are left alone: the daemon follows them
    with _daemon(run, output) as daemon:
        session = Session(daemon, output, mode=mode, watched=watched, hands_free=hands_free)
        with (
            LiveLine(output, shown=watched, title=run.settings().feedback.title) as line,
            signals_as_ctrl_c(),
        ):
            try:
                session.begin(path, line)
                session.follow(line)
            except KeyboardInterrupt:  # the way to end it, not a failure
                pass
            finally:
                session.end()
    return session.failures


class Session:
    """One file, one daemon, one terminal."""

    def __init__(
        self, daemon: ControlClient, output: Output, *, mode: Mode, watched: bool, hands_free: bool
    ) -> None:
        self.failures: list[VoiceEditError] = []
        """Of utterances that changed nothing, in order."""
        self._daemon = daemon
        self._output = output
        self._mode: Mode = mode
        self._watched = watched
        self._hands_free = hands_free
        self._hands_free_before: str | None = None
        self._keyboard = Keyboard()
        self._questions = Questions(output)
        self._path = ""
        self._name: str | None = None
        self._over = False

    def begin(self, path: str, line: LiveLine) -> None:
        """Pin the file, and tell how to talk to it."""
        daemon = self._daemon
        self._path = path
        names = [*EVENTS, *(WATCHED if self._watched else ()), *(ANSWERED if self._keyboard.usable else ())]
        daemon.request("subscribe", events=names)
        self._name = str(daemon.request("target.file", path=path, timeout_s=FILE_S).get("name"))
        status = daemon.request("status")
        line.set(Now.from_status(status))
        if self._hands_free:
            self._hands_free_before = str(status.get("hands_free", "off"))
            daemon.request("hands_free", mode=self._mode)
        self._tell_how(status)

    def follow(self, line: LiveLine) -> None:
        """Show what happens until it is over. Raises DaemonGone."""
        while not self._over:
            line.draw(time.monotonic())
            event = self._daemon.next_event(0.0)
            if event is not None:
                line.take(event)
                self._show(event, line)
                continue
            readers: list[Any] = [self._daemon, *([self._keyboard] if self._keyboard.usable else ())]
            ready, _, _ = select.select(readers, [], [], line.wait_s(time.monotonic()))
            if self._keyboard in ready:
                for typed in self._keyboard.lines():
                    self._typed(typed)

    def end(self) -> None:
        """Leave the daemon as it was. The file is let go when the connection ends."""
        if self._hands_free_before is not None:
            with suppress(VoiceEditError, KeyboardInterrupt):
                self._daemon.request("hands_free", mode=self._hands_free_before, timeout_s=2.0)

    # --- inside -----------------------------------------------------------------------------------------

    def _tell_how(self, status: Mapping[str, Any]) -> None:
        keys = status.get("hotkeys") or {}
        key = keys.get(self._mode) if keys.get("backend") not in (None, "none") else None
        if self._hands_free:
            how = "Listening: just speak."
        elif key:
            does = {"hold": "Hold", "toggle": "Tap"}.get(str(keys.get("style")), "Hold or tap")
            how = f"{does} {key} and speak."
        else:
            how = (
                f"No talk key: use `voice-edit talk toggle --mode {self._mode}`, or listen with --hands-free."
            )
        enter = "" if self._hands_free or not self._keyboard.usable else " Enter starts and stops too."
        self._output.note(f"{how}{enter} Ctrl-C ends.")
        if problem := (status.get("microphone") or {}).get("problem"):
            self._output.warn(str(problem.get("message")), str(problem.get("hint", "")))

    def _show(self, event: Mapping[str, Any], line: LiveLine) -> None:
        name = event["event"]
        if event.get("target") not in (None, self._name) and name in ("outcome", "reverted"):
            return  # somebody talks to another file meanwhile
        if name == "bye":
            raise DaemonGone(f"The daemon ended the connection: {event.get('reason')}.")
        line.clear()
        if name == "ask":
            self._questions.ask(event)
        elif name == "asked":
            self._questions.settled(event)
        elif name == "failed":
            self.failures.append(RemoteFailure(event.get("error") or {}))
            self._output.error(self.failures[-1])
        elif name in ("outcome", "reverted"):
            self._output.result(outcome_json(event), event_rich(event, watched=self._watched))
            for sentence in (event.get("receipt") or {}).get("notes") or ():
                self._output.warn(sentence)
            self._over = any(command.get("kind") == "stop" for command in event.get("commands") or ())
        elif self._output.as_json:
            if name in ("rejected", "notice"):
                self._output.warn(str(event.get("message")), str(event.get("hint", "")))
        elif (shown := event_rich(event, watched=self._watched)) is not None:
            self._output.note(shown, style="")

    def _typed(self, line: str) -> None:
        try:
            if self._questions.open:
                if (answer := self._questions.answer(line)) is not None:
                    self._daemon.request("answer", **answer)
            elif not self._hands_free:
                # Another terminal may have pinned its file meanwhile: this one means its own.
                self._daemon.request("talk.toggle", mode=self._mode, target={"file": self._path})
        except RemoteFailure as error:
            self._output.error(error)


@contextmanager
def _daemon(run: Invocation, output: Output) -> Iterator[ControlClient]:
    """A connection; to a daemon of our own, which ends with us, where none runs."""
    from voice_edit.control.starting import end_daemon, ensure_daemon

    with output.waiting("Starting the daemon"):
        ensured = ensure_daemon(run.paths().socket, settings=run.overrides)
    if run.overrides and not ensured.started:
        raise UsageError(
            "The daemon that runs has its own model; --model and --projector cannot change it.",
            hint="Leave them out, or end it first: voice-edit stop --daemon",
        )
    with connect(run) as client:
        try:
            yield client
        finally:
            if ensured.started:
                end_daemon(client, ensured)
