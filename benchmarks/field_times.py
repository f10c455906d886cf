"""From the words being there to the field holding them: where the time goes, for each way of writing.

    python -m benchmarks.field_times                  # 50 times each: a few minutes
    python -m benchmarks.field_times --apps gtk4 --long 200000

Milliseconds, median and p95. "key down": what has the focus, and what stands in it, read when talking begins.
Then, with the words there: "plan" (read again, understood, journalled), "keys" (waiting until no modifier is
down), "check" (still the same text), "write", "read back"; "all" is everything behind "key down". `--long`
does the same in a text of so many characters. Voice itself is measured by `python -m benchmarks.field_voice`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.field_rig import APPS, TERMINALS, FieldRig, percentile, spread

MECHANISMS = ("accessibility", "paste", "type")
STAGES = ("key_down", "plan", "keys", "check", "write", "read_back", "all")
FILLING = "The quick brown fox jumps over the lazy dog, again and again.\n"


class Waits:
    """A keyboard that tells how long was waited for modifiers to be let go."""

    def __init__(self, keyboard: Any) -> None:
        self._keyboard = keyboard
        self.ms = 0.0

    def wait_until_released(self, timeout_s: float) -> bool:
        """As the keyboard does."""
        began = time.perf_counter()
        try:
            return bool(self._keyboard.wait_until_released(timeout_s))
        finally:
            self.ms += (time.perf_counter() - began) * 1000

    def __getattr__(self, name: str) -> Any:
        return getattr(self._keyboard, name)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--apps", default=",".join(APPS))
    parser.add_argument("--long", type=int, default=0, help="characters of the text that is written into")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(f"{'':26}" + "".join(f"{stage:>16}" for stage in STAGES))
    result: dict[str, Any] = {}
    with FieldRig() as rig:
        waits = Waits(rig.desktop.keyboard)
        object.__setattr__(rig.desktop, "keyboard", waits)
        for kind in arguments.apps.split(","):
            with rig.running(kind) as app:
                for mechanism in MECHANISMS:
                    rig.mechanism = mechanism
                    rows = [_time(rig, waits, app, arguments.long) for _ in range(arguments.count)]
                    times: dict[str, list[float]] = defaultdict(list)
                    for row in filter(None, rows):
                        for stage, ms in row.items():
                            times[stage].append(ms)
                    if times:
                        cells = {stage: spread(times[stage]) for stage in STAGES if times[stage]}
                        result[f"{kind} {mechanism}"] = cells
                        shown = (_shown(times[stage]) for stage in STAGES)
                        print(f"{kind:11}{mechanism:15}" + "".join(shown), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


def _time(rig: FieldRig, waits: Waits, app: Any, long: int) -> dict[str, float] | None:
    """One dictation; None where this way of writing does not work."""
    before = "" if app.kind in TERMINALS else "Grüße: we meet on Monday at the café. " + FILLING
    before += FILLING * max(0, (long - len(before)) // len(FILLING)) if before else ""
    app.set(before, caret=len(before) // 2)
    rig.put_focus(app, "text")
    waits.ms = 0.0
    began = time.perf_counter()
    key_down = 0.0

    def pinned() -> None:
        nonlocal key_down
        key_down = (time.perf_counter() - began) * 1000

    said = rig.say("morning", mode="dictate", between=pinned)
    if said.state == "refused":
        return None
    row = {"key_down": key_down, "keys": waits.ms, "all": said.ms}
    row |= {stage: ms for stage, ms in said.times.items() if stage in STAGES}
    row["write"] = row.get("write", 0.0) - waits.ms
    parts = sum(row.get(stage, 0.0) for stage in ("keys", "check", "write", "read_back"))
    return row | {"plan": said.ms - parts}


def _shown(values: list[float]) -> str:
    if not values:
        return f"{'':>16}"
    return f"{percentile(values, 0.5):8.1f}{percentile(values, 0.95):8.1f}"


if __name__ == "__main__":
    main()
