"""The clipboard where all that can be done is to leave a text there: Windows, macOS without permission, a
desktop whose clipboard nobody may own from the outside. By pyperclip, in a process that can be given up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from voice_edit.desktop.errors import FieldUnsupported

if TYPE_CHECKING:
    from voice_edit.desktop.base import PasteState, Window


class PlainClipboard:
    """Takes a text. It cannot give back what it held, so it never pastes."""

    name = "pyperclip"

    def prepare(self) -> None:
        """There is nothing to be gained."""

    def paste(
        self,
        text: str,
        *,
        into: Window | None,
        press: Callable[[], None],
        timeout_s: float,
        primary: bool | None = None,
    ) -> PasteState:
        """Raises FieldUnsupported: a clipboard that cannot be given back is not borrowed."""
        raise FieldUnsupported("What the clipboard holds could not be put back after pasting.")

    def put(self, text: str) -> bool:
        """Leave `text` there; True if it was read back. Raises TargetError where there is no clipboard."""
        from voice_edit.targets.clipboard import put_with_pyperclip

        return put_with_pyperclip(text)

    def close(self) -> None:
        """The text stays as long as the system keeps it."""
