"""`python -m voice_edit.targets._pyperclip`: put the text of standard input on the clipboard, read it back.

A process of its own, because the programs behind pyperclip may hang with their display, and because they stay
in the background to serve the clipboard and hold on to whatever output they inherit: whoever reads that
output to its end would wait for ever. Here they inherit none. Prints {"read_back": bool} or {"error": "..."}.
"""

from __future__ import annotations

import json
import os
import sys
import time

SETTLED_S = 1.0
"""How long the clipboard may still hold what it held before."""


def main() -> None:
    answer = os.dup(1)  # not inherited by other programs
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    text = sys.stdin.buffer.read().decode("utf-8")
    result: dict[str, object]
    try:
        import pyperclip

        pyperclip.copy(text)
        # xclip goes into the background before the display has heard that the clipboard is its.
        deadline = time.monotonic() + SETTLED_S
        while not (is_there := pyperclip.paste() == text) and time.monotonic() < deadline:
            time.sleep(0.02)
        result = {"read_back": is_there}
    except Exception as error:
        result = {"error": " ".join(str(error).split()) or type(error).__name__}
    os.write(answer, json.dumps(result).encode())


if __name__ == "__main__":
    main()
