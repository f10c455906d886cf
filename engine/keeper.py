"""Keeps an engine process as long as it is wanted: starts, feeds, watches, ends and replaces it.

    unloaded ──► loading ──► ready ──► unloaded       it is not wanted any more, or was lost while idle
                    │          │
                    │          └─────► restarting     lost in an utterance; then ready again, or failed
                    └────────────────► failed         the model cannot be loaded; whoever wants it next tries

A process that is lost while nobody speaks is not replaced until it is wanted: the system may have needed its
memory. All state is guarded by one lock; only the keeper's thread touches the process, and so there is
never more than one of them.
"""

from __future__ import annotations

import logging
import os
import selectors
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from engine._engine_process import EngineProcess
from engine.errors import EngineError, EngineLost
from engine.messages import (
    Answer,
    Beat,
    Cancel,
    DropText,
    Failed,
    FromEngine,
    Hello,
    Load,
    Partial,
    Piece,
    TextFailed,
    TextPiece,
    ToEngine,
    Wrote,
    pack,
)
from engine.texts import Text, ToldText, next_text_message
from engine.utterance import Told, Utterance, next_message
from engine.watchdog import Limits, Watchdog
from engine.wire import OtherVersion, WireError

__all__ = ["EngineState", "Keeper", "Limits", "StateName"]

logger = logging.getLogger(__name__)

StateName: TypeAlias = Literal["unloaded", "loading", "ready", "restarting", "failed"]


@dataclass(frozen=True, slots=True)
class EngineState:
    """How the engine process is."""

    state: StateName
    """`unloaded`: there is none. `loading`, `ready`. `restarting`: it was lost in an utterance and is loading
    again. `failed`: there is none, and the last attempt to have one went wrong."""
    pid: int | None = None
    """The process, where there is one."""
    message: str = ""
    """What happened, for people, in one line; '' if nothing did."""


class Keeper:
    """The thread that owns the process, and what others want of it."""

    def __init__(self, load: Load, limits: Limits, on_state: Callable[[EngineState], None] | None) -> None:
        self.changed = threading.Condition()
        """Guards everything here and in the utterance; notified when there is something to know."""
        self.utterance: Utterance | None = None
        self.text: Text | None = None
        """The newest prompt that is read, or text that is written."""
        self.state = EngineState("unloaded")
        self.hello: Hello | None = None
        """What the newest process said when its model was loaded."""
        self.restarts = 0
        self._load = load
        self._limits = limits
        self._on_state = on_state
        self._is_wanted = False
        self._is_closing = False
        self._thread: threading.Thread | None = None
        self._told = Told()
        self._told_text = ToldText()
        self._has_process = False
        self._newest: EngineProcess | None = None
        """The newest process, gone or not."""
        self._wake_out, self._wake_in = -1, -1

    # --- what others want; with the lock held unless said otherwise ---------------------------------------

    def want(self) -> None:
        """A process is wanted. Takes the lock."""
        with self.changed:
            self.want_again()

    def want_again(self) -> None:
        """The same with the lock held: a process that was wanted may be gone."""
        if self._is_closing:
            raise RuntimeError("the engine is closed")
        self._is_wanted = True
        if self._thread is None:
            self._wake_out, self._wake_in = os.pipe()
            os.set_blocking(self._wake_out, False)
            os.set_blocking(self._wake_in, False)
            self._thread = threading.Thread(target=self._run, name="engine keeper", daemon=True)
            self._thread.start()
        self.wake()

    def begin(self, utterance: Utterance) -> None:
        """A new utterance; the one before is given up."""
        if self._is_closing:
            raise RuntimeError("the engine is closed")
        if self.utterance is not None:
            self.cancel(self.utterance)
        self.utterance = utterance
        self.want_again()

    def read(self, text: Text) -> None:
        """A prompt is to be read; the text before is given up."""
        if self._is_closing:
            raise RuntimeError("the engine is closed")
        self.drop()
        self.text = text
        self.want_again()

    def drop(self) -> None:
        """Nobody wants the text any more, if there is one."""
        if self.text is not None:
            self.text.is_dropped = True
            self.wake()

    def leave(self, utterance: Utterance) -> None:
        """Nobody waits for its words any more."""
        self.cancel(utterance)
        utterance.is_over = True

    def cancel(self, utterance: Utterance) -> None:
        """The utterance is of no interest any more, if it was."""
        if utterance.is_open:
            utterance.is_cancelled = True
            self.wake()

    def unsent_frames(self, utterance: Utterance) -> int:
        """Frames that the process was not sent yet."""
        told = self._told.frames if self._told.session == utterance.number else 0
        return max(0, utterance.pushed - told)

    def wake(self) -> None:
        """There is something to do or to know."""
        self.changed.notify_all()
        if self._wake_in >= 0:
            with suppress(BlockingIOError):  # full: it will wake anyway
                os.write(self._wake_in, b"\0")

    def unload(self, wait_s: float) -> bool:
        """No process is wanted. Takes the lock; whether there is none after at most `wait_s`."""
        with self.changed:
            self._is_wanted = False
            self.wake()
            return self.changed.wait_for(lambda: not self._has_process, wait_s)

    def close(self, wait_s: float) -> None:
        """End process and thread. Takes the lock."""
        with self.changed:
            self._is_closing, self._is_wanted = True, False
            if self.utterance is not None:
                self.cancel(self.utterance)
            self.drop()
            thread, self._thread = self._thread, None
            self.wake()
        if thread is None:
            return
        thread.join(wait_s)
        if thread.is_alive():
            logger.warning("the engine process could not be ended within %.0f s", wait_s)
            return
        with self.changed:
            os.close(self._wake_out)
            os.close(self._wake_in)
            self._wake_out = self._wake_in = -1

    # --- the thread ----------------------------------------------------------------------------------------

    def _is_needed(self) -> bool:
        if self._is_closing:
            return False
        return self._is_wanted or self._open_utterance() is not None or self._awaited_text() is not None

    def _open_utterance(self) -> Utterance | None:
        return self.utterance if self.utterance is not None and self.utterance.is_open else None

    def _awaited_text(self) -> Text | None:
        return self.text if self.text is not None and self.text.is_awaited else None

    def _run(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._is_closing or self._is_needed())
                if self._is_closing:
                    return
                self._has_process = True
                self._told, self._told_text = Told(), ToldText()
            self._one_process()

    def _one_process(self) -> None:
        """Start a process, stay with it to its end, and say what came of it."""
        if self._newest is not None and not self._newest.is_gone:
            self._after(None, "", _undead(self._newest))
            return
        try:
            process = self._newest = EngineProcess()
        except OSError as error:
            self._after(None, f"cannot be started: {error}", None)
            return
        life = _Life(process, Watchdog(self._limits))
        reason = ""
        try:
            is_again = self.state.state == "restarting"
            self._set(EngineState("restarting" if is_again else "loading", process.pid, self.state.message))
            reason = self._stay(life)
        except OtherVersion as error:
            life.error = EngineLost(
                f"the program was changed on disk while it runs: {error}",
                hint="Start it anew: `voice-edit stop`, then `voice-edit run`.",
            )
        except WireError as error:
            reason = f"sent nonsense: {error}"
        except Exception:
            logger.exception("keeping the engine process failed")
            reason = "could not be kept"
        finally:
            ended = process.end()
        logger.info("engine process %d %s", process.pid, reason or ended)
        self._after(life, reason or ended, life.error if process.is_gone else _undead(process))

    def _stay(self, life: _Life) -> str:
        """Talk to the process until it ends or is to be ended: why, or '' if that shows in how it ended."""
        process, watchdog = life.process, life.watchdog
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_out, selectors.EVENT_READ)
            selector.register(process.log_fd, selectors.EVENT_READ)
            selector.register(process.connection, selectors.EVENT_READ)
            life.send(replace(self._load, is_debug=logger.isEnabledFor(logging.DEBUG)))
            while True:
                with self.changed:
                    if not self._is_needed():
                        life.is_dismissed = True
                        return "is not needed any more"
                    self._feed(life)
                selector.modify(
                    process.connection, selectors.EVENT_READ | (selectors.EVENT_WRITE * process.has_unsent)
                )
                began_s = time.monotonic()
                ready = {key.fd for key, _ in selector.select(watchdog.timeout_s())}
                waited_s = time.monotonic() - began_s
                if self._wake_out in ready:
                    _drain(self._wake_out)
                if process.log_fd in ready and not process.drain_log():
                    selector.unregister(process.log_fd)
                messages = process.receive()
                for message in messages or ():
                    self._take(message, life)
                if messages is None or life.error is not None:
                    return ""
                hung = watchdog.waited(waited_s, was_heard=bool(messages))
                if hung:
                    return hung

    def _feed(self, life: _Life) -> None:
        """Send what can be sent without waiting. With the lock held."""
        try:
            life.process.flush()
            while life.has_loaded and not life.process.has_unsent:
                if (step := next_message(self.utterance, self._told)) is not None:
                    message, self._told = step
                    if self.utterance is not None:
                        self.utterance.was_told(self._told.frames)
                elif (text_step := next_text_message(self.text, self._told_text)) is not None:
                    message, self._told_text = text_step
                else:
                    return
                life.send(message)
        except OSError:
            pass  # it is gone: reading will tell

    def _take(self, message: FromEngine, life: _Life) -> None:
        match message:
            case Hello():
                life.has_loaded = True
                life.watchdog.loaded()
                with self.changed:
                    self.hello = message
                logger.info("engine process %d loaded its model in %.2f s", message.pid, message.load_s)
                self._set(EngineState("ready", life.process.pid))
            case Beat():
                life.watchdog.beat(message.done, message.steps)
                with self.changed:
                    utterance = self.utterance
                    if utterance is not None and utterance.number == message.session:
                        utterance.taken = message.frames
            case Failed(session=None):
                life.error = message.error
            case TextPiece() | Wrote() | TextFailed():
                with self.changed:
                    text = self.text
                    if text is not None and text.number == message.text:
                        _answer_text(text, message)
                        self.changed.notify_all()
            case _:
                with self.changed:
                    utterance = self._open_utterance()
                    if utterance is not None and utterance.number == message.session:
                        _answer(utterance, message)
                        self.changed.notify_all()

    def _after(self, life: _Life | None, reason: str, error: EngineError | None) -> None:
        """The process is gone, or could not be started. Note what that means. `error`: why another one would
        fare no better.
        """
        with self.changed:
            self._has_process = False
            utterance = self._open_utterance()
            text = self._awaited_text()
            is_dismissed = error is None and life is not None and life.is_dismissed
            if text is not None and not is_dismissed:  # else it was asked for meanwhile: of the next process
                text.error = error or EngineLost(f"the engine process {reason} while it wrote")
            if is_dismissed:
                state = EngineState("unloaded")
            elif error is not None:
                self._is_wanted = False
                if utterance is not None:
                    utterance.error = error
                state = EngineState("failed", message=str(error))
            elif utterance is None:
                self._is_wanted = False
                has_loaded = life is not None and life.has_loaded
                state = EngineState(
                    "unloaded" if has_loaded else "failed", message=f"The engine process {reason}."
                )
            else:
                state = self._replaced(utterance, reason)
            self.changed.notify_all()
        self._set(state)

    def _replaced(self, utterance: Utterance, reason: str) -> EngineState:
        utterance.process_lost()
        if utterance.losses < self._limits.losses:
            self.restarts += 1
            return EngineState("restarting", message=f"The engine process {reason}; it is started again.")
        self._is_wanted = False
        utterance.error = EngineLost(
            f"the engine process was lost {utterance.losses} times over this utterance; the last one {reason}"
        )
        return EngineState("failed", message=str(utterance.error))

    def _set(self, state: EngineState) -> None:
        """Note the state and tell it. Without the lock held."""
        with self.changed:
            if state == self.state:
                return
            self.state = state
            self.changed.notify_all()
        if self._on_state is not None:
            try:
                self._on_state(state)
            except Exception:
                logger.exception("whoever is told of the engine's state failed")


@dataclass(slots=True)
class _Life:
    """One process from its start to its end."""

    process: EngineProcess
    watchdog: Watchdog
    has_loaded: bool = False
    error: EngineError | None = None
    """Why another process would fare no better."""
    is_dismissed: bool = False
    """It was ended because nobody wanted it."""

    def send(self, message: ToEngine) -> None:
        if not isinstance(message, Cancel | DropText):
            self.watchdog.sent()
        self.process.send(pack(message))
        self.process.flush()


def _answer(utterance: Utterance, message: Piece | Partial | Answer | Failed) -> None:
    match message:
        case Piece(text=text):
            utterance.take_piece(text)
        case Partial(request=request, hypothesis=hypothesis):
            utterance.partial_answered = request
            utterance.partial = hypothesis
        case Answer(hypothesis=hypothesis):
            utterance.final = hypothesis
        case Failed(error=error):
            utterance.error = error


def _answer_text(text: Text, message: TextPiece | Wrote | TextFailed) -> None:
    match message:
        case TextPiece(piece=piece):
            text.pieces.append(piece)
        case Wrote(written=written):
            text.written = written
        case TextFailed(error=error):
            text.error = error


def _undead(process: EngineProcess) -> EngineLost:
    return EngineLost(
        f"the engine process {process.pid} hangs in the system and cannot be ended",
        hint="A driver does not let go of it: restart the computer, then `voice-edit retry`.",
    )


def _drain(fd: int) -> None:
    try:
        while len(os.read(fd, 4096)) == 4096:
            pass
    except BlockingIOError:
        pass
