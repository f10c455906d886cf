"""Asking objects what they are, and looking for the one with the focus when no event told it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from voice_edit.desktop._atspi_bus import Bus
from voice_edit.desktop._atspi_names import (
    ACCESSIBLE,
    ACTIVE,
    APPLICATION,
    COLLECTION,
    FOCUSED,
    REGISTRY,
    ROOT,
    TEXT,
    Program,
    Ref,
    element_of,
    has,
    toolkit_name,
)
from voice_edit.desktop.base import CALL_S, Element
from voice_edit.errors import TargetError, TargetGone

LOOK_S: Final = 0.15
"""How long one program may take to answer while the focus is looked for: one that hangs must not hold up
the key."""
MOST_OBJECTS: Final = 2000
"""How many objects of a window are looked at, level by level, where there is no Collection (GTK 4)."""
_AT_ONCE: Final = 64


async def states_of(bus: Bus, ref: Ref, *, wait_s: float = CALL_S) -> int:
    """The state bits of an object."""
    low, high = (await bus.call(ref, ACCESSIBLE, "GetState", wait_s=wait_s))[0]
    return int(low) | int(high) << 32


async def role_of(bus: Bus, ref: Ref) -> int:
    """The number of its role. Every object has one: who does not tell it is gone."""
    try:
        return int((await bus.call(ref, ACCESSIBLE, "GetRole"))[0])
    except TargetGone:
        raise
    except TargetError as error:
        if type(error).__name__ == "FieldUnsupported":
            raise TargetGone("the field is not there any more") from error
        raise


class Programs:
    """What is known of the programs on the bus, asked once each."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._known: dict[str, Program] = {}

    async def of(self, ref: Ref) -> Program:
        """The program of an object."""
        if ref.bus not in self._known:
            self._known[ref.bus] = await self._ask(ref)
        return self._known[ref.bus]

    def forget(self, bus: str) -> None:
        self._known.pop(bus, None)

    def forget_all(self) -> None:
        self._known.clear()

    async def _ask(self, ref: Ref) -> Program:
        # Not the well-known path: GTK 4 keeps its root elsewhere.
        root = Ref(*(await self._bus.call(ref, ACCESSIBLE, "GetApplication"))[0])
        name, toolkit, version, pid = await asyncio.gather(
            self._bus.get(root, ACCESSIBLE, "Name"),
            self._bus.get(root, APPLICATION, "ToolkitName"),
            self._bus.get(root, APPLICATION, "Version"),
            self._bus.bus_call("GetConnectionUnixProcessID", "s", ref.bus),
            return_exceptions=True,
        )
        for answer in (name, toolkit):
            if isinstance(answer, TargetGone):
                raise answer
        return Program(
            _text(name).strip().lower(),
            toolkit_name(_text(toolkit), _text(version)),
            int(pid[0]) if isinstance(pid, list) else None,
        )


async def describe(bus: Bus, programs: Programs, ref: Ref) -> tuple[Element, int]:
    """The element at `ref`, and its state bits."""
    program, role, states, interfaces = await asyncio.gather(
        programs.of(ref),
        role_of(bus, ref),
        states_of(bus, ref),
        bus.call(ref, ACCESSIBLE, "GetInterfaces"),
    )
    return element_of(ref, program, role, states, interfaces[0]), states


async def active_window(bus: Bus) -> Ref | None:
    """The window that says it has the keyboard, among all programs."""
    programs = await _children(bus, Ref(REGISTRY, ROOT))
    listed = await asyncio.gather(*(_children(bus, program) for program in programs))
    windows = [window for windows in listed for window in windows]
    told = await asyncio.gather(
        *(states_of(bus, each, wait_s=LOOK_S) for each in windows), return_exceptions=True
    )
    active = [
        ref
        for ref, states in zip(windows, told, strict=True)
        if isinstance(states, int) and has(states, ACTIVE)
    ]
    return active[-1] if active else None


async def focused_in(bus: Bus, window: Ref) -> Ref | None:
    """The object with the focus inside a window; the window itself where none of its children has it."""
    try:
        interfaces = (await bus.call(window, ACCESSIBLE, "GetInterfaces", wait_s=LOOK_S))[0]
        if COLLECTION in interfaces:
            found = await _matches(bus, window)
            if found is not None:
                return found
        return await _walk(bus, window)
    except TargetError:
        return None


async def _matches(bus: Bus, window: Ref) -> Ref | None:
    # states, all; attributes; roles; interfaces; not inverted
    rule = [[1 << FOCUSED, 0], 1, {}, 1, [], 1, [], 1, False]
    signature = "(aiia{ss}iaiiasib)uib"
    found = (
        await bus.call(window, COLLECTION, "GetMatches", signature, rule, 1, 16, True, wait_s=2 * LOOK_S)
    )[0]
    refs = [Ref(*each) for each in found]
    if len(refs) < 2:
        return refs[0] if refs else None
    told = await asyncio.gather(
        *(bus.call(ref, ACCESSIBLE, "GetInterfaces", wait_s=LOOK_S) for ref in refs), return_exceptions=True
    )
    with_text = [
        ref for ref, answer in zip(refs, told, strict=True) if isinstance(answer, list) and TEXT in answer[0]
    ]
    return (with_text or refs)[-1]


async def _walk(bus: Bus, window: Ref) -> Ref | None:
    level = await _children(bus, window)
    looked_at = 0
    found: Ref | None = None
    while level and looked_at < MOST_OBJECTS:
        now, later = level[:_AT_ONCE], level[_AT_ONCE:]
        looked_at += len(now)
        told = await asyncio.gather(
            *(states_of(bus, ref, wait_s=LOOK_S) for ref in now), return_exceptions=True
        )
        focused = [
            ref
            for ref, states in zip(now, told, strict=True)
            if isinstance(states, int) and has(states, FOCUSED)
        ]
        if focused:
            # A document and the field in it may both say so: the inner one is meant.
            found = focused[-1]
            later, now = [], [found]
        level = later + [
            child
            for children in await asyncio.gather(*(_children(bus, ref) for ref in now))
            for child in children
        ]
    return found


async def _children(bus: Bus, ref: Ref) -> list[Ref]:
    """The children of an object; none where it does not answer."""
    try:
        listed = (await bus.call(ref, ACCESSIBLE, "GetChildren", wait_s=LOOK_S))[0]
    except TargetError:
        return []
    return [child for child in (Ref(*each) for each in listed) if not child.is_null]


def _text(answer: Any) -> str:
    return answer if isinstance(answer, str) else ""
