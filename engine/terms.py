"""Names that may be said, as they are spelled: a hint to the model, where its profile has a place for one.

They come from word lists and from texts that nobody checked, so nothing gets into a prompt that could be more
than a name: no marks that templates use, no sentences. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MOST_TERMS: Final = 64
"""A profile's budget is used up by far fewer."""

LONGEST_TERM: Final = 40
"""Characters; what is longer is no name."""

MOST_WORDS: Final = 4
"""In one term."""

_JOINERS: Final = frozenset(" .-'’_+#&/@")  # noqa: RUF001  (names have them)


def usable(terms: Sequence[str]) -> tuple[str, ...]:
    """The terms that are names, each once, in their order, at most `MOST_TERMS`."""
    found: dict[str, None] = {}
    for term in terms:
        name = " ".join(term.split())
        if is_name(name):
            found.setdefault(name)
            if len(found) == MOST_TERMS:
                break
    return tuple(found)


def is_name(text: str) -> bool:
    """Whether this may stand in a prompt: letters, digits, and what joins them in names."""
    return (
        0 < len(text) <= LONGEST_TERM
        and len(text.split(" ")) <= MOST_WORDS
        and any(c.isalpha() for c in text)
        and all(c.isalnum() or c in _JOINERS or _is_mark(c) for c in text)
    )


def _is_mark(character: str) -> bool:
    """Whether it is a combining mark: the vowels of Hindi, accents that stand alone."""
    import unicodedata

    return unicodedata.category(character).startswith("M")
