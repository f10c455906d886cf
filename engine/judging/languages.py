"""Which language words are in, as far as small words and letters tell. Pure.

Meant to notice that a model began to write in another language than the one that is spoken, not to tell
languages apart in general: names, titles and a quoted phrase are no evidence.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

LEAST_HITS = 3
"""Small words of a language that must be there before it is taken for it."""
LEAST_SHARE = 0.3
"""Of all words. Of an English sentence, half are such words; of a title or a list, few."""
FOREIGN_LETTERS = 0.3
"""Share of letters that are in another script than the language's: more than a name or two."""
HALF_WORDS = 6
"""Words on both sides of a switch."""

SCRIPTS = {"en": "LATIN", "de": "LATIN", "fr": "LATIN", "es": "LATIN", "it": "LATIN", "pt": "LATIN",
           "nl": "LATIN", "sv": "LATIN", "pl": "LATIN"}  # fmt: skip


def words_of(text: str) -> list[str]:
    """The words in small letters with straight apostrophes."""
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower().replace("’", "'"))  # noqa: RUF001


def language_of(words: Sequence[str]) -> str:
    """The language that small words tell, or "" where they tell none clearly."""
    hits = Counter(language for word in words for language in _small_words().get(word, ()))
    ranked = hits.most_common(2)
    if not ranked:
        return ""
    (language, most), next_most = ranked[0], ranked[1][1] if len(ranked) > 1 else 0
    is_clear = most >= LEAST_HITS and most >= LEAST_SHARE * len(words) and most > next_most
    return language if is_clear else ""


def another_language(text: str, expected: str) -> str:
    """What of `text` is not in the language `expected` ("en"), as a part of a sentence; "" where nothing is.

    Where no language is expected, only a switch within the text counts.
    """
    if expected in SCRIPTS and (script := _other_script(text, SCRIPTS[expected])):
        return f"letters that are {script}"
    words = words_of(text)
    found = language_of(words)
    if expected and found and found != expected and not _hits(words, expected):
        return f"words that look like {NAMES.get(found, found)}"
    if len(words) >= 2 * HALF_WORDS:
        middle = len(words) // 2
        halves = [language_of(words[:middle]), language_of(words[middle:])]
        if all(halves) and halves[0] != halves[1]:
            return f"a change from {NAMES[halves[0]]} to {NAMES[halves[1]]}"
    return ""


NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian",
         "pt": "Portuguese", "nl": "Dutch", "sv": "Swedish", "pl": "Polish"}  # fmt: skip


def _other_script(text: str, expected: str) -> str:
    """The script that too many letters are in, or ""."""
    letters = [c for c in text if c.isalpha()]
    others = Counter(script for c in letters if (script := _script(c)) not in (expected, ""))
    if sum(others.values()) <= FOREIGN_LETTERS * len(letters):
        return ""
    return others.most_common(1)[0][0].capitalize()


@cache
def _script(character: str) -> str:
    """LATIN, CYRILLIC, CJK, ...: the first word of a letter's name. "" for letters that have none."""
    return unicodedata.name(character, "").partition(" ")[0]


def _hits(words: Sequence[str], language: str) -> int:
    own = [word for word in words if _small_words().get(word, ()) == (language,)]
    return len(own)


@cache
def _small_words() -> dict[str, tuple[str, ...]]:
    """Each small word, and the languages that have it."""
    table = tomllib.loads((files("engine.judging") / "languages.toml").read_text(encoding="utf-8"))
    found: dict[str, tuple[str, ...]] = {}
    for language, listed in table.items():
        for word in dict.fromkeys(listed.split()):
            found[word] = (*found.get(word, ()), language)
    return found
