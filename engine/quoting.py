"""Texts of others inside a prompt: whatever a document or a voice says, it cannot end a turn or begin one.

A model's vocabulary has names for its special tokens ("<turn|>"), and a prompt is written with them. A
document may hold the same characters. What is quoted is marked in the prompt's text, and the names in it are
tokenised as the characters they are.
"""

from __future__ import annotations

from typing import Protocol

OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Around what is quoted. Unicode keeps them free for such use: no text has them."""

IMAGE = "\ufdd2"
"""Where an image stands in a prompt. It is another such mark, and in nothing that is quoted."""


class Tokenizer(Protocol):
    """What is needed of `llama.LlamaModel`."""

    def tokenize(self, text: str, *, special: bool = True) -> list[int]: ...


def quoted(text: str) -> str:
    """`text`, marked. Marks that it brings along are replaced."""
    for mark in (OPEN, CLOSE, IMAGE):
        text = text.replace(mark, "�")
    return f"{OPEN}{text}{CLOSE}"


def tokenize(text: str, tokenizer: Tokenizer) -> list[int]:
    """Tokens of a prompt's text. Where nothing quoted looks like a special token, they are those of the text
    without the marks.
    """
    parts = _parts(text)
    if all(
        tokenizer.tokenize(part) == tokenizer.tokenize(part, special=False)
        for part, is_quoted in parts
        if is_quoted
    ):
        return tokenizer.tokenize("".join(part for part, _ in parts))
    return [token for part, is_quoted in parts for token in tokenizer.tokenize(part, special=not is_quoted)]


def without_marks(text: str) -> str:
    """The text as it reads."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def with_images(text: str, placeholder: str) -> str:
    """`text` with `IMAGE` in the place of every `placeholder` that nobody quoted."""
    parts = text.split(OPEN)
    for index, part in enumerate(parts):
        inside, mark, outside = part.rpartition(CLOSE)
        parts[index] = inside + mark + outside.replace(placeholder, IMAGE)
    return OPEN.join(parts)


def _parts(text: str) -> list[tuple[str, bool]]:
    """Pieces of the text that are not empty, and whether each is quoted."""
    pieces = text.replace(CLOSE, OPEN).split(OPEN)
    return [(piece, index % 2 == 1) for index, piece in enumerate(pieces) if piece]
