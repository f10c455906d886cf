"""Keys of a Wayland desktop through the GlobalShortcuts portal: KDE, GNOME 48 and later, Hyprland.

The desktop asks the user for consent and lets them choose other keys; it keeps those keys from other programs
and tells us when they go down and come up. What is pressed in between is not ours to see, so Escape cannot be
taken only while somebody talks: the portal gets a cancel shortcut instead, and the user may choose its key.

Written after the portal's documentation and tested against a stand-in; not yet tried on a real GNOME or KDE.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import secrets
from collections.abc import Iterable
from typing import Any, Final

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError, InvalidAddressError

from hotkeys.bindings import Action, Bindings
from hotkeys.chord import Chord
from hotkeys.errors import BackendUnavailable, ListenerLost, Problem
from hotkeys.gesture import CancelPress, KeyEvent, Press, Release
from hotkeys.keys import KEYS, kind_of
from hotkeys.listener import OnProblems, ThreadedListener

BUS_NAME: Final = "org.freedesktop.portal.Desktop"
PATH: Final = "/org/freedesktop/portal/desktop"
SHORTCUTS: Final = "org.freedesktop.portal.GlobalShortcuts"
REQUEST: Final = "org.freedesktop.portal.Request"
SESSION: Final = "org.freedesktop.portal.Session"
APP_ID: Final = "org.voice_edit.VoiceEdit"
"""The name of our .desktop file, by which the portal remembers the user's consent."""
ANSWER_S: Final = 5.0
"""How long the portal may take for what needs no human."""
REMEDY: Final = (
    "It takes xdg-desktop-portal with a desktop that offers global shortcuts: KDE Plasma 5.27, GNOME 48, "
    "Hyprland, or later. Otherwise bind keys in the compositor to `voice-edit talk start` and `talk stop`: "
    "docs/hotkeys.md."
)
WAITING: Final = Problem(
    "portal-waiting", "the desktop has not agreed to the talk keys yet", "Look for a dialog and allow them."
)
DESCRIPTIONS: Final[dict[Action, str]] = {
    "dictate": "Dictate",
    "edit": "Give an edit command",
    "cancel": "Give up what is being said",
}
_KEYSYMS: Final = {
    "`": "grave", "-": "minus", "=": "equal", "[": "bracketleft", "]": "bracketright", ";": "semicolon",
    "'": "apostrophe", "\\": "backslash", ",": "comma", ".": "period", "/": "slash", "<": "less", "+": "plus",
}  # fmt: skip


class _Denied(Exception):  # noqa: N818  # it says what happened
    """The portal answered a request with no."""


def trigger(chord: Chord) -> str:
    """A chord as the shortcuts specification writes it: "CTRL+ALT+space"."""
    names = {"ctrl": "CTRL", "alt": "ALT", "shift": "SHIFT", "super": "LOGO"}
    modifiers = [names[kind] for kind in names if any(kind_of(name) == kind for name in chord.modifiers)]
    named = KEYS[chord.key].keysyms if chord.key in KEYS else ()
    return "+".join([*modifiers, named[0] if named else _KEYSYMS.get(chord.key, chord.key)])


class Portal:
    """One connection to the session bus, used from one asyncio loop."""

    def __init__(self) -> None:
        self._bus: Any = None
        self._responses: dict[str, asyncio.Future[tuple[int, dict[str, Any]]]] = {}
        self.heard: asyncio.Queue[tuple[str, tuple[Any, ...]] | None] = asyncio.Queue()
        """(signal, its values) of the session, and ("gone", ()); None wakes whoever waits."""
        self.session = ""
        self._end: asyncio.Future[None] | None = None

    async def connect(self) -> int:
        """Connect; the version of the GlobalShortcuts interface. Raises BackendUnavailable."""
        address = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
        if not address:
            raise BackendUnavailable(
                "DBUS_SESSION_BUS_ADDRESS is not set: no session bus",
                hint="Start voice-edit inside the graphical session: `voice-edit service install` does.",
            )
        try:
            self._bus = await asyncio.wait_for(MessageBus(bus_address=address).connect(), ANSWER_S)
        except (OSError, DBusError, InvalidAddressError, TimeoutError, EOFError) as error:
            raise BackendUnavailable(f"the session bus does not answer: {error!r}", hint=REMEDY) from error
        properties = "org.freedesktop.DBus.Properties"
        try:
            reply = await self._call(properties, "Get", "ss", [SHORTCUTS, "version"])
        except (DBusError, TimeoutError) as error:
            raise BackendUnavailable(
                f"no GlobalShortcuts portal here: {_reason(error)}", hint=REMEDY
            ) from error
        return int(reply[0].value)

    async def listen(self) -> None:
        """Begin a session. Raises BackendUnavailable."""
        self._bus.add_message_handler(self._on_message)
        self._end = asyncio.ensure_future(self._bus.wait_for_disconnect())
        self._end.add_done_callback(self._on_disconnect)
        for rule in (
            f"type='signal',sender='{BUS_NAME}',path_namespace='/org/freedesktop/portal/desktop'",
            f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{BUS_NAME}'",
        ):
            await self._call_bus("AddMatch", "s", [rule])
        with contextlib.suppress(DBusError, TimeoutError):  # older portals have no registry, and do without
            await self._call("org.freedesktop.host.portal.Registry", "Register", "sa{sv}", [APP_ID, {}])
        options = {"session_handle_token": Variant("s", f"voice_edit_{secrets.token_hex(8)}")}
        try:
            results = await asyncio.wait_for(self._request("CreateSession", "a{sv}", [], options), ANSWER_S)
        except (DBusError, TimeoutError, _Denied) as error:
            raise BackendUnavailable(
                f"the portal gives us no session: {_reason(error)}", hint=REMEDY
            ) from error
        self.session = str(results["session_handle"].value)

    async def bind(self, shortcuts: list[list[Any]]) -> dict[str, Any]:
        """Ask for the shortcuts; the results, once the user has agreed, however long that takes."""
        return await self._request("BindShortcuts", "oa(sa{sv})sa{sv}", [self.session, shortcuts, ""], {})

    async def close(self) -> None:
        """End the session, so that the keys are free again, and the connection."""
        if self._bus is None:
            return
        if self.session:
            message = Message(destination=BUS_NAME, path=self.session, interface=SESSION, member="Close")
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._bus.call(message), 1.0)
        self._bus.disconnect()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._end or self._bus.wait_for_disconnect(), 1.0)

    async def _call(self, interface: str, member: str, signature: str, body: list[Any]) -> list[Any]:
        return await self._send(BUS_NAME, PATH, interface, member, signature, body)

    async def _call_bus(self, member: str, signature: str, body: list[Any]) -> list[Any]:
        name = "org.freedesktop.DBus"
        return await self._send(name, "/org/freedesktop/DBus", name, member, signature, body)

    async def _send(
        self, destination: str, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> list[Any]:
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body,
        )
        reply = await asyncio.wait_for(self._bus.call(message), ANSWER_S)
        if reply.message_type == MessageType.ERROR:
            raise DBusError(reply.error_name, str(reply.body[0]) if reply.body else reply.error_name)
        answer: list[Any] = reply.body
        return answer

    async def _request(
        self, member: str, signature: str, body: list[Any], options: dict[str, Any]
    ) -> dict[str, Any]:
        """Call a method whose answer comes later, as a signal of a request object whose path we choose."""
        token = f"voice_edit_{secrets.token_hex(8)}"
        sender = self._bus.unique_name[1:].replace(".", "_")
        path = f"{PATH}/request/{sender}/{token}"
        answer: asyncio.Future[tuple[int, dict[str, Any]]] = asyncio.get_running_loop().create_future()
        self._responses[path] = answer
        try:
            options = {**options, "handle_token": Variant("s", token)}
            reply = await self._call(SHORTCUTS, member, signature, [*body, options])
            self._responses[str(reply[0])] = answer  # old portals choose the path themselves
            code, results = await answer
        finally:
            for known in [known for known, future in self._responses.items() if future is answer]:
                del self._responses[known]
        if code != 0:
            raise _Denied("it was cancelled" if code == 1 else "it failed")
        return results

    def _on_disconnect(self, end: asyncio.Future[None]) -> None:
        if not end.cancelled():
            end.exception()  # looked at, so that asyncio does not complain
        self.heard.put_nowait(("gone", ()))

    def _on_message(self, message: Any) -> None:
        if message.message_type != MessageType.SIGNAL:
            return
        match message.interface, message.member:
            case (interface, "Response") if interface == REQUEST:
                if (answer := self._responses.get(message.path)) is not None and not answer.done():
                    answer.set_result((int(message.body[0]), dict(message.body[1])))
            case (interface, "Activated" | "Deactivated") if interface == SHORTCUTS:
                if message.body[0] == self.session:
                    self.heard.put_nowait((message.member, (str(message.body[1]),)))
            case (interface, "Closed") if interface == SESSION:
                if message.path == self.session:
                    self.heard.put_nowait(("gone", ()))
            case _, "NameOwnerChanged":
                if message.body[0] == BUS_NAME and not message.body[2]:
                    self.heard.put_nowait(("gone", ()))


class PortalListener(ThreadedListener):
    """Shortcuts of the desktop. Raises BackendUnavailable; the user's consent is waited for afterwards."""

    backend = "portal"
    consumes = True

    def __init__(self, bindings: Bindings, *, on_problems: OnProblems | None = None) -> None:
        super().__init__(bindings, on_problems=on_problems)
        self._loop = asyncio.new_event_loop()
        self._portal: Portal | None = None
        self._begun: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._binding: asyncio.Task[dict[str, Any]] | None = None
        self._start()
        self._begun.result()

    def _listen(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._begin())
        except BaseException as error:
            self._closing.set()
            self._begun.set_exception(error)
            return
        self._begun.set_result(None)
        super()._listen()

    async def _begin(self) -> None:
        self._portal = Portal()
        await self._portal.connect()
        await self._portal.listen()
        self._set_problems([WAITING])
        self._binding = asyncio.create_task(self._portal.bind(self._shortcuts()))
        self._binding.add_done_callback(lambda _: self._wake())

    def _shortcuts(self) -> list[list[Any]]:
        """What to ask for: [[id, {description, preferred_trigger}], ...]."""
        asked = []
        for action, chord in self.bindings.chords().items():
            wish = {"description": Variant("s", DESCRIPTIONS[action])}
            if action != "cancel" or chord.modifiers:  # a bare Escape would be gone from every other program
                wish["preferred_trigger"] = Variant("s", trigger(chord))
            asked.append([action, wish])
        return asked

    def _wait(self, timeout_s: float | None) -> Iterable[KeyEvent]:
        return self._loop.run_until_complete(self._hear(timeout_s))

    async def _hear(self, timeout_s: float | None) -> list[KeyEvent]:
        assert self._portal is not None
        try:
            heard = await asyncio.wait_for(self._portal.heard.get(), timeout_s)
        except TimeoutError:
            return []
        self._look_at_consent()
        match heard:
            case ("gone", _):
                raise ListenerLost("the desktop portal is gone, or has ended our shortcuts")
            case ("Activated", ("dictate" | "edit" as mode,)):
                return [Press(mode)]
            case ("Deactivated", ("dictate" | "edit" as mode,)):
                return [Release(mode)]
            case ("Activated", ("cancel",)):
                return [CancelPress()]
        return []

    def _look_at_consent(self) -> None:
        """Take note of what the desktop answered to our wish for keys."""
        if self._binding is None or not self._binding.done():
            return
        task, self._binding = self._binding, None
        try:
            results = task.result()
        except (_Denied, DBusError, TimeoutError) as error:
            raise ListenerLost(
                f"the desktop did not agree to the talk keys: {_reason(error)}",
                hint="Allow them in the desktop's settings under keyboard shortcuts, or bind keys in the "
                "compositor: docs/hotkeys.md.",
            ) from error
        bound = {name: _text(about.get("trigger_description")) for name, about in _listed(results)}
        problems = [
            Problem(
                "chord-missing", f"{action}: the desktop has no key for it",
                "Give it one in the desktop's settings under keyboard shortcuts.",
            )
            for action in self.bindings.talk_chords() if not bound.get(action, "")
        ]  # fmt: skip
        if "cancel" in self.bindings.chords() and not bound.get("cancel"):
            problems.append(
                Problem(
                    "no-cancel-key", "a portal cannot take Escape only while you talk",
                    "Use `voice-edit cancel`, or give the cancel shortcut a key in the desktop's settings.",
                )
            )  # fmt: skip
        self._set_problems(problems)

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it is over
            self._loop.call_soon_threadsafe(self._put_none)

    def _put_none(self) -> None:
        if self._portal is not None:
            self._portal.heard.put_nowait(None)

    def _let_go(self) -> None:
        if self._portal is not None:
            self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        assert self._portal is not None
        if self._binding is not None:
            self._binding.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._binding
        with contextlib.suppress(Exception):
            await self._portal.close()


def probe() -> None:
    """Ask the portal whether it is there. Raises BackendUnavailable with the reason. From any thread."""

    async def ask() -> None:
        portal = Portal()
        try:
            await portal.connect()
        finally:
            await portal.close()

    # In a thread of its own: the caller's may run an event loop already.
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, ask()).result()


def _listed(results: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    shortcuts = results.get("shortcuts")
    return [(str(name), dict(about)) for name, about in (shortcuts.value if shortcuts is not None else [])]


def _reason(error: BaseException) -> str:
    return str(error) or "no answer in time"


def _text(value: Any) -> str:
    return str(value.value) if value is not None else ""
