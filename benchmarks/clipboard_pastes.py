"""Is the clipboard the same after a hundred pastes?

    python -m benchmarks.clipboard_pastes --pastes 100

A Qt program has copied text, HTML, an image (in two dozen formats), files and a password manager's hint; one
that copied six million bytes follows. Words are pasted again and again into windows of GTK 3, GTK 4, Qt, Tk
and xterm; every tenth time the witness (xclip, a process for each type) reads everything that the clipboard
offers. Then the same with all processors busy, and with clipboard managers running. A paste counts if the
program itself tells that it holds the words, and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from virtual_desktop import VirtualDesktop, virtual_desktop
from virtual_display import until
from x11_clipboards import clear, held, manager, owner

from voice_edit.desktop._x11 import open_x11

PROGRAMS = ("gtk3", "gtk4", "qt", "tk", "xterm")
CONTENTS = {"rich": ("text", "html", "image", "files", "hint"), "big": ("big",)}
WORDS = "paste {number}: grüße 你好 😀"
GIVEN_BACK_S = 30.0
EVERY = 10
"""The clipboard is read by the witness after every so many pastes: that takes longer than they do."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pastes", type=int, default=100)
    parser.add_argument("--only", choices=("quiet", "load", "xfce4-clipman", "clipit"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    for setting in ("quiet", "load", "xfce4-clipman", "clipit"):
        if arguments.only in (None, setting):
            for name in CONTENTS:
                row = run(setting, name, arguments.pastes)
                rows.append(row)
                print(json.dumps(row), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    good = all(row["identical"] == row["looks"] and row["arrived"] == row["pastes"] for row in rows)
    print("identical after every paste" if good else "NOT identical")
    sys.exit(not good)


def run(setting: str, name: str, pastes: int) -> dict[str, Any]:
    """One line of the table."""
    with virtual_desktop() as desk, busy(setting, desk):
        clear(desk)
        with owner(desk, *CONTENTS[name]):
            before = held(desk)
            result = paste(desk, before, pastes)
    return {"setting": setting, "clipboard": name, "types": len(before), **result}


def paste(desk: VirtualDesktop, before: dict[str, bytes], pastes: int) -> dict[str, Any]:
    """Paste into each program in turn; after every tenth paste all that is on offer is compared."""
    windows, keyboard, clipboard = open_x11(desk.name)
    arrived = looks = identical = 0
    different: set[str] = set()
    times_ms: list[float] = []
    with contextlib.ExitStack() as leaving:
        for part in (windows, keyboard, clipboard):
            leaving.callback(part.close)
        program: Any = None
        for number in range(pastes):
            if number % EVERY == 0:
                if program is not None:
                    program.close()
                program = desk.start(PROGRAMS[number // EVERY % len(PROGRAMS)])
            words = WORDS.format(number=number)
            program.set("")
            began_s = time.perf_counter()
            state = clipboard.paste(
                words,
                into=windows.active(),
                press=lambda: keyboard.press("<shift>+<insert>"),
                timeout_s=GIVEN_BACK_S,
            )
            times_ms.append(1000 * (time.perf_counter() - began_s))
            with contextlib.suppress(AssertionError):
                until(lambda: program.text() == words, "the words arrived")  # noqa: B023  (called at once)
                arrived += state == "claimed"
            if number % EVERY == EVERY - 1 or number == pastes - 1:
                assert clipboard.wait_until_given_back(GIVEN_BACK_S)
                looks += 1
                after = held(desk)
                different |= {
                    kind for kind in before.keys() | after.keys() if before.get(kind) != after.get(kind)
                }
                identical += before == after and list(before) == list(after)
        program.close()
    ordered = sorted(times_ms[1:]) or times_ms
    return {
        "pastes": pastes,
        "arrived": arrived,
        "looks": looks,
        "identical": identical,
        "different": sorted(different),
        "first_ms": round(times_ms[0], 1),
        "median_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "largest_ms": round(ordered[-1], 1),
    }


@contextlib.contextmanager
def busy(setting: str, desk: VirtualDesktop) -> Iterator[None]:
    """What else goes on: every processor busy twice, a clipboard manager, or nothing."""
    if setting == "load":
        burners = [
            multiprocessing.Process(target=_burn, daemon=True) for _ in range(2 * multiprocessing.cpu_count())
        ]
        for burner in burners:
            burner.start()
        try:
            yield
        finally:
            for burner in burners:
                burner.terminate()
                burner.join()
    elif setting == "quiet":
        yield
    else:
        with manager(desk, setting, package=setting):
            yield


def _burn() -> None:
    while True:
        sum(range(100_000))


if __name__ == "__main__":
    main()
