"""From logits to words: greedy tokens, their probability, a guard against loops, text as it grows.

Greedy, because the same sound must give the same words. A stack of small parts: `Picker` chooses one token,
`Answer` yields tokens until there is a reason to stop, `loop_length` finds loops, `AnswerText` turns tokens
into visible text.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from engine.draft import DraftSource
from engine.errors import Cancelled, DecodeFailed
from engine.events import HypothesisStop

WORDS_PER_S = 6.0
"""Speech has at most about 6 words a second: a fast auctioneer has 5."""

SPARE_TOKENS = 8
"""For an empty thought block, punctuation, and the end."""

LONGEST_LOOP = 24
"""Tokens in the longest phrase that is looked for as a loop: about a sentence."""

LOOP_ROUNDS = 4
LOOP_TOKENS = 16
"""A phrase said four times over and 16 tokens in all is a loop; "no no no no no" is a person."""


CLOSE_CALL = 0.02
"""llama.cpp computes a token a little differently in batches of another shape: the logits of the bundled
model differ by up to 0.006 (measured). Where a batch with guessed tokens in it leaves two tokens closer than
this, the answer is computed again without guesses, so that these never decide a word.
"""


class Token(NamedTuple):
    """One token of an answer."""

    id: int
    log_prob: float
    """Natural logarithm of its probability among the tokens that are allowed."""
    lead: float = math.inf
    """By how much its logit is above the next one's."""


class Answering(Protocol):
    """Where the next logits come from: a branch of the cache behind the sound or the text in question."""

    def room(self) -> int:
        """Most guessed tokens that the next `open` or `append` can take besides what must be in it."""
        ...

    def open(self, draft: Sequence[int]) -> None:
        """Put in what the answer follows, and behind it `draft`, in one batch. Row 0 of its logits decides
        the first token, row i + 1 is behind the i-th token of the draft.
        """
        ...

    def append(self, tokens: Sequence[int]) -> None:
        """Take `tokens` as the next of the answer, in one batch; row i of its logits is behind the i-th."""
        ...

    def drop(self, n: int) -> None:
        """Take the last `n` tokens of the answer back."""
        ...

    def restart(self) -> None:
        """Take the whole answer back, and what it follows; `open` comes next."""
        ...

    def logits(self, row: int) -> npt.NDArray[np.float32]:
        """float32[n_vocab] of a row of the last batch; may be written into."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be produced, and for how long."""

    is_end: Callable[[int], bool]
    """Whether a token ends the answer."""
    max_tokens: int
    """See `max_tokens`."""
    close_call: float = CLOSE_CALL
    """See `CLOSE_CALL`."""
    originals: Sequence[Sequence[int]] = ()
    """What is written anew: where that says something over and over, the answer may do so as often."""


def max_tokens(audio_s: float, tokens_per_word: float) -> int:
    """Most tokens that `audio_s` seconds of speech can be worth. A model that goes on is inventing."""
    return SPARE_TOKENS + math.ceil(audio_s * WORDS_PER_S * tokens_per_word)


class Picker:
    """Picks the likeliest allowed token. Keeps one row of scratch memory, so picking allocates nothing."""

    def __init__(self, n_vocab: int, suppressed: npt.NDArray[np.intp]) -> None:
        self._scratch = np.empty(n_vocab, dtype=np.float32)
        self._suppressed = suppressed

    def pick(self, logits: npt.NDArray[np.float32]) -> Token:
        """The likeliest token and its log-probability. Overwrites suppressed logits with -inf.

        Raises DecodeFailed where the logits are NaN: weights or cache are damaged.
        """
        logits[self._suppressed] = -np.inf
        best = int(logits.argmax())
        top = float(logits[best])
        if not math.isfinite(top):
            raise DecodeFailed(
                "the model computes NaN", hint="Fetch the model again and compare its size and checksum."
            )
        np.subtract(logits, top, out=self._scratch)
        self._scratch[best] = -np.inf
        lead = -float(self._scratch.max())
        np.exp(self._scratch, out=self._scratch)
        return Token(best, -math.log1p(float(self._scratch.sum(dtype=np.float64))), lead)


class Answer:
    """Iterates over the tokens of an answer, without its end token, and knows in the end why it stopped.

    With `drafts`, several tokens may come out of one batch; they are the ones that would have come without.
    """

    def __init__(
        self,
        source: Answering,
        picker: Picker,
        rules: Rules,
        cancelled: Callable[[], bool],
        drafts: Sequence[DraftSource] = (),
    ) -> None:
        """`cancelled` is asked before every batch; iterating raises Cancelled once it says yes. Of `drafts`,
        the first that has something to propose is taken.
        """
        self.tokens: list[Token] = []
        self.stop: HypothesisStop = "cancelled"
        self.steps = 0
        """Batches that were computed."""
        self.drafted = 0
        """Guessed tokens in them."""
        self.accepted = 0
        """Guessed tokens that were right."""
        self._ids: list[int] = []
        self._source = source
        self._picker = picker
        self._rules = rules
        self._cancelled = cancelled
        self._drafts = drafts
        self._guessing: DraftSource | None = None
        self._most_rounds: int | None = None
        """How often the originals say something over and over; None: not looked at yet."""
        self._settled: int | None = None
        """Tokens of the answer in front that the cache holds as it would without guesses; None: not even what
        the answer follows."""

    def __iter__(self) -> Iterator[Token]:
        source, ids = self._source, self._ids
        draft = self._draft()
        self._step(lambda: source.open(draft))
        self._settled = None if draft else 0
        while True:
            kept = 0
            while True:
                token = self._picker.pick(source.logits(kept))
                is_plain = self._settled == len(ids)
                if not is_plain and token.lead < self._rules.close_call:
                    token = self._plainly(len(ids) + len(draft) - kept)
                    draft, kept = (), 0
                stop = self._ends_before(token.id)
                if stop is None:
                    ids.append(token.id)
                    self.tokens.append(token)
                    yield token
                    stop = "repetition" if self._loops() else None
                if stop is not None or kept == len(draft) or draft[kept] != token.id:
                    break
                kept += 1
            self._verified(draft, kept)
            if stop is not None:
                self.stop = stop
                return
            draft = self._draft()
            step = (ids[-1], *draft)
            self._step(lambda step=step: source.append(step))  # type: ignore[misc]
            if not draft and self._settled == len(ids) - 1:
                self._settled = len(ids)

    def _ends_before(self, token: int) -> HypothesisStop | None:
        if self._rules.is_end(token):
            return "eos"
        return "max_tokens" if len(self._ids) >= self._rules.max_tokens else None

    def _loops(self) -> bool:
        length = loop_length(self._ids)
        if not length or not self._rules.originals:
            return bool(length)
        if self._most_rounds is None:
            self._most_rounds = max(map(most_rounds, self._rules.originals))
        return (len(self._ids) - _loop_start(self._ids, length)) // length > self._most_rounds

    def _step(self, compute: Callable[[], None]) -> None:
        if self._cancelled():
            raise Cancelled("stopped while the words were written")
        compute()
        self.steps += 1

    def _draft(self) -> Sequence[int]:
        """What the first of the drafts that has something proposes."""
        most = min(self._rules.max_tokens - len(self._ids), self._source.room())
        self._guessing = None
        for source in self._drafts:
            if most > 0 and (draft := source.propose(self._ids, most)):
                self._guessing = source
                self.drafted += len(draft)
                return draft
        return ()

    def _verified(self, draft: Sequence[int], kept: int) -> None:
        if kept < len(draft):
            self._source.drop(len(draft) - kept)
        self.accepted += kept
        for source in self._drafts:
            proposed = len(draft) if source is self._guessing else 0
            source.verified(kept, proposed, min(kept, proposed))

    def _plainly(self, in_cache: int) -> Token:
        """Compute again, token by token, what was computed with guesses; the next token as it is without.

        `in_cache`: tokens that are in the cache, guessed ones included.
        """
        if self._settled is None:
            self._source.restart()
            self._step(lambda: self._source.open(()))
            self._settled = 0
        else:
            self._source.drop(in_cache - self._settled)
        for token in self._ids[self._settled :]:
            self._step(lambda token=token: self._source.append((token,)))  # type: ignore[misc]
        self._settled = len(self._ids)
        return self._picker.pick(self._source.logits(0))


def loop_length(tokens: Sequence[int]) -> int:
    """Length of the phrase that the tokens end in over and over, or 0."""
    n = len(tokens)
    for length in range(1, min(LONGEST_LOOP, n // LOOP_ROUNDS) + 1):
        span = max(LOOP_ROUNDS * length, -(-LOOP_TOKENS // length) * length)
        if span <= n and all(tokens[i] == tokens[i - length] for i in range(n - span + length, n)):
            return length
    return 0


def most_rounds(tokens: Sequence[int]) -> int:
    """How often the phrase is said that the tokens have most often in a row."""
    most = 0
    for length in range(1, min(LONGEST_LOOP, len(tokens) // 2) + 1):
        run = 0
        for at in range(length, len(tokens)):
            run = run + 1 if tokens[at] == tokens[at - length] else 0
            most = max(most, run // length + 1)
    return most


def _loop_start(ids: Sequence[int], length: int) -> int:
    """Where the loop begins that the tokens end in."""
    start = len(ids) - length
    while start > 0 and ids[start - 1] == ids[start - 1 + length]:
        start -= 1
    return start


def trim_repetition(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with the loop they end in reduced to its first round."""
    ids = [token.id for token in tokens]
    length = loop_length(ids)
    if not length:
        return list(tokens)
    return list(tokens[: _loop_start(ids, length) + length])


def mean_log_prob(tokens: Sequence[Token]) -> float | None:
    """Confidence: the mean log-probability, 0 for certain; None without tokens."""
    return sum(token.log_prob for token in tokens) / len(tokens) if tokens else None


class AnswerText:
    """Text from the bytes of tokens: half characters wait for their other half, thoughts are left out.

    Some models open their answer with a thought block, empty or not, even when it is switched off.
    """

    def __init__(self, thought_open: str = "", thought_close: str = "") -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._open, self._close = thought_open, thought_close
        self._held = ""
        self._begun = not thought_open
        self._parts: list[str] = []

    @property
    def is_thinking(self) -> bool:
        """Whether a thought was opened and not closed yet: nothing of it becomes text."""
        return not self._begun and bool(self._open) and self._held.lstrip().startswith(self._open)

    def push(self, piece: bytes) -> str:
        """Take the bytes of the next token; return what became visible by them, perhaps nothing."""
        return self._show(self._decoder.decode(piece))

    def finish(self) -> str:
        """The whole text without blanks around it. A thought that was never closed is no text."""
        self._show(self._decoder.decode(b"", final=True))
        if not self._begun and not self._held.lstrip().startswith(self._open):
            self._parts.append(self._held)
        return "".join(self._parts).strip()

    def _show(self, text: str) -> str:
        if not self._begun:
            self._held += text
            start = self._held.lstrip()
            if start.startswith(self._open):
                _, closed, text = start.partition(self._close)
                if not closed:
                    return ""
            elif self._open.startswith(start):
                return ""
            else:
                text = self._held
            self._held = ""
            self._begun = True
        if not self._parts:
            text = text.lstrip()
        if text:
            self._parts.append(text)
        return text
