"""Small random projectors that see, of the kinds that Gemma 4 has, and images to show to them.

12B ("gemma4uv") makes a soft token of a patch of 48 x 48 pixels with a few norms and two matrices; E2B and
E4B ("gemma4v") have a vision transformer in front. Which keys and tensors llama.cpp asks for was read in its
loader (tools/mtmd/clip.cpp) and in what converts the true ones (conversion/gemma.py). Sound goes through one
matrix here in both, as in 12B.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Literal

import gguf
import numpy as np
import numpy.typing as npt

PATCH = 16
MERGED = 3
"""Patches a side that become one soft token."""
SIDE = PATCH * MERGED
PLACES = 128
"""Rows and columns of soft tokens (or patches) that an image may have."""
WIDTH, HEADS, LAYERS = 32, 2, 1

Kind = Literal["gemma4uv", "gemma4v"]


def shapes(kind: Kind, n_embd: int) -> dict[str, tuple[int, ...]]:
    """Names and numpy shapes of the part that sees; it makes soft tokens of `n_embd` values."""
    if kind == "gemma4uv":
        inner = n_embd
        wanted: dict[str, tuple[int, ...]] = {
            "v.patch_embd.weight": (inner, 3 * SIDE * SIDE),
            "v.patch_embd.bias": (inner,),
            "v.position_embd.weight": (2, PLACES, inner),
            "mm.input_projection.weight": (n_embd, inner),
        }
        for norm, size in ((1, 3 * SIDE * SIDE), (2, inner), (3, inner)):
            wanted |= {f"v.patch_norm.{norm}.weight": (size,), f"v.patch_norm.{norm}.bias": (size,)}
        return wanted
    wanted = {
        "v.patch_embd.weight": (WIDTH, 3, PATCH, PATCH),
        "v.position_embd.weight": (2, PLACES * MERGED, WIDTH),
        "mm.input_projection.weight": (n_embd, WIDTH),
    }
    d, head = WIDTH, WIDTH // HEADS
    block = {
        "ln1": (d,), "ln2": (d,), "attn_post_norm": (d,), "ffn_post_norm": (d,),
        "attn_q": (d, d), "attn_k": (d, d), "attn_v": (d, d), "attn_out": (d, d),
        "attn_q_norm": (head,), "attn_k_norm": (head,),
        "ffn_gate": (2 * d, d), "ffn_up": (2 * d, d), "ffn_down": (d, 2 * d),
    }  # fmt: skip
    for layer in range(LAYERS):
        wanted |= {f"v.blk.{layer}.{name}.weight": dims for name, dims in block.items()}
    return wanted


def write_seeing(path: Path, kind: Kind, *, n_embd: int, seed: int = 5) -> Path:
    """Write a projector that hears and sees, for a model of width `n_embd`."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_name(f"random {kind}")
    writer.add_string("general.type", "mmproj")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_has_audio_encoder(True)
    writer.add_clip_vision_projector_type(kind)
    writer.add_vision_image_size(224)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_projection_dim(n_embd)
    unified = kind == "gemma4uv"
    writer.add_vision_embedding_length(n_embd if unified else WIDTH)
    writer.add_vision_feed_forward_length(0 if unified else 2 * WIDTH)
    writer.add_vision_block_count(0 if unified else LAYERS)
    writer.add_vision_head_count(0 if unified else HEADS)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.0, 0.0, 0.0])
    writer.add_vision_image_std([1.0, 1.0, 1.0])
    writer.add_clip_audio_projector_type("gemma4ua")
    writer.add_audio_projection_dim(n_embd)
    writer.add_audio_embedding_length(640)
    for none in (writer.add_audio_feed_forward_length, writer.add_audio_block_count,
                 writer.add_audio_head_count):  # fmt: skip
        none(0)
    writer.add_audio_num_mel_bins(128)
    writer.add_audio_attention_layernorm_eps(1e-6)
    for name, dims in {**shapes(kind, n_embd), "mm.a.input_projection.weight": (n_embd, 640)}.items():
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


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """RGB pixels [height, width, 3] as a PNG file."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows.tobytes()))
        + chunk(b"IEND", b"")
    )


def image(width: int = 480, height: int = 432, *, seed: int = 0) -> bytes:
    """A PNG of coloured blocks; 90 soft tokens at its default size."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    return png(blocks.repeat(16, axis=0).repeat(16, axis=1)[:height, :width])
