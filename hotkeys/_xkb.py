"""Three requests of the XKB extension that python-xlib does not have, after the protocol's `XKBproto.h`."""

from __future__ import annotations

from typing import Any, Final

from Xlib import X
from Xlib.protocol import rq

_USE_CORE_KEYBOARD: Final = 0x100
_DETECTABLE_AUTO_REPEAT: Final = 1
_MAP_EVENTS: Final = 0b11
"""XkbNewKeyboardNotify and XkbMapNotify."""
_WHOLE_MAP: Final = 0xFF


class _UseExtension(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(0), rq.RequestLength(), rq.Card16("major"), rq.Card16("minor")
    )
    _reply = rq.Struct(
        rq.ReplyCode(), rq.Bool("supported"), rq.Card16("sequence_number"), rq.ReplyLength(),
        rq.Card16("server_major"), rq.Card16("server_minor"), rq.Pad(20),
    )  # fmt: skip


class _PerClientFlags(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(21), rq.RequestLength(), rq.Card16("device"), rq.Pad(2),
        rq.Card32("change"), rq.Card32("value"),
        rq.Card32("controls"), rq.Card32("auto"), rq.Card32("auto_values"),
    )  # fmt: skip
    _reply = rq.Struct(
        rq.ReplyCode(), rq.Card8("device"), rq.Card16("sequence_number"), rq.ReplyLength(),
        rq.Card32("supported"), rq.Card32("value"), rq.Card32("auto"), rq.Card32("auto_values"), rq.Pad(8),
    )  # fmt: skip


class _SelectEvents(rq.Request):  # type: ignore[misc]
    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(1), rq.RequestLength(), rq.Card16("device"),
        rq.Card16("affected"), rq.Card16("clear"), rq.Card16("all"),
        rq.Card16("affected_map"), rq.Card16("map"),
    )  # fmt: skip


class Keyboard:
    """What XKB adds to a connection. Using it at all turns the core protocol's MappingNotify off."""

    def __init__(self, display: Any) -> None:
        self._display = display
        extension = display.query_extension("XKEYBOARD")
        self._opcode = extension.major_opcode if extension else 0
        self._first_event = extension.first_event if extension else -1
        if self._opcode:
            used = _UseExtension(display=display.display, opcode=self._opcode, major=1, minor=0)
            self._opcode = self._opcode if used.supported else 0

    def detectable_auto_repeat(self) -> bool:
        """Ask that a held key repeats as presses only, without a release before each; whether that is so now.

        Without it every repeat is a release and a press of one timestamp, which `debounce_ms` must bridge.
        """
        if not self._opcode:
            return False
        flags = _PerClientFlags(
            display=self._display.display, opcode=self._opcode, device=_USE_CORE_KEYBOARD,
            change=_DETECTABLE_AUTO_REPEAT, value=_DETECTABLE_AUTO_REPEAT, controls=0, auto=0, auto_values=0,
        )  # fmt: skip
        return bool(flags.value & _DETECTABLE_AUTO_REPEAT)

    def watch_the_map(self) -> None:
        """Ask to be told of new keyboard maps, in a way that `is_new_map` recognises."""
        if self._opcode:
            _SelectEvents(
                display=self._display.display, opcode=self._opcode, device=_USE_CORE_KEYBOARD,
                affected=_MAP_EVENTS, clear=0, all=_MAP_EVENTS, affected_map=_WHOLE_MAP, map=_WHOLE_MAP,
            )  # fmt: skip

    def is_new_map(self, event: Any) -> bool:
        """Whether an event says that the keyboard map is another one."""
        if event.type == X.MappingNotify:
            return bool(event.request != X.MappingPointer)
        return bool(event.type == self._first_event)
