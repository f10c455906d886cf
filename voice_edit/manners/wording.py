"""The words of an utterance as they are written: the passes in their order."""

from __future__ import annotations

from collections.abc import Sequence

from voice_edit.manners.corrections import corrected
from voice_edit.manners.fillers import without_fillers
from voice_edit.manners.manners import USUAL, Manners
from voice_edit.manners.punctuation import Punctuated, punctuated

_HIDER = "\ua66e"
"""A letter of no living language, so that what it stands in is a word and yet no word of any rule."""
_SPACE = _HIDER * 2


def tidied(words: str, *, manners: Manners = USUAL, behind_word: bool = False) -> Punctuated:
    """Fillers go first, so that a correction is whole; spoken marks come next, so that it has its commas.

    `behind_word`: the words go right behind a word of the text, so that they may begin with a mark. What the
    passes leave of an utterance is never nothing: then it stays as it was said.
    """
    kept = [] if manners.kept is None or _HIDER in words else manners.kept(words)
    hidden = _hidden(words, kept)
    text = without_fillers(hidden) if manners.fillers else hidden
    done = Punctuated(text)
    if manners.spoken_marks != "off":
        everywhere, capitals = manners.spoken_marks == "all", manners.capitals == "auto"
        done = punctuated(text, everywhere=everywhere, behind_word=behind_word, capitals=capitals)
    if manners.corrections:
        done = Punctuated(corrected(done.text), done.ends_with_said_mark)
    if kept:
        done = Punctuated(_shown(done.text), done.ends_with_said_mark)
    return done if done.text else Punctuated(words)


def _hidden(words: str, kept: Sequence[tuple[int, int]]) -> str:
    """With each of these stretches as one word that no rule knows."""
    text, at = "", 0
    for start, end in kept:
        phrase = _SPACE.join(words[start:end].split())
        text += words[at:start] + phrase[:1] + _HIDER + phrase[1:]
        at = end
    return text + words[at:]


def _shown(text: str) -> str:
    return text.replace(_SPACE, " ").replace(_HIDER, "")
