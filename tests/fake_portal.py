"""A stand-in for xdg-desktop-portal's GlobalShortcuts, on a private session bus, with a finger for its keys.

It answers as the portal's documentation says: a method returns the path of a request object, and the result
comes as that object's Response signal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dbus_fast import Message, MessageType, NameFlag, Variant
from dbus_fast.aio import MessageBus
from virtual_display import PATIENCE_S

NAME = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"


@contextmanager
def session_bus() -> Iterator[str]:
    """A private session bus; its address."""
    if not shutil.which("dbus-daemon"):
        pytest.fail(
            "these tests need a program that is not installed: dbus-daemon (apt: dbus)", pytrace=False
        )
    reader, writer = os.pipe()
    quiet = subprocess.DEVNULL
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", f"--print-address={writer}"],
        pass_fds=(writer,), stdin=quiet, stdout=quiet, stderr=quiet,
    )  # fmt: skip
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            yield answer.readline().strip()
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE_S)


class FakePortal:
    """Serves in a thread of its own until `close`."""

    def __init__(self, address: str, *, consent: bool | None = True, session_code: int = 0) -> None:
        """`consent`: what the user answers; None: nothing yet, see `answer`."""
        self._address = address
        self._consent = consent
        self._session_code = session_code
        self._waiting: tuple[str, str] | None = None
        self.session = ""
        """Path of the session that was created last."""
        self.owner = ""
        self.asked: dict[str, dict[str, str]] = {}
        """The shortcuts that were asked for: {"dictate": {"description": ..., "preferred_trigger": ...}}."""
        self.app_id = ""
        self.closed: list[str] = []
        """Sessions that were closed by their owner."""
        self.keys: dict[str, str] = {}
        """What the user chose instead of a wish: {"edit": ""} for no key."""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), "the stand-in for the portal did not start"

    # --- fingers ------------------------------------------------------------------------------------------

    def press(self, shortcut: str, *, session: str | None = None) -> None:
        self._tell("Activated", shortcut, session)

    def release(self, shortcut: str) -> None:
        self._tell("Deactivated", shortcut, None)

    def answer(self, consent: bool) -> None:
        """The user answers the dialog at last."""
        assert self._waiting is not None
        self._soon(self._respond, *self._waiting, 0 if consent else 1, self._bound() if consent else {})

    def end_session(self) -> None:
        """The desktop takes the shortcuts away."""
        self._soon(self._signal, self.session, "org.freedesktop.portal.Session", "Closed", "a{sv}", [{}])

    def close(self) -> None:
        """Leave the bus, as a portal that crashes does."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._bus.disconnect)
            self._thread.join(PATIENCE_S)

    # --- the service --------------------------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._live())
        self._loop.close()

    async def _live(self) -> None:
        self._bus: Any = await MessageBus(bus_address=self._address).connect()
        self._bus.add_message_handler(self._on_message)
        await self._bus.request_name(NAME, NameFlag.DO_NOT_QUEUE)
        self._ready.set()
        with contextlib.suppress(EOFError, OSError):  # the bus went away
            await self._bus.wait_for_disconnect()

    def _on_message(self, message: Message) -> Message | None:
        if message.message_type != MessageType.METHOD_CALL:
            return None
        match message.member:
            case "Get" if message.body == [SHORTCUTS, "version"]:
                return Message.new_method_return(message, "v", [Variant("u", 1)])
            case "Register":
                self.app_id = message.body[0]
                return Message.new_method_return(message)
            case "CreateSession":
                options = message.body[0]
                self.owner = message.sender
                sender = message.sender[1:].replace(".", "_")
                self.session = f"{PATH}/session/{sender}/{options['session_handle_token'].value}"
                return self._later(
                    message, options, self._session_code, {"session_handle": Variant("s", self.session)}
                )
            case "BindShortcuts":
                _, shortcuts, _, options = message.body
                self.asked = {
                    name: {key: value.value for key, value in about.items()} for name, about in shortcuts
                }
                if self._consent is None:
                    self._waiting = (message.sender, self._request_path(message, options))
                    return Message.new_method_return(message, "o", [self._waiting[1]])
                return self._later(
                    message, options, 0 if self._consent else 1, self._bound() if self._consent else {}
                )
            case "Close":
                self.closed.append(message.path)
                return Message.new_method_return(message)
        return None

    def _bound(self) -> dict[str, Variant]:
        bound = []
        for name, about in self.asked.items():
            chosen = self.keys.get(name, about.get("preferred_trigger", ""))
            bound.append(
                [
                    name,
                    {
                        "description": Variant("s", about["description"]),
                        "trigger_description": Variant("s", chosen),
                    },
                ]
            )
        return {"shortcuts": Variant("a(sa{sv})", bound)}

    def _request_path(self, message: Message, options: dict[str, Variant]) -> str:
        return f"{PATH}/request/{message.sender[1:].replace('.', '_')}/{options['handle_token'].value}"

    def _later(
        self, message: Message, options: dict[str, Variant], code: int, results: dict[str, Variant]
    ) -> Message:
        path = self._request_path(message, options)
        self._loop.call_soon(self._respond, message.sender, path, code, results)
        return Message.new_method_return(message, "o", [path])

    def _respond(self, to: str, path: str, code: int, results: dict[str, Variant]) -> None:
        self._signal(path, "org.freedesktop.portal.Request", "Response", "ua{sv}", [code, results], to)

    def _tell(self, member: str, shortcut: str, session: str | None) -> None:
        body = [session or self.session, shortcut, 12345, {}]
        self._soon(self._signal, PATH, SHORTCUTS, member, "osta{sv}", body)

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: list[Any], to: str | None = None
    ) -> None:
        message = Message(
            message_type=MessageType.SIGNAL, path=path, interface=interface, member=member,
            signature=signature, body=body, destination=to or self.owner,
        )  # fmt: skip
        self._bus.send(message)

    def _soon(self, function: Any, *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)
