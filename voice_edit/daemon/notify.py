"""Desktop notifications of failures: org.freedesktop.Notifications over D-Bus, by the specification's words
(specifications.freedesktop.org/notification-spec).

A notification lies on the screen for anybody to read and in the desktop's history afterwards, so what was
dictated or stands in a document never gets into one: our errors quote such words “like this”, and what is
quoted so is left out.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus

logger = logging.getLogger(__name__)
_T = TypeVar("_T")

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
BUS = "org.freedesktop.DBus"
APP_NAME = "voice-edit"
ICON = "audio-input-microphone"
"""From the icon naming specification, so every theme has it."""

TIMEOUT_S = 2.0
"""For everything together; the desktop may be busy, or its notification service hung."""
SAME_AGAIN_S = 60.0
"""The same failure is not told again earlier."""
AT_MOST = 4
"""Notifications in any `SAME_AGAIN_S`."""


class Notifier:
    """Tells of failures on the desktop. For any thread that may wait up to `TIMEOUT_S`; never raises.

    A later notification takes the place of the one before, so that there is one at most.
    """

    def __init__(
        self, environ: Mapping[str, str] = os.environ, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`environ` is looked at each time: a session's bus may come later. `clock` in seconds."""
        self._environ = environ
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._limit = RateLimit()
        self._last_id = 0

    def failure(self, title: str, body: str = "") -> bool:
        """Show that something failed. Returns whether it was shown; without a bus nothing happens."""
        title, body = unquoted(title), unquoted(body)
        with self._one_at_a_time:
            address = bus_address(self._environ)
            if address is None or not self._limit.admits((title, body), self._clock()):
                return False
            try:
                self._last_id = _run(_notify(address, title, body, self._last_id))
            except Exception as error:  # a courtesy: whatever is wrong with it, the failure itself was told
                logger.debug("no notification was shown: %r", error)
                return False
            return True


class RateLimit:
    """Not the same again, and not many. Pure but for what it remembers."""

    def __init__(self, *, again_s: float = SAME_AGAIN_S, at_most: int = AT_MOST) -> None:
        self._again_s = again_s
        self._at_most = at_most
        self._shown: list[tuple[float, object]] = []

    def admits(self, what: object, now_s: float) -> bool:
        """Whether `what` may be shown now; if so, it counts as shown."""
        self._shown = [(at_s, shown) for at_s, shown in self._shown if now_s - at_s < self._again_s]
        if len(self._shown) >= self._at_most or any(shown == what for _, shown in self._shown):
            return False
        self._shown.append((now_s, what))
        return True


def unquoted(text: str) -> str:
    """Without what is quoted “like this”: words of the speaker or of a document. One line."""
    return " ".join(re.sub(r"“[^”]*(”|$)", "“…”", text).split())


def bus_address(environ: Mapping[str, str]) -> str | None:
    """The session bus, or None where there is none. Never starts one."""
    address = environ.get("DBUS_SESSION_BUS_ADDRESS")
    if address:
        return address
    runtime = environ.get("XDG_RUNTIME_DIR")
    path = Path(runtime) / "bus" if runtime else None
    if path is None or not path.is_socket():
        return None
    return f"unix:path={quote(str(path), safe='/-_.*')}"


@dataclass(frozen=True, slots=True)
class Shown:
    """Who shows notifications here."""

    server: str
    """The service's name and version; empty if there is none."""
    why: str
    """Why there is none."""


def who_shows(environ: Mapping[str, str] = os.environ) -> Shown:
    """Ask who would show a notification, without showing one. Never raises."""
    address = bus_address(environ)
    if address is None:
        return Shown("", "There is no session bus (D-Bus), so nobody shows notifications.")
    try:
        return _run(_server(address))
    except ImportError:
        return Shown("", "The package dbus-fast is missing.")
    except Exception as error:
        reason = str(error) or type(error).__name__
        return Shown("", f"The session bus does not answer ({reason}).")


def _run(asked: Coroutine[Any, Any, _T]) -> _T:
    """Finish it within the time, in a loop of its own: the caller is a plain thread."""
    import asyncio

    async def limited() -> _T:
        return await asyncio.wait_for(asked, TIMEOUT_S)

    return asyncio.run(limited())


async def _notify(address: str, title: str, body: str, replaces: int) -> int:
    """Show it in the place of notification `replaces` (0: none); the number of what is shown now."""
    from html import escape

    from dbus_fast import Variant

    bus = await _connect(address)
    try:
        (capabilities,) = await _call(bus, NAME, PATH, "GetCapabilities")
        if "body-markup" in capabilities:
            body = escape(body, quote=False)
        hints = {"urgency": Variant("y", 1), "category": Variant("s", "device.error")}
        arguments = [APP_NAME, replaces, ICON, title, body, [], hints, -1]
        (number,) = await _call(bus, NAME, PATH, "Notify", "susssasa{sv}i", arguments)
        return int(number)
    finally:
        bus.disconnect()


async def _server(address: str) -> Shown:
    bus = await _connect(address)
    try:
        (owned,) = await _call(bus, BUS, "/org/freedesktop/DBus", "NameHasOwner", "s", [NAME])
        (startable,) = await _call(bus, BUS, "/org/freedesktop/DBus", "ListActivatableNames")
        if not owned and NAME not in startable:
            return Shown("", "Nobody on the session bus shows notifications.")
        name, _vendor, version, _specification = await _call(bus, NAME, PATH, "GetServerInformation")
        return Shown(f"{name} {version}".strip(), "")
    finally:
        bus.disconnect()


async def _connect(address: str) -> MessageBus:
    from dbus_fast.aio import MessageBus

    return await MessageBus(bus_address=address).connect()


async def _call(
    bus: MessageBus, name: str, path: str, member: str, signature: str = "", body: list[Any] | None = None
) -> list[Any]:
    """Call a method of the interface that is named like its owner. Raises OSError with the bus's reason."""
    from dbus_fast import Message, MessageType

    reply = await bus.call(
        Message(
            destination=name, path=path, interface=name, member=member, signature=signature, body=body or []
        )
    )
    if reply.message_type is not MessageType.METHOD_RETURN:
        raise OSError(f"{member}: {reply.error_name}")
    return reply.body
