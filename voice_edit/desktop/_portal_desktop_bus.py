"""The session bus, as the desktop portals are spoken to: calls, requests that are answered later, signals.

A method that may ask the user returns the path of a request object, and the result comes as that object's
Response signal. https://flatpak.github.io/xdg-desktop-portal/docs/
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import secrets
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError, InvalidAddressError

from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetGone, TargetTimeout

BUS_NAME: Final = "org.freedesktop.portal.Desktop"
PATH: Final = "/org/freedesktop/portal/desktop"
REQUEST: Final = "org.freedesktop.portal.Request"
REGISTRY: Final = "org.freedesktop.host.portal.Registry"
APP_ID: Final = "org.voice_edit.VoiceEdit"
"""The name of our .desktop file, by which the portal remembers the user's consent."""
ANSWER_S: Final = 5.0
"""How long the portal may take for what needs no human."""
_Result = TypeVar("_Result")


class Denied(Exception):  # noqa: N818  # it says what happened
    """The portal answered a request with no."""


class PortalBus:
    """One connection, with a thread of its own. Raises FieldUnsupported, TargetGone, TargetTimeout."""

    def __init__(self, address: str, on_signal: Callable[[str, str, list[Any]], object]) -> None:
        """`on_signal`: told interface, member and values of each signal of the portal, in the thread; and
        ("", "gone", []) when portal or bus are gone.
        """
        self._address = address
        self._on_signal = on_signal
        self._bus: Any = None
        self._responses: dict[str, asyncio.Future[tuple[int, dict[str, Any]]]] = {}
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, name="portal", daemon=True)
        self._thread.start()
        try:
            self.run(self._connect())
        except BaseException:
            self.close()
            raise

    # --- for any thread -----------------------------------------------------------------------------------

    def run(self, coroutine: Coroutine[Any, Any, _Result], timeout_s: float = ANSWER_S) -> _Result:
        """The result of something that needs the loop."""
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        except RuntimeError as error:  # the loop is closed
            coroutine.close()
            raise TargetGone("The desktop portal is out of reach: the connection was closed.") from error
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError as error:
            future.cancel()
            raise TargetTimeout("The desktop portal does not answer.") from error
        except concurrent.futures.CancelledError as error:
            raise TargetGone("The desktop portal is out of reach: the connection was closed.") from error

    def close(self) -> None:
        """End the connection and the thread."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(2.0)

    # --- in the loop --------------------------------------------------------------------------------------

    async def call(
        self, interface: str, member: str, signature: str, body: list[Any], *, path: str = PATH
    ) -> Any:
        """The reply: its values in `.body`, file descriptors in `.unix_fds`."""
        return await self._send(BUS_NAME, path, interface, member, signature, body)

    async def get(self, interface: str, name: str) -> Any:
        """A property of the portal; None where it has none of that name."""
        try:
            reply = await self.call("org.freedesktop.DBus.Properties", "Get", "ss", [interface, name])
        except TargetGone:
            return None
        return reply.body[0].value

    async def request(
        self, interface: str, member: str, signature: str, body: list[Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Call a method whose answer comes later, however long the user takes. Raises Denied."""
        token = f"voice_edit_{secrets.token_hex(8)}"
        sender = self._bus.unique_name[1:].replace(".", "_")
        path = f"{PATH}/request/{sender}/{token}"
        answer: asyncio.Future[tuple[int, dict[str, Any]]] = self.loop.create_future()
        self._responses[path] = answer
        try:
            told = {**options, "handle_token": Variant("s", token)}
            reply = await self.call(interface, member, signature, [*body, told])
            self._responses[str(reply.body[0])] = answer  # old portals choose the path themselves
            code, results = await answer
        finally:
            for known in [known for known, future in self._responses.items() if future is answer]:
                del self._responses[known]
        if code != 0:
            raise Denied("it was cancelled" if code == 1 else "it failed")
        return {name: value.value for name, value in results.items()}

    async def _connect(self) -> None:
        try:
            bus: Any = MessageBus(bus_address=self._address, negotiate_unix_fd=True)
            self._bus = await asyncio.wait_for(bus.connect(), ANSWER_S)
        except (OSError, DBusError, InvalidAddressError, TimeoutError, EOFError, ValueError) as error:
            raise FieldUnsupported(f"The session bus does not answer: {error!r}.") from error
        self._bus.add_message_handler(self._on_message)
        self._end = asyncio.ensure_future(self._bus.wait_for_disconnect())
        self._end.add_done_callback(self._on_disconnect)
        name = "org.freedesktop.DBus"
        for rule in (
            f"type='signal',sender='{BUS_NAME}',path_namespace='{PATH}'",
            f"type='signal',sender='{name}',member='NameOwnerChanged',arg0='{BUS_NAME}'",
        ):
            await self._send(name, "/org/freedesktop/DBus", name, "AddMatch", "s", [rule])
        with contextlib.suppress(TargetGone):  # older portals have no registry, and do without
            await self.call(REGISTRY, "Register", "sa{sv}", [APP_ID, {}])

    async def _send(
        self, destination: str, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> Any:
        message = Message(
            destination=destination, path=path, interface=interface, member=member, signature=signature,
            body=body,
        )  # fmt: skip
        try:
            reply = await asyncio.wait_for(self._bus.call(message), ANSWER_S)
        except TimeoutError as error:
            raise TargetTimeout("The desktop portal does not answer.") from error
        except (OSError, EOFError, DBusError) as error:
            raise TargetGone(f"The desktop portal is out of reach: {error!r}.") from error
        if reply is None:
            raise TargetGone("The desktop portal is out of reach: the connection was closed.")
        if reply.message_type == MessageType.ERROR:
            why = str(reply.body[0]) if reply.body else reply.error_name
            raise TargetGone(f"The desktop portal refuses {member}: {why}.")
        return reply

    def _live(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        if self._bus is not None:
            self._bus.disconnect()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    def _on_disconnect(self, end: asyncio.Future[None]) -> None:
        if not end.cancelled():
            end.exception()  # looked at, so that asyncio does not complain
        self._gone()

    def _on_message(self, message: Any) -> None:
        if message.message_type != MessageType.SIGNAL:
            return
        if message.interface == REQUEST and message.member == "Response":
            if (answer := self._responses.get(message.path)) is not None and not answer.done():
                answer.set_result((int(message.body[0]), dict(message.body[1])))
        elif message.member == "NameOwnerChanged":
            if message.body[0] == BUS_NAME and not message.body[2]:
                self._gone()
        elif message.member == "Closed":
            self._on_signal(message.interface, "Closed", [message.path])
        else:
            self._on_signal(message.interface, message.member, message.body)

    def _gone(self) -> None:
        for answer in self._responses.values():
            if not answer.done():
                answer.set_exception(TargetGone("The desktop portal is gone."))
        self._on_signal("", "gone", [])
