"""Which words of a partial hypothesis will most likely stay: those on which the last two agree. Pure.

Local agreement, as streaming recognisers decide what they may commit. Here it decides only what is shown
steady: a partial is never applied, and the final hypothesis is computed from the sound, not from this.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_JOINING = frozenset({"Mn", "Mc", "Me", "Cf", "Sk"})
"""Categories of what belongs to the letter before it: accents, vowel signs, joiners, skin tones."""
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class LocalAgreement:
    """The newest partial of an utterance, and how much of it is steady. Each utterance begins anew."""

    text: str = ""
    """The newest partial."""
    stable: int = 0
    """Code points of `text` that the partial before had as well: whole words, and never less than before
    unless the newest partial contradicts them."""

    def after(self, text: str) -> LocalAgreement:
        """The same after the next partial."""
        return LocalAgreement(text, agreed(self.text, text))


def agreed(old: str, new: str) -> int:
    """Length of the words, in code points, with which both texts begin.

    Marks and blanks after the last of these words are not counted: a recogniser ends what it has with a full
    stop, and the next words turn that into a comma or nothing. Where words are written without blanks, each
    wide character (East Asian) is one.
    """
    length = 0
    for mine, theirs in zip(old, new, strict=False):
        if mine != theirs:
            break
        length += 1
    while length and not (_is_border(old, length) and _is_border(new, length)):
        length -= 1
    while length and _ends_no_word(new[length - 1]):
        length -= 1
    return length


def _is_border(text: str, at: int) -> bool:
    """Whether a word may end at `at`: there is the end, a blank, or nothing but marks until there is one."""
    if at == len(text):
        return True
    if _belongs_to_the_letter_before(text[at]) or text[at - 1] == _JOINER:
        return False
    if _is_wide(text[at - 1]) or _is_wide(text[at]):
        return True
    for character in text[at:]:
        if character.isspace():
            return True
        if character.isalnum():
            return False
    return True


def _ends_no_word(character: str) -> bool:
    return character.isspace() or unicodedata.category(character).startswith("P")


def _belongs_to_the_letter_before(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character) in _JOINING


def _is_wide(character: str) -> bool:
    return not character.isascii() and unicodedata.east_asian_width(character) in "WF"
