"""llama.cpp's own way from sound to soft tokens (tools/mtmd), to compare ours with."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from llama_cpp import mtmd_cpp as mtmd
from llama_cpp.llama_cpp import llama_log_callback

from engine.catalog import ModelFiles
from engine.llama import LlamaModel

MARKER = "<__media__>"


@llama_log_callback
def _quiet(level: int, text: bytes, user_data: object) -> None:
    """mtmd tells its story line by line."""


@dataclass
class MtmdResult:
    """What mtmd makes of a prompt with one recording in it."""

    before: list[int]
    soft_tokens: npt.NDArray[np.float32]
    after: list[int]
    sample_rate: int


def hear(files: ModelFiles, samples: npt.NDArray[np.float32], before: str, after: str) -> MtmdResult:
    """Tokenise `before` + recording + `after` and compute its soft tokens float32[n, n_embd]."""
    mtmd.mtmd_log_set(_quiet, ctypes.c_void_p(0))
    mtmd.mtmd_helper_log_set(_quiet, ctypes.c_void_p(0))
    model = LlamaModel(files.model)
    params = mtmd.mtmd_context_params_default()
    params.use_gpu = False
    params.n_threads = 1
    params.warmup = False
    params.media_marker = MARKER.encode()
    context = mtmd.mtmd_init_from_file(str(files.projector).encode(), model._model, params)
    assert context, "mtmd refuses the projector"
    assert mtmd.mtmd_support_audio(context)
    try:
        chunks = _tokenize(context, samples, before + MARKER + after)
        result = MtmdResult([], np.empty((0, model.n_embd), np.float32), [], 0)
        result.sample_rate = mtmd.mtmd_get_audio_sample_rate(context)
        texts = result.before
        for index in range(mtmd.mtmd_input_chunks_size(chunks)):
            chunk = mtmd.mtmd_input_chunks_get(chunks, index)
            if mtmd.mtmd_input_chunk_get_type(chunk) == mtmd.MTMD_INPUT_CHUNK_TYPE_AUDIO:
                n = mtmd.mtmd_input_chunk_get_n_tokens(chunk)
                assert mtmd.mtmd_encode_chunk(context, chunk) == 0
                rows = mtmd.mtmd_get_output_embd(context)
                result.soft_tokens = np.ctypeslib.as_array(rows, (n, model.n_embd)).copy()
                texts = result.after
            else:
                n_tokens = ctypes.c_size_t(0)
                tokens = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(n_tokens))
                texts.extend(int(tokens[i]) for i in range(n_tokens.value))
        mtmd.mtmd_input_chunks_free(chunks)
        return result
    finally:
        mtmd.mtmd_free(context)
        model.close()


def _tokenize(context: Any, samples: npt.NDArray[np.float32], text: str) -> Any:
    flat = np.ascontiguousarray(samples, dtype=np.float32).ravel()
    pointer = flat.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    bitmap = mtmd.mtmd_bitmap_init_from_audio(len(flat), pointer)
    raw = text.encode()
    wanted = mtmd.mtmd_input_text(raw, len(raw), False, True)
    chunks = mtmd.mtmd_input_chunks_init()
    bitmaps = (ctypes.c_void_p * 1)(bitmap)
    assert mtmd.mtmd_tokenize(context, chunks, ctypes.byref(wanted), bitmaps, 1) == 0
    mtmd.mtmd_bitmap_free(bitmap)
    return chunks
