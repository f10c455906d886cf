"""An utterance as the client keeps it, and what the engine process must be told next. Pure.

The process is never sent a log of calls: it is brought, message by message, to the state that the caller has
made. A process that was just started knows nothing, so bringing it there is the replay.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from engine.errors import EngineError
from engine.events import Hypothesis
from engine.frames import FRAME_SAMPLES
from engine.messages import MOST_FRAMES, AskPartial, Cancel, Finish, Open, Prepare, Rewind, Sound, ToEngine

LAG_FRAMES = 25
"""With more sound than this not sent yet (1 s), no partial words are asked for."""


class FrameStore:
    """Memory for the sound of one utterance, used again for the next. It grows to the longest one."""

    def __init__(self) -> None:
        self._frames = np.empty((0, FRAME_SAMPLES), dtype=np.float32)

    def put(self, at: int, frames: npt.NDArray[np.float32]) -> None:
        """Keep frames float32[n, 640] from position `at` on."""
        end = at + len(frames)
        if end > len(self._frames):
            grown = np.empty((max(end, 2 * len(self._frames), 512), FRAME_SAMPLES), dtype=np.float32)
            grown[:at] = self._frames[:at]
            self._frames = grown
        self._frames[at:end] = frames

    def view(self, first: int, last: int) -> npt.NDArray[np.float32]:
        """The frames [first, last); valid until the next `put`."""
        return self._frames[first:last]


@dataclass(slots=True)
class Utterance:
    """What the caller has done to it, and what came of it. Whoever touches it holds the client's lock."""

    number: int
    start_sample: int
    store: FrameStore
    terms: tuple[str, ...] = ()
    """Names that may be said."""
    pushed: int = 0
    """Frames taken and not rewound."""
    unchanged: int = 0
    """Frames in front that were not rewound since the process was told of them."""
    taken: int = 0
    """Frames that the process has taken in, as far as it has told."""
    prepare_at: int | None = None
    """How many frames there were when their words were wanted ahead; None if nothing is to be prepared."""
    partial_asked: int = 0
    """Number of the newest request for partial words."""
    partial_answered: int = 0
    partial: Hypothesis | None = None
    """Partial words that nobody took yet."""
    finish: Finish | None = None
    """That the words are wanted."""
    pieces: deque[str] = field(default_factory=deque)
    """Pieces of the answer that nobody took yet."""
    piece_count: int = 0
    """Pieces received from this process."""
    piece_most: int = 0
    """Pieces received from whichever process: a replay brings the same ones again."""
    final: Hypothesis | None = None
    error: EngineError | None = None
    is_cancelled: bool = False
    is_over: bool = False
    """Nobody may do anything to it any more."""
    losses: int = 0
    """How many processes ended over it."""

    @property
    def is_open(self) -> bool:
        """Whether the process is still needed for it."""
        return self.final is None and self.error is None and not self.is_cancelled

    @property
    def lag_frames(self) -> int:
        """Frames that the process has not taken in."""
        return max(0, self.pushed - self.taken)

    def push(self, frames: npt.NDArray[np.float32]) -> None:
        """Take frames float32[n, 640]."""
        if len(frames):
            self.prepare_at = None
        self.store.put(self.pushed, frames)
        self.pushed += len(frames)

    def rewind(self, frames: int) -> None:
        """Drop the newest frames."""
        if frames:
            self.prepare_at = None
        self.pushed -= frames
        self.unchanged = min(self.unchanged, self.pushed)

    def was_told(self, frames: int) -> None:
        """The process has these many frames now, all as we have them."""
        self.unchanged = max(self.unchanged, frames)

    def take_piece(self, text: str) -> None:
        """A piece of the answer has come, perhaps for the second time."""
        self.piece_count += 1
        if self.piece_count > self.piece_most:
            self.piece_most = self.piece_count
            self.pieces.append(text)

    def process_lost(self) -> None:
        """What was asked of the process that is gone must be asked of the next one."""
        self.losses += 1
        self.piece_count = 0
        self.taken = 0
        self.partial_answered = self.partial_asked  # words that were to be shown now are of no use later


@dataclass(frozen=True, slots=True)
class Told:
    """What the process knows: the state that its messages have brought it to."""

    session: int = 0
    """Number of the newest utterance it was told of; 0 for none."""
    frames: int = 0
    partial: int = 0
    prepared_at: int | None = None
    """Frames whose words it was told to prepare, if it has no others now."""
    is_finishing: bool = False
    is_cancelled: bool = False


def next_message(utterance: Utterance | None, told: Told) -> tuple[ToEngine, Told] | None:
    """What to say next, and what the process knows then; None when it knows all."""
    if utterance is None:
        return None
    number = utterance.number
    if not utterance.is_open:
        if told.session != number or told.is_cancelled or not utterance.is_cancelled:
            return None
        return Cancel(number), replace(told, is_cancelled=True)
    if told.session != number:
        return Open(number, utterance.start_sample, utterance.terms), Told(number)
    if told.frames > utterance.unchanged:
        kept = utterance.unchanged
        return Rewind(number, told.frames - kept), replace(told, frames=kept, prepared_at=None)
    if told.frames < utterance.pushed:
        end = min(utterance.pushed, told.frames + MOST_FRAMES)
        sound = Sound(number, utterance.store.view(told.frames, end))
        return sound, replace(told, frames=end, prepared_at=None)
    if utterance.prepare_at is not None and told.prepared_at != utterance.prepare_at:
        return Prepare(number), replace(told, prepared_at=utterance.prepare_at)
    if max(told.partial, utterance.partial_answered) < utterance.partial_asked:
        asked = utterance.partial_asked
        return AskPartial(number, asked), replace(told, partial=asked)
    if utterance.finish is not None and not told.is_finishing:
        return utterance.finish, replace(told, is_finishing=True)
    return None
