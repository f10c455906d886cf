"""Requests that nobody would write: schemathesis on the endpoint's own description, with the bundled model.

    python -m benchmarks.endpoint_fuzz --examples 200 --seed 1

Every answer must be one that /openapi.json describes (status, media type, schema, headers), none a fault;
what the description forbids must be refused, and nothing may be had without the key. The process that serves,
and the engine behind it, must be there afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.endpoint_rig import Rig, endpoint

PHASES = "examples,coverage,fuzzing"

LEFT_OUT = ("positive_data_acceptance",)
"""Checks that cannot hold: that bytes are a recording, or words a command, no schema can say."""


def fuzz(rig: Rig, *, examples: int, seed: int, phases: str = PHASES) -> tuple[int, str]:
    """Run schemathesis against an endpoint that is open: its exit code and what it printed."""
    document = rig.ask("GET", "/openapi.json")[2]
    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder) / "openapi.json"
        described.write_text(json.dumps(document))
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", str(described),
            "--url", f"http://127.0.0.1:{rig.port}",
            "--header", f"Authorization: Bearer {rig.token}",
            "--checks", "all", "--exclude-checks", ",".join(LEFT_OUT),
            "--phases", phases, "--mode", "all",
            "--max-examples", str(examples), "--seed", str(seed), "--workers", "1",
            "--request-timeout", "60", "--generation-database", "none", "--no-color",
        ]  # fmt: skip
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**os.environ, "NO_PROXY": "*"},
        )
    return done.returncode, done.stdout + done.stderr


def main() -> int:
    """Parse the command line, open an endpoint, fuzz it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=100, help="requests for each operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, endpoint(Path(home)) as rig:
        code, printed = fuzz(rig, examples=a.examples, seed=a.seed)
        print(printed)
        print("still there:", rig.ask("GET", "/v1/models")[0] == 200, "restarts:", rig.shared.restarts)
    return code


if __name__ == "__main__":
    sys.exit(main())
