"""How words sound, roughly: letters become sounds by the rules of English spelling; sounds have a distance.

Only good enough to tell that "shevawn" may have been "Shavon", and that "cat" was not "Carl". One letter for
each sound; long vowels are capitals, S C T N stand for sh ch th ng.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import regex

_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "æ": "E", "œ": "u", "ł": "l", "đ": "d", "ð": "T", "þ": "T"})
_RULES: tuple[tuple[regex.Pattern[str], str], ...] = tuple(
    (regex.compile(pattern), sound)
    for pattern, sound in (
        (r"(.)\1+", r"\1\1"),
        # what is written and not said
        (r"^(?:kn|gn|pn)", "n"), (r"^wr", "r"), (r"^ps", "s"), (r"^x", "z"), (r"^mc(?=[^aeiouyh])", "mak"),
        (r"mb$", "m"), (r"(?<=[aeiou])lk", "k"), (r"^wh(?=o)", "h"), (r"wh", "w"), (r"rh", "r"),
        (r"(?<=[aeiou])h(?![aeiouy])", ""), (r"[ct]ious$", "Sus"), (r"(?:tion|sion|cian)", "Sun"),
        (r"igh", "Y"), (r"ough$", "O"), (r"augh", "a"), (r"(?<=[aeiou])gh(?![aeiouy])", ""), (r"gh", "g"),
        # several letters, one sound
        (r"tch", "C"), (r"sch(?=[aeiouylmnw])", "S"), (r"sch", "sk"), (r"(?<=[a-z])sh|^sh", "S"),
        (r"ch(?=[rl])", "k"), (r"ch", "C"), (r"ph", "f"), (r"th", "T"), (r"ck|cq", "k"),
        (r"sc(?=[eiy])", "s"),
        (r"cc(?=[eiy])", "ks"), (r"c(?=[eiy])", "s"), (r"c", "k"), (r"qu", "kw"), (r"q", "k"), (r"x", "ks"),
        (r"dg(?=[eiy])", "j"), (r"ng(?=$|[^aeiouylr])", "N"), (r"nk", "Nk"), (r"zh", "S"),
        (r"g(?=[eiy])", "J"), (r"v", "v"),
        # vowels, longest first
        (r"eau|oa|ow(?=$|[^aeiou])|oe$", "O"), (r"eigh|ai|ay|ei(?=[^l])|ey(?=.)", "E"),
        (r"ee|ea|ie(?=.)|ei|ey$|ie$|(?<=..)y$|(?<=[bcdfghjklmnpqrstvwxz]..)i$", "I"),
        (r"oo|ou(?=[lpts]?[^nd]|$)|ew|ue(?=$|[^r])|ui", "U"), (r"ou", "W"), (r"oi|oy", "Q"), (r"au|aw", "o"),
        (r"a(?=[bdfgjklmnpstvz]es?$)", "E"), (r"i(?=[bdfgjklmnpstvz]es?$)", "Y"),
        (r"o(?=[bdfgjklmnpstvz]es?$)", "O"), (r"u(?=[bdfgjklmnpstvz]es?$)", "U"),
        (r"(?<=[^aeiouyEIOUYWQ].)es$", "s"), (r"(?<=..)e$", ""), (r"o$", "O"),
        (r"^y(?=[aeiouEIOU])|(?<=[aeiouEIOU])y(?=[aeiou])", "y"),
        (r"(?<=[^aeiouyEIOUYWQ])y(?=.)", "i"), (r"y$", "I"),
        (r"(.)\1", r"\1"),
    )
)  # fmt: skip
_VOWELS = frozenset("aeiouEIOUYWQy")
_NEAR: dict[frozenset[str], float] = {
    frozenset(pair): cost
    for pairs, cost in (
        ("jJ gJ", 0.1),
        ("iI eE oO uU aE iY eI", 0.15),
        ("ei aE ao ou oW OU uU oQ ie eI au", 0.25),
        ("pb td kg fv sz CJ Cj SC zS nN Tt Td Ts Tf mn wv Sj SJ yI yi ks", 0.35),
        ("lr Kg sS kC rw lw nm sC jy", 0.6),
    )
    for pair in pairs.split()
}
_ANY_VOWEL = 0.5
_LOST_VOWEL = 0.45
_LOST: dict[str, float] = {"h": 0.35, "r": 0.55, "w": 0.5, "y": 0.3, "t": 0.7, "d": 0.7}


@lru_cache(maxsize=16_384)
def phones(word: str) -> str:
    """The sounds of a word or of several that are said together; '' where it has no Latin letters."""
    plain = unicodedata.normalize("NFKD", word.casefold().translate(_LETTERS))
    sound = regex.sub(r"[^a-z]", "", plain)
    for pattern, replacement in _RULES:
        sound = pattern.sub(replacement, sound)
    return str(sound)


def distance(a: str, b: str, *, most: float = 1.0) -> float:
    """How far the sounds of two words are apart, a share of the longer one: 0 sounds the same, 1 nothing
    alike. Above `most`, 1 may be given instead.
    """
    one, other = phones(a), phones(b)
    if one == other:
        return 0.0 if one else 1.0
    length = max(len(one), len(other))
    if not one or not other or abs(len(one) - len(other)) * 0.3 > most * length:
        return 1.0
    cost = _cost(one, other, most * length)
    return min(1.0, cost / length)


@lru_cache(maxsize=16_384)
def _cost(one: str, other: str, most: float) -> float:
    above = [0.0]
    for sound in other:
        above.append(above[-1] + _lost(sound, above[-1] == 0.0))
    for at, sound in enumerate(one):
        row = [above[0] + _lost(sound, at == 0)]
        for index, against in enumerate(other):
            swapped = above[index] + _swapped(sound, against, first=at == 0 and index == 0)
            row.append(min(swapped, above[index + 1] + _lost(sound), row[index] + _lost(against)))
        if min(row) > most:
            return float(len(one) + len(other))
        above = row
    return above[-1]


def _lost(sound: str, first: bool = False) -> float:
    if first:
        return 1.0 if sound not in "hy" else 0.5
    return _LOST_VOWEL if sound in _VOWELS else _LOST.get(sound, 1.0)


def _swapped(a: str, b: str, *, first: bool) -> float:
    if a == b:
        return 0.0
    cost = _NEAR.get(frozenset((a, b)))
    if cost is None:
        cost = _ANY_VOWEL if a in _VOWELS and b in _VOWELS else 1.0
    return cost * 1.5 if first else cost
