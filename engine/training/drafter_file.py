"""Write a drafter of the architecture `gemma4-assistant`, which guesses the next tokens of a `gemma4` model.

It is a few layers that have queries but neither keys nor values of their own: they look at what the model has
in its cache, its sliding layers at the model's last but one layer and its global ones at the last. So it
fits one model only, and the file says which widths that model must have. Keys and tensors are those that
llama.cpp asks for (src/models/gemma4-assistant.cpp).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from engine.training.gguf_pair import (
    RMS_EPS,
    UNROTATED,
    Precision,
    Shape,
    ShapeOf,
    Vocabulary,
    Weights,
    add_tensor,
    add_vocabulary,
    faults,
    finish,
    random_weights,
)

DRAFTER_FILE = "mtp.gguf"


@dataclass(frozen=True, slots=True)
class DrafterShape:
    """The dimensions of a drafter for a model of the shape `target`."""

    target: Shape
    n_embd: int
    """Must differ from the model's: llama.cpp takes equal widths for a missing key."""
    n_ff: int
    n_head: int
    sliding: tuple[bool, ...] = (True, False)
    """One per layer. A sliding layer looks at the model's last but one layer, a global one at the last."""

    @property
    def n_layer(self) -> int:
        """Layers of the drafter."""
        return len(self.sliding)

    def looks_at(self, layer: int) -> int:
        """The model's layer whose keys and values layer `layer` reads."""
        return self.target.n_layer - (2 if self.sliding[layer] else 1)

    def head_size(self, layer: int) -> int:
        """Dimensions of one head of one layer: those of the keys that it reads."""
        return self.target.head_size(self.looks_at(layer))

    def heads_kv(self, layer: int) -> int:
        """Key/value heads that one layer reads."""
        return self.target.heads_kv(self.looks_at(layer))


def expected_tensors(shape: DrafterShape, n_vocab: int) -> dict[str, ShapeOf]:
    """Names and numpy shapes (rows, columns) of every tensor that `write_drafter` asks for."""
    d, wide = shape.n_embd, shape.target.n_embd
    wanted: dict[str, ShapeOf] = {
        "token_embd.weight": (n_vocab, d),
        "output_norm.weight": (d,),
        "nextn.pre_projection.weight": (d, 2 * wide),
        "nextn.post_projection.weight": (wide, d),
    }
    for layer in range(shape.n_layer):
        size = shape.head_size(layer)
        block: dict[str, ShapeOf] = {
            "attn_norm": (d,),
            "attn_q": (shape.n_head * size, d),
            "attn_output": (d, shape.n_head * size),
            "attn_q_norm": (size,),
            "post_attention_norm": (d,),
            "layer_output_scale": (1,),
            "ffn_norm": (d,),
            "ffn_gate": (shape.n_ff, d),
            "ffn_up": (shape.n_ff, d),
            "ffn_down": (d, shape.n_ff),
            "post_ffw_norm": (d,),
        }
        wanted |= {f"blk.{layer}.{name}.weight": dims for name, dims in block.items()}
    return wanted


def random_drafter(shape: DrafterShape, n_vocab: int, *, seed: int = 0) -> dict[str, Weights]:
    """Weights of a drafter that guesses nonsense: the same for the same seed."""
    return random_weights(expected_tensors(shape, n_vocab), seed)


def write_drafter(
    path: Path,
    shape: DrafterShape,
    tensors: Mapping[str, Weights],
    vocabulary: Vocabulary,
    *,
    name: str,
    precision: Precision = "F16",
    description: str | None = None,
) -> Path:
    """Write the file; it appears whole or not at all. `vocabulary` is the model's.

    Raises ValueError with a list of the tensors that are missing, unknown or of another shape.
    """
    _check(shape, tensors, len(vocabulary.tokens))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "gemma4-assistant")
    writer.add_name(name)
    if description:
        writer.add_description(description)
    _add_shape(writer, shape)
    add_vocabulary(writer, vocabulary)
    if not all(shape.sliding):
        layer = shape.sliding.index(False)
        pairs = shape.head_size(layer) // 2
        turned = round(pairs * shape.target.rotated_share_global)
        divisors = np.where(np.arange(pairs) < turned, 1.0, UNROTATED).astype(np.float32)
        # One tensor for all global layers, under the name of a model's.
        add_tensor(writer, "rope_freqs.weight", divisors, precision)
    for tensor_name, weights in tensors.items():
        add_tensor(writer, tensor_name, weights, precision)
    finish(writer, part, path)
    return path


def shape_of(model: Path) -> Shape:
    """The dimensions of an exported model, whose layers are all alike."""
    fields = gguf.GGUFReader(model).fields

    def number(key: str) -> int:
        value = fields[f"gemma4.{key}"].contents()
        return int(value[0] if isinstance(value, list) else value)

    return Shape(
        n_embd=number("embedding_length"),
        n_layer=number("block_count"),
        n_ff=number("feed_forward_length"),
        n_head=number("attention.head_count"),
        n_head_kv=number("attention.head_count_kv"),
        head_dim=number("attention.key_length_swa"),
        sliding_window=number("attention.sliding_window"),
        context_length=number("context_length"),
    )


def vocabulary_of(model: Path) -> Vocabulary:
    """The vocabulary of a model's file, to be written into its drafter's."""
    fields = gguf.GGUFReader(model).fields

    def number(name: str, default: int) -> int:
        field = fields.get(f"tokenizer.ggml.{name}_token_id")
        return default if field is None else int(field.contents())

    return Vocabulary(
        tokens=[str(token) for token in fields["tokenizer.ggml.tokens"].contents()],
        types=[int(kind) for kind in fields["tokenizer.ggml.token_type"].contents()],
        merges=[str(merge) for merge in fields["tokenizer.ggml.merges"].contents()],
        pad=number("padding", 0),
        eos=number("eos", 1),
        bos=number("bos", 2),
        unk=number("unknown", 3),
    )


def _check(shape: DrafterShape, tensors: Mapping[str, Weights], n_vocab: int) -> None:
    if shape.n_embd == shape.target.n_embd:
        raise ValueError(f"a drafter as wide as its model ({shape.n_embd}) is refused by llama.cpp")
    if wrong := faults(expected_tensors(shape, n_vocab), tensors):
        raise ValueError("cannot write the drafter: " + "; ".join(wrong))


def _add_shape(writer: gguf.GGUFWriter, shape: DrafterShape) -> None:
    target = shape.target
    last = target.n_layer - 1
    writer.add_context_length(target.context_length)
    writer.add_embedding_length(shape.n_embd)
    writer.add_embedding_length_out(target.n_embd)
    writer.add_block_count(shape.n_layer)
    writer.add_nextn_predict_layers(shape.n_layer)
    writer.add_shared_kv_layers(shape.n_layer)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    writer.add_head_count_kv([shape.heads_kv(layer) for layer in range(shape.n_layer)])
    writer.add_key_length(target.head_size(last))
    writer.add_value_length(target.head_size(last))
    writer.add_key_length_swa(target.head_dim)
    writer.add_value_length_swa(target.head_dim)
    writer.add_layer_norm_rms_eps(RMS_EPS)
    writer.add_rope_freq_base(target.rope_base_global)
    writer.add_rope_freq_base_swa(target.rope_base)
    writer.add_rope_dimension_count(target.head_size(last))
    writer.add_rope_dimension_count_swa(target.head_dim)
    writer.add_sliding_window(target.sliding_window)
    writer.add_sliding_window_pattern(list(shape.sliding))
