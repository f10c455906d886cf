"""What becomes of words on their way into a text: the user's vocabulary, and how dictated words are set.

heard ─► command      names and phrases that are known ─► grammar
      └► dictation    manners (phrases left alone) ─► names and phrases ─► fitted to the place
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from voice_edit.manners.manners import USUAL, Manners
from voice_edit.vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from voice_edit.edits import Selection
    from voice_edit.manners.fitting import Meant
    from voice_edit.targets.base import Snapshot

MOST_AROUND = 8000
"""Code points of text whose names count."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What a user wants of words, in one program."""

    manners: Manners = USUAL
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def terms(self, text: str) -> tuple[str, ...]:
        """Names that may be said next, for the model; `text` is the text around the caret, as below."""
        return self.vocabulary.terms(text)

    def command(self, words: str, text: str) -> str:
        """A spoken command, with the names and phrases that are known."""
        return self.vocabulary.correct(words, text, "edit")

    def dictation(self, text: str) -> tuple[Manners, Callable[[str], Meant]]:
        """How dictated words are set there, and what was meant by them."""
        names = frozenset(word for name in self.vocabulary.names(text) for word in name.split())
        manners = replace(self.manners, names=self.manners.names | names, kept=self.vocabulary.phrases_in)
        return manners, lambda words: self.vocabulary.corrected(words, text)


def around(snapshot: Snapshot) -> str:
    """The text around the caret, or the end of a text that has none."""
    return around_caret(snapshot.text, snapshot.selection)


def around_caret(text: str, selection: Selection | None) -> str:
    """The same of a text with a selection."""
    if len(text) <= MOST_AROUND:
        return text
    at = len(text) if selection is None else selection.head
    start = max(0, min(at - MOST_AROUND // 2, len(text) - MOST_AROUND))
    return text[start : start + MOST_AROUND]
