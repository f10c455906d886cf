"""Keys of an X server, by grabs: our chords come to us and to nobody else.

A grab is for one exact set of modifiers, and NumLock is one: every combination of locks is grabbed too. While
a grabbed key is down the whole keyboard is ours, so Escape reaches us in the middle of a hold without a grab
of its own. Losing the connection frees all grabs: a killed program takes no key with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

from Xlib import X, error
from Xlib import display as xdisplay

from hotkeys._x11keys import ALL_MODIFIERS, Grab, Keymap
from hotkeys._xkb import Keyboard
from hotkeys.bindings import Action, Bindings
from hotkeys.errors import BackendUnavailable, ChordTaken, ChordUnsupported, ListenerLost, Problem
from hotkeys.gesture import CancelPress, KeyEvent, Press, Release
from hotkeys.listener import OnProblems, ThreadedListener

LOOK_S = 1.0
"""How often the server is asked whether a held key is still down: releases get lost, e.g. on a VT switch."""
REPEAT_PAIR_MS = 10
"""Without detectable auto-repeat, the press of a pair is read this much after its release at the latest."""


def connect(name: str | None = None) -> Any:
    """A connection to the X server `name`, $DISPLAY by default. Raises BackendUnavailable with the reason."""
    shown = os.environ.get("DISPLAY", "") if name is None else name
    if not shown:
        raise BackendUnavailable("DISPLAY is not set: no X server", hint=NO_DISPLAY)
    try:
        return xdisplay.Display(shown)
    except (error.DisplayError, error.ConnectionClosedError, error.XauthError, *_CANNOT) as problem:
        _close_sockets(problem)
        raise BackendUnavailable(
            f"the X server {shown} does not let us in: {problem}",
            hint="Run voice-edit inside the graphical session, with its DISPLAY and XAUTHORITY.",
        ) from problem


_CANNOT = (OSError, ValueError, OverflowError)
"""No such socket, or a display name that python-xlib trips over."""


def _close_sockets(problem: BaseException) -> None:
    """Close what python-xlib leaves open when it cannot connect: the sockets live on in the traceback."""
    fault: BaseException | None = problem
    while fault is not None:
        for frame, _ in traceback.walk_tb(fault.__traceback__):
            for value in frame.f_locals.values():
                if isinstance(value, socket.socket):
                    value.close()
        fault = fault.__context__


NO_DISPLAY = (
    "Start voice-edit inside the graphical session (`voice-edit service install` does); "
    "on a text console use `voice-edit talk toggle`."
)


class X11Listener(ThreadedListener):
    """Grabs the talk chords on every screen. Raises BackendUnavailable, ChordTaken or ChordUnsupported."""

    backend = "x11"
    consumes = True

    def __init__(
        self, bindings: Bindings, *, display: str | None = None, on_problems: OnProblems | None = None
    ) -> None:
        self._display = connect(display)
        self._display.set_error_handler(lambda *_: None)  # grabs report their errors themselves
        try:
            self._keyboard = Keyboard(self._display)
            clean = self._keyboard.detectable_auto_repeat()
            self._keyboard.watch_the_map()
            super().__init__(bindings, on_problems=on_problems, least_wait_ms=0 if clean else REPEAT_PAIR_MS)
            self._roots = [self._display.screen(n).root for n in range(self._display.screen_count())]
            self._chords = bindings.chords()
            self._grabs: dict[Action, Grab] = {}
            self._down: int | None = None
            """Key code of the talk key that went down last."""
            self._cancel_wanted = False
            self._map_changed = False
            self._looked_s = 0.0
            self._keymap = Keymap.read(self._display)
            self._regrab()
            if not any(mode in self._grabs for mode in bindings.talk_chords()):
                first = self.problems[0]
                kind = ChordTaken if first.code == ChordTaken.code else ChordUnsupported
                raise kind("; ".join(problem.message for problem in self.problems), hint=first.hint)
        except BaseException:
            self._display.close()
            raise
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._start()

    # --- waiting ------------------------------------------------------------------------------------------

    def _wait(self, timeout_s: float | None) -> Iterable[KeyEvent]:
        try:
            return list(self._events(timeout_s))
        except (error.ConnectionClosedError, OSError) as problem:
            raise ListenerLost(f"the X server is gone: {problem}") from problem

    def _events(self, timeout_s: float | None) -> Iterator[KeyEvent]:
        holding = self._gesture.down is not None and self._gesture.released_ms is None
        if holding:
            timeout_s = min(LOOK_S, LOOK_S if timeout_s is None else timeout_s)
        if not self._display.pending_events():
            ready, _, _ = select.select([self._display.fileno(), self._woken], [], [], timeout_s)
            if self._woken in ready:
                self._drain()
        while self._display.pending_events():
            event = self._display.next_event()
            if event.type == X.KeyPress:
                yield from self._pressed(event.detail, event.state)
            elif event.type == X.KeyRelease:
                yield from self._released(event.detail)
            elif self._keyboard.is_new_map(event):
                self._map_changed = True
        if self._map_changed:
            self._map_changed = False
            self._reload()
        if holding and time.monotonic() - self._looked_s >= LOOK_S:
            self._looked_s = time.monotonic()
            if self._down is not None and not is_down(self._display, self._down):
                yield from self._released(self._down)

    def _pressed(self, keycode: int, state: int) -> Iterator[KeyEvent]:
        mask = state & ALL_MODIFIERS & ~self._keymap.lock_mask
        if self._gesture.down is not None and keycode == self._down:
            yield Press(self._gesture.down)  # a repeat, whatever became of the modifiers
            return
        for mode in self.bindings.talk_chords():
            if self._matches(mode, keycode, mask):
                if self._gesture.down is None:
                    self._down = keycode
                    self._looked_s = time.monotonic()
                yield Press(mode)
                return
        held = 0
        if self._gesture.down is not None and (grab := self._grabs.get(self._gesture.down)):
            held = grab.mask  # modifiers of the chord that is still held may be down too
        if any(self._matches("cancel", keycode, seen) for seen in (mask, mask & ~held)):
            yield CancelPress()

    def _released(self, keycode: int) -> Iterator[KeyEvent]:
        if self._gesture.down is not None and keycode == self._down:
            yield Release(self._gesture.down)
            return
        for mode in self.bindings.talk_chords():
            if mode in self._grabs and keycode in self._grabs[mode].keycodes:
                yield Release(mode)

    def _matches(self, action: Action, keycode: int, mask: int) -> bool:
        grab = self._grabs.get(action)
        return grab is not None and keycode in grab.keycodes and mask == grab.mask

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it will wake anyway; closed: it is over
            self._waker.send(b"x")

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    # --- grabbing -----------------------------------------------------------------------------------------

    def _want_cancel_key(self, wanted: bool) -> None:
        self._cancel_wanted = wanted
        grab = self._grabs.get("cancel")
        if grab is None:
            return
        try:
            if not wanted:
                self._ungrab(grab)
            elif not self._grab(grab):
                chord = self._chords["cancel"]
                self._set_problems([*self._other_problems(), _taken("cancel", str(chord))])
            self._display.flush()
        except (error.ConnectionClosedError, OSError) as problem:
            raise ListenerLost(f"the X server is gone: {problem}") from problem

    def _other_problems(self) -> list[Problem]:
        return [problem for problem in self.problems if "cancel" not in problem.message]

    def _reload(self) -> None:
        """The keyboard map changed: grab anew where our chords moved."""
        keymap = Keymap.read(self._display)
        if keymap != self._keymap:
            self._keymap = keymap
            self._regrab()

    def _regrab(self) -> None:
        """Let go of everything, and grab what can be had."""
        for root in self._roots:
            root.ungrab_key(X.AnyKey, X.AnyModifier)
        self._grabs = {}
        problems = []
        for action, chord in self._chords.items():
            try:
                grab = self._keymap.grab(chord)
            except ChordUnsupported as missing:
                problems.append(Problem("chord-missing", f"{action}: {missing}", missing.hint))
                continue
            if (action != "cancel" or self._cancel_wanted) and not self._grab(grab):
                problems.append(_taken(action, str(chord)))
                continue
            self._grabs[action] = grab
        self._set_problems(problems)

    def _grab(self, grab: Grab) -> bool:
        """Whether all of it is ours now. What was had before a refusal is given back."""
        refused = error.CatchError(error.BadAccess)
        for root in self._roots:
            for keycode in grab.keycodes:
                for mask in self._keymap.with_locks(grab.mask):
                    root.grab_key(keycode, mask, False, X.GrabModeAsync, X.GrabModeAsync, onerror=refused)
        self._display.sync()
        if refused.get_error() is None:
            return True
        self._ungrab(grab)
        return False

    def _ungrab(self, grab: Grab) -> None:
        for root in self._roots:
            for keycode in grab.keycodes:
                for mask in self._keymap.with_locks(grab.mask):
                    root.ungrab_key(keycode, mask)

    def _let_go(self) -> None:
        with contextlib.suppress(error.ConnectionClosedError, OSError):
            self._display.close()  # frees every grab of this connection
        self._woken.close()
        self._waker.close()


def _taken(action: str, chord: str) -> Problem:
    return Problem(ChordTaken.code, f"{action}: another program holds {chord}", ChordTaken.hint)


def is_down(display: Any, keycode: int) -> bool:
    """Whether the key is physically down, as far as the server knows."""
    return bool(display.query_keymap()[keycode // 8] >> keycode % 8 & 1)
