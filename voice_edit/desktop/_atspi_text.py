"""Text as AT-SPI2's Text interface tells it, in code points. Runs in the loop of the bus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from voice_edit.desktop._atspi_bus import Bus
from voice_edit.desktop._atspi_names import TEXT, Ref, Traits
from voice_edit.desktop._atspi_units import (
    cut,
    points_before,
    told_twice,
    units_before,
    unpadded,
    untwice,
    window_around,
)
from voice_edit.desktop.base import CALL_S, TextWindow
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.edits import Selection
from voice_edit.errors import TargetChanged, TargetError, TargetGone, TargetTimeout

AGAIN: Final = 4
"""How often a text that changes while it is read is read again."""
SELECT_S: Final = CALL_S
"""How long a selection may take to be told: Chromium's page is another process than the one that answers."""
AGAIN_S: Final = 0.03
"""Pause before reading again: Gecko's first answer may be empty, Chromium's selection follows later."""


@dataclass(frozen=True, slots=True)
class Place:
    """Length, caret and selection, as the toolkit counts."""

    count: int
    caret: int
    """-1 where it is not known."""
    selected: tuple[int, int] | None


class PlainText:
    """The text of one object that has no text of other objects inside."""

    def __init__(self, bus: Bus, ref: Ref, traits: Traits, *, multi_line: bool) -> None:
        self._bus, self._ref, self._traits = bus, ref, traits
        self._whole = traits.units != "code points"
        """Whether it has to be read from its start, to know how many code points come before the caret."""
        self._trailing_break = traits.trailing_break and multi_line

    async def look(self, most: int) -> TextWindow:
        """A text window around the caret. Raises TargetChanged when it does not keep still."""
        place = await self._place()
        for _ in range(AGAIN):
            start, end = 0, place.count
            if not self._whole:
                head = place.caret if 0 <= place.caret <= place.count else place.count
                start, end = window_around(place.count, head, most)
            text, after = await asyncio.gather(self._text(start, end), self._place())
            if after == place and self._fits(text, end - start):
                return window(self._points(text, start, place), most)
            place = after
            await asyncio.sleep(AGAIN_S)
        raise TargetChanged("The text changes while it is read.")

    async def span(self, start: int, end: int) -> TextWindow:
        """The text between two offsets."""
        place = await self._place()
        for _ in range(AGAIN):
            low, high = (0, place.count) if self._whole else (min(start, place.count), min(end, place.count))
            text, after = await asyncio.gather(self._text(low, high), self._place())
            if after == place and self._fits(text, high - low):
                told = self._points(text, low, place)
                return stretch(told, start, end) if self._whole else told
            place = after
            await asyncio.sleep(AGAIN_S)
        raise TargetChanged("The text changes while it is read.")

    async def native(self, *points: int) -> tuple[int, ...]:
        """Offsets as the toolkit counts them."""
        if not self._whole:
            return points
        count = int(await self._bus.get(self._ref, TEXT, "CharacterCount"))
        text = unpadded(await self._text(0, count), self._traits.units)
        return tuple(units_before(text, point, self._traits.units) for point in points)

    async def select(self, selection: Selection) -> bool:
        """Put caret or selection there; whether they are there afterwards."""
        start, end = await self.native(selection.start, selection.end)
        if await self._selects(start, end, sure=True):
            return True
        if start == end:
            await self._attempt("SetCaretOffset", "i", start)
        else:
            if await self._selections():
                # Chromium ignores what is selected already as far as has been told: the end of that first.
                await self._attempt("SetCaretOffset", "i", start)
                await self._until(lambda: self._is_caret(start))
            if self._traits.add_selection_replies:
                await self._attempt("AddSelection", "ii", start, end)
            else:
                self._bus.tell(self._ref, TEXT, "AddSelection", "ii", start, end)
        return await self._until(lambda: self._selects(start, end))

    # --- inside, as the toolkit counts --------------------------------------------------------------------

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> bool:
        """Wait for it, for a while; whether it holds."""
        give_up_s = time.monotonic() + SELECT_S
        while not await holds():
            if time.monotonic() > give_up_s:
                return False
            await asyncio.sleep(AGAIN_S)
        return True

    async def _selections(self) -> int:
        return int((await self._bus.call(self._ref, TEXT, "GetNSelections"))[0])

    async def _is_caret(self, at: int) -> bool:
        return not await self._selections() and await self._bus.get(self._ref, TEXT, "CaretOffset") == at

    async def _place(self) -> Place:
        """One round trip for a caret, two for a selection."""
        count, caret, selections = await asyncio.gather(
            self._bus.get(self._ref, TEXT, "CharacterCount"),
            self._bus.get(self._ref, TEXT, "CaretOffset"),
            self._bus.call(self._ref, TEXT, "GetNSelections"),
        )
        if self._trailing_break and count and await self._text(count - 1, count) == "\n":
            count -= 1
        if selections[0] <= 0:
            return Place(int(count), int(caret), None)
        try:
            start, end = sorted(await self._bus.call(self._ref, TEXT, "GetSelection", "i", 0))
        except FieldUnsupported:  # GTK 4, when it is gone by now: whoever reads twice notices
            return Place(int(count), int(caret), None)
        if self._traits.selection_twice:
            told = untwice(await self._text(0, end), (start, end), caret)
            return Place(int(count), int(caret) if told else -1, told)
        return Place(int(count), int(caret), (start, end) if start != end else None)

    async def _text(self, start: int, end: int) -> str:
        if end <= start:
            return ""
        return str((await self._bus.call(self._ref, TEXT, "GetText", "ii", start, end))[0])

    def _fits(self, text: str, native: int) -> bool:
        """Whether a text is as long as the toolkit said it would be."""
        units = self._traits.units
        clean = unpadded(text, units)
        return units_before(clean, len(clean), units) == native

    def _points(self, text: str, start: int, place: Place) -> TextWindow:
        """What was read, in code points. A text not counted in code points is read whole: `start` is 0."""
        units = self._traits.units
        clean = unpadded(text, units)
        count = len(clean) if self._whole else place.count

        def point(native: int) -> int:
            return points_before(clean, native, units) if self._whole else native

        selection = None
        if 0 <= place.caret <= place.count:
            head = point(place.caret)
            selection = Selection(head, head)
        if place.selected is not None:
            low, high = point(place.selected[0]), point(place.selected[1])
            selection = Selection(high, low) if place.caret == place.selected[0] else Selection(low, high)
        return TextWindow(clean, start, count, selection)

    async def _selects(self, start: int, end: int, *, sure: bool = False) -> bool:
        """Whether this is selected now. `sure`: and nothing else that is told in the same way."""
        if start < end and self._traits.selection_twice:
            # Some selections cannot be told apart from what it tells; what it tells of this one is known.
            text, caret, count, told = await asyncio.gather(
                self._text(0, end),
                self._bus.get(self._ref, TEXT, "CaretOffset"),
                self._bus.call(self._ref, TEXT, "GetNSelections"),
                self._bus.call(self._ref, TEXT, "GetSelection", "i", 0),
            )
            ends = told_twice(text, start), told_twice(text, end)
            if not count[0] or caret not in (start, end):
                return False
            return tuple(told) in ((start, end), ends) or (
                None in ends and not sure and tuple(told) == (0, 0)
            )
        place = await self._place()
        return place.selected == (start, end) if start < end else place == Place(place.count, start, None)

    async def _attempt(self, member: str, signature: str, *body: Any) -> None:
        """Call it; whether it worked is read afterwards."""
        try:
            await self._bus.call(self._ref, TEXT, member, signature, *body)
        except (TargetGone, TargetTimeout):
            raise
        except TargetError as error:
            raise FieldUnsupported("The field cannot be told what to select.") from error


def stretch(told: TextWindow, start: int, end: int) -> TextWindow:
    """The part of a whole text between two offsets."""
    return TextWindow(told.text[start:end], min(start, told.count), told.count, told.selection)


def window(told: TextWindow, most: int) -> TextWindow:
    """At most `most` code points of what was read, around the caret, cut at a border."""
    head = told.selection.head if told.selection is not None else told.count
    if len(told.text) > most:
        low, high = window_around(told.count, head, most)
        told = TextWindow(told.text[low - told.start : high - told.start], low, told.count, told.selection)
    keep = (head, head) if told.selection is None else (told.selection.start, told.selection.end)
    begin, end = cut(told.text, told.start, told.count, keep)
    return TextWindow(told.text[begin:end], told.start + begin, told.count, told.selection)
