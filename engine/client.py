"""The daemon's hold on its engine process: what `engine.session.Engine` offers, with the model elsewhere.

A thread of its own (see `engine.keeper`) starts the process, talks to it, watches it, and starts it again
when it is lost in the middle of an utterance. Calls here only note what is wanted and wait for answers, so
pushing sound never waits for the model. Every frame of the utterance is kept until its words are there: a new
process is told all of it again, and answers in the same words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from engine._engine_process import resident_bytes
from engine.catalog import ModelFiles, PromptProfile
from engine.errors import Cancelled, ContextFull
from engine.events import Hypothesis, Samples, Written
from engine.frames import FRAME_SAMPLES
from engine.keeper import EngineState, Keeper, Limits
from engine.loading import Loading
from engine.messages import Finish, Load, Read, Write, pack
from engine.terms import usable
from engine.texts import MOST_TOKENS, Text
from engine.utterance import LAG_FRAMES, FrameStore, Utterance

__all__ = ["ClientSession", "ClientText", "EngineClient", "EngineState", "Limits"]


class EngineClient:
    """A model that hears, in a process that is started when it is needed and can be sent away.

    All methods may be called from any thread. Nothing but `ClientSession.finish`, `unload` and `close` waits.
    """

    def __init__(
        self,
        files: ModelFiles,
        *,
        n_ctx: int = 2048,
        text_ctx: int = 0,
        n_threads: int | None = None,
        polling: int | None = None,
        loading: Loading | None = None,
        block_frames: int | None = None,
        on_state: Callable[[EngineState], None] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Nothing is started yet. The arguments up to `block_frames` are those of `Engine.open`; texts need
        `text_ctx`.

        `on_state` is called with every change of state, in the keeper's thread: it must not wait, nor
        call `close` or `unload`.
        """
        # The process has a working folder of its own.
        files = replace(
            files,
            model=_absolute(files.model),
            projector=_absolute(files.projector),
            drafter=None if files.drafter is None else _absolute(files.drafter),
            adapter=None if files.adapter is None else _absolute(files.adapter),
        )
        limits = limits or Limits()
        load = Load(
            files=files,
            n_ctx=n_ctx,
            n_threads=n_threads,
            polling=polling,
            loading=loading or Loading(),
            block_frames=block_frames,
            beat_s=limits.beat_s,
            is_debug=False,
            text_ctx=text_ctx,
        )
        self.files = files
        self._store = FrameStore()
        self._number = 0
        self._text_number = 0
        self._room = -(-n_ctx // 256) * 256
        self._keeper = Keeper(load, limits, on_state)
        self._changed = self._keeper.changed

    @property
    def profile(self) -> PromptProfile:
        """How this model wants to be asked."""
        return self.files.profile

    @property
    def max_frames(self) -> int:
        """Frames that fit into an utterance. Exact once the model was loaded; before that the whole context,
        since nobody can tell without it: what does not fit is then refused by `finish`.
        """
        hello = self._keeper.hello
        return self._room if hello is None else hello.max_frames

    @property
    def state(self) -> EngineState:
        """How the process is."""
        return self._keeper.state

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self._keeper.state.pid

    @property
    def restarts(self) -> int:
        """How often a process was started in the place of one that was lost during an utterance."""
        return self._keeper.restarts

    def rss_bytes(self) -> int | None:
        """Memory of the process that is in RAM; None where there is no process."""
        pid = self.pid
        return None if pid is None else resident_bytes(pid)

    def preload(self) -> None:
        """Start the process if it does not run. Returns at once; `state` tells how it goes."""
        self._keeper.want()

    def unload(self, *, wait_s: float = 5.0) -> bool:
        """Give everything back: the process ends, at once or, if one is open, after the utterance.

        Waits up to `wait_s` for that. True if there is no process any more.
        """
        return self._keeper.unload(wait_s)

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> ClientSession:
        """Begin an utterance at `start_sample` of the source. A session that is still open is given up.

        `terms`: names that may be said, most important first; see `Engine.session`.
        """
        names = usable(terms)
        with self._changed:
            self._number += 1
            utterance = Utterance(self._number, start_sample, self._store, names)
            self._keeper.begin(utterance)
        return ClientSession(self, utterance)

    def read(self, prefix: str, images: tuple[bytes, ...] = ()) -> ClientText:
        """Begin a text whose prompt begins with `prefix`, which is prefilled while there is nothing else to
        do. A text that is being written is given up. `images`: one for each `quoting.IMAGE` in the prefix.

        Raises ContextFull where it is longer than any model can take, ValueError for half characters.
        """
        _require_sendable(Read(0, prefix, images), prefix)
        with self._changed:
            self._text_number += 1
            text = Text(self._text_number, prefix, images)
            self._keeper.read(text)
        return ClientText(self._keeper, text)

    def cancel(self) -> None:
        """Stop the session that is open, if any."""
        with self._changed:
            utterance = self._keeper.utterance
            if utterance is not None:
                self._keeper.cancel(utterance)

    def close(self, *, wait_s: float = 15.0) -> None:
        """End process and thread, an open utterance with them. Calling it again does nothing.

        Takes some milliseconds, and never longer than `wait_s`.
        """
        self._keeper.close(wait_s)

    def __enter__(self) -> EngineClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ClientSession:
    """One utterance. Made by `EngineClient.session`; ends with `finish`, `cancel`, or the next session."""

    def __init__(self, client: EngineClient, utterance: Utterance) -> None:
        self._client = client
        self._utterance = utterance
        self._keeper = client._keeper
        self._changed = client._changed

    @property
    def frames_pushed(self) -> int:
        """Frames taken and not rewound."""
        return self._utterance.pushed

    @property
    def lag_frames(self) -> int:
        """See `SpeechSession.lag_frames`. As of a moment ago."""
        with self._changed:
            return self._utterance.lag_frames

    def prepare(self) -> None:
        """See `SpeechSession.prepare`. Returns at once; raises what `push` raises."""
        with self._changed:
            utterance = self._check()
            if utterance.pushed and utterance.prepare_at is None:
                utterance.prepare_at = utterance.pushed
                self._keeper.wake()

    def push(self, frames: Samples) -> None:
        """Take frames float32[n, 640], n >= 0, and return; they are sent and prefilled meanwhile.

        Raises ContextFull, Cancelled; and what went wrong meanwhile, after which the utterance is over.
        """
        if frames.ndim != 2 or frames.shape[1] != FRAME_SAMPLES:
            raise ValueError(f"frames must be float32[n, {FRAME_SAMPLES}], not shape {frames.shape}")
        with self._changed:
            utterance = self._check()
            end, room = utterance.pushed + len(frames), self._client.max_frames
            if end > room:
                raise ContextFull(f"{end} frames do not fit, the context has room for {room}")
            utterance.push(frames)
            self._keeper.wake()

    def rewind(self, frames: int) -> None:
        """Drop the last `frames` frames, as if they had never been pushed. Raises ValueError for too many."""
        with self._changed:
            utterance = self._check()
            if not 0 <= frames <= utterance.pushed:
                raise ValueError(f"{frames} of {utterance.pushed} frames cannot be dropped")
            utterance.rewind(frames)
            self._keeper.wake()

    def partial(self) -> Hypothesis | None:
        """Words of a moment ago, if they are there; else they are asked for, and None is returned.

        Never waits and never holds up the sound: call it again with the next frame. Nothing is asked for
        while the process is more than a second behind, and it drops the request where it falls behind or the
        final words are wanted.
        """
        with self._changed:
            utterance = self._check()
            ready, utterance.partial = utterance.partial, None
            is_asked = utterance.partial_answered < utterance.partial_asked
            if ready is None and not is_asked and self._keeper.unsent_frames(utterance) <= LAG_FRAMES:
                utterance.partial_asked += 1
                self._keeper.wake()
            return ready

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        """The words of the utterance. `on_piece` is called here with each piece of text as it appears, once
        also where the process was lost meanwhile.

        Raises what `Session.finish` raises, what went wrong before, and EngineLost where one process after
        the other was lost. The session is over afterwards.
        """
        with self._changed:
            utterance = self._check()
            utterance.finish = Finish(utterance.number, end_of_speech_s, end_sample, on_piece is not None)
            self._keeper.wake()
        try:
            while True:
                with self._changed:
                    while not utterance.pieces and utterance.is_open:
                        self._changed.wait()
                    pieces = list(utterance.pieces)
                    utterance.pieces.clear()
                    if not pieces:
                        return self._outcome(utterance)
                for piece in pieces:
                    assert on_piece is not None, "pieces come where they were asked for"
                    on_piece(piece)
        finally:
            with self._changed:
                self._keeper.leave(utterance)

    def cancel(self) -> None:
        """Make the call that is running, or the next one, raise Cancelled. From any thread, at any time."""
        with self._changed:
            self._keeper.cancel(self._utterance)

    def _check(self) -> Utterance:
        utterance = self._utterance
        if utterance.is_over or self._keeper.utterance is not utterance:
            raise RuntimeError("this session is over: it was finished, or another one was begun")
        if utterance.is_cancelled:
            raise Cancelled("stopped by the user")
        if utterance.error is not None:
            raise utterance.error
        return utterance

    @staticmethod
    def _outcome(utterance: Utterance) -> Hypothesis:
        if utterance.final is not None:
            return utterance.final
        if utterance.error is not None:
            raise utterance.error
        raise Cancelled("stopped by the user")


class ClientText:
    """A text that the model writes. Made by `EngineClient.read`; ends with `write`, `drop`, or the next."""

    def __init__(self, keeper: Keeper, text: Text) -> None:
        self._keeper = keeper
        self._text = text

    def write(
        self,
        suffix: str,
        *,
        originals: Sequence[str] = (),
        grammar: str | None = None,
        json_schema: str | None = None,
        max_tokens: int = MOST_TOKENS,
        on_piece: Callable[[str], None] | None = None,
    ) -> Written:
        """What the model writes behind the prompt and `suffix`; see `TextPass.answer`. `on_piece` is called
        here with each piece of it as it appears. What is said meanwhile comes first, between two batches.

        `json_schema`: instead of a grammar, what the text is then JSON of.

        Raises what `TextPass.answer` raises, Cancelled where it was dropped, and EngineLost where the process
        was lost meanwhile: the text may then be asked for again. ValueError for an empty suffix and for half
        characters, ContextFull for texts longer than any model can take; these leave the text as it was.
        """
        text, changed = self._text, self._keeper.changed
        wants_pieces = on_piece is not None
        write = Write(text.number, suffix, tuple(originals), grammar, max_tokens, wants_pieces, json_schema)
        if not suffix:
            raise ValueError("a text follows at least one character behind its prompt")
        _require_sendable(write, suffix, *originals, grammar or "", json_schema or "")
        with changed:
            if text.write is not None:
                raise RuntimeError("this text is over: begin another one")
            text.write = write
            if text.is_awaited:
                self._keeper.want_again()
        while True:
            with changed:
                while not text.pieces and text.is_awaited:
                    changed.wait()
                pieces = list(text.pieces)
                text.pieces.clear()
                if not pieces:
                    return self._outcome()
            for piece in pieces:
                assert on_piece is not None, "pieces come where they were asked for"
                on_piece(piece)

    def drop(self) -> None:
        """Give it up: `write` raises Cancelled. From any thread, at any time."""
        with self._keeper.changed:
            if self._keeper.text is self._text:
                self._keeper.drop()

    def _outcome(self) -> Written:
        text = self._text
        if text.written is not None:
            return text.written
        if text.error is not None:
            raise text.error
        raise Cancelled("the text was given up")


def _require_sendable(message: Read | Write, *texts: str) -> None:
    """Refuse what would end the process, and with it the utterance that may be open."""
    for text in texts:
        text.encode()
    try:
        pack(message)
    except ValueError as error:
        raise ContextFull(f"the text is too long: {error}", hint="Ask about less text at once.") from error


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  (Path.absolute keeps `..`, resolve follows links)
