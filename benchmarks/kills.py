"""`kill -9` while `voice-edit edit` runs: `python -m benchmarks.kills --count 200`. What is left each time?

The real command edits a file by a recording (model, journal, target and all) and is killed at a random
moment of its run. Afterwards the file must be the old or the new text, byte by byte; the journal must open
and pass SQLite's own check; every recording must be readable and the beginning of what was played;
`voice-edit recover` must leave nothing to recover; and `voice-edit undo` must bring back the old text
wherever the edit was done.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.source import read_audio
from voice_edit.journal import schema

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "samples" / "01-change.wav"


def command(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `voice-edit` with its own user directory."""
    environment = {**os.environ, "VOICE_EDIT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "voice_edit", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def whole_run(folder: Path, old: bytes) -> tuple[bytes, float]:
    """Let one edit run through: (new content, seconds)."""
    note, home = folder / "whole.md", folder / "whole-home"
    note.write_bytes(old)
    edit(home, note).wait()  # the first one fills the disk's caches
    note.write_bytes(old)
    began = time.monotonic()
    code = edit(home, note).wait()
    if code or note.read_bytes() == old:
        raise SystemExit(f"an edit that is left alone must succeed, this one ended with {code}")
    return note.read_bytes(), time.monotonic() - began


def edit(home: Path, note: Path) -> subprocess.Popen[bytes]:
    """Start the edit that is going to be killed."""
    return command(home, "edit", str(note), "--audio", str(SAMPLE))


def recordings_kept(home: Path, played: NDArray[np.float32]) -> int:
    """How many recordings there are; each must be the beginning of what was played."""
    found = sorted((home / "data" / "audio").glob("*.wav"))
    for path in found:
        kept, rate = soundfile.read(path, dtype="float32")
        assert rate == 16_000, path
        assert len(kept) <= len(played) + 640, path
        shared = min(len(kept), len(played))
        assert np.abs(kept[:shared] - played[:shared]).max(initial=0.0) < 1e-4, path
    return len(found)


def one_kill(folder: Path, old: bytes, new: bytes, after_s: float, played: NDArray[np.float32]) -> str:
    """Kill one edit `after_s` seconds after its start, check everything, and say what was found."""
    note, home = folder / "note.md", folder / "home"
    note.write_bytes(old)
    process = edit(home, note)
    time.sleep(after_s)
    process.kill()
    code = process.wait()
    left = note.read_bytes()
    assert left in (old, new), "the file is neither the old nor the new text"
    journal = home / "data" / "journal.sqlite3"
    if journal.exists():
        assert schema.integrity(journal) == "ok"
    recordings = recordings_kept(home, played)
    assert command(home, "recover").wait() == 0, "recover failed"
    assert note.read_bytes() == left, "recovery changed the file"
    others = [p.name for p in folder.iterdir() if p not in (note, home)]
    assert others == [], f"left behind: {others}"
    if left == new:
        assert command(home, "undo").wait() == 0, "undo failed"
        assert note.read_bytes() == old, "undo did not bring the old text back"
    if code == 0:
        return "finished before the kill"
    return (
        "new text" if left == new else "old text, sound kept" if recordings else "old text, before recording"
    )


def main() -> None:
    """Parse arguments, kill, print counts as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    rng, found = random.Random(a.seed), Counter[str]()
    old = (ROOT / "samples" / "notes.md").read_bytes()
    played = read_audio(SAMPLE)
    with tempfile.TemporaryDirectory() as scratch:
        new, seconds = whole_run(Path(scratch), old)
        for index in range(a.count):
            folder = Path(scratch, str(index))
            folder.mkdir()
            found[one_kill(folder, old, new, rng.uniform(0.05, 1.1) * seconds, played)] += 1
    print(json.dumps({"kills": a.count, "seconds_of_a_whole_run": round(seconds, 2), **found}, indent=1))


if __name__ == "__main__":
    main()
