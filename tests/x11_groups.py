"""Switch between the layouts of one keyboard map, as the panel of a desktop does."""

from __future__ import annotations

from Xlib.display import Display
from Xlib.protocol import rq

from voice_edit.desktop._x11_xkb import Xkb


class _LatchLockState(rq.Request):  # type: ignore[misc]
    """The XKB request that python-xlib does not have."""

    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(5), rq.RequestLength(), rq.Card16("device"),
        rq.Card8("affect_locks"), rq.Card8("locks"), rq.Bool("lock_group"), rq.Card8("group"), rq.Pad(6),
    )  # fmt: skip


def lock_group(name: str, group: int) -> None:
    """From now on the layout number `group` (0 is the first) of the map counts on display `name`."""
    display = Display(name)
    try:
        Xkb(display)  # says to the server that this client speaks XKB
        opcode = display.query_extension("XKEYBOARD").major_opcode
        _LatchLockState(
            display=display.display, opcode=opcode, device=0x100,
            affect_locks=0, locks=0, lock_group=True, group=group,
        )  # fmt: skip
        display.sync()
    finally:
        display.close()
