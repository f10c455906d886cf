"""One model for the microphone and for everybody else: the microphone first.

    shared.session(), shared.read()      the microphone's utterances, the user's texts: at once, as without us
    shared.background                    the local endpoint, Home Assistant: when the model is free

While an utterance of the microphone's or a text of the user's is open, the background waits. What it was at
is put off without an error and begun again by itself afterwards, from the frames and the prompt that were
kept (see `engine.background`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from engine.background import BackgroundEngine
from engine.errors import Cancelled, ModelUnsupported
from engine.events import Hypothesis, Samples, Written
from engine.speech import EngineAround, SpeechEngine, SpeechSession
from engine.texts import MOST_TOKENS, ReadText, TextSession
from engine.turns import Turns

if TYPE_CHECKING:
    from engine.keeper import EngineState


class Resident(SpeechEngine, Protocol):
    """What can be shared: `EngineClient`, or what hears like it."""

    @property
    def state(self) -> EngineState: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def restarts(self) -> int: ...
    def rss_bytes(self) -> int | None: ...
    def preload(self) -> None: ...
    def unload(self, *, wait_s: float = 5.0) -> bool: ...


class SharedEngine(EngineAround):
    """A client with a background. In front it is what the client is, and it owns it."""

    client: Resident

    def __init__(self, client: Resident, *, on_busy: Callable[[bool], None] | None = None) -> None:
        """`on_busy` is told when the background begins to work and when it has nothing to do any more, from
        whatever thread; it must not wait.
        """
        super().__init__(client)
        self._turns = Turns(on_busy)
        self._session: SharedSession | None = None
        self._text: SharedText | None = None
        self._background = BackgroundEngine(client, self._turns, self._read_behind)

    # --- the background ----------------------------------------------------------------------------------

    @property
    def background(self) -> BackgroundEngine:
        """A SpeechEngine, and the source of texts, for everybody but the microphone and its user."""
        return self._background

    @property
    def is_front_open(self) -> bool:
        """Whether the microphone or the user works with the model now."""
        return self._turns.is_front_open

    # --- in front ----------------------------------------------------------------------------------------

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> SharedSession:
        """Begin an utterance of the microphone's; see `SpeechEngine.session`."""
        with self._turns.changed:
            if self._session is not None:
                self._turns.end_front(self._session)
            session = SharedSession(self._turns)
            session.begin(lambda: self.client.session(start_sample=start_sample, terms=terms))
            self._session = session
            return session

    def read(self, prefix: str, images: tuple[bytes, ...] = ()) -> SharedText:
        """Begin a text of the user's; see `EngineClient.read`. It is expected to be written soon."""
        with self._turns.changed:
            self._turns.announce_text()
            if self._text is not None:
                self._text.drop()
            self._text = SharedText(self._turns, self._begin_text, prefix, images)
            return self._text

    def cancel(self) -> None:
        """Stop the microphone's session that is open, if any. The background goes on."""
        with self._turns.changed:
            if self._session is not None:
                self._session.cancel()

    def _read_behind(self, prefix: str, images: tuple[bytes, ...]) -> TextSession:
        # The client keeps one text. One of the user's that was only announced is read again when wanted.
        if self._text is not None:
            self._text.displace()
        return self._begin_text(prefix, images)

    def _begin_text(self, prefix: str, images: tuple[bytes, ...]) -> TextSession:
        begin: ReadText | None = getattr(self.client, "read", None)
        if begin is None:
            raise ModelUnsupported(f"'{self.files.name}' hears here, and does not write")
        return begin(prefix, images)

    # --- as the client -----------------------------------------------------------------------------------

    @property
    def state(self) -> EngineState:
        """How the process is."""
        return self.client.state

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self.client.pid

    @property
    def restarts(self) -> int:
        """How often a process was lost and replaced."""
        return self.client.restarts

    def rss_bytes(self) -> int | None:
        """Memory of the process that is in RAM."""
        return self.client.rss_bytes()

    def preload(self) -> None:
        """Start the process if it does not run."""
        self.client.preload()

    def expect(self) -> None:
        """Somebody in the background is about to talk: the same, and whoever frees memory is told, since
        perhaps nothing comes.
        """
        self.client.preload()
        self._turns.tell_again()

    def unload(self, *, wait_s: float = 5.0) -> bool:
        """Give the memory back, after what somebody waits for. True if there is no process any more."""
        self._turns.yield_unawaited()
        return self.client.unload(wait_s=wait_s)

    def close(self) -> None:
        """End everything, the background with it."""
        self._turns.close()
        self.client.close()

    def __enter__(self) -> SharedEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SharedSession:
    """An utterance of the microphone's; while it is open, the background waits."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._inner: SpeechSession

    def begin(self, begin: Callable[[], SpeechSession]) -> None:
        """Put others off, and begin it."""
        self._turns.begin_front(self)
        with self._ends_when_it_fails():
            self._inner = begin()

    @property
    def frames_pushed(self) -> int:
        """Frames taken and not rewound."""
        return self._inner.frames_pushed

    @property
    def lag_frames(self) -> int:
        """See `SpeechSession.lag_frames`."""
        return self._inner.lag_frames

    def push(self, frames: Samples) -> None:
        """See `SpeechSession.push`."""
        with self._ends_when_it_fails():
            self._inner.push(frames)

    def rewind(self, frames: int) -> None:
        """See `SpeechSession.rewind`."""
        with self._ends_when_it_fails():
            self._inner.rewind(frames)

    def partial(self) -> Hypothesis | None:
        """See `SpeechSession.partial`."""
        with self._ends_when_it_fails():
            return self._inner.partial()

    def prepare(self) -> None:
        """See `SpeechSession.prepare`."""
        with self._ends_when_it_fails():
            self._inner.prepare()

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        """See `SpeechSession.finish`."""
        try:
            return self._inner.finish(
                on_piece=on_piece, end_of_speech_s=end_of_speech_s, end_sample=end_sample
            )
        finally:
            self._turns.end_front(self)

    def cancel(self) -> None:
        """See `SpeechSession.cancel`."""
        self._inner.cancel()
        self._turns.end_front(self)

    @contextmanager
    def _ends_when_it_fails(self) -> Iterator[None]:
        # Whoever listens may have nothing more to say to an utterance that has failed.
        try:
            yield
        except BaseException:
            self._turns.end_front(self)
            raise


class SharedText:
    """A text of the user's; while it is written, the background waits."""

    def __init__(self, turns: Turns, read: ReadText, prefix: str, images: tuple[bytes, ...]) -> None:
        """`read` begins it with the client."""
        self._turns = turns
        self._read: Callable[[], TextSession] = lambda: read(prefix, images)
        self._inner: TextSession | None = self._read()
        """What the client reads; None where something in the background needed its place."""
        self._is_dropped = False

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
        """See `ClientText.write`."""
        with self._turns.changed:
            if self._is_dropped:
                raise Cancelled("the text was given up")
            self._turns.begin_text(self)
            try:
                inner = self._inner = self._inner or self._read()
            except BaseException:
                self._turns.end_front(self)
                raise
        try:
            return inner.write(
                suffix,
                originals=originals,
                grammar=grammar,
                json_schema=json_schema,
                max_tokens=max_tokens,
                on_piece=on_piece,
            )
        finally:
            self._turns.end_front(self)

    def drop(self) -> None:
        """See `ClientText.drop`."""
        with self._turns.changed:
            self._is_dropped = True
            if self._inner is not None:
                self._inner.drop()

    def displace(self) -> None:
        """Another text takes its place in the client."""
        with self._turns.changed:
            self._inner = None
