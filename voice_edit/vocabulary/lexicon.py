"""Which words are ordinary English ones. `english.txt` (see ENGLISH.md) is read when it is first needed."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from voice_edit.wordlists import wordlist

FUNCTION_WORDS = wordlist(
    """a an the this that these those my your his her its our their some any no each every all both
    i you he she it we they me him us them who whom whose which what
    in on at of to by for from with into onto over under about after before between through during without
    within against off out up down upon per via as than like near
    and or but nor so yet if when while because although though since until unless whether
    is are was were be been being am do does did done have has had having will would shall should can could
    may might must not n't there here then now just also too very only even still again ever never
    let get got go goes went put make made take took say said see one two three how why where well oh okay
    yes"""
)
"""Words that begin and end other things than names: "in grid" is not Ingrid."""

_MORE = wordlist(
    """app apps website websites laptop laptops online smartphone smartphones login logins username usernames
    timestamp timestamps plugin plugins backend frontend inbox blog blogs podcast podcasts wifi emoji emojis
    selfie startup startups workflow workflows checkbox dropdown tooltip touchscreen webcam hashtag
    refactor refactored refactoring refactors unmute screenshot screenshots config configs repo repos admin
    admins     gonna wanna gotta kinda okay hey yeah yep nope hmm uh um huh mum bye"""
)
"""Ordinary by now, and younger than the list."""


@cache
def _lists() -> tuple[frozenset[str], frozenset[str]]:
    """Ordinary words in small letters, and names in small letters."""
    lines = (files("voice_edit.vocabulary") / "english.txt").read_text(encoding="utf-8").split()
    words = {line for line in lines if line == line.lower()}
    return frozenset(words | _MORE), frozenset(line.lower() for line in lines if line != line.lower())


def is_ordinary(word: str) -> bool:
    """Whether a word, in whatever case, is an everyday one; "dog's" is if "dog" is."""
    small = word.casefold().replace("’", "'")  # noqa: RUF001
    words = _lists()[0]
    if small in words:
        return True
    stem, apostrophe, ending = small.rpartition("'")
    return bool(apostrophe) and ending in ("s", "d", "ll", "re", "ve", "m", "t") and stem in words


def is_known_name(word: str) -> bool:
    """Whether it is a name that every recogniser knows: John, London, Tuesday."""
    return word.casefold() in _lists()[1]
