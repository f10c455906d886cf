"""Asking objects what they are, and looking for the one with the focus when no event told it."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from voice_edit.desktop._atspi_bus import Bus
from voice_edit.desktop._atspi_names import (
    ACCESSIBLE,
    ACTIVE,
    APPLICATION,
    APPLICATION_ROLE,
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
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError, TargetGone, TargetTimeout

LOOK_S: Final = 0.15
"""How long one program may take to answer while the focus is looked for: one that hangs must not hold up
the key."""
HUNG_S: Final = 10.0
"""For how long a program that did not answer is left alone when the focus is looked for."""
DEEPEST: Final = 200
"""How far up the window of an object is looked for."""
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
    except FieldUnsupported as error:
        raise TargetGone("The field is not there any more.") from error


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


async def describe(bus: Bus, programs: Programs, ref: Ref) -> Element:
    """The element at `ref`."""
    program, role, states, interfaces = await asyncio.gather(
        programs.of(ref),
        role_of(bus, ref),
        states_of(bus, ref),
        bus.call(ref, ACCESSIBLE, "GetInterfaces"),
    )
    return element_of(ref, program, role, states, interfaces[0])


class Hung:
    """Programs that did not answer when the focus was looked for: not asked again for a while."""

    def __init__(self) -> None:
        self._until_s: dict[str, float] = {}

    def add(self, bus: str) -> None:
        self._until_s[bus] = time.monotonic() + HUNG_S

    def __contains__(self, bus: str) -> bool:
        return self._until_s.get(bus, 0.0) > time.monotonic()


async def active_windows(bus: Bus, hung: Hung) -> list[Ref]:
    """The windows that say they have the keyboard, among all programs. One that is hidden may say so too."""
    listed = await _children(bus, Ref(REGISTRY, ROOT))
    programs = [program for program in listed if program.bus not in hung]
    answers = await asyncio.gather(
        *(bus.call(program, ACCESSIBLE, "GetChildren", wait_s=LOOK_S) for program in programs),
        return_exceptions=True,
    )
    windows: list[Ref] = []
    for program, answer in zip(programs, answers, strict=True):
        if isinstance(answer, TargetTimeout):
            hung.add(program.bus)
        elif not isinstance(answer, BaseException):
            windows += _refs(answer)
    return [ref for ref, states in await _states(bus, windows) if has(states, ACTIVE)]


async def window_of(bus: Bus, ref: Ref) -> tuple[Ref, bool]:
    """The window an object is in, and whether that says it has the keyboard."""
    for _ in range(DEEPEST):
        parent = Ref(*await bus.get(ref, ACCESSIBLE, "Parent"))
        if parent.is_null or parent.bus != ref.bus or await role_of(bus, parent) == APPLICATION_ROLE:
            break
        ref = parent
    return ref, has(await states_of(bus, ref), ACTIVE)


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
        focused = [ref for ref, states in await _states(bus, now) if has(states, FOCUSED)]
        if focused:
            # A document and the field in it may both say so: the inner one is meant.
            found = focused[-1]
            now, later = [found], []
        inner = await asyncio.gather(*(_children(bus, ref) for ref in now))
        level = later + [child for children in inner for child in children]
    return found


async def _states(bus: Bus, refs: list[Ref]) -> list[tuple[Ref, int]]:
    """The states of those that answer."""
    told = await asyncio.gather(*(states_of(bus, ref, wait_s=LOOK_S) for ref in refs), return_exceptions=True)
    return [(ref, states) for ref, states in zip(refs, told, strict=True) if isinstance(states, int)]


async def _children(bus: Bus, ref: Ref) -> list[Ref]:
    """The children of an object; none where it does not answer."""
    try:
        return _refs(await bus.call(ref, ACCESSIBLE, "GetChildren", wait_s=LOOK_S))
    except TargetError:
        return []


def _refs(answer: list[Any]) -> list[Ref]:
    return [child for child in (Ref(*each) for each in answer[0]) if not child.is_null]


def _text(answer: Any) -> str:
    return answer if isinstance(answer, str) else ""
