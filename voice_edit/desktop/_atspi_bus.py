"""The accessibility bus: one thread with an asyncio loop, and calls that give up after a time.

Everything else in `_atspi*` runs in this loop; `run` and `close` may be called from any other thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from dbus_fast import Message, MessageFlag, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError, InvalidAddressError

from voice_edit.desktop._atspi_names import PROPERTIES, Ref
from voice_edit.desktop.base import CALL_S
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError, TargetGone, TargetTimeout

logger = logging.getLogger(__name__)
T = TypeVar("T")

DBUS: Final = "org.freedesktop.DBus"
CONNECT_S: Final = 5.0
"""How long the bus may take to start: the session bus starts it on the first call."""
REMEDY: Final = (
    "Fields are reached through the accessibility bus (package at-spi2-core), inside the graphical session: "
    "`voice-edit service install` starts the daemon there. Without it, text goes in by paste."
)
_GONE: Final = frozenset(
    f"{DBUS}.Error.{name}"
    for name in ("ServiceUnknown", "NameHasNoOwner", "Disconnected", "UnknownObject", "NoReply")
)
_MISSING: Final = frozenset(
    f"{DBUS}.Error.{name}"
    for name in ("UnknownMethod", "UnknownInterface", "UnknownProperty", "NotSupported", "InvalidArgs")
)


def failure(ref: Ref, member: str, name: str, text: str) -> TargetError:
    """The error that an error reply means."""
    if name in _GONE:
        return TargetGone("The field, or its program, is not there any more.")
    if name in _MISSING:
        return FieldUnsupported(f"The field does not answer {member}.")
    return FieldUnsupported(f"The field refuses {member}: {text or name}.")


class Bus:
    """The connection to the accessibility bus, made anew after a loss by whoever calls `connect` again."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="at-spi", daemon=True)
        self._session_bus = _session_bus()
        self._bus: MessageBus | None = None
        self._end: asyncio.Future[None] | None = None
        self.on_signal: Callable[[Message], None] = lambda _message: None
        """Called in the loop for every signal."""
        self.on_loss: Callable[[], None] = lambda: None
        """Called in the loop when the connection is gone."""
        self._thread.start()

    # --- from any thread ----------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Do it in the loop and wait. Raises TargetError; TargetTimeout when it took too long."""
        assert threading.current_thread() is not self._thread, "the loop cannot wait for itself"
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:
            work.close()
            raise TargetGone("The accessibility service was closed.") from error
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError as error:
            future.cancel()
            raise TargetTimeout(f"The program does not answer: {timeout_s:g} s passed.") from error
        except concurrent.futures.CancelledError as error:
            raise TargetGone("The accessibility service was closed.") from error

    def close(self) -> None:
        """Disconnect and end the thread."""
        if self._loop.is_closed():
            return
        with contextlib.suppress(TargetError):
            self.run(self._disconnect(), 2.0)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)

    # --- in the loop --------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._bus is not None and self._bus.connected

    async def connect(self) -> bool:
        """Find the bus through the session bus, tell programs that somebody uses it, and connect.

        Returns whether this switched accessibility on. Raises FieldUnsupported with a remedy.
        """
        if not self._session_bus:
            raise FieldUnsupported("There is no session bus here.", hint=REMEDY)
        try:
            return await asyncio.wait_for(self._connect(), CONNECT_S)
        except (OSError, DBusError, InvalidAddressError, TimeoutError, EOFError, ValueError) as error:
            raise FieldUnsupported(
                f"The accessibility bus cannot be reached: {error!r}.", hint=REMEDY
            ) from error

    async def _connect(self) -> bool:
        session = await MessageBus(bus_address=self._session_bus).connect()
        try:
            where = Ref("org.a11y.Bus", "/org/a11y/bus")
            (address,) = await _ask(session, where, "org.a11y.Bus", "GetAddress")
            # Qt and Chromium build no accessible objects before this is set. ScreenReaderEnabled stays
            # untouched: GNOME starts a screen reader when it is set.
            (was,) = await _ask(session, where, PROPERTIES, "Get", "ss", "org.a11y.Status", "IsEnabled")
            if not was.value:
                on = Variant("b", True)
                await _ask(session, where, PROPERTIES, "Set", "ssv", "org.a11y.Status", "IsEnabled", on)
        finally:
            session.disconnect()
        bus = await MessageBus(bus_address=str(address)).connect()
        bus.add_message_handler(self._on_message)
        self._end = asyncio.ensure_future(_end_of(bus))
        self._end.add_done_callback(self._on_disconnect)
        self._bus = bus
        return not was.value

    async def call(
        self, ref: Ref, interface: str, member: str, signature: str = "", *body: Any, wait_s: float = CALL_S
    ) -> list[Any]:
        """Call a method and return the values of its reply. Raises TargetGone, TargetTimeout,
        FieldUnsupported."""
        if self._bus is None or not self._bus.connected:
            raise TargetGone("The accessibility bus is gone.")
        try:
            return await asyncio.wait_for(_ask(self._bus, ref, interface, member, signature, *body), wait_s)
        except TimeoutError as error:
            raise TargetTimeout(
                f"The program does not answer: {member} took more than {wait_s:g} s."
            ) from error
        except DBusError as error:
            raise failure(ref, member, error.type, error.text) from error
        except (OSError, EOFError) as error:
            raise TargetGone("The accessibility bus is gone.") from error

    async def get(self, ref: Ref, interface: str, name: str) -> Any:
        """The value of a property."""
        return (await self.call(ref, PROPERTIES, "Get", "ss", interface, name))[0].value

    def tell(self, ref: Ref, interface: str, member: str, signature: str, *body: Any) -> None:
        """Call a method whose reply is not waited for: in order with all other calls to that program."""
        if self._bus is None or not self._bus.connected:
            raise TargetGone("The accessibility bus is gone.")
        message = _message(ref, interface, member, signature, body, MessageFlag.NO_REPLY_EXPECTED)
        self._bus.send(message).add_done_callback(lambda sent: sent.cancelled() or sent.exception())

    async def bus_call(self, member: str, signature: str, *body: Any) -> list[Any]:
        """Ask the bus itself."""
        return await self.call(Ref(DBUS, "/org/freedesktop/DBus"), DBUS, member, signature, *body)

    def soon(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start it in the loop and leave it to itself."""
        return self._loop.create_task(work)

    # --- inside -------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.close()

    async def _disconnect(self) -> None:
        bus, self._bus = self._bus, None
        self.on_loss = lambda: None
        if bus is not None and bus.connected:
            bus.disconnect()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(_end_of(bus), 1.0)

    def _on_disconnect(self, end: asyncio.Future[None]) -> None:
        if not end.cancelled():
            end.exception()  # looked at, so that asyncio does not complain
        if self._bus is not None and not self._bus.connected:
            self._bus = None
            logger.info("the accessibility bus is gone")
            self.on_loss()

    def _on_message(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            self.on_signal(message)


def _session_bus() -> str:
    """Its address; "" if there is none."""
    folder = os.environ.get("XDG_RUNTIME_DIR")
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS") or (f"unix:path={folder}/bus" if folder else "")


async def _end_of(bus: MessageBus) -> None:
    with contextlib.suppress(Exception):  # how it ended does not matter
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


def _message(
    ref: Ref, interface: str, member: str, signature: str, body: tuple[Any, ...], flags: MessageFlag
) -> Message:
    return Message(
        destination=ref.bus,
        path=ref.path,
        interface=interface,
        member=member,
        signature=signature,
        body=list(body),
        flags=flags,
    )


async def _ask(
    bus: MessageBus, ref: Ref, interface: str, member: str, signature: str = "", *body: Any
) -> list[Any]:
    """The values of the reply. Raises DBusError for an error reply."""
    reply = await bus.call(_message(ref, interface, member, signature, body, MessageFlag.NONE))
    if reply.message_type is MessageType.ERROR:
        text = str(reply.body[0]) if reply.body else ""
        raise DBusError(reply.error_name or "", text)
    values: list[Any] = reply.body
    return values
