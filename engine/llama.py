"""The file that talks to llama.cpp: load, tokenise, decode tokens or soft tokens, logits, fork, rewind.

Thin over llama-cpp-python's low-level API. llama.cpp answers some mistakes with abort(), which ends the
process, so every batch is checked here before it is handed over. Neither class is thread-safe.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from llama_cpp import llama_cpp as C  # noqa: N812  (as in llama.h)

from engine._llama_mtp import compute_outputs_only
from engine._llama_params import set_cache, set_loading
from engine.errors import ContextFull, DecodeFailed, ModelCorrupt
from engine.loading import Loading
from engine.projection import SoftTokens

logger = logging.getLogger(__name__)

Logits: TypeAlias = npt.NDArray[np.float32]

MAX_OUTPUTS = 64
"""Rows of logits that one batch may ask for. A row of Gemma 4 is 1 MiB, reserved at the start."""

N_SEQ_MAX = 4
"""Sequences that may share the cache: the utterance, the fork of a partial, and two for text passes."""

# ggml.h and llama.h
_LOG_ERROR = 4
_LOG_CONTINUED = 5
_NO_SLOT = 1
_GGML_MAX_THREADS = 512


class _Log:
    """Puts llama.cpp's log into ours at DEBUG and keeps its last error, which is the reason of a failed
    load."""

    def __init__(self) -> None:
        self.first_error = ""
        self._line = ""
        self._level = 0
        self._callback = C.llama_log_callback(self._take)
        C.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _take(self, level: int, text: bytes, _: object) -> None:
        if level != _LOG_CONTINUED:
            self._level = level
        self._line += text.decode(errors="replace")
        if not self._line.endswith("\n"):
            return
        line, self._line = self._line.strip(), ""
        if line and self._level == _LOG_ERROR and not self.first_error:
            self.first_error = line
        if line:
            logger.debug("llama.cpp: %s", line)


_log: _Log | None = None


def _start() -> _Log:
    """Initialise llama.cpp once in a process."""
    global _log
    if _log is None:
        _log = _Log()
        C.llama_backend_init()
    return _log


class LlamaModel:
    """Weights and vocabulary of one GGUF file. Judge the file by `gguf_header` before: see there."""

    def __init__(
        self,
        path: Path,
        *,
        gpu_layers: int = -1,
        loading: Loading | None = None,
        vocabulary_only: bool = False,
    ) -> None:
        """Load the file; `gpu_layers` = -1 puts all layers on the GPU of a build that has one, whatever
        `loading` says about it (see `fit.plan`). `vocabulary_only`: no weights, it can only tokenise.

        Raises ModelCorrupt with llama.cpp's own reason.
        """
        log = _start()
        log.first_error = ""
        params = C.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.vocab_only = vocabulary_only
        set_loading(params, loading or Loading())
        model = C.llama_model_load_from_file(str(path).encode(), params)
        if not model:
            raise ModelCorrupt(f"{path}: llama.cpp cannot load it: {log.first_error or 'no reason given'}")
        self.path = path
        self.uses_gpu = gpu_layers != 0
        """Whether it may: a build without one ignores it."""
        self._model: Any = model
        self._vocab: Any = C.llama_model_get_vocab(model)
        self.n_embd = int(C.llama_model_n_embd_inp(model))
        self.n_vocab = int(C.llama_vocab_n_tokens(self._vocab))
        self.n_params = int(C.llama_model_n_params(model))
        self.n_ctx_train = int(C.llama_model_n_ctx_train(model))
        self._pieces: dict[int, bytes] = {}
        self._piece_buffer = ctypes.create_string_buffer(256)

    @property
    def handle(self) -> Any:
        """The `llama_model *`, for the one other file that calls llama.cpp with it."""
        return self._model

    @property
    def bos(self) -> int:
        """The token that begins every sequence; -1 where the model has none."""
        return int(C.llama_vocab_bos(self._vocab))

    @property
    def adds_bos(self) -> bool:
        """Whether a sequence has to begin with `bos`."""
        return bool(C.llama_vocab_get_add_bos(self._vocab))

    @property
    def suppressed(self) -> tuple[int, ...]:
        """Tokens that the file itself forbids (tokenizer.ggml.suppress_tokens); llama.cpp leaves it to us."""
        n = ctypes.c_int32(0)
        tokens = C.llama_vocab_get_suppress_tokens(self._vocab, ctypes.byref(n))
        return tuple(int(tokens[i]) for i in range(n.value)) if tokens else ()

    def is_end(self, token: int) -> bool:
        """Whether `token` ends a generation."""
        return bool(C.llama_vocab_is_eog(self._vocab, token))

    def text_of(self, token: int) -> str:
        """The token as it stands in the vocabulary, special ones included; '' for -1."""
        raw = C.llama_vocab_get_text(self._vocab, token) if 0 <= token < self.n_vocab else b""
        return bytes(raw).decode(errors="replace")

    def tokenize(self, text: str, *, special: bool = True) -> list[int]:
        """Tokens of `text`, none added; `special`: names of special tokens in it are recognised as such."""
        raw = text.encode()
        room = len(raw) + 8
        while True:
            buffer = (C.llama_token * room)()
            n = C.llama_tokenize(self._vocab, raw, len(raw), buffer, room, False, special)
            if n >= 0:
                return list(buffer[:n])
            room = -n

    def piece(self, token: int) -> bytes:
        """The UTF-8 bytes that `token` stands for in text: none for control tokens, perhaps half a
        character."""
        piece = self._pieces.get(token)
        if piece is None:
            n = C.llama_token_to_piece(self._vocab, token, self._piece_buffer, 256, 0, False)
            if n < 0:
                self._piece_buffer = ctypes.create_string_buffer(-n)
                n = C.llama_token_to_piece(self._vocab, token, self._piece_buffer, -n, 0, False)
            piece = self._pieces[token] = self._piece_buffer.raw[:n]
        return piece

    def load_adapter(self, path: Path) -> Any:
        """Load a LoRA made for this model, for `LlamaContext.adapt`; it lives as long as the model does.

        Raises ModelCorrupt with llama.cpp's own reason.
        """
        log = _start()
        log.first_error = ""
        adapter = C.llama_adapter_lora_init(self._model, str(path).encode()) if path.is_file() else None
        if not adapter:
            raise ModelCorrupt(
                f"{path}: cannot be used with {self.path.name}: {log.first_error or 'no such file'}",
                hint="An adapter belongs to one model; fetch both again.",
            )
        return adapter

    def close(self) -> None:
        """Free the weights. Contexts on them must be closed before."""
        if self._model:
            C.llama_model_free(self._model)
            self._model = self._vocab = None


@dataclass(frozen=True, slots=True)
class ThreadSettings:
    """How llama.cpp waits and works."""

    n_threads: int = 1
    polling: int | None = None
    """0 sleeps between graphs, 100 spins hard; None is llama.cpp's own choice (50). Without effect on 1
    thread."""


class LlamaContext:
    """A key/value cache and the machinery to fill it.

    `swa_full` keeps every cell of the sliding layers, so that any rewind is exact; `kv_unified` makes a fork
    a matter of metadata. Positions are the caller's business: see `kvcache`.
    """

    def __init__(
        self,
        model: LlamaModel,
        *,
        n_ctx: int,
        n_batch: int = 512,
        threads: ThreadSettings | None = None,
        loading: Loading | None = None,
    ) -> None:
        """Reserve all memory. Raises DecodeFailed where there is not enough."""
        threads, loading = threads or ThreadSettings(), loading or Loading()
        log = _start()
        log.first_error = ""
        params = C.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_batch = params.n_ubatch = min(n_batch, n_ctx)
        params.n_seq_max = N_SEQ_MAX
        params.n_outputs_max = min(MAX_OUTPUTS, n_ctx)
        params.n_threads = params.n_threads_batch = threads.n_threads
        set_cache(params, loading)
        params.swa_full = True
        params.kv_unified = True
        params.no_perf = True
        context = C.llama_init_from_model(model._model, params)
        if not context:
            failure = DecodeFailed(
                f"{model.path}: no memory for a context of {n_ctx} tokens: {log.first_error or 'no reason'}",
                hint="Close other programs, or choose a smaller model or context.",
            )
            failure.fatal = True
            raise failure
        compute_outputs_only(context)
        self._context: Any = context
        self._memory: Any = C.llama_get_memory(context)
        self._model = model
        self.n_ctx = int(C.llama_n_ctx(context))
        self.n_batch = int(C.llama_n_batch(context))
        self.max_outputs = int(params.n_outputs_max)
        """Rows of logits that one batch may ask for."""
        self.n_seq_max = N_SEQ_MAX
        self.n_threads = threads.n_threads
        self.loading = loading
        """How its cache is kept; a drafter that reads it must know."""
        self._first_output = self._n_outputs = 0
        self._adapters: dict[int, Any] = {}
        self._adapter: Any = None
        self._pool = _attach_pool(context, threads)
        self._allocate(self.n_batch)

    def _allocate(self, n_batch: int) -> None:
        # Both batches share the columns; each entry belongs to the one sequence that `_sequence` names, so
        # switching sequences is one write and a batch costs no allocation.
        self._tokens = np.zeros(n_batch, dtype=np.int32)
        self._positions = np.zeros(n_batch, dtype=np.int32)
        self._steps = np.arange(n_batch, dtype=np.int32)
        self._outputs = np.zeros(n_batch, dtype=np.int8)
        self._ones = np.ones(n_batch, dtype=np.int32)
        self._sequence = np.zeros(1, dtype=np.int32)
        self._sequences = np.full(n_batch, self._sequence.ctypes.data, dtype=np.uintp)
        self._batch: Any = C.llama_batch()
        self._batch.pos = _pointer(self._positions, ctypes.c_int32)
        self._batch.n_seq_id = _pointer(self._ones, ctypes.c_int32)
        self._batch.seq_id = _pointer(self._sequences, ctypes.POINTER(ctypes.c_int32))
        self._batch.logits = _pointer(self._outputs, ctypes.c_int8)
        self._no_tokens = ctypes.POINTER(ctypes.c_int32)()
        self._no_rows = ctypes.POINTER(ctypes.c_float)()
        self._token_pointer = _pointer(self._tokens, ctypes.c_int32)

    def decode_tokens(
        self, tokens: Sequence[int], position: int, *, sequence: int = 0, outputs: int = 1
    ) -> None:
        """Put tokens into the cache from `position` on; compute the logits after the last `outputs` of them,
        at most `max_outputs`.

        Raises ContextFull or DecodeFailed; the cache then holds what it held before, or part of the new.
        """
        n = self._check(len(tokens), position, sequence)
        self._tokens[:n] = tokens
        self._batch.token, self._batch.embd = self._token_pointer, self._no_rows
        self._decode(n, position, sequence, outputs)

    def decode_rows(self, rows: SoftTokens, position: int, *, sequence: int = 0) -> None:
        """Put soft tokens float32[n, n_embd] into the cache from `position` on, without logits.

        They are taken as they are: llama.cpp scales tokens by sqrt(n_embd), but not rows. Raises as above.
        """
        if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != self._model.n_embd:
            raise ValueError(f"soft tokens must be float32[n, {self._model.n_embd}], not {rows.shape}")
        n = self._check(len(rows), position, sequence)
        rows = np.ascontiguousarray(rows)
        self._batch.token, self._batch.embd = self._no_tokens, _pointer(rows, ctypes.c_float)
        self._decode(n, position, sequence, 0)

    def _check(self, n: int, position: int, sequence: int) -> int:
        if not 0 < n <= self.n_batch:
            raise ValueError(f"a batch takes 1 to {self.n_batch} entries, not {n}")
        if not 0 <= sequence < N_SEQ_MAX:
            raise ValueError(f"sequence {sequence} is not one of {N_SEQ_MAX}")
        if position + n > self.n_ctx:
            raise ContextFull(f"{position + n} tokens do not fit into a context of {self.n_ctx}")
        return n

    def _decode(self, n: int, position: int, sequence: int, outputs: int) -> None:
        if not 0 <= outputs <= min(n, self.max_outputs):
            raise ValueError(f"a batch of {n} gives up to {min(n, self.max_outputs)} outputs, not {outputs}")
        log = _start()
        log.first_error = ""
        self._use(self._adapters.get(sequence))
        np.add(self._steps[:n], position, out=self._positions[:n])
        self._outputs[n - outputs : n] = True
        self._sequence[0] = sequence
        self._batch.n_tokens = n
        code = C.llama_decode(self._context, self._batch)
        self._outputs[n - outputs : n] = False
        self._first_output, self._n_outputs = n - outputs, 0 if code else outputs
        if code == 0:
            return
        if code == _NO_SLOT:
            raise ContextFull(f"no room for {n} more tokens in a context of {self.n_ctx}")
        raise DecodeFailed(f"llama.cpp failed a batch of {n} (code {code}): {log.first_error or 'no reason'}")

    def adapt(self, sequence: int, adapter: Any) -> None:
        """Compute every batch of `sequence` with this adapter of the model's (`LlamaModel.load_adapter`), and
        those of other sequences without. Switching costs llama.cpp a new plan of its graph.
        """
        self._adapters[sequence] = adapter

    def lend(self, sequence: int) -> Any:
        """`handle`, for somebody who decodes a batch of `sequence` past this class: with its adapter."""
        self._use(self._adapters.get(sequence))
        return self._context

    def _use(self, adapter: Any) -> None:
        if adapter is self._adapter:
            return
        count = 0 if adapter is None else 1
        adapters = (C.llama_adapter_lora_p_ctypes * 1)(adapter)
        if C.llama_set_adapters_lora(self._context, adapters, count, (ctypes.c_float * 1)(1.0)):
            raise DecodeFailed("llama.cpp cannot use the adapter")
        self._adapter = adapter

    def logits(self, row: int = 0) -> Logits:
        """Logits float32[n_vocab] after the token that is number `row` of the last batch's outputs.

        A view into llama.cpp's buffer, valid and writable until the next batch.
        """
        pointer = C.llama_get_logits_ith(self._context, self.output_index(row))
        return np.ctypeslib.as_array(pointer, shape=(self._model.n_vocab,))

    def output_index(self, row: int) -> int:
        """Which token of the last batch is number `row` of its outputs. Raises DecodeFailed for none."""
        if not 0 <= row < self._n_outputs:
            raise DecodeFailed(f"the last batch has {self._n_outputs} rows of logits, and no row {row}")
        return self._first_output + row

    @property
    def handle(self) -> Any:
        """The `llama_context *`, for the one other file that calls llama.cpp with it."""
        return self._context

    def fork(self, source: int, target: int) -> None:
        """Make sequence `target` a copy of `source`; no cell is copied."""
        C.llama_memory_seq_rm(self._memory, target, -1, -1)
        C.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def rewind(self, sequence: int, position: int) -> None:
        """Drop every cell of `sequence` from `position` on."""
        if not C.llama_memory_seq_rm(self._memory, sequence, position, -1):
            raise DecodeFailed(f"llama.cpp cannot rewind sequence {sequence} to {position}")

    def end_of(self, sequence: int) -> int:
        """First free position of `sequence`, asked from llama.cpp."""
        return int(C.llama_memory_seq_pos_max(self._memory, sequence)) + 1

    def close(self) -> None:
        """Free the cache."""
        if self._context:
            C.llama_free(self._context)
            self._context = self._memory = None
            if self._pool is not None:
                C._lib.ggml_threadpool_free(self._pool)
                self._pool = None


def _pointer(array: npt.NDArray[Any], kind: Any) -> Any:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))


class _PoolParams(ctypes.Structure):
    """struct ggml_threadpool_params of ggml.h."""

    _fields_ = (
        ("cpumask", ctypes.c_bool * _GGML_MAX_THREADS),
        ("n_threads", ctypes.c_int),
        ("prio", ctypes.c_int),
        ("poll", ctypes.c_uint32),
        ("strict_cpu", ctypes.c_bool),
        ("paused", ctypes.c_bool),
    )


def _attach_pool(context: Any, threads: ThreadSettings) -> ctypes.c_void_p | None:
    """Give the context a thread pool with another polling level; the Python package has no binding for it."""
    if threads.polling is None or threads.n_threads < 2:
        return None
    if not 0 <= threads.polling <= 100:
        raise ValueError(f"polling is a level from 0 to 100, not {threads.polling}")
    lib: Any = C._lib
    try:
        init, new = lib.ggml_threadpool_params_init, lib.ggml_threadpool_new
        attach, free = lib.llama_attach_threadpool, lib.ggml_threadpool_free
    except AttributeError:
        logger.warning("this build of llama.cpp exports no thread pools; polling stays as it is")
        return None
    init.argtypes, init.restype = [ctypes.POINTER(_PoolParams), ctypes.c_int], None
    new.argtypes, new.restype = [ctypes.POINTER(_PoolParams)], ctypes.c_void_p
    attach.argtypes, attach.restype = [ctypes.c_void_p] * 3, None
    free.argtypes, free.restype = [ctypes.c_void_p], None
    params = _PoolParams()
    init(ctypes.byref(params), threads.n_threads)
    if params.n_threads != threads.n_threads:
        logger.warning("this build of llama.cpp lays out thread pools differently; polling stays as it is")
        return None
    params.poll = threads.polling
    pool = ctypes.c_void_p(new(ctypes.byref(params)))
    attach(context, pool, pool)
    return pool
