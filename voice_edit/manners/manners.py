"""What a user and a program want of dictated words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from voice_edit.config import DictationSettings

SpokenMarks: TypeAlias = Literal["off", "certain", "all"]
Capitals: TypeAlias = Literal["auto", "off"]
FinalMark: TypeAlias = Literal["keep", "drop"]
TrailingSpace: TypeAlias = Literal["auto", "always", "never"]


class Rules(Protocol):
    """What the profile of a program says about words (`AppProfile` does)."""

    @property
    def capitals(self) -> Capitals: ...
    @property
    def final_mark(self) -> FinalMark: ...
    @property
    def trailing_space(self) -> TrailingSpace: ...


@dataclass(frozen=True, slots=True)
class Manners:
    """How dictated words are set. The first three change words, the others how they stand in the text."""

    spoken_marks: SpokenMarks = "certain"
    """Names of marks and line breaks become marks: never, where they can be meant as nothing else, always."""
    fillers: bool = True
    """Leave out "um" and "uh", and a small word that was said twice."""
    corrections: bool = True
    """Leave out what the speaker took back: "on Tuesday, no wait, Wednesday"."""
    capitals: Capitals = "auto"
    """auto: as the place in the text wants it. off: no capital that only the start of a sentence asks for."""
    final_mark: FinalMark = "keep"
    """drop: no full stop behind what was dictated, unless it was said."""
    trailing_space: TrailingSpace = "auto"
    """A space behind the words: where the text goes on, always, or never."""
    names: frozenset[str] = frozenset()
    """Words that keep their capitals wherever they stand: those of the user's vocabulary."""
    kept: Callable[[str], Sequence[tuple[int, int]]] | None = field(default=None, compare=False)
    """Where in an utterance phrases stand that mean something else to the user, in code points and apart from
    each other: no word of them is a mark, a filler or a correction."""


USUAL = Manners()
"""What holds where nobody set anything: the defaults of [dictation]."""

AS_HEARD = Manners(spoken_marks="off", fillers=False, corrections=False)
"""No word is changed."""


def manners_for(
    settings: DictationSettings,
    rules: Rules | None = None,
    *,
    names: Iterable[str] = (),
    unseen: bool = False,
) -> Manners:
    """What the user set, with the rules of the program that the words go to; `names` keep their capitals.

    `unseen`: the text around cannot be read. A space goes behind the words, or two dictations run together.
    """
    chosen = Manners(
        settings.spoken_marks,
        settings.fillers,
        settings.corrections,
        names=frozenset(word for name in names for word in name.split()),
    )
    if rules is None:
        return chosen
    return replace(
        chosen,
        capitals=rules.capitals,
        final_mark=rules.final_mark,
        trailing_space="always" if unseen and rules.trailing_space == "auto" else rules.trailing_space,
    )
