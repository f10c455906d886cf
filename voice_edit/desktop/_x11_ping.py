"""Ask a program whether it still reads its events (_NET_WM_PING), as a window manager does.

It answers in the order in which things came to it: an answer to a ping that was sent behind a key press says
that the key was read as well.
"""

from __future__ import annotations

import secrets
from concurrent.futures import Future
from typing import Any

from Xlib import X
from Xlib.error import BadWindow, CatchError, XError
from Xlib.protocol import event as xevent

from voice_edit.desktop._x11_atoms import Atoms, client_of
from voice_edit.desktop._x11_loop import XThread


class Pings:
    """Lives in the thread of a connection."""

    def __init__(self, thread: XThread, atoms: Atoms) -> None:
        self._display, self._atoms = thread.display, atoms
        self._root = self._display.screen().root
        self._open: dict[tuple[int, int], Future[bool]] = {}
        self.proven: set[int] = set()
        """Clients that have answered before. Others may have promised what they do not keep."""

    def ask(self, window_id: int) -> Future[bool] | None:
        """Ping the program of a window; the future ends when it answers, which a frozen one never does.
        None where the program does not take part.
        """
        protocols, ping = self._atoms["WM_PROTOCOLS"], self._atoms["_NET_WM_PING"]
        window = self._display.create_resource_object("window", window_id)
        try:
            known = window.get_property(protocols, X.AnyPropertyType, 0, 64)
        except XError:
            return None
        if known is None or known.format != 32 or ping not in known.value:
            return None
        token = secrets.randbits(32) or 1
        answer: Future[bool] = Future()
        self._open = {key: one for key, one in self._open.items() if not one.done()}
        self._open[window_id, token] = answer
        # Answers go to the root window, where other clients than the window manager may listen too. Qt (6.12)
        # sends them to those who watch the root window itself, everybody else to those who watch inside it.
        self._root.change_attributes(event_mask=X.SubstructureNotifyMask | X.StructureNotifyMask)
        message = xevent.ClientMessage(
            window=window, client_type=protocols, data=(32, [ping, token, window_id, 0, 0])
        )
        window.send_event(message, onerror=CatchError(BadWindow))
        return answer

    def forget(self, answer: Future[bool] | None) -> None:
        """It is no longer waited for."""
        if answer is not None:
            answer.cancel()
        self._tidy()

    def on_event(self, event: Any) -> bool:
        """Whether the event was an answer."""
        if event.type != X.ClientMessage or event.client_type != self._atoms["WM_PROTOCOLS"]:
            return False
        format_, numbers = event.data
        if format_ != 32 or numbers[0] != self._atoms["_NET_WM_PING"]:
            return False
        answer = self._open.pop((numbers[2], numbers[1]), None)
        if answer is not None:
            self.proven.add(client_of(self._display, numbers[2]))
        if answer is not None and answer.set_running_or_notify_cancel():
            answer.set_result(True)
        self._tidy()
        return True

    def _tidy(self) -> None:
        self._open = {key: one for key, one in self._open.items() if not one.done()}
        if not self._open:
            self._root.change_attributes(event_mask=0)
