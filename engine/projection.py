"""Frame to soft token: RMSNorm over the 640 raw samples, then one matrix. There is no encoder.

numpy, so that frames can be projected as they arrive, in any number, without handing a recording to mtmd.
Parity with mtmd's own path is a test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.errors import ModelCorrupt, ProjectorMismatch, ProjectorUnsupported
from engine.frames import FRAME_SAMPLES
from engine.gguf_header import TensorInfo, read_header, require_projector

Frames: TypeAlias = npt.NDArray[np.float32]
"""float32[n, 640]"""
SoftTokens: TypeAlias = npt.NDArray[np.float32]
"""float32[n, n_embd], C-contiguous: rows as llama.cpp takes them."""

# llama.cpp hard-codes 1e-6 for gemma4ua and ignores the value in the GGUF; we match it, not the file.
RMS_EPS = np.float32(1e-6)


class SoundProjection(Protocol):
    """From frames to soft tokens, one each, in pieces as they come."""

    @property
    def context_frames(self) -> int:
        """Frames before a piece that must be given with it, if there are as many."""
        ...

    @property
    def lookahead_frames(self) -> int:
        """Frames after a piece that must be given with it, unless the sound ends there."""
        ...

    def project(self, frames: Frames, out: SoftTokens | None = None) -> SoftTokens:
        """Soft tokens float32[n, n_embd] of frames float32[n, 640], n > 0; written into `out` where given."""
        ...

    def close(self) -> None:
        """Free what it holds. Calling it again does nothing."""
        ...


class Projection:
    """The projector of one model. Not thread-safe: it reuses its scratch memory."""

    context_frames = lookahead_frames = 0
    """Each frame stands for itself. See `SoundProjection`."""

    def __init__(self, matrix: npt.NDArray[np.float32]) -> None:
        """`matrix` is float32[n_embd, 640], as the projector's GGUF stores it."""
        if matrix.ndim != 2 or matrix.shape[1] != FRAME_SAMPLES:
            raise ValueError(f"a projection takes {FRAME_SAMPLES} samples, not shape {matrix.shape}")
        self._matrix = np.ascontiguousarray(matrix.T, dtype=np.float32)
        self._normed = np.empty((0, FRAME_SAMPLES), dtype=np.float32)
        self._scale = np.empty(0, dtype=np.float32)

    @classmethod
    def read(cls, path: Path, *, n_embd: int | None = None) -> Projection:
        """Read the one tensor that matters from a projector's GGUF.

        Raises ModelMissing, ModelCorrupt, ProjectorUnsupported, and ProjectorMismatch where `n_embd` is
        given and the projector is of another width.
        """
        info = require_projector(read_header(path))
        if len(info.shape) != 2 or info.shape[1] != FRAME_SAMPLES:
            raise ModelCorrupt(f"{path}: its matrix has shape {info.shape}, not (n_embd, {FRAME_SAMPLES})")
        if n_embd is not None and info.shape[0] != n_embd:
            raise ProjectorMismatch(
                f"{path}: makes soft tokens of {info.shape[0]} values, the model takes {n_embd}",
                projector_width=info.shape[0],
                model_width=n_embd,
            )
        matrix = _read_matrix(path, info)
        if not np.isfinite(matrix).all():
            raise ModelCorrupt(f"{path}: its matrix holds NaN or infinite values")
        return cls(matrix)

    @property
    def n_embd(self) -> int:
        """Values in one soft token."""
        return int(self._matrix.shape[1])

    def project(self, frames: Frames, out: SoftTokens | None = None) -> SoftTokens:
        """Soft tokens float32[n, n_embd] of frames float32[n, 640]; written into `out` where it is given.

        A frame of zeros becomes the zero vector. Each frame is scaled to unit RMS on its own, so loudness is
        lost here: what is too quiet to be speech must be kept away before.
        """
        n = len(frames)
        if frames.ndim != 2 or frames.shape[1] != FRAME_SAMPLES:
            raise ValueError(f"frames must be float32[n, {FRAME_SAMPLES}], not shape {frames.shape}")
        if len(self._scale) < n:
            self._normed = np.empty((n, FRAME_SAMPLES), dtype=np.float32)
            self._scale = np.empty(n, dtype=np.float32)
        normed, scale = self._normed[:n], self._scale[:n]
        np.einsum("ij,ij->i", frames, frames, out=scale)
        scale /= FRAME_SAMPLES
        scale += RMS_EPS
        np.sqrt(scale, out=scale)
        np.divide(frames, scale[:, None], out=normed)
        return np.matmul(normed, self._matrix, out=out)

    def close(self) -> None:
        """Nothing to free."""


def _read_matrix(path: Path, info: TensorInfo) -> npt.NDArray[np.float32]:
    """The tensor as float32[rows, columns]; F32, F16, BF16 and Q8_0 are what projectors are published in."""
    raw = np.fromfile(path, dtype=np.uint8, count=info.n_bytes, offset=info.offset)
    match info.kind:
        case "F32":
            values = raw.view("<f4").astype(np.float32)
        case "F16":
            values = raw.view("<f2").astype(np.float32)
        case "BF16":
            values = (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
        case "Q8_0":
            blocks = raw.reshape(-1, 34)
            scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
            values = (blocks[:, 2:].view(np.int8) * scales).ravel()
        case _:
            raise ProjectorUnsupported(
                f"{path}: its matrix is stored as {info.kind}",
                hint="Take the projector in F32, F16, BF16 or Q8_0; it is small in each of them.",
            )
    return values.reshape(info.shape)
