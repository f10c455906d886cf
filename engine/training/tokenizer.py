"""The bundled model's pieces: byte-pair merges over its own texts, in the layout llama.cpp's `gemma4`
vocabulary wants.
"""

from __future__ import annotations

import json
from pathlib import Path

import gguf
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

SPECIALS = ("<pad>", "<eos>", "<bos>", "<unk>", "<|turn>", "<turn|>", "<|audio>", "<audio|>")
PAD, EOS, BOS, UNK, TURN, END, AUDIO, AUDIO_END = range(8)
BYTES = tuple(f"<0x{i:02X}>" for i in range(256))
FIRST_PIECE = len(SPECIALS) + len(BYTES)
SPACE = "▁"
_WORDS = f"{SPACE}?[A-Za-z']+|{SPACE}?[^A-Za-z'{SPACE}]|{SPACE}"
"""Merges stay inside a word; marks stand alone."""


class Pieces:
    """Text to ids and back; `pieces` follow the specials and bytes, `merges` are pairs in rank order."""

    def __init__(self, pieces: list[str], merges: list[tuple[str, str]]) -> None:
        self.pieces, self.merges = pieces, merges
        self._tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, merges))
        self._tokenizer.normalizer = normalizers.Replace(" ", SPACE)
        self._tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORDS), "isolated")

    def __len__(self) -> int:
        return FIRST_PIECE + len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """Ids of a text whose characters all have a piece."""
        return [FIRST_PIECE + i for i in self._tokenizer.encode(text).ids]

    def decode(self, ids: list[int]) -> str:
        """The text of ids; specials are left out."""
        return "".join(self.pieces[i - FIRST_PIECE] for i in ids if i >= FIRST_PIECE).replace(SPACE, " ")

    def save(self, path: Path) -> None:
        """Write pieces and merges as JSON."""
        path.write_text(
            json.dumps({"pieces": self.pieces, "merges": self.merges}, ensure_ascii=False), encoding="utf-8"
        )

    @classmethod
    def load(cls, path: Path) -> Pieces:
        """Read what `save` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(data["pieces"], [(a, b) for a, b in data["merges"]])

    @classmethod
    def train(cls, texts: list[str], size: int) -> Pieces:
        """Learn `size` pieces; every printable ASCII character is one of them."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.Replace(" ", SPACE)
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORDS), "isolated")
        alphabet = [SPACE, *(chr(c) for c in range(33, 127))]
        tokenizer.train_from_iterator(
            texts, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        )
        data = json.loads(tokenizer.to_str())["model"]
        pieces = [p for p, _ in sorted(data["vocab"].items(), key=lambda item: item[1])]
        return cls(
            pieces, [(m[0], m[1]) if isinstance(m, list) else tuple(m.split(" ")) for m in data["merges"]]
        )


def pieces_of(model: Path) -> Pieces:
    """The text vocabulary of an exported model."""
    fields = gguf.GGUFReader(model).fields
    tokens = [str(token) for token in fields["tokenizer.ggml.tokens"].contents()]
    merges = [str(merge).split(" ") for merge in fields["tokenizer.ggml.merges"].contents()]
    return Pieces(tokens[FIRST_PIECE:], [(left, right) for left, right in merges])
