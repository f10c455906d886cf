"""One utterance in the model: push frames while they are spoken, ask for partials, finish with the words.

An `Engine` owns weights, cache and prompt; its `Session` is one utterance. Frames are prefilled in blocks on
a grid that begins with the utterance, however they are pushed, so the same sound gives the same words bit by
bit, live or later. Use an engine from one thread; only `cancel` may be called from others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine import decode
from engine.catalog import ModelFiles, PromptProfile
from engine.errors import Cancelled, ContextFull, ModelUnsupported
from engine.events import Hypothesis, HypothesisKind, Timing
from engine.frames import FRAME_SAMPLES, samples_to_s
from engine.gguf_header import GgufHeader, read_header, require_model
from engine.kvcache import KVCache
from engine.projection import Frames, Projection
from engine.prompt import Prompt, build, special_tokens
from engine.threads import default_threads

if TYPE_CHECKING:
    from engine.llama import LlamaContext, LlamaModel

logger = logging.getLogger(__name__)

DITHER_FRAMES = 64
"""The noise of `dither` repeats after this many frames, 2.6 s."""

LEAST_ANSWER = 16
"""Positions kept free for an answer; with fewer, the utterance does not fit."""


class Engine:
    """A model that hears. Open it once, it holds all memory; sessions come and go."""

    def __init__(
        self,
        files: ModelFiles,
        header: GgufHeader,
        model: LlamaModel,
        context: LlamaContext,
        projection: Projection,
        block_frames: int,
    ) -> None:
        """Use `Engine.open`."""
        self.files = files
        self.profile: PromptProfile = files.profile
        self.block_frames = block_frames
        self.model = model
        self.context = context
        self.projection = projection
        try:
            self.prompt: Prompt = build(header.text("tokenizer.chat_template"), self.profile, model)
        except ModelUnsupported as error:
            raise ModelUnsupported(f"{files.model}: {error}", hint=error.hint) from error
        ends = special_tokens(self.profile.end_tokens, model)
        self._is_end: Callable[[int], bool] = lambda token: token in ends or model.is_end(token)
        forbidden = {*special_tokens(self.profile.suppressed, model), *model.suppressed} - set(ends)
        self._suppressed: npt.NDArray[np.intp] = np.array(sorted(forbidden), dtype=np.intp)
        self._picker = decode.Picker(model.n_vocab, self._suppressed)
        self.cache = KVCache(context)
        self.max_frames = context.n_ctx - self.prompt.most_tokens - LEAST_ANSWER
        """Frames that fit into the context beside prompt and a short answer."""
        if self.max_frames < block_frames:
            raise ContextFull(
                f"{files.model}: a context of {context.n_ctx} leaves no room beside a prompt of "
                f"{self.prompt.most_tokens} tokens"
            )
        self._frames = np.empty((self.max_frames, FRAME_SAMPLES), dtype=np.float32)
        self._rows = np.empty((block_frames, model.n_embd), dtype=np.float32)
        noise = np.random.default_rng(0).uniform(-1.0, 1.0, (DITHER_FRAMES, FRAME_SAMPLES))
        noise = np.take(noise, np.arange(DITHER_FRAMES + block_frames), axis=0, mode="wrap")
        self._dither = (noise * self.profile.dither).astype(np.float32)
        self._dithered = np.empty((block_frames, FRAME_SAMPLES), dtype=np.float32)
        self._session: Session | None = None
        self.steps = 0
        """Blocks prefilled and tokens decoded since the start. While it grows, the model works."""
        self.cache.begin(self.prompt.prefix, shared=self.prompt.shared)

    @classmethod
    def open(
        cls,
        files: ModelFiles,
        *,
        n_ctx: int = 2048,
        n_threads: int | None = None,
        polling: int | None = None,
        gpu_layers: int = -1,
        block_frames: int | None = None,
    ) -> Engine:
        """Load a model and prefill its prompt. Both files are judged before llama.cpp sees them.

        `n_ctx`: positions for prompt, frames and answer; 30 s of sound are 750. `n_threads`: None is 1 for a
        small model, else one for each core that may be used. `polling`: how hard idle threads spin, 0 to 100;
        None is llama.cpp's own choice, 0 is kind to a busy machine. `gpu_layers`: -1 is all, where llama.cpp
        was built for a GPU. `block_frames`: frames prefilled at once; None is what the profile says.

        Raises ModelMissing, ModelCorrupt, ModelUnsupported, ProjectorUnsupported, ProjectorMismatch,
        ContextFull.
        """
        header = read_header(files.model)
        projection = Projection.read(files.projector, n_embd=require_model(header))
        from engine.llama import LlamaContext, LlamaModel, ThreadSettings

        began = time.monotonic()
        model = LlamaModel(files.model, gpu_layers=gpu_layers)
        try:
            threads = ThreadSettings(n_threads or default_threads(model.n_params), polling)
            context = LlamaContext(model, n_ctx=n_ctx, threads=threads)
            try:
                engine = cls(
                    files, header, model, context, projection, block_frames or files.profile.block_frames
                )
            except BaseException:
                context.close()
                raise
        except BaseException:
            model.close()
            raise
        logger.info("%s is ready after %.2f s", files.name, time.monotonic() - began)
        return engine

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> Session:
        """Begin an utterance at `start_sample` of the source. A session that is still open is given up.

        `terms`: names that may be said, most important first. They are told to the model if its profile has a
        place for them; only the part of the prompt that is new is prefilled. Raises DecodeFailed.
        """
        prefix = self.prompt.prefix_with(terms, self.model) if terms else self.prompt.prefix
        self.cache.begin(prefix, shared=self.prompt.shared)
        self.steps += 1
        self._session = Session(self, start_sample)
        return self._session

    def cancel(self) -> None:
        """Stop the session that is open, if any, from whatever thread. See `Session.cancel`."""
        session = self._session
        if session is not None:
            session.cancel()

    def close(self) -> None:
        """Free weights and cache. Calling it again does nothing."""
        self._session = None
        self.context.close()
        self.model.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Session:
    """One utterance. Made by `Engine.session`; ends with `finish`, `cancel`, or the next session."""

    def __init__(self, engine: Engine, start_sample: int) -> None:
        self._engine = engine
        self._start_sample = start_sample
        self._cancelled = threading.Event()
        self._pushed = 0
        self._prefilled = 0
        """Frames in the cache: the others wait for their block to be whole. A multiple of the block."""
        self._prefill_s = 0.0

    @property
    def frames_pushed(self) -> int:
        """Frames taken and not rewound."""
        return self._pushed

    @property
    def lag_frames(self) -> int:
        """Frames that wait for their block to be whole."""
        return self._pushed - self._prefilled

    def prepare(self) -> None:
        """See `SpeechSession.prepare`."""

    def push(self, frames: Frames) -> None:
        """Take frames float32[n, 640], n >= 0, and prefill every block that is now whole.

        Raises ContextFull, DecodeFailed, Cancelled; frames that were taken before stay taken.
        """
        engine = self._check()
        if frames.ndim != 2 or frames.shape[1] != FRAME_SAMPLES:
            raise ValueError(f"frames must be float32[n, {FRAME_SAMPLES}], not shape {frames.shape}")
        end = self._pushed + len(frames)
        if end > engine.max_frames:
            raise ContextFull(f"{end} frames do not fit, the context has room for {engine.max_frames}")
        engine._frames[self._pushed : end] = frames
        self._pushed = end
        block = engine.block_frames
        while self._pushed - self._prefilled >= block:
            if self._cancelled.is_set():
                raise Cancelled("stopped while the sound was taken in")
            began = time.monotonic()
            engine.cache.add_soft(self._project(self._prefilled, self._prefilled + block))
            self._prefilled += block
            engine.steps += 1
            self._prefill_s += time.monotonic() - began

    def rewind(self, frames: int) -> None:
        """Drop the last `frames` frames, as if they had never been pushed. Raises ValueError for too many."""
        engine = self._check()
        if not 0 <= frames <= self._pushed:
            raise ValueError(f"{frames} of {self._pushed} frames cannot be dropped")
        self._pushed -= frames
        # Back to the grid: frames behind it wait again, they are still in `_frames`.
        whole = self._pushed - self._pushed % engine.block_frames
        if whole < self._prefilled:
            engine.cache.rewind_soft(self._prefilled - whole)
            self._prefilled = whole

    def partial(self, *, give_up: Callable[[], bool] | None = None) -> Hypothesis:
        """The words of what was pushed so far, decoded on a fork that is dropped. Raises as `finish`.

        `give_up` is asked before every token: once it says yes, this raises Cancelled, and the session goes
        on.
        """
        engine = self._check()
        with engine.cache.fork() as branch:
            return self._answer(branch, "partial", None, None, None, give_up)

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        """The words of the utterance. `on_piece` is called with each piece of text as it appears.

        `end_of_speech_s` (monotonic clock) and `end_sample` are handed through to the hypothesis; without the
        latter, the end of the last frame is taken. Raises DecodeFailed, Cancelled. The session is over
        afterwards.
        """
        engine = self._check()
        try:
            return self._answer(engine.cache, "final", on_piece, end_of_speech_s, end_sample)
        finally:
            engine._session = None

    def cancel(self) -> None:
        """Make the call that is running, or the next one, raise Cancelled. From any thread, at any time."""
        self._cancelled.set()

    def _check(self) -> Engine:
        if self._engine._session is not self:
            raise RuntimeError("this session is over: it was finished, or another one was begun")
        if self._cancelled.is_set():
            raise Cancelled("stopped by the user")
        return self._engine

    def _project(self, first: int, last: int) -> npt.NDArray[np.float32]:
        """Soft tokens of the frames [first, last), at most one block, in memory that is reused."""
        engine = self._engine
        frames = engine._frames[first:last]
        n, at = last - first, first % DITHER_FRAMES
        if engine.profile.dither:
            frames = np.add(frames, engine._dither[at : at + n], out=engine._dithered[:n])
        return engine.projection.project(frames, out=engine._rows[:n])

    def _answer(
        self,
        cache: KVCache,
        kind: HypothesisKind,
        on_piece: Callable[[str], None] | None,
        end_of_speech_s: float | None,
        end_sample: int | None,
        give_up: Callable[[], bool] | None = None,
    ) -> Hypothesis:
        engine = self._engine
        began = time.monotonic()
        if self._prefilled < self._pushed:
            cache.add_soft(self._project(self._prefilled, self._pushed))
        cache.add_tail(engine.prompt.tail)
        asked = time.monotonic()
        audio_s = samples_to_s(self._pushed * FRAME_SAMPLES)
        rules = decode.Rules(
            is_end=engine._is_end,
            max_tokens=min(decode.max_tokens(audio_s, engine.profile.tokens_per_word), cache.room),
        )
        text = decode.AnswerText(engine.profile.thought_open, engine.profile.thought_close)

        def is_cancelled() -> bool:
            engine.steps += 1
            return self._cancelled.is_set() or (give_up is not None and give_up())

        answer = decode.Answer(_Branch(engine, cache), engine._picker, rules, is_cancelled)
        first_token_s = None
        for token in answer:
            if first_token_s is None:
                first_token_s = time.monotonic()
            piece = text.push(engine.model.piece(token.id))
            if piece and on_piece is not None:
                on_piece(piece)
        done = time.monotonic()
        tokens = answer.tokens
        if answer.stop == "repetition":
            tokens = decode.trim_repetition(tokens)
            text = decode.AnswerText(engine.profile.thought_open, engine.profile.thought_close)
            for token in tokens:
                text.push(engine.model.piece(token.id))
        if kind == "final":
            self._prefill_s += asked - began
        return Hypothesis(
            kind=kind,
            text=text.finish(),
            tokens=tuple(token.id for token in tokens),
            confidence=decode.mean_log_prob(tokens),
            start_sample=self._start_sample,
            end_sample=self._start_sample + self._pushed * FRAME_SAMPLES
            if end_sample is None
            else end_sample,
            stop=answer.stop,
            timing=Timing(
                end_of_speech_s=end_of_speech_s,
                first_token_s=done if first_token_s is None else first_token_s,
                final_s=done,
                prefill_s=self._prefill_s if kind == "final" else asked - began,
                decode_s=done - asked,
                audio_s=audio_s,
            ),
        )


class _Branch:
    """Joins a sequence of the cache with the context's logits for `decode`."""

    def __init__(self, engine: Engine, cache: KVCache) -> None:
        self.logits = engine.context.logits
        self.append = cache.add_answer
