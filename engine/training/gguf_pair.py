"""Write a model of the `gemma4` architecture and its `gemma4ua` projector as two GGUF files.

Unmodified llama.cpp loads the pair. Training exports trained weights with it, tests write tiny random ones,
benchmarks random ones of true size. Which keys and tensors llama.cpp asks for was found by reading its loader
(src/models/gemma4.cpp, tools/mtmd/clip.cpp) and by loading what this module writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import gguf
import numpy as np
import numpy.typing as npt

from engine.frames import FRAME_SAMPLES

Weights: TypeAlias = npt.NDArray[Any]
Precision: TypeAlias = Literal["F32", "F16", "BF16", "Q8_0", "Q4_0"]
ShapeOf: TypeAlias = tuple[int, ...]

PROJECTION = "mm.a.input_projection.weight"
RMS_EPS = 1e-6
UNROTATED = 1e30
"""A frequency divisor that leaves a dimension pair where it is: how llama.cpp writes proportional RoPE."""

MODEL_FILE = "model.gguf"
PROJECTOR_FILE = "mmproj.gguf"


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of a `gemma4` text model. Global layers are like sliding ones unless said."""

    n_embd: int
    n_layer: int
    n_ff: int
    n_head: int
    n_head_kv: int
    head_dim: int = 64
    n_head_kv_global: int | None = None
    head_dim_global: int | None = None
    value_is_key_global: bool = False
    """Global layers have no value projection: the key projection serves as both (Gemma 4 12B)."""
    global_every: int = 6
    """Each layer whose number is a multiple of this is global; the last one always is."""
    sliding_window: int = 1024
    context_length: int = 2048
    rope_base: float = 10_000.0
    rope_base_global: float = 10_000.0
    rotated_share_global: float = 1.0
    """Share of a global head's dimensions that RoPE turns (Gemma 4 12B: 0.25)."""
    final_logit_softcapping: float | None = None
    tied: bool = False
    """The output matrix is the token embedding; else there is an `output.weight`."""

    def is_global(self, layer: int) -> bool:
        """Whether layer `layer` (from 0) sees the whole context."""
        return (layer + 1) % self.global_every == 0 or layer == self.n_layer - 1

    def heads_kv(self, layer: int) -> int:
        """Key/value heads of one layer."""
        return (self.is_global(layer) and self.n_head_kv_global) or self.n_head_kv

    def head_size(self, layer: int) -> int:
        """Dimensions of one head of one layer."""
        return (self.is_global(layer) and self.head_dim_global) or self.head_dim


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens in the order of their numbers, with what llama.cpp's `gemma4` tokenizer needs to use them."""

    tokens: Sequence[str]
    types: Sequence[int]
    """One `gguf.TokenType` a token. Special tokens are recognised in text only if they are CONTROL (3)."""
    merges: Sequence[str]
    """`left right`, best first; llama.cpp demands at least one."""
    pad: int = 0
    eos: int = 1
    bos: int = 2
    unk: int = 3
    suppress: Sequence[int] = ()
    """Tokens that must never be produced; llama.cpp hands them to whoever samples."""


def expected_tensors(shape: Shape, n_vocab: int) -> dict[str, ShapeOf]:
    """Names and numpy shapes (rows, columns) of every tensor that `write_pair` asks for."""
    d = shape.n_embd
    wanted: dict[str, ShapeOf] = {
        "token_embd.weight": (n_vocab, d),
        "output_norm.weight": (d,),
        PROJECTION: (d, FRAME_SAMPLES),
    }
    if not shape.tied:
        wanted["output.weight"] = (n_vocab, d)
    for layer in range(shape.n_layer):
        size, kv = shape.head_size(layer), shape.heads_kv(layer)
        block: dict[str, ShapeOf] = {
            "attn_norm": (d,),
            "attn_q": (shape.n_head * size, d),
            "attn_k": (kv * size, d),
            "attn_v": (kv * size, d),
            "attn_output": (d, shape.n_head * size),
            "attn_q_norm": (size,),
            "attn_k_norm": (size,),
            "post_attention_norm": (d,),
            "ffn_norm": (d,),
            "ffn_gate": (shape.n_ff, d),
            "ffn_up": (shape.n_ff, d),
            "ffn_down": (d, shape.n_ff),
            "post_ffw_norm": (d,),
        }
        if shape.value_is_key_global and shape.is_global(layer):
            del block["attn_v"]
        wanted |= {f"blk.{layer}.{name}.weight": dims for name, dims in block.items()}
    return wanted


def random_tensors(shape: Shape, n_vocab: int, *, seed: int = 0) -> dict[str, Weights]:
    """Weights that make a model which runs and says nonsense: the same for the same seed."""
    return random_weights(expected_tensors(shape, n_vocab), seed)


def random_weights(wanted: Mapping[str, ShapeOf], seed: int) -> dict[str, Weights]:
    """Nonsense in the shapes `wanted`, at a scale at which a model stays sane."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, Weights] = {}
    for name, dims in wanted.items():
        if name.endswith(("attn_q_norm.weight", "attn_k_norm.weight")):
            tensors[name] = np.full(dims, dims[0] ** -0.25, dtype=np.float32)
        elif len(dims) == 1:
            tensors[name] = np.ones(dims, dtype=np.float32)
        else:
            tensors[name] = rng.standard_normal(dims, dtype=np.float32) * np.float32(dims[1] ** -0.5)
    return tensors


def write_pair(
    out_dir: Path,
    shape: Shape,
    tensors: Mapping[str, Weights],
    vocabulary: Vocabulary,
    *,
    name: str,
    chat_template: str | None = None,
    precision: Precision = "F16",
    projector_precision: Precision = "F32",
    description: str | None = None,
    model_file: str = MODEL_FILE,
    projector_file: str = PROJECTOR_FILE,
) -> tuple[Path, Path]:
    """Write both files into `out_dir` and return their paths. Each appears whole or not at all.

    `tensors` has llama.cpp's names and numpy's order (out, in). Matrices are stored in `precision`, vectors
    in F32; rows that do not divide into quantisation blocks fall back to F16. Raises ValueError with a list
    of the tensors that are missing, unknown or of another shape.
    """
    _check(shape, tensors, vocabulary)
    out_dir.mkdir(parents=True, exist_ok=True)
    model, projector = out_dir / model_file, out_dir / projector_file

    part = model.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "gemma4")
    writer.add_name(name)
    if description:
        writer.add_description(description)
    _add_shape(writer, shape)
    add_vocabulary(writer, vocabulary, chat_template)
    for tensor_name, weights in _model_tensors(shape, tensors):
        add_tensor(writer, tensor_name, weights, precision)
    finish(writer, part, model)

    part = projector.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "clip")
    writer.add_name(f"{name} projector")
    _add_projector(writer, shape)
    add_tensor(writer, PROJECTION, tensors[PROJECTION], projector_precision)
    finish(writer, part, projector)
    return model, projector


def faults(wanted: Mapping[str, ShapeOf], tensors: Mapping[str, Weights]) -> list[str]:
    """What is missing, unknown or of another shape."""
    found = [f"missing {name} {dims}" for name, dims in wanted.items() if name not in tensors]
    found += [f"unknown {name}" for name in tensors if name not in wanted]
    found += [
        f"{name} is {tensors[name].shape}, not {dims}"
        for name, dims in wanted.items()
        if name in tensors and tensors[name].shape != dims
    ]
    return found


def _check(shape: Shape, tensors: Mapping[str, Weights], vocabulary: Vocabulary) -> None:
    wanted = expected_tensors(shape, len(vocabulary.tokens))
    optional = {"rope_freqs.weight"} | {f"blk.{i}.layer_output_scale.weight" for i in range(shape.n_layer)}
    wrong = faults(
        wanted, {name: tensors[name] for name in tensors if name in wanted or name not in optional}
    )
    if len(vocabulary.types) != len(vocabulary.tokens):
        wrong.append(f"{len(vocabulary.tokens)} tokens but {len(vocabulary.types)} token types")
    if not vocabulary.merges:
        wrong.append("no merges: llama.cpp refuses a BPE vocabulary without any")
    if wrong:
        raise ValueError("cannot write the model: " + "; ".join(wrong))


def _add_shape(writer: gguf.GGUFWriter, shape: Shape) -> None:
    layers = range(shape.n_layer)
    last = shape.n_layer - 1
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.n_embd)
    writer.add_block_count(shape.n_layer)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    writer.add_head_count_kv([shape.heads_kv(layer) for layer in layers])
    writer.add_key_length(shape.head_size(last))
    writer.add_value_length(shape.head_size(last))
    writer.add_key_length_swa(shape.head_dim)
    writer.add_value_length_swa(shape.head_dim)
    writer.add_layer_norm_rms_eps(RMS_EPS)
    writer.add_rope_freq_base(shape.rope_base_global)
    writer.add_rope_freq_base_swa(shape.rope_base)
    writer.add_rope_dimension_count(shape.head_size(last))
    writer.add_rope_dimension_count_swa(shape.head_dim)
    writer.add_sliding_window(shape.sliding_window)
    writer.add_sliding_window_pattern([not shape.is_global(layer) for layer in layers])
    writer.add_shared_kv_layers(0)
    writer.add_embedding_length_per_layer_input(0)
    if shape.final_logit_softcapping is not None:
        writer.add_final_logit_softcapping(shape.final_logit_softcapping)


def add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Vocabulary, chat_template: str | None = None) -> None:
    """The tokenizer's keys of a file, the same for a model and for its drafter."""
    writer.add_tokenizer_model("gemma4")
    writer.add_token_list([token.encode() for token in vocabulary.tokens])
    writer.add_token_scores([0.0] * len(vocabulary.tokens))
    writer.add_token_types([int(kind) for kind in vocabulary.types])
    writer.add_token_merges(list(vocabulary.merges))
    writer.add_pad_token_id(vocabulary.pad)
    writer.add_eos_token_id(vocabulary.eos)
    writer.add_bos_token_id(vocabulary.bos)
    writer.add_unk_token_id(vocabulary.unk)
    # llama.cpp forces this to true for gemma4 and warns when the file says otherwise.
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    if vocabulary.suppress:
        writer.add_array("tokenizer.ggml.suppress_tokens", [int(token) for token in vocabulary.suppress])
    if chat_template is not None:
        writer.add_chat_template(chat_template)


def _add_projector(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_string("general.type", "mmproj")
    writer.add_clip_has_vision_encoder(False)
    writer.add_clip_has_audio_encoder(True)
    writer.add_clip_audio_projector_type("gemma4ua")
    writer.add_audio_projection_dim(shape.n_embd)
    writer.add_audio_embedding_length(FRAME_SAMPLES)
    # There is no encoder, but the loader asks for the numbers of one.
    writer.add_audio_feed_forward_length(0)
    writer.add_audio_block_count(0)
    writer.add_audio_head_count(0)
    writer.add_audio_num_mel_bins(128)
    writer.add_audio_attention_layernorm_eps(RMS_EPS)


def _model_tensors(shape: Shape, tensors: Mapping[str, Weights]) -> Iterator[tuple[str, Weights]]:
    if "rope_freqs.weight" not in tensors:
        pairs = shape.head_size(shape.n_layer - 1) // 2
        turned = round(pairs * shape.rotated_share_global)
        yield "rope_freqs.weight", np.where(np.arange(pairs) < turned, 1.0, UNROTATED).astype(np.float32)
    for name, weights in tensors.items():
        if name != PROJECTION:
            yield name, weights


def add_tensor(writer: gguf.GGUFWriter, name: str, weights: Weights, precision: Precision) -> None:
    """Queue one tensor: matrices in `precision`, vectors in F32."""
    weights = np.ascontiguousarray(weights, dtype=np.float32)
    kind = gguf.GGMLQuantizationType[precision]
    if weights.ndim < 2 or kind is gguf.GGMLQuantizationType.F32:
        writer.add_tensor(name, weights)
        return
    if weights.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0]:
        kind = gguf.GGMLQuantizationType.F16
    writer.add_tensor(name, gguf.quants.quantize(weights, kind), raw_dtype=kind)


def finish(writer: gguf.GGUFWriter, part: Path, path: Path) -> None:
    """Write what was queued to `part`, then give it its name."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)
