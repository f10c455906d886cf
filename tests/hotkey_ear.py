"""Whoever consumes a listener, as the daemon does: in a thread of its own."""

from __future__ import annotations

import queue
import threading

from virtual_display import PATIENCE_S

from hotkeys import Cancel, HotkeyError, HotkeyListener, TalkEvent, TalkStart, TalkStop


class Ear:
    """Consumes a listener in a thread, as the daemon does."""

    def __init__(self, listener: HotkeyListener) -> None:
        self.listener = listener
        self.error: HotkeyError | None = None
        self.gestures: list[TalkEvent] = []
        """Everything that was heard so far."""
        self._over = False
        self._heard: queue.Queue[TalkEvent | None] = queue.Queue()
        self._thread = threading.Thread(target=self._consume, daemon=True)
        self._thread.start()

    def next(self) -> str:
        """The next gesture: "start edit", "stop", "cancel"; "end" when there are no more."""
        event = self._heard.get(timeout=PATIENCE_S)
        match event:
            case TalkStart(mode):
                return f"start {mode}"
            case TalkStop():
                return "stop"
            case Cancel():
                return "cancel"
        self._over = True
        return "end"

    def close(self) -> list[str]:
        """Close the listener; the gestures that nobody asked for."""
        self.listener.close()
        self._thread.join(PATIENCE_S)
        rest: list[str] = []
        if self._over:
            return rest
        while (told := self.next()) != "end":
            rest.append(told)
        return rest

    def _consume(self) -> None:
        try:
            for event in self.listener.events():
                self.gestures.append(event)
                self._heard.put(event)
        except HotkeyError as error:
            self.error = error
        self._heard.put(None)
