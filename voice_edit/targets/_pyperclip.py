"""`python -m voice_edit.targets._pyperclip`: put the text of standard input on the clipboard, read it back.

A process of its own, because the programs behind pyperclip may hang with their display, and because they stay
in the background to serve the clipboard and hold on to whatever output they inherit: whoever reads that
output to its end would wait for ever. Here they inherit none. Prints {"read_back": bool} or {"error": "..."}.
"""

from __future__ import annotations

import json
import os
import sys


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
        result = {"read_back": pyperclip.paste() == text}
    except Exception as error:
        result = {"error": " ".join(str(error).split()) or type(error).__name__}
    os.write(answer, json.dumps(result).encode())


if __name__ == "__main__":
    main()
