"""Units that are named by what stands beside them: "the word after brown", "the two lines below milk".

`beside` finds where such a phrase parts into the unit, the side and the words for what it is beside;
`selectors.py` finds out what these words mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from voice_edit.phrase import Phrase
from voice_edit.selectors import Selector, Unit, UnitName, Which
from voice_edit.spoken.units import Words, noun_at_end, unit

Side = Literal["before", "after"]

BEFORE = ("before", "in front of", "ahead of", "above", "preceding")
AFTER = ("after", "behind", "following", "below", "under", "underneath", "beneath", "past")
NEAR = ("right", "just", "directly", "immediately", "straight")
_SIDES: tuple[tuple[tuple[str, ...], Side], ...] = (
    ((*BEFORE, "that precedes", "which precedes"), "before"),
    ((*AFTER, "that follows", "which follows"), "after"),
)
_COMES = ("that comes", "that is", "that stands", "which comes", "which is", "which stands", "that come")
_QUOTED: tuple[UnitName, ...] = ("word", "character")
"""Nouns that also introduce a quote: "the words after all" are these two words."""
_GOES_ON = ("with", "into", "to", "by", "and", "as")
_THIS = ("this", "that", "it", "these", "those")


@dataclass(frozen=True, slots=True)
class Beside:
    """A phrase that may name a unit by its neighbour."""

    head: Unit
    """As it is counted without the neighbour: "the word", "the two lines"."""
    side: Side
    of: Phrase
    """What it is beside; no words in "the line below"."""

    def to(self, of: Selector) -> Unit:
        """The unit after or before that: counted from it, except for "the last word after ..."."""
        which: Which = 1
        if self.head.which == "all" or isinstance(self.head.which, int):
            which = self.head.which
        if self.side == "before" and isinstance(which, int) and which > 0:
            which = -which
        return Unit.model_validate(
            {"unit": self.head.unit, "which": which, "count": self.head.count, self.side: of}
        )

    def to_caret(self) -> Unit | None:
        """The same at the caret: the next or the previous one. None for "the second", which would be
        another."""
        if isinstance(self.head.which, int) or self.head.which == "all":
            return None
        which: Which = "next" if self.side == "after" else "previous"
        return Unit(unit=self.head.unit, which=which, count=self.head.count)

    def own_noun(self) -> UnitName | None:
        """The unit that "one" stands for in "after this one", "below the last one", "before last"."""
        said = self.of.norms
        one = said[-1:] == ("one",) and len(said) > 1
        if one or said in (("last",), ("next",), ("the", "last"), ("the", "next")):
            return self._alike()
        return None

    def current(self) -> Unit | None:
        """ "After this one", and "below this" for lines and larger units: the one the caret is in."""
        said = self.of.norms
        pointed = len(said) == 1 and said[0] in _THIS and self.head.unit not in _QUOTED
        if pointed or said in (("this", "one"), ("that", "one"), ("the", "current", "one")):
            return Unit(unit=self._alike())
        return None

    @property
    def is_quoted(self) -> bool:
        """Whether "the word after that" has the word "that" itself for its neighbour."""
        return self.of.norms in {(word,) for word in _THIS} and self.head.unit in _QUOTED

    def _alike(self) -> UnitName:
        return "line" if self.head.unit == "blank_line" else self.head.unit


def beside(phrase: Phrase, noun: UnitName | None = None) -> Iterator[Beside]:
    """Every way to read the phrase so, the shortest unit first. `noun` is what "the one" is one of."""
    for at in range(1, len(phrase)):
        tail = phrase[at:].after_any(*_COMES).after_any(*NEAR)
        for heads, side in _SIDES:
            of = tail.after_any(*heads)
            head = _head(phrase.norms[:at], noun) if len(of) < len(tail) else None
            if head is not None and _fits(head, of):
                yield Beside(head, side, of)


def _fits(head: Unit, of: Phrase) -> bool:
    """Whether these words can be what it is beside; in "translate the line below into French" they go on."""
    if head.unit in _QUOTED:
        return len(of) > 0
    return not len(of) or of.norms[0] not in _GOES_ON


def counted_between(head: Words) -> UnitName | None:
    """The unit of "the lines", "all lines"; None if these are not all of several."""
    found = _head(head, None)
    return found.unit if found is not None and found.which == "all" else None


def _head(words: Words, noun: UnitName | None) -> Unit | None:
    if words[0] in _THIS:
        return None
    bare = noun_at_end(words)
    if bare is not None and not bare[0] and not bare[2]:
        return Unit(unit=bare[1])
    found = unit(words, noun)
    if found is None and words[0] == "the" and len(words) > 1:
        found = unit(words[1:], noun)
    if not isinstance(found, Unit):
        return None
    counted = words[0] in ("all", "every", "each", "both")
    return None if found.which == "all" and found.unit in _QUOTED and not counted else found
