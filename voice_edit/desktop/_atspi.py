"""Fields of other programs through AT-SPI2, the accessibility service of Linux desktops.

_atspi_names.py   what the interface calls things; how toolkits differ (pure)
_atspi_units.py   offsets into code points and back; where a text window is cut (pure)
_atspi_focus.py   which object has the focus, from events (pure)
_atspi_bus.py     the connection, its thread, calls that give up
_atspi_find.py    what an object is; looking for the focus where no event told it
_atspi_field.py   the text of one element
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from dbus_fast import Message

from voice_edit.desktop._atspi_bus import DBUS, REMEDY, Bus
from voice_edit.desktop._atspi_field import AtspiField
from voice_edit.desktop._atspi_find import Hung, Programs, active_windows, describe, focused_in, window_of
from voice_edit.desktop._atspi_focus import (
    Activated,
    Deactivated,
    Focus,
    Focused,
    FocusEvent,
    Left,
    Unfocused,
    decide,
)
from voice_edit.desktop._atspi_names import REGISTRY, Ref
from voice_edit.desktop.base import CALL_S, Element, Means
from voice_edit.errors import TargetError, TargetTimeout

logger = logging.getLogger(__name__)

EVENTS: Final = (
    "object:state-changed:focused",
    "object:state-changed:editable",
    "object:state-changed:read-only",
    "object:state-changed:enabled",
    "object:state-changed:sensitive",
    "object:property-change:accessible-role",
    "window:activate",
    "window:deactivate",
)
_OBJECT: Final = "org.a11y.atspi.Event.Object"
_WINDOW: Final = "org.a11y.atspi.Event.Window"
RULES: Final = (
    *(
        f"type='signal',interface='{_OBJECT}',member='StateChanged',arg0='{name}'"
        for name in ("focused", "editable", "read-only", "enabled", "sensitive")
    ),
    f"type='signal',interface='{_OBJECT}',member='PropertyChange',arg0='accessible-role'",
    f"type='signal',interface='{_WINDOW}',member='Activate'",
    f"type='signal',interface='{_WINDOW}',member='Deactivate'",
    f"type='signal',sender='{DBUS}',member='NameOwnerChanged'",
)
SETTLE_S: Final = 0.05
"""How long events may follow each other before the objects themselves are asked."""
RETRY_S: Final = (0.05, 0.1, 0.2, 0.4)
"""When an object that told of the focus and then did not answer is asked again."""
AGREE_S: Final = (0.05, 0.1, 0.1)
"""When windows are asked again if several say that they have the keyboard: Qt gives it up 0.1 s late."""
NOTHING_S: Final = 2.0
"""For how long it is believed without asking that nothing has the focus."""
BACK_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 15.0)
"""Pauses between attempts to reach a bus that is gone."""
SECRETS: Final = 512
"""How many password fields are remembered: one whose text is shown by a click stays one."""


class AtspiAccessibility:
    """The service of this session. Raises FieldUnsupported when there is none."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.switched_on = False
        """Whether we switched accessibility on for the session: Qt programs tell nothing before."""
        self._programs = Programs(self.bus)
        self._focus = Focus()
        self._element: Element | None = None
        """What is known of `_focus.ref`; None while it is asked."""
        self._hung = Hung()
        self._nothing_until_s = 0.0
        self._retries = 0
        self._again: asyncio.Task[None] | None = None
        self._coming_back: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._secrets: OrderedDict[Ref, None] = OrderedDict()
        self._lock = threading.Lock()
        self._state: tuple[bool, Element | None] = (False, None)
        """(settled, element): what `focused` returns without asking."""
        self._listeners: list[Callable[[Element | None], object]] = []
        self._news: queue.SimpleQueue[tuple[Element | None] | None] = queue.SimpleQueue()
        self._teller = threading.Thread(target=self._tell, name="at-spi news", daemon=True)
        self._closed = False
        self.bus.on_signal = self._on_signal
        self.bus.on_loss = self._on_loss
        try:
            self.bus.run(self._begin(), 2 * CALL_S + 6.0)
        except BaseException:
            self.bus.close()
            raise
        self._teller.start()

    # --- the protocol -------------------------------------------------------------------------------------

    def focused(self) -> Element | None:
        """See the protocol. Raises TargetTimeout when the program with the focus does not answer."""
        settled, element = self._state
        if settled and (element is not None or time.monotonic() < self._nothing_until_s):
            return element
        self.bus.run(self.settled(look_again=settled), 2 * CALL_S)
        return self._state[1]

    def field(self, element: Element) -> AtspiField:
        return AtspiField(self, element)

    def on_focus(self, told: Callable[[Element | None], object]) -> None:
        with self._lock:
            self._listeners.append(told)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.bus.close()
        self._news.put(None)
        self._teller.join(5.0)

    # --- for fields, in the loop --------------------------------------------------------------------------

    def was_secret(self, ref: Ref) -> bool:
        """Whether the element has been a password field."""
        return ref in self._secrets

    async def settled(self, *, look_again: bool = False) -> Ref | None:
        """The object with the focus, when everything the events began is done. `look_again`: do not believe
        that there is none."""
        if not self.bus.connected:
            return None
        if look_again and self._state == (True, None):
            self._focus = Focus(None, self._focus.window)
            self._state = (False, None)
        while not self._state[0]:
            if self._settling is not None and not self._settling.done():
                await asyncio.wait({self._settling})  # it may be cancelled, and another in its place
            else:
                await self._settle()
        return self._focus.ref

    # --- inside -------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Connect and ask for events."""
        self.switched_on = await self.bus.connect() or self.switched_on
        for rule in RULES:
            await self.bus.bus_call("AddMatch", "s", rule)
        await self._register()
        self._later(0.0)

    async def _register(self) -> None:
        registry = Ref(REGISTRY, "/org/a11y/atspi/registry")
        for event in EVENTS:
            await self.bus.call(registry, REGISTRY, "RegisterEvent", "s", event, wait_s=5.0)

    def _on_loss(self) -> None:
        logger.warning("the accessibility bus is gone: fields are not seen until it is back")
        self._programs.forget_all()
        self._secrets.clear()
        self._focus = Focus()
        self._publish(None, settled=True)
        self._coming_back = self.bus.soon(self._come_back())

    async def _come_back(self) -> None:
        """Connect again, as often as it takes. The session bus starts the accessibility bus."""
        for wait_s in itertools.chain(BACK_S, itertools.repeat(BACK_S[-1])):
            await asyncio.sleep(wait_s)
            try:
                await self._begin()
            except TargetError as error:
                logger.debug("the accessibility bus is not back: %s", error)
            else:
                logger.info("the accessibility bus is back")
                return

    def _on_signal(self, message: Message) -> None:
        sender, path, body = message.sender or "", message.path or "", message.body
        if message.member == "NameOwnerChanged":
            name, _, owner = body
            if name == REGISTRY:
                # A registry that was started anew knows nobody; asking it starts it.
                self._again = self.bus.soon(self._register_again())
            elif name.startswith(":") and not owner:
                self._programs.forget(name)
                for ref in [ref for ref in self._secrets if ref.bus == name]:
                    del self._secrets[ref]
                self._apply(Left(name))
            return
        ref = Ref(sender, path)
        match message.interface, message.member, body[0] if body else "":
            case (interface, "Activate", _) if interface == _WINDOW:
                self._apply(Activated(ref))
            case (interface, "Deactivate", _) if interface == _WINDOW:
                self._apply(Deactivated(ref))
            case (interface, "StateChanged", "focused") if interface == _OBJECT:
                self._apply(Focused(ref) if body[1] else Unfocused(ref))
            case (interface, _, _) if interface == _OBJECT and ref == self._focus.ref:
                self._publish(self._state[1], settled=False)
                self._later(0.0)

    async def _register_again(self) -> None:
        with contextlib.suppress(TargetError):
            await self._register()

    def _apply(self, event: FocusEvent) -> None:
        before, self._focus = self._focus, decide(self._focus, event)
        if self._focus != before or isinstance(event, Focused):
            self._publish(None, settled=False)
            self._retries = 0
            self._later(0.0 if self._focus.known else SETTLE_S)

    def _later(self, wait_s: float) -> None:
        if self._settling is not None:
            self._settling.cancel()
        self._settling = asyncio.ensure_future(self._settle_after(wait_s))

    async def _settle_after(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        with contextlib.suppress(TargetError):
            await self._settle()

    async def _settle(self) -> None:
        """Ask what the events do not tell. Raises TargetTimeout."""
        focus = self._focus
        if not focus.known or not await self._is_in_front(focus):
            looked = await self._look(focus)
            if self._focus != focus:
                return
            focus = self._focus = looked
        element = None
        if focus.ref is not None:
            try:
                element = await describe(self.bus, self._programs, focus.ref)
            except TargetTimeout:
                raise
            except TargetError as error:
                logger.debug("the object with the focus does not tell what it is: %s", error)
                if self._focus == focus and self._retries < len(RETRY_S):
                    # A window of GTK 4 tells its first focus before its objects can be asked.
                    self._later(RETRY_S[self._retries])
                    self._retries += 1
                    return
        if self._focus == focus:
            if element is not None and focus.ref is not None:
                element = self._kept_secret(focus.ref, element)
            self._publish(element, settled=True)

    async def _is_in_front(self, focus: Focus) -> bool:
        """Whether the object that told of the focus is in the active window. A page in a window behind may
        give one of its fields the focus; GTK 4 tells of fields only, never of windows."""
        if focus.window is not None or focus.ref is None:
            return True
        try:
            return (await window_of(self.bus, focus.ref))[1]
        except TargetTimeout:
            raise
        except TargetError:
            return True  # not there yet, see RETRY_S

    async def _look(self, focus: Focus) -> Focus:
        """Ask the objects themselves: first those of the window that told that it is active."""
        if focus.window is not None:
            ref = await focused_in(self.bus, focus.window)
            if ref is not None:
                return Focus(ref, focus.window, known=True)
        for wait_s in (*AGREE_S, None):
            windows = await active_windows(self.bus, self._hung)
            refs = await asyncio.gather(*(focused_in(self.bus, window) for window in windows))
            found = [(ref, window) for ref, window in zip(refs, windows, strict=True) if ref is not None]
            if found and (len(found) == 1 or wait_s is None):
                return Focus(*found[-1], known=True)
            if not found or wait_s is None:
                break
            await asyncio.sleep(wait_s)
        # Some window managers let no window say that it is active: then the event is all there is.
        return Focus(focus.ref, focus.window, known=True)

    def _kept_secret(self, ref: Ref, element: Element) -> Element:
        """A password stays one when a click shows it: its role is another then."""
        if not element.secret and ref in self._secrets:
            return replace(element, secret=True, readable=False, writable=False)
        if element.secret:
            self._secrets[ref] = None
            self._secrets.move_to_end(ref)
            while len(self._secrets) > SECRETS:
                self._secrets.popitem(last=False)
        return element

    def _publish(self, element: Element | None, *, settled: bool) -> None:
        before = self._element
        self._state = (settled, element)
        if settled and element is None:
            self._nothing_until_s = time.monotonic() + NOTHING_S
        if settled and element != before:
            self._element = element
            self._news.put((element,))

    def _tell(self) -> None:
        while (news := self._news.get()) is not None:
            with self._lock:
                listeners = list(self._listeners)
            for listener in listeners:
                try:
                    listener(news[0])
                except Exception:
                    logger.exception("a listener of the focus failed")


def open_atspi() -> AtspiAccessibility:
    """The accessibility service of this session. Raises FieldUnsupported with a remedy."""
    return AtspiAccessibility()


def probe() -> Means:
    """Whether there is an accessibility bus, found out by connecting to it."""
    bus = Bus()
    try:
        switched_on = bus.run(bus.connect(), 6.0)
    except TargetError as error:
        return Means("accessibility", "at-spi", False, f"{str(error)[:1].upper()}{str(error)[1:]}.", REMEDY)
    finally:
        bus.close()
    why = "The accessibility bus answers: fields can be read, edited and proved."
    if switched_on:
        why += " It was off in this session and is on now, as a screen reader does it: Qt needs that."
    return Means("accessibility", "at-spi", True, why)
