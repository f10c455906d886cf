"""A picture of what the user looks at, by whatever way this session has.

X11        the window with the keyboard, as far as it lies on the screen; else all of it
Wayland    the desktop portal's Screenshot, which asks the user first where the desktop wants that
macOS      all screens; the system asks once (not tested on a Mac)
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from voice_edit.desktop.session import session_kind
from voice_edit.errors import TargetError
from voice_edit.screen.errors import SWITCH_OFF, ScreenUnseen

_WAYS = {"x11": "_x11_screen", "wayland": "_portal_screen", "macos": "_mac_screen"}


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture that was taken."""

    image: Callable[[], bytes]
    """It as a small file; may take a while."""
    of: str
    """What it shows, for people."""


def take(environ: Mapping[str, str] | None = None, *, platform: str = sys.platform) -> Taken:
    """Take a picture now. Raises ScreenUnseen."""
    environ = os.environ if environ is None else environ
    kind = session_kind(environ, platform)
    if kind not in _WAYS:
        raise ScreenUnseen("There is no screen here that could be looked at.")
    way: Any = importlib.import_module(f"voice_edit.screen.{_WAYS[kind]}")
    try:
        taken: Taken = way.take(environ)
    except TargetError as error:
        raise ScreenUnseen(
            f"The screen cannot be looked at: {error}", hint=f"{error.hint} {SWITCH_OFF}"
        ) from error
    return taken
