"""Which tensors the files of a shape hold: names, sizes, how each is stored and with what it is filled.

Names and sizes are what llama.cpp asks for (src/models/gemma4.cpp, gemma4-assistant.cpp,
tools/mtmd/clip.cpp). Storage is as in Google's quantised files: Q4_0 for the matrices of the layers, Q6_K for
embeddings, F32 for vectors. With it, the 12B and E4B come out at the published sizes, to within the
vocabulary (15.8 MB in both).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.frames import FRAME_SAMPLES
from engine.shapes.dimensions import DrafterShape, TextShape

Kind: TypeAlias = Literal["F32", "F16", "BF16", "Q4_0", "Q6_K"]

PROJECTION = "mm.a.input_projection.weight"
ALIGNMENT = 32
"""Bytes; tensors in a GGUF begin at multiples of it."""

SHARPNESS = 4.0
"""Standard deviation of a random model's logits."""

BLOCKS: dict[Kind, tuple[int, int]] = {
    # values and bytes in a block; from ggml.h
    "F32": (1, 4),
    "F16": (1, 2),
    "BF16": (1, 2),
    "Q4_0": (32, 18),
    "Q6_K": (256, 210),
}


@dataclass(frozen=True, slots=True)
class Constant:
    """A vector of equal values."""

    value: float


@dataclass(frozen=True, slots=True)
class Signs:
    """A vector of one size and random signs."""

    size: float


@dataclass(frozen=True, slots=True)
class Step:
    """A vector of which the first `n_first` values are `first`, the others `then`."""

    n_first: int
    first: float
    then: float


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file."""

    name: str
    shape: tuple[int, ...]
    """numpy's order: rows first."""
    kind: Kind
    fill: Constant | Signs | Step | None = None
    """None for random values of variance 1 / columns, which keep a signal's size."""

    @property
    def n_values(self) -> int:
        """Values in it."""
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        """Bytes of its data, without padding."""
        values, size = BLOCKS[self.kind]
        return self.n_values // values * size


def matrix(name: str, rows: int, columns: int, kind: Kind = "Q4_0") -> Tensor:
    """A random matrix. Where rows do not divide into blocks, the next kind that fits is taken."""
    if columns % BLOCKS[kind][0]:
        kind = "Q4_0" if kind == "Q6_K" and columns % 32 == 0 else "F16"
    return Tensor(f"{name}.weight", (rows, columns), kind)


def vector(name: str, size: int, value: float = 1.0) -> Tensor:
    """A vector of equal values."""
    return Tensor(f"{name}.weight", (size,), "F32", Constant(value))


def last_norm(size: int) -> Tensor:
    """The norm before the output. Its signs keep a model whose output matrix is its embedding from saying the
    token it was given again and again, as random weights else do; its size sets the best two tokens apart.
    """
    return Tensor("output_norm.weight", (size,), "F32", Signs(SHARPNESS))


def rope_factors(head_dim: int, turned_share: float) -> Tensor:
    """What RoPE's frequencies are divided by: 1 turns a pair of dimensions, 1e30 leaves it where it is.

    That is how llama.cpp writes proportional RoPE; global layers alone use it.
    """
    pairs = head_dim // 2
    return Tensor("rope_freqs.weight", (pairs,), "F32", Step(round(pairs * turned_share), 1.0, 1e30))


def model_tensors(shape: TextShape) -> Iterator[Tensor]:
    """The text model's tensors in the order of the file."""
    d = shape.n_embd
    yield matrix("token_embd", shape.n_vocab, d, "Q6_K")
    yield last_norm(d)
    yield rope_factors(shape.head_dim_global, shape.rotated_share_global)
    if shape.n_embd_per_layer:
        width = shape.n_embd_per_layer * shape.n_layer
        yield matrix("per_layer_token_embd", shape.n_vocab, width, "Q6_K")
        yield matrix("per_layer_model_proj", width, d, "BF16")
        yield vector("per_layer_proj_norm", shape.n_embd_per_layer)
    for layer in range(shape.n_layer):
        yield from _block(shape, layer)


def _block(shape: TextShape, layer: int) -> Iterator[Tensor]:
    d, size, at = shape.n_embd, shape.head_size(layer), f"blk.{layer}"
    # Attention multiplies normed queries with normed keys without scaling: these weights do it.
    norm = size**-0.25
    yield vector(f"{at}.attn_norm", d)
    yield matrix(f"{at}.attn_q", shape.n_head * size, d)
    yield vector(f"{at}.attn_q_norm", size, norm)
    if shape.has_kv(layer):
        yield matrix(f"{at}.attn_k", shape.heads_kv(layer) * size, d)
        yield vector(f"{at}.attn_k_norm", size, norm)
        if not (shape.value_is_key_global and shape.is_global(layer)):
            yield matrix(f"{at}.attn_v", shape.heads_kv(layer) * size, d)
    yield matrix(f"{at}.attn_output", d, shape.n_head * size)
    yield vector(f"{at}.post_attention_norm", d)
    yield vector(f"{at}.ffn_norm", d)
    yield matrix(f"{at}.ffn_gate", shape.n_ff, d)
    yield matrix(f"{at}.ffn_up", shape.n_ff, d)
    yield matrix(f"{at}.ffn_down", d, shape.n_ff)
    yield vector(f"{at}.post_ffw_norm", d)
    if shape.n_embd_per_layer:
        yield matrix(f"{at}.inp_gate", shape.n_embd_per_layer, d)
        yield matrix(f"{at}.proj", d, shape.n_embd_per_layer)
        yield vector(f"{at}.post_norm", d)
    yield vector(f"{at}.layer_output_scale", 1)


def drafter_tensors(shape: DrafterShape, model: TextShape) -> Iterator[Tensor]:
    """The drafter's tensors. Its layers have no keys and values: they read the model's."""
    d = shape.n_embd
    yield matrix("token_embd", model.n_vocab, d)
    yield last_norm(d)
    yield rope_factors(model.head_dim_global, model.rotated_share_global)
    yield matrix("nextn.pre_projection", d, 2 * model.n_embd)
    yield matrix("nextn.post_projection", model.n_embd, d)
    for layer in range(shape.n_layer):
        at = f"blk.{layer}"
        size = model.head_dim_global if shape.is_global(layer) else model.head_dim
        yield vector(f"{at}.attn_norm", d)
        yield matrix(f"{at}.attn_q", shape.n_head * size, d)
        yield vector(f"{at}.attn_q_norm", size, size**-0.25)
        yield matrix(f"{at}.attn_output", d, shape.n_head * size)
        yield vector(f"{at}.post_attention_norm", d)
        yield vector(f"{at}.ffn_norm", d)
        yield matrix(f"{at}.ffn_gate", shape.n_ff, d)
        yield matrix(f"{at}.ffn_up", shape.n_ff, d)
        yield matrix(f"{at}.ffn_down", d, shape.n_ff)
        yield vector(f"{at}.post_ffw_norm", d)
        yield vector(f"{at}.layer_output_scale", 1)


def projector_tensors(shape: TextShape) -> Iterator[Tensor]:
    """The one matrix of a `gemma4ua` projector."""
    yield Tensor(PROJECTION, (shape.n_embd, FRAME_SAMPLES), "BF16")


def data_bytes(tensors: list[Tensor]) -> int:
    """Bytes of all tensors' data, padding included."""
    return sum(-(-tensor.n_bytes // ALIGNMENT) * ALIGNMENT for tensor in tensors)
