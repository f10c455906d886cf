"""All screens of a Mac, by Core Graphics. UNTESTED: no Mac was at hand; written after Apple's CGWindow.h,
CGWindowListCreateImage and NSBitmapImageRep, which pyobjc (it comes with pynput) hands through.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from voice_edit.screen.errors import SWITCH_OFF, ScreenUnseen
from voice_edit.screen.shrinking import shrunk
from voice_edit.screen.taking import Taken

PERMISSION = (
    "Allow it in System Settings > Privacy & Security > Screen Recording, and start the daemon again. "
    + SWITCH_OFF
)
_ON_SCREEN_ONLY = 1  # kCGWindowListOptionOnScreenOnly
_NO_WINDOW = 0  # kCGNullWindowID
_DEFAULT = 0  # kCGWindowImageDefault
_PNG = 4  # NSBitmapImageFileTypePNG


def take(environ: Mapping[str, str]) -> Taken:
    """Take a picture. Raises ScreenUnseen."""
    try:
        quartz: Any = importlib.import_module("Quartz")
        kit: Any = importlib.import_module("AppKit")
    except ImportError as error:
        raise ScreenUnseen(f"A library is missing: {error}.") from error
    if not quartz.CGPreflightScreenCaptureAccess():
        quartz.CGRequestScreenCaptureAccess()  # has the system ask, once
        raise ScreenUnseen("macOS does not let this program see the screen.", hint=PERMISSION)
    picture = quartz.CGWindowListCreateImage(quartz.CGRectInfinite, _ON_SCREEN_ONLY, _NO_WINDOW, _DEFAULT)
    if picture is None:
        raise ScreenUnseen("macOS gave no picture of the screen.")
    made = kit.NSBitmapImageRep.alloc().initWithCGImage_(picture)
    data = bytes(made.representationUsingType_properties_(_PNG, {}))
    return Taken(lambda: shrunk(data, name="the screen"), "the screen")
