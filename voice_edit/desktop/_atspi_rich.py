"""Reading a text made of several objects, as in an editable part of a web page, and selecting in it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final

from voice_edit.desktop._atspi_bus import Bus
from voice_edit.desktop._atspi_flat import HOLE, Flat, Node, flatten
from voice_edit.desktop._atspi_names import ACCESSIBLE, HYPERTEXT, STATIC_ROLE, TEXT, Ref, Traits
from voice_edit.desktop._atspi_text import AGAIN, AGAIN_S, PlainText, stretch, window
from voice_edit.desktop._atspi_units import units_before
from voice_edit.desktop.base import TextWindow
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.edits import Selection
from voice_edit.errors import TargetChanged, TargetGone

MOST_OBJECTS: Final = 400
"""A text of more objects is not read: each of them has to be asked."""
_INLINE: Final = frozenset({"inline", "inline-block", "inline-flex", "contents"})


async def is_rich(bus: Bus, ref: Ref) -> bool:
    """Whether objects with texts of their own stand in this text."""
    try:
        return bool((await bus.call(ref, HYPERTEXT, "GetNLinks"))[0] > 0)
    except FieldUnsupported:
        return False


class _Unfit(Exception):  # noqa: N818  # it says what happened
    """The texts of the objects do not fit each other, which they never do while they change."""


@dataclass(slots=True)
class _Told:
    """What an object answered, before its inner objects are known."""

    ref: Ref
    text: str
    caret: int
    selected: tuple[int, int] | None
    vague: bool
    block: bool
    static: bool
    children: list[Ref]
    inner: list[_Told] = field(default_factory=list)

    def node(self) -> Node:
        text = self.text
        if self.inner:
            # The object's own text has the words of its leaves, and a hole for everything else.
            if text != "".join(child.text if child.static else HOLE for child in self.inner):
                raise _Unfit
            text = ""
        elif not text and not self.block and not self.static:
            text = HOLE
        inner = tuple(told.node() for told in self.inner)
        return Node(self.ref, text, self.caret, self.selected, self.vague, self.block, self.static, inner)


class RichText:
    """The text of an object and of those inside it."""

    def __init__(self, bus: Bus, ref: Ref, traits: Traits) -> None:
        self._bus, self._ref, self._traits = bus, ref, traits

    async def look(self, most: int) -> TextWindow:
        return window(_told(await self._read()), most)

    async def span(self, start: int, end: int) -> TextWindow:
        return stretch(_told(await self._read()), start, end)

    async def select(self, selection: Selection) -> bool:
        """Put caret or selection there; whether they are there. Raises FieldUnsupported for a stretch of
        several objects: the interface selects inside of one."""
        place = (await self._read()).span(selection.start, selection.end)
        if place is None:
            raise FieldUnsupported("What is to be selected goes over several paragraphs.")
        ref, start, end = place
        one = PlainText(self._bus, ref, self._traits, multi_line=False)
        return await one.select(Selection(start, end))

    async def _read(self) -> Flat:
        """All of it, read twice the same. Raises TargetChanged, FieldUnsupported."""
        before: Node | None = None
        fits = True
        for _ in range(2 * AGAIN):
            try:
                now = await self._fetch()
            except (TargetGone, _Unfit) as error:  # an object inside may be gone by now
                now, fits = None, not isinstance(error, _Unfit)
            if now is not None and now == before:
                return flatten(now)
            if before is not None or now is None:
                await asyncio.sleep(AGAIN_S)
            before = now
        if not fits:
            raise FieldUnsupported("The text is made of parts that do not tell where they stand.")
        raise TargetChanged("The text changes while it is read.")

    async def _fetch(self) -> Node:
        """Level by level, so that it takes as many round trips as it has levels."""
        root = await self._ask(self._ref)
        level, count = [root], 1
        while level:
            inner = [(told, child) for told in level for child in told.children]
            count += len(inner)
            if count > MOST_OBJECTS:
                raise FieldUnsupported("The text is made of too many parts to be read.")
            answers = await asyncio.gather(*(self._ask(child) for _, child in inner))
            for (told, _), answer in zip(inner, answers, strict=True):
                told.inner.append(answer)
            level = [answer for answer in answers if not answer.static]
        return root.node()

    async def _ask(self, ref: Ref) -> _Told:
        role, attributes, children = await asyncio.gather(
            self._bus.call(ref, ACCESSIBLE, "GetRole"),
            self._bus.call(ref, ACCESSIBLE, "GetAttributes"),
            self._bus.call(ref, ACCESSIBLE, "GetChildren"),
        )
        text, caret, selected, vague = "", -1, None, False
        with contextlib.suppress(FieldUnsupported):  # a picture has no text
            text, caret, selected, vague = await self._ask_text(ref)
        static = role[0] == STATIC_ROLE
        return _Told(
            ref=ref,
            text=text,
            caret=caret,
            selected=selected,
            vague=vague,
            block=attributes[0].get("display", "inline") not in _INLINE,
            static=static,
            children=[] if static else [Ref(*child) for child in children[0]],
        )

    async def _ask_text(self, ref: Ref) -> tuple[str, int, tuple[int, int] | None, bool]:
        texts, caret, count, ends = await asyncio.gather(
            self._bus.call(ref, TEXT, "GetText", "ii", 0, -1),
            self._bus.get(ref, TEXT, "CaretOffset"),
            self._bus.call(ref, TEXT, "GetNSelections"),
            self._bus.call(ref, TEXT, "GetSelection", "i", 0),
        )
        text = str(texts[0])
        if count[0] <= 0:
            return text, int(caret), None, False
        low, high = sorted(ends)
        if self._traits.selection_twice:
            low, high = units_before(text, low, "utf-16"), units_before(text, high, "utf-16")
        return text, int(caret), (low, high) if low < high else None, low >= high


def _told(flat: Flat) -> TextWindow:
    return TextWindow(flat.text, 0, len(flat.text), flat.selection)
