"""The clipboard of an X session, borrowed for a paste.

The race that this is about: a program fetches the clipboard when it gets around to it, not when the key is
pressed. So the words stay on offer until that program (told by the owner of the window that asks) has fetched
them, and only then does the clipboard show again what it held: we go on as its owner and give out, type by
type, the bytes we read before.

A clipboard manager fetches everything at once and proves nothing; the one that says what it is
(CLIPBOARD_MANAGER) is given the old content even while the words are on offer, so that it never sees them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from typing import Final

from voice_edit.desktop._x11_atoms import CLIPBOARD, PRIMARY, client_of
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop._x11_owning import Selections
from voice_edit.desktop._x11_texts import text_contents
from voice_edit.desktop.base import PasteState, Window
from voice_edit.desktop.clipboard_state import Contents
from voice_edit.errors import TargetError, TargetTimeout

logger = logging.getLogger(__name__)

READ_S: Final = 6.0
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

        Raises TargetTimeout when the present owner of the clipboard does not answer, FieldUnsupported when
        it holds too much to set aside, and what `press` raises.
        """
        call = self._thread.call
        with self._one_paste:
            began_s = time.monotonic()
            try:
                lent = self._lend(text, into, primary)
                if not lent or not call(self._selections.start_claim):
                    logger.info("another program took the clipboard before the words could be pasted")
                    call(self._selections.give_back)
                    return "unclaimed"
                press()
                state = self._wait_for_claim(timeout_s)
            except BaseException:
                self._thread.ask(self._selections.give_back)
                raise
            if state == "claimed":
                self._thread.ask(self._selections.give_back_when_quiet)
            else:
                call(self._selections.give_back)
            logger.debug("paste: %s after %.0f ms", state, 1000 * (time.monotonic() - began_s))
            return state

    def wait_until_given_back(self, timeout_s: float) -> bool:
        """Wait until the clipboard shows again what it held; False when it does not yet."""
        return self._selections.given_back.wait(timeout_s)

    def put(self, text: str) -> bool:
        """Leave `text` on the clipboard for the user; True if it was read back."""
        with self._one_paste:
            contents = text_contents(text, secret=False)
            if not self._thread.call(lambda: self._selections.show(CLIPBOARD, contents)):
                return False
            read = self.read(only="UTF8_STRING")
        return read.get("UTF8_STRING") == contents["UTF8_STRING"]

    def read(self, selection: str = CLIPBOARD, *, only: str | None = None) -> Contents:
        """What a selection holds, or `only` one type of it. Raises TargetTimeout, FieldUnsupported."""
        reading = self._thread.call(lambda: self._selections.read(selection, only=only))
        try:
            return reading.result(READ_S)
        except FutureTimeout as problem:
            if reading.done():
                raise
            raise TargetTimeout(f"Reading {selection.lower()} took longer than {READ_S:g} s.") from problem

    def close(self) -> None:
        """Give back what is borrowed, and leave."""
        with self._one_paste:
            if not self._thread.over:
                self._thread.ask(self._selections.give_back)
            self._thread.close()

    # --- steps of a paste ---------------------------------------------------------------------------------

    def _lend(self, text: str, into: Window | None, primary: bool | None) -> bool:
        """Whether the clipboard offers the words now."""
        call = self._thread.call
        client = self._client_of(into)
        names = [CLIPBOARD]
        if primary or (primary is None and call(lambda: self._takes_primary(into, client))):
            names.append(PRIMARY)
        saved: dict[str, Contents] = {}
        for name in names:
            if call(partial(self._selections.state, name)) == "theirs":
                try:
                    saved[name] = self.read(name)
                except TargetError as problem:
                    if name == CLIPBOARD or primary:
                        raise
                    logger.info("PRIMARY is left alone: %s", problem)
        words = text_contents(text, secret=True)
        return call(lambda: self._selections.lend(words, saved, names, client))

    def _client_of(self, window: Window | None) -> int | None:
        if window is None or not window.id.startswith("x11:"):
            return None
        return client_of(self._thread.display, int(window.id.removeprefix("x11:"), 16))

    def _takes_primary(self, into: Window | None, client: int | None) -> bool:
        if into is not None and into.app in PASTES_PRIMARY:
            return True
        return client is None or self._selections.owner_client(PRIMARY) != client

    def _wait_for_claim(self, timeout_s: float) -> PasteState:
        """Until the words were fetched, or nobody can fetch them any more, or patience ends."""
        deadline_s = time.monotonic() + timeout_s
        with self._selections.news:
            while True:
                claim = self._selections.claim
                assert claim is not None
                if claim.taken:
                    return "claimed"
                left_s = deadline_s - time.monotonic() + (TRANSFER_S if claim.open_transfers else 0.0)
                if left_s <= 0 or self._thread.over:
                    return "unclaimed"
                if not claim.open_transfers and not self._selections.on_offer:
                    return "unclaimed"
                self._selections.news.wait(left_s)
