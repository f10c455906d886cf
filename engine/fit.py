"""What memory a model needs, and whether this machine has it: told before anything is loaded or downloaded.

    weights     the file, as large as it is
    cache       keys and values of every position, of every layer that has its own
    projector, drafter
    buffers     what llama.cpp computes in

How large cache and buffers become was read in llama.cpp (src/llama-kv-cache*.cpp, src/models/gemma4.cpp) and
compared with what it reserves for files of the true shapes; tests/test_fit.py does that again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from engine.catalog import ModelFiles
from engine.errors import ModelCorrupt, ModelTooLarge
from engine.gguf_header import GgufHeader, read_header
from engine.loading import CACHE_BITS, Loading
from engine.machine import Device, Machine, machine

logger = logging.getLogger(__name__)

__all__ = [
    "SHAPES", "Device", "Machine", "Needs", "Placement", "Shape", "check", "machine", "needs", "needs_of",
    "place", "plan", "shape_of",
]  # fmt: skip

MIB: Final = 2**20

RESERVE_RAM: Final = 512 * MIB
"""Left to other programs."""
RESERVE_GPU: Final = 1024 * MIB
"""Left on a graphics card: the screen lives there, and kernels need room (llama.cpp's own margin)."""

BATCH: Final = 512
"""Positions computed at once; see `LlamaContext`."""
OUTPUT_ROWS: Final = 64
"""See `llama.MAX_OUTPUTS`."""
CACHE_STEP: Final = 256
"""llama.cpp rounds a cache up to this."""
MOST_LAYERS: Final = 1 << 16
"""More than any model has."""
OVERHEAD: Final = 64 * MIB
"""Vocabulary, plans of the graph, and whatever belongs to no other row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What memory depends on, besides the size of the file."""

    n_layer: int
    n_embd: int
    n_ff: int
    """The widest layer's."""
    n_head: int
    n_vocab: int
    kv_layers: int
    """Layers that keep keys and values of their own."""
    kv_values: int
    """Values of keys and values that one position takes in all of these together."""
    kv_widest: int
    """Values of the keys that one position takes in the widest of them."""
    n_embd_per_layer: int = 0
    """Values of the embeddings that each layer of E2B and E4B adds for every token."""


SHAPES: Final[dict[str, Shape]] = {
    # From the models' config.json. 12B: 40 sliding layers of 8 heads of 256, 8 global ones of 1 head of 512.
    "gemma-4-12b": Shape(
        n_layer=48, n_embd=3840, n_ff=15360, n_head=16, n_vocab=262_144,
        kv_layers=48, kv_values=2 * (40 * 8 * 256 + 8 * 1 * 512), kv_widest=8 * 256,
    ),
    # 24 of 42 layers keep keys and values: 20 sliding, 4 global, of 2 heads.
    "gemma-4-e4b": Shape(
        n_layer=42, n_embd=2560, n_ff=10240, n_head=8, n_vocab=262_144,
        kv_layers=24, kv_values=2 * 2 * (20 * 256 + 4 * 512), kv_widest=2 * 512, n_embd_per_layer=256,
    ),
    # 15 of 35 layers: 12 sliding, 3 global, of one head. The others' feed-forward is twice as wide.
    "gemma-4-e2b": Shape(
        n_layer=35, n_embd=1536, n_ff=12288, n_head=8, n_vocab=262_144,
        kv_layers=15, kv_values=2 * (12 * 256 + 3 * 512), kv_widest=512, n_embd_per_layer=256,
    ),
}  # fmt: skip
"""Shapes of models whose files are not here yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Bytes of memory, by what they are for."""

    weights: int
    cache: int
    projector: int
    drafter: int
    buffers: int
    layers: tuple[int, ...]
    """Weights and cache of each layer, first to last; then those of the output layer."""
    embeddings: int
    """Weights that stay in main memory, wherever the layers go. The output layer may be the same ones."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.projector + self.drafter + self.buffers

    def describe(self) -> str:
        """`8.1 GB (weights 7.0, cache 0.7, projector 0.2, buffers 0.2)`."""
        if self.total < 10**9:
            return f"{gb(self.total)} GB"
        parts = (
            f"{name} {gb(getattr(self, name))}"
            for name in ("weights", "cache", "projector", "drafter", "buffers")
            if getattr(self, name) >= 50_000_000
        )
        return f"{gb(self.total)} GB ({', '.join(parts)})"


Where = Literal["cpu", "gpu", "both"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model goes on a machine."""

    where: Where
    gpu_layers: int
    """For llama.cpp: -1 all, 0 none."""
    fits: bool
    said: str
    """One line for people, with numbers."""


def shape_of(header: GgufHeader) -> Shape:
    """The shape of a `gemma4` file. Raises ModelCorrupt for one that no model can have."""
    layers = header.number("gemma4.block_count")
    if not 1 <= layers <= MOST_LAYERS:
        raise ModelCorrupt(f"{header.path}: a gemma4 file of {layers} layers")
    pattern = _per_layer(header, "attention.sliding_window_pattern", layers)
    heads = _per_layer(header, "attention.head_count_kv", layers)
    size, size_swa = (header.number(f"gemma4.attention.key_length{end}") for end in ("", "_swa"))
    keeping = max(0, layers - header.number("gemma4.attention.shared_kv_layers"))
    # As many values as keys: load_arch_tensors demands it.
    keys = [int(heads[i]) * (size_swa if pattern[i] else size) for i in range(keeping)]
    embeddings = header.tensors.get("token_embd.weight")
    return Shape(
        n_layer=layers,
        n_embd=header.number("gemma4.embedding_length"),
        n_ff=int(max(_per_layer(header, "feed_forward_length", layers), default=0)),
        n_head=int(max(_per_layer(header, "attention.head_count", layers), default=0)),
        n_vocab=embeddings.shape[0] if embeddings is not None else 0,
        kv_layers=keeping,
        kv_values=2 * sum(keys),
        kv_widest=max(keys, default=0),
        n_embd_per_layer=header.number("gemma4.embedding_length_per_layer_input"),
    )


def needs(
    shape: Shape,
    *,
    weights: int,
    projector: int = 0,
    drafter: int = 0,
    n_ctx: int = 2048,
    text_ctx: int = 2048,
    loading: Loading | None = None,
) -> Needs:
    """What a model of this shape needs. `weights`, `projector`, `drafter`: sizes of the files in bytes.

    `n_ctx` and `text_ctx` as in `Engine.open`.
    """
    loading = loading or Loading()
    cells = -(-(n_ctx + text_ctx) // CACHE_STEP) * CACHE_STEP
    cache = _cache(shape, cells, loading)
    # What is known of a file that is not here: its embeddings have six and a half bits as a rule.
    output = shape.n_vocab * shape.n_embd * 13 // 16
    embeddings = min(
        weights * 3 // 4, output + shape.n_vocab * shape.n_embd_per_layer * shape.n_layer * 13 // 16
    )
    layer = (weights - embeddings + cache) // shape.n_layer
    return Needs(
        weights=weights,
        cache=cache,
        projector=projector,
        drafter=drafter,
        buffers=_buffers(shape, cells, loading),
        layers=(*[layer] * shape.n_layer, min(output, embeddings)),
        embeddings=embeddings,
    )


def needs_of(
    files: ModelFiles,
    *,
    header: GgufHeader | None = None,
    n_ctx: int = 2048,
    text_ctx: int = 2048,
    loading: Loading | None = None,
) -> Needs:
    """What the files of a model need that are here; `header`: the model's, where it was read before.

    Raises ModelMissing, ModelCorrupt.
    """
    header = header or read_header(files.model)
    shape = shape_of(header)
    known = needs(
        shape,
        weights=files.model.stat().st_size,
        projector=_size(files.projector),
        drafter=_size(files.drafter),
        n_ctx=n_ctx,
        text_ctx=text_ctx,
        loading=loading,
    )
    layers = [0] * (shape.n_layer + 1)
    embeddings = 0
    for name, tensor in header.tensors.items():
        if name.startswith("blk."):
            number = name.split(".")[1]
            # Whatever else stands there, llama.cpp refuses the file.
            layers[min(int(number), shape.n_layer - 1) if number.isdecimal() else 0] += tensor.n_bytes
        elif name != "output.weight":
            embeddings += tensor.n_bytes
    output = header.tensors.get("output.weight") or header.tensors.get("token_embd.weight")
    layers[-1] = output.n_bytes if output is not None else 0
    share = known.cache // max(1, shape.n_layer)
    split = (*(weights + share for weights in layers[:-1]), layers[-1])
    return replace(known, layers=split, embeddings=embeddings)


def place(needs: Needs, machine: Machine, loading: Loading | None = None) -> Placement:
    """Where it goes: all of it on a graphics card, as many layers as fit, or none."""
    loading = loading or Loading()
    cards = machine.graphics
    if not cards or loading.gpu_layers == 0:
        return _on_cpu(needs, machine)
    shared = any(card.shares_ram for card in cards)
    free = sum(max(0, card.free_bytes - (0 if shared else RESERVE_GPU)) for card in cards)
    names = " and ".join(card.name for card in cards)
    beside = needs.buffers + needs.projector + needs.drafter
    every = len(needs.layers)
    wanted = every if loading.gpu_layers in (None, -1) else min(every, loading.gpu_layers or 0)
    n = next((n for n in range(wanted, 0, -1) if sum(needs.layers[-n:]) + beside <= free), 0)
    if loading.gpu_layers is not None and n < wanted:
        said = f"{gb(sum(needs.layers[-wanted:]) + beside)} GB on {names}, which has {gb(free)} GB to spare"
        return Placement("gpu" if wanted == every else "both", loading.gpu_layers, False, said)
    if n == 0 or (shared and n < every):
        return _on_cpu(needs, machine)
    rest = needs.embeddings + sum(needs.layers[:-n]) + OVERHEAD
    room = _room(machine)
    fits = rest <= room
    if n == every:
        said = f"{needs.describe()} on {names}, which has {gb(free)} GB to spare"
        return Placement("gpu", -1, fits, said)
    said = f"{n} of {every} layers on {names}, {gb(rest)} GB in main memory, where {gb(room)} GB are free"
    return Placement("both", n, fits, said)


def check(
    needs: Needs, machine: Machine, loading: Loading | None = None, *, name: str = "the model"
) -> Placement:
    """As `place`. Raises ModelTooLarge, with the numbers, for what does not fit."""
    placement = place(needs, machine, loading)
    _require(name, placement)
    return placement


def _require(name: str, placement: Placement) -> None:
    if not placement.fits:
        raise ModelTooLarge(f"{name} does not fit: it needs {placement.said}")


def _on_cpu(needs: Needs, machine: Machine) -> Placement:
    room = _room(machine)
    said = f"{needs.describe()} in main memory, where {gb(room)} of {gb(machine.ram_bytes)} GB are free"
    return Placement("cpu", 0, needs.total <= room, said)


def _room(machine: Machine) -> int:
    """Bytes of main memory that a model may take."""
    free = machine.ram_bytes * 3 // 4 if machine.available_bytes is None else machine.available_bytes
    return max(0, free - RESERVE_RAM)


def _cache(shape: Shape, cells: int, loading: Loading) -> int:
    values = shape.kv_values
    if loading.flash_attention == "off":
        # Values are then kept transposed, in rows as long as those of the widest layer (llama-kv-cache.cpp).
        values = values // 2 + shape.kv_layers * shape.kv_widest
    return int(cells * values * CACHE_BITS[loading.kv_type]) // 8


def _buffers(shape: Shape, cells: int, loading: Loading) -> int:
    """Measured, not derived: a little more than llama.cpp reserves for the three shapes above."""
    logits = OUTPUT_ROWS * shape.n_vocab * 4  # once where they are computed, once where they are read
    masks = BATCH * cells * 4
    scores = BATCH * cells * 4 * shape.n_head if loading.flash_attention == "off" else 0
    return OVERHEAD + 2 * logits + BATCH * 4 * 2 * (shape.n_ff + shape.n_embd) + masks + scores


def _per_layer(header: GgufHeader, key: str, layers: int) -> tuple[bool | int | float, ...]:
    """A value of each layer, however the file writes it: a list, or one number for all."""
    value = header.metadata.get(f"gemma4.{key}")
    if isinstance(value, tuple) and len(value) >= layers and all(isinstance(one, int) for one in value):
        return value
    return (value if isinstance(value, bool | int) else 0,) * layers


def _size(path: Path | None) -> int:
    return path.stat().st_size if path is not None and path.is_file() else 0


def plan(files: ModelFiles, header: GgufHeader, *, n_ctx: int, text_ctx: int, loading: Loading) -> int:
    """For llama.cpp: how many layers of a model with `header` go to a graphics card, before it is loaded.

    Raises ModelTooLarge, unless `loading` says not to look.
    """
    if loading.gpu_layers is not None and not loading.check_memory:
        return loading.gpu_layers
    here = machine()
    wanted = needs_of(files, header=header, n_ctx=n_ctx, text_ctx=text_ctx, loading=loading)
    placement = place(wanted, here, loading)
    if loading.check_memory:
        _require(files.name, placement)
    logger.info("%s: %s", files.name, placement.said)
    return placement.gpu_layers


def gb(n_bytes: int) -> str:
    """Bytes as gigabytes (10**9), with one digit."""
    return f"{n_bytes / 1e9:.1f}"
