"""llama.cpp's own way from a recording or an image into the cache: tools/mtmd and its helper, kept thin.

This is what llama-server and its like do with both. Like `llama`, it judges what it hands over first, since
mtmd answers some mistakes with abort(). Not thread-safe.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as C  # noqa: N812  (as in llama.h)
from llama_cpp import mtmd_cpp as M  # noqa: N812  (as in mtmd.h)

from engine.errors import Cancelled, ContextFull, DecodeFailed, ImageUnreadable, ProjectorUnsupported
from engine.events import Samples
from engine.llama import LlamaContext, LlamaModel, Logits

logger = logging.getLogger(__name__)

MARKER = "\ue0fe"
"""Stands for the sound or image in the text that mtmd tokenises; no text has it (Unicode's private use)."""

IMAGE_TOKENS = 512
"""Most soft tokens of an image: it is one batch. Gemma 4 was made for 70 to 1120; 512 are 1.2 megapixels."""

# ggml.h, llama.h, mtmd-helper.h
_LOG_ERROR = 4
_LOG_CONTINUED = 5
_NO_SLOT = 1
_STOPPED = 77  # ours: what a callback answers to end a decode


class _Log:
    """mtmd's story goes into our log at DEBUG; its first error is the reason of a failure."""

    def __init__(self) -> None:
        self.first_error = ""
        self._level = 0
        self._callback = C.llama_log_callback(self._take)
        M.mtmd_log_set(self._callback, ctypes.c_void_p(0))
        M.mtmd_helper_log_set(self._callback, ctypes.c_void_p(0))

    def _take(self, level: int, text: bytes, _: object) -> None:
        if level != _LOG_CONTINUED:
            self._level = level
        line = text.decode(errors="replace").strip()
        if line and self._level == _LOG_ERROR and not self.first_error:
            self.first_error = line
        if line:
            logger.debug("mtmd: %s", line)

    def reason(self) -> str:
        """The first error since it was last asked."""
        reason, self.first_error = self.first_error or "no reason given", ""
        return reason


_log: _Log | None = None


def _start() -> _Log:
    global _log
    if _log is None:
        _log = _Log()
    _log.first_error = ""
    return _log


class Chunks:
    """A prompt with a recording in it, tokenised: text, sound, text. Close it; usable in a `with`."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._items = [M.mtmd_input_chunks_get(handle, i) for i in range(M.mtmd_input_chunks_size(handle))]

    def __len__(self) -> int:
        return len(self._items)

    def __enter__(self) -> Chunks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def n_positions(self) -> int:
        """Positions that all of it takes in the cache."""
        return int(M.mtmd_helper_get_n_pos(self._handle))

    def is_sound(self, index: int) -> bool:
        """Whether chunk `index` is (a part of) the recording."""
        return int(M.mtmd_input_chunk_get_type(self._items[index])) == int(M.MTMD_INPUT_CHUNK_TYPE_AUDIO)

    def is_image(self, index: int) -> bool:
        """Whether chunk `index` is (a part of) an image."""
        return int(M.mtmd_input_chunk_get_type(self._items[index])) == int(M.MTMD_INPUT_CHUNK_TYPE_IMAGE)

    def n_positions_of(self, index: int) -> int:
        """Positions that chunk `index` takes in the cache."""
        return int(M.mtmd_input_chunk_get_n_pos(self._items[index]))

    def n_tokens(self, index: int) -> int:
        """Tokens or soft tokens of chunk `index`."""
        return int(M.mtmd_input_chunk_get_n_tokens(self._items[index]))

    def tokens(self, index: int) -> tuple[int, ...]:
        """The tokens of chunk `index`, which is text."""
        n = ctypes.c_size_t(0)
        tokens: Any = M.mtmd_input_chunk_get_tokens_text(self._items[index], ctypes.byref(n))
        return tuple(int(tokens[i]) for i in range(n.value))

    def handle(self, index: int) -> Any:
        """mtmd's own pointer to chunk `index`."""
        return self._items[index]

    def close(self) -> None:
        """Free it."""
        if self._handle:
            M.mtmd_input_chunks_free(self._handle)
            self._handle, self._items = None, []


class Mtmd:
    """A projector, whatever its kind, beside the model that it belongs to. Close it before the model."""

    def __init__(self, model: LlamaModel, projector: Path, *, n_threads: int, use_gpu: bool) -> None:
        """Load the projector. Raises ProjectorUnsupported with mtmd's own reason."""
        log = _start()
        params = M.mtmd_context_params_default()
        params.use_gpu = use_gpu
        params.n_threads = n_threads
        params.warmup = False
        params.print_timings = False
        params.media_marker = MARKER.encode()
        params.image_max_tokens = IMAGE_TOKENS
        context: Any = M.mtmd_init_from_file(str(projector).encode(), model._model, params)
        if not context:
            raise ProjectorUnsupported(f"{projector}: llama.cpp cannot load it: {log.reason()}")
        self.path = projector
        self._context = context
        self._n_embd = model.n_embd
        self._n_vocab = model.n_vocab
        self.hears = bool(M.mtmd_support_audio(context))
        """Whether it takes sound at all; some only see."""
        self.sample_rate = int(M.mtmd_get_audio_sample_rate(context)) if self.hears else 0
        """What it takes, in Hz."""
        self.sees = bool(M.mtmd_support_vision(context))
        """Whether it takes images."""

    def tokenize(self, before: str, samples: Samples, after: str) -> Chunks:
        """Text, a recording float32[n], n > 0, text. No token is added but the marks around the sound.

        Raises DecodeFailed.
        """
        sound = np.ascontiguousarray(samples, dtype=np.float32)
        pointer = sound.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        bitmap = M.mtmd_bitmap_init_from_audio(len(sound), pointer)
        return self._tokenized(before + MARKER + after, bitmap, f"{len(sound)} samples")

    def look(self, image: bytes) -> Chunks:
        """A PNG or JPEG file that was judged (`seeing.check_image`), tokenised: marks, soft tokens, marks.

        Raises ImageUnreadable, DecodeFailed.
        """
        log = _start()
        buffer = (ctypes.c_uint8 * len(image)).from_buffer_copy(image)
        bitmap = M.mtmd_helper_bitmap_init_from_buf(self._context, buffer, len(image), False)
        if not bitmap:
            raise ImageUnreadable(f"an image cannot be decoded: {log.reason()}")
        return self._tokenized(MARKER, bitmap, "an image")

    def _tokenized(self, text: str, bitmap: Any, what: str) -> Chunks:
        """The text with what takes the place of `MARKER`, which is freed."""
        log = _start()
        raw = text.encode()
        asked = M.mtmd_input_text(raw, len(raw), False, True)
        chunks: Any = M.mtmd_input_chunks_init()
        bitmaps: Any = (ctypes.c_void_p * 1)(bitmap)
        code = M.mtmd_tokenize(self._context, chunks, ctypes.byref(asked), bitmaps, 1)
        M.mtmd_bitmap_free(bitmap)
        if code:
            M.mtmd_input_chunks_free(chunks)
            raise DecodeFailed(f"mtmd cannot take {what} (code {code}): {log.reason()}")
        return Chunks(chunks)

    def encode(self, chunks: Chunks, index: int) -> Any:
        """Run the projector's encoder over a chunk of sound or an image. A pointer to its soft tokens
        float32[n_tokens, n_embd], valid until the next call. Raises DecodeFailed.
        """
        log = _start()
        code = M.mtmd_encode_chunk(self._context, chunks.handle(index))
        if code:
            raise DecodeFailed(f"{self.path}: mtmd cannot encode it (code {code}): {log.reason()}")
        return M.mtmd_get_output_embd(self._context)

    def soft_tokens(self, chunks: Chunks, index: int) -> Samples:
        """`encode`, as an array float32[n_tokens, n_embd] of its own."""
        rows = self.encode(chunks, index)
        return np.ctypeslib.as_array(rows, (chunks.n_tokens(index), self._n_embd)).copy()

    def put(
        self,
        context: LlamaContext,
        chunks: Chunks,
        index: int,
        position: int,
        *,
        is_last: bool,
        is_stopped: Callable[[], bool],
    ) -> int:
        """Put a chunk into the cache from `position` on, sequence 0, as mtmd's helper does; sound is encoded
        before. Returns the first free position. After the last one, `first_logits` are at hand.

        `is_stopped` is asked after every batch of sound. Raises Cancelled, ContextFull, DecodeFailed; the
        cache may then hold a part of it.
        """
        log = _start()
        end: Any = ctypes.c_int32(position)
        target: Any = context.lend(0)
        if chunks.is_sound(index):
            # The body of mtmd_helper_eval_chunk_single, which asks nobody between two batches.
            rows = self.encode(chunks, index)
            ask = M.mtmd_helper_post_decode_callback(lambda *_: _STOPPED if is_stopped() else 0)
            code = M.mtmd_helper_decode_image_chunk(
                self._context, target, chunks.handle(index), rows, position, 0, context.n_batch,
                ctypes.byref(end), ask, None,
            )  # fmt: skip
        else:
            code = M.mtmd_helper_eval_chunk_single(
                self._context, target, chunks.handle(index), position, 0, context.n_batch, is_last,
                ctypes.byref(end),
            )  # fmt: skip
        if code == _STOPPED:
            raise Cancelled("stopped while the sound was taken in")
        if code == _NO_SLOT:
            raise ContextFull(f"the sound does not fit into a context of {context.n_ctx}")
        if code:
            raise DecodeFailed(f"llama.cpp failed a batch of mtmd's (code {code}): {log.reason()}")
        return int(end.value)

    def put_image(
        self, context: LlamaContext, chunks: Chunks, index: int, position: int, *, sequence: int
    ) -> None:
        """Encode an image's chunk `index` and put it into the cache from `position` on, in one batch, as
        mtmd's helper does: for a model that wants it so, without causality. Raises ContextFull, DecodeFailed;
        the cache may then hold a part of it.
        """
        rows = self.encode(chunks, index)
        log = _start()
        end: Any = ctypes.c_int32(position)
        ask = M.mtmd_helper_post_decode_callback(lambda *_: 0)
        code = M.mtmd_helper_decode_image_chunk(
            self._context, context.lend(sequence), chunks.handle(index), rows, position, sequence,
            context.n_batch, ctypes.byref(end), ask, None,
        )  # fmt: skip
        if code == _NO_SLOT:
            raise ContextFull(f"the image does not fit into a context of {context.n_ctx}")
        if code:
            raise DecodeFailed(f"llama.cpp failed an image's batch (code {code}): {log.reason()}")

    def first_logits(self, context: LlamaContext) -> Logits:
        """Logits float32[n_vocab] after the last chunk; a view, valid and writable until the next batch."""
        pointer: Any = C.llama_get_logits_ith(context._context, -1)
        if not pointer:
            raise DecodeFailed("the last chunk gave no logits")
        return np.ctypeslib.as_array(pointer, shape=(self._n_vocab,))

    def close(self) -> None:
        """Free the projector."""
        if self._context:
            M.mtmd_free(self._context)
            self._context = None
