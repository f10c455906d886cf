"""Keys and clipboard through the desktop portals RemoteDesktop and Clipboard: GNOME, KDE.

The desktop asks the user once; a token, kept with our data, restores the consent next time without a dialog.
The dialog is not shown before something is to be written for the first time: a daemon that starts with the
session must not greet with questions. What was said then is refused with the reason, and its words are kept.

Written after the portal's documentation and tested against a stand-in; not yet tried on a real GNOME or KDE.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from dbus_fast import Variant

from voice_edit.desktop._portal_desktop_bus import Denied, PortalBus
from voice_edit.desktop.errors import KEPT, FieldUnsupported
from voice_edit.errors import TargetError, TargetGone

if TYPE_CHECKING:
    from voice_edit.desktop._portal_desktop_keyboard import PortalKeyboard
    from voice_edit.desktop._wayland_clipboard import WaylandClipboard

logger = logging.getLogger(__name__)

REMOTE: Final = "org.freedesktop.portal.RemoteDesktop"
CLIPBOARD: Final = "org.freedesktop.portal.Clipboard"
SESSION: Final = "org.freedesktop.portal.Session"
KEYBOARD_DEVICE: Final = 1
UNTIL_REVOKED: Final = 2
REMEDY: Final = (
    "It takes xdg-desktop-portal with a desktop that offers RemoteDesktop: GNOME 42, KDE Plasma 5.27, or "
    "later. Without it, dictated words are left on the clipboard."
)
UNASKED_S: Final = 1.0
"""By then a desktop has answered that does not ask its user."""
State: TypeAlias = Literal["new", "asking", "ready", "refused", "gone"]


class PortalDesktop:
    """One session with the portal, for keyboard and clipboard. Raises FieldUnsupported without one."""

    def __init__(self, environ: Mapping[str, str], *, token: Path | None = None) -> None:
        """`token`: where the consent is kept; by default with our data."""
        address = environ.get("DBUS_SESSION_BUS_ADDRESS")
        if not address:
            raise FieldUnsupported(
                "There is no session bus: DBUS_SESSION_BUS_ADDRESS is not set.", hint=REMEDY
            )
        self._token = token or _token_path(environ)
        self._lock = threading.Lock()
        self._state: State = "new"
        self._why = ""
        self._users = 0
        self._listeners: list[Callable[[str, list[Any]], object]] = []
        self.session = ""
        """Path of the session; "" before the user agreed."""
        self.clipboard_enabled = False
        self.bus = PortalBus(address, self._on_signal)
        try:
            self._look()
            if self._token.exists():  # no dialog is to be expected
                self._begin()
        except BaseException:
            self.bus.close()
            raise

    def _look(self) -> None:
        devices = self.bus.run(self.bus.get(REMOTE, "AvailableDeviceTypes"))
        if devices is None:
            raise FieldUnsupported("There is no RemoteDesktop portal here.", hint=REMEDY)
        if not int(devices) & KEYBOARD_DEVICE:
            raise FieldUnsupported("The RemoteDesktop portal here has no keyboard to give.", hint=REMEDY)
        self.version = int(self.bus.run(self.bus.get(REMOTE, "version")) or 1)
        self.has_clipboard = self.bus.run(self.bus.get(CLIPBOARD, "version")) is not None

    # --- parts --------------------------------------------------------------------------------------------

    def keyboard(self) -> PortalKeyboard:
        """The keyboard of this session; closing the last part closes the session."""
        from voice_edit.desktop._portal_desktop_keyboard import PortalKeyboard

        self._users += 1
        return PortalKeyboard(self)

    def clipboard(self) -> WaylandClipboard:
        """The clipboard of this session. Raises FieldUnsupported where the portal has none."""
        from voice_edit.desktop._portal_desktop_clipboard import PortalSelections
        from voice_edit.desktop._wayland_clipboard import WaylandClipboard

        if not self.has_clipboard:
            raise FieldUnsupported(
                "The desktop's portal does not let programs look after the clipboard.", hint=REMEDY
            )
        self._users += 1
        return WaylandClipboard(lambda: PortalSelections(self), name="portal")

    def let_go(self) -> None:
        """One of the parts is closed."""
        self._users -= 1
        if self._users <= 0:
            self.close()

    def close(self) -> None:
        """End the session, so that the desktop no longer shows that it is controlled, and the connection."""
        if self.session:
            with contextlib.suppress(TargetError):
                self.bus.run(self.bus.call(SESSION, "Close", "", [], path=self.session), 1.0)
        self.bus.close()

    # --- consent ------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._state

    def ready(self) -> str:
        """The session, once the user has agreed. Begins to ask where nobody did. Raises FieldUnsupported."""
        with self._lock:
            if self._state in ("new", "gone"):
                self._begin()
                self.bus.run(self._wait_for_answer())
            if self._state == "ready":
                return self.session
        if self._state == "asking":
            raise FieldUnsupported(
                "The desktop asks whether voice-edit may press keys, and was not answered yet.",
                hint=f"Nothing was written. Allow it in the dialog and say it again. {KEPT}",
            )
        if self._state == "gone":
            raise TargetGone(f"The desktop portal is out of reach: {self._why}.")
        raise FieldUnsupported(
            f"The desktop does not let voice-edit press keys: {self._why}.",
            hint="Nothing was written. Start voice-edit again to be asked again, and allow it: "
            "voice-edit service restart",
        )

    def on_signal(self, told: Callable[[str, list[Any]], object]) -> None:
        """Be told of the signals of the clipboard: name and values. In the thread of the bus."""
        self._listeners.append(told)

    def _begin(self) -> None:
        """Begin a session in the background."""
        self._state, self._why = "asking", ""

        async def start() -> None:
            self._start = asyncio.ensure_future(self._ask())

        self.bus.run(start())

    async def _wait_for_answer(self) -> None:
        """For a moment: with a token, or where the desktop trusts us anyway, nobody is asked."""
        await asyncio.wait([self._start], timeout=UNASKED_S)

    async def _ask(self) -> None:
        try:
            await self._go()
        except Denied as error:
            self._state, self._why = "refused", str(error)
            with contextlib.suppress(OSError):
                self._token.unlink()
        except TargetError as error:
            self._state, self._why = "gone", str(error).rstrip(".")
        else:
            self._state = "ready"

    async def _go(self) -> None:
        token = f"voice_edit_{secrets.token_hex(8)}"
        results = await self.bus.request(
            REMOTE, "CreateSession", "a{sv}", [], {"session_handle_token": Variant("s", token)}
        )
        session = str(results["session_handle"])
        wishes = {"types": Variant("u", KEYBOARD_DEVICE)}
        if self.version >= 2:
            wishes["persist_mode"] = Variant("u", UNTIL_REVOKED)
            if kept := self._kept():
                wishes["restore_token"] = Variant("s", kept)
        await self.bus.request(REMOTE, "SelectDevices", "oa{sv}", [session], wishes)
        if self.has_clipboard:
            await self.bus.call(CLIPBOARD, "RequestClipboard", "oa{sv}", [session, {}])
        self.session = session  # from here on its signals are ours
        results = await self.bus.request(REMOTE, "Start", "osa{sv}", [session, ""], {})
        if not int(results.get("devices", 0)) & KEYBOARD_DEVICE:
            raise Denied("the keyboard was not allowed")
        self.clipboard_enabled = bool(results.get("clipboard_enabled", False))
        self._keep(str(results.get("restore_token", "")))

    def _kept(self) -> str:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return self._token.read_text("utf-8").strip()
        return ""

    def _keep(self, token: str) -> None:
        """Each token restores once, and the answer brings the next."""
        try:
            if not token:
                self._token.unlink(missing_ok=True)
                return
            self._token.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(token)
        except OSError as error:
            logger.warning("The desktop's consent cannot be kept: %s", error)

    def _on_signal(self, interface: str, member: str, values: list[Any]) -> None:
        if member == "gone" or (interface == SESSION and values == [self.session]):
            if self.session or self._state == "asking":
                self._state, self.session = "gone", ""
                self._tell("gone", [])
        elif interface == CLIPBOARD and values and values[0] == self.session:
            self._tell(member, values[1:])

    def _tell(self, name: str, values: list[Any]) -> None:
        for told in self._listeners:
            told(name, values)


def _token_path(environ: Mapping[str, str]) -> Path:
    from voice_edit.paths import Paths

    return Paths.from_environment(environ).data_folder / "portal-token"
