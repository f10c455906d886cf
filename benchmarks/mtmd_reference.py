"""llama.cpp's own way from sound to soft tokens (tools/mtmd), to compare ours with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine._mtmd import Mtmd
from engine.catalog import ModelFiles
from engine.llama import LlamaModel


@dataclass
class MtmdResult:
    """What mtmd makes of a prompt with one recording in it."""

    before: list[int]
    soft_tokens: npt.NDArray[np.float32]
    after: list[int]
    sample_rate: int


def hear(files: ModelFiles, samples: npt.NDArray[np.float32], before: str, after: str) -> MtmdResult:
    """Tokenise `before` + recording + `after` and compute its soft tokens float32[n, n_embd]."""
    model = LlamaModel(files.model)
    mtmd = Mtmd(model, files.projector, n_threads=1, use_gpu=False)
    try:
        result = MtmdResult([], np.empty((0, model.n_embd), np.float32), [], mtmd.sample_rate)
        texts = result.before
        with mtmd.tokenize(before, np.ravel(samples), after) as chunks:
            for index in range(len(chunks)):
                if chunks.is_sound(index):
                    result.soft_tokens = mtmd.soft_tokens(chunks, index)
                    texts = result.after
                else:
                    texts.extend(chunks.tokens(index))
        return result
    finally:
        mtmd.close()
        model.close()
