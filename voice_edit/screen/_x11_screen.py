"""The window with the keyboard, as an X server shows it; all of the screen where no window has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from Xlib import X
from Xlib.error import XError

from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop._x11_windows import X11Windows
from voice_edit.screen.errors import ScreenUnseen
from voice_edit.screen.shrinking import from_pixels
from voice_edit.screen.taking import Taken

TAKING_S = 5.0
"""How long it may take: 33 MB of a large screen, through python."""
_ALL_PLANES = 0xFFFFFFFF
_LAYOUTS = {(24, 32, X.LSBFirst): "BGRX", (24, 32, X.MSBFirst): "XRGB", (24, 24, X.LSBFirst): "BGR"}
"""Depth, bits of a pixel and byte order, and how Pillow calls that."""


def take(environ: Mapping[str, str]) -> Taken:
    """Take a picture. Raises ScreenUnseen, TargetError."""
    display = environ.get("DISPLAY", "")
    windows = X11Windows(display)
    try:
        active = windows.active()
    finally:
        windows.close()
    thread = XThread(display, "x11 screen")
    try:
        ref = None if active is None else int(active.id.removeprefix("x11:"), 16)
        pixels, width, height, layout, stride, whole = thread.call(
            lambda: _pixels(thread.display, ref), timeout_s=TAKING_S
        )
    finally:
        thread.close()
    of = "the screen" if active is None or whole else f"the window “{active.title or active.app}”"
    return Taken(lambda: from_pixels(pixels, width, height, layout=layout, stride=stride), of)


def _pixels(display: Any, window: int | None) -> tuple[bytes, int, int, str, int, bool]:
    """Pixels, width, height, layout and bytes in a row; whether it is the whole screen. In the thread."""
    screen = display.screen()
    root = screen.root
    at = None if window is None else _place(display, root, window)
    x, y, width, height = at or (0, 0, screen.width_in_pixels, screen.height_in_pixels)
    # From the root, so that it shows what the user sees, also where something lies on top of the window.
    got = root.get_image(x, y, width, height, X.ZPixmap, _ALL_PLANES)
    info = display.display.info
    form = next((form for form in info.pixmap_formats if form.depth == got.depth), None)
    bits = 0 if form is None else form.bits_per_pixel
    layout = _LAYOUTS.get((got.depth, bits, info.image_byte_order))
    if form is None or layout is None:
        raise ScreenUnseen(f"This X server's pixels are of a kind that is not known here ({got.depth} bits).")
    pad = form.scanline_pad
    stride = -(-width * bits // pad) * pad // 8
    data = got.data
    return (
        data if isinstance(data, bytes) else data.encode("latin-1"),
        width,
        height,
        layout,
        stride,
        at is None,
    )


def _place(display: Any, root: Any, ref: int) -> tuple[int, int, int, int] | None:
    """Where on the screen a window lies, as far as it does; None if it has just gone or lies beside it."""
    window = display.create_resource_object("window", ref)
    try:
        size = window.get_geometry()
        corner = root.translate_coords(window, 0, 0)
        edge = root.get_geometry()
    except XError:
        return None
    left, top = max(0, corner.x), max(0, corner.y)
    right, bottom = min(edge.width, corner.x + size.width), min(edge.height, corner.y + size.height)
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None
