"""Hold a key, speak, release: are all words there, the first and the last included?

    python -m benchmarks.hold_key --runs 50

Everything is real: an X server whose keyboard is pressed (Xvfb, xdotool), the key grab, a PulseAudio source
that gives the samples, the daemon, the engine process, the bundled model. In turn, words are dictated into
the practice pad of the terminal interface (in a tmux pane), and commands edit a file. The key goes down, the
recording is played as soon as the microphone is open, the key comes up when it was played.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.daemon_rig import ENDS, Rig, sample_edits

KEYS = {"dictate": ("ctrl", "alt", "space"), "edit": ("ctrl", "alt", "e")}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--samples", type=Path, default=Path(__file__).parent.parent / "samples")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for journal and logs; else a temporary one")
    arguments = parser.parse_args()
    tally: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    samples = sample_edits(arguments.samples)
    with Rig(keep=arguments.keep, display=True) as rig, Terminal(rig) as terminal:
        rig.wait_for_keys()
        for number in range(arguments.runs):
            sample = samples[number // 2 % len(samples)]
            row = _into_pad(rig, terminal, sample) if number % 2 else _into_file(rig, sample)
            rows.append(row)
            tally.update(name for name, value in row.items() if value is True)
            print(json.dumps(row), flush=True)
    delays = sorted(row["applied_ms"] for row in rows if row.get("applied_ms") is not None)
    result = {
        "runs": arguments.runs,
        "tally": dict(tally),
        "release_to_applied_ms": {
            "median": statistics.median(delays),
            "p95": delays[int(0.95 * (len(delays) - 1))],
            "largest": delays[-1],
        },
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result | {"rows": rows}, indent=1), encoding="utf-8")
    print(json.dumps(result, indent=1))


class Terminal:
    """The terminal interface in a tmux pane of a server of its own."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._socket = rig.home.parent / "tmux"

    def __enter__(self) -> Terminal:
        import sys

        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "32",
            f"{sys.executable} -m voice_edit tui",
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")

    def screen(self) -> str:
        """What the pane shows."""
        return self._tmux("capture-pane", "-p")

    def _tmux(self, *arguments: str) -> str:
        environment = {**os.environ, **self._rig.environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        environment.pop("TMUX", None)
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments],
            env=environment, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.stdout


def _hold(rig: Rig, sample: dict[str, Any], mode: str) -> dict[str, Any]:
    assert rig.display is not None
    rig.waiting_events()
    rig.display.down(*KEYS[mode])
    try:
        rig.wait_until_open()
        rig.microphone.play(sample["wav"])
    finally:
        rig.display.hands_off()
    return rig.wait_for(*ENDS)


def _into_file(rig: Rig, sample: dict[str, Any]) -> dict[str, Any]:
    rig.client.request("target.file", path=str(rig.note), pin="daemon")
    if rig.note.read_text(encoding="utf-8") != sample["before"]:
        rig.note.write_text(sample["before"], encoding="utf-8")
    event = _hold(rig, sample, sample["mode"])
    row = _row("file", sample, event)
    row["text right"] = rig.note.read_text(encoding="utf-8") == sample["after"]
    return row


def _into_pad(rig: Rig, terminal: Terminal, sample: dict[str, Any]) -> dict[str, Any]:
    rig.client.request("target.clear")
    deadline = time.monotonic() + 20
    while rig.client.request("status")["target"]["kind"] != "client":
        assert time.monotonic() < deadline, "the practice pad is not offered:\n" + terminal.screen()
        time.sleep(0.05)
    event = _hold(rig, sample, "dictate")
    row = _row("pad", sample, event)
    row["in the pad"] = (event.get("after") or "").rstrip().endswith(sample["say"])
    last = sample["say"].split()[-1]
    until = time.monotonic() + 5
    while last not in terminal.screen() and time.monotonic() < until:
        time.sleep(0.05)
    row["on the screen"] = last in terminal.screen()
    return row


def _row(place: str, sample: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    heard, said = _plain(event.get("words") or ""), _plain(sample["say"])
    return {
        "place": place,
        "sample": sample["wav"].name,
        "event": event["event"],
        "first word": heard[:1] == said[:1],
        "last word": heard[-1:] == said[-1:],
        "all words": heard == said,
        "verified": (event.get("receipt") or {}).get("state") == "verified",
        "applied_ms": (event.get("timing") or {}).get("applied_ms"),
    }


def _plain(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


if __name__ == "__main__":
    main()
