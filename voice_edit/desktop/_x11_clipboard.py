"""The clipboard of an X session, borrowed for a paste.

The race that this is about: a program fetches the clipboard when it gets around to it, not when the key is
pressed. So the words stay on offer until that program (told by the owner of the window that asks) has fetched
them, and only then does the clipboard show again what it held: we go on as its owner and give out, type by
type, the bytes we read before.

A clipboard manager fetches everything at once and proves nothing; the one that says what it is
(CLIPBOARD_MANAGER) is given the old content even while the words are on offer, so that it never sees them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from typing import Final

from voice_edit.desktop._x11_atoms import CLIPBOARD, MANAGER, PRIMARY, client_of
from voice_edit.desktop._x11_handover import hand_over
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop._x11_owning import Saved, Selections
from voice_edit.desktop._x11_texts import TEXT, same_text, text_contents
from voice_edit.desktop.base import PasteState, Window
from voice_edit.desktop.clipboard_state import Contents
from voice_edit.errors import TargetError, TargetTimeout, TargetUncertain

logger = logging.getLogger(__name__)

AWAKE_S: Final = 1.0
"""How long a program may take to say that it is awake."""
TRIES: Final = 3
"""How often the clipboard is taken back from a manager that owns a copy of everything."""
COPIED_S: Final = 0.5
"""How long a program may take to paste from somebody who copied the words from us."""
READ_S: Final = 12.0
"""How long reading what the clipboard holds may take altogether."""
TRANSFER_S: Final = 5.0
"""How much longer than its time a program may take that is fetching the words right now."""

PASTES_PRIMARY: Final = frozenset(
    {
        "alacritty", "aterm", "eterm", "gnome-terminal", "gnome-terminal-server", "guake", "kitty",
        "lxterminal", "mate-terminal", "roxterm", "rxvt", "sakura", "st", "st-256color", "terminator",
        "termite", "tilix", "urxvt", "uxterm", "xfce4-terminal", "xterm",
    }
)  # fmt: skip
"""Classes of terminals: Shift+Insert pastes PRIMARY there, even what they themselves have selected."""


class X11Clipboard:
    """Raises FieldUnsupported where there is no X server."""

    name = "x11"

    def __init__(self, display: str | None = None) -> None:
        self._thread = XThread(display, "x11 clipboard")
        self._selections = self._thread.call(lambda: Selections(self._thread))
        self._one_paste = threading.Lock()
        self._deaf: set[int] = set()
        """Clients that did not answer a ping when first asked: they are not waited for again."""

    def paste(
        self,
        text: str,
        *,
        into: Window | None,
        press: Callable[[], None],
        timeout_s: float,
        primary: bool | None = None,
    ) -> PasteState:
        """See `Clipboard.paste`. Returns when the words were fetched; what the clipboard held is there again
        a moment later (QUIET_MS), see `wait_until_given_back`.

        `primary`: whether PRIMARY offers the words too, which terminals paste. Taking it clears what is
        highlighted in some programs (GTK, Tk); None therefore leaves it alone when the program of `into`
        owns it and is no terminal.

        Raises TargetTimeout when the program of `into` or the present owner of the clipboard does not answer,
        FieldUnsupported when it holds too much to set aside, TargetUncertain when the program stops fetching
        half-way, and what `press` raises.
        """
        call, selections = self._thread.call, self._selections
        with self._one_paste:
            began_s = time.monotonic()
            window = _number(into)
            client = None if window is None else client_of(self._thread.display, window)
            if into is not None and window is not None:
                self._refuse_frozen(into, window, min(AWAKE_S, timeout_s))
            answer: Future[bool] | None = None
            try:
                if not self._lend(text_contents(text, secret=True), into, client, primary):
                    logger.info("another program took the clipboard before the words could be pasted")
                    return "unclaimed"
                press()
                if window is not None:
                    answer = call(partial(selections.pings.ask, window))
                self._wait_for_claim(timeout_s)
                taken = call(partial(selections.conclude, client, answer))
            finally:
                self._thread.ask(selections.give_back_when_quiet)
            if taken:
                self._thread.ask(partial(selections.pings.forget, answer))
            logger.debug("taken: %s, after %.0f ms", taken, 1000 * (time.monotonic() - began_s))
            return "claimed" if taken else "unclaimed"

    def prepare(self) -> None:
        """Begin to read what the clipboard holds, so that a paste that comes soon need not wait for it."""
        if not self._thread.over:
            self._thread.ask(partial(self._selections.save, CLIPBOARD))

    def wait_until_given_back(self, timeout_s: float) -> bool:
        """Wait until the clipboard shows again what it held; False when it does not yet."""
        return self._selections.given_back.wait(timeout_s)

    def put(self, text: str) -> bool:
        """Leave `text` on the clipboard for the user; True if it was read back."""
        with self._one_paste:
            contents = text_contents(text, secret=False)
            if not self._thread.call(lambda: self._selections.show(CLIPBOARD, contents)):
                return False
            return same_text(self.read(only=TEXT), contents)

    def read(self, selection: str = CLIPBOARD, *, only: str | None = None) -> Contents:
        """What a selection holds, or `only` one type of it. Raises TargetTimeout, FieldUnsupported."""
        return self._wait(selection, self._thread.call(lambda: self._selections.read(selection, only=only)))

    def _wait(self, selection: str, reading: Future[Contents]) -> Contents:
        try:
            return reading.result(READ_S)
        except FutureTimeout as problem:
            if reading.done():
                raise
            raise TargetTimeout(f"Reading {selection.lower()} took longer than {READ_S:g} s.") from problem

    def has_manager(self) -> bool:
        """Whether there is a clipboard manager that says so."""
        return self._thread.call(lambda: self._selections.owner_client(MANAGER)) is not None

    def is_owned_by_manager(self) -> bool:
        """Whether it is the manager that offers what the clipboard holds."""
        owners = [self._thread.call(partial(self._selections.owner_client, n)) for n in (CLIPBOARD, MANAGER)]
        return owners[0] is not None and owners[0] == owners[1]

    def is_expecting_a_late_paste(self) -> bool:
        """Whether a program that was frozen would be refused what it pastes when it wakes up."""
        return self._thread.call(lambda: self._selections.expects_late)

    def close(self) -> None:
        """Give back what is borrowed; what we still offer for others is handed over, see `_x11_handover`."""
        with self._one_paste:
            if not self._thread.over:
                with contextlib.suppress(TargetError):
                    self._thread.call(self._selections.give_back)
                    hand_over(self._thread, self._selections)
            self._thread.close()

    # --- steps of a paste ---------------------------------------------------------------------------------

    def _refuse_frozen(self, into: Window, window: int, patience_s: float) -> None:
        """Raise TargetTimeout if the program of this window reads no events: a paste key would be acted upon
        whenever it wakes up.
        """
        hint = (
            "Nothing was written. Wait until it answers again, then `voice-edit retry N`: the words are kept."
        )
        client = client_of(self._thread.display, window)
        if self._thread.call(partial(self._selections.is_asleep, client)):
            message = f"{into.app or 'That program'} has not dealt with the last paste yet."
            raise TargetTimeout(message, hint=hint)
        if client in self._deaf - self._selections.pings.proven:
            return
        answer = self._thread.call(partial(self._selections.pings.ask, window))
        if answer is None:
            return
        try:
            answer.result(patience_s)
        except FutureTimeout as problem:
            self._thread.ask(partial(self._selections.pings.forget, answer))
            if client not in self._selections.pings.proven:
                self._deaf.add(client)
                logger.info("%s claims to answer pings and does not, or is frozen", into.app or into.id)
                return
            message = f"{into.app or 'That program'} has not answered for {patience_s:g} s: busy or frozen."
            raise TargetTimeout(message, hint=hint) from problem

    def _lend(self, words: Contents, into: Window | None, client: int | None, primary: bool | None) -> bool:
        """Put the words on offer; whether they are, at the moment in which the key may be pressed."""
        call, selections = self._thread.call, self._selections
        names = [CLIPBOARD]
        if primary or (primary is None and call(lambda: self._takes_primary(into, client))):
            names.append(PRIMARY)
        saved: dict[str, Saved] = {}
        for _ in range(TRIES):
            for name in tuple(names):
                if (found := None if name in saved else call(partial(selections.save, name))) is None:
                    continue
                try:
                    self._wait(name, found.reading)
                    saved[name] = found
                except TargetError as problem:
                    if name == CLIPBOARD or primary:
                        raise
                    logger.info("PRIMARY is left alone: %s", problem)
                    names.remove(name)
            if not call(partial(selections.lend, words, saved, names, client)):
                saved = {}  # somebody copied something just now
            elif call(selections.start_claim):
                return True
            elif same_text(self.read(only=TEXT), words):
                # Some managers own a copy of whatever is copied. They do not copy what they have already.
                saved = call(selections.originals)
            else:
                return False
        return False

    def _takes_primary(self, into: Window | None, client: int | None) -> bool:
        if into is not None and into.app in PASTES_PRIMARY:
            return True
        return client is None or self._selections.owner_client(PRIMARY) != client

    def _wait_for_claim(self, timeout_s: float) -> None:
        """Until the words were fetched, or patience ends: soon, where another program took the clipboard. It
        may be a copier, from which the words are fetched unseen.

        Raises TargetUncertain if the program stops in the middle of fetching them.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._selections.news:
            while not (claim := self._selections.claim) or not claim.taken:
                fetching = claim is not None and claim.open_transfers > 0
                left_s = deadline_s - time.monotonic() + (TRANSFER_S if fetching else 0.0)
                if fetching and left_s <= 0:
                    raise TargetUncertain("The program stopped in the middle of fetching the words.")
                if left_s <= 0 or self._thread.over:
                    return
                if not fetching and self._selections.state(CLIPBOARD) != "words" and left_s > COPIED_S:
                    deadline_s, left_s = time.monotonic() + COPIED_S, COPIED_S
                self._selections.news.wait(left_s)


def _number(window: Window | None) -> int | None:
    """The X11 id of a window; None for one of another kind."""
    if window is None or not window.id.startswith("x11:"):
        return None
    return int(window.id.removeprefix("x11:"), 16)
