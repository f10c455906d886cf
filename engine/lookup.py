"""Prompt lookup: a rewrite mostly repeats what it rewrites, so the old text is the draft of the new one.

The lookup follows the old text with a cursor while the model repeats it. Where the model writes something
else, the place is found again by an index of n-grams, or guessed: one word was put in place of another, and
the old text goes on behind it. The draft grows while all of it is right and shrinks when it is not. Pure:
tokens in, tokens out; what is right or wrong is decided elsewhere (see `draft`), and whether a draft pays
in `lookup_gate`.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from engine.lookup_gate import FOLLOWING, GUESSING, DraftGate

GRAM = 3
"""Tokens of the longest n-gram in the index; longer matches are counted out by comparing."""

LONGEST_MATCH = 12
"""Tokens that are compared backwards. More would not make a match any surer."""

NEAR = 48
"""Tokens behind the place that was lost in which it is looked for first: two or three lines."""

CLOSE_HITS = 16
"""Of an n-gram that stands everywhere, this many places before and behind the cursor are looked at."""

LEAST = 2
MOST = 24
"""Bounds of a draft that follows the text. Longer ones save no steps worth their rows (measured, with ten of
120 words changed: `benchmarks/rewriting.py`)."""

GUESS = 16
"""Most tokens of a draft that only guesses where the text goes on."""

_GAP = -1
"""Stands between the texts, so that no n-gram reaches from one into the next. No token."""


@dataclass(frozen=True, slots=True)
class DraftLength:
    """How many tokens are worth guessing."""

    tokens: int = 8
    """For a draft that follows the text."""
    guess: int = 8
    """For a draft behind a guessed place. 0: guesses have been wrong of late."""
    wrong_guesses: int = 0
    """In a row."""

    def after(self, proposed: int, kept: int) -> DraftLength:
        """Behind a draft that followed the text: twice as long if all was kept, else shorter by a quarter of
        what was wrong."""
        if proposed and kept == proposed:
            return replace(self, tokens=min(MOST, max(self.tokens, 2 * proposed)))
        return replace(self, tokens=max(LEAST, (3 * self.tokens + kept) // 4))

    def after_guess(self, proposed: int, kept: int) -> DraftLength:
        """Behind a guess. Three wrong ones in a row end guessing for this answer."""
        if not kept:
            wrong = self.wrong_guesses + 1
            return replace(self, wrong_guesses=wrong, guess=0 if wrong >= 3 else max(1, self.guess // 2))
        grown = min(GUESS, 2 * self.guess) if kept == proposed else self.guess
        return replace(self, guess=grown, wrong_guesses=0)


class GramIndex:
    """Where each n-gram of a growing row of tokens ends."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self._ends: dict[tuple[int, ...], list[int]] = {}

    def extend(self, tokens: Iterable[int]) -> None:
        """Take more tokens."""
        for token in tokens:
            self.tokens.append(token)
            end = len(self.tokens)
            for n in range(1, min(GRAM, end) + 1):
                gram = tuple(self.tokens[end - n :])
                if _GAP in gram:
                    break
                self._ends.setdefault(gram, []).append(end)

    def truncate(self, length: int) -> None:
        """Forget everything from `length` on."""
        while len(self.tokens) > length:
            end = len(self.tokens)
            for n in range(1, min(GRAM, end) + 1):
                gram = tuple(self.tokens[end - n :])
                if _GAP in gram:
                    break
                self._ends[gram].pop()
            self.tokens.pop()

    def ends(self, gram: Sequence[int]) -> Sequence[int]:
        """Positions behind `gram`, in order."""
        return self._ends.get(tuple(gram), ())

    def match(self, end: int, before: Sequence[int]) -> int:
        """How many tokens in front of `end` are the last ones of `before`."""
        tokens, n = self.tokens, 0
        for token in reversed(before[-LONGEST_MATCH:]):
            if n == end or tokens[end - 1 - n] != token:
                break
            n += 1
        return n


class PromptLookup:
    """A draft source for rewriting; see `draft.DraftSource`. One for each answer."""

    def __init__(
        self,
        texts: Sequence[Sequence[int]],
        *,
        starts_word: Callable[[int], bool] | None = None,
        length: DraftLength | None = None,
        gate: DraftGate | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`texts`: tokens of what is rewritten, then of what stands around it. `starts_word`: whether a word
        begins with a token; without it, every token counts as a word where a place has to be guessed. `gate`
        holds drafts back that do not pay; without it, whatever is found is proposed.
        """
        self._index = GramIndex()
        for text in texts:
            self._index.extend((*text, _GAP))
        self._sources_end = len(self._index.tokens)
        self._starts_word = starts_word or (lambda token: True)
        self._length = length or DraftLength()
        self._answer: list[int] = []
        self._cursor = 0
        """Where the old text goes on, as far as is known: at first with its first token."""
        self._is_lost = False
        self._is_guess = False
        """Whether the draft that is being checked was behind a guessed place."""
        self._gate = gate
        self._now = now
        self._began_s: float | None = None
        """When the round began that the gate will be told of."""
        self._held_back: int | None = None
        """First token of a draft that was not proposed."""
        self._rates = {False: FOLLOWING, True: GUESSING}
        """Of drafts that follow the text, and of those behind a guessed place."""

    @property
    def length(self) -> DraftLength:
        """What was learnt about lengths; the lookup of the next answer may begin with it."""
        return self._length

    def propose(self, answer: Sequence[int], most: int) -> Sequence[int]:
        """See `draft.DraftSource`."""
        self._follow(answer)
        self._is_guess = False
        at, wanted = self._cursor, self._length.tokens
        if self._is_lost:
            found, matched = self._find()
            if matched:
                self._cursor, self._is_lost = found, False
                # One token alone says little about where it stands, eight say enough.
                at, wanted = found, min(wanted, 4 * matched)
            else:
                self._is_guess = True
                at, wanted = self._behind_word(), self._length.guess
        return self._worth(self._run(at, min(wanted, most)), is_first=not answer)

    def verified(self, row: int, proposed: int, kept: int) -> None:
        """See `draft.DraftSource`."""
        if proposed:
            self._learn(proposed, kept)
        if self._gate is not None and self._began_s is not None:
            self._gate.took(proposed, row + 1, self._now() - self._began_s)
        self._began_s = None

    def _worth(self, draft: Sequence[int], *, is_first: bool) -> Sequence[int]:
        """As much of the draft as pays."""
        if self._gate is None:
            return draft
        # The first round takes the end of the prompt in, and says nothing of others.
        self._began_s = None if is_first else self._now()
        n = self._gate.most(len(draft), self._rates[self._is_guess].rate)
        self._held_back = draft[0] if draft and not n else None
        return draft[:n]

    def _learn(self, proposed: int, kept: int) -> None:
        learn = self._length.after_guess if self._is_guess else self._length.after
        self._length = learn(proposed, kept)
        self._rates[self._is_guess] = self._rates[self._is_guess].after(proposed, kept)

    def _follow(self, answer: Sequence[int]) -> None:
        """Take the tokens that are new in the answer, and move the cursor along with them."""
        known = len(self._answer)
        if list(answer[:known]) != self._answer:
            # Another answer: it is computed again, or the source is used a second time.
            self._index.truncate(self._sources_end)
            self._answer, self._cursor, self._is_lost = [], 0, False
            known, self._held_back = 0, None
        if self._held_back is not None and len(answer) > known:
            self._learn(1, int(answer[known] == self._held_back))
            self._held_back = None
        for token in answer[known:]:
            if not self._is_lost and self._at(self._cursor) == token:
                self._cursor += 1
            elif self._is_guess and self._at(self._behind_word()) == token:
                self._cursor, self._is_lost, self._is_guess = self._behind_word() + 1, False, False
            else:
                self._is_lost = True
            self._answer.append(token)
        self._index.extend(answer[known:])

    def _at(self, position: int) -> int:
        return self._index.tokens[position] if position < self._sources_end else _GAP

    def _find(self) -> tuple[int, int]:
        """The likeliest place in the texts, or in the answer itself, behind what was written last, and how
        many tokens match there; matched 0: nowhere.
        """
        best, best_score, best_match = 0, 0.0, 0
        for end in self._hits():
            match = self._index.match(end, self._answer)
            ahead = end - self._cursor
            near = 0 <= ahead <= NEAR
            if match < 2 and not near:
                continue
            score = match + (4.0 - ahead / NEAR if near else 0.0) - (0.5 if end > self._sources_end else 0.0)
            if score > best_score:
                best, best_score, best_match = end, score, match
        return best, best_match

    def _hits(self) -> Iterable[int]:
        """Places worth a look: those of the longest n-gram, and the next one of each shorter one."""
        end = len(self._index.tokens)
        found: dict[int, None] = {}
        for n in range(min(GRAM, len(self._answer)), 0, -1):
            ends = self._index.ends(self._answer[-n:])
            ahead = bisect_left(ends, self._cursor)
            around = (
                slice(ahead, ahead + 1) if found else slice(max(0, ahead - CLOSE_HITS), ahead + CLOSE_HITS)
            )
            found.update(dict.fromkeys(at for at in ends[around] if at < end))
        return found

    def _behind_word(self) -> int:
        """Where the text goes on if one word of it was replaced by what has been written since."""
        if self._at(self._cursor) == _GAP:
            return self._cursor
        at = self._cursor + 1
        while self._at(at) != _GAP and not self._starts_word(self._at(at)):
            at += 1
        return at

    def _run(self, at: int, most: int) -> Sequence[int]:
        if self._is_guess and at >= self._sources_end:
            return ()
        tokens = self._index.tokens[at : at + most]
        return tokens[: tokens.index(_GAP)] if _GAP in tokens else tokens
