"""llama.cpp's calls for drafters, which are not in its stable API: hidden states out of a context, and a
second context that reads the cache of the first.

llama-cpp-python binds them in `llama_cpp_ext` and warns that they may change. Where a build has none, nothing
here works and everything else does.
"""

from __future__ import annotations

import ctypes
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from llama_cpp import llama_cpp as C  # noqa: N812  (as in llama.h)

from engine._llama_params import set_cache
from engine.errors import DecodeFailed, DrafterUnusable

if TYPE_CHECKING:
    from engine.llama import LlamaContext, LlamaModel, ThreadSettings

logger = logging.getLogger(__name__)


def _bindings() -> Any | None:
    """`llama_cpp_ext`, or None where the library does not export what it binds."""
    try:
        from llama_cpp import llama_cpp_ext
    except (ImportError, AttributeError):
        return None
    return llama_cpp_ext


def compute_outputs_only(context: Any, *, hidden: bool = False) -> bool:
    """Let the last layer compute only the rows that give logits, as other architectures do anyway; a prefill
    of the bundled model takes a tenth less time. `hidden`: keep the hidden state of those rows, too.

    Returns whether this build of llama.cpp can.
    """
    bindings = _bindings()
    if bindings is None:
        return False
    bindings.llama_set_embeddings_nextn(context, hidden, True)
    return True


class LlamaDrafter:
    """A context of a drafter on the context of its model: `guess` goes one token further at a time.

    It has no cache of its own. What it sees is what the model's sequence holds at that moment.
    """

    def __init__(self, model: LlamaModel, target: LlamaContext, threads: ThreadSettings) -> None:
        """Judge the file by `mtp.require_drafter` before: llama.cpp aborts over widths that do not fit.

        Raises DrafterUnusable, and ValueError where the target's cache holds something already: llama.cpp
        forgets it, without a word, when a second context comes to share it (0.3.36).
        """
        if any(target.end_of(sequence) for sequence in range(target.n_seq_max)):
            raise ValueError("a drafter is opened before anything is in the cache of its model")
        bindings = _bindings()
        if bindings is None:
            raise DrafterUnusable(
                "this build of llama.cpp exports no calls for drafters",
                hint="Install llama-cpp-python of the version that pyproject.toml names.",
            )
        self._bindings: Any = bindings
        params = C.llama_context_default_params()
        params.n_ctx = target.n_ctx
        params.n_seq_max = target.n_seq_max
        # One token at a time would do, but llama.cpp plans for one of each sequence and aborts over less.
        params.n_batch = params.n_ubatch = params.n_outputs_max = target.n_seq_max
        params.n_threads = params.n_threads_batch = threads.n_threads
        set_cache(params, target.loading)
        params.swa_full = True
        params.kv_unified = True
        params.no_perf = True
        params.ctx_type = C.LLAMA_CONTEXT_TYPE_MTP
        params.ctx_other = target.handle
        context = C.llama_init_from_model(model.handle, params)
        if not context:
            raise DrafterUnusable(f"{model.path}: llama.cpp cannot use it beside this model")
        self._context: Any = context
        self._target = target
        compute_outputs_only(context, hidden=True)
        compute_outputs_only(target.handle, hidden=True)
        self.n_vocab = model.n_vocab
        self._hidden = np.zeros(model.n_embd, dtype=np.float32)
        self._allocate()

    def _allocate(self) -> None:
        # One token with its hidden state beside it; only drafters take batches that have both.
        self._token = np.zeros(1, dtype=np.int32)
        self._position = np.zeros(1, dtype=np.int32)
        self._sequence = np.zeros(1, dtype=np.int32)
        self._one = np.ones(1, dtype=np.int32)
        self._output = np.ones(1, dtype=np.int8)
        self._sequences = np.full(1, self._sequence.ctypes.data, dtype=np.uintp)
        self._batch: Any = C.llama_batch()
        self._batch.n_tokens = 1
        for name, array, kind in (
            ("token", self._token, ctypes.c_int32),
            ("embd", self._hidden, ctypes.c_float),
            ("pos", self._position, ctypes.c_int32),
            ("n_seq_id", self._one, ctypes.c_int32),
            ("seq_id", self._sequences, ctypes.POINTER(ctypes.c_int32)),
            ("logits", self._output, ctypes.c_int8),
        ):
            setattr(self._batch, name, ctypes.cast(array.ctypes.data, ctypes.POINTER(kind)))

    def begin(self, row: int) -> None:
        """Start a round from the hidden state behind output `row` of the model's last batch."""
        self._keep(self._target.handle, self._target.output_index(row))

    def guess(self, token: int, position: int, sequence: int) -> npt.NDArray[np.float32]:
        """Logits float32[n_vocab] of the token after `token`; the next call goes on from there.

        `position`: of the newest token of the round, which the model's cache does not hold yet; it stays the
        same for all tokens of a round, because they are not in the cache either. The logits are a view, valid
        until the next call. Raises DecodeFailed.
        """
        self._token[0], self._position[0], self._sequence[0] = token, position, sequence
        code = C.llama_decode(self._context, self._batch)
        if code:
            raise DecodeFailed(f"llama.cpp failed a step of the drafter (code {code})")
        self._keep(self._context, 0)
        return np.ctypeslib.as_array(C.llama_get_logits_ith(self._context, 0), shape=(self.n_vocab,))

    def _keep(self, context: Any, index: int) -> None:
        pointer = self._bindings.llama_get_embeddings_nextn_ith(context, index)
        if not pointer:
            raise DecodeFailed("llama.cpp keeps no hidden state of the last batch")
        self._hidden[:] = np.ctypeslib.as_array(pointer, shape=self._hidden.shape)

    def close(self) -> None:
        """Free the context. The model's must still be open."""
        if self._context:
            C.llama_free(self._context)
            self._context = None
