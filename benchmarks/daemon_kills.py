"""The engine process is killed while somebody speaks: is any word lost?

    python -m benchmarks.daemon_kills --count 50

The daemon hears the samples through the virtual microphone; at a random moment between the key going down
and the words being written, its engine process gets SIGKILL. Words and text must be those of an undisturbed
run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.daemon_rig import ENDS, Rig, sample_edits


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path, default=Path(__file__).parent.parent / "samples")
    parser.add_argument("--keep", type=Path, help="folder for journal and logs; else a temporary one")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    tally: Counter[str] = Counter()
    delays: list[float] = []
    samples = [sample for sample in sample_edits(arguments.samples) if sample["mode"] == "edit"]
    with Rig(keep=arguments.keep) as rig:
        for number in range(arguments.count):
            sample = samples[number % len(samples)]
            rig.note.write_text(sample["before"], encoding="utf-8")
            rig.client.request("engine.load")
            rig.begin("edit")
            killer = threading.Thread(target=_kill, args=(rig, chance.uniform(0.0, 3.0), tally))
            killer.start()
            rig.microphone.play(sample["wav"])
            rig.client.request("talk.stop")
            event = rig.wait_for(*ENDS)
            killer.join()
            tally["utterances"] += 1
            tally["same words"] += event.get("words") == sample["say"]
            right = rig.note.read_text(encoding="utf-8") == sample["after"]
            tally["same text"] += right
            if right:
                delays.append(event["timing"]["applied_ms"])
            else:
                print(json.dumps({"sample": sample["wav"].name, **event})[:400], flush=True)
            tally["restart told"] += any(e.get("code") == "engine_restarted" for e in rig.seen)
            rig.seen.clear()
        status: dict[str, Any] = rig.client.request("status")
    delays.sort()
    result = {
        "tally": dict(tally),
        "restarts": status["engine"]["restarts"],
        "lost": tally["utterances"] - tally["same text"],
    }
    if delays:
        result["release_to_applied_ms"] = {"median": delays[len(delays) // 2], "largest": delays[-1]}
    print(json.dumps(result, indent=1))


def _kill(rig: Rig, after_s: float, tally: Counter[str]) -> None:
    time.sleep(after_s)
    engine = _child_of(rig.daemon.pid)
    if engine is not None:
        with suppress(ProcessLookupError):
            os.kill(engine, signal.SIGKILL)
            tally["killed"] += 1


def _child_of(pid: int) -> int | None:
    """The daemon's engine process, asked of the kernel: the control connection is busy in another thread."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and b"engine.worker" in path.with_name("cmdline").read_bytes():
                return int(path.parent.name)
    return None


if __name__ == "__main__":
    main()
