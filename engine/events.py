"""What crosses a stage. Plain frozen data: no behaviour but arithmetic, no device, no model.

All positions are samples on the source's clock: sample 0 is the first one that the source gave, at 16 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.judging.verdict import Verdict

Samples: TypeAlias = npt.NDArray[np.float32]
"""Mono PCM at 16 kHz, float32 in [-1, 1]."""

StopReason: TypeAlias = Literal["pause", "limit", "end_of_source"]
HypothesisKind: TypeAlias = Literal["partial", "final"]
HypothesisStop: TypeAlias = Literal["eos", "max_tokens", "repetition", "cancelled"]


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """What a source hands over at once, of any length."""

    samples: Samples
    """float32[n], mono, 16 kHz, in [-1, 1]. Stays valid; nobody writes into it."""
    start_sample: int
    """Position of the first of them."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """An utterance has begun. Everything from `start_sample` on belongs to it."""

    start_sample: int
    """First sample of the utterance, pre-roll included. Never before the end of the utterance before."""
    onset_sample: int
    """First sample of the first speech window."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """An utterance is over. It is `[start_sample, end_sample)`; what follows is its tail."""

    end_sample: int
    """First sample after the last speech, possibly well in the past: frames fed beyond it must be rewound."""
    hangover_samples: int
    """Silence waited through after `end_sample`, real audio that may serve as tail. 0 for a cut in speech."""
    reason: StopReason
    """`pause`: the speaker paused for the whole hangover. `limit`: cut because it grew long, the words may
    go on in the next utterance. `end_of_source`: there is no more sound."""
    speech_samples: int = 0
    """How much of it is speech that stands out from its noise floor. See `endpointing.rejection`."""
    has_vowel: bool | None = None
    """Whether some stretch of that speech keeps its level for as long as a vowel does; clicks do not. None
    where nobody can tell: in loud noise, or because the rest of something that was cut may be a consonant."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When things happened, in seconds of the monotonic clock, and how long they took, in seconds."""

    end_of_speech_s: float | None
    """When the last speech sample left the source; None where the source does not run in real time."""
    first_token_s: float
    """When the first token of the answer was known."""
    final_s: float
    """When the whole hypothesis was known."""
    prefill_s: float
    """Time spent on putting frames and prompt into the cache."""
    decode_s: float
    """Time spent on producing tokens."""
    audio_s: float
    """Length of the utterance as it was fed, tail included."""
    steps: int = 0
    """Batches that the model computed for the answer; one a token without drafts."""
    drafted: int = 0
    """Guessed tokens that were checked in them."""
    accepted: int = 0
    """Guessed tokens that the model agreed with."""

    @property
    def time_to_final_s(self) -> float | None:
        """From the last speech sample to the final hypothesis, where both are known."""
        return None if self.end_of_speech_s is None else self.final_s - self.end_of_speech_s


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The words of an utterance, as far as it was heard."""

    kind: HypothesisKind
    """A `partial` is shown and never acted upon; a `final` is acted upon."""
    text: str
    """The words, with capitals and punctuation as the model wrote them, without surrounding blanks."""
    tokens: tuple[int, ...]
    """The model's tokens of the text, end token left out."""
    confidence: float | None
    """Mean natural-log probability of the tokens (0 is certain); None if there are none, or if a server does
    not tell."""
    start_sample: int
    """First sample of the utterance."""
    end_sample: int
    """First sample after what was heard, tail left out."""
    stop: HypothesisStop
    """Why decoding ended. Anything but `eos` means that the text may be cut short."""
    timing: Timing
    stable: int = 0
    """Of a partial: code points of `text`, whole words, that the one before had as well (`agreement`)."""
    word_log_probs: tuple[float, ...] = ()
    """For each word of `text.split()` the natural-log probability of its tokens together; empty where that is
    not known."""
    verdict: Verdict | None = None
    """How far the words can be trusted; None where nobody judged them (`engine.judging`)."""


@dataclass(frozen=True, slots=True)
class WritingTiming:
    """When things happened, in seconds of the monotonic clock, and what they took."""

    asked_s: float
    """When the text was asked for."""
    first_token_s: float
    """When its first token was known; the end, where it has none."""
    final_s: float
    """When all of it was known."""
    prefill_s: float
    """Time that the prompt's prefix still took after `asked_s`; its own batch with the suffix not counted."""
    ahead_tokens: int
    """Tokens of the prefix that were in the cache before."""
    late_tokens: int
    """Tokens of the prefix that were prefilled after `asked_s`."""
    steps: int
    """Batches computed for the answer."""
    drafted: int
    """Guessed tokens in them."""
    accepted: int
    """Guessed tokens that the model agreed with."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the model wrote."""

    text: str
    """Without blanks around it, and without thoughts."""
    tokens: tuple[int, ...]
    """The model's tokens of it, the end token left out."""
    stop: HypothesisStop
    """Why it ended. Anything but `eos` means that the text is cut short: never put it in place of another."""
    confidence: float | None
    """Mean natural-log probability of the tokens; None if there are none."""
    timing: WritingTiming


@dataclass(frozen=True, slots=True)
class Rejected:
    """A stretch of sound from which nothing is inserted, and why."""

    reason: str
    """Stable code, the `code` of the error that says the same: `no-speech`, `audio-too-short`, ..."""
    message: str
    """What happened, for people, in one line."""
    hint: str
    """What to do next."""
    start_sample: int
    """First sample of the stretch."""
    end_sample: int
    """First sample after it."""
    verdict: Verdict | None = None
    """What another engine heard in it, where one was asked and its words could not be used either."""


@dataclass(frozen=True, slots=True)
class Level:
    """How loud it is now; made for meters, about 10 to 25 a second."""

    rms_dbfs: float
    """Root mean square in dB relative to full scale, -100 for silence."""
    peak: float
    """Largest magnitude since the last one, 0 to 1. At 1 the input clips."""
    is_speech: bool
    """What the detector said of the newest window."""
    sample: int
    """First sample after the measured stretch."""
    behind_ms: float = 0.0
    """Sound of the utterance that is not in the model yet, in milliseconds: it cannot keep up where this
    grows."""
