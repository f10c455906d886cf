"""`python -m voice_edit.desktop._wayland_holder`: keeps a selection alive after the daemon has ended.

On Wayland the clipboard lives in the program that was copied from. What we gave back would be gone with us,
so a process of its own takes it over, and ends when somebody copies something else or the session ends. It
reads one line of JSON, {"clipboard": [[type, bytes], ...], "primary": [...]}, then the contents one after the
other, and prints "held" once it has them. Whoever ends all processes of the daemon, as systemd does when it
stops a service, ends this one too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from voice_edit.desktop._wayland_selection import Content, Selections, Which
from voice_edit.errors import TargetError

TAKE_OVER_S = 5.0
"""How long the new process may take."""


def hold(held: Mapping[Which, Content], environ: Mapping[str, str]) -> bool:
    """Start a process that owns these from now on; False if it could not."""
    header = {which: [[kind, len(data)] for kind, data in content.items()] for which, content in held.items()}
    data = b"".join(data for content in held.values() for data in content.values())
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "voice_edit.desktop._wayland_holder"],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    try:
        answer, _ = child.communicate(json.dumps(header).encode() + b"\n" + data, TAKE_OVER_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return False
    return answer.strip() == b"held"


def main() -> None:
    """Read, leave a process behind that owns it, and go."""
    given = json.loads(sys.stdin.buffer.readline())
    held: dict[Which, Content] = {
        which: {kind: sys.stdin.buffer.read(size) for kind, size in types} for which, types in given.items()
    }
    reader, writer = os.pipe()
    if os.fork():  # whoever started us waits for our end, and must not wait for the other
        os.close(writer)
        os.write(1, os.read(reader, 16))
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    try:
        selections = Selections(os.environ)
        for which, content in held.items():
            selections.own(which, content)
    except TargetError:
        return
    os.write(writer, b"held")
    os.close(writer)
    selections.wait_until_replaced()


if __name__ == "__main__":
    main()
