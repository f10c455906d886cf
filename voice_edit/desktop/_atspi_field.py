"""The text of one element over AT-SPI2: read, replaced by offsets, selected."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from voice_edit.desktop._atspi_find import role_of, states_of
from voice_edit.desktop._atspi_names import (
    DEFUNCT,
    EDITABLE_TEXT,
    FOCUSED,
    PASSWORD_ROLE,
    TEXT,
    Ref,
    has,
    traits,
)
from voice_edit.desktop._atspi_units import (
    cut,
    length_for,
    points_before,
    told_twice,
    units_before,
    unpadded,
    untwice,
    window_around,
)
from voice_edit.desktop.base import CALL_S, Element, TextWindow
from voice_edit.desktop.errors import FieldReadOnly, FieldRefused, FieldSecret, FieldUnsupported
from voice_edit.edits import Selection
from voice_edit.errors import TargetChanged, TargetError, TargetGone, TargetTimeout, TargetUncertain

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from voice_edit.desktop._atspi import AtspiAccessibility

T = TypeVar("T")
WHOLE_S: Final = 4 * CALL_S
"""How long one of our methods may take in all."""
AGAIN: Final = 4
"""How often a text that changes while it is read is read again."""
AGAIN_S: Final = 0.03
"""Pause before reading again: Gecko's first answer may be empty, Chromium's selection follows later."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Length, caret and selection, as the toolkit counts."""

    count: int
    caret: int
    """-1 where it is not known."""
    selected: tuple[int, int] | None


class AtspiField:
    """One element's text. Its role is asked before each read: a password is never asked for its text."""

    def __init__(self, service: AtspiAccessibility, element: Element) -> None:
        self._service = service
        self._bus = service.bus
        self._element = element
        self._ref = Ref.parse(element.ref)
        self._traits = traits(element.toolkit)

    @property
    def element(self) -> Element:
        return self._element

    # --- reading ------------------------------------------------------------------------------------------

    def read(self, start: int, end: int) -> str:
        return self._run(self._read(start, end)).text

    def look_at(self, start: int, end: int) -> TextWindow:
        return self._run(self._read(start, end))

    def look(self, most: int) -> TextWindow:
        return self._run(self._look(most))

    def is_focused(self) -> bool:
        return self._run(self._is_focused())

    def is_alive(self) -> bool:
        try:
            self._run(self._check())
        except TargetGone:
            return False
        return True

    # --- writing ------------------------------------------------------------------------------------------

    def replace(self, start: int, end: int, new: str) -> None:
        """As the protocol says. Raises TargetUncertain when the program fell silent after it was told."""
        self._run(self._replace(start, end, new))

    def select(self, selection: Selection) -> None:
        self._run(self._select(selection))

    # --- in the loop --------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._bus.run(work, WHOLE_S)

    async def _check(self) -> int:
        """The states of the element, which is there and no password."""
        role, states = await asyncio.gather(role_of(self._bus, self._ref), states_of(self._bus, self._ref))
        if has(states, DEFUNCT):
            raise TargetGone("the field is not there any more")
        if role == PASSWORD_ROLE or self._service.was_secret(self._ref):
            raise FieldSecret("this is a password field")
        return states

    async def _is_focused(self) -> bool:
        states = await states_of(self._bus, self._ref)
        return has(states, FOCUSED) and await self._service.settled() == self._ref

    async def _place(self) -> _Place:
        """One round trip for a caret, two for a selection."""
        count, caret, selections = await asyncio.gather(
            self._bus.get(self._ref, TEXT, "CharacterCount"),
            self._bus.get(self._ref, TEXT, "CaretOffset"),
            self._bus.call(self._ref, TEXT, "GetNSelections"),
        )
        if selections[0] <= 0:
            return _Place(int(count), int(caret), None)
        start, end = sorted(await self._bus.call(self._ref, TEXT, "GetSelection", "i", 0))
        if self._traits.selection_twice:
            told = untwice(await self._text(0, end), (start, end), caret)
            return _Place(int(count), int(caret) if told else -1, told)
        return _Place(int(count), int(caret), (start, end) if start != end else None)

    async def _text(self, start: int, end: int) -> str:
        if end <= start:
            return ""
        return str((await self._bus.call(self._ref, TEXT, "GetText", "ii", start, end))[0])

    async def _look(self, most: int) -> TextWindow:
        await self._check()
        place = await self._place()
        for _ in range(AGAIN):
            if self._traits.units == "code points":
                head = place.caret if 0 <= place.caret <= place.count else place.count
                start, end = window_around(place.count, head, most)
            else:
                start, end = 0, place.count
            text, after = await asyncio.gather(self._text(start, end), self._place())
            if after == place and self._fits(text, end - start):
                return self._window(text, start, place, most)
            place = after
            await asyncio.sleep(AGAIN_S)
        raise TargetChanged("the text changes while it is read")

    async def _read(self, start: int, end: int) -> TextWindow:
        await self._check()
        place = await self._place()
        for _ in range(AGAIN):
            whole = self._traits.units != "code points"
            low, high = (0, place.count) if whole else (min(start, place.count), min(end, place.count))
            text, after = await asyncio.gather(self._text(low, high), self._place())
            if after == place and self._fits(text, high - low):
                told = self._points(text, low, place)
                if whole:
                    return TextWindow(
                        told.text[start:end], min(start, told.count), told.count, told.selection
                    )
                return told
            place = after
            await asyncio.sleep(AGAIN_S)
        raise TargetChanged("the text changes while it is read")

    def _fits(self, text: str, native: int) -> bool:
        """Whether a text is as long as the toolkit said it would be."""
        units = self._traits.units
        if units == "code points":
            return len(text) == native
        clean = unpadded(text, units)
        return units_before(clean, len(clean), units) == native

    def _points(self, text: str, start: int, place: _Place) -> TextWindow:
        """What was read, in code points. A text not counted in code points is read whole: `start` is 0."""
        units = self._traits.units
        clean = unpadded(text, units)
        count = place.count if units == "code points" else len(clean)

        def point(native: int) -> int:
            return native if units == "code points" else points_before(clean, native, units)

        selection = None
        if 0 <= place.caret <= place.count:
            head = point(place.caret)
            selection = Selection(head, head)
        if place.selected is not None:
            low, high = point(place.selected[0]), point(place.selected[1])
            selection = Selection(high, low) if place.caret == place.selected[0] else Selection(low, high)
        return TextWindow(clean, start, count, selection)

    def _window(self, text: str, start: int, place: _Place, most: int) -> TextWindow:
        told = self._points(text, start, place)
        head = told.selection.head if told.selection is not None else told.count
        if len(told.text) > most:
            low, high = window_around(told.count, head, most)
            told = TextWindow(told.text[low:high], low, told.count, told.selection)
        keep = (head, head) if told.selection is None else (told.selection.start, told.selection.end)
        begin, end = cut(told.text, told.start, told.count, keep)
        return TextWindow(told.text[begin:end], told.start + begin, told.count, told.selection)

    async def _native(self, *points: int) -> tuple[int, ...]:
        """Offsets as the toolkit counts them."""
        if self._traits.units == "code points":
            return points
        text = unpadded(
            await self._text(0, int(await self._bus.get(self._ref, TEXT, "CharacterCount"))),
            self._traits.units,
        )
        return tuple(units_before(text, point, self._traits.units) for point in points)

    async def _replace(self, start: int, end: int, new: str) -> None:
        length_in = self._traits.length_in
        if length_in is None or not self._element.writable:
            raise FieldUnsupported(f"{self._element.app or 'this program'} takes no text by offsets here")
        if "\0" in new or any("\ud800" <= char <= "\udfff" for char in new):
            raise FieldRefused("the text holds a character that no field can hold")
        states = await self._check()
        if not self._service.is_editable(states):
            raise FieldReadOnly("the field takes no text now")
        low, high = await self._native(start, end)
        calls = []
        if high > low:
            calls.append(self._bus.call(self._ref, EDITABLE_TEXT, "DeleteText", "ii", low, high))
        if new:
            length = length_for(new, length_in)
            calls.append(self._bus.call(self._ref, EDITABLE_TEXT, "InsertText", "isi", low, new, length))
        if not calls:
            return
        # Sent together: a program that hangs does both or neither when it wakes up, and no key of the user
        # comes between.
        done = await asyncio.gather(*calls, return_exceptions=True)
        for answer in done:
            if isinstance(answer, TargetTimeout | TargetGone):
                raise TargetUncertain("the program fell silent while it was written to") from answer
            if isinstance(answer, BaseException):
                raise answer

    async def _select(self, selection: Selection) -> None:
        await self._check()
        start, end = await self._native(selection.start, selection.end)
        if start == end:
            await self._attempt("SetCaretOffset", "i", start)
        elif (await self._bus.call(self._ref, TEXT, "GetNSelections"))[0] > 0:
            await self._attempt("SetCaretOffset", "i", start)
            await self._add_selection(start, end)
        else:
            await self._add_selection(start, end)
        for _ in range(2 * AGAIN):
            if await self._selects(start, end):
                return
            await asyncio.sleep(AGAIN_S)
        raise FieldUnsupported("the field does not select what it is told to")

    async def _selects(self, start: int, end: int) -> bool:
        """Whether this is selected now, in the toolkit's units."""
        if start < end and self._traits.selection_twice:
            # Some selections cannot be told apart from what it tells; what it tells of this one is known.
            text, caret, told = await asyncio.gather(
                self._text(0, end),
                self._bus.get(self._ref, TEXT, "CaretOffset"),
                self._bus.call(self._ref, TEXT, "GetSelection", "i", 0),
            )
            ends = told_twice(text, start), told_twice(text, end)
            return caret in (start, end) and tuple(told) in ((start, end), (0, 0) if None in ends else ends)
        place = await self._place()
        return place.selected == (start, end) if start < end else place == _Place(place.count, start, None)

    async def _add_selection(self, start: int, end: int) -> None:
        if self._traits.add_selection_replies:
            await self._attempt("AddSelection", "ii", start, end)
        else:
            self._bus.tell(self._ref, TEXT, "AddSelection", "ii", start, end)

    async def _attempt(self, member: str, signature: str, *body: Any) -> None:
        """Call it; whether it worked is read afterwards."""
        try:
            await self._bus.call(self._ref, TEXT, member, signature, *body)
        except (TargetGone, TargetTimeout):
            raise
        except TargetError as error:
            raise FieldUnsupported("the field cannot be told what to select") from error
