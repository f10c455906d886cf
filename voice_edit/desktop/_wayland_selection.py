"""Clipboard and primary selection of a Wayland session, without a window and without the focus.

The protocols ext-data-control-v1 and zwlr_data_control_unstable_v1 are the same but for their names. sway,
Hyprland, KDE and others have one of them, GNOME has neither. One thread reads what the compositor says and
serves what we own; everybody else asks it to do things.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypeVar

from voice_edit.desktop._wayland_pipes import TooLarge, Writer, read_all
from voice_edit.desktop._wayland_wire import OPEN_S, Arguments, Connection, close_fd, connect
from voice_edit.desktop.base import ANSWER_S
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError, TargetGone, TargetTimeout

MANAGERS: Final = ("ext_data_control_manager_v1", "zwlr_data_control_manager_v1")
SEAT: Final = "wl_seat"
_CREATE_SOURCE, _GET_DEVICE = 0, 1
_DEVICE_DATA_OFFER, _DEVICE_SELECTION, _DEVICE_FINISHED, _DEVICE_PRIMARY = 0, 1, 2, 3
_OFFER_RECEIVE, _OFFER_DESTROY = 0, 1
_SOURCE_OFFER, _SOURCE_DESTROY = 0, 1

Which: TypeAlias = Literal["clipboard", "primary"]
Content: TypeAlias = Mapping[str, bytes]
"""MIME type -> what is served for it."""
OnRequest: TypeAlias = Callable[[int], Callable[[], object] | None]
"""Told of each request for what we own, by the pipe that came with it; returns what to call once it is
served. In the thread of the selections."""
_SET: Final[dict[Which, int]] = {"clipboard": 0, "primary": 2}
_Result = TypeVar("_Result")


@dataclass(eq=False, slots=True)
class Offer:
    """What some program has to give."""

    number: int
    types: list[str] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Source:
    """What we have to give, until somebody else has something."""

    number: int
    content: Content
    on_request: OnRequest | None
    owned: bool = True


class Selections:
    """Both selections of a seat. Raises FieldUnsupported without data control, TargetGone, TargetTimeout."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._line: Connection = connect(environ)
        self._offers: dict[int, Offer] = {}
        self._current: dict[Which, Offer | None] = {"clipboard": None, "primary": None}
        self._sources: dict[Which, Source | None] = {"clipboard": None, "primary": None}
        self._writers: dict[int, tuple[Writer, Callable[[], object] | None]] = {}
        self._jobs: deque[Callable[[], None]] = deque()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_writer.setblocking(False)
        self._closing = False
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None
        self.has_primary = False
        """Whether the compositor lets us own the primary selection."""
        try:
            self._bind()
            self._line.roundtrip(OPEN_S)
        except BaseException:
            self._end()
            raise
        self._thread = threading.Thread(target=self._serve, name="wayland-selections", daemon=True)
        self._thread.start()

    def _bind(self) -> None:
        interface = next((name for name in MANAGERS if self._line.version(name)), "")
        if not interface or not self._line.version(SEAT):
            raise FieldUnsupported("The compositor does not let programs look after the clipboard.")
        self._manager = self._line.bind(interface, 2, _unheard)
        self.has_primary = interface == MANAGERS[0] or self._line.version(interface) >= 2
        seat = self._line.bind(SEAT, 1, _unheard)
        self._device = self._line.create(self._on_device)
        self._line.send(self._manager, _GET_DEVICE, "uu", self._device, seat)

    # --- for any thread -----------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and not self._line.lost

    def readers(self, pid: int) -> tuple[int, ...]:
        """The processes that fetch what a window of process `pid` asks for: what an X11 window asks for is
        fetched for it by the compositor.
        """
        return (pid, self._line.compositor_pid)

    def current(self, which: Which) -> Offer | None:
        """What is there now, whoever has it; None if nothing."""
        self.settle()
        return self._do(lambda: self._current[which])

    def owned(self, which: Which) -> Source | None:
        """What we own of it, if we do."""
        self.settle()
        return self._do(lambda: self._sources[which])

    def receive(self, offer: Offer, types: list[str]) -> dict[str, int]:
        """Ask for these types; a pipe to read from for each. Raises TargetGone if the offer is over."""
        pipes = {kind: os.pipe2(os.O_CLOEXEC) for kind in types}

        def ask() -> None:
            if self._offers.get(offer.number) is not offer:
                raise TargetGone("The clipboard was replaced while it was read.")
            for kind, (_, writer) in pipes.items():
                self._line.send(offer.number, _OFFER_RECEIVE, "sh", kind, writer)

        try:
            self._do(ask)
        except BaseException:
            for reader, _ in pipes.values():
                os.close(reader)
            raise
        finally:
            for _, writer in pipes.values():
                os.close(writer)
        return {kind: reader for kind, (reader, _) in pipes.items()}

    def own(self, which: Which, content: Content, *, on_request: OnRequest | None = None) -> Source:
        """Offer `content` from now on; when this returns, every program has been told."""
        source = self._do(lambda: self._own(which, content, on_request))
        self.settle()
        return source

    def clear(self, which: Which) -> None:
        """Have nothing there."""
        self._do(lambda: self._drop(which, tell=True))
        self.settle()

    def confirmed(self, source: Source, kind: str) -> bool:
        """Whether what the clipboard holds now, read back, is what we offer."""
        offer = self.current("clipboard")
        if offer is None or kind not in offer.types:
            return False
        try:
            found = read_all(self.receive(offer, [kind]), quiet_s=ANSWER_S, most=len(source.content[kind]))
        except (TargetError, TooLarge):  # somebody else has copied something meanwhile
            return False
        return found[kind] == source.content[kind]

    def settle(self) -> None:
        """Wait until the compositor has done all that it was asked to do."""
        done = threading.Event()
        self._do(lambda: self._line.sync(done.set))
        if not done.wait(ANSWER_S):
            raise self._over() if not self.alive else TargetTimeout("The compositor does not answer.")

    def close(self) -> None:
        """End; what we own is gone with us."""
        self._closing = True
        self._wake()
        if self._thread is not None:
            self._thread.join(2.0)

    def wait_until_replaced(self) -> None:
        """Until none of the selections is ours any more, or the compositor is gone. For a process that does
        nothing else.
        """
        while self.alive:
            try:
                if not (self.owned("clipboard") or self.owned("primary")):
                    return
            except TargetError:
                return
            self._changed.wait()
            self._changed.clear()

    # --- the thread ---------------------------------------------------------------------------------------

    def _do(self, job: Callable[[], _Result]) -> _Result:
        """Have it done in the thread that owns everything here."""
        future: Future[_Result] = Future()

        def run() -> None:
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)

        if not self.alive:
            raise self._over()
        self._jobs.append(run)
        self._wake()
        try:
            return future.result(ANSWER_S)
        except FutureTimeout:
            if not self.alive:
                raise self._over() from None
            raise TargetTimeout("The clipboard of the session does not answer.") from None

    def _over(self) -> TargetGone:
        return TargetGone(
            f"The clipboard of the session is out of reach: {self._line.lost or 'it was closed'}."
        )

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it wakes anyway; closed: it is over
            self._wake_writer.send(b"!")

    def _serve(self) -> None:
        try:
            while not self._closing:
                ready = self._wait()
                if self._wake_reader.fileno() in ready:
                    self._wake_reader.recv(4096)
                while self._jobs:
                    self._jobs.popleft()()
                if self._line.fileno() in ready:
                    self._line.pump(0.0)
                for fd in [fd for fd in self._writers if fd in ready]:
                    self._write(fd)
        except TargetError:
            pass  # told to whoever asks next
        finally:
            self._end()

    def _wait(self) -> set[int]:
        """File descriptors on which something can be done."""
        poll = select.poll()
        for reader in (self._line, self._wake_reader):
            poll.register(reader, select.POLLIN)
        for fd in self._writers:
            poll.register(fd, select.POLLOUT)
        return {fd for fd, _ in poll.poll()}

    def _end(self) -> None:
        self._line.close()
        self._wake_reader.close()
        self._wake_writer.close()
        for writer, _ in self._writers.values():
            writer.close()
        self._writers.clear()
        self._sources = {"clipboard": None, "primary": None}
        self._changed.set()
        while self._jobs:
            self._jobs.popleft()()

    def _write(self, fd: int) -> None:
        writer, served = self._writers[fd]
        writer.write()
        if writer.over:
            del self._writers[fd]
            if writer.complete and served is not None:
                served()

    def _own(self, which: Which, content: Content, on_request: OnRequest | None) -> Source:
        source = Source(0, content, on_request)
        source.number = self._line.create(lambda opcode, told: self._on_source(which, source, opcode, told))
        self._line.send(self._manager, _CREATE_SOURCE, "u", source.number)
        for kind in content:
            self._line.send(source.number, _SOURCE_OFFER, "s", kind)
        self._line.send(self._device, _SET[which], "u", source.number)
        self._drop(which, tell=False)
        self._sources[which] = source
        return source

    def _drop(self, which: Which, *, tell: bool) -> None:
        """Give up what we own; with `tell` also the selection itself."""
        if tell:
            self._line.send(self._device, _SET[which], "u", 0)
        if (source := self._sources[which]) is not None:
            source.owned = False
            self._sources[which] = None
            self._line.send(source.number, _SOURCE_DESTROY)

    # --- what the compositor says -------------------------------------------------------------------------

    def _on_device(self, opcode: int, told: Arguments) -> None:
        if opcode == _DEVICE_DATA_OFFER:
            offer = Offer(told.uint())
            self._offers[offer.number] = offer
            self._line.adopt(offer.number, lambda _, told: offer.types.append(told.string()))
        elif opcode in (_DEVICE_SELECTION, _DEVICE_PRIMARY):
            which: Which = "clipboard" if opcode == _DEVICE_SELECTION else "primary"
            old, self._current[which] = self._current[which], self._offers.get(told.uint())
            if old is not None:
                self._offers.pop(old.number, None)
                self._line.forget(old.number)
                self._line.send(old.number, _OFFER_DESTROY)
        elif opcode == _DEVICE_FINISHED:
            self._line.lost = "its seat is gone"

    def _on_source(self, which: Which, source: Source, opcode: int, told: Arguments) -> None:
        if opcode == 0:
            kind, fd = told.string(), told.fd()
            data = source.content.get(kind)
            if data is None or not source.owned:
                close_fd(fd)
                return
            served = source.on_request(fd) if source.on_request is not None else None
            self._writers[fd] = (Writer(fd, data), served)
            self._write(fd)
        elif source.owned:
            source.owned = False
            self._sources[which] = None
            self._line.send(source.number, _SOURCE_DESTROY)
            self._changed.set()


def _unheard(_opcode: int, _arguments: Arguments) -> None:
    """These objects tell us nothing that we need."""
