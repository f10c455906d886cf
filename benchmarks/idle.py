"""What the daemon costs while nobody talks.

    python -m benchmarks.idle --minutes 5

With talk keys grabbed on a virtual X server, a text field of another program in front (accessibility and
clipboard are listened to) and one client connected: share of a core, wake-ups a second
(voluntary context switches of all threads) and resident memory of the daemon and of its engine process;
before the model was ever loaded, with the model loaded, and after it was unloaded.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.daemon_rig import Rig, cpu_seconds, open_descriptors, rss_kb, threads, wake_ups


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="for each state")
    parser.add_argument("--keep", type=Path, help="folder for journal and logs; else a temporary one")
    arguments = parser.parse_args()
    rows = []
    with Rig(keep=arguments.keep, desktop=True, settings="[daemon]\nunload_after_s = 0\n") as rig:
        rig.wait_for_keys()
        assert rig.desk is not None
        rig.desk.start("gtk3").set("Some text. ")
        rows.append(_watch(rig, "never loaded", arguments.minutes))
        rig.client.request("engine.load")
        while rig.client.request("status")["engine"]["state"] != "ready":
            time.sleep(0.05)
        rows.append(_watch(rig, "model loaded", arguments.minutes))
        rig.client.request("engine.unload")
        rows.append(_watch(rig, "unloaded again", arguments.minutes))
    print(json.dumps(rows, indent=1))


def _watch(rig: Rig, state: str, minutes: float) -> dict[str, Any]:
    time.sleep(2)
    engine = rig.client.request("status")["engine"]["pid"]
    pids = {"daemon": rig.daemon.pid} | ({} if engine is None else {"engine": engine})
    before = {name: (cpu_seconds(pid), wake_ups(pid)) for name, pid in pids.items()}
    began = time.monotonic()
    time.sleep(minutes * 60)
    seconds = time.monotonic() - began
    row: dict[str, Any] = {"state": state, "seconds": round(seconds, 1)}
    for name, pid in pids.items():
        cpu_s, woken = before[name]
        row[name] = {
            "cpu_percent_of_a_core": round(100 * (cpu_seconds(pid) - cpu_s) / seconds, 3),
            "wake_ups_per_second": round((wake_ups(pid) - woken) / seconds, 2),
            "rss_mb": round(rss_kb(pid) / 1024, 1),
            "threads": threads(pid),
            "descriptors": open_descriptors(pid),
        }
    return row


if __name__ == "__main__":
    main()
