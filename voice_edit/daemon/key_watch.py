"""The talk keys, as gestures of the daemon's loop: a listener of `hotkeys` in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from voice_edit.daemon import talk_state

if TYPE_CHECKING:
    from hotkeys import HotkeyListener, Problem, TalkEvent
    from voice_edit.config import HotkeySettings
    from voice_edit.daemon.talk_state import Gesture

logger = logging.getLogger(__name__)


AGAIN_S = 5.0
"""How often a keyboard that was lost is looked for."""

NO_KEYS_HINT = (
    "`voice-edit doctor --only hotkeys` says why. Without keys: `voice-edit talk toggle`, "
    "or F5 in `voice-edit tui`."
)


class KeyWatch:
    """Opens the keyboard, and says why where it cannot. Public methods may be called from any thread."""

    def __init__(
        self, *, on_gesture: Callable[[Gesture, TalkEvent], object], on_change: Callable[[], object]
    ) -> None:
        """Both are called from the thread of the keys. `on_gesture` gets the key's event too, for `talking`.
        `on_change`: `backend` or `problem` are others now.
        """
        self._on_gesture = on_gesture
        self._on_change = on_change
        self._listener: HotkeyListener | None = None
        self._closed = threading.Event()
        self.backend: str | None = None
        """The name of what listens; None: nothing does."""
        self.problem: dict[str, str] | None = None
        """Why nothing listens, as code, message and hint."""
        self._settings: HotkeySettings | None = None

    def open(self, settings: HotkeySettings) -> None:
        """Begin to listen, in a thread; returns at once. Never raises: see `problem`."""
        self._settings = settings
        self._closed = closed = threading.Event()
        if settings.backend == "none":
            self._set(None, None)
            return
        threading.Thread(target=self._run, args=(settings, closed), name="keys", daemon=True).start()

    def talking(self, on: bool, seen: TalkEvent | None = None) -> None:
        """Somebody talks, however it was begun: only then is the cancel key listened for. `seen`: the event
        of the key after which it is so.
        """
        listener = self._listener
        if listener is not None:
            listener.talking(on, seen=seen)

    def close(self) -> None:
        """Let go of the keys; `open` may follow."""
        self._closed.set()
        listener = self._listener
        if listener is not None:
            listener.close()

    def to_json(self) -> dict[str, Any]:
        """As `status` says it."""
        chosen = self._settings
        keys = {name: getattr(chosen, name, None) for name in ("dictate", "edit", "cancel", "style")}
        return {"backend": self.backend, "problem": self.problem, **keys}

    def _run(self, settings: HotkeySettings, closed: threading.Event) -> None:
        """Listen; where the keyboard is lost (the X server was replaced), try again until it is back."""
        was_there = self._listen(settings, closed)
        while was_there and not closed.wait(AGAIN_S):
            self._listen(settings, closed)

    def _listen(self, settings: HotkeySettings, closed: threading.Event) -> bool:
        """Listen until that ends. Whether there was a way to the keyboard at all."""
        from hotkeys import Bindings, HotkeyError, choose_backend

        names = ("dictate", "edit", "cancel", "style", "tap_ms", "debounce_ms", "longest_hold_s")
        try:
            bindings = Bindings(**{name: getattr(settings, name) for name in names})
            listener = choose_backend(bindings, settings.backend, on_problems=self._told)
        except HotkeyError as error:
            self._set(None, error)
            return False
        self._listener = listener
        try:
            if closed.is_set():
                return True
            self._set(listener.backend, None)
            self._told(listener.problems)
            for event in listener.events():
                self._on_gesture(_gesture(event), event)
        except HotkeyError as error:
            self._set(None, error)
        finally:
            if self._listener is listener:
                self._listener = None
            listener.close()
        return True

    def _told(self, problems: tuple[Problem, ...]) -> None:
        """What does not work of a way that else does: one of two chords is taken, consent is waited for."""
        before, self.problem = self.problem, None
        if problems:
            first = problems[0]
            self.problem = {"code": first.code, "message": first.message, "hint": first.hint}
        if self.problem != before:
            self._on_change()

    def _set(self, backend: str | None, error: Any) -> None:
        problem = None
        if error is not None:
            logger.info("no talk keys: %s", error)
            message, hint = str(error), error.hint
            if hasattr(error, "tried"):  # the doctor has room for the reason of each
                message, hint = "no way to the keyboard works here", NO_KEYS_HINT
            problem = {"code": error.code, "message": message, "hint": hint}
        if (backend, problem) != (self.backend, self.problem):
            self.backend, self.problem = backend, problem
            self._on_change()


def _gesture(event: object) -> Gesture:
    from hotkeys import Cancel, TalkStart, TalkStop

    match event:
        case TalkStart(mode=mode):
            return talk_state.Start(mode)
        case TalkStop():
            return talk_state.Stop()
        case Cancel():
            return talk_state.Cancel()
    raise AssertionError(f"no such event: {event}")
