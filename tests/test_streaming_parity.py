"""On the bundled model and every recording in samples: in whatever pieces, the tokens are the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import mtmd_reference
from engine.catalog import find_model
from engine.frames import FRAME_SAMPLES
from engine.projection import Projection
from engine.session import Engine
from engine.source import read_audio

RECORDINGS = sorted((Path(__file__).parent.parent / "samples").glob("*.wav"))
MOST_FRAMES = 375  # 15 s: what the model hears at once


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[int, Engine]]:
    """The bundled model by how many frames it prefills at once."""
    opened = {block: Engine.open(find_model(), block_frames=block) for block in (1, 4, 8, 25, MOST_FRAMES)}
    yield opened
    for engine in opened.values():
        engine.close()


def frames_of(recording: Path) -> np.ndarray:
    samples = read_audio(recording)[: MOST_FRAMES * FRAME_SAMPLES]
    return samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def tokens(engine: Engine, frames: np.ndarray, piece: int) -> tuple[int, ...]:
    session = engine.session()
    for at in range(0, len(frames), piece):
        session.push(frames[at : at + piece])
    return session.finish().tokens


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_pieces_of_1_4_8_25_frames_and_one_piece_give_the_same_tokens(
    recording: Path, engines: dict[int, Engine]
) -> None:
    frames = frames_of(recording)
    pushed = {piece: tokens(engines[4], frames, piece) for piece in (1, 4, 8, 25, len(frames))}
    assert len(set(pushed.values())) == 1, pushed
    # The same with batches of these shapes, which llama.cpp computes with other kernels.
    batched = {block: tokens(engine, frames, len(frames)) for block, engine in engines.items()}
    assert set(batched.values()) == set(pushed.values()), batched


def test_soft_tokens_of_the_bundled_projector_equal_those_of_mtmd() -> None:
    files, frames = find_model(), frames_of(RECORDINGS[0])
    theirs = mtmd_reference.hear(files, frames, "<bos>", "").soft_tokens
    ours = Projection.read(files.projector).project(frames)
    scale = np.maximum(np.abs(theirs).max(axis=1, keepdims=True), 1e-6)
    # The matrix is stored in 16 bit, to which ggml rounds the frames too before it multiplies.
    assert float((np.abs(ours - theirs) / scale).max()) < 2e-3
