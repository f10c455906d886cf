"""Work with the model that the microphone puts off: it is begun again, unseen, from what was kept of it.

What is heard and written is greedy, so the second time gives the same words. Pieces that were handed on the
first time are not handed on again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from engine.errors import Cancelled, ContextFull, DecodeFailed, EngineLost
from engine.events import Hypothesis, Samples, Written
from engine.frames import FRAME_SAMPLES
from engine.speech import EngineAround, SpeechEngine, SpeechSession
from engine.texts import MOST_TOKENS, ReadText, TextSession
from engine.turns import Turn, Turns
from engine.utterance import FrameStore

W = TypeVar("W", "BackgroundSession", "BackgroundText")

TEXT_TRIES = 2
"""How many engine processes a text may outlive before it is given up."""


class BackgroundEngine(EngineAround):
    """A SpeechEngine for everybody but the microphone. Its sessions do not give each other up: each waits for
    its turn. The same holds for its texts.
    """

    def __init__(self, client: SpeechEngine, turns: Turns, read: ReadText) -> None:
        """`read` begins a text with the client; called with the lock of `turns` held."""
        super().__init__(client)
        self._turns = turns
        self._read = read
        self._open: set[BackgroundSession | BackgroundText] = set()
        self._is_closed = False

    def another(self) -> BackgroundEngine:
        """The same model with sessions and texts of its own, for one that can be closed alone."""
        return BackgroundEngine(self.client, self._turns, self._read)

    @property
    def waiting(self) -> int:
        """How many wait for the model, through this engine or another."""
        return self._turns.waiting

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> BackgroundSession:
        """Begin an utterance. End it with `finish` or `cancel`: nothing else does, but `close`."""
        session = BackgroundSession(self.client, self._turns, start_sample, tuple(terms), self._open.discard)
        return self._opened(session)

    def read(self, prefix: str, images: tuple[bytes, ...] = ()) -> BackgroundText:
        """A text whose prompt begins with `prefix`. Nothing is prefilled before it is written."""
        return self._opened(BackgroundText(self._turns, self._read, prefix, images, self._open.discard))

    def cancel(self) -> None:
        """Stop every session and text that is open."""
        with self._turns.changed:
            for work in tuple(self._open):
                work.cancel()

    def close(self) -> None:
        """The same, and for all that is begun later. The model belongs to others and stays."""
        with self._turns.changed:
            self._is_closed = True
            self.cancel()

    def _opened(self, work: W) -> W:
        with self._turns.changed:
            self._open.add(work)
            if self._is_closed:
                work.cancel()
            return work


class BackgroundSession:
    """One utterance in the background; see `SpeechSession`. Only `finish` waits."""

    def __init__(
        self,
        client: SpeechEngine,
        turns: Turns,
        start_sample: int,
        terms: tuple[str, ...],
        on_end: Callable[[BackgroundSession], None],
    ) -> None:
        self._client = client
        self._turns = turns
        self._turn = Turn(self._put_off)
        self._start_sample = start_sample
        self._terms = terms
        self._on_end = on_end
        self._kept = FrameStore()
        self._pushed = 0
        self._inner: SpeechSession | None = None
        """What the model hears now; None while it is not its turn."""
        self._given = 0
        """Frames that were pushed into that."""
        self._is_over = False

    @property
    def times_put_off(self) -> int:
        """How often it had to make way."""
        return self._turn.times_put_off

    @property
    def frames_pushed(self) -> int:
        """Frames taken and not rewound."""
        return self._pushed

    @property
    def lag_frames(self) -> int:
        """Frames that the model has not taken in yet."""
        with self._turns.changed:
            inner = self._inner
            return self._pushed - self._given + (0 if inner is None else inner.lag_frames)

    def push(self, frames: Samples) -> None:
        """Keep frames float32[n, 640]; where the model is free, it gets them at once.

        Raises ContextFull, Cancelled, and what the client raises.
        """
        if frames.ndim != 2 or frames.shape[1] != FRAME_SAMPLES:
            raise ValueError(f"frames must be float32[n, {FRAME_SAMPLES}], not shape {frames.shape}")
        with self._turns.changed:
            self._check()
            end, room = self._pushed + len(frames), self._client.max_frames
            if end > room:
                raise ContextFull(f"{end} frames do not fit, the context has room for {room}")
            self._kept.put(self._pushed, frames)
            self._pushed = end
            if self._turns.try_take(self._turn):
                self._bring()

    def rewind(self, frames: int) -> None:
        """Drop the last `frames` frames, as if they had never been pushed. Raises ValueError for too many."""
        with self._turns.changed:
            self._check()
            if not 0 <= frames <= self._pushed:
                raise ValueError(f"{frames} of {self._pushed} frames cannot be dropped")
            self._pushed -= frames
            dropped, self._given = max(0, self._given - self._pushed), min(self._given, self._pushed)
            if self._inner is not None and dropped:
                try:
                    self._inner.rewind(dropped)
                except Cancelled:
                    self._forget()

    def partial(self) -> Hypothesis | None:
        """Words so far, where the model is at it."""
        with self._turns.changed:
            self._check()
            try:
                return None if self._inner is None else self._inner.partial()
            except Cancelled:
                self._forget()
                return None

    def prepare(self) -> None:
        """Compute the final words ahead, where the model is at it."""
        with self._turns.changed:
            self._check()
            try:
                if self._inner is not None:
                    self._inner.prepare()
            except Cancelled:
                self._forget()

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        """The words, after everybody whose turn is earlier. Raises DecodeFailed, ContextFull, Cancelled,
        EngineLost; the session is over then.
        """
        once = Once(on_piece)
        with self._turns.changed:
            self._check()
        try:
            while True:
                self._turns.take(self._turn)
                with self._turns.changed:
                    inner = self._bring() if self._turn.has else None
                if inner is None:
                    continue
                once.begin()
                try:
                    heard = inner.finish(
                        on_piece=None if on_piece is None else once.take,
                        end_of_speech_s=end_of_speech_s,
                        end_sample=end_sample,
                    )
                    once.end()
                    return heard
                except (Cancelled, RuntimeError) as error:
                    self._look_why(error)
        finally:
            self._end()

    def cancel(self) -> None:
        """Make the call that is running, or the next one, raise Cancelled. From any thread, at any time."""
        self._turns.cancel(self._turn)
        self._turns.give_back(self._turn)
        self._on_end(self)

    # --- inside ------------------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._turn.is_cancelled:
            raise Cancelled("stopped by the user")
        if self._is_over:
            raise RuntimeError("this session is over")

    def _bring(self) -> SpeechSession | None:
        """Give the model what it has not; with the lock held, in our turn. None where it was interrupted."""
        try:
            if self._inner is None:
                self._given = 0
                self._inner = self._client.session(start_sample=self._start_sample, terms=self._terms)
            if self._given < self._pushed:
                self._inner.push(self._kept.view(self._given, self._pushed))
                self._given = self._pushed
            return self._inner
        except Cancelled:
            self._forget()
            return None
        except BaseException:
            self._end()
            raise

    def _look_why(self, error: Cancelled | RuntimeError) -> None:
        """The model let go of it: raise `error` unless it is to be begun again."""
        with self._turns.changed:
            if self._turn.is_cancelled:
                raise Cancelled("stopped by the user") from error
            if isinstance(error, RuntimeError) and self._turn.has:
                raise error
            self._forget()

    def _put_off(self) -> None:
        inner = self._inner
        self._forget()
        if inner is not None:
            inner.cancel()

    def _forget(self) -> None:
        self._inner, self._given = None, 0

    def _end(self) -> None:
        with self._turns.changed:
            self._is_over = True
            self._put_off()
        self._turns.give_back(self._turn)
        self._on_end(self)


class BackgroundText:
    """One text in the background; see `ClientText`. It ends with `write` or `drop`."""

    def __init__(
        self,
        turns: Turns,
        read: ReadText,
        prefix: str,
        images: tuple[bytes, ...],
        on_end: Callable[[BackgroundText], None],
    ) -> None:
        self._turns = turns
        self._on_end = on_end
        self._turn = Turn(self._put_off, is_text=True)
        self._read: Callable[[], TextSession] = lambda: read(prefix, images)
        self._inner: TextSession | None = None

    @property
    def times_put_off(self) -> int:
        """How often it had to make way."""
        return self._turn.times_put_off

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
        """What the model writes behind prompt and `suffix`, after everybody whose turn is earlier. Where the
        process is lost, it is asked once more. Raises what `ClientText.write` raises.
        """
        once = Once(on_piece)
        losses = 0
        try:
            while True:
                self._turns.take(self._turn)
                with self._turns.changed:
                    if not self._turn.has:
                        continue
                    inner = self._inner = self._read()
                once.begin()
                try:
                    written = inner.write(
                        suffix,
                        originals=originals,
                        grammar=grammar,
                        json_schema=json_schema,
                        max_tokens=max_tokens,
                        on_piece=None if on_piece is None else once.take,
                    )
                    once.end()
                    return written
                except Cancelled as error:
                    with self._turns.changed:
                        self._inner = None
                        if self._turn.is_cancelled:
                            raise Cancelled("stopped by the user") from error
                except EngineLost:
                    losses += 1
                    if losses >= TEXT_TRIES:
                        raise
        finally:
            self._turns.give_back(self._turn)
            self._on_end(self)

    def drop(self) -> None:
        """Give it up: `write` raises Cancelled. From any thread, at any time."""
        self._turns.cancel(self._turn)
        self._on_end(self)

    cancel = drop

    def _put_off(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.drop()


class Once:
    """Hands pieces of a text on, each of them once, however often the text is begun again."""

    def __init__(self, on_piece: Callable[[str], None] | None) -> None:
        self._on_piece = on_piece
        self._told = ""
        self._again = ""
        """What has come since the text was begun for the last time."""

    def begin(self) -> None:
        """The text comes from its beginning."""
        self._again = ""

    def take(self, piece: str) -> None:
        """Hand on of this piece what was not handed on. Raises DecodeFailed where it is another text."""
        assert self._on_piece is not None
        self._again += piece
        if self._again.startswith(self._told):
            new = self._again[len(self._told) :]
            self._told = self._again
            if new:
                self._on_piece(new)
        elif not self._told.startswith(self._again):
            raise _other_words()

    def end(self) -> None:
        """The text is complete. Raises DecodeFailed where more of it was handed on than there is."""
        if len(self._again) < len(self._told):
            raise _other_words()


def _other_words() -> DecodeFailed:
    # Two tokens that are about as likely may change places where the cache is laid out otherwise, see
    # `engine.writing`. What was handed on cannot be taken back.
    return DecodeFailed("the words came out differently after an interruption", hint="Ask for them again.")
