"""Two requests of the XKB extension that python-xlib does not have, after the protocol's `XKBproto.h`."""

from __future__ import annotations

from typing import Any, Final

from Xlib.protocol import rq

_USE_CORE_KEYBOARD: Final = 0x100
_DETECTABLE_AUTO_REPEAT: Final = 1


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


def detectable_auto_repeat(display: Any) -> bool:
    """Ask that a held key repeats as presses only, without a release before each; whether that is so now.

    Without it every repeat is a release and a press of one timestamp, which `debounce_ms` must bridge.
    """
    extension = display.query_extension("XKEYBOARD")
    if not extension:
        return False
    used = _UseExtension(display=display.display, opcode=extension.major_opcode, major=1, minor=0)
    if not used.supported:
        return False
    flags = _PerClientFlags(
        display=display.display, opcode=extension.major_opcode, device=_USE_CORE_KEYBOARD,
        change=_DETECTABLE_AUTO_REPEAT, value=_DETECTABLE_AUTO_REPEAT, controls=0, auto=0, auto_values=0,
    )  # fmt: skip
    return bool(flags.value & _DETECTABLE_AUTO_REPEAT)
