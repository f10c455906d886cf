"""Answer those who ask for a selection that is ours (ICCCM 2.2), big things piece by piece.

What is offered to whom is decided by the caller; here it is sent, and told when it has arrived.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from Xlib import X
from Xlib.error import BadAtom, BadWindow, CatchError, XError
from Xlib.protocol import event as xevent

from voice_edit.desktop._x11_atoms import META, Atoms, packed, units
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop.clipboard_state import Content, Contents

logger = logging.getLogger(__name__)

PIECE_BYTES = 200_000
"""A bigger answer goes in pieces. A request of the core protocol holds 256 KiB at most."""
STALL_S = 10.0
"""A program that has not fetched the next piece for so long has lost interest."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one who asks is to be given, and who is told about it."""

    contents: Contents
    """Nothing in them refuses the request."""
    since: int
    """Server time at which the selection became ours; who asks about an earlier time is refused."""
    asked: Callable[[str, bool], None]
    """Called with each target that gave data, and whether it was given whole."""
    ended: Callable[[bool], None]
    """Called for each that was not given whole: True when its last piece was fetched, False when it never
    will be."""


@dataclass(slots=True)
class _Transfer:
    """One answer on its way in pieces."""

    window: Any
    property: int
    type: int
    content: Content
    ended: Callable[[bool], None]
    sent: int = 0
    steps: int = 0


class Offering:
    """Sends answers on one connection. Lives in its thread."""

    def __init__(self, thread: XThread, atoms: Atoms) -> None:
        self._thread, self._atoms = thread, atoms
        self._transfers: dict[tuple[int, int], _Transfer] = {}

    @property
    def busy(self) -> bool:
        return bool(self._transfers)

    def answer(self, request: Any, offer: Offer) -> None:
        """Answer a SelectionRequest."""
        window = request.requestor
        place = request.property or request.target  # clients of an older convention name no property
        target = self._atoms.name(request.target)
        try:
            if not offer.contents or (request.time and _before(request.time, offer.since)):
                done = False
            elif target == "MULTIPLE":
                done = bool(request.property) and self._multiple(window, place, offer)
            else:
                done = self._give(window, place, target, offer)
        except XError as problem:
            logger.debug("an asking window is gone: %s", type(problem).__name__)
            done = False
        told = xevent.SelectionNotify(
            time=request.time,
            requestor=window.id,
            selection=request.selection,
            target=request.target,
            property=place if done else X.NONE,
        )
        window.send_event(told, onerror=CatchError(BadWindow))

    def on_event(self, event: Any) -> bool:
        """Whether the event was about an answer in pieces."""
        if event.type == X.PropertyNotify:
            transfer = self._transfers.get((event.window.id, event.atom))
            if transfer is not None and event.state == X.PropertyDelete:
                self._send_piece(transfer)
            return transfer is not None
        if event.type == X.DestroyNotify:
            gone = [one for one in self._transfers.values() if one.window.id == event.window.id]
            for transfer in gone:
                self._end(transfer, complete=False)
            return bool(gone)
        return False

    # --- sending ------------------------------------------------------------------------------------------

    def _give(self, window: Any, place: int, target: str, offer: Offer) -> bool:
        """Put the answer to one target where it is wanted; whether there is one."""
        if target == "TARGETS":
            numbers = [self._atoms[name] for name in (*sorted(META), *offer.contents)]
            return self._put(window, place, self._atoms["ATOM"], 32, packed(numbers, 32))
        if target == "TIMESTAMP":
            return self._put(window, place, self._atoms["INTEGER"], 32, packed([offer.since], 32))
        content = offer.contents.get(target)
        if content is None:
            return False
        kind = self._atoms[content.type]
        if len(content.data) <= PIECE_BYTES:
            put = self._put(window, place, kind, content.format, content.data)
            if put:
                offer.asked(target, True)
            return put
        window.change_attributes(
            event_mask=X.PropertyChangeMask | X.StructureNotifyMask, onerror=CatchError(BadWindow)
        )
        transfer = _Transfer(window, place, kind, content, offer.ended)
        if not self._put(window, place, self._atoms["INCR"], 32, packed([len(content.data)], 32)):
            return False
        self._transfers[window.id, place] = transfer
        offer.asked(target, False)
        self._watch(transfer)
        return True

    def _multiple(self, window: Any, place: int, offer: Offer) -> bool:
        """Several targets in one request: pairs of target and property; those we cannot give become none."""
        wanted = window.get_property(place, X.AnyPropertyType, 0, 4096)
        if wanted is None or wanted.format != 32:
            return False
        pairs = list(wanted.value)
        for at in range(0, len(pairs) - 1, 2):
            name = self._atoms.name(pairs[at])
            given = name != "MULTIPLE" and self._give(window, pairs[at + 1], name, offer)
            if not given:
                pairs[at + 1] = X.NONE
        return self._put(window, place, wanted.property_type, 32, packed(pairs, 32))

    def _put(self, window: Any, place: int, kind: int, bits: int, data: bytes) -> bool:
        """Whether the window took the property: it may be gone."""
        failed = CatchError(BadWindow, BadAtom)
        value = data if bits == 8 else units(data, bits)
        window.change_property(place, kind, bits, value, onerror=failed)
        self._thread.display.sync()
        return failed.get_error() is None

    def _send_piece(self, transfer: _Transfer) -> None:
        """The last piece was fetched; an empty one says that it was the last."""
        data = transfer.content.data[transfer.sent : transfer.sent + PIECE_BYTES]
        if not self._put(transfer.window, transfer.property, transfer.type, transfer.content.format, data):
            self._end(transfer, complete=False)
            return
        transfer.sent += len(data)
        if data:
            self._watch(transfer)
        else:
            self._end(transfer, complete=True)

    def _watch(self, transfer: _Transfer) -> None:
        transfer.steps += 1
        step = transfer.steps

        def stalled() -> None:
            if transfer.steps == step:
                self._end(transfer, complete=False)

        self._thread.later(STALL_S, stalled)

    def _end(self, transfer: _Transfer, *, complete: bool) -> None:
        transfer.steps += 1
        if self._transfers.pop((transfer.window.id, transfer.property), None) is None:
            return
        if not any(other.window.id == transfer.window.id for other in self._transfers.values()):
            transfer.window.change_attributes(event_mask=0, onerror=CatchError(BadWindow))
        transfer.ended(complete)


def _before(time: int, other: int) -> bool:
    """Whether a server time, which wraps after 49 days, lies before another."""
    return 0 < (other - time) & 0xFFFFFFFF < 1 << 31
