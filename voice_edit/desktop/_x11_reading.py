"""Fetch what a selection holds from the program that owns it (ICCCM 2.4), in every type it offers.

One target after the other: owners that answer several at once get some of them wrong. Nothing here waits:
each step follows an event, so that meanwhile we go on answering others.

An image is offered in up to two dozen formats, each painted when it is asked for: 0.5 s for a small one of
Qt, 15 s and 200 MB for a screen of today. One of them (PNG) is always read, the others as far as time goes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from Xlib import X
from Xlib.error import XError

from voice_edit.desktop._x11_atoms import EFFECTS, META, Atoms, packed, units
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop.base import CALL_S
from voice_edit.desktop.clipboard_state import Content, Contents
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetTimeout

logger = logging.getLogger(__name__)

MAX_BYTES = 64 << 20
"""What is set aside at most. More would have to be copied twice for every dictated sentence."""
STALL_S = 2.0
"""A program that has not gone on for so long is frozen; it may have to paint an image first."""
OTHERS_S = 5.0
"""How long the other formats of an image may take, counted from the beginning."""
_IMAGES = ("image/png", "application/x-qt-image")
"""The format of an image that is read in any case: the first of these, else the first there is."""
_CHUNK = 1 << 20
"""Bytes of a property that are asked for at a time."""
_PLAIN_TEXTS = ("UTF8_STRING", "STRING")
"""What owners that know no TARGETS may still have."""


class Reading:
    """One selection being read. Lives in the connection's thread; `done` tells the end.

    `done` fails with TargetTimeout when the owner does not answer, FieldUnsupported for more than MAX_BYTES.
    """

    def __init__(
        self, thread: XThread, atoms: Atoms, selection: str, *, only: str | None = None, most: int = MAX_BYTES
    ) -> None:
        """`only`: one target that is wanted, instead of all of them."""
        self.done: Future[Contents] = Future()
        self._thread, self._atoms, self._selection, self._most = thread, atoms, selection, most
        screen = thread.display.screen()
        self.window = screen.root.create_window(
            -1, -1, 1, 1, 0, X.CopyFromParent, X.InputOnly, event_mask=X.PropertyChangeMask
        )
        self._property = atoms["VOICE_EDIT_READING"]
        self._found: dict[str, Content] = {}
        self._bytes = 0
        self._left: list[str] = [only] if only else ["TARGETS"]
        self._order: list[str] = []
        """What is offered, as the owner lists it."""
        self._others: frozenset[str] = frozenset()
        """Further formats of an image that is read already."""
        self._asking = ""
        self._pieces: list[bytes] | None = None
        """Of an incremental transfer, what has come."""
        self._pieces_type = ("", 8)
        self._steps = 0
        self._next()

    # --- events -------------------------------------------------------------------------------------------

    def on_event(self, event: Any) -> bool:
        """Whether the event was for this reading."""
        if event.type == X.SelectionNotify and event.requestor == self.window:
            if event.target == self._atoms[self._asking] and self._pieces is None:
                self._answered(event.property)
            return True
        if event.type == X.PropertyNotify and event.window == self.window:
            fresh = event.state == X.PropertyNewValue and event.atom == self._property
            if fresh and self._pieces is not None:
                self._piece()
            return True
        return False

    def _answered(self, answer: int) -> None:
        if not answer:
            self._refused()
            return
        kind, bits, data = self._fetch()
        if kind == "INCR":
            self._pieces = []
            self._watch()
            return
        if not kind:
            self._refused()
            return
        self._got(kind, bits, data)

    def _piece(self) -> None:
        assert self._pieces is not None
        kind, bits, data = self._fetch()
        if data:
            self._pieces.append(data)
            self._pieces_type = (kind, bits)
            if self._count(len(data)):
                self._watch()
            return
        whole = b"".join(self._pieces)
        self._pieces = None
        kind, bits = self._pieces_type if whole else (kind, bits)
        self._bytes -= len(whole)
        self._got(kind, bits, whole)

    def _got(self, kind: str, bits: int, data: bytes) -> None:
        if self._asking == "TARGETS" and self._found.get("TARGETS") is None:
            self._found["TARGETS"] = Content("ATOM", 32, b"")
            names = [self._atoms.name(number) for number in units(data, 32)] if bits == 32 else []
            wanted = dict.fromkeys(name for name in names if name and name not in META | EFFECTS)
            self._order = list(wanted)
            self._others = other_formats(self._order)
            self._left = sorted(self._order, key=lambda name: name in self._others)
            if self._others:
                self._thread.later(OTHERS_S, self._enough)
        elif not self._count(len(data)):
            return
        else:
            assert bits in (8, 16, 32)
            self._found[self._asking] = Content(kind, bits, data)  # type: ignore[arg-type]
        self._next()

    def _refused(self) -> None:
        if self._asking == "TARGETS":
            self._left = list(_PLAIN_TEXTS)
        else:
            logger.debug("the owner of %s offers %s and does not give it", self._selection, self._asking)
        self._next()

    # --- steps --------------------------------------------------------------------------------------------

    def _next(self) -> None:
        if self.done.done():
            return
        if not self._left:
            self._finish()
            return
        self._asking = self._left.pop(0)
        self._pieces_type = ("", 8)
        self.window.delete_property(self._property)
        self.window.convert_selection(
            self._atoms[self._selection], self._atoms[self._asking], self._property, X.CurrentTime
        )
        self._watch(CALL_S if self._asking == "TARGETS" else STALL_S)

    def _finish(self) -> None:
        """Everything was read, or as much as there is time for."""
        order = [name for name in self._order or self._found if name in self._found and name != "TARGETS"]
        self._end(lambda: self.done.set_result({name: self._found[name] for name in order}))

    def _enough(self) -> None:
        """The time for further formats of an image is over."""
        if not self.done.done() and self._asking in self._others:
            left = [self._asking, *self._left]
            logger.info("the image in %s is kept without its formats %s", self._selection, ", ".join(left))
            self._finish()
        elif not self.done.done():
            self._left = [name for name in self._left if name not in self._others]

    def _watch(self, patience_s: float = STALL_S) -> None:
        """From now on the owner has so long for its next step."""
        self._steps += 1
        step = self._steps

        def stalled() -> None:
            if step == self._steps and not self.done.done():
                problem = TargetTimeout(
                    f"The program that owns the {self._selection.lower()} selection does not answer.",
                    hint="Nothing was written: what it holds would have been lost. Copy something else, or "
                    "end that program, and try again.",
                )
                self._end(lambda: self.done.set_exception(problem))

        self._thread.later(patience_s, stalled)

    def _count(self, size: int) -> bool:
        """Whether it still fits."""
        self._bytes += size
        if self._bytes <= self._most:
            return True
        if self._asking in self._others:
            self._enough()
            return False
        problem = FieldUnsupported(
            f"The clipboard holds more than {self._most >> 20} MiB, which would be lost by pasting.",
            hint="Nothing was written. Copy something smaller, and try again.",
        )
        self._end(lambda: self.done.set_exception(problem))
        return False

    def _fetch(self) -> tuple[str, int, bytes]:
        """Type, format and bytes of the property, which is deleted: that asks for the next piece."""
        data, place, kind, bits = bytearray(), 0, 0, 8
        while True:
            found = self.window.get_property(self._property, X.AnyPropertyType, place // 4, _CHUNK // 4)
            if found is None:
                break
            kind, bits = found.property_type, found.format or 8
            value = found.value if isinstance(found.value, bytes) else packed(found.value, bits)
            data += value
            place += len(value)
            if not found.bytes_after or len(data) > self._most:
                break
        self.window.delete_property(self._property)
        return self._atoms.name(kind), bits, bytes(data)

    def _end(self, tell: Callable[[], None]) -> None:
        self._steps += 1
        if not self.done.done():
            tell()
        try:
            self.window.destroy()
        except XError:  # the server has already forgotten it
            logger.debug("the reading window was gone")


def other_formats(targets: Sequence[str]) -> frozenset[str]:
    """The formats of an image beside the one that is read in any case."""
    images = [
        name for name in targets if name.startswith("image/") or name in (*_IMAGES[1:], "PIXMAP", "BITMAP")
    ]
    best = next((name for name in (*_IMAGES, *images) if name in images), None)
    return frozenset(images) - {best}
