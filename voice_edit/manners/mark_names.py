"""The names by which people say marks and line breaks, and how each one stands among words."""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from voice_edit.manners.said import Word

Stands: TypeAlias = Literal["behind", "before", "between", "apart", "break"]
"""Behind the word in front, before the word behind, between two words without spaces or with them, or as a
line break."""
Sureness: TypeAlias = Literal["mark", "noun", "joint", "pair", "number", "never"]
"""When it can mean nothing else (punctuation.py decides): "mark" unless it is talked about; "noun" is an
everyday noun too; "joint" between two words; "pair" with its partner; "number" beside a number; "never"."""


@dataclass(frozen=True, slots=True)
class MarkName:
    """One way to say a mark."""

    words: tuple[str, ...]
    mark: str
    stands: Stands
    sure: Sureness
    partner: str = ""
    """What closes it; only with "pair"."""


_TABLE = """
comma|,|behind|mark
full stop|.|behind|mark
period|.|behind|noun
question mark|?|behind|mark
exclamation mark|!|behind|mark
exclamation point|!|behind|mark
semicolon|;|behind|mark
semi colon|;|behind|mark
colon|:|behind|mark
ellipsis|…|behind|mark
dot dot dot|…|behind|mark
new line|\\n|break|mark
newline|\\n|break|mark
new paragraph|\\n\\n|break|mark
em dash|—|between|joint
en dash|–|between|joint
dash|–|apart|never
hyphen|-|between|joint
slash|/|between|never
forward slash|/|between|joint
backslash|\\|between|joint
underscore|_|between|never
apostrophe|'|between|never
asterisk|*|apart|never
ampersand|&|apart|joint
at sign|@|between|never
hash sign|#|before|never
hashtag|#|before|never
dollar sign|$|before|number
euro sign|€|before|number
pound sign|£|before|number
percent sign|%|behind|number
plus sign|+|apart|number
equals sign|=|apart|number
open quote|"|before|pair|"
open quotes|"|before|pair|"
quote|"|before|pair|"
close quote|"|behind|pair
close quotes|"|behind|pair
end quote|"|behind|pair
unquote|"|behind|pair
open parenthesis|(|before|pair|)
open parentheses|(|before|pair|)
open paren|(|before|pair|)
left parenthesis|(|before|pair|)
left paren|(|before|pair|)
close parenthesis|)|behind|pair
close parentheses|)|behind|pair
close paren|)|behind|pair
right parenthesis|)|behind|pair
right paren|)|behind|pair
open bracket|[|before|pair|]
left bracket|[|before|pair|]
close bracket|]|behind|pair
right bracket|]|behind|pair
open brace|{|before|pair|}
left brace|{|before|pair|}
close brace|}|behind|pair
right brace|}|behind|pair
"""


def _read(table: str) -> Iterator[MarkName]:
    for row in table.strip().splitlines():
        words, mark, stands, sure, *partner = row.split("|")
        # The table is text, the kinds are checked by tests.
        yield MarkName(
            tuple(words.split()),
            mark.replace("\\n", "\n"),
            stands,  # type: ignore[arg-type]
            sure,  # type: ignore[arg-type]
            partner[0] if partner else "",
        )


NAMES: tuple[MarkName, ...] = tuple(sorted(_read(_TABLE), key=lambda one: -len(one.words)))
"""Longer names first."""


def name_at(words: list[Word], at: int) -> MarkName | None:
    """The name that begins there, said in one breath: no marks inside, no capitals but the first."""
    for name in NAMES:
        said = words[at : at + len(name.words)]
        if (
            tuple(word.norm for word in said) == name.words
            and not any(word.trail for word in said[:-1])
            and not any(word.lead or word.quoted for word in said)
            and not any(word.core[:1].isupper() for word in said[1:])
            and not said[0].core[1:2].isupper()
            and (said[0].opens or at == 0 or words[at - 1].trail or not said[0].core[:1].isupper())
        ):
            return name
    return None
