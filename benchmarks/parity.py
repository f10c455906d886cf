"""Is streaming exact? `python -m benchmarks.parity`

Sound: every recording in samples/ and sentences, salad and commands that training sets aside, by voices it
never heard. Each is pushed in pieces of 1, 4, 8, 25 frames and in one piece, and prefilled in batches of
those sizes (llama.cpp computes each shape with other kernels). Needs libespeak-ng1 and libflite1.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import mtmd_reference
from benchmarks.hearing import KINDS, recorded
from engine.catalog import find_model
from engine.frames import FRAME_SAMPLES
from engine.projection import Projection
from engine.session import Engine
from engine.source import read_audio
from engine.training import texts
from engine.training.voices import Speakers

PIECES = (1, 4, 8, 25)
MOST_FRAMES = 375
VOICES = ("espeak:en-us+Annie", "espeak:en-us+steph", "flite:slt", "espeak:en+adam")


def frames_of(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whole frames, at most what the model hears at once."""
    count = min(MOST_FRAMES, len(samples) // FRAME_SAMPLES)
    return samples[: count * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def sounds(count: int) -> Iterator[NDArray[np.float32]]:
    """The recordings, then `count` set-aside texts."""
    for path in sorted(Path("samples").glob("*.wav")):
        yield frames_of(read_audio(path))
    rng, speakers = random.Random(1), Speakers()
    pools = {kind: texts.set_aside(kind, 200) for kind in KINDS}
    for i in range(count):
        text = rng.choice(pools[KINDS[i % len(KINDS)]])
        speech = speakers.say(rng.choice(VOICES), text, rate=1.0, pitch=0.5, pitch_range=0.5)
        yield frames_of(recorded(speech.samples, i, 35.0))


def tokens(engine: Engine, frames: NDArray[np.float32], piece: int) -> tuple[int, ...]:
    """Push in pieces and return the answer's tokens."""
    session = engine.session()
    for at in range(0, len(frames), piece):
        session.push(frames[at : at + piece])
    return session.finish().tokens


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--count", type=int, default=100, help="set-aside texts besides the recordings")
    a = parser.parse_args()
    files = find_model(a.model)
    engines = {n: Engine.open(files, block_frames=n) for n in (*PIECES, MOST_FRAMES)}
    usual = Engine.open(files)
    heard = pieces_alike = batches_alike = 0
    worst = 0.0
    projection = Projection.read(files.projector)
    for frames in sounds(a.count):
        heard += 1
        pushed = {tokens(usual, frames, piece) for piece in (*PIECES, len(frames))}
        batched = {tokens(engine, frames, len(frames)) for engine in engines.values()}
        pieces_alike += len(pushed) == 1
        batches_alike += batched | pushed == pushed
        if heard <= 20:
            theirs = mtmd_reference.hear(files, frames, "<bos>", "").soft_tokens
            difference = np.abs(projection.project(frames) - theirs).max(axis=1)
            worst = max(worst, float((difference / np.maximum(np.abs(theirs).max(axis=1), 1e-6)).max()))
    print(f"identical tokens, pushed in pieces of 1, 4, 8, 25 and all frames: {pieces_alike} of {heard}")
    print(f"identical tokens, prefilled in batches of those sizes as well: {batches_alike} of {heard}")
    print(f"numpy projection against mtmd, largest relative difference of a soft token: {worst:.2e}")


if __name__ == "__main__":
    main()
