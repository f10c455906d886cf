"""Soft tokens of a conformer (`gemma4a`: Gemma 4 E2B and E4B) while somebody speaks, by llama.cpp's mtmd.

mtmd takes finished recordings only. But as llama.cpp computes this encoder, a soft token depends on little:
on the frame after its own, because the two convolutions in front halve the frame rate with padding on both
sides, and in each layer on the 11 soft tokens before it (attention) and 4 more (convolution). So the soft
tokens of a block come out of a window: the block, a frame after it, and as many before it as all layers
together look back. They are the ones that the whole recording would give; the rest of the window is dropped.

Read in tools/mtmd/models/gemma4a.cpp and set_input of clip.cpp; that it holds is a test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import ProjectorMismatch, ProjectorUnsupported
from engine.frames import SAMPLE_RATE
from engine.gguf_header import GgufHeader, projector_kind, read_header
from engine.projection import Frames, Projection, SoftTokens, SoundProjection

if TYPE_CHECKING:
    from engine._mtmd import Mtmd
    from engine.llama import LlamaModel

KIND = "gemma4a"

LOOKS_BACK = 11 + 4
"""Soft tokens before its own that one layer looks at: max_past_horizon - 1, and the causal convolution."""


class Conformer:
    """The encoder, a window at a time. Used like `projection.Projection`; close it before the model."""

    lookahead_frames = 1
    """See `projection.SoundProjection`."""

    def __init__(self, mtmd: Mtmd, header: GgufHeader, n_embd: int) -> None:
        """Use `Conformer.open`."""
        self.mtmd = mtmd
        """It sees as well, where the projector does."""
        self._n_embd = n_embd
        # One more: the first frame of a window lacks the sound before it.
        self.context_frames = LOOKS_BACK * header.number("clip.audio.block_count") + 1

    @classmethod
    def open(cls, model: LlamaModel, path: Path, *, n_threads: int, use_gpu: bool) -> Conformer:
        """Load the projector. Raises ModelMissing, ModelCorrupt, ProjectorUnsupported, ProjectorMismatch."""
        header = read_header(path)
        check_projector(header, model.n_embd)
        from engine._mtmd import Mtmd

        mtmd = Mtmd(model, path, n_threads=n_threads, use_gpu=use_gpu)
        try:
            check_sound(mtmd)
        except BaseException:
            mtmd.close()
            raise
        return cls(mtmd, header, model.n_embd)

    def project(self, frames: Frames, out: SoftTokens | None = None) -> SoftTokens:
        """Soft tokens float32[n, n_embd] of frames float32[n, 640], n > 0, as if these were all there is;
        written into `out` where it is given. Raises DecodeFailed.
        """
        rows = np.empty((len(frames), self._n_embd), dtype=np.float32) if out is None else out
        with self.mtmd.tokenize("", frames.reshape(-1), "") as chunks:
            at = 0
            for index in range(len(chunks)):
                if chunks.is_sound(index):
                    n = chunks.n_tokens(index)
                    rows[at : at + n] = self.mtmd.soft_tokens(chunks, index)
                    at += n
        assert at == len(frames), f"{at} soft tokens of {len(frames)} frames"
        return rows

    def close(self) -> None:
        """Free the encoder."""
        self.mtmd.close()


def judge(path: Path, *, n_embd: int) -> Callable[[LlamaModel, int, bool], SoundProjection]:
    """Judge the projector of a model of width `n_embd`, before that is loaded. What is returned opens it,
    given the model, how many threads it may use, and whether it may use a GPU.

    Raises ModelMissing, ModelCorrupt, ProjectorUnsupported, ProjectorMismatch.
    """
    header = read_header(path)
    if header.architecture == "clip" and projector_kind(header) == KIND:
        check_projector(header, n_embd)
        return lambda model, n_threads, use_gpu: Conformer.open(
            model, path, n_threads=n_threads, use_gpu=use_gpu
        )
    projection = Projection.read(path, n_embd=n_embd)
    return lambda model, n_threads, use_gpu: projection


def check_projector(header: GgufHeader, model_width: int) -> None:
    """Judge a projector before mtmd sees it. Raises ProjectorUnsupported or ProjectorMismatch."""
    if not projector_kind(header):
        raise ProjectorUnsupported(f"{header.path}: it has no audio projector")
    matrix = header.tensors.get("mm.a.input_projection.weight")
    width = matrix.shape[0] if matrix is not None and len(matrix.shape) == 2 else model_width
    if width != model_width:
        raise ProjectorMismatch(
            f"{header.path}: makes soft tokens of {width} values, the model takes {model_width}",
            projector_width=width,
            model_width=model_width,
        )


def check_sound(mtmd: Mtmd) -> None:
    """Raises ProjectorUnsupported unless it takes sound as ours is."""
    if mtmd.sample_rate != SAMPLE_RATE:
        said = f"takes {mtmd.sample_rate} Hz, not {SAMPLE_RATE}" if mtmd.hears else "takes no sound"
        raise ProjectorUnsupported(f"{mtmd.path}: {said}")
