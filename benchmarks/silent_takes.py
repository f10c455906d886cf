"""Takes without a word, through the whole daemon: silence, noises, clicks; none may write anything.

    python -m benchmarks.silent_takes --count 200

Each is played through the virtual microphone while talking is on; what became of it and why is counted.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.daemon_rig import ENDS, Rig
from benchmarks.inventions import takes


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder for journal and logs; else a temporary one")
    arguments = parser.parse_args()
    reasons: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    wrote = []
    with Rig(keep=arguments.keep) as rig:
        before = rig.note.read_bytes()
        for name, sound in takes(arguments.count, arguments.seed):
            rig.begin("dictate")
            rig.microphone.play(np.asarray(sound, dtype=np.float32))
            rig.client.request("talk.stop")
            event = rig.wait_for(*ENDS)
            kinds[name.split()[0]] += 1
            if event["event"] == "rejected" and rig.note.read_bytes() == before:
                reasons[event["reason"]] += 1
                assert event["message"], event
            else:
                wrote.append((name, event["event"], event.get("words")))
                print(json.dumps(wrote[-1]), flush=True)
                rig.note.write_bytes(before)
    result = {
        "takes": sum(kinds.values()),
        "wrote": len(wrote),
        "reasons": dict(reasons),
        "kinds": dict(kinds),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
