"""The words of an utterance as they are written: the passes in their order."""

from __future__ import annotations

from voice_edit.manners.corrections import corrected
from voice_edit.manners.fillers import without_fillers
from voice_edit.manners.manners import USUAL, Manners
from voice_edit.manners.punctuation import Punctuated, punctuated


def tidied(words: str, *, manners: Manners = USUAL, behind_word: bool = False) -> Punctuated:
    """Fillers go first, so that a correction is whole; spoken marks come next, so that it has its commas.

    `behind_word`: the words go right behind a word of the text, so that they may begin with a mark. What the
    passes leave of an utterance is never nothing: then it stays as it was said.
    """
    text = without_fillers(words) if manners.fillers else words
    done = Punctuated(text)
    if manners.spoken_marks != "off":
        done = punctuated(text, everywhere=manners.spoken_marks == "all", behind_word=behind_word)
    if manners.corrections:
        done = Punctuated(corrected(done.text), done.ends_with_said_mark)
    return done if done.text else Punctuated(words)
