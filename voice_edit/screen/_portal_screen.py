"""The screen by the desktop portal's Screenshot, as Wayland wants it. The desktop may ask the user first.

The portal hands over a file that it has written; it is read and taken away at once.
https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Screenshot.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from dbus_fast import Variant

from voice_edit.desktop._portal_desktop_bus import Denied, PortalBus
from voice_edit.screen.errors import ScreenUnseen
from voice_edit.screen.shrinking import shrunk
from voice_edit.screen.taking import Taken
from voice_edit.screen.views import MOST_FILE_BYTES

INTERFACE = "org.freedesktop.portal.Screenshot"
CONSENT_S = 30.0
"""How long the user may think about it, where the desktop asks."""


def take(environ: Mapping[str, str]) -> Taken:
    """Take a picture. Raises ScreenUnseen, TargetError."""
    bus = PortalBus(environ.get("DBUS_SESSION_BUS_ADDRESS", ""), lambda *_: None)
    try:
        results = bus.run(_ask(bus), CONSENT_S)
    except Denied as error:
        raise ScreenUnseen(f"The desktop took no picture of the screen: {error}.") from error
    finally:
        bus.close()
    data = _read_away(str(results.get("uri", "")))
    return Taken(lambda: shrunk(data, name="the screen"), "the screen")


async def _ask(bus: PortalBus) -> dict[str, Any]:
    return await bus.request(INTERFACE, "Screenshot", "sa{sv}", [""], {"interactive": Variant("b", False)})


def _read_away(uri: str) -> bytes:
    """What is in the file that the portal names, which is deleted. Raises ScreenUnseen."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path:
        raise ScreenUnseen("The desktop named no file for its picture of the screen.")
    path = Path(unquote(parts.path))
    try:
        with path.open("rb") as file:
            data = file.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise ScreenUnseen(
            f"The desktop's picture of the screen cannot be read: {error.strerror}."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
    if len(data) > MOST_FILE_BYTES:
        raise ScreenUnseen("The desktop's picture of the screen is too large.")
    return data
