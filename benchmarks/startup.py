"""How long does it take until a verb does something? `python -m benchmarks.startup`

`voice-edit VERB --help` of every verb, and the verbs that are one small request, with a daemon of an empty
user folder that has neither microphone nor keys. Every round runs each of them once, and `python -c pass`
along with them: so all of them see the same load of the machine, and the ratio to it tells what is ours.
Milliseconds from the start of the process to its end, as a shell sees it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PASS = "python -c pass"
REQUESTS = (["status"], ["status", "--json"], ["talk", "stop"], ["cancel"])
"""One request to the daemon each; they change nothing while nobody talks."""
READERS = (
    ["--version"],
    ["log"],
    ["vocabulary", "list"],
    ["model", "show"],
    ["service", "status"],
    ["apps", "list"],
)
"""They look at a file or two."""


def verbs() -> list[tuple[str, ...]]:
    """Every verb and every verb of a verb, as words of a command line."""
    import typer.main

    from voice_edit.cli.app import app

    found: list[tuple[str, ...]] = []

    def walk(command: Any, path: tuple[str, ...]) -> None:
        for name, verb in getattr(command, "commands", {}).items():
            found.append((*path, name))
            walk(verb, (*path, name))

    walk(typer.main.get_command(app), ())
    return found


def run_ms(command: Sequence[str], environment: dict[str, str]) -> tuple[float, int]:
    """How long one run takes, and its exit code."""
    began = time.perf_counter()
    done = subprocess.run(
        command,
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return (time.perf_counter() - began) * 1000, done.returncode


def measure(rounds: int, wanted: Sequence[str]) -> dict[str, Any]:
    """Run everything `rounds` times, after one round that only warms the disk's cache."""
    from benchmarks.memory import daemon

    program = [sys.executable, "-m", "voice_edit"]
    commands: dict[str, list[str]] = {PASS: [sys.executable, "-c", "pass"]}
    helps = [["--help"], *([*verb, "--help"] for verb in verbs())]
    for arguments in (*helps, *READERS, *REQUESTS):
        name = " ".join(("voice-edit", *arguments))
        if not wanted or any(word in name for word in wanted):
            commands[name] = [*program, *arguments]
    took: dict[str, list[float]] = {name: [] for name in commands}
    codes: dict[str, set[int]] = {name: set() for name in commands}
    with tempfile.TemporaryDirectory(prefix="voice-edit-startup-") as folder:
        environment = {**os.environ, "VOICE_EDIT_HOME": str(Path(folder, "home"))}
        with daemon(environment):
            for number in range(rounds + 1):
                for name, command in commands.items():
                    ms, code = run_ms(command, environment)
                    codes[name].add(code)
                    if number:
                        took[name].append(ms)
    least = statistics.median(took[PASS])
    return {
        name: {
            "median_ms": round(statistics.median(values), 1),
            "p95_ms": round(sorted(values)[int(0.95 * (len(values) - 1))], 1),
            "times_python": round(statistics.median(values) / least, 1),
            "exit_codes": sorted(codes[name]),
        }
        for name, values in took.items()
    }


def main() -> None:
    """Parse arguments, measure, print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="WORD", help="only commands with such a word in them"
    )
    a = parser.parse_args()
    from voice_edit.bench.machine import this_machine

    print(json.dumps({"machine": this_machine().to_json()} | measure(a.rounds, a.only), indent=1))


if __name__ == "__main__":
    main()
