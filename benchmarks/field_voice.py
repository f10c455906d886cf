"""From the key coming up to the text in another program, by stage and by mechanism.

    python -m benchmarks.field_voice --runs 20

Everything is real: the key that is held on an X server, the PulseAudio source, the engine process with the
bundled model, the daemon, and the program with the focus, which tells by a channel of its own what it holds.
The commands of samples/ edit a text, its dictation goes into an empty field.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.daemon_rig import ENDS, Rig, sample_edits

KEYS = {"dictate": ("ctrl", "alt", "space"), "edit": ("ctrl", "alt", "e")}
PLACES = (
    ("gtk3", "accessibility"), ("gtk3", "paste"), ("gtk3", "type"),
    ("gtk4", "accessibility"), ("gtk4", "paste"), ("gtk4", "type"),
    ("qt", "accessibility"), ("qt", "paste"), ("qt", "type"),
    ("chromium", "paste"), ("chromium", "type"),
    ("tk", "paste"), ("tk", "type"),
    ("xterm", "paste"), ("xterm", "type"),
)  # fmt: skip
BLIND = ("tk", "xterm", "vte")
STAGES = ("endpoint_ms", "first_token_ms", "final_ms", "check_ms", "write_ms", "read_back_ms", "applied_ms")
SETTLE_S = 3.0


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20, help="of each program and mechanism")
    parser.add_argument("--only", help="programs, e.g. gtk3,qt")
    parser.add_argument("--samples", type=Path, default=Path(__file__).parent.parent / "samples")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for journal and logs; else a temporary one")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",") if arguments.only else [place[0] for place in PLACES]
    samples = sample_edits(arguments.samples)
    rows: list[dict[str, Any]] = []
    with Rig(keep=arguments.keep, desktop=True) as rig:
        assert rig.desk is not None
        rig.wait_for_keys()
        for kind in dict.fromkeys(place[0] for place in PLACES if place[0] in wanted):
            app = rig.desk.start(kind)
            for mechanism in [place[1] for place in PLACES if place[0] == kind]:
                rig.client.request("settings.set", name="field.mechanism", value=mechanism)
                for number in range(arguments.runs):
                    rows.append(_run(rig, app, mechanism, samples, number))
                    print(json.dumps(rows[-1]), flush=True)
            app.close()
            rig.desk.apps.remove(app)
    print(_table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _run(rig: Rig, app: Any, mechanism: str, samples: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """One sample said into one program."""
    blind = app.kind in BLIND
    fitting = [s for s in samples if s["mode"] == "dictate" or not blind]
    sample = fitting[number % len(fitting)]
    before = sample["before"] if sample["mode"] == "edit" else ""
    app.set("" if blind else before)
    _wait_until_focused(rig, app, mechanism)
    rig.waiting_events()
    assert rig.display is not None
    rig.display.down(*KEYS[sample["mode"]])
    try:
        rig.wait_until_open()
        rig.microphone.play(sample["wav"])
    finally:
        rig.display.hands_off()
    event = rig.wait_for(*ENDS)
    timing = event.get("timing") or {}
    # What is dictated fits its place: a terminal gets neither capital nor full stop that nobody said.
    after = sample["after"] if sample["mode"] == "edit" else str(event.get("after"))
    right = _comes_to_hold(app, after) and (
        sample["mode"] == "edit" or _plain(after) == _plain(sample["say"])
    )
    row: dict[str, Any] = {
        "app": app.kind,
        "mechanism": mechanism,
        "sample": sample["wav"].name,
        "event": event["event"],
        "state": (event.get("receipt") or {}).get("state"),
        "right": right,
    }
    if event["event"] == "failed":
        row["error"] = event["error"]["error"]
    return row | {name: timing.get(name) for name in STAGES}


def _plain(text: str) -> list[str]:
    return [word.strip(".,;:!?").casefold() for word in text.split()]


def _comes_to_hold(app: Any, text: str) -> bool:
    """Whether the program, by its own account, holds the text; a terminal may show it a moment later."""
    deadline = time.monotonic() + SETTLE_S
    while app.text().strip() != text.strip():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _wait_until_focused(rig: Rig, app: Any, mechanism: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        target = rig.client.request("status")["target"]
        if target["kind"] == "field" and target["mechanism"] == mechanism and app.kind in str(target["app"]):
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{app.kind} by {mechanism} is not the target: {target}")
        time.sleep(0.02)


def _table(rows: list[dict[str, Any]]) -> str:
    """Milliseconds after the release of the key (check, write, read back: on their own), median / p95."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["app"], row["mechanism"]].append(row)
    names = ["words known", "check", "write", "read back", "in the field"]
    keys = ["final_ms", "check_ms", "write_ms", "read_back_ms", "applied_ms"]
    lines = [
        "| program | mechanism | right | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    for (app, mechanism), group in groups.items():
        right = sum(row["right"] for row in group)
        cells = [_spread([row[key] for row in group if row.get(key) is not None]) for key in keys]
        lines.append(f"| {app} | {mechanism} | {right} of {len(group)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    if not values:
        return "-"
    ordered = sorted(values)
    return f"{statistics.median(ordered):.0f} / {ordered[int(0.95 * (len(ordered) - 1))]:.0f}"


if __name__ == "__main__":
    main()
