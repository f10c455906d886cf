"""The bundled model in two precisions, streamed and afterwards, on the held-out set: one command.

    python -m benchmarks.evaluation --out DIR                        all voices, 20 texts of each kind
    python -m benchmarks.evaluation --out DIR --count 2 --sounds 10  a look

Writes the recordings (`benchmarks.held_out`) and the precisions (`benchmarks.quantise`) and has `voice-edit
eval` compare them; interrupted, the same command goes on where it was. The report is DIR/report/report.html.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks import held_out, quantise
from engine.training import cast

KINDS = ["F16", "Q8_0"]
WAYS = ["streamed", "batch"]


def main() -> None:
    """Parse arguments, write what is missing, evaluate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20, help="texts of each of three kinds a voice")
    parser.add_argument("--sounds", type=int, default=100, help="sounds in which nobody speaks")
    parser.add_argument("--snr", type=float, default=35.0, help="signal to noise in dB")
    parser.add_argument("--types", nargs="+", default=KINDS, choices=quantise.TYPES)
    parser.add_argument("--ways", nargs="+", default=WAYS)
    parser.add_argument("more", nargs="*", help="arguments for voice-edit eval, behind --")
    a = parser.parse_args()
    # What is asked for is part of the name, so that nothing else is taken for it.
    recordings = a.out / f"held-out-{a.count}-{a.sounds}-{a.snr:g}dB"
    if not (recordings / "eval.yaml").is_file():
        held_out.write(recordings, [*cast.TRAINED, *cast.UNHEARD], a.count, a.sounds, a.snr)
    models = quantise.variants("bundled", a.types, a.out / "models")
    command = [sys.executable, "-m", "voice_edit", "eval", str(recordings), "--output", str(a.out / "report")]
    command += [word for model in models for word in ("--engine", str(model))]
    command += [word for way in a.ways for word in ("--way", way)]
    sys.exit(subprocess.run([*command, *a.more], check=False).returncode)


if __name__ == "__main__":
    main()
