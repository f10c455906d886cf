"""How large the models are whose shape can be written, and where each number comes from.

12b and e4b: the published configurations of google/gemma-4-12B-it and google/gemma-4-E4B-it and of their
drafters. 1b: no model of that size is published in this architecture; ours has the kinds of layers of the 12B
in sizes that two cores can carry.
"""

from __future__ import annotations

from dataclasses import dataclass

VOCABULARY = 262_144
"""Tokens of every Gemma 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextShape:
    """The dimensions of a `gemma4` text model."""

    n_embd: int
    n_layer: int
    n_ff: int
    n_head: int
    n_head_kv: int
    n_head_kv_global: int
    value_is_key_global: bool = False
    """Global layers have no value projection: the key projection serves as both."""
    sliding_window: int
    context_length: int
    head_dim: int = 256
    head_dim_global: int = 512
    global_every: int = 6
    """Each layer whose number is a multiple of this is global; the last one always is."""
    shared_kv_layers: int = 0
    """So many layers at the end have no keys and values of their own: they read those of earlier layers."""
    n_embd_per_layer: int = 0
    """Values that each token adds to each layer, out of a table of its own; 0 for none."""
    rope_base: float = 10_000.0
    rope_base_global: float = 1_000_000.0
    rotated_share_global: float = 0.25
    """Share of a global head's dimensions that RoPE turns."""
    final_logit_softcapping: float = 30.0
    n_vocab: int = VOCABULARY

    def is_global(self, layer: int) -> bool:
        """Whether layer `layer` (from 0) sees the whole context."""
        return (layer + 1) % self.global_every == 0 or layer == self.n_layer - 1

    def head_size(self, layer: int) -> int:
        """Dimensions of one head of one layer."""
        return self.head_dim_global if self.is_global(layer) else self.head_dim

    def heads_kv(self, layer: int) -> int:
        """Key/value heads of one layer."""
        return self.n_head_kv_global if self.is_global(layer) else self.n_head_kv

    def has_kv(self, layer: int) -> bool:
        """Whether a layer computes keys and values of its own."""
        return layer < self.n_layer - self.shared_kv_layers


@dataclass(frozen=True, slots=True, kw_only=True)
class DrafterShape:
    """The dimensions of a `gemma4-assistant`: layers with queries only, which read the cache of their model.

    Sliding layers and one global layer at the end; heads are as wide as the model's.
    """

    n_embd: int
    n_ff: int
    n_head: int
    n_layer: int = 4

    def is_global(self, layer: int) -> bool:
        """Whether layer `layer` (from 0) reads a global layer of the model."""
        return layer == self.n_layer - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A model, its drafter, and what has to be said about both."""

    name: str
    title: str
    text: TextShape
    drafter: DrafterShape
    note: str
    """What is not as in the model that is named, for those who read numbers measured with it."""


_NOT_VISION = "The projector holds the matrix for sound only, without the vision part of the published file."

SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            name="1b",
            title="1B, layers as in Gemma 4 12B",
            text=TextShape(
                n_embd=1280,
                n_layer=24,
                n_ff=6912,
                n_head=4,
                n_head_kv=2,
                n_head_kv_global=1,
                value_is_key_global=True,
                sliding_window=512,
                context_length=32_768,
            ),
            drafter=DrafterShape(n_embd=256, n_ff=2048, n_head=4),
            note=f"No published Gemma 4 has this size. {_NOT_VISION}",
        ),
        Shape(
            name="12b",
            title="Gemma 4 12B",
            text=TextShape(
                n_embd=3840,
                n_layer=48,
                n_ff=15_360,
                n_head=16,
                n_head_kv=8,
                n_head_kv_global=1,
                value_is_key_global=True,
                sliding_window=1024,
                context_length=262_144,
            ),
            drafter=DrafterShape(n_embd=1024, n_ff=8192, n_head=16),
            note=_NOT_VISION,
        ),
        Shape(
            name="e4b",
            title="Gemma 4 E4B",
            text=TextShape(
                n_embd=2560,
                n_layer=42,
                n_ff=10_240,
                n_head=8,
                n_head_kv=2,
                n_head_kv_global=2,
                sliding_window=512,
                context_length=131_072,
                shared_kv_layers=18,
                n_embd_per_layer=256,
            ),
            drafter=DrafterShape(n_embd=256, n_ff=2048, n_head=4),
            note=(
                "E4B hears through a conformer of 0.3 B parameters, which cannot take frames one by one. "
                "Here one matrix stands in for it, so the conformer's time and memory are not in the numbers."
            ),
        ),
    )
}
"""Every shape by its name, smallest first."""
