"""One utterance in the model: push frames while they are spoken, ask for partials, finish with the words.

An `Engine` owns weights, cache and prompt; its `Session` is one utterance. Frames are prefilled in blocks on
a grid that begins with the utterance, however they are pushed, so the same sound gives the same words bit by
bit, live or later. Use an engine from one thread; only `cancel` may be called from others.

The words of an utterance are computed several times over: partial ones on forks that are dropped, and final
ones ahead of time where `prepare` says that nobody speaks any more. Each answer is the draft of the next one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine import decode
from engine.branch import Branch
from engine.catalog import ModelFiles
from engine.conformer import Conformer, judge
from engine.draft import DraftSource, LastAnswer
from engine.errors import Cancelled, ContextFull, ModelError
from engine.events import Hypothesis, HypothesisKind, Timing
from engine.fit import plan
from engine.frames import FRAME_SAMPLES, samples_to_s
from engine.gguf_header import GgufHeader, read_header, require_model
from engine.kvcache import KVCache
from engine.loaded import DITHER_FRAMES, LoadedModel
from engine.loading import Loading
from engine.projection import Frames, SoundProjection
from engine.speed import Speed
from engine.spelling import spell
from engine.threads import default_threads

if TYPE_CHECKING:
    from engine.llama import LlamaContext, LlamaModel
    from engine.mtp import Mtp

logger = logging.getLogger(__name__)


class Engine(LoadedModel):
    """A model that hears. Open it once, it holds all memory; sessions come and go."""

    def __init__(
        self,
        files: ModelFiles,
        header: GgufHeader,
        model: LlamaModel,
        context: LlamaContext,
        projection: SoundProjection,
        block_frames: int,
        speed: Speed,
        n_ctx: int,
        mtp: Mtp | ModelError | None = None,
    ) -> None:
        """Use `Engine.open`."""
        super().__init__(files, header, model, context, speed, n_ctx=n_ctx, least_frames=block_frames)
        self.block_frames = block_frames
        self.projection = projection
        self.eyes = projection.mtmd if isinstance(projection, Conformer) else None
        self.cache = KVCache(context, most=n_ctx)
        self._frames = np.empty((self.max_frames, FRAME_SAMPLES), dtype=np.float32)
        span = projection.context_frames + block_frames + projection.lookahead_frames
        self._rows = np.empty((span, model.n_embd), dtype=np.float32)
        noise = np.random.default_rng(0).uniform(-1.0, 1.0, (DITHER_FRAMES, FRAME_SAMPLES))
        noise = np.take(noise, np.arange(DITHER_FRAMES + span), axis=0, mode="wrap")
        self._dither = (noise * self.profile.dither).astype(np.float32)
        self._dithered = np.empty((span, FRAME_SAMPLES), dtype=np.float32)
        self._session: Session | None = None
        self.mtp = None if isinstance(mtp, ModelError) else mtp
        self.mtp_problem: ModelError | None = mtp if isinstance(mtp, ModelError) else None
        """Why the one that is there cannot be used."""
        self.cache.begin(self.prompt.prefix, shared=self.prompt.shared)

    @classmethod
    def open(
        cls,
        files: ModelFiles,
        *,
        n_ctx: int = 2048,
        text_ctx: int = 0,
        n_threads: int | None = None,
        polling: int | None = None,
        loading: Loading | None = None,
        block_frames: int | None = None,
        speed: Speed | None = None,
    ) -> Engine:
        """Load a model and prefill its prompt. Both files are judged before llama.cpp sees them.

        `n_ctx`: positions for prompt, frames and answer; 30 s of sound are 750. `text_ctx`: positions for one
        `writing.TextPass` besides. `n_threads`: None is 1 for a small model, else one for each core that may
        be used. `polling`: how hard idle threads spin, 0 to 100; None is llama.cpp's own choice, 0 is kind to
        a busy machine. `loading`: where it goes in memory and how; None is what suits this machine.
        `block_frames`: frames prefilled at once; None is what the profile says. `speed`: what may be used to
        be fast; None is everything.

        Raises ModelMissing, ModelCorrupt, ModelUnsupported, ProjectorUnsupported, ProjectorMismatch,
        ModelTooLarge, ContextFull.
        """
        header = read_header(files.model)
        judged = judge(files.projector, n_embd=require_model(header))
        loading = loading or Loading()
        gpu_layers = plan(files, header, n_ctx=n_ctx, text_ctx=text_ctx, loading=loading)
        from engine.llama import LlamaContext, LlamaModel, ThreadSettings
        from engine.mtp import try_mtp

        began = time.monotonic()
        with ExitStack() as undone:
            model = LlamaModel(files.model, gpu_layers=gpu_layers, loading=loading)
            undone.callback(model.close)
            threads = ThreadSettings(n_threads or default_threads(model.n_params), polling)
            context = LlamaContext(model, n_ctx=n_ctx + text_ctx, threads=threads, loading=loading)
            undone.callback(context.close)
            projection = judged(model, threads.n_threads, gpu_layers != 0)
            undone.callback(projection.close)
            speed = speed or Speed()
            mtp: Mtp | ModelError | None = None
            if files.drafter is not None and speed.mtp:
                mtp = try_mtp(files.drafter, header, model, context, threads, gpu_layers=gpu_layers)
                if not isinstance(mtp, ModelError):
                    undone.callback(mtp.close)
            block = block_frames or files.profile.block_frames
            engine = cls(
                files, header, model, context, projection, block, speed, context.n_ctx - text_ctx, mtp
            )
            undone.pop_all()
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
        if self.mtp is not None:
            self.mtp.close()
            self.mtp = None
        if self.eyes is not None:
            self.eyes.close()
        self.projection.close()
        self.context.close()
        self.model.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Ready:
    """Final words that were computed ahead."""

    hypothesis: Hypothesis
    pieces: tuple[str, ...]


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
        self._draft = LastAnswer(())
        """What the newest answer was drafted from."""
        self._latest: tuple[int, ...] = ()
        """The newest answer, to perhaps less sound than there is now."""
        self._ready: _Ready | None = None
        """The final words, if nothing was pushed or rewound since they were computed."""

    @property
    def frames_pushed(self) -> int:
        """Frames taken and not rewound."""
        return self._pushed

    @property
    def frames_prefilled(self) -> int:
        """Frames in the model. The rest is less than a block, or waits where nothing is streamed."""
        return self._prefilled

    @property
    def lag_frames(self) -> int:
        """See `SpeechSession.lag_frames`. None: `push` returns when they are in the model."""
        return 0

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
        if len(frames):
            self._ready = None
        engine._frames[self._pushed : end] = frames
        self._pushed = end
        if engine.speed.stream:
            self._prefill_blocks()

    def rewind(self, frames: int) -> None:
        """Drop the last `frames` frames, as if they had never been pushed. Raises ValueError for too many."""
        engine = self._check()
        if not 0 <= frames <= self._pushed:
            raise ValueError(f"{frames} of {self._pushed} frames cannot be dropped")
        if frames:
            self._ready = None
        self._pushed -= frames
        # Back to the grid: frames behind it wait again, they are still in `_frames`.
        whole = self._whole(engine)
        if whole < self._prefilled:
            engine.cache.rewind_soft(self._prefilled - whole)
            self._prefilled = whole

    def partial(self, *, give_up: Callable[[], bool] | None = None) -> Hypothesis:
        """The words of what was pushed so far, decoded on a fork that is dropped. Raises as `finish`.

        `give_up` is asked before every batch: once it says yes, this raises Cancelled, and the session goes
        on.
        """
        self._check()
        if self._ready is not None:
            return replace(self._ready.hypothesis, kind="partial")
        return self._on_fork("partial", None, give_up)

    def prepare(self, *, give_up: Callable[[], bool] | None = None) -> None:
        """See `SpeechSession.prepare`. `give_up` as in `partial`, but nothing is raised then."""
        engine = self._check()
        if not engine.speed.prepare or self._ready is not None:
            return
        pieces: list[str] = []
        try:
            hypothesis = self._on_fork("final", pieces.append, give_up)
        except Cancelled:
            if self._cancelled.is_set():
                raise
            return
        self._ready = _Ready(hypothesis, tuple(pieces))

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
            if self._ready is None:
                self._prefill_blocks()
                hypothesis = self._answer(engine.cache, "final", on_piece)
            else:
                hypothesis = self._ready.hypothesis
                if on_piece is not None:
                    for piece in self._ready.pieces:
                        on_piece(piece)
        finally:
            engine._session = None
        timing = replace(hypothesis.timing, end_of_speech_s=end_of_speech_s)
        end = hypothesis.end_sample if end_sample is None else end_sample
        return replace(hypothesis, end_sample=end, timing=timing)

    def cancel(self) -> None:
        """Make the call that is running, or the next one, raise Cancelled. From any thread, at any time."""
        self._cancelled.set()

    def _check(self) -> Engine:
        if self._engine._session is not self:
            raise RuntimeError("this session is over: it was finished, or another one was begun")
        if self._cancelled.is_set():
            raise Cancelled("stopped by the user")
        return self._engine

    def _whole(self, engine: Engine) -> int:
        """Frames in blocks that are whole, and whose soft tokens no later frame can change."""
        settled = max(0, self._pushed - engine.projection.lookahead_frames)
        return settled - settled % engine.block_frames

    def _prefill_blocks(self) -> None:
        """Prefill every block that is whole."""
        engine = self._engine
        block, whole = engine.block_frames, self._whole(engine)
        while self._prefilled < whole:
            if self._cancelled.is_set():
                raise Cancelled("stopped while the sound was taken in")
            began = time.monotonic()
            engine.cache.add_soft(self._project(self._prefilled, self._prefilled + block))
            self._prefilled += block
            engine.steps += 1
            self._prefill_s += time.monotonic() - began

    def _project(self, first: int, last: int) -> npt.NDArray[np.float32]:
        """Soft tokens of the frames [first, last), about a block, in memory that is reused."""
        engine = self._engine
        start = max(0, first - engine.projection.context_frames)
        end = min(self._pushed, last + engine.projection.lookahead_frames)
        frames = engine._frames[start:end]
        n, at = end - start, start % DITHER_FRAMES
        if engine.profile.dither:
            frames = np.add(frames, engine._dither[at : at + n], out=engine._dithered[:n])
        rows = engine.projection.project(frames, out=engine._rows[:n])
        return rows[first - start : last - start]

    def _on_fork(
        self,
        kind: HypothesisKind,
        on_piece: Callable[[str], None] | None,
        give_up: Callable[[], bool] | None,
    ) -> Hypothesis:
        self._prefill_blocks()
        with self._engine.cache.fork() as branch:
            return self._answer(branch, kind, on_piece, give_up)

    def _drafts(self, cache: KVCache) -> list[DraftSource]:
        """Who guesses the next answer."""
        sources: list[DraftSource] = []
        if self._engine.speed.draft and self._latest:
            self._draft = LastAnswer(self._latest, most=self._draft.worth)
            sources.append(self._draft)
        if self._engine.speed.mtp and self._engine.mtp is not None:
            sources.append(self._engine.mtp.source(lambda: cache.ledger.end, cache.sequence))
        return sources

    def _answer(
        self,
        cache: KVCache,
        kind: HypothesisKind,
        on_piece: Callable[[str], None] | None,
        give_up: Callable[[], bool] | None = None,
    ) -> Hypothesis:
        engine = self._engine
        began = time.monotonic()
        if self._prefilled < self._pushed:
            cache.add_soft(self._project(self._prefilled, self._pushed))
        asked = time.monotonic()
        audio_s = samples_to_s(self._pushed * FRAME_SAMPLES)
        branch = Branch(engine.context, cache, engine.prompt.tail)
        rules = decode.Rules(
            is_end=engine._is_end,
            max_tokens=min(decode.max_tokens(audio_s, engine.profile.tokens_per_word), branch.free()),
        )

        def is_cancelled() -> bool:
            engine.steps += 1
            return self._cancelled.is_set() or (give_up is not None and give_up())

        answer = decode.Answer(branch, engine._picker, rules, is_cancelled, self._drafts(cache))
        try:
            spelled = spell(answer, engine.model.piece, engine.profile, on_piece)
        finally:
            self._remember(answer)
        return Hypothesis(
            kind=kind,
            text=spelled.text,
            tokens=spelled.tokens,
            confidence=spelled.confidence,
            start_sample=self._start_sample,
            end_sample=self._start_sample + self._pushed * FRAME_SAMPLES,
            stop=answer.stop,
            word_log_probs=spelled.word_log_probs,
            timing=Timing(
                end_of_speech_s=None,
                first_token_s=spelled.first_token_s,
                final_s=spelled.final_s,
                prefill_s=self._prefill_s * (kind == "final") + asked - began,
                decode_s=spelled.final_s - asked,
                audio_s=audio_s,
                steps=answer.steps,
                drafted=answer.drafted,
                accepted=answer.accepted,
            ),
        )

    def _remember(self, answer: decode.Answer) -> None:
        """Keep an answer as the next draft; one that was interrupted goes on as the one before it."""
        tokens = tuple(token.id for token in answer.tokens)
        if answer.stop == "cancelled":
            tokens += tuple(LastAnswer(self._latest).propose(tokens, len(self._latest)))
        self._latest = tokens
