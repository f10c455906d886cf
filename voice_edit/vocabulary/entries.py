"""What vocabulary.toml says, checked.

words = ["GitLab", { write = "Siobhan", sounds_like = ["shavon"] }]

[replacements]
"new line and dash" = "\\n- "

[snippets]
"my signature" = "Kind regards,\\nSiobhan"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voice_edit.errors import UsageError
from voice_edit.vocabulary.matcher import folded

MOST_ENTRIES = 2000
"""Of each kind."""
LONGEST_NAME = 80
LONGEST_SPOKEN = 120
LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Word:
    """A word or name that is spelled in its own way."""

    write: str
    """As it is written."""
    sounds_like: tuple[str, ...] = ()
    """How it may be heard, in plain spelling, where that cannot be told from how it is written."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A replacement or a snippet: what is said, and what is then written."""

    say: str
    write: str


@dataclass(frozen=True, slots=True)
class Entries:
    """The whole file."""

    words: tuple[Word, ...] = ()
    replacements: tuple[Phrase, ...] = ()
    """Wherever they are said, something else is written."""
    snippets: tuple[Phrase, ...] = ()
    """Said alone, or after the word "snippet"."""


def read_entries(data: Mapping[str, Any], origin: str) -> Entries:
    """What the file's TOML means. Raises UsageError naming `origin` and the entry that is wrong."""
    for key in data:
        if key not in ("words", "replacements", "snippets"):
            raise UsageError(
                f"{origin}: there is no '{key}' in a vocabulary.",
                hint="It has words = [...], [replacements] and [snippets]; see docs/vocabulary.md.",
            )
    given = data.get("words", [])
    if not isinstance(given, list) or len(given) > MOST_ENTRIES:
        raise UsageError(f"{origin}: words is a list of at most {MOST_ENTRIES}.", hint=_SEE)
    return Entries(
        words=tuple(_word(one, origin) for one in given),
        replacements=_phrases(data.get("replacements", {}), f"{origin}: [replacements]"),
        snippets=_phrases(data.get("snippets", {}), f"{origin}: [snippets]"),
    )


def checked_word(write: str, sounds_like: Sequence[str] = (), *, origin: str = "This word") -> Word:
    """A word as it may stand in the file. Raises UsageError."""
    name = " ".join(write.split())
    if not any(c.isalpha() for c in name) or len(name) > LONGEST_NAME or not _is_visible(name):
        raise UsageError(
            f"{origin}: “{name[:40]}” is no word: it needs a letter, and at most {LONGEST_NAME} characters.",
            hint="For longer texts there are snippets.",
        )
    heard = tuple(dict.fromkeys(" ".join(one.split()) for one in sounds_like))
    for one in heard:
        if not folded(one) or len(one) > LONGEST_SPOKEN:
            raise UsageError(f"{origin}: “{one[:40]}” is nothing that can be heard.", hint=_SEE)
    return Word(name, heard)


def checked_phrase(say: str, write: str, *, origin: str = "This phrase") -> Phrase:
    """A replacement or snippet as it may stand in the file. Raises UsageError."""
    spoken = " ".join(say.split())
    if not folded(spoken) or len(spoken) > LONGEST_SPOKEN:
        raise UsageError(
            f"{origin}: “{spoken[:40]}” cannot be said; it needs words, at most {LONGEST_SPOKEN} characters.",
            hint=_SEE,
        )
    if not write or len(write) > LONGEST_TEXT or "\x00" in write:
        raise UsageError(
            f"{origin}: what is written for “{spoken}” must have 1 to {LONGEST_TEXT} characters.", hint=_SEE
        )
    return Phrase(spoken, write)


def _is_visible(name: str) -> bool:
    # Joiners are spelling in Persian and Hindi; other marks without a look would only hide in a name.
    return name.replace("\u200c", "").replace("\u200d", "").isprintable()


_SEE = "docs/vocabulary.md shows how the file looks."


def _word(given: Any, origin: str) -> Word:
    if isinstance(given, str):
        return checked_word(given, origin=origin)
    if (
        isinstance(given, Mapping)
        and isinstance(given.get("write"), str)
        and set(given) <= {"write", "sounds_like"}
    ):
        heard = given.get("sounds_like", [])
        heard = [heard] if isinstance(heard, str) else heard
        if isinstance(heard, list) and all(isinstance(one, str) for one in heard):
            return checked_word(given["write"], heard, origin=origin)
    raise UsageError(
        f"{origin}: an entry of words is neither a text nor of the form {{ write, sounds_like }}.",
        hint='For example: { write = "Siobhan", sounds_like = ["shavon"] }',
    )


def _phrases(given: Any, origin: str) -> tuple[Phrase, ...]:
    if not isinstance(given, Mapping) or len(given) > MOST_ENTRIES:
        raise UsageError(
            f'{origin} has at most {MOST_ENTRIES} lines of the form "said" = "written".', hint=_SEE
        )
    found: dict[str, Phrase] = {}
    for say, write in given.items():
        if not isinstance(write, str):
            raise UsageError(f"{origin}: what is written for “{say}” is no text.", hint=_SEE)
        phrase = checked_phrase(say, write, origin=origin)
        other = found.setdefault(folded(phrase.say), phrase)
        if other is not phrase:
            raise UsageError(
                f"{origin}: “{other.say}” and “{say}” are said alike.", hint="Remove one of them."
            )
    return tuple(found.values())
