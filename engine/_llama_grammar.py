"""llama.cpp's own grammar sampler, asked only what it can answer without harm.

Accepting a token that the grammar refuses ends the process (a C++ exception, or an abort), so every token is
checked before. Not thread-safe.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from llama_cpp import llama_cpp as C  # noqa: N812  (as in llama.h)

from engine._quiet import c_stderr_silenced
from engine.errors import GrammarUnreadable
from engine.llama import LlamaModel, _start

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""struct llama_token_data of llama.h."""


class LlamaGrammar:
    """A grammar and how far a text in it has come."""

    def __init__(self, model: LlamaModel, text: str, *, root: str = "root") -> None:
        """Parse `text`, which is GBNF. Raises GrammarUnreadable with llama.cpp's own reason."""
        if not text.strip() or "\0" in text:
            raise GrammarUnreadable("a grammar must not be empty")
        log = _start()
        log.first_error = ""
        with c_stderr_silenced():  # it would print the grammar there, which may hold words of the user
            sampler = C.llama_sampler_init_grammar(model._vocab, text.encode(), root.encode())
        if not sampler:
            raise GrammarUnreadable(
                f"llama.cpp cannot read the grammar: {log.first_error or 'no reason given'}"
            )
        self._take(sampler, C.llama_vocab_eos(model._vocab))

    def _take(self, sampler: Any, end: int) -> None:
        self._sampler = sampler
        self._end = end
        self._candidates = np.zeros(256, dtype=_CANDIDATE)

    def allowed(self, tokens: Sequence[int] | npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
        """Which of `tokens` may come next: bool[n]. Tokens that end a generation may where the text is whole;
        those without text never may.
        """
        n = len(tokens)
        if n > len(self._candidates):
            self._candidates = np.zeros(n, dtype=_CANDIDATE)
        rows = self._candidates[:n]
        rows["id"], rows["logit"] = tokens, 0.0
        data = ctypes.cast(self._candidates.ctypes.data, C.llama_token_data_p)
        array = C.llama_token_data_array(data, n, -1, False)
        C.llama_sampler_apply(self._sampler, ctypes.byref(array))
        return np.asarray(rows["logit"] == 0.0)

    @property
    def is_whole(self) -> bool:
        """Whether the text may end here."""
        return bool(self.allowed((self._end,))[0])

    def accept(self, token: int) -> None:
        """Take `token` as the next. Raises ValueError where it may not come."""
        if not self.allowed((token,))[0]:
            raise ValueError(f"the grammar refuses token {token}")
        C.llama_sampler_accept(self._sampler, token)

    def clone(self) -> LlamaGrammar:
        """Another one that has come as far."""
        other = object.__new__(LlamaGrammar)
        other._take(C.llama_sampler_clone(self._sampler), self._end)
        return other

    def close(self) -> None:
        """Free it."""
        if self._sampler:
            C.llama_sampler_free(self._sampler)
            self._sampler = None

    def __del__(self) -> None:
        if getattr(self, "_sampler", None):
            self.close()


def grammar_of_schema(schema: str) -> str:
    """GBNF of what a JSON schema, given as JSON, allows. Raises GrammarUnreadable for one that cannot be
    written as a grammar.
    """
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    try:
        return str(json_schema_to_gbnf(schema))
    except Exception as error:
        raise GrammarUnreadable(
            f"the JSON schema cannot be made a grammar: {type(error).__name__}: {error}",
            hint="Keep to types, properties, enums, arrays and references inside the schema.",
        ) from error
