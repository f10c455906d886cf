"""Soak: the daemon with a virtual microphone, utterance after utterance, and what it costs over time.

    python -m benchmarks.soak_daemon --minutes 120 --json soak.json

A private PulseAudio plays the samples into a null sink whose monitor is the daemon's microphone. Talking is
started and stopped over the control socket; the edits go to a file, whose text is compared with what it
should be. Now and then an edit is undone, a take is cancelled while somebody speaks, nobody speaks, or the
model is unloaded. Reported are utterances, wrong texts, lost or failed ones, and of daemon and engine
process: resident memory (and its slope after the first tenth), descriptors, threads; dropped samples and
reopened microphones.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.daemon_rig import ENDS, Rig, open_descriptors, rss_kb, sample_edits, threads


def main() -> None:
    """Run and print."""
    arguments = _arguments()
    rows: list[dict[str, Any]] = []
    tally: Counter[str] = Counter()
    delays_ms: list[float] = []
    with Rig(keep=arguments.keep) as rig:
        samples = sample_edits(arguments.samples)
        began = reported = time.monotonic()
        deadline = began + arguments.minutes * 60
        number = 0
        while time.monotonic() < deadline or tally["takes"] < arguments.least:
            sample = samples[number % len(samples)]
            number += 1
            _one(rig, sample, tally, delays_ms)
            if number % 10 == 0 and "Go to" not in sample["say"]:  # the next one needs the caret where it is
                rig.client.request("undo", count=1)
                tally["undone"] += 1
                tally["undone right"] += rig.note.read_text(encoding="utf-8") == sample["before"]
            if number % 25 == 0:
                _cancelled(rig, sample, tally)
            if number % 40 == 0:
                _silent(rig, tally)
            if number % 100 == 0:
                rig.wait_until_idle()
                rig.client.request("engine.unload")
                tally["unloaded"] += 1
            if time.monotonic() - reported >= arguments.every:
                reported = time.monotonic()
                rows.append(_measure(rig, reported - began, tally))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        rows.append(_measure(rig, time.monotonic() - began, tally))
        result = {
            "seconds": round(time.monotonic() - began, 1),
            "tally": dict(tally),
            "release_to_applied_ms": _spread(delays_ms),
            "slope": _slopes(rows),
            "status": rig.client.request("status")["counters"],
            "dropped_samples": rig.client.request("status")["microphone"]["dropped_samples"],
            "rows": rows,
        }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(json.dumps({name: value for name, value in result.items() if name != "rows"}, indent=1))


def _one(rig: Rig, sample: dict[str, Any], tally: Counter[str], delays_ms: list[float]) -> None:
    """One utterance from its beginning to the text on disk."""
    if rig.note.read_text(encoding="utf-8") != sample["before"]:
        rig.note.write_text(sample["before"], encoding="utf-8")
    tally["takes"] += 1
    rig.seen.clear()
    event = rig.take(sample["wav"], mode=sample["mode"])
    tally[event["event"]] += 1
    if event["event"] != "outcome":
        print(json.dumps(event), file=sys.stderr)
        return
    tally["as said"] += _plain(event["words"]) == _plain(sample["say"])
    tally["text right"] += rig.note.read_text(encoding="utf-8") == sample["after"]
    delays_ms.append(event["timing"]["applied_ms"])


def _cancelled(rig: Rig, sample: dict[str, Any], tally: Counter[str]) -> None:
    """Somebody changes their mind in the middle of a word: nothing may be written."""
    before = rig.note.read_bytes()
    rig.begin(sample["mode"])
    player = rig.microphone.play(sample["wav"], wait=False)
    time.sleep(1.0)
    rig.client.request("talk.cancel")
    event = rig.wait_for(*ENDS)
    tally["cancelled"] += event["event"] == "rejected" and rig.note.read_bytes() == before
    rig.microphone.wait_until_said(player)


def _silent(rig: Rig, tally: Counter[str]) -> None:
    """The key is held and nobody says anything."""
    before = rig.note.read_bytes()
    rig.begin("dictate")
    time.sleep(1.0)
    rig.client.request("talk.stop")
    event = rig.wait_for(*ENDS)
    tally["silent"] += 1
    tally["silent, nothing written"] += event["event"] == "rejected" and rig.note.read_bytes() == before


def _measure(rig: Rig, seconds: float, tally: Counter[str]) -> dict[str, Any]:
    status = rig.client.request("status")
    row: dict[str, Any] = {
        "seconds": round(seconds),
        "takes": tally["takes"],
        "as_said": tally["as said"],
        "right": tally["text right"],
    }
    for name, pid in (("daemon", status["pid"]), ("engine", status["engine"]["pid"])):
        if pid is None:
            continue
        row |= {
            f"{name}_rss_kb": rss_kb(pid),
            f"{name}_descriptors": open_descriptors(pid),
            f"{name}_threads": threads(pid),
        }
    return row | {"dropped_samples": status["microphone"]["dropped_samples"]}


def _slopes(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Growth of resident memory in kB an hour, by least squares, after the first tenth."""
    late = rows[len(rows) // 10 :]
    slopes = {}
    for name in ("daemon", "engine"):
        points = [(row["seconds"], row[f"{name}_rss_kb"]) for row in late if f"{name}_rss_kb" in row]
        if len(points) >= 2:
            slope = statistics.linear_regression(*zip(*points, strict=True)).slope
            slopes[f"{name}_kb_per_hour"] = round(slope * 3600, 1)
    return slopes


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "largest": round(ordered[-1], 1),
    }


def _plain(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--least", type=int, default=0, help="takes to reach, whatever the time")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two measurements")
    parser.add_argument("--samples", type=Path, default=Path(__file__).parent.parent / "samples")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for journal and logs; else a temporary one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
