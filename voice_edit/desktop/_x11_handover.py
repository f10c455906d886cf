"""When we leave: somebody else goes on offering what the clipboard holds, as far as we are its owner.

X11 keeps no clipboard of its own: what a program offered is gone with the program. A clipboard manager takes
over text on request (the freedesktop.org ClipboardManager specification). Few take over everything, so that
an image or a list of files goes to a small process of ours instead, which ends when something else is copied.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from voice_edit.desktop._x11_atoms import CLIPBOARD
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop._x11_owning import Selections
from voice_edit.desktop._x11_texts import is_plain_text
from voice_edit.desktop.clipboard_state import Content, Contents
from voice_edit.errors import TargetError

logger = logging.getLogger(__name__)

MANAGER_S: Final = 2.0
"""How long a clipboard manager may take to fetch a text, and again to become its owner."""
HOLDER_S: Final = 10.0
"""How long our process may take to start on a busy machine."""


def hand_over(thread: XThread, selections: Selections) -> bool:
    """Find somebody for everything that we offer for others; whether that worked, or there is nothing.

    From any thread but the connection's. Afterwards only closing the connection is left to do.
    """
    kept = thread.call(selections.kept)
    if CLIPBOARD in kept and is_plain_text(kept[CLIPBOARD]) and _manager_takes(thread, selections):
        kept.pop(CLIPBOARD)
    logger.debug("left to hold: %s", list(kept))
    return not kept or _start_holder(thread.display.get_display_name(), kept)


def _manager_takes(thread: XThread, selections: Selections) -> bool:
    """Ask a clipboard manager, if there is one, to keep the clipboard; whether it is its owner now."""
    try:
        saved = thread.call(selections.ask_manager_to_save)
        if saved is None or not saved.result(MANAGER_S):
            return False
        thread.call(selections.resign)
        deadline_s = time.monotonic() + MANAGER_S
        while thread.call(lambda: selections.owner_client(CLIPBOARD)) is None:
            if time.monotonic() > deadline_s:
                return False
            time.sleep(0.005)
    except (TargetError, TimeoutError):
        return False
    return True


def _start_holder(display: str, kept: Mapping[str, Contents]) -> bool:
    """Start the process that holds it, and wait until it does."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "voice_edit.desktop._x11_holder"],
            input=b"".join(encode(kept)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DISPLAY": display},
            timeout=HOLDER_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as problem:
        logger.warning("what the clipboard holds ends with this program: %s", problem)
        return False
    return done.returncode == 0


def encode(kept: Mapping[str, Contents]) -> Iterator[bytes]:
    """The contents of selections as bytes: a line of JSON that tells what follows, then the data."""
    table = [
        [name, [[target, one.type, one.format, len(one.data)] for target, one in contents.items()]]
        for name, contents in kept.items()
    ]
    yield json.dumps(table).encode() + b"\n"
    for contents in kept.values():
        for one in contents.values():
            yield one.data


def decode(stream: BinaryIO) -> dict[str, Contents]:
    """What `encode` wrote. Raises ValueError if it is cut off."""
    table: list[Any] = json.loads(stream.readline())
    kept: dict[str, Contents] = {}
    for name, rows in table:
        contents: dict[str, Content] = {}
        for target, kind, bits, size in rows:
            data = stream.read(size)
            if len(data) != size:
                raise ValueError("the contents of the clipboard are cut off")
            contents[target] = Content(kind, bits, data)
        kept[name] = contents
    return kept
