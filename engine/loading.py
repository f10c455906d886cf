"""How a model is put into memory: what a user can choose, and what is refused before llama.cpp sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

FlashAttention: TypeAlias = Literal["auto", "on", "off"]
CacheType: TypeAlias = Literal["f16", "q8_0", "q4_0"]

CACHE_BITS: Final[dict[CacheType, float]] = {"f16": 16, "q8_0": 8.5, "q4_0": 4.5}
"""Bits that one value of a key or a value takes: blocks of 32 share a scale of 16 bits (ggml-common.h)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """Choices about memory. The defaults are sane everywhere."""

    gpu_layers: int | None = None
    """Layers that go to the graphics card, the output layer counted; -1 is all, None as many as fit."""
    flash_attention: FlashAttention = "auto"
    """Attention in one step. "auto": where all of the model's layers can have it."""
    kv_type: CacheType = "f16"
    """How keys and values are kept. q8_0 halves the cache, q4_0 quarters it; both may change words."""
    mmap: bool = True
    """Map the file instead of copying it: loads faster, and other programs may push it out of memory."""
    mlock: bool = False
    """Keep the weights in memory, whatever other programs need."""
    check_memory: bool = True
    """Refuse a model that does not fit into what is free."""

    def __post_init__(self) -> None:
        if self.gpu_layers is not None and self.gpu_layers < -1:
            raise ValueError(f"gpu_layers is a number of layers, or -1 for all, not {self.gpu_layers}")
        if self.flash_attention not in get_args(FlashAttention):
            raise ValueError(f"flash_attention is auto, on or off, not {self.flash_attention!r}")
        if self.kv_type not in CACHE_BITS:
            raise ValueError(f"kv_type is {', '.join(CACHE_BITS)}, not {self.kv_type!r}")
        if self.kv_type != "f16" and self.flash_attention == "off":
            raise ValueError(f"a cache of {self.kv_type} needs flash_attention")  # llama-context.cpp
