"""The windows of an X session: which one has the keyboard, and whose it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from Xlib import X
from Xlib.error import XError

from voice_edit.desktop._x11_atoms import client_of
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop.base import Window

_LONGEST_TITLE = 4096
"""Bytes of a title that are read."""
_DEEPEST = 32
"""Windows between one with the focus and the root, at most."""
_LOCAL_PID = 2
"""XRes LocalClientPIDMask."""


class X11Windows:
    """Asks the server each time (about 1 ms): what it answers is what the next key press would meet.

    Raises FieldUnsupported where there is no X server.
    """

    def __init__(self, display: str | None = None) -> None:
        self._thread = XThread(display, "x11 windows")
        self._display = self._thread.display
        self._root = self._display.screen().root
        self._atoms: dict[str, int] = {}
        self._pids: bool = self._display.has_extension("X-Resource")

    def active(self) -> Window | None:
        """The window with the keyboard; None if there is none, or it is the window manager's own."""
        return self._thread.call(self._active)

    def close(self) -> None:
        """Close the connection."""
        self._thread.close()

    # --- in the thread ------------------------------------------------------------------------------------

    def _active(self) -> Window | None:
        told = self._told_active()
        focus = self._display.get_input_focus().focus
        if isinstance(focus, int):  # None, or "whatever is under the pointer"
            return None if told is None else self._describe(told)
        for window in self._upwards(focus):
            if (told is not None and window.id == told.id) or self._is_managed(window):
                return self._describe(window)
        top = self._top(focus)
        if top is None:
            return None if told is None else self._describe(told)
        # Outside all windows: a menu or a launcher that placed itself, or the place where the window manager
        # puts the focus when no window should have it.
        return None if self._is_the_managers(top) else self._describe(top)

    def _told_active(self) -> Any | None:
        """What the window manager calls active; None if it has not said."""
        told = self._property(self._root, "_NET_ACTIVE_WINDOW")
        return self._display.create_resource_object("window", told[0]) if told and told[0] else None

    def _upwards(self, window: Any) -> Iterator[Any]:
        """A window and what it lies in, without the root."""
        with contextlib.suppress(XError):
            for _ in range(_DEEPEST):
                if window == self._root or isinstance(window, int):
                    return
                yield window
                window = window.query_tree().parent

    def _top(self, window: Any) -> Any | None:
        path = list(self._upwards(window))
        return path[-1] if path else None

    def _is_managed(self, window: Any) -> bool:
        return self._property(window, "WM_STATE") is not None

    def _is_the_managers(self, window: Any) -> bool:
        """Whether the window manager made it."""
        its_own = self._property(self._root, "_NET_SUPPORTING_WM_CHECK")
        client = client_of(self._display, window.id)
        return bool(its_own) and client_of(self._display, its_own[0]) == client

    def _describe(self, window: Any) -> Window | None:
        """None if it has just gone."""
        try:
            if window.get_attributes().map_state == X.IsUnmapped:
                return None
            return Window(
                f"x11:{window.id:#x}", self._class(window), self._title(window), self._pid_of(window)
            )
        except XError:
            return None

    def _class(self, window: Any) -> str:
        """The class of WM_CLASS, else its instance name, lower case."""
        names = bytes(self._property(window, "WM_CLASS") or b"").split(b"\0")
        known = [name for name in (*names[1:2], *names[:1]) if name]
        return known[0].decode("utf-8", "replace").lower() if known else ""

    def _title(self, window: Any) -> str:
        for name in ("_NET_WM_NAME", "WM_NAME"):
            value = self._property(window, name)
            if isinstance(value, bytes) and value:
                try:
                    return value.decode("utf-8")
                except UnicodeDecodeError:
                    return value.decode("latin-1")
        return ""

    def _pid_of(self, window: Any) -> int | None:
        """The process behind the connection, as the server sees it; what the window claims if it does not.

        A program in a container claims a number of its own world.
        """
        if self._pids:
            spec = {"client": window.id, "mask": _LOCAL_PID}
            with contextlib.suppress(XError):
                for answer in self._display.res_query_client_ids([spec]).ids:
                    if answer.value:
                        return int(answer.value[0])
        claimed = self._property(window, "_NET_WM_PID")
        return int(claimed[0]) if claimed else None

    def _property(self, window: Any, name: str) -> Any:
        """Its value, None if there is none: bytes of a text, an array of numbers."""
        try:
            found = window.get_property(self._atom(name), X.AnyPropertyType, 0, _LONGEST_TITLE // 4)
        except XError:
            return None
        return found.value if found is not None and len(found.value) else None

    def _atom(self, name: str) -> int:
        if name not in self._atoms:
            self._atoms[name] = self._display.intern_atom(name)
        return self._atoms[name]
