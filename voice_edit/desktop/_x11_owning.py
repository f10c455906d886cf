"""The selections while they are ours: who owns them, what they offer to whom, and whether a paste took place.

Everything here runs in the thread of the connection. What is decided is decided in `clipboard_state`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from Xlib import X
from Xlib.protocol import request

from voice_edit.desktop._x11_atoms import CLIPBOARD, MANAGER, PRIMARY, Atoms, client_of
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop._x11_offering import Offer, Offering
from voice_edit.desktop._x11_ping import Pings
from voice_edit.desktop._x11_reading import Reading
from voice_edit.desktop._x11_texts import TEXT, same_text
from voice_edit.desktop.clipboard_state import Claim, Contents, Hold, Late

logger = logging.getLogger(__name__)

COPIED_MS = 2_000.0
"""So long after the clipboard was given back, a manager may still put the copy there that it made of our
words."""


@dataclass(slots=True)
class _Selection:
    """One selection and our part in it."""

    name: str
    hold: Hold = field(default_factory=Hold)
    words: Contents = field(default_factory=dict)
    """What is on offer while the hold's state is "words"."""
    since: int = 0
    """Server time at which it became ours."""
    readers: set[int] = field(default_factory=set)
    """Clients that fetched the words."""
    copied: _Copied | None = None
    """Words that were on offer just now, and who may own a copy of them soon."""
    original: Contents | None = None
    """What it held, when another program took it while the words were on offer: should it hold our words, it
    is a copy that a clipboard manager made of them."""


@dataclass(frozen=True, slots=True)
class _Copied:
    """What a clipboard manager may put in our place although the clipboard was given back already."""

    words: Contents
    readers: frozenset[int]
    """Clients that fetched the words and had no use for them."""
    until_ms: float


@dataclass(frozen=True, slots=True)
class Saved:
    """What a selection held when it was read."""

    reading: Future[Contents]
    owners: int | None
    """How often it had changed owners by then; None if that does not matter."""

    @property
    def failed(self) -> bool:
        return self.reading.done() and self.reading.exception() is not None

    @property
    def contents(self) -> Contents:
        """Only once it is read."""
        return self.reading.result(0)


class Selections:
    """CLIPBOARD and PRIMARY. `news` is notified whenever the claim changes."""

    def __init__(self, thread: XThread) -> None:
        self.news = threading.Condition()
        self.claim: Claim | None = None
        self.given_back = threading.Event()
        self.given_back.set()
        self._thread, self._display = thread, thread.display
        self.atoms = Atoms(self._display)
        self._offering = Offering(thread, self.atoms)
        self.pings = Pings(thread, self.atoms)
        self.late: Late | None = None
        self._handed: Future[bool] | None = None
        self._to_save: tuple[int | None, set[str]] = (None, set())
        """The manager that was asked to save what the clipboard holds, and what it has not fetched yet."""
        self._readings: list[Reading] = []
        self._selections = {name: _Selection(name) for name in (CLIPBOARD, PRIMARY)}
        self._pastes = 0
        self._window = self._display.screen().root.create_window(
            -1, -1, 1, 1, 0, X.CopyFromParent, X.InputOnly, event_mask=X.PropertyChangeMask
        )
        self._ourselves = client_of(self._display, self._window.id)
        self._saved: dict[str, Saved] = {}
        self._owners = dict.fromkeys(self._selections, 0)
        """How often each has changed owners."""
        self._told_of_owners = 0
        """Type of the event that tells of a new owner; 0 where the server does not tell."""
        if self._display.has_extension("XFIXES"):
            self._display.xfixes_query_version()
            self._told_of_owners = int(self._display.query_extension("XFIXES").first_event)
            for name in self._selections:
                self._display.xfixes_select_selection_input(self._window, self.atoms[name], 0b111)
        thread.on_event = self._on_event

    # --- what is there ------------------------------------------------------------------------------------

    def state(self, name: str) -> str:
        """That of our hold on it."""
        return self._selections[name].hold.state

    def kept(self) -> dict[str, Contents]:
        """What we offer for others, by selection: gone when we are, unless somebody takes it over."""
        return {
            name: one.hold.original
            for name, one in self._selections.items()
            if one.hold.state == "kept" and one.hold.original
        }

    def owner_client(self, name: str) -> int | None:
        """The X client that owns a selection, whoever it is."""
        owner = self._display.get_selection_owner(self.atoms[name])
        return client_of(self._display, owner.id) if owner else None

    def read(self, name: str, *, only: str | None = None) -> Future[Contents]:
        """Fetch what it holds from its owner, be it ourselves."""
        reading = Reading(self._thread, self.atoms, name, only=only)
        self._readings = [one for one in self._readings if not one.done.done()]
        self._readings.append(reading)
        return reading.done

    def save(self, name: str) -> Saved | None:
        """What it holds, for being set aside: read now, unless that was done since it last changed owners.
        None: it is ours, and needs no reading.
        """
        self._thread.catch_up()
        if self.state(name) != "theirs":
            return None
        known = self._saved.get(name)
        if known is None or known.failed or not self._told_of_owners:
            known = self._saved[name] = Saved(self.read(name), self._owners[name])
        return known

    # --- a paste ------------------------------------------------------------------------------------------

    def lend(
        self, words: Contents, saved: Mapping[str, Saved], names: Sequence[str], into: int | None
    ) -> bool:
        """Put the words on offer in the selections `names`. `saved`: what was read from those that are not
        ours. False if something else was copied since then: it must be read first.
        """
        self._display.grab_server()  # between this look and our taking it nobody can copy anything
        try:
            self._thread.catch_up()
            for name in names:
                selection = self._selections[name]
                if selection.hold.state == "theirs" and not self._is_fresh(name, saved):
                    return False
            self._pastes += 1
            self.late = None
            self.given_back.clear()
            bystanders = {self._ourselves, self.owner_client(MANAGER)} - {into, None}
            with self.news:
                self.claim = Claim(into, frozenset(client for client in bystanders if client is not None))
            for name in names:
                selection = self._selections[name]
                contents = saved[name].contents if selection.hold.state == "theirs" else None
                selection.hold, selection.original = selection.hold.lend(contents), None
                selection.words, selection.readers, selection.copied = words, set(), None
                self._take(selection)
        finally:
            self._display.ungrab_server()
            self._display.flush()
        return True

    def _is_fresh(self, name: str, saved: Mapping[str, Saved]) -> bool:
        return name in saved and saved[name].owners in (self._owners[name], None)

    def start_claim(self) -> bool:
        """From now on who asks for the words is pasting. False if they are not on offer (any more)."""
        self._thread.catch_up()
        if self.state(CLIPBOARD) != "words":
            return False
        with self.news:
            assert self.claim is not None
            self.claim = self.claim.press()
        return True

    def originals(self) -> dict[str, Saved]:
        """What was set aside, of the selections that other programs took while the words were on offer."""
        found: dict[str, Saved] = {}
        for name, selection in self._selections.items():
            if selection.original is not None:
                read: Future[Contents] = Future()
                read.set_result(selection.original)
                found[name] = Saved(read, None)
        return found

    def is_asleep(self, client: int) -> bool:
        """Whether a paste key lies unread in the queue of this program."""
        late = self.late if client in self.pings.proven else None
        return late is not None and late.client == client and late.asleep(_now_ms())

    @property
    def expects_late(self) -> bool:
        """Whether somebody's next paste gets nothing."""
        return self.late is not None and self.late.refuses(self.late.client, _now_ms())

    def conclude(self, into: int | None, answer: Future[bool] | None) -> bool:
        """Nobody is waited for any longer: whether the words were fetched after all. If not, they are on
        offer no more, and the next paste of that program gets nothing unless it has read the key long ago.

        `answer`: to a ping that was sent behind the key; None where the program takes none.
        """
        if self.claim is not None and self.claim.taken:
            return True
        self.give_back()
        if into is not None:
            late = self.late = Late(into, _now_ms(), answer is not None)

            def woke(told: Future[bool]) -> None:
                if not told.cancelled() and self.late is late:
                    self.late = late.woke(_now_ms())

            if answer is not None:
                answer.add_done_callback(woke)
        return False

    def give_back_when_quiet(self, paste: int | None = None) -> None:
        """Give back once the program that took the words asks for nothing more."""
        paste = self._pastes if paste is None else paste
        if paste != self._pastes or self.claim is None:
            return  # the next paste has taken over
        wait_ms = self.claim.quiet_for_ms(_now_ms())
        if wait_ms > 0:
            self._thread.later(wait_ms / 1000, lambda: self.give_back_when_quiet(paste))
        else:
            self.give_back()

    def give_back(self) -> None:
        """Show again what was there."""
        for selection in self._selections.values():
            if selection.hold.state == "words":
                used = set() if self.claim is None else {self.claim.into}
                readers = frozenset(selection.readers - used)
                selection.copied = _Copied(selection.words, readers, _now_ms() + COPIED_MS)
                selection.words = {}
                selection.hold = selection.hold.give_back()
                self._take_or_leave(selection)
        copied = [one for one in self._selections.values() if one.original is not None]
        if copied:
            self._win_back(copied[0])
        else:
            self.given_back.set()

    def _win_back(self, selection: _Selection) -> None:
        """Another program took it. If it shows our words it is their copier, and gets what was there before;
        anything else was copied by the user.
        """
        original, selection.original, paste = selection.original or {}, None, self._pastes
        words, selection.words = selection.words, {}

        def compare(read: Future[Contents]) -> None:
            found = {} if read.exception() else read.result()
            if paste == self._pastes and same_text(found, words) and selection.hold.state == "theirs":
                logger.debug("a clipboard manager kept a copy of the words in %s", selection.name)
                selection.hold = selection.hold.show(original)
                self._take_or_leave(selection)
            if paste == self._pastes:
                self.give_back()

        self.read(selection.name, only=TEXT).add_done_callback(compare)

    def show(self, name: str, contents: Contents) -> bool:
        """Let a selection hold this from now on; whether it does."""
        selection = self._selections[name]
        selection.hold = selection.hold.show(contents)
        return self._take(selection)

    # --- leaving ------------------------------------------------------------------------------------------

    @property
    def holds_any(self) -> bool:
        """Whether we own anything."""
        return any(one.hold.state != "theirs" for one in self._selections.values())

    def ask_manager_to_save(self) -> Future[bool] | None:
        """Ask the clipboard manager to fetch everything; the future tells whether it did. None: there is no
        manager.

        It should say so, and xfce4-clipman (1.6) does not: that it has fetched everything counts as well.
        """
        manager = self.owner_client(MANAGER)
        if manager is None:
            return None
        kept = self._selections[CLIPBOARD].hold.original or {}
        self._to_save = (manager, set(kept))
        place = self.atoms["VOICE_EDIT_SAVE"]
        self._window.change_property(place, self.atoms["ATOM"], 32, [self.atoms[name] for name in kept])
        self._handed = Future()
        self._window.convert_selection(
            self.atoms[MANAGER], self.atoms["SAVE_TARGETS"], place, self._server_time()
        )
        return self._handed

    def _manager_saved(self, done: bool) -> None:
        if self._handed is not None and not self._handed.done():
            self._handed.set_result(done)

    def _given(self, client: int, target: str) -> None:
        """A client was given one target."""
        manager, missing = self._to_save
        if client == manager:
            missing.discard(target)
            if not missing:
                self._manager_saved(True)

    def resign(self) -> None:
        """Own CLIPBOARD no more."""
        selection = self._selections[CLIPBOARD]
        selection.hold = Hold()
        self._let_go(selection)

    # --- owning -------------------------------------------------------------------------------------------

    def _take(self, selection: _Selection) -> bool:
        """Become its owner, or become it anew so that those who watch look at it again; whether we are."""
        atom, now = self.atoms[selection.name], self._server_time()
        self._window.set_selection_owner(atom, now)
        owner = self._display.get_selection_owner(atom)
        if owner and owner.id == self._window.id:
            selection.since = now
            return True
        selection.hold = selection.hold.lost()
        return False

    def _take_or_leave(self, selection: _Selection) -> None:
        """Own what there is to show; nobody owns a selection that holds nothing."""
        if selection.hold.original:
            self._take(selection)
        else:
            selection.hold = Hold()
            self._let_go(selection)

    def _let_go(self, selection: _Selection) -> None:
        """Leave it without an owner. A later owner is not touched: our time is before its own."""
        request.SetSelectionOwner(
            display=self._display.display, onerror=None, window=X.NONE,
            selection=self.atoms[selection.name], time=selection.since,
        )  # fmt: skip

    def _server_time(self) -> int:
        """Now, on the server's clock: it comes with the event of a change to a property of ours."""
        atom = self.atoms["VOICE_EDIT_TIME"]
        self._window.change_property(atom, self.atoms["INTEGER"], 32, [], X.PropModeAppend)
        self._display.sync()
        event = self._thread.next_event_of(
            lambda one: one.type == X.PropertyNotify and one.window == self._window and one.atom == atom
        )
        return int(event.time) if event is not None else X.CurrentTime

    # --- events -------------------------------------------------------------------------------------------

    def _on_event(self, event: Any) -> None:
        if event.type == X.SelectionRequest:
            self._asked(event)
        elif event.type == X.SelectionClear:
            self._lost(event)
        elif event.type == self._told_of_owners:
            self._owners[self.atoms.name(event.selection)] += 1
            self._saved.pop(self.atoms.name(event.selection), None)
        elif self.pings.on_event(event):
            pass
        elif event.type == X.SelectionNotify and event.requestor == self._window:
            self._manager_saved(bool(event.property))
        elif not any(reading.on_event(event) for reading in self._readings if not reading.done.done()):
            self._offering.on_event(event)

    def _asked(self, event: Any) -> None:
        selection = self._selections.get(self.atoms.name(event.selection))
        if selection is None:
            return
        client = client_of(self._display, event.requestor.id)
        contents = selection.hold.shown_to(client, selection.words, self.claim)
        paste = self._pastes if contents is selection.words else None
        if paste is not None:
            selection.readers.add(client)
        if self.late is not None and paste is None and self.late.refuses(client, _now_ms()):
            logger.info("a program that was frozen wants to paste now: it gets nothing")
            self.late, contents = self.late.refused(_now_ms()), {}
        offer = Offer(
            contents,
            selection.since,
            asked=lambda target, whole: self._claim_asked(paste, client, target, whole),
            ended=lambda complete: self._claim_finished(paste, client, complete),
        )
        self._offering.answer(event, offer)

    def _claim_asked(self, paste: int | None, client: int, target: str, whole: bool) -> None:
        if whole:
            self._given(client, target)
        if paste == self._pastes and self.claim is not None:
            with self.news:
                self.claim = self.claim.asked(client, _now_ms(), whole=whole)
                self.news.notify_all()

    def _claim_finished(self, paste: int | None, client: int, complete: bool) -> None:
        if paste == self._pastes and self.claim is not None:
            with self.news:
                self.claim = self.claim.finished(client, _now_ms(), complete=complete)
                self.news.notify_all()

    def _lost(self, event: Any) -> None:
        selection = self._selections.get(self.atoms.name(event.atom))
        if selection is None or (event.time and event.time < selection.since):
            return  # news of an ownership before the present one
        if selection.hold.state == "theirs":
            return  # we let go of it ourselves
        logger.debug("%s belongs to another program now", selection.name)
        copied, selection.copied = selection.copied, None
        late = selection.hold.state == "kept" and copied is not None and _now_ms() < copied.until_ms
        with self.news:
            if selection.hold.state == "words":
                selection.original = selection.hold.original
            elif late and copied is not None and self.owner_client(selection.name) in copied.readers:
                selection.original, selection.words = selection.hold.original, copied.words
            else:
                late = False
            selection.hold = selection.hold.lost()
            self.news.notify_all()
        if late:
            self._win_back(selection)


def _now_ms() -> float:
    return time.monotonic() * 1000
