"""A server that hears: any program that takes a recording by HTTP, as an engine like the others.

No server takes sound while it is spoken, so frames are only collected; but what `prepare` says is most likely
all of an utterance is sent at once, and while endpointing still waits through the silence, the server works.
Nothing is asked of a server before it is needed, and no connection is kept.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from engine import decode
from engine.catalog import ModelFiles, PromptProfile, profiles
from engine.errors import Cancelled, ContextFull, EngineError, ServerError, ServerLost
from engine.events import Hypothesis, Samples, Timing
from engine.frames import FRAME_SAMPLES, samples_to_s
from engine.keeper import EngineState
from engine.server_answer import Answered, Collected
from engine.server_call import Call, Tell
from engine.server_dialects import HIDES_CUTS, Ask, ask_to_hear, read_line, wav_file
from engine.server_http import ServerOptions, Wire
from engine.server_probe import Capabilities, probe
from engine.terms import usable

__all__ = ["Server", "ServerEngine", "ServerOptions", "ServerSession"]

MOST_FRAMES = 750
"""30 s: what Gemma 4 and Whisper alike were made to hear at once."""

LONGEST_SILENCES = 4.0
"""Within so many times as long as it may be silent, a server has said what it can do, or what it heard, all
of it: one that dribbles is never silent.
"""

AFTER_END_S = 2.0
"""How long a server may go on behind the end of its answer: counts may follow, and some never hang up."""

FAMILIES = (("voice-edit", "bundled"), ("bundled", "bundled"), ("e2b", "gemma-4-e"), ("e4b", "gemma-4-e"))
"""What in a model's name tells how it wants to be asked; all others are asked like Gemma 4 12B."""


class Server:
    """One server: what it can do is asked once, and again after it could not be reached."""

    def __init__(self, options: ServerOptions) -> None:
        """Asks nothing yet. Raises ServerUnusable, ServerForbidden."""
        self.wire = Wire(options)
        self._known: Capabilities | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return self.wire.address.url

    @property
    def known(self) -> Capabilities | None:
        """What it can do, if it was asked already."""
        return self._known

    async def capabilities(self, *, for_hearing: bool = False) -> Capabilities:
        """What it can do. Raises ServerError."""
        known = self._known
        if known is None or (for_hearing and known.hears is None and known.deaf == "it was not asked"):
            longest_s = LONGEST_SILENCES * self.wire.options.read_s
            try:
                async with asyncio.timeout(longest_s):
                    known = self._known = await probe(self.wire, for_hearing=for_hearing)
            except TimeoutError:
                raise ServerLost(f"{self.url} did not say within {longest_s:g} s what it can do") from None
        return known

    def forget(self) -> None:
        """It may be another one the next time."""
        self._known = None

    async def answer(
        self, ask: Ask, profile: PromptProfile, tell: Tell, *, max_tokens: int, longest_s: float
    ) -> Answered:
        """Send a request and read its answer to the end; `tell` gets the pieces of text as they come.

        Once it has said why it ends, an answer is complete, whatever becomes of the connection. Raises
        ServerError.
        """
        known = self._known
        hides_cuts = known is not None and known.kind in HIDES_CUTS
        got = Collected(profile, max_tokens, hides_cuts=hides_cuts)
        try:
            async with asyncio.timeout(longest_s) as limit, aclosing(self.wire.lines(ask)) as lines:
                async for line in lines:
                    chunk = read_line(line)
                    if chunk is None:
                        continue
                    if got.stop is None and chunk.stop is not None:
                        limit.reschedule(asyncio.get_running_loop().time() + AFTER_END_S)
                    got.take(chunk, tell)
                    if chunk.is_last or got.is_too_long:
                        break
        except TimeoutError:
            if got.stop is None:
                raise ServerLost(f"{self.url} did not end its answer within {longest_s:g} s") from None
        except ServerLost:
            if got.stop is None:
                raise
        return got.answered(self.url)


class ServerEngine:
    """A server as a `SpeechEngine`, and as what the daemon keeps: see `EngineClient` for the same things."""

    def __init__(self, server: Server, *, on_state: Callable[[EngineState], None] | None = None) -> None:
        """Asks nothing yet. `on_state` is called with every change of state, from any thread."""
        self.server = server
        self.max_frames = MOST_FRAMES
        self.restarts = 0
        self.pid: int | None = None
        self._state = EngineState("unloaded")
        self._on_state = on_state
        self._lock = threading.Lock()
        self._session: ServerSession | None = None
        self._loading: Call[Capabilities] | None = None
        self._is_closed = False

    @property
    def files(self) -> ModelFiles:
        """The model's name; its files are elsewhere, their paths empty."""
        known = self.server.known
        name = known.name if known is not None else self.server.wire.options.model
        return ModelFiles(f"server:{name}" if name else "server", Path(), Path(), self.profile)

    @property
    def profile(self) -> PromptProfile:
        """How the model is asked, by its name; tokens are the server's affair."""
        known = self.server.known
        return server_profile(known.model if known is not None else self.server.wire.options.model)

    @property
    def state(self) -> EngineState:
        """`ready` once the server said that it hears."""
        return self._state

    def rss_bytes(self) -> int | None:
        """None: it takes no memory here."""
        return None

    def preload(self) -> None:
        """Ask the server what it can do. Returns at once; `state` tells how it went."""
        with self._lock:
            if self._is_closed or self._loading is not None or self._state.state == "ready":
                return
            call = self._loading = Call(self._get_ready)
        threading.Thread(target=self._wait_ready, args=(call,), name="server-preload", daemon=True).start()

    def require_ready(self) -> None:
        """Ask the server what it can do, and wait. Raises ServerError where it cannot hear, Cancelled."""
        Call(self._get_ready).result()

    def unload(self, *, wait_s: float = 5.0) -> bool:
        """Forget what the server can do, unless somebody speaks. There is nothing else to give back."""
        with self._lock:
            if self._session is not None:
                return False
        self.server.forget()
        self._tell(EngineState("unloaded"))
        return True

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> ServerSession:
        """Begin an utterance; see `SpeechEngine.session`."""
        session = ServerSession(self, start_sample, usable(terms))
        with self._lock:
            before, self._session = self._session, session
        if before is not None:
            before.cancel()
        return session

    def cancel(self) -> None:
        """Stop the session that is open, if any, from whatever thread."""
        session = self._session
        if session is not None:
            session.cancel()

    def close(self) -> None:
        """Give up what is asked. Calling it again does nothing."""
        with self._lock:
            self._is_closed = True
            loading = self._loading
        if loading is not None:
            loading.cancel()
        self.cancel()

    def __enter__(self) -> ServerEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def hear(self, samples: Samples, terms: Sequence[str], tell: Tell) -> Answered:
        """The words in float32[n] samples. For a `Call`. Raises ServerError."""
        try:
            known = await self._get_ready(tell)
            profile = self.profile
            audio_s = samples_to_s(len(samples))
            most = decode.max_tokens(audio_s, profile.tokens_per_word)
            names = ", ".join(terms)
            instruction = profile.instruction.strip()
            if names and profile.terms:
                instruction += profile.terms.replace("{terms}", names)
            ask = ask_to_hear(
                known.kind,
                known.require_hearing(),
                known.model,
                instruction,
                wav_file(samples),
                max_tokens=most,
                names=names,
            )
            longest_s = LONGEST_SILENCES * self.server.wire.options.read_s
            return await self.server.answer(ask, profile, tell, max_tokens=most, longest_s=longest_s)
        except ServerError as error:
            self.server.forget()
            self._tell(EngineState("failed", message=str(error)))
            raise

    async def _get_ready(self, tell: Tell) -> Capabilities:
        known = self.server.known
        if self._state.state != "ready" or known is None:
            self._tell(EngineState("loading"))
            try:
                known = await self.server.capabilities(for_hearing=True)
                known.require_hearing()
            except EngineError as error:
                self.server.forget()
                self._tell(EngineState("failed", message=str(error)))
                raise
            self._tell(EngineState("ready"))
        return known

    def _wait_ready(self, call: Call[Capabilities]) -> None:
        try:
            call.result()
        except EngineError:
            if self._state.state == "loading":
                self._tell(EngineState("unloaded"))
        finally:
            with self._lock:
                self._loading = None

    def _tell(self, state: EngineState) -> None:
        if state == self._state:
            return
        self._state = state
        if self._on_state is not None and not self._is_closed:
            self._on_state(state)


class ServerSession:
    """One utterance. Made by `ServerEngine.session`; ends with `finish`, `cancel`, or the next session."""

    def __init__(self, engine: ServerEngine, start_sample: int, terms: Sequence[str]) -> None:
        self._engine = engine
        self._start_sample = start_sample
        self._terms = terms
        self._frames = np.empty((engine.max_frames, FRAME_SAMPLES), dtype=np.float32)
        self._pushed = 0
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._ahead: tuple[int, Call[Answered]] | None = None
        """The call that hears so many frames, where one was begun."""

    @property
    def frames_pushed(self) -> int:
        """Frames taken and not rewound."""
        return self._pushed

    @property
    def lag_frames(self) -> int:
        """None: frames wait for the end of the utterance, not for this machine."""
        return 0

    def push(self, frames: Samples) -> None:
        """Take frames float32[n, 640], n >= 0. Raises ContextFull, Cancelled."""
        self._check()
        if frames.ndim != 2 or frames.shape[1] != FRAME_SAMPLES:
            raise ValueError(f"frames must be float32[n, {FRAME_SAMPLES}], not shape {frames.shape}")
        end = self._pushed + len(frames)
        if end > len(self._frames):
            raise ContextFull(f"{end} frames do not fit, a server is sent at most {len(self._frames)}")
        if len(frames):
            self._drop_ahead()
            self._frames[self._pushed : end] = frames
            self._pushed = end

    def rewind(self, frames: int) -> None:
        """Drop the last `frames` frames, as if they had never been pushed. Raises ValueError for too many."""
        self._check()
        if not 0 <= frames <= self._pushed:
            raise ValueError(f"{frames} of {self._pushed} frames cannot be dropped")
        if frames:
            self._drop_ahead()
            self._pushed -= frames

    def partial(self) -> Hypothesis | None:
        """None: words so far would cost a server as much as all of them."""
        self._check()
        return None

    def prepare(self) -> None:
        """What was pushed is all, most likely: send it. Returns at once. Raises Cancelled."""
        self._check()
        if self._pushed and self._ahead is None:
            self._begin()

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        """The words of the utterance, which is over then; see `SpeechSession.finish`. Raises ServerError,
        Cancelled.
        """
        self._check()
        end = self._start_sample + self._pushed * FRAME_SAMPLES if end_sample is None else end_sample
        try:
            if not self._pushed:
                now = time.monotonic()
                timing = Timing(end_of_speech_s, now, now, 0.0, 0.0, 0.0)
                return Hypothesis("final", "", (), None, self._start_sample, end, "eos", timing)
            call = self._ahead[1] if self._ahead is not None else self._begin()
            answered = call.result(on_piece)
        finally:
            self._leave()
        return Hypothesis(
            kind="final",
            text=answered.text,
            tokens=(),
            confidence=answered.confidence,
            start_sample=self._start_sample,
            end_sample=end,
            stop=answered.stop,
            timing=Timing(
                end_of_speech_s=end_of_speech_s,
                first_token_s=answered.first_s,
                final_s=answered.final_s,
                prefill_s=answered.first_s - answered.asked_s,
                decode_s=answered.final_s - answered.first_s,
                audio_s=samples_to_s(self._pushed * FRAME_SAMPLES),
                steps=answered.steps,
            ),
            word_log_probs=answered.word_log_probs,
        )

    def cancel(self) -> None:
        """Make the call that is running, or the next one, raise Cancelled. From any thread, at any time."""
        with self._lock:
            self._is_cancelled = True
            ahead = self._ahead
        if ahead is not None:
            ahead[1].cancel()

    def _begin(self) -> Call[Answered]:
        samples = self._frames[: self._pushed].reshape(-1).copy()
        with self._lock:
            if self._is_cancelled:
                raise Cancelled("stopped by the user")
            call = Call(lambda tell: self._engine.hear(samples, self._terms, tell))
            self._ahead = (self._pushed, call)
        return call

    def _drop_ahead(self) -> None:
        with self._lock:
            ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead[1].cancel()

    def _check(self) -> None:
        if self._engine._session is not self:
            if self._is_cancelled:
                raise Cancelled("stopped by the user")
            raise RuntimeError("this session is over: it was finished, or another one was begun")
        if self._is_cancelled:
            raise Cancelled("stopped by the user")

    def _leave(self) -> None:
        with self._engine._lock:
            if self._engine._session is self:
                self._engine._session = None


def server_profile(model: str) -> PromptProfile:
    """How a server's model is asked, by its name. What only a local decoder needs is left out."""
    known = profiles()
    name = model.lower()
    family = next((family for part, family in FAMILIES if part in name), "gemma-4-12b")
    return replace(known[family], name=f"server:{family}", match=(), suppressed=(), end_tokens=())
