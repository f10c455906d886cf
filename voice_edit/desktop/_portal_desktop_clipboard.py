"""The clipboard through the Clipboard portal, as `_wayland_clipboard` borrows it.

The desktop tells when the clipboard changes, and with which types; who asks for what we offer it does not
tell. It has no primary selection.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dbus_fast import Variant

from voice_edit.desktop._portal_desktop import CLIPBOARD, PortalDesktop
from voice_edit.desktop._portal_desktop_bus import ANSWER_S
from voice_edit.desktop._wayland_pipes import TooLarge, Writer, read_all
from voice_edit.desktop._wayland_selection import Content, Offer, OnRequest, Source, Which
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError

if TYPE_CHECKING:
    from asyncio import Task

_Result = TypeVar("_Result")
TAKE_S: Final = 30.0
"""How long somebody may take to read what we serve."""
USUAL: Final = ("text/plain;charset=utf-8", "text/html", "image/png", "text/uri-list")
"""What is asked for where the desktop has not told yet what is there."""

GUESSED_BYTES: Final = 1 << 20
"""So much of it is waited for when it is only asked whether it is there; the rest is read elsewhere."""


class PortalSelections:
    """See `_wayland_clipboard.Access`. Raises FieldUnsupported while the user has not agreed."""

    has_primary = False

    def __init__(self, desktop: PortalDesktop) -> None:
        self._desktop = desktop
        self._offer: Offer | None = None
        self._told = False
        self._source: Source | None = None
        self._numbers = 0
        self._confirmed = threading.Event()
        self._serving: set[Task[None]] = set()
        desktop.on_signal(self._on_signal)

    @property
    def alive(self) -> bool:
        """Always: a session that ended is begun anew by the next use."""
        return True

    def readers(self, pid: int) -> tuple[int, ...]:
        """Nobody can tell: the desktop reads for everybody."""
        return ()

    def current(self, which: Which) -> Offer | None:
        self._session()
        if not self._told:
            return self._run(self._guess())
        return self._offer

    def owned(self, which: Which) -> Source | None:
        self._session()
        return self._source if which == "clipboard" else None

    def receive(self, offer: Offer, types: list[str]) -> dict[str, int]:
        session = self._session()

        async def read() -> dict[str, int]:
            pipes: dict[str, int] = {}
            try:
                for kind in types:
                    pipes[kind] = await self._read(session, kind)
            except BaseException:
                for fd in pipes.values():
                    os.close(fd)
                raise
            return pipes

        return self._run(read())

    def own(self, which: Which, content: Content, *, on_request: OnRequest | None = None) -> Source:
        session = self._session()
        self._numbers += 1
        source = Source(self._numbers, content, on_request)

        async def set_() -> None:
            # Before the call: a request may come before its reply.
            if self._source is not None:
                self._source.owned = False
            self._source = source
            self._confirmed.clear()
            options = {"mime_types": Variant("as", list(content))}
            await self._desktop.bus.call(CLIPBOARD, "SetSelection", "oa{sv}", [session, options])

        self._run(set_())
        return source

    def clear(self, which: Which) -> None:
        self.own(which, {})

    def confirmed(self, source: Source, kind: str) -> bool:
        """Whether the desktop says that the clipboard is ours. It does not let us read what we offer."""
        return self._confirmed.wait(ANSWER_S) and source.owned and kind in source.content

    def close(self) -> None:
        self._desktop.let_go()

    # --- in the loop --------------------------------------------------------------------------------------

    def _session(self) -> str:
        session = self._desktop.ready()
        if not self._desktop.clipboard_enabled:
            raise FieldUnsupported(
                "The desktop does not let voice-edit look after the clipboard.",
                hint="Nothing was written. Start voice-edit again and allow it in the dialog.",
            )
        return session

    def _run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return self._desktop.bus.run(coroutine)

    async def _read(self, session: str, kind: str) -> int:
        reply = await self._desktop.bus.call(CLIPBOARD, "SelectionRead", "os", [session, kind])
        return int(reply.unix_fds[reply.body[0]])

    async def _guess(self) -> Offer | None:
        """What is there, found by asking for it."""
        pipes: dict[str, int] = {}
        for kind in USUAL:
            with suppress(TargetError):
                pipes[kind] = await self._read(self._desktop.session, kind)
        found = list(pipes)
        with suppress(TargetError, TooLarge):  # an owner may die of a pipe that is closed early
            await asyncio.to_thread(read_all, pipes, quiet_s=ANSWER_S, most=GUESSED_BYTES)
        if not self._told:
            self._offer = Offer(0, found) if found else None
            self._told = True
        return self._offer

    def _on_signal(self, name: str, values: list[Any]) -> None:
        if name == "gone":
            self._lose()
            self._told, self._offer = False, None
        elif name == "SelectionOwnerChanged":
            self._changed(values[0])
        elif name == "SelectionTransfer":
            kind, serial = str(values[0]), int(values[1])
            task = asyncio.ensure_future(self._serve(kind, serial))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    def _changed(self, options: dict[str, Variant]) -> None:
        types = options["mime_types"].value if "mime_types" in options else []
        if types and isinstance(types[0], list):  # GNOME wraps the list in a structure
            types = types[0]
        ours = bool(options["session_is_owner"].value) if "session_is_owner" in options else False
        if ours:
            self._confirmed.set()
        elif self._confirmed.is_set():
            self._lose()  # before it was ours, others may have had it: that news may come late
        self._numbers += 1
        self._offer = Offer(self._numbers, [str(kind) for kind in types]) if types else None
        self._told = True

    def _lose(self) -> None:
        if self._source is not None:
            self._source.owned = False
        self._source = None

    async def _serve(self, kind: str, serial: int) -> None:
        session, source = self._desktop.session, self._source
        bus = self._desktop.bus
        data = source.content.get(kind) if source is not None else None
        success = False
        served: Callable[[], object] | None = None
        if source is not None and data is not None:
            try:
                reply = await bus.call(CLIPBOARD, "SelectionWrite", "ou", [session, serial])
                fd = int(reply.unix_fds[reply.body[0]])
                served = source.on_request(fd) if source.on_request is not None else None
                success = await asyncio.wait_for(_pour(Writer(fd, data)), TAKE_S)
            except (TargetError, TimeoutError):
                pass
        if success and served is not None:
            served()
        try:
            await bus.call(CLIPBOARD, "SelectionWriteDone", "oub", [session, serial, success])
        except TargetError:
            return


async def _pour(writer: Writer) -> bool:
    """Write all of it as the reader takes it; False if it gave up."""
    loop = asyncio.get_running_loop()
    try:
        writer.write()
        while not writer.over:
            room = asyncio.Event()
            loop.add_writer(writer.fd, room.set)
            try:
                await room.wait()
            finally:
                loop.remove_writer(writer.fd)
            writer.write()
    finally:
        if not writer.over:
            writer.close()
    return writer.complete
