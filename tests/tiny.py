"""A tiny random model of the true architecture: every test of the engine runs llama.cpp itself on it."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from engine.catalog import ModelFiles, PromptProfile, profiles
from engine.training.gguf_pair import Shape, Vocabulary, random_tensors, write_pair

SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>", "<|turn>", "<turn|>", "<|audio>", "<audio|>"]
EOS, BOS, TURN_END, AUDIO, AUDIO_END = 1, 2, 5, 6, 7
SHAPE = Shape(n_embd=64, n_layer=6, n_ff=128, n_head=2, n_head_kv=1, head_dim=32)


def vocabulary(*, suppress: tuple[int, ...] = ()) -> Vocabulary:
    """Specials, bytes, printable ASCII and three merged pieces: 362 tokens."""
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    pieces = ["▁", *(chr(code) for code in range(33, 127)), "th", "the", "▁the"]
    kinds = [gguf.TokenType.CONTROL] * len(SPECIALS) + [gguf.TokenType.BYTE] * 256
    return Vocabulary(
        tokens=[*SPECIALS, *bytes_, *pieces],
        types=[*kinds, *[gguf.TokenType.NORMAL] * len(pieces)],
        merges=["t h", "th e", "▁ the"],
        suppress=suppress,
    )


def profile() -> PromptProfile:
    """The bundled model's profile."""
    return profiles()["bundled"]


@cache
def tiny_model(seed: int = 1) -> ModelFiles:
    """The pair on disk, written once in a test run."""
    folder = Path(tempfile.mkdtemp(prefix="tiny-model-"))
    words = vocabulary()
    tensors = random_tensors(SHAPE, len(words.tokens), seed=seed)
    # Louder embeddings of sound, so that the answer depends on it and not only on the prompt.
    tensors["mm.a.input_projection.weight"] *= 4
    model, projector = write_pair(
        folder, SHAPE, tensors, words, name="voice-edit tiny", chat_template=profile().template
    )
    return ModelFiles("tiny", model, projector, profile())


def sound(frames: int, *, seed: int = 0) -> npt.NDArray[np.float32]:
    """float32[frames, 640]: a few gliding tones in noise, nothing that repeats."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames * 640) / 16_000
    tones = sum(np.sin(2 * np.pi * (f + 90 * np.sin(t * g)) * t) for f, g in ((180, 3), (700, 5), (1900, 7)))
    wave = 0.1 * tones + 0.02 * rng.standard_normal(len(t))
    return wave.astype(np.float32).reshape(-1, 640)
