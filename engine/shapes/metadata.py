"""What the files of a shape say about themselves: every key that llama.cpp asks for, in `gguf`'s words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.frames import FRAME_SAMPLES
from engine.shapes import pieces
from engine.shapes.dimensions import DrafterShape, TextShape

if TYPE_CHECKING:
    from gguf import GGUFWriter

RMS_EPS = 1e-6
WARNING = (
    "Random weights in the shape of a real model, for measuring speed and memory. Its words mean nothing."
)


def describe(writer: GGUFWriter, name: str) -> None:
    """The name that people read, and what the file is."""
    writer.add_name(name)
    writer.add_description(WARNING)


def add_model(writer: GGUFWriter, shape: TextShape) -> None:
    """The dimensions of a `gemma4` model."""
    layers = range(shape.n_layer)
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.n_embd)
    writer.add_block_count(shape.n_layer)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    writer.add_head_count_kv([shape.heads_kv(layer) for layer in layers])
    writer.add_sliding_window_pattern([not shape.is_global(layer) for layer in layers])
    writer.add_shared_kv_layers(shape.shared_kv_layers)
    writer.add_embedding_length_per_layer_input(shape.n_embd_per_layer)
    writer.add_final_logit_softcapping(shape.final_logit_softcapping)
    _add_attention(writer, shape)


def add_drafter(writer: GGUFWriter, shape: DrafterShape, model: TextShape) -> None:
    """The dimensions of a `gemma4-assistant`. It reads the model's cache, so key/value heads are the
    model's.
    """
    layers = range(shape.n_layer)
    writer.add_context_length(model.context_length)
    writer.add_embedding_length(shape.n_embd)
    writer.add_embedding_length_out(model.n_embd)
    writer.add_block_count(shape.n_layer)
    writer.add_nextn_predict_layers(shape.n_layer)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    writer.add_head_count_kv(
        [model.n_head_kv_global if shape.is_global(layer) else model.n_head_kv for layer in layers]
    )
    writer.add_sliding_window_pattern([not shape.is_global(layer) for layer in layers])
    writer.add_shared_kv_layers(shape.n_layer)
    writer.add_embedding_length_per_layer_input(0)
    _add_attention(writer, model)


def _add_attention(writer: GGUFWriter, shape: TextShape) -> None:
    writer.add_key_length(shape.head_dim_global)
    writer.add_value_length(shape.head_dim_global)
    writer.add_key_length_swa(shape.head_dim)
    writer.add_value_length_swa(shape.head_dim)
    writer.add_layer_norm_rms_eps(RMS_EPS)
    writer.add_rope_freq_base(shape.rope_base_global)
    writer.add_rope_freq_base_swa(shape.rope_base)
    writer.add_rope_dimension_count(shape.head_dim_global)
    writer.add_rope_dimension_count_swa(shape.head_dim)
    writer.add_sliding_window(shape.sliding_window)


def add_vocabulary(writer: GGUFWriter, made: pieces.Pieces) -> None:
    """The tokens. There is no chat template: the prompt profile's own is used then."""
    writer.add_tokenizer_model("gemma4")
    writer.add_token_list([token.encode() for token in made.tokens])
    writer.add_token_scores([0.0] * len(made.tokens))
    writer.add_token_types(made.types)
    writer.add_token_merges(made.merges)
    writer.add_pad_token_id(pieces.PAD)
    writer.add_eos_token_id(pieces.EOS)
    writer.add_bos_token_id(pieces.BOS)
    writer.add_unk_token_id(pieces.UNK)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    forbidden = [made.tokens.index(token) for token in pieces.SUPPRESSED]
    writer.add_array("tokenizer.ggml.suppress_tokens", forbidden)


def add_projector(writer: GGUFWriter, shape: TextShape) -> None:
    """A `gemma4ua` projector. There is no encoder, but the loader asks for the numbers of one."""
    writer.add_string("general.type", "mmproj")
    writer.add_clip_has_vision_encoder(False)
    writer.add_clip_has_audio_encoder(True)
    writer.add_clip_audio_projector_type("gemma4ua")
    writer.add_audio_projection_dim(shape.n_embd)
    writer.add_audio_embedding_length(FRAME_SAMPLES)
    writer.add_audio_feed_forward_length(0)
    writer.add_audio_block_count(0)
    writer.add_audio_head_count(0)
    writer.add_audio_num_mel_bins(128)
    writer.add_audio_attention_layernorm_eps(RMS_EPS)
