"""A model in memory with its prompt, and what it may answer: what both ways to hear have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine import decode
from engine.catalog import ModelFiles, PromptProfile
from engine.errors import ContextFull, ModelUnsupported
from engine.gguf_header import GgufHeader
from engine.prompt import Prompt, build, special_tokens
from engine.speed import Speed

if TYPE_CHECKING:
    from engine._mtmd import Mtmd
    from engine.llama import LlamaContext, LlamaModel
    from engine.mtp import Mtp

DITHER_FRAMES = 64
"""The noise of `dither` repeats after this many frames, 2.6 s."""

LEAST_ANSWER = 16
"""Positions kept free for an answer; with fewer, the utterance does not fit."""


class LoadedModel:
    """Weights, cache and prompt. A `TextPass` can write with it, beside what is heard."""

    mtp: Mtp | None = None
    """The drafter model, where there is one."""

    eyes: Mtmd | None = None
    """What takes images, once somebody has shown one (`seeing.open_eyes`)."""

    def __init__(
        self,
        files: ModelFiles,
        header: GgufHeader,
        model: LlamaModel,
        context: LlamaContext,
        speed: Speed,
        *,
        n_ctx: int,
        least_frames: int,
    ) -> None:
        """`n_ctx`: positions for what is heard; the rest of the context is for a text pass.

        Raises ModelUnsupported for a model that cannot be asked, ContextFull where less than `least_frames`
        fit in.
        """
        self.files = files
        self.profile: PromptProfile = files.profile
        self.model = model
        self.context = context
        self.speed = speed
        try:
            self.prompt: Prompt = build(header.text("tokenizer.chat_template"), self.profile, model)
        except ModelUnsupported as error:
            raise ModelUnsupported(f"{files.model}: {error}", hint=error.hint) from error
        ends = special_tokens(self.profile.end_tokens, model)
        self._is_end: Callable[[int], bool] = lambda token: token in ends or model.is_end(token)
        forbidden = {*special_tokens(self.profile.suppressed, model), *model.suppressed} - set(ends)
        self._suppressed: npt.NDArray[np.intp] = np.array(sorted(forbidden), dtype=np.intp)
        self._picker = decode.Picker(model.n_vocab, self._suppressed)
        self.hearing_ctx = n_ctx
        """Positions for prompt, sound and answer of an utterance."""
        self.text_ctx = context.n_ctx - n_ctx
        """Positions for a text pass."""
        self.max_frames = n_ctx - self.prompt.most_tokens - LEAST_ANSWER
        """Frames that fit beside prompt and a short answer, at one soft token a frame."""
        if self.max_frames < least_frames:
            raise ContextFull(
                f"{files.model}: a context of {n_ctx} leaves no room beside a prompt of "
                f"{self.prompt.most_tokens} tokens"
            )
        self.steps = 0
        """Blocks prefilled and tokens decoded since the start. While it grows, the model works."""
