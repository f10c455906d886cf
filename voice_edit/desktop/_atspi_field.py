"""One element's text over AT-SPI2: read, replaced by offsets, selected."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

from voice_edit.desktop._atspi_find import role_of, states_of
from voice_edit.desktop._atspi_names import (
    DEFUNCT,
    EDITABLE_TEXT,
    FOCUSED,
    PASSWORD_ROLE,
    Ref,
    has,
    takes_text,
    traits,
)
from voice_edit.desktop._atspi_rich import RichText, is_rich
from voice_edit.desktop._atspi_text import PlainText
from voice_edit.desktop._atspi_units import length_for
from voice_edit.desktop.base import CALL_S, Element, TextWindow
from voice_edit.desktop.errors import FieldReadOnly, FieldRefused, FieldSecret, FieldUnsupported
from voice_edit.edits import Selection
from voice_edit.errors import TargetGone, TargetTimeout, TargetUncertain

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from voice_edit.desktop._atspi import AtspiAccessibility

T = TypeVar("T")
WHOLE_S: Final = 6 * CALL_S
"""How long one of our methods may take in all."""
WRITE_S: Final = 4 * CALL_S
"""How long a write may take: the program answered just before, and not to know is worse than to wait."""


class AtspiField:
    """One element's text. Its role is asked before each read: a password is never asked for its text."""

    def __init__(self, service: AtspiAccessibility, element: Element) -> None:
        self._service = service
        self._bus = service.bus
        self._element = element
        self._ref = Ref.parse(element.ref)
        self._traits = traits(element.toolkit)
        self._plain = PlainText(self._bus, self._ref, self._traits, multi_line=element.multi_line)

    @property
    def element(self) -> Element:
        return self._element

    # --- reading ------------------------------------------------------------------------------------------

    def read(self, start: int, end: int) -> str:
        return self._run(self._span(start, end)).text

    def look_at(self, start: int, end: int) -> TextWindow:
        return self._run(self._span(start, end))

    def look(self, most: int) -> TextWindow:
        return self._run(self._look(most))

    def is_focused(self) -> bool:
        return self._run(self._is_focused())

    def is_alive(self) -> bool:
        try:
            self._run(self._states())
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

    async def _states(self) -> tuple[int, int]:
        """The role and the states of the element, which is there."""
        role, states = await asyncio.gather(role_of(self._bus, self._ref), states_of(self._bus, self._ref))
        if has(states, DEFUNCT):
            raise TargetGone("The field is not there any more.")
        return role, states

    async def _check(self) -> int:
        """The states of the element, which is no password."""
        role, states = await self._states()
        if role == PASSWORD_ROLE or self._service.was_secret(self._ref):
            raise FieldSecret("This is a password field.")
        return states

    async def _is_focused(self) -> bool:
        states = await states_of(self._bus, self._ref)
        return has(states, FOCUSED) and await self._service.settled() == self._ref

    async def _body(self) -> PlainText | RichText:
        await self._check()
        if self._traits.rich and self._element.multi_line and await is_rich(self._bus, self._ref):
            return RichText(self._bus, self._ref, self._traits)
        return self._plain

    async def _look(self, most: int) -> TextWindow:
        return await (await self._body()).look(most)

    async def _span(self, start: int, end: int) -> TextWindow:
        return await (await self._body()).span(start, end)

    async def _select(self, selection: Selection) -> None:
        if not await (await self._body()).select(selection):
            raise FieldUnsupported("The field does not select what it is told to.")

    async def _replace(self, start: int, end: int, new: str) -> None:
        if "\0" in new or any("\ud800" <= char <= "\udfff" for char in new):
            raise FieldRefused("The text holds a character that no field can hold.")
        if not takes_text(await self._check()):
            raise FieldReadOnly("The field takes no text now.")
        length_in = self._traits.length_in
        if length_in is None or not self._element.writable:
            raise FieldUnsupported(f"{self._element.app or 'This program'} takes no text by offsets here.")
        low, high = await self._plain.native(start, end)
        calls = []
        if high > low:
            calls.append(
                self._bus.call(self._ref, EDITABLE_TEXT, "DeleteText", "ii", low, high, wait_s=WRITE_S)
            )
        if new:
            length = length_for(new, length_in)
            calls.append(
                self._bus.call(
                    self._ref, EDITABLE_TEXT, "InsertText", "isi", low, new, length, wait_s=WRITE_S
                )
            )
        # Sent together: a program that hangs does both or neither when it wakes up, and no key of the user
        # comes between.
        answers = await asyncio.gather(*calls, return_exceptions=True)
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if any(isinstance(answer, TargetGone | TargetTimeout) for answer in failed):
            raise TargetUncertain("The program fell silent while it was written to.") from failed[0]
        if failed and len(failed) < len(answers):
            raise TargetUncertain("The program did only half of what it was told.") from failed[0]
        if failed:
            raise failed[0]
