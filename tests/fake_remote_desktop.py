"""A stand-in for xdg-desktop-portal's RemoteDesktop and Clipboard on a private session bus, with a desktop
behind it: a field that is typed and pasted into, and a clipboard that another program may own.

It answers as the portal's documentation says, and refuses what the documentation forbids.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import Any

from dbus_fast import Message, MessageType, NameFlag, Variant
from dbus_fast.aio import MessageBus
from fake_portal import NAME, PATH
from virtual_display import PATIENCE_S, until

REMOTE = "org.freedesktop.portal.RemoteDesktop"
CLIPBOARD = "org.freedesktop.portal.Clipboard"
DENIED = "org.freedesktop.portal.Error.NotAllowed"
TEXT = "text/plain;charset=utf-8"
SHIFT, INSERT = ("Keycode", 42), ("Keycode", 110)


class FakeRemoteDesktop:
    """Serves in a thread of its own until `close`."""

    def __init__(
        self,
        address: str,
        *,
        consent: bool | None = True,
        devices: int = 7,
        clipboard: bool = True,
        tells_clipboard: bool = True,
        wrapped: bool = False,
    ) -> None:
        """`consent`: what the user answers; None: nothing yet, see `answer`. `tells_clipboard`: whether what
        is there is told at the start. `wrapped`: types come in a structure, as from GNOME.
        """
        self._address = address
        self._consent = consent
        self._devices = devices
        self._clipboard = clipboard
        self._tells = tells_clipboard
        self._wrapped = wrapped
        self._waiting: tuple[str, str] | None = None
        self.session = ""
        self.owner = ""
        self.asked = 0
        """How often the user saw a dialog."""
        self.started = False
        self.tokens: list[str] = []
        """Restore tokens that we were given, in order; "" for none."""
        self.valid = "token-0"
        """The token that restores the next session without a dialog."""
        self.app_id = ""
        self.keys: list[tuple[str, int, int]] = []
        """Every press and release: (kind, number, state)."""
        self._down: set[tuple[str, int]] = set()
        self.field = ""
        """What was typed and pasted."""
        self.ignores_paste = False
        self.held: dict[str, bytes] | None = {TEXT: b"before"}
        """The clipboard, while another program owns it."""
        self.ours: list[str] = []
        """The types of what our session owns, while it does."""
        self.sessions_closed = 0
        self._transfers: dict[int, tuple[str, threading.Thread | None]] = {}
        self._served: dict[int, bytes | None] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), "the stand-in for the portal did not start"

    # --- the desktop --------------------------------------------------------------------------------------

    def answer(self, consent: bool) -> None:
        """The user answers the dialog at last."""
        assert self._waiting is not None
        self._loop.call_soon_threadsafe(self._start_answer, *self._waiting, consent)

    def copy(self, held: dict[str, bytes]) -> None:
        """Another program copies."""

        def take() -> None:
            self.held, self.ours = held, []
            self._tell_clipboard()

        self._loop.call_soon_threadsafe(take)

    def fetch(self, kind: str) -> bytes | None:
        """Another program asks our session for what it offers; None if it gives nothing."""
        serial = 100 + len(self._served)
        self._loop.call_soon_threadsafe(self._transfer, serial, kind)
        until(lambda: serial in self._served, "our session answered the request for the clipboard")
        return self._served[serial]

    def contents(self) -> dict[str, bytes | None]:
        """The clipboard as another program reads it."""
        if self.held is not None:
            return dict(self.held)
        return {kind: self.fetch(kind) for kind in self.ours}

    def end_session(self) -> None:
        """The user takes the consent back for now."""

        def end() -> None:
            self.started = False
            self._signal(self.session, "org.freedesktop.portal.Session", "Closed", "a{sv}", [{}])

        self._loop.call_soon_threadsafe(end)

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
        self._bus: Any = await MessageBus(bus_address=self._address, negotiate_unix_fd=True).connect()
        self._bus.add_message_handler(self._on_message)
        await self._bus.request_name(NAME, NameFlag.DO_NOT_QUEUE)
        self._ready.set()
        with contextlib.suppress(EOFError, OSError):  # the bus went away
            await self._bus.wait_for_disconnect()

    def _on_message(self, message: Message) -> Message | bool | None:
        if message.message_type != MessageType.METHOD_CALL or not str(message.path).startswith(PATH):
            return None
        handler = getattr(self, f"_do_{message.member}", None)
        if handler is None:
            return None
        try:
            answer: Message | bool = handler(message, *message.body)
        except PermissionError as error:
            return Message.new_error(message, DENIED, str(error))
        return answer

    def _do_Get(self, message: Message, interface: str, name: str) -> Message:  # noqa: N802
        known = {(REMOTE, "version"): 2, (REMOTE, "AvailableDeviceTypes"): self._devices}
        if self._clipboard:
            known[CLIPBOARD, "version"] = 1
        if (interface, name) not in known:
            return Message.new_error(message, "org.freedesktop.DBus.Error.InvalidArgs", "no such interface")
        return Message.new_method_return(message, "v", [Variant("u", known[interface, name])])

    def _do_Register(self, message: Message, app_id: str, _: Any) -> Message:  # noqa: N802
        self.app_id = app_id
        return Message.new_method_return(message)

    def _do_CreateSession(self, message: Message, options: dict[str, Variant]) -> Message:  # noqa: N802
        self.owner, self.started = str(message.sender), False
        self._selected = self._clipboard_requested = False
        sender = self.owner[1:].replace(".", "_")
        self.session = f"{PATH}/session/{sender}/{options['session_handle_token'].value}"
        return self._later(message, options, 0, {"session_handle": Variant("s", self.session)})

    def _do_SelectDevices(self, message: Message, session: str, options: dict[str, Variant]) -> Message:  # noqa: N802
        self._check(session, started=False)
        assert options["types"].value == 1, "a keyboard and nothing else"
        assert options["persist_mode"].value == 2
        self.tokens.append(options["restore_token"].value if "restore_token" in options else "")
        self._selected = True
        return self._later(message, options, 0, {})

    def _do_RequestClipboard(self, message: Message, session: str, _: Any) -> Message:  # noqa: N802
        self._check(session, started=False)
        self._clipboard_requested = True
        return Message.new_method_return(message)

    def _do_Start(self, message: Message, session: str, _parent: str, options: dict[str, Variant]) -> Message:  # noqa: N802
        self._check(session, started=False)
        assert self._selected
        path = self._request_path(message, options)
        self._waiting = (str(message.sender), path)
        restored = self.tokens[-1] == self.valid != ""
        if not restored:
            self.asked += 1
        if restored or self._consent is not None:
            self._loop.call_soon(self._start_answer, *self._waiting, restored or bool(self._consent))
        return Message.new_method_return(message, "o", [path])

    def _start_answer(self, to: str, path: str, consent: bool) -> None:
        results = {}
        if consent:
            self.started = True
            self.valid = f"token-{len(self.tokens)}"
            results = {
                "devices": Variant("u", 1),
                "clipboard_enabled": Variant("b", self._clipboard_requested),
                "restore_token": Variant("s", self.valid),
            }
        self._respond(to, path, 0 if consent else 1, results)
        if consent and self._clipboard_requested and self._tells:
            self._tell_clipboard()

    def _do_Close(self, message: Message) -> Message:  # noqa: N802
        self.sessions_closed += 1
        self.started = False
        if self.ours:
            self.held, self.ours = None, []
        return Message.new_method_return(message)

    # --- keys ---------------------------------------------------------------------------------------------

    def _do_NotifyKeyboardKeycode(self, message: Message, *body: Any) -> Message:  # noqa: N802
        return self._key(message, "Keycode", *body)

    def _do_NotifyKeyboardKeysym(self, message: Message, *body: Any) -> Message:  # noqa: N802
        return self._key(message, "Keysym", *body)

    def _key(self, message: Message, kind: str, session: str, _: Any, number: int, state: int) -> Message:
        self._check(session)
        self.keys.append((kind, number, state))
        (self._down.add if state else self._down.discard)((kind, number))
        if state and kind == "Keysym" and number < 0x100:
            self.field += chr(number)
        elif state and (kind, number) == ("Keycode", 28):
            self.field += "\n"
        elif state and (kind, number) == INSERT and SHIFT in self._down and not self.ignores_paste:
            self._loop.call_soon(self._paste)
        return Message.new_method_return(message)

    def _paste(self) -> None:
        if self.held is not None:
            self.field += self.held.get(TEXT, b"").decode()
        elif TEXT in self.ours:
            self._transfer(len(self._served) + 1, TEXT)

    # --- clipboard ----------------------------------------------------------------------------------------

    def _do_SetSelection(self, message: Message, session: str, options: dict[str, Variant]) -> Message:  # noqa: N802
        self._check(session, clipboard=True)
        self.ours = list(options["mime_types"].value)
        self.held = None
        self._loop.call_soon(self._tell_clipboard)
        return Message.new_method_return(message)

    def _tell_clipboard(self) -> None:
        types: Any = Variant("as", self.ours if self.held is None else list(self.held))
        if self._wrapped:
            types = Variant("(as)", [types.value])
        options = {
            "mime_types": types,
            "session_is_owner": Variant("b", self.held is None and bool(self.ours)),
        }
        self._signal(PATH, CLIPBOARD, "SelectionOwnerChanged", "oa{sv}", [self.session, options])

    def _transfer(self, serial: int, kind: str) -> None:
        self._transfers[serial] = (kind, None)
        self._signal(PATH, CLIPBOARD, "SelectionTransfer", "osu", [self.session, kind, serial])

    def _do_SelectionWrite(self, message: Message, session: str, serial: int) -> bool:  # noqa: N802
        self._check(session, clipboard=True)
        reader, writer = os.pipe()
        kind, _ = self._transfers[serial]
        collector = threading.Thread(target=self._collect, args=(serial, kind, reader))
        self._transfers[serial] = (kind, collector)
        collector.start()
        self._send_fd(message, writer)
        return True

    def _do_SelectionWriteDone(self, message: Message, session: str, serial: int, success: bool) -> Message:  # noqa: N802
        self._check(session, clipboard=True)
        _, collector = self._transfers.pop(serial)
        if collector is None:
            assert not success
            self._served[serial] = None
        return Message.new_method_return(message)

    def _collect(self, serial: int, kind: str, reader: int) -> None:
        with os.fdopen(reader, "rb") as file:
            data = file.read()
        if serial < 100 and kind == TEXT:
            self.field += data.decode()
        self._served[serial] = data

    def _do_SelectionRead(self, message: Message, session: str, kind: str) -> bool:  # noqa: N802
        self._check(session, clipboard=True)
        if self.held is None or kind not in self.held:
            raise PermissionError("Tried to read own selection, or there is nothing of that type")
        reader, writer = os.pipe()
        self._send_fd(message, reader)
        threading.Thread(target=self._give, args=(writer, self.held[kind])).start()
        return True

    def _give(self, writer: int, data: bytes) -> None:
        with os.fdopen(writer, "wb") as file:
            file.write(data)

    # --- the wire -----------------------------------------------------------------------------------------

    def _check(self, session: str, *, started: bool = True, clipboard: bool = False) -> None:
        if session != self.session or started != self.started:
            raise PermissionError("Invalid session")
        if clipboard and not self._clipboard_requested:
            raise PermissionError("Clipboard not enabled")

    def _send_fd(self, message: Message, fd: int) -> None:
        async def send() -> None:
            await self._bus.send(Message.new_method_return(message, "h", [0], [fd]))
            os.close(fd)

        self._sending = asyncio.ensure_future(send())

    def _request_path(self, message: Message, options: dict[str, Variant]) -> str:
        return f"{PATH}/request/{str(message.sender)[1:].replace('.', '_')}/{options['handle_token'].value}"

    def _later(
        self, message: Message, options: dict[str, Variant], code: int, results: dict[str, Variant]
    ) -> Message:
        path = self._request_path(message, options)
        self._loop.call_soon(self._respond, message.sender, path, code, results)
        return Message.new_method_return(message, "o", [path])

    def _respond(self, to: str, path: str, code: int, results: dict[str, Variant]) -> None:
        self._signal(path, "org.freedesktop.portal.Request", "Response", "ua{sv}", [code, results], to)

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: list[Any], to: str | None = None
    ) -> None:
        message = Message(
            message_type=MessageType.SIGNAL, path=path, interface=interface, member=member,
            signature=signature, body=body, destination=to or self.owner,
        )  # fmt: skip
        self._bus.send(message)
