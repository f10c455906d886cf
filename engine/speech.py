"""What hears: an engine and its utterances, wherever the model runs.

`engine.session.Engine` holds the model in this process, `engine.client.EngineClient` in one of its own.
Whoever listens needs only what stands here, and hears the same words from both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.catalog import ModelFiles, PromptProfile
from engine.events import Hypothesis, Samples


class SpeechSession(Protocol):
    """One utterance. It ends with `finish`, `cancel`, or the next session of its engine."""

    @property
    def frames_pushed(self) -> int:
        """Frames taken and not rewound."""
        ...

    def push(self, frames: Samples) -> None:
        """Take frames float32[n, 640], n >= 0. Raises ContextFull, DecodeFailed, Cancelled."""
        ...

    def rewind(self, frames: int) -> None:
        """Drop the last `frames` frames, as if they had never been pushed. Raises ValueError for too many."""
        ...

    @property
    def lag_frames(self) -> int:
        """Frames pushed that the model has not taken in yet, as far as is known."""
        ...

    def partial(self) -> Hypothesis | None:
        """Words so far; None where they are not at hand yet: ask again with the next frame."""
        ...

    def prepare(self) -> None:
        """What was pushed is all, most likely: compute the final words ahead.

        `finish` with the same frames then has them at hand. More frames, or fewer, make it void; it never
        changes the words. Raises DecodeFailed, ContextFull, Cancelled.
        """
        ...

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        """The words of the utterance, which is over then. `on_piece` gets each piece of text as it appears,
        in the thread that called. Raises DecodeFailed, ContextFull, Cancelled.
        """
        ...

    def cancel(self) -> None:
        """Make the call that is running, or the next one, raise Cancelled. From any thread, at any time."""
        ...


class SpeechEngine(Protocol):
    """What turns utterances into words, one at a time."""

    @property
    def files(self) -> ModelFiles:
        """The model in use."""
        ...

    @property
    def profile(self) -> PromptProfile:
        """How this model wants to be asked."""
        ...

    @property
    def max_frames(self) -> int:
        """Frames that fit into an utterance."""
        ...

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> SpeechSession:
        """Begin an utterance at `start_sample` of the source. A session that is still open is given up.

        `terms`: names that may be said, most important first; some models are told them (see
        `PromptProfile.terms`), others hear as without.
        """
        ...

    def cancel(self) -> None:
        """Stop the session that is open, if any, from whatever thread."""
        ...

    def close(self) -> None:
        """Free everything. Calling it again does nothing."""
        ...


class EngineAround:
    """What is the same of an engine, whoever stands around it."""

    def __init__(self, client: SpeechEngine) -> None:
        """`client` is the one inside."""
        self.client = client

    @property
    def files(self) -> ModelFiles:
        """The model in use."""
        return self.client.files

    @property
    def profile(self) -> PromptProfile:
        """How this model wants to be asked."""
        return self.client.profile

    @property
    def max_frames(self) -> int:
        """Frames that fit into an utterance."""
        return self.client.max_frames
