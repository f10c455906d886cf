"""Drafters for the tiny model and for the bundled one, random or made to guess what is known beforehand."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import gguf
import numpy as np
import tiny

from engine.catalog import ModelFiles, find_model
from engine.training.drafter_file import DrafterShape, random_drafter, shape_of, vocabulary_of, write_drafter
from engine.training.gguf_pair import Shape, Weights

WIDER = 1.5
"""Width of a drafter relative to its model: it has to differ, and all of a hidden state has to fit."""


def drafter_shape(target: Shape) -> DrafterShape:
    """A sliding and a global layer."""
    return DrafterShape(target, n_embd=int(target.n_embd * WIDER), n_ff=64, n_head=2 * target.n_head_kv)


def with_random_drafter(files: ModelFiles, target: Shape, *, seed: int = 0) -> ModelFiles:
    """The files with a drafter in a folder of its own that guesses nonsense."""
    shape, words = drafter_shape(target), vocabulary_of(files.model)
    return _with(files, shape, random_drafter(shape, len(words.tokens), seed=seed))


def with_echo(files: ModelFiles, target: Shape) -> ModelFiles:
    """The files with a drafter that does nothing but read the hidden state as the model itself does, and
    hands on its opposite.

    So its first guess is what the model's own logits said, the newest token once more; the second is the
    token that they spoke against most, and the third the newest again.
    """
    shape, words = drafter_shape(target), vocabulary_of(files.model)
    tensors = random_drafter(shape, len(words.tokens))
    for name in tensors:
        if name.endswith(("post_attention_norm.weight", "post_ffw_norm.weight")):
            tensors[name] *= 0
    output = next(each for each in gguf.GGUFReader(files.model).tensors if each.name == "output.weight")
    wide, beside = target.n_embd, shape.n_embd - target.n_embd
    matrix = gguf.dequantize(output.data, output.tensor_type)
    tensors["token_embd.weight"] = np.pad(matrix, ((0, 0), (0, beside))).astype(np.float32)
    tensors["nextn.pre_projection.weight"] = np.eye(shape.n_embd, 2 * wide, wide, dtype=np.float32)
    tensors["nextn.post_projection.weight"] = -np.eye(wide, shape.n_embd, dtype=np.float32)
    return _with(files, shape, tensors)


def _with(files: ModelFiles, shape: DrafterShape, tensors: dict[str, Weights]) -> ModelFiles:
    folder = Path(tempfile.mkdtemp(prefix="drafter-"))
    path = write_drafter(folder / "mtp.gguf", shape, tensors, vocabulary_of(files.model), name="drafter")
    return replace(files, drafter=path)


@cache
def tiny_files() -> ModelFiles:
    """The tiny model with a random drafter."""
    return with_random_drafter(tiny.tiny_model(), tiny.SHAPE)


@cache
def tiny_echo() -> ModelFiles:
    """The tiny model with a drafter that repeats."""
    return with_echo(tiny.tiny_model(), tiny.SHAPE)


@cache
def bundled_files() -> ModelFiles:
    """The bundled model with a random drafter."""
    files = find_model("bundled")
    return with_random_drafter(files, shape_of(files.model))
