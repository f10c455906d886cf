"""Images in a prompt's text: what a text pass needs to have them in its cache.

    PNG, JPEG ─► judged by its header ─► mtmd: resized, cut into patches ─► marks, soft tokens, marks

A prompt is a row of token numbers, compared with the one before it to see what stays in the cache. Soft
tokens have no numbers, so those of an image are given some: below zero, the same ones for the same image as
long as the prompt holds it. Each image is one batch, because a model may look at all of it at once: the soft
tokens of the 12B's images see each other in both directions.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import ContextFull, ImageUnreadable, ModelUnsupported
from engine.gguf_header import GgufHeader, read_header

if TYPE_CHECKING:
    from engine._mtmd import Chunks, Mtmd
    from engine.loaded import LoadedModel
    from engine.projection import SoftTokens

MOST_PIXELS = 1 << 25
"""An image with more is refused before it is decoded: three bytes each, and mtmd takes a thirtieth of it."""

BLIND_HINT = "Leave the image out, or use a model that sees: Gemma 4 does, with the projector it comes with."

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_FRAMES_OF_JPEG = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers behind which the size of a JPEG stands."""


def vision_kind(header: GgufHeader) -> str:
    """How a projector takes images: `gemma4uv`, `gemma4v`, ...; '' if it takes none."""
    if header.architecture != "clip" or header.metadata.get("clip.has_vision_encoder") is not True:
        return ""
    return header.text("clip.vision.projector_type") or header.text("clip.projector_type")


def image_size(data: bytes) -> tuple[int, int]:
    """Width and height that a PNG or JPEG file claims, in pixels. Raises ImageUnreadable for others."""
    try:
        size = _png_size(data) if data.startswith(_PNG) else _jpeg_size(data)
    except struct.error:
        size = None
    if size is None or min(size) < 1:
        raise ImageUnreadable("an image is neither a PNG nor a JPEG file, or is cut short")
    return size


def check_image(data: bytes) -> None:
    """Refuse what no decoder should see. Raises ImageUnreadable."""
    width, height = image_size(data)
    if width * height > MOST_PIXELS:
        raise ImageUnreadable(
            f"an image of {width} x {height} pixels is larger than any model can look at",
            hint="Make it smaller first.",
        )


def _png_size(data: bytes) -> tuple[int, int] | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(_JPEG):
        return None
    at = 2
    while True:
        mark, kind, length = struct.unpack_from(">BBH", data, at)
        if mark != 0xFF:
            return None
        if kind == 0xFF:  # a fill byte
            at += 1
        elif kind in _FRAMES_OF_JPEG:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + length


def open_eyes(engine: LoadedModel) -> Mtmd:
    """What sees, of an engine that will close it. Raises ModelUnsupported where nothing does."""
    path = engine.files.projector
    if not vision_kind(read_header(path)):
        raise ModelUnsupported(f"{path}: this projector only hears", hint=BLIND_HINT)
    if engine.eyes is None:
        from engine._mtmd import Mtmd

        model, n_threads = engine.model, engine.context.n_threads
        engine.eyes = Mtmd(model, path, n_threads=n_threads, use_gpu=model.uses_gpu)
    if not engine.eyes.sees:
        raise ModelUnsupported(f"{path}: llama.cpp cannot see with it", hint=BLIND_HINT)
    return engine.eyes


@dataclass(frozen=True, slots=True)
class _Seen:
    """An image of the prompt."""

    chunks: Chunks
    tokens: tuple[int, ...]
    """Its marks and the numbers of its soft tokens."""
    parts: dict[int, tuple[int, int]]
    """By the first number of a row of soft tokens: which chunk they are, and how many."""


class Sight:
    """Images as tokens, and their soft tokens into the cache. Used from the engine's thread."""

    def __init__(self, engine: LoadedModel) -> None:
        """Nothing is loaded before the first image comes."""
        self._engine = engine
        self._context = context = engine.context
        self._seen: dict[bytes, _Seen] = {}
        self._last = 0
        """The lowest number that was given to a soft token."""
        self.n_ctx = context.n_ctx
        self.n_batch = context.n_batch

    def tokens(self, image: bytes) -> tuple[int, ...]:
        """A PNG or JPEG file as the tokens that stand for it.

        Raises ImageUnreadable, ModelUnsupported, ContextFull for one that is no batch.
        """
        check_image(image)
        key = hashlib.sha256(image).digest()
        if key not in self._seen:
            self._seen[key] = self._numbered(open_eyes(self._engine).look(image))
        return self._seen[key].tokens

    def whole(self, tokens: Sequence[int]) -> list[tuple[int, int]]:
        """Where from and where to go the images in `tokens`: each is a batch. Those that are not there are
        forgotten.
        """
        held = set(tokens)
        for key, seen in list(self._seen.items()):
            if not held.issuperset(seen.parts):
                seen.chunks.close()
                del self._seen[key]
        lengths = {first: n for seen in self._seen.values() for first, (_, n) in seen.parts.items()}
        return [(at, at + lengths[token]) for at, token in enumerate(tokens) if token in lengths]

    def close(self) -> None:
        """Forget every image."""
        self.whole(())

    def _numbered(self, chunks: Chunks) -> _Seen:
        tokens: list[int] = []
        parts: dict[int, tuple[int, int]] = {}
        for index in range(len(chunks)):
            if not chunks.is_image(index):
                tokens += chunks.tokens(index)
                continue
            n = chunks.n_tokens(index)
            if chunks.n_positions_of(index) != n or n > self.n_batch:
                chunks.close()
                if n > self.n_batch:
                    raise ContextFull(
                        f"an image is {n} soft tokens, and {self.n_batch} can be put in at once",
                        hint="Show a smaller part of it, or raise engine.writing_tokens.",
                    )
                raise ModelUnsupported("this model gives the places in an image numbers of their own")
            parts[self._last - 1] = (index, n)
            tokens += range(self._last - 1, self._last - 1 - n, -1)
            self._last -= n
        return _Seen(chunks, tuple(tokens), parts)

    # --- as the context of a KVCache ---------------------------------------------------------------------

    def decode_tokens(
        self, tokens: Sequence[int], position: int, *, sequence: int = 0, outputs: int = 1
    ) -> None:
        """See `LlamaContext.decode_tokens`; a batch may also be an image, which gives no outputs."""
        if tokens and tokens[0] >= 0:
            self._context.decode_tokens(tokens, position, sequence=sequence, outputs=outputs)
            return
        assert not outputs, "images stand in the middle of a prompt"
        if position + len(tokens) > self.n_ctx:
            raise ContextFull(f"{position + len(tokens)} tokens do not fit into a context of {self.n_ctx}")
        seen = next(seen for seen in self._seen.values() if tokens[0] in seen.parts)
        index, n = seen.parts[tokens[0]]
        assert n == len(tokens), "an image is one batch"
        eyes = self._engine.eyes
        assert eyes is not None, "who made the chunks is there"
        eyes.put_image(self._context, seen.chunks, index, position, sequence=sequence)

    def decode_rows(self, rows: SoftTokens, position: int, *, sequence: int = 0) -> None:
        """See `LlamaContext.decode_rows`."""
        self._context.decode_rows(rows, position, sequence=sequence)

    def fork(self, source: int, target: int) -> None:
        """See `LlamaContext.fork`."""
        self._context.fork(source, target)

    def rewind(self, sequence: int, position: int) -> None:
        """See `LlamaContext.rewind`."""
        self._context.rewind(sequence, position)
