"""Text as comparable words: what a document's words may sound like when someone says them.

`Token` is one word of a text with the ways to say it: "don't" is (don't) or (do not), "userName" is
(username) or
(user name), "&" is (and). Numbers keep their digits; `numbers.digit_readings` compares them.
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import regex

from voice_edit.numbers import is_number_word, ordinal

_TOKEN = regex.compile(
    r"\p{N}+(?:,\p{N}{3})+(?!\p{N})|(?P<ord>\p{N}+(?:st|nd|rd|th))(?![\p{L}\p{N}])|\p{N}+|"
    r"[\p{L}\p{M}][\p{L}\p{M}\u200c\u200d]*(?:['’][\p{L}\p{M}]+)*|[&%@$€£+=§]|(?<=\p{N})[.](?=\p{N})"
)
_SYMBOLS = {
    "&": ("and", "ampersand"),
    "%": ("percent", "per cent"),
    "@": ("at", "at sign"),
    "$": ("dollar", "dollars"),
    "€": ("euro", "euros"),
    "£": ("pound", "pounds"),
    "+": ("plus",),
    "=": ("equals",),
    "§": ("section", "paragraph"),
    ".": ("point", "dot"),
}
_CAMEL = regex.compile(r"\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lu}+")
_WHOLE = {
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "shan't": "shall not",
    "ain't": "is not",
    "let's": "let us",
    "i'm": "i am",
    "y'all": "you all",
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "got to",
    "ok": "okay",
    "o'clock": "o clock",
    "mr": "mister",
    "dr": "doctor",
    "vs": "versus",
}
_ENDINGS = {
    "n't": ("not",),
    "'re": ("are",),
    "'ve": ("have",),
    "'ll": ("will", "shall"),
    "'d": ("would", "had"),
}
_IS = {
    *(
        "it",
        "he",
        "she",
        "that",
        "this",
        "there",
        "here",
        "what",
        "who",
        "where",
        "how",
        "when",
        "everything",
    ),
    *("something", "nothing", "everyone", "someone", "somebody", "one", "why"),
}

Form = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """One comparable word of a text."""

    start: int
    end: int
    forms: tuple[Form, ...]
    """Ways to say it, the written one first; small letters, no accents."""
    number: str | None = None
    """Its digits, or the number word itself; None if it is no number."""


def folded(text: str) -> str:
    """Small letters without accents, straight apostrophes."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


@lru_cache(maxsize=64)
def tokens(text: str) -> tuple[Token, ...]:
    """The comparable words of a text. A possessive 's is left out of its word ("Bob's" is Bob)."""
    found = []
    for match in _TOKEN.finditer(text):
        written = match[0]
        start, end = match.span()
        plain = folded(written)
        if written[0].isnumeric():
            digits = plain.replace(",", "")
            value = ordinal((plain,)) if match["ord"] else None
            forms: tuple[Form, ...] = ((digits,),) if value is None else ((plain,), (f"{value}th",))
            found.append(Token(start, end, forms, None if match["ord"] else digits))
        elif written in _SYMBOLS:
            found.append(Token(start, end, tuple(tuple(say.split()) for say in _SYMBOLS[written])))
        else:
            stem = plain.removesuffix("'s")
            if stem != plain and stem not in _IS and plain not in _WHOLE:
                end -= 2
                written, plain = written[:-2], stem
            found.append(Token(start, end, _spoken(written, plain), plain if is_number_word(plain) else None))
    return tuple(found)


def _spoken(written: str, plain: str) -> tuple[Form, ...]:
    forms: list[Form] = [(plain,)]
    if plain in _WHOLE:
        forms.append(tuple(_WHOLE[plain].split()))
    for ending, meanings in _ENDINGS.items():
        if plain.endswith(ending) and plain not in _WHOLE:
            forms += [(plain.removesuffix(ending), meaning) for meaning in meanings]
    if plain.endswith("'s") and plain.removesuffix("'s") in _IS:
        forms += [(plain.removesuffix("'s"), "is"), (plain.removesuffix("'s"), "has")]
    if "'" in plain:
        forms.append((plain.replace("'", ""),))
    if (value := ordinal((plain,))) is not None:
        forms.append((f"{value}th",))
    parts = _CAMEL.findall(written)
    if len(parts) > 1 and "".join(parts) == written:
        forms.append(tuple(folded(part) for part in parts))
    return tuple(dict.fromkeys(forms))
