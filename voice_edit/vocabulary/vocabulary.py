"""All that is known of the words a user says: their own vocabulary, and the names in the text around.

It is asked twice: before an utterance for names that the model may be told (`terms`), and after it for what
was meant by what was heard (`correct`). Neither touches a file nor waits for anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from voice_edit.vocabulary.entries import Entries, Word

if TYPE_CHECKING:
    from voice_edit.paths import Paths
    from voice_edit.vocabulary.matcher import Names
    from voice_edit.vocabulary.phrases import Phrases

NOTHING = Entries()
Mode: TypeAlias = Literal["dictate", "edit"]

MOST_TERMS = 24
"""Names that the model is told; a profile's budget of tokens usually ends earlier."""
_OF_TEXT = 10
"""Of them, so many are from the text around before the user's own come last."""


@dataclass(frozen=True, slots=True)
class Made:
    """One thing that was made of what was heard."""

    heard: str
    write: str
    why: Literal["spelling", "sounds_like", "sound", "replacement", "snippet"]


@dataclass(frozen=True, slots=True)
class Corrected:
    """What was meant."""

    words: str
    made: tuple[Made, ...]
    """From left to right, names first, then phrases."""
    exact: bool
    """All of it is one text of the user's (a snippet): to be written as it stands, without any manners."""


@dataclass(frozen=True)
class Vocabulary:
    """The user's words, replacements and snippets."""

    entries: Entries = NOTHING

    @classmethod
    def load(cls, paths: Paths) -> Vocabulary:
        """From vocabulary.toml; empty where there is none. Raises UsageError where it makes no sense."""
        from voice_edit.vocabulary.store import read_vocabulary

        return cls(read_vocabulary(paths))

    def with_words(self, words: Sequence[str]) -> Vocabulary:
        """Also with the words of a program's profile."""
        known = {word.write for word in self.entries.words}
        more = tuple(Word(word) for word in dict.fromkeys(words) if word not in known)
        return Vocabulary(replace(self.entries, words=(*self.entries.words, *more))) if more else self

    def names(self, window_text: str = "") -> tuple[str, ...]:
        """All that keeps its capitals wherever it is written: the user's words and the names of a text."""
        from voice_edit.vocabulary.names import names_in

        return (*(word.write for word in self.entries.words), *names_in(window_text))

    def terms(self, window_text: str) -> tuple[str, ...]:
        """Names that may be said next, most important first, at most `MOST_TERMS`.

        First the user's that stand in the text around, then strange names from that text, then the rest of
        the user's, newest first. Well-known names are left out: a model needs no help with them.
        """
        from voice_edit.vocabulary.lexicon import is_known_name, is_ordinary
        from voice_edit.vocabulary.names import names_in

        mine = [word.write for word in reversed(self.entries.words)]
        there = [name for name in mine if name in window_text]
        strange = [
            name
            for name in names_in(window_text)
            if not all(is_known_name(part) or is_ordinary(part) for part in name.split())
        ]
        parts = {part for name in strange if " " in name for part in name.split()}
        strange = [name for name in strange if name not in parts]
        chosen = dict.fromkeys([*there, *strange[:_OF_TEXT], *mine, *strange[_OF_TEXT:]])
        return tuple(chosen)[:MOST_TERMS]

    def correct(self, words: str, window_text: str = "", mode: Mode = "dictate") -> str:
        """What was meant by `words`, with the names and phrases that are known. See `corrected`."""
        return self.corrected(words, window_text, mode).words

    def corrected(self, words: str, window_text: str = "", mode: Mode = "dictate") -> Corrected:
        """What was meant by `words`: names as they are written, then replacements and snippets.

        `window_text` is the text around the caret. What cannot be told for certain stays as it was heard.
        """
        from voice_edit.vocabulary.matcher import changed
        from voice_edit.vocabulary.names import words_of

        right = words_of(window_text) | self._phrases.words
        changes = _names(self.entries.words, window_text).changes(words, right=right, edit=mode == "edit")
        made = [Made(change.heard, change.write, change.why) for change in changes]
        named = changed(words, changes)
        filled = self._phrases.in_command(named) if mode == "edit" else self._phrases.in_dictation(named)
        snippets = self.entries.snippets
        made += [
            Made(one.say, one.write, "snippet" if one in snippets else "replacement") for one in filled.used
        ]
        return Corrected(filled.words, tuple(made), filled.exact)

    def phrases_in(self, words: str) -> list[tuple[int, int]]:
        """Where replacements and snippets stand in dictated words, in code points."""
        return self._phrases.places(words)

    @cached_property
    def _phrases(self) -> Phrases:
        from voice_edit.vocabulary.phrases import Phrases

        return Phrases(self.entries.replacements, self.entries.snippets)


@lru_cache(maxsize=4)
def _names(words: tuple[Word, ...], window_text: str) -> Names:
    """The user's names and those of a text, ready to be matched."""
    from voice_edit.vocabulary.matcher import Name, Names
    from voice_edit.vocabulary.names import names_in

    mine = [Name(word.write, word.sounds_like) for word in words]
    known = {name.write for name in mine}
    found = [Name(name, is_users=False) for name in names_in(window_text) if name not in known]
    return Names([*mine, *found])
