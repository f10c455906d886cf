"""Record `samples/*.wav` anew: what each `<name>.yaml` says, spoken by espeak-ng or flite.

    python samples/make.py            record all of them
    python samples/make.py 02-change  record some
    python samples/make.py --check    record in memory and compare with the files, sample by sample

The same program versions give the same bytes: nothing is drawn at random but the faint noise floor, and that
is seeded by the name. Recorded with espeak-ng 1.51 and flite 2.2 (Debian 12).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import yaml

FOLDER = Path(__file__).parent
SAMPLE_RATE = 16_000
LEAD_MS = 350
"""Before the first word, as if the key were pressed a little early."""
TRAIL_MS = 900
"""After the last word: longer than the hangover, so that the end of speech is found before the end of the
file.
"""
NOISE_DBFS = -72.0
"""A quiet room. Digital silence would be a muted microphone."""
PEAK = 0.6
"""What the loudest sample is brought to."""


@dataclass(frozen=True)
class Script:
    """One recording to make."""

    name: str
    say: str
    synthesiser: str
    """`espeak-ng` or `flite`."""
    voice: str
    words_per_minute: int
    pitch: int
    """espeak-ng only: 0 to 99, 50 is the voice's own."""


def read_script(path: Path) -> Script:
    """Read the part of a `<name>.yaml` that says how it is spoken."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    synthesiser, voice = data["voice"].split(":", 1)
    return Script(
        path.stem, data["say"], synthesiser, voice, data.get("words_per_minute", 150), data.get("pitch", 50)
    )


def command(script: Script, wav: Path) -> list[str]:
    """The command line that speaks it into `wav`."""
    if script.synthesiser == "espeak-ng":
        options = ["-v", script.voice, "-s", str(script.words_per_minute), "-p", str(script.pitch)]
        return ["espeak-ng", *options, "-w", str(wav), script.say]
    if script.synthesiser == "flite":
        stretch = 170 / script.words_per_minute  # flite's voices speak about 170 words a minute
        return [
            "flite", "-voice", script.voice, "--setf", f"duration_stretch={stretch:.3f}",
            "-t", script.say, "-o", str(wav),
        ]  # fmt: skip
    raise SystemExit(f"{script.name}: '{script.synthesiser}' is neither espeak-ng nor flite")


def record(script: Script) -> npt.NDArray[np.int16]:
    """int16[n], mono, 16 kHz: the words with a quiet room around them."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "said.wav"
        try:
            subprocess.run(command(script, wav), check=True, stdout=subprocess.DEVNULL)
        except FileNotFoundError as error:
            raise SystemExit(f"{error.filename} is missing: apt-get install espeak-ng flite") from error
        said, rate = soundfile.read(wav, dtype="float32")
    return in_a_quiet_room(soxr.resample(said, rate, SAMPLE_RATE, quality="VHQ"), seed=script.name)


def in_a_quiet_room(said: npt.NDArray[np.float32], *, seed: str) -> npt.NDArray[np.int16]:
    """Bring float32[n] to a common level, add lead, trail and a noise floor; the same seed gives the same
    noise.
    """
    said = said * (PEAK / max(float(np.abs(said).max()), 1e-6))
    samples = np.concatenate([np.zeros(LEAD_MS * 16), said, np.zeros(TRAIL_MS * 16)])
    noise = np.random.default_rng(zlib.crc32(seed.encode())).standard_normal(len(samples))
    samples = samples + noise * 10 ** (NOISE_DBFS / 20)
    return np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)


def main() -> int:
    """Record or compare; the exit code is 1 if a comparison failed."""
    parser = argparse.ArgumentParser(description="Record samples/*.wav anew.")
    parser.add_argument("names", nargs="*", help="which ones, without .wav; default: all")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    arguments = parser.parse_args()
    paths = sorted(FOLDER.glob("*.yaml"))
    differing = []
    for path in [path for path in paths if not arguments.names or path.stem in arguments.names]:
        script, wav = read_script(path), path.with_suffix(".wav")
        samples = record(script)
        if not arguments.check:
            soundfile.write(wav, samples, SAMPLE_RATE, subtype="PCM_16")
        elif not wav.exists() or not np.array_equal(soundfile.read(wav, dtype="int16")[0], samples):
            differing.append(script.name)
        print(f"{script.name:24} {len(samples) / SAMPLE_RATE:5.2f} s  {script.voice:12} {script.say}")
    if differing:
        print(f"different from the files: {', '.join(differing)}", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
