"""Files with the header of a true Gemma 4 and holes where its weights would be.

They are as long as the true ones and take a few megabytes of disk. llama.cpp reserves for them what it would
reserve for the true ones, as long as it is told not to read weights (`no_alloc`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import prod
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

N_VOCAB = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueShape:
    """The numbers of a config.json."""

    n_layer: int
    n_embd: int
    n_ff: int
    n_head: int
    n_head_kv: int
    n_head_kv_global: int
    global_every: int
    sliding_window: int
    shared_layers: int = 0
    """The last ones, which use keys and values of others."""
    wide_shared: bool = False
    """The feed-forward of these is twice as wide."""
    n_embd_per_layer: int = 0
    value_is_key_global: bool = False
    kind: Kind = Kind.Q4_0


TRUE_SHAPES = {
    "gemma-4-12b": TrueShape(
        n_layer=48, n_embd=3840, n_ff=15360, n_head=16, n_head_kv=8, n_head_kv_global=1, global_every=6,
        sliding_window=1024, value_is_key_global=True,
    ),
    "gemma-4-e4b": TrueShape(
        n_layer=42, n_embd=2560, n_ff=10240, n_head=8, n_head_kv=2, n_head_kv_global=2, global_every=6,
        sliding_window=512, shared_layers=18, n_embd_per_layer=256,
    ),
    "gemma-4-e2b": TrueShape(
        n_layer=35, n_embd=1536, n_ff=6144, n_head=8, n_head_kv=1, n_head_kv_global=1, global_every=5,
        sliding_window=512, shared_layers=20, wide_shared=True, n_embd_per_layer=256,
    ),
}  # fmt: skip

_HEAD = (256, 512)
"""Size of a head in sliding and in global layers."""


def write_hollow(path: Path, shape: TrueShape, *, n_vocab: int = N_VOCAB) -> Path:
    """Write the header and the hole."""
    writer = gguf.GGUFWriter(path, "gemma4")
    sliding = [(layer + 1) % shape.global_every != 0 for layer in range(shape.n_layer)]
    own = shape.n_layer - shape.shared_layers
    widths = [shape.n_ff * (2 if shape.wide_shared and layer >= own else 1) for layer in range(shape.n_layer)]
    heads = [shape.n_head_kv if slides else shape.n_head_kv_global for slides in sliding]
    writer.add_name("gemma-4 of true shape, hollow")
    writer.add_context_length(131_072)
    writer.add_embedding_length(shape.n_embd)
    writer.add_block_count(shape.n_layer)
    writer.add_feed_forward_length(widths)
    writer.add_head_count(shape.n_head)
    writer.add_head_count_kv(heads)
    writer.add_key_length(_HEAD[1])
    writer.add_value_length(_HEAD[1])
    writer.add_key_length_swa(_HEAD[0])
    writer.add_value_length_swa(_HEAD[0])
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_rope_freq_base_swa(1e4)
    writer.add_sliding_window(shape.sliding_window)
    writer.add_shared_kv_layers(shape.shared_layers)
    writer.add_embedding_length_per_layer_input(shape.n_embd_per_layer)
    writer.add_sliding_window_pattern(sliding)
    writer.add_rope_dimension_count(_HEAD[1])
    writer.add_rope_dimension_count_swa(_HEAD[0])
    writer.add_final_logit_softcapping(30.0)
    writer.add_tokenizer_model("gemma4")
    writer.add_token_list([f"t{token}" for token in range(n_vocab)])
    writer.add_token_scores([0.0] * n_vocab)
    writer.add_token_types([gguf.TokenType.NORMAL] * n_vocab)
    writer.add_token_merges(["t t"])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(3)
    writer.add_pad_token_id(0)
    n_bytes = 0
    for name, (dims, kind) in _tensors(shape, sliding, widths, heads, n_vocab).items():
        n_bytes += _announce(writer, name, dims, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    os.truncate(path, -(-path.stat().st_size // 32) * 32 + n_bytes)
    return path


def _tensors(
    shape: TrueShape, sliding: list[bool], widths: list[int], heads: list[int], n_vocab: int
) -> dict[str, tuple[tuple[int, ...], Kind]]:
    d, per_layer, main = shape.n_embd, shape.n_embd_per_layer, shape.kind
    wanted: dict[str, tuple[tuple[int, ...], Kind]] = {
        "token_embd.weight": ((n_vocab, d), Kind.Q6_K),
        "output_norm.weight": ((d,), Kind.F32),
        "rope_freqs.weight": ((_HEAD[1] // 2,), Kind.F32),
    }
    if per_layer:
        wanted |= {
            "per_layer_token_embd.weight": ((n_vocab, per_layer * shape.n_layer), Kind.Q6_K),
            "per_layer_model_proj.weight": ((per_layer * shape.n_layer, d), Kind.F16),
            "per_layer_proj_norm.weight": ((per_layer,), Kind.F32),
        }
    for layer, slides in enumerate(sliding):
        size, ff = _HEAD[0 if slides else 1], widths[layer]
        block: dict[str, tuple[tuple[int, ...], Kind]] = dict.fromkeys(
            ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"), ((d,), Kind.F32)
        )
        block |= {
            "attn_q": ((shape.n_head * size, d), main),
            "attn_output": ((d, shape.n_head * size), main),
            "attn_q_norm": ((size,), Kind.F32),
            "layer_output_scale": ((1,), Kind.F32),
            "ffn_gate": ((ff, d), main),
            "ffn_up": ((ff, d), main),
            "ffn_down": ((d, ff), main),
        }
        if layer < shape.n_layer - shape.shared_layers:
            block |= {"attn_k": ((heads[layer] * size, d), main), "attn_k_norm": ((size,), Kind.F32)}
            if slides or not shape.value_is_key_global:
                block["attn_v"] = ((heads[layer] * size, d), main)
        if per_layer:
            block |= {
                "inp_gate": ((per_layer, d), Kind.F16),
                "proj": ((d, per_layer), Kind.F16),
                "post_norm": ((d,), Kind.F32),
            }
        wanted |= {f"blk.{layer}.{name}.weight": entry for name, entry in block.items()}
    return wanted


def _announce(writer: gguf.GGUFWriter, name: str, dims: tuple[int, ...], kind: Kind) -> int:
    """Tell a tensor without its weights. Returns the bytes that it takes in the file."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    n_bytes = prod(dims) // block * size
    is_plain = kind in (Kind.F32, Kind.F16)
    dtype = np.dtype({Kind.F32: np.float32, Kind.F16: np.float16}.get(kind, np.uint8))
    stored = dims if is_plain else gguf.quant_shape_to_byte_shape(dims, kind)
    writer.add_tensor_info(name, stored, dtype, n_bytes, raw_dtype=kind)
    return -(-n_bytes // 32) * 32
