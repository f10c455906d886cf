"""Pulls from a hub that misbehaves: `python -m benchmarks.hostile_hub --runs 200`. What is active afterwards?

Each run is a fresh user folder, half of them with an older model that is active already, and a hub
(tests/hub_server.py, real sockets) that does something bad to one in five answers, or to nearly all of them:
connections cut and reset at random offsets, short bodies that claim to be whole, changed bytes, stalls, other
parts than asked for, 5xx, login pages, other hashes and commits. A third of the runs is done by a process
that is killed (SIGKILL) at a random moment, again and again. After every attempt the files that would be used
are compared with the true ones, byte by byte; in the end, with the hub well again, the pull must succeed.

A second series cuts connections only, at random offsets, and counts the bytes that the hub sent: with resume
they are as many as the files have.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import hub_server  # noqa: E402
from hub_server import HubServer  # noqa: E402

from engine import model_store, pulling  # noqa: E402
from engine._hub import HuggingFaceHub  # noqa: E402
from engine.download import Patience  # noqa: E402
from engine.errors import DownloadError, EngineError, ModelCorrupt  # noqa: E402
from engine.model_rows import read_rows  # noqa: E402

IMPATIENT = Patience(
    attempts=6, progress_bytes=20_000, first_wait_s=0.002, longest_wait_s=0.02, longest_asked_s=0.02
)
STALL_S = 0.25
TRIES = 12
"""Pulls in one run before the hub is made well."""
CHILD = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}]
from benchmarks.hostile_hub import pull_once
pull_once(Path({rows!r}), Path({folder!r}))
"""


def pull_once(rows: Path, folder: Path) -> pulling.Pulled:
    """One pull from the hub of the environment."""
    row = read_rows(rows.read_text())["tiny"]
    return pulling.pull(row, folder, HuggingFaceHub(stall_s=STALL_S), patience=IMPATIENT)


def active(folder: Path) -> dict[str, bytes] | None:
    """The bytes that would be used now; None where there is no model, or none that may be used."""
    try:
        model = model_store.read(folder, "tiny")
        if model is None:
            return None
        paths = {file.name: model.path(file.part) for file in model.files}
    except (ModelCorrupt, EngineError):
        return None
    return {name: path.read_bytes() for name, path in paths.items() if path is not None}


class Run:
    """One fresh user, one hub."""

    def __init__(
        self, number: int, seed: int, old: dict[str, bytes], new: dict[str, bytes], home: Path
    ) -> None:
        self.rng = random.Random(seed * 1_000_003 + number)
        self.old, self.new, self.home = old, new, home
        self.folder = home / "models"
        self.had_old = self.rng.random() < 0.5
        self.killed = self.rng.random() < 1 / 3
        self.outcomes: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.wrong = 0
        self.right_at_last = False

    def go(self) -> None:
        """All of it."""
        if self.had_old:
            with hub_server.running(self.old) as hub:
                pulling.pull(hub.row(), self.folder, HuggingFaceHub(hub.endpoint), patience=IMPATIENT)
        with hub_server.running(self.new, seed=self.rng.randrange(1 << 30)) as hub:
            hub.stall_s = 4 * STALL_S
            trouble = self.rng.choice((0.2, 0.4, 0.7, 0.95))
            hub.plan = hub_server.random_plan(
                self.rng, trouble=trouble, kinds=hub_server.BODIES, heads=hub_server.HEADS
            )
            known = self.rng.random() < 0.7
            for _ in range(TRIES):
                if self.killed:
                    self._pull_and_kill(hub, known)
                else:
                    self._pull(hub, known)
                self._look()
                if active(self.folder) == self.new:
                    break
            hub.plan = hub_server.well
            self._pull(hub, known)
            self._look()
            self.right_at_last = active(self.folder) == self.new
            self.done += Counter(hub.served.done)

    def _pull(self, hub: HubServer, known: bool) -> None:
        try:
            client = HuggingFaceHub(hub.endpoint, stall_s=STALL_S)
            done = pulling.pull(hub.row(hashes=known), self.folder, client, patience=IMPATIENT)
            self.outcomes["already here" if done.already else "fetched"] += 1
        except DownloadError as error:
            self.outcomes[type(error).__name__] += 1

    def _pull_and_kill(self, hub: HubServer, known: bool) -> None:
        """By the program itself, killed at a random moment of what takes it a second or so."""
        rows = self.home / "rows.toml"
        rows.write_text(hub.row_text(hashes=known))
        code = CHILD.format(root=str(ROOT), rows=str(rows), folder=str(self.folder))
        env = {**os.environ, "HF_ENDPOINT": hub.endpoint}
        before = len(hub.served.asked)
        child = subprocess.Popen(
            [sys.executable, "-c", code], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # From its first request on: what comes before is Python being loaded.
        hub_server.wait_for(lambda: len(hub.served.asked) > before or child.poll() is not None)
        try:
            child.wait(timeout=self.rng.uniform(0.0, 0.6))
            self.outcomes["ended before it was killed"] += 1
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            self.outcomes["killed"] += 1

    def _look(self) -> None:
        """What is active is the new model, or what was active before."""
        now = active(self.folder)
        if now != self.new and now != (self.old if self.had_old else None):
            self.wrong += 1


def cuts_only(new: dict[str, bytes], runs: int, seed: int) -> dict[str, Any]:
    """Connections that end after a random number of bytes, and nothing else: what did the hub send?"""
    size = sum(map(len, new.values()))
    sent = fetched = connections = resumed = 0
    for number in range(runs):
        rng = random.Random(seed * 7_777_777 + number)
        with (
            tempfile.TemporaryDirectory(prefix="hostile-hub-") as home,
            hub_server.running(new, seed=number) as hub,
        ):
            hub.plan = hub_server.scripted(*["cut"] * rng.randint(2, 8))
            patience = Patience(first_wait_s=0.002, longest_wait_s=0.01, attempts=20)
            client = HuggingFaceHub(hub.endpoint, stall_s=5)
            fetched += pulling.pull(hub.row(), Path(home), client, patience=patience).fetched
            assert active(Path(home)) == new
            sent += hub.served.body_bytes
            connections += len(hub.served.bodies())
            resumed += sum(one.start > 0 for one in hub.served.bodies())
    return {
        "runs": runs, "bytes_of_the_files": size * runs, "bytes_sent": sent, "bytes_fetched": fetched,
        "connections": connections, "that_asked_for_the_rest_only": resumed,
        "sent_per_byte": round(sent / (size * runs), 4),
    }  # fmt: skip


def main() -> int:
    """Run both series and print them."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--runs", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--json", action="store_true")
    chosen = arguments.parse_args()
    logging.getLogger("engine").setLevel(logging.ERROR)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    import tiny

    pairs = [tiny.tiny_model(seed=number) for number in (1, 2)]
    old, new = (
        {"model.gguf": pair.model.read_bytes(), "mmproj.gguf": pair.projector.read_bytes()} for pair in pairs
    )
    began_s = time.monotonic()
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="hostile-hub-cache-") as cache:
        from huggingface_hub import constants

        os.environ["HF_HOME"] = constants.HF_HUB_CACHE = cache
        for number in range(chosen.runs):
            with tempfile.TemporaryDirectory(prefix="hostile-hub-") as home:
                run = Run(number, chosen.seed, old, new, Path(home))
                run.go()
                runs.append(run)
                if not chosen.json and sys.stderr.isatty():
                    print(f"\r{number + 1} of {chosen.runs}", end="", file=sys.stderr)
        resumed = cuts_only(new, max(1, chosen.runs // 4), chosen.seed)
    outcomes: Counter[str] = sum((run.outcomes for run in runs), Counter())
    answers: Counter[str] = sum((run.done for run in runs), Counter())
    result = {
        "runs": len(runs),
        "wrong_files_active": sum(run.wrong for run in runs),
        "right_at_last": sum(run.right_at_last for run in runs),
        "with_an_older_model": sum(run.had_old for run in runs),
        "by_a_killed_process": sum(run.killed for run in runs),
        "pulls": dict(outcomes.most_common()),
        "answers": dict(answers.most_common()),
        "cuts_only": resumed,
        "seconds": round(time.monotonic() - began_s, 1),
    }
    print(json.dumps(result, indent=None if chosen.json else 1))
    good = result["wrong_files_active"] == 0 and result["right_at_last"] == len(runs)
    return 0 if good and resumed["bytes_sent"] == resumed["bytes_of_the_files"] else 1


if __name__ == "__main__":
    sys.exit(main())
