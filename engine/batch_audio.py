"""The way without streaming: the whole recording goes to llama.cpp's mtmd when the speaker has finished.

For projectors that we cannot run piece by piece, and to measure against: this is what servers and tools do
that take recordings. The words come later than those of `session`, and for the projectors that both can feed
they are the same.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine import decode
from engine.catalog import ModelFiles
from engine.conformer import check_projector, check_sound
from engine.errors import Cancelled, ContextFull, ProjectorUnsupported
from engine.events import Hypothesis, HypothesisStop, Samples, Timing
from engine.fit import plan
from engine.frames import FRAME_SAMPLES, samples_to_s
from engine.gguf_header import GgufHeader, read_header, require_model
from engine.loaded import DITHER_FRAMES, LEAST_ANSWER, LoadedModel
from engine.loading import Loading
from engine.speed import Speed
from engine.spelling import spell
from engine.threads import default_threads

if TYPE_CHECKING:
    from engine._mtmd import Chunks, Mtmd
    from engine.llama import LlamaContext, LlamaModel

logger = logging.getLogger(__name__)


class BatchEngine(LoadedModel):
    """A model that hears finished recordings. Open it once, it holds all memory; sessions come and go."""

    def __init__(
        self,
        files: ModelFiles,
        header: GgufHeader,
        model: LlamaModel,
        context: LlamaContext,
        mtmd: Mtmd,
        speed: Speed,
        n_ctx: int,
    ) -> None:
        """Use `BatchEngine.open`."""
        super().__init__(files, header, model, context, speed, n_ctx=n_ctx, least_frames=1)
        self.mtmd = self.eyes = mtmd
        self.block_frames = files.profile.block_frames
        """Has no meaning here but for who counts in blocks."""
        self._frames = np.empty((self.max_frames, FRAME_SAMPLES), dtype=np.float32)
        noise = np.random.default_rng(0).uniform(-1.0, 1.0, (DITHER_FRAMES, FRAME_SAMPLES))
        self._dither = (noise * self.profile.dither).astype(np.float32)
        self._prefix: tuple[int, ...] = ()
        """Tokens that are in the cache from position 0 on and stay there: the prompt up to the sound."""
        self._session: BatchSession | None = None
        self.keep_prefix(self.prompt.prefix)

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
        speed: Speed | None = None,
    ) -> BatchEngine:
        """Load a model and its projector, of any kind that mtmd takes sound with. The arguments are those of
        `Engine.open`; of `speed`, only `prepare` has a meaning here.

        Raises ModelMissing, ModelCorrupt, ModelUnsupported, ProjectorUnsupported, ProjectorMismatch,
        ModelTooLarge, ContextFull.
        """
        header = read_header(files.model)
        check_projector(read_header(files.projector), require_model(header))
        loading = loading or Loading()
        gpu_layers = plan(files, header, n_ctx=n_ctx, text_ctx=text_ctx, loading=loading)
        from engine._mtmd import Mtmd
        from engine.llama import LlamaContext, LlamaModel, ThreadSettings

        began = time.monotonic()
        model = LlamaModel(files.model, gpu_layers=gpu_layers, loading=loading)
        closing: list[Callable[[], None]] = [model.close]
        try:
            threads = ThreadSettings(n_threads or default_threads(model.n_params), polling)
            context = LlamaContext(model, n_ctx=n_ctx + text_ctx, threads=threads, loading=loading)
            closing.append(context.close)
            mtmd = Mtmd(model, files.projector, n_threads=threads.n_threads, use_gpu=gpu_layers != 0)
            closing.append(mtmd.close)
            check_sound(mtmd)
            engine = cls(files, header, model, context, mtmd, speed or Speed(), context.n_ctx - text_ctx)
            engine._check_marks()
        except BaseException:
            for close in reversed(closing):
                close()
            raise
        logger.info("%s is ready after %.2f s", files.name, time.monotonic() - began)
        return engine

    def _check_marks(self) -> None:
        """Whether mtmd writes the marks around the sound that the profile names. Raises
        ProjectorUnsupported.
        """
        silence = np.zeros(FRAME_SAMPLES, dtype=np.float32)
        with self.mtmd.tokenize(self.prompt.text_with((), self.model), silence, self.prompt.after) as chunks:
            last = len(chunks) - 1
            is_ours = chunks.tokens(0) == self.prompt.prefix and chunks.tokens(last) == self.prompt.tail
        if not is_ours:
            raise ProjectorUnsupported(
                f"{self.files.projector}: mtmd marks its sound otherwise than this model knows it"
            )

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> BatchSession:
        """Begin an utterance at `start_sample` of the source. A session that is still open is given up.

        `terms`: see `Engine.session`.
        """
        self.keep_prefix(self.prompt.prefix_with(terms, self.model))
        self._session = BatchSession(self, start_sample, self.prompt.text_with(terms, self.model))
        return self._session

    def keep_prefix(self, prefix: tuple[int, ...]) -> None:
        """Have `prefix` in the cache, and nothing behind it. Servers keep it as well, from one request to the
        next. Raises ContextFull, DecodeFailed.
        """
        if prefix != self._prefix:
            self._prefix = ()
            self.context.rewind(0, 0)
            for at in range(0, len(prefix), self.context.n_batch):
                self.context.decode_tokens(prefix[at : at + self.context.n_batch], at, outputs=0)
            self.steps += 1
            self._prefix = prefix
        self.context.rewind(0, len(prefix))

    def cancel(self) -> None:
        """Stop the session that is open, if any, from whatever thread. See `BatchSession.cancel`."""
        session = self._session
        if session is not None:
            session.cancel()

    def close(self) -> None:
        """Free weights and cache. Calling it again does nothing."""
        self._session = None
        self.mtmd.close()
        self.context.close()
        self.model.close()

    def __enter__(self) -> BatchEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class BatchSession:
    """One utterance. Made by `BatchEngine.session`; frames are only collected until `prepare` or `finish`."""

    def __init__(self, engine: BatchEngine, start_sample: int, before: str) -> None:
        self._engine = engine
        self._start_sample = start_sample
        self._before = before
        self._cancelled = threading.Event()
        self._pushed = 0
        self._ready: tuple[Hypothesis, list[str]] | None = None
        """The final words and their pieces, if nothing was pushed or rewound since they were computed."""

    @property
    def frames_pushed(self) -> int:
        """Frames taken and not rewound."""
        return self._pushed

    @property
    def frames_prefilled(self) -> int:
        """Frames in the model: none, until the end."""
        return 0 if self._ready is None else self._pushed

    @property
    def lag_frames(self) -> int:
        """See `SpeechSession.lag_frames`. None: they wait for the end, not for this machine."""
        return 0

    def push(self, frames: Samples) -> None:
        """Take frames float32[n, 640], n >= 0. Raises ContextFull, Cancelled."""
        engine = self._check()
        if frames.ndim != 2 or frames.shape[1] != FRAME_SAMPLES:
            raise ValueError(f"frames must be float32[n, {FRAME_SAMPLES}], not shape {frames.shape}")
        end = self._pushed + len(frames)
        if end > engine.max_frames:
            raise ContextFull(f"{end} frames do not fit, the context has room for {engine.max_frames}")
        if len(frames):
            engine._frames[self._pushed : end] = frames
            self._pushed = end
            self._ready = None

    def rewind(self, frames: int) -> None:
        """Drop the last `frames` frames, as if they had never been pushed. Raises ValueError for too many."""
        self._check()
        if not 0 <= frames <= self._pushed:
            raise ValueError(f"{frames} of {self._pushed} frames cannot be dropped")
        if frames:
            self._pushed -= frames
            self._ready = None

    def partial(self, *, give_up: Callable[[], bool] | None = None) -> Hypothesis | None:
        """None: nothing was heard before the end."""
        self._check()
        return None

    def prepare(self, *, give_up: Callable[[], bool] | None = None) -> None:
        """See `SpeechSession.prepare`. `give_up` is asked before every batch: once it says yes, nothing is
        prepared.
        """
        engine = self._check()
        if not engine.speed.prepare or self._ready is not None:
            return
        pieces: list[str] = []
        try:
            self._ready = (self._hear(pieces.append, give_up), pieces)
        except Cancelled:
            if self._cancelled.is_set():
                raise

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        """The words of the utterance, which is over then; see `Session.finish`. Raises DecodeFailed,
        ContextFull, Cancelled.
        """
        engine = self._check()
        try:
            if self._ready is None:
                hypothesis = self._hear(on_piece, None)
            else:
                hypothesis, pieces = self._ready
                if on_piece is not None:
                    for piece in pieces:
                        on_piece(piece)
        finally:
            engine._session = None
        timing = replace(hypothesis.timing, end_of_speech_s=end_of_speech_s)
        end = hypothesis.end_sample if end_sample is None else end_sample
        return replace(hypothesis, timing=timing, end_sample=end)

    def cancel(self) -> None:
        """Make the call that is running, or the next one, raise Cancelled. From any thread, at any time."""
        self._cancelled.set()

    def _check(self) -> BatchEngine:
        if self._engine._session is not self:
            raise RuntimeError("this session is over: it was finished, or another one was begun")
        if self._cancelled.is_set():
            raise Cancelled("stopped by the user")
        return self._engine

    def _sound(self) -> Samples:
        """What was pushed as float32[n], with the dither that streaming adds."""
        engine = self._engine
        frames = engine._frames[: self._pushed]
        if engine.profile.dither:
            frames = frames + np.take(engine._dither, np.arange(self._pushed), axis=0, mode="wrap")
        return frames.reshape(-1)

    def _hear(self, on_piece: Callable[[str], None] | None, give_up: Callable[[], bool] | None) -> Hypothesis:
        engine = self._engine
        began = time.monotonic()
        if not self._pushed:
            return self._hypothesis("", (), None, "eos", Timing(None, began, began, 0.0, 0.0, 0.0))

        def is_cancelled() -> bool:
            engine.steps += 1
            return self._cancelled.is_set() or (give_up is not None and give_up())

        with engine.mtmd.tokenize(self._before, self._sound(), engine.prompt.after) as chunks:
            room = engine.hearing_ctx - chunks.n_positions
            if room < LEAST_ANSWER:
                raise ContextFull(
                    f"{chunks.n_positions} positions do not fit into a context of {engine.hearing_ctx}"
                )
            source = _Source(engine, chunks, is_cancelled)
            source.prefill()
            asked = time.monotonic()
            audio_s = samples_to_s(self._pushed * FRAME_SAMPLES)
            rules = decode.Rules(
                is_end=engine._is_end,
                max_tokens=min(decode.max_tokens(audio_s, engine.profile.tokens_per_word), room),
            )
            answer = decode.Answer(source, engine._picker, rules, is_cancelled)
            spelled = spell(answer, engine.model.piece, engine.profile, on_piece)
        timing = Timing(
            end_of_speech_s=None,
            first_token_s=spelled.first_token_s,
            final_s=spelled.final_s,
            prefill_s=asked - began,
            decode_s=spelled.final_s - asked,
            audio_s=audio_s,
            steps=answer.steps,
        )
        heard = self._hypothesis(spelled.text, spelled.tokens, spelled.confidence, answer.stop, timing)
        return replace(heard, word_log_probs=spelled.word_log_probs)

    def _hypothesis(
        self,
        text: str,
        tokens: tuple[int, ...],
        confidence: float | None,
        stop: HypothesisStop,
        timing: Timing,
    ) -> Hypothesis:
        start = self._start_sample
        end = start + self._pushed * FRAME_SAMPLES
        return Hypothesis("final", text, tokens, confidence, start, end, stop, timing)


class _Source:
    """The cache behind a finished recording, for `decode`. The prompt in front of it stays there."""

    def __init__(self, engine: BatchEngine, chunks: Chunks, is_stopped: Callable[[], bool]) -> None:
        self._engine = engine
        self._chunks = chunks
        self._is_stopped = is_stopped
        self._end = 0
        """First free position."""
        self._is_first = False

    def prefill(self) -> None:
        """Put in the sound and what follows it. Raises as `Mtmd.put`."""
        engine, chunks = self._engine, self._chunks
        prefix = chunks.tokens(0)
        engine.keep_prefix(prefix)
        self._end = len(prefix)
        for index in range(1, len(chunks)):
            if self._is_stopped():
                raise Cancelled("stopped while the sound was taken in")
            self._end = engine.mtmd.put(
                engine.context,
                chunks,
                index,
                self._end,
                is_last=index == len(chunks) - 1,
                is_stopped=self._is_stopped,
            )

    def room(self) -> int:
        """No draft is taken: this is the plain way."""
        return 0

    def open(self, draft: Sequence[int]) -> None:
        """The tail is in already: mtmd puts it in behind the sound."""
        assert not draft
        self._is_first = True

    def append(self, tokens: Sequence[int]) -> None:
        """See `Answering`."""
        self._engine.context.decode_tokens(tokens, self._end, outputs=len(tokens))
        self._end += len(tokens)
        self._is_first = False

    def drop(self, n: int) -> None:
        """See `Answering`."""
        self._end -= n
        self._engine.context.rewind(0, self._end)

    def restart(self) -> None:
        """Never needed: without drafts, no answer is computed twice."""
        raise AssertionError("an answer without drafts was to be computed again")

    def logits(self, row: int) -> npt.NDArray[np.float32]:
        """See `Answering`."""
        if self._is_first:
            return self._engine.mtmd.first_logits(self._engine.context)
        return self._engine.context.logits(row)
