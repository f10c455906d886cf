"""The process that owns the model: `python -m engine.worker --fd N`, started by `engine.client`.

One thread only reads, so that a cancel is heard while the model works and whoever sends never waits for it;
the main thread does the work in the order it came. The process ends when the other end of its socket is
closed, and on Linux also when the thread that started it is gone. It writes to its socket and, for the
daemon's debug log, to stderr; words never go there.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from engine.errors import Cancelled, EngineError
from engine.messages import (
    Answer,
    AskPartial,
    Beat,
    Cancel,
    DropText,
    Failed,
    Finish,
    FromEngine,
    Hello,
    Load,
    Open,
    Partial,
    Piece,
    Prepare,
    Read,
    Rewind,
    Sound,
    ToEngine,
    Write,
    pack,
    unpack_to_engine,
)
from engine.pacing import Pacer
from engine.text_worker import TextWorker
from engine.wire import Decoder, WireError

if TYPE_CHECKING:
    from engine.events import Hypothesis
    from engine.opening import LocalEngine, LocalSession

logger = logging.getLogger(__name__)

PARTIAL_LAG_FRAMES = 25
"""With more sound than this waiting (1 s), partial words are not worth the time."""

NEWS_S = 0.25
"""How often to tell how far the work is, while there is no end of it."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Inbox:
    """What was received and not dealt with yet. The reading thread fills it, the main thread empties it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._messages: deque[ToEngine] = deque()
        self._done = 0
        self._working = 0
        """Messages that are being dealt with: a text, and what is said while it is written."""
        self._waiting_frames = 0
        self._finishing = 0
        self._live_from = 0
        self._texts_from = 0
        self._current: tuple[int, LocalSession] | None = None

    def put(self, message: ToEngine) -> None:
        """Take what was received. A cancel works at once, and so does an utterance that replaces another."""
        with self._changed:
            if isinstance(message, Cancel):
                self._end_before(message.session + 1)
                return
            if isinstance(message, DropText):
                self._texts_from = max(self._texts_from, message.text + 1)
                return
            if isinstance(message, Open):
                self._end_before(message.session)
            if isinstance(message, Read):
                self._texts_from = max(self._texts_from, message.text)
            self._count(message, 1)
            self._messages.append(message)
            self._changed.notify()

    def take_if_any(self) -> ToEngine | None:
        """The next message, if there is one."""
        with self._changed:
            return self._take() if self._messages else None

    def take_if_said(self) -> ToEngine | None:
        """The next message, if there is one and it is about an utterance."""
        with self._changed:
            is_said = bool(self._messages) and not isinstance(self._messages[0], Read | Write)
            return self._take() if is_said else None

    def take(self) -> ToEngine:
        """The next message, waited for."""
        with self._changed:
            while not self._messages:
                self._changed.wait()
            return self._take()

    def _take(self) -> ToEngine:
        message = self._messages.popleft()
        self._working += 1
        self._count(message, -1)
        return message

    def dealt_with(self) -> bool:
        """Call it when the message that was taken is dealt with. Whether nothing else waits."""
        with self._changed:
            self._done += 1
            self._working -= 1
            return not self._messages

    @property
    def done(self) -> int:
        """How many messages are dealt with."""
        return self._done

    def is_busy(self) -> bool:
        """Whether there is work."""
        with self._changed:
            return bool(self._working or self._messages)

    def begin(self, number: int, session: LocalSession) -> None:
        """The utterance `number` is now open as `session`."""
        with self._changed:
            self._current = (number, session)
            if number < self._live_from:
                session.cancel()

    def current(self, number: int) -> LocalSession | None:
        """The session of the utterance `number`, unless that is over."""
        with self._changed:
            if self._current is None or self._current[0] != number or number < self._live_from:
                return None
            return self._current[1]

    def end(self, number: int) -> None:
        """The utterance is over: what is still said of it is stale."""
        with self._changed:
            self._end_before(number + 1)

    def is_text_dropped(self, number: int) -> bool:
        """Whether nobody wants the text of that number any more."""
        return number < self._texts_from

    def is_pressing(self) -> bool:
        """Whether something waits that is more urgent than partial words."""
        with self._changed:
            return self._finishing > 0 or self._waiting_frames > PARTIAL_LAG_FRAMES

    def is_more_said(self) -> bool:
        """Whether sound waits, so that words prepared now would be too few."""
        with self._changed:
            return self._waiting_frames > 0

    def progress(self) -> tuple[int, int]:
        """The utterance that is open, and how many frames of it were taken; zeros where none is."""
        with self._changed:
            if self._current is None:
                return 0, 0
            return self._current[0], self._current[1].frames_pushed

    def _count(self, message: ToEngine, by: int) -> None:
        if isinstance(message, Sound):
            self._waiting_frames += by * len(message.frames)
        elif isinstance(message, Finish):
            self._finishing += by

    def _end_before(self, number: int) -> None:
        self._live_from = max(self._live_from, number)
        if self._current is not None and self._current[0] < self._live_from:
            self._current[1].cancel()


class Outbox:
    """Sends from either thread, whole messages only."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: FromEngine) -> None:
        """Send it; waits while the daemon does not read."""
        with self._lock:
            self._connection.sendall(pack(message))

    def try_beat(self, beat: Beat) -> None:
        """Send a sign of life, unless somebody is sending anyway or the daemon does not read."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if select.select([], [self._connection], [], 0)[1]:
                self._connection.sendall(pack(beat))
        finally:
            self._lock.release()


class Worker:
    """Joins the two threads."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._inbox = Inbox()
        self._outbox = Outbox(connection)
        self._engine: LocalEngine | None = None
        self._beat_s: float | None = None
        self._told_s = 0.0
        self._pacer = Pacer()

    def run(self) -> int:
        """Load, then work until the process ends. Returns an exit code if the model cannot be loaded."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        load = self._inbox.take()
        assert isinstance(load, Load), "the first message says what to load"
        began = time.monotonic()
        logging.getLogger().setLevel(logging.DEBUG if load.is_debug else logging.INFO)
        from engine.opening import open_engine

        try:
            engine = open_engine(
                load.files,
                n_ctx=load.n_ctx,
                text_ctx=load.text_ctx,
                n_threads=load.n_threads,
                polling=load.polling,
                loading=load.loading,
                block_frames=load.block_frames,
            )
        except EngineError as error:
            self._outbox.send(Failed(None, error))
            return 3
        self._engine = engine
        hello = Hello(
            pid=os.getpid(),
            profile=engine.profile.name,
            max_frames=engine.max_frames,
            block_frames=engine.block_frames,
            load_s=time.monotonic() - began,
        )
        self._outbox.send(hello)
        self._dealt_with()
        texts = TextWorker(
            engine,
            self._outbox.send,
            is_dropped=self._inbox.is_text_dropped,
            meanwhile=lambda: self._hear_on(engine),
        )
        while True:
            # Prompts are read between other messages only, a block at a time.
            message = self._inbox.take_if_any() if texts.is_waiting else self._inbox.take()
            if message is None:
                texts.prefill_some()
                continue
            if isinstance(message, Read | Write):
                texts.deal_with(message)
            else:
                self._deal_with(message, engine)
            self._dealt_with()

    def _hear_on(self, engine: LocalEngine) -> None:
        """Deal with what is said while a text is written: it is asked for between two batches of that."""
        while (message := self._inbox.take_if_said()) is not None:
            self._deal_with(message, engine)
            self._dealt_with()

    def _dealt_with(self) -> None:
        now_s = time.monotonic()
        if self._inbox.dealt_with() or now_s - self._told_s >= NEWS_S:
            self._told_s = now_s
            self._outbox.send(self._beat())

    def _beat(self) -> Beat:
        session, frames = self._inbox.progress()
        return Beat(self._inbox.done, 0 if self._engine is None else self._engine.steps, session, frames)

    def _deal_with(self, message: ToEngine, engine: LocalEngine) -> None:
        assert not isinstance(message, Load | Cancel | Read | Write | DropText), (
            "these are dealt with elsewhere"
        )
        number = message.session
        try:
            if isinstance(message, Open):
                session = engine.session(start_sample=message.start_sample, terms=message.terms)
                self._inbox.begin(number, session)
                return
            current = self._inbox.current(number)
            if current is not None:
                self._go_on(message, current)
        except Cancelled:
            self._inbox.end(number)
        except EngineError as error:
            self._inbox.end(number)
            self._outbox.send(Failed(number, error))

    def _go_on(self, message: Sound | Rewind | AskPartial | Prepare | Finish, session: LocalSession) -> None:
        number = message.session
        match message:
            case Sound(frames=frames):
                began_s = time.monotonic()
                session.push(frames)
                self._pacer.pushed(len(frames), time.monotonic() - began_s)
            case Prepare():
                session.prepare(give_up=self._inbox.is_more_said)
            case Rewind(frames=n):
                session.rewind(n)
            case AskPartial(request=request):
                self._outbox.send(Partial(number, request, self._partial(session)))
            case Finish():
                hypothesis = session.finish(
                    on_piece=(lambda text: self._outbox.send(Piece(number, text)))
                    if message.wants_pieces
                    else None,
                    end_of_speech_s=message.end_of_speech_s,
                    end_sample=message.end_sample,
                )
                self._inbox.end(number)
                self._outbox.send(Answer(number, hypothesis))

    def _partial(self, session: LocalSession) -> Hypothesis | None:
        began_s = time.monotonic()
        if self._inbox.is_pressing() or not self._pacer.allows(began_s):
            return None

        def is_enough() -> bool:
            return self._inbox.is_pressing() or self._pacer.is_too_long(began_s, time.monotonic())

        try:
            return session.partial(give_up=is_enough)
        except Cancelled:
            return None
        finally:
            now_s = time.monotonic()
            self._pacer.computed(now_s - began_s, now_s)

    # --- the reading thread ------------------------------------------------------------------------------

    def _read(self) -> None:
        decoder = Decoder()
        connection = self._connection
        received = memoryview(bytearray(1 << 16))
        try:
            while True:
                timeout = self._beat_s if self._inbox.is_busy() else None
                if not select.select([connection], [], [], timeout)[0]:
                    self._outbox.try_beat(self._beat())
                    continue
                n = connection.recv_into(received)
                if not n:
                    os._exit(0)  # nobody is left to work for, whatever the main thread is doing
                for packet in decoder.feed(received[:n]):
                    message = unpack_to_engine(packet)
                    if isinstance(message, Load):
                        self._beat_s = message.beat_s
                    self._inbox.put(message)
        except OSError:
            os._exit(0)  # the other end was closed in the middle of something
        except WireError as error:
            logger.error("%s", error)
            # The daemon may be of another version: it reads ours in whatever message.
            self._outbox.try_beat(Beat(0, 0))
            os._exit(4)
        except BaseException:
            logger.exception("the reading thread failed")
            os._exit(5)


def live_only_with_parent(parent: int) -> None:
    """On Linux, be killed when the thread that started this process ends. Elsewhere, the socket tells."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)  # it ended before we could ask


def main() -> int:
    """Parse the command line and work."""
    parser = argparse.ArgumentParser(description="The engine process; started by voice-edit.")
    parser.add_argument("--fd", type=int, required=True, help="an inherited, connected socket")
    parser.add_argument("--parent", type=int, required=True, help="the process that started this one")
    a = parser.parse_args()
    live_only_with_parent(a.parent)
    # Ctrl-C, a service manager's SIGTERM and a closed terminal are the daemon's business: it may still want
    # the words of what was said. When it goes, this process goes.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    faulthandler.enable()
    _write_no_core()
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    return Worker(socket.socket(fileno=a.fd)).run()


def _write_no_core() -> None:
    # A core file would put gigabytes of weights, and what was dictated, on the disk, and delay the restart.
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    try:
        code = main()
    except BaseException:
        logger.exception("the engine process failed")
        code = 1
    sys.stderr.flush()
    os._exit(code)  # at once: llama.cpp's threads and memory need no farewell
