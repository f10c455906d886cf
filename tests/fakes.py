"""An engine that hears what it was told to: the whole program without a model."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.catalog import PromptProfile, profiles
from engine.events import Hypothesis, Timing
from engine.frames import FRAME_SAMPLES


class Unsure(str):
    """A text that is heard without being sure of it."""


class Doubtful(str):
    """A text that is heard with just enough confidence to be words."""


class Misheard(str):
    """Words of which the model is not sure, though it is of some."""

    __slots__ = ()


class ScriptedEngine:
    """Each utterance is heard as the next of the enqueued texts; an enqueued exception is raised."""

    def __init__(self, texts: Iterable[str | BaseException] = ()) -> None:
        self.texts: deque[str | BaseException] = deque(texts)
        self.profile: PromptProfile = profiles()["bundled"]
        self.max_frames = 1000
        self.files = SimpleNamespace(name="scripted")
        self.closed = False
        self.frames_heard: list[int] = []
        """Frames of each finished utterance."""
        self.terms: list[tuple[str, ...]] = []
        """The names that each utterance was begun with."""

    def enqueue(self, *texts: str | BaseException) -> None:
        self.texts.extend(texts)

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> ScriptedSession:
        self.terms.append(tuple(terms))
        return ScriptedSession(self, start_sample)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> ScriptedEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ScriptedSession:
    """One utterance; partials are the first words of what will be heard."""

    def __init__(self, engine: ScriptedEngine, start_sample: int) -> None:
        self._engine = engine
        self._start = start_sample
        self.frames_pushed = 0
        self._partials = 0
        self.is_cancelled = False
        self.prepared_at: int | None = None
        """Frames that were pushed when the words were last wanted ahead."""

    def push(self, frames: np.ndarray) -> None:
        self.frames_pushed += len(frames)

    def rewind(self, frames: int) -> None:
        self.frames_pushed -= frames

    def cancel(self) -> None:
        self.is_cancelled = True

    @property
    def lag_frames(self) -> int:
        return 0

    def prepare(self) -> None:
        self.prepared_at = self.frames_pushed

    def partial(self) -> Hypothesis:
        self._partials += 1
        text = self._engine.texts[0] if self._engine.texts else ""
        words = "" if isinstance(text, BaseException) else " ".join(text.split()[: self._partials])
        return self._hypothesis("partial", words, None, None)

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        assert self._engine.texts, "an utterance was heard that the test did not enqueue"
        text = self._engine.texts.popleft()
        if isinstance(text, BaseException):
            raise text
        self._engine.frames_heard.append(self.frames_pushed)
        return self._hypothesis("final", text, end_of_speech_s, end_sample)

    def _hypothesis(
        self, kind: Any, text: str, end_of_speech_s: float | None, end_sample: int | None
    ) -> Hypothesis:
        end = self._start + self.frames_pushed * FRAME_SAMPLES if end_sample is None else end_sample
        now_s = time.monotonic()
        timing = Timing(end_of_speech_s, now_s, now_s, 0.001, 0.001, self.frames_pushed * 0.04)
        tokens = tuple(range(len(text.split())))
        confidence = -9.0 if isinstance(text, Unsure) else -0.12 if isinstance(text, Doubtful) else -0.05
        doubts = (-1.0 if isinstance(text, Misheard) else -0.0005,) * len(tokens)
        return Hypothesis(
            kind, text, tokens, confidence, self._start, end, "eos", timing, word_log_probs=doubts
        )
