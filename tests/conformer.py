"""A small random projector of the kind that Gemma 4 E2B and E4B have: a conformer in front of the model.

Which keys and tensors llama.cpp asks for was read in its loader (tools/mtmd/clip.cpp); the
true one has 12 layers of 1024 values, 128 mel bands and convolutions of 128 and 32 channels.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

MEL_BANDS = 32
CHANNELS = (8, 4)
HEADS = 2
WIDTH = 32
LAYERS = 2
FRAME_SAMPLES = 640
"""One soft token: mel frames 10 ms apart, halved twice."""


def shapes(n_embd: int) -> dict[str, tuple[int, ...]]:
    """Names and numpy shapes of its tensors; it makes soft tokens of `n_embd` values."""
    d, first, second = WIDTH, *CHANNELS
    wanted: dict[str, tuple[int, ...]] = {
        "a.conv1d.0.weight": (first, 1, 3, 3),
        "a.conv1d.0.norm.weight": (first,),
        "a.conv1d.1.weight": (second, first, 3, 3),
        "a.conv1d.1.norm.weight": (second,),
        "a.input_projection.weight": (d, second * MEL_BANDS // 4),
        "a.pre_encode.out.weight": (2 * d, d),
        "a.pre_encode.out.bias": (2 * d,),
        "mm.a.input_projection.weight": (n_embd, 2 * d),
    }
    block = {
        "ffn_norm": (d,), "ffn_up": (4 * d, d), "ffn_down": (d, 4 * d), "ffn_post_norm": (d,),
        "attn_pre_norm": (d,), "attn_q": (d, d), "attn_k": (d, d), "attn_v": (d, d), "attn_out": (d, d),
        "attn_post_norm": (d,), "attn_k_rel": (d, d), "per_dim_scale": (d // HEADS,),
        "per_dim_k_scale": (d // HEADS,), "conv_norm": (d,), "conv_pw1": (2 * d, d), "conv_dw": (d, 5),
        "norm_conv": (d,), "conv_pw2": (d, d), "ffn_norm_1": (d,), "ffn_up_1": (4 * d, d),
        "ffn_down_1": (d, 4 * d), "ffn_post_norm_1": (d,), "ln2": (d,),
    }  # fmt: skip
    for layer in range(LAYERS):
        wanted |= {f"a.blk.{layer}.{name}.weight": dims for name, dims in block.items()}
    return wanted


def write_conformer(path: Path, *, n_embd: int, seed: int = 1, without: str = "") -> Path:
    """Write one for a model of width `n_embd`. `without`: a tensor that is left out, to have a broken one."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_name("random conformer")
    writer.add_string("general.type", "mmproj")
    writer.add_clip_has_vision_encoder(False)
    writer.add_clip_has_audio_encoder(True)
    writer.add_clip_audio_projector_type("gemma4a")
    writer.add_audio_projection_dim(n_embd)
    writer.add_audio_embedding_length(WIDTH)
    writer.add_audio_feed_forward_length(4 * WIDTH)
    writer.add_audio_block_count(LAYERS)
    writer.add_audio_head_count(HEADS)
    writer.add_audio_num_mel_bins(MEL_BANDS)
    writer.add_audio_attention_layernorm_eps(1e-6)
    for name, dims in shapes(n_embd).items():
        if name == without:
            continue
        if len(dims) == 1:
            weights = np.zeros(dims) if name.endswith("bias") else np.ones(dims)
        else:
            weights = rng.standard_normal(dims) * np.prod(dims[1:]) ** -0.5
        writer.add_tensor(name, weights.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
