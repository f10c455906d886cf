"""Which kind of desktop session this is. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voice_edit.desktop.base import SessionKind


def session_kind(environ: Mapping[str, str], platform: str = sys.platform) -> SessionKind:
    """What the environment says; "none" where nothing is shown, as in a service or over ssh."""
    if platform == "darwin":
        return "macos"
    if platform in ("win32", "cygwin"):
        return "windows"
    if environ.get("WAYLAND_DISPLAY"):
        return "wayland"
    return "x11" if environ.get("DISPLAY") else "none"
