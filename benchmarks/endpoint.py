"""Does the endpoint hear what `voice-edit transcribe` hears?

    python -m benchmarks.endpoint                # every sample, through the official client
    python -m benchmarks.endpoint FOLDER --json

Both hear each recording with the bundled model; the words must be the same, letter for letter. Times are
those of whole requests, one after the other, on a model that is loaded. Exits with 1 where words differ.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import openai

from benchmarks.endpoint_rig import Rig, endpoint

SAMPLES = Path(__file__).parent.parent / "samples"


def transcribed(paths: list[Path]) -> dict[str, str]:
    """What the command line hears."""
    command = [sys.executable, "-m", "voice_edit", "transcribe", "--json", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["file"]: line["text"] for line in lines}


def asked(rig: Rig, paths: list[Path]) -> dict[str, tuple[str, float]]:
    """What the endpoint hears, and how long each request took in seconds."""
    found = {}
    with openai.OpenAI(base_url=rig.url, api_key=rig.token, max_retries=0) as client:
        warm = paths[0].read_bytes()
        client.audio.transcriptions.create(file=(paths[0].name, warm), model="voice-edit")
        for path in paths:
            sound = path.read_bytes()
            began_s = time.perf_counter()
            answer = client.audio.transcriptions.create(file=(path.name, sound), model="voice-edit")
            found[str(path)] = (answer.text, time.perf_counter() - began_s)
    return found


def compare(folder: Path) -> dict[str, Any]:
    """Hear every recording of a folder both ways."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".flac", ".ogg", ".mp3"))
    if not paths:
        raise SystemExit(f"{folder}: no recordings in it")
    expected = transcribed(paths)
    with tempfile.TemporaryDirectory() as home, endpoint(Path(home)) as rig:
        answers = asked(rig, paths)
    rows = [
        {
            "file": path,
            "same": text == expected.get(path, ""),
            "endpoint": text,
            "transcribe": expected.get(path, ""),
            "request_s": round(seconds, 3),
        }
        for path, (text, seconds) in answers.items()
    ]
    times = [seconds for _, seconds in answers.values()]
    return {
        "recordings": len(rows),
        "same": sum(row["same"] is True for row in rows),
        "request_median_s": round(statistics.median(times), 3),
        "request_most_s": round(max(times), 3),
        "rows": rows,
    }


def main() -> int:
    """Parse the command line, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLES)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    found = compare(a.folder)
    if a.json:
        print(json.dumps(found))
    else:
        for row in found["rows"]:
            mark = "same" if row["same"] else f"OTHER ({row['transcribe']})"
            print(f"{Path(row['file']).name:<24} {row['request_s']:>7.3f} s  {row['endpoint']}  {mark}")
        print(
            f"{found['same']} of {found['recordings']} the same; a request took {found['request_median_s']} s"
            f" (median), {found['request_most_s']} s at most"
        )
    return 0 if found["same"] == found["recordings"] else 1


if __name__ == "__main__":
    sys.exit(main())
