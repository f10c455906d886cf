"""Run as a program: offers what it is given as the clipboard, until something else is copied.

Standard input has what `_x11_handover.encode` wrote. The program returns once it owns the clipboard (1 if it
could not), and leaves a child behind that holds it.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from voice_edit.desktop._x11_handover import decode
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop._x11_owning import Selections
from voice_edit.desktop.clipboard_state import Contents
from voice_edit.errors import TargetError

LOOK_S = 5.0
"""How often it is asked whether the display is still there."""


def main() -> int:
    """Take over, and leave a child behind."""
    try:
        kept = decode(sys.stdin.buffer)
    except ValueError:
        return 1
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        return 0 if os.read(reader, 1) else 1
    os.setsid()
    os.close(reader)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    try:
        hold(kept, writer)
    finally:
        os._exit(0)


def hold(kept: dict[str, Contents], told: int) -> None:
    """Offer it; a byte is written to the pipe `told` once it is ours."""
    try:
        thread = XThread(None, "x11 holder")
        selections = thread.call(lambda: Selections(thread))
        for name, contents in kept.items():
            thread.call(partial(selections.show, name, contents))
        os.write(told, b"x")
        os.close(told)
        with selections.news:
            while not thread.over and selections.holds_any:
                selections.news.wait(LOOK_S)
        thread.close()
    except TargetError:
        return


if __name__ == "__main__":
    sys.exit(main())
