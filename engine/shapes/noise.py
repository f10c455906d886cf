"""Random weights without computing billions of them: a few blocks, drawn once and used again and again.

The number of blocks is a prime larger than the rows of any matrix, so no two rows of a matrix begin at the
same block: rows that overlap are shifted against each other, and a random signal does not resemble itself
shifted. Quantised blocks are drawn as they are stored; nothing is quantised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt

from engine.shapes.tensors import Constant, Kind, Signs, Step, Tensor

Blocks: TypeAlias = npt.NDArray[Any]

N_BLOCKS = 262_147
"""A prime above 262,144, the rows of the largest matrix."""

_Q4_0 = np.dtype([("scale", "<f2"), ("values", "u1", 16)])
# 16 groups of 16 values with a scale each: four low bits of a value in `low`, two high ones in `high`
_Q6_K = np.dtype([("low", "u1", 128), ("high", "u1", 64), ("groups", "i1", 16), ("scale", "<f2")])

_Q4_0_SPREAD = (224 / 12) ** 0.5
"""Standard deviation of whole numbers from -7 to 7."""
_Q6_K_GROUP = 64
_Q6_K_SPREAD = (4095 / 12 + 0.25) ** 0.5 * _Q6_K_GROUP
"""Root mean square of whole numbers from -32 to 31, times a group's scale."""


class Noise:
    """Makes the data of tensors, piece by piece. The same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pools: dict[Kind, Blocks] = {}

    def pieces(self, tensor: Tensor) -> Iterator[memoryview]:
        """The bytes of a tensor, its blocks beginning at a place of the pool that its name decides.

        A piece is valid until the next one is asked for.
        """
        if tensor.fill is not None:
            yield memoryview(self._vector(tensor).tobytes())
            return
        pool = self._pool(tensor.kind, tensor.shape[-1])
        data = memoryview(pool.view(np.uint8).data).cast("B")
        at = self._place(tensor.name) % N_BLOCKS * pool.itemsize
        left = tensor.n_bytes
        while left:
            piece = data[at : at + left]
            yield piece
            left, at = left - len(piece), 0

    def _place(self, name: str) -> int:
        return crc32(f"{self._seed} {name}".encode())

    def _vector(self, tensor: Tensor) -> npt.NDArray[np.float32]:
        match tensor.fill:
            case Signs(size):
                rng = np.random.default_rng(self._place(tensor.name))
                values = rng.choice(np.array([-size, size]), tensor.n_values)
            case Step(n_first, first, then):
                values = np.where(np.arange(tensor.n_values) < n_first, first, then)
            case Constant(value):
                values = np.full(tensor.n_values, value)
            case _:
                raise ValueError(f"{tensor.name} is random")
        return values.astype("<f4")

    def _pool(self, kind: Kind, columns: int) -> Blocks:
        """Blocks whose values have the variance 1 / columns, in memory that the next call writes to."""
        if kind not in self._pools:
            # One kind at a time is what bounds the memory.
            self._pools = {kind: _draw(kind, np.random.default_rng([self._seed, *kind.encode()]))}
        pool, spread = self._pools[kind], np.float32(columns**-0.5)
        match kind:
            case "Q4_0":
                pool["scale"] = spread / _Q4_0_SPREAD
            case "Q6_K":
                pool["scale"] = spread / _Q6_K_SPREAD
            case "BF16":
                # The upper half of a float; cutting the lower one off makes it at most 1 % smaller.
                pool = ((pool * spread).view("<u4") >> 16).astype("<u2")
            case "F16":
                pool = (pool * spread).astype("<f2")
            case "F32":
                pool = (pool * spread).astype("<f4")
        return pool


def _draw(kind: Kind, rng: np.random.Generator) -> Blocks:
    """Blocks of one kind, or plain values of variance 1. Mean 0: an offset would grow from layer to layer."""
    if kind == "Q4_0":
        pool = np.zeros(N_BLOCKS, dtype=_Q4_0)
        # A value is stored with 8 added to it; -8 is left out, for it has no counterpart.
        low, high = (rng.integers(1, 16, (N_BLOCKS, 16), dtype=np.uint8) for _ in range(2))
        pool["values"] = low | high << 4
        return pool
    if kind == "Q6_K":
        pool = np.zeros(N_BLOCKS, dtype=_Q6_K)
        for part in ("low", "high"):
            pool[part] = rng.integers(0, 256, pool[part].shape, dtype=np.uint8)
        pool["groups"] = rng.choice(np.array([-_Q6_K_GROUP, _Q6_K_GROUP], dtype=np.int8), (N_BLOCKS, 16))
        return pool
    return rng.standard_normal(N_BLOCKS, dtype=np.float32)
