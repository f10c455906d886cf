"""Numbers and names of a passage, and which of them a rewrite has changed. Pure.

Only what can be seen from outside: "two boxes" may become "2 boxes" and "1,200" "1200"; that "he" became
"she" nobody sees here.
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

from __future__ import annotations

import re
import unicodedata

from voice_edit import numbers, text_units

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_SIGNS = frozenset("$€£¥₹₽₩")
_TITLES = frozenset(("Mr", "Mrs", "Ms", "Dr", "Sir", "Madam", "Sirs"))
"""Capitals that a letter may need and that name nobody."""
_GERMAN = frozenset("der die das und ist ich nicht ein eine den dem zu wir sie es mit auf für von".split())  # noqa: SIM905
"""So common that about every fifth word of a German text is one of them."""
_LONGEST_NUMBER = 4
"""Words of a number."""


def changed_numbers(new: str, old: str) -> tuple[list[str], list[str]]:
    """Numbers that only the new text has, and numbers that only the old one has."""
    there, was = _numbers(new), _numbers(old)
    counted = {str(number) for number in range(1, 1 + len(text_units.items(new)))}  # of a numbered list
    more, gone = there - was - counted, was - there
    more, gone = more and more - _spelled(old), gone and gone - _spelled(new)
    signs, old_signs = (_SIGNS & set(text) for text in (new, old))
    if signs - old_signs and old_signs - signs:
        more, gone = more | (signs - old_signs), gone | (old_signs - signs)
    return sorted(more), sorted(gone)


def changed_names(new: str, old: str) -> tuple[list[str], list[str]]:
    """Names that only the new text has, and names that only the old one has; words whatever their capitals
    are no names that are new.
    """
    words, there = _stems(old), _stems(new)
    return (
        [name for name in _capitalised(new) if name.casefold() not in words],
        [name for name in _capitalised(old) if name.casefold() not in there],
    )


def _numbers(text: str) -> set[str]:
    found = set()
    for one in _NUMBER.findall(text):
        number = "".join(str(unicodedata.digit(char, -1)) if char.isdigit() else char for char in one)
        if _GROUPED.fullmatch(number):
            number = number.replace(",", "").replace(".", "")
        found.add(number.removesuffix(":00"))
    return found


def _spelled(text: str) -> set[str]:
    """Numbers that stand there in English words."""
    words = re.findall(r"[a-z]+|\S", text.casefold())
    found = set()
    for at in range(len(words)):
        for end in range(at + 1, min(at + _LONGEST_NUMBER, len(words)) + 1):
            part = [word for word in words[at:end] if word != "-"]
            for value in (numbers.cardinal(part), numbers.ordinal(part)) if part else ():
                found |= {str(value)} if value is not None else set()
    return found


def _stems(text: str) -> set[str]:
    words = {word.casefold() for word in WORD.findall(text)}
    return words | {_without_s(word) for word in words}


def _without_s(word: str) -> str:
    return word.removesuffix("'s").removesuffix("’s")


def _capitalised(text: str) -> list[str]:
    """Words with a capital where no sentence begins. None in a language that writes every noun so."""
    words = [word.casefold() for word in WORD.findall(text)]
    if sum(word in _GERMAN for word in words) * 8 >= len(words):
        return []
    found = []
    for start, end in text_units.sentences(text):
        for number, word in enumerate(WORD.finditer(text, start, end)):
            name = _without_s(word[0])
            begins = text[word.start() - 1 : word.start()] in ('"', "“", "„", "«", ":")
            if number and not begins and len(name) > 1 and name[0].isupper() and name not in _TITLES:
                found += [] if name.startswith(("I'", "I’")) else [name]
    return found
