"""The calls of macOS that we need, and nothing else: the only file that imports pyobjc. UNTESTED: no Mac was
at hand; what is above it is tested against a stand-in.

pyobjc comes with pynput on macOS: HIServices, AppKit and Quartz. Signatures as in Apple's AXUIElement.h,
CGEvent.h and NSPasteboard.h; out-arguments are given as None and come back behind the error code.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from voice_edit.desktop.ax_mapping import FAILURE, PERMISSION, Range
from voice_edit.desktop.base import CALL_S
from voice_edit.desktop.errors import FieldUnsupported

_CF_RANGE = 4  # kAXValueTypeCFRange
_HID = 1  # kCGEventSourceStateHIDSystemState: what is physically down
_HID_TAP = 0  # kCGHIDEventTap


class AxError(Exception):
    """A call that did not succeed."""

    def __init__(self, code: int) -> None:
        super().__init__(f"AXError {code}")
        self.code = code


class AxApi:
    """macOS. Raises FieldUnsupported where pyobjc is missing or the permission was not given."""

    def __init__(self) -> None:
        try:
            self._ax = importlib.import_module("HIServices")
            self._kit = importlib.import_module("AppKit")
            self._quartz = importlib.import_module("Quartz")
        except ImportError as error:
            raise FieldUnsupported(
                f"A library is missing: {error}.", hint="Install voice-edit again: pip install voice-edit"
            ) from error
        carbon = ctypes.util.find_library("Carbon")
        self._carbon = ctypes.CDLL(carbon) if carbon else None
        if not self._ax.AXIsProcessTrusted():
            raise FieldUnsupported("macOS does not let this program use accessibility.", hint=PERMISSION)
        self.system = self._ax.AXUIElementCreateSystemWide()
        self._ax.AXUIElementSetMessagingTimeout(self.system, CALL_S)  # of every element

    # --- elements -----------------------------------------------------------------------------------------

    def application(self, pid: int) -> Any:
        """The element that a program is."""
        return self._ax.AXUIElementCreateApplication(pid)

    def get(self, element: Any, name: str) -> Any:
        """An attribute. Raises AxError."""
        code, value = self._ax.AXUIElementCopyAttributeValue(element, name, None)
        return _good(code, value)

    def get_at(self, element: Any, name: str, at: Range) -> Any:
        """An attribute with a range as its parameter. Raises AxError."""
        boxed = self._ax.AXValueCreate(_CF_RANGE, at)
        code, value = self._ax.AXUIElementCopyParameterizedAttributeValue(element, name, boxed, None)
        return _good(code, value)

    def set(self, element: Any, name: str, value: Any) -> None:
        """Set an attribute; a Range is boxed. Raises AxError."""
        boxed = self._ax.AXValueCreate(_CF_RANGE, value) if isinstance(value, Range) else value
        _good(self._ax.AXUIElementSetAttributeValue(element, name, boxed), None)

    def names(self, element: Any) -> frozenset[str]:
        """The attributes that an element has. Raises AxError."""
        code, found = self._ax.AXUIElementCopyAttributeNames(element, None)
        return frozenset(str(name) for name in _good(code, found) or ())

    def is_settable(self, element: Any, name: str) -> bool:
        code, settable = self._ax.AXUIElementIsAttributeSettable(element, name, None)
        return code == 0 and bool(settable)

    def range_of(self, value: Any) -> Range:
        """What a boxed range holds. Raises AxError."""
        good, found = self._ax.AXValueGetValue(value, _CF_RANGE, None)
        if not good:
            raise AxError(FAILURE)
        return Range(int(found[0]), int(found[1]))

    def pid(self, element: Any) -> int:
        code, pid = self._ax.AXUIElementGetPid(element, None)
        return int(_good(code, pid))

    def number(self, element: Any) -> int:
        """The same for equal elements."""
        return hash(element)

    def is_same(self, one: Any, other: Any) -> bool:
        return bool(one == other)

    def program(self, pid: int) -> tuple[str, str]:
        """Bundle id and name of a program; "" where there is none."""
        found = self._kit.NSRunningApplication.runningApplicationWithProcessIdentifier_(pid)
        if found is None:
            return "", ""
        return str(found.bundleIdentifier() or ""), str(found.localizedName() or "")

    def has_secure_input(self) -> bool:
        """Whether a program has asked that keys be kept from all others."""
        if self._carbon is None:
            return False
        return bool(self._carbon.IsSecureEventInputEnabled())

    # --- keys ---------------------------------------------------------------------------------------------

    def modifiers(self) -> int:
        """CGEventFlags of what is physically held."""
        return int(self._quartz.CGEventSourceFlagsState(_HID))

    def key(self, code: int, *, down: bool, flags: int = 0, text: str | None = None) -> None:
        """Post one key event; with `text` it types that, whatever the key."""
        event = self._quartz.CGEventCreateKeyboardEvent(None, code, down)
        self._quartz.CGEventSetFlags(event, flags)
        if text is not None:
            length = len(text.encode("utf-16-le")) // 2
            self._quartz.CGEventKeyboardSetUnicodeString(event, length, text)
        self._quartz.CGEventPost(_HID_TAP, event)

    # --- pasteboard ---------------------------------------------------------------------------------------

    def board_count(self) -> int:
        """Grows whenever anybody puts something there."""
        return int(self._board().changeCount())

    def board_read(self) -> list[dict[str, bytes]]:
        """Every item with all of its types."""
        items = self._board().pasteboardItems() or []
        return [
            {
                str(kind): bytes(data)
                for kind in item.types()
                if (data := item.dataForType_(kind)) is not None
            }
            for item in items
        ]  # fmt: skip

    def board_write(self, items: Sequence[Mapping[str, bytes]]) -> None:
        """Put these there instead of what it holds. Raises AxError where it refuses."""
        made = []
        for item in items:
            one = self._kit.NSPasteboardItem.alloc().init()
            for kind, data in item.items():
                one.setData_forType_(self._kit.NSData.dataWithBytes_length_(data, len(data)), kind)
            made.append(one)
        board = self._board()
        board.clearContents()
        if made and not board.writeObjects_(made):
            raise AxError(FAILURE)

    def _board(self) -> Any:
        return self._kit.NSPasteboard.generalPasteboard()


def _good(code: int, value: Any) -> Any:
    if code != 0:
        raise AxError(int(code))
    return value
