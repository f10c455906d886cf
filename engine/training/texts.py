"""What the synthetic voices say: word salad, sentences and spoken commands, written as dictation should
write them.

Word salad (any words in any order) keeps the model listening instead of guessing; sentences teach capitals,
questions and the joints between words; commands come from the editor's own generator, so that the ear and
the grammar grow together. All draws come from the `random.Random` that is passed in, so a seed is a data
set. Words and sentence templates are data: `vocabulary.txt`, `lists.toml`.
"""

from __future__ import annotations

import random
import re
import tomllib
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

# The one place where the lower package looks at the upper one: training is a tool, not part of the program.
from voice_edit.spoken.phrases import phrases

SET_ASIDE = 40
"""One text in this many is kept for the evaluation."""


def _read(name: str) -> str:
    return files("engine.training").joinpath(name).read_text(encoding="utf-8")


_DATA: dict[str, Any] = tomllib.loads(_read("lists.toml"))
_TEMPLATES = {name: text.strip().splitlines() for name, text in _DATA.pop("templates").items()}
_LISTS = {
    name: [" ".join(word.split()) for word in (text.split("|") if "|" in text else text.split())]
    for name, text in _DATA.items()
}
_CAPITALS = [*_LISTS["names"], *_LISTS["days"], *_LISTS["months"], "I", "I've", "I'll", "I'm", "English"]
ALWAYS_CAPITAL = {word.lower(): word for word in _CAPITALS} | {"may": "may"}


@cache
def vocabulary() -> tuple[str, ...]:
    """The words of word salad: the vocabulary file and what the grammar adds, small letters, sorted."""
    return tuple(sorted({*_read("vocabulary.txt").split(), *_LISTS["extra"]}))


def written(words: str, end: str = ".") -> str:
    """Write words as dictation does: names with capitals, a capital at the start, a mark at the end."""
    text = " ".join(ALWAYS_CAPITAL.get(word, word) for word in words.split())
    return text[:1].upper() + text[1:] + end


def number(rng: random.Random) -> str:
    """A whole number below a hundred million, in words."""
    small, units = _LISTS["units_20"], _LISTS["units_20"][:9]
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(small)
    tens = rng.choice(_LISTS["tens"]) + (" " + rng.choice(units) if rng.random() < 0.7 else "")
    if kind < 0.75:
        return tens
    if kind < 0.9:
        rest = rng.choice(["", " " + tens, " and " + tens, " " + rng.choice(small)])
        return f"{rng.choice([*units, 'a'])} hundred{rest}"
    return f"{rng.choice([rng.choice(small), tens])} {rng.choice(['thousand', 'million'])}"


def plural(noun: str) -> str:
    """More than one of a noun of the lists."""
    if noun == "child":
        return "children"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def salad(rng: random.Random, most: int = 9) -> str:
    """Up to `most` words in no order at all."""
    count = min(most, 1 + int(rng.expovariate(1 / 3.2)))
    return written(" ".join(rng.choice(vocabulary()) for _ in range(count)))


def sentence(rng: random.Random) -> str:
    """One sentence of everyday English, with its capital and its mark."""
    text = _fill(rng.choice(_TEMPLATES["sentences"]), rng)
    return text[:1].upper() + text[1:]


def command(rng: random.Random) -> str:
    """One spoken command, written as the recogniser should write it."""
    return written(phrases(rng, vocabulary()).strip().rstrip(".?!"))


def _fill(template: str, rng: random.Random) -> str:
    text = re.sub(r"\(([^)]*)\)", lambda m: rng.choice(m[1].split("|")), template)
    return re.sub(r"\{(\w+)\}", lambda m: _draw(m[1], rng), text)


def _draw(name: str, rng: random.Random) -> str:
    match name:
        case "thing":
            return _fill(rng.choice(_TEMPLATES["things"]), rng)
        case "number":
            return number(rng)
        case "a_adjective":
            adjective = rng.choice(_LISTS["adjectives"])
            return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective}"
        case "early_ordinal":
            return rng.choice(_LISTS["ordinals"][:8])
        case "plural":
            return plural(rng.choice(_LISTS["nouns"]))
        case "hour":
            return rng.choice(_LISTS["units_20"][:12])
        case "day":
            month_day = f"{rng.choice(_LISTS['months'])} {rng.choice(_LISTS['ordinals'][:10])}"
            return rng.choice([rng.choice(_LISTS["days"]), rng.choice(_LISTS["days"]), month_day])
        case "who":
            names, people = _LISTS["names"], _LISTS["people"]
            return rng.choice([*rng.choices(names, k=2), rng.choice(people), rng.choice(["I", "we"])])
        case _:
            return rng.choice(_LISTS[name])


_MAKERS = {"salad": salad, "sentence": sentence, "command": command}
_SHARES = {"salad": 0.6, "sentence": 0.15, "command": 0.25}
"""Salad teaches the ear; sentences and commands are learnt from little."""


def is_set_aside(text: str) -> bool:
    """Whether a text belongs to the evaluation, by checksum. Training never says these."""
    return zlib.crc32(text.encode()) % SET_ASIDE == 0


def utterance(rng: random.Random, *, long: float = 0.05) -> str:
    """Draw a text for training; `long` is the share that joins several, up to about 15 s."""
    count = rng.randint(2, 4) if rng.random() < long else 1
    kinds = rng.choices(list(_SHARES), list(_SHARES.values()), k=count)
    return " ".join(_heard(_MAKERS[kind], rng) for kind in kinds)


def _heard(make: Callable[[random.Random], str], rng: random.Random) -> str:
    """A text that is not set aside. Single words never are: there are only so many of them."""
    while is_set_aside(text := make(rng)) and " " in text:
        pass
    return text


def set_aside(kind: str, count: int, seed: int = 1) -> list[str]:
    """`count` different texts of a kind (salad, sentence, command) that training never says."""
    rng = random.Random(f"{kind} {seed}")
    found: dict[str, None] = {}
    while len(found) < count:
        text = _MAKERS[kind](rng)
        if " " in text and is_set_aside(text):
            found[text] = None
    return list(found)


def corpus(seed: int, count: int) -> Sequence[str]:
    """`count` texts of the training mixture, to build the tokenizer from."""
    rng = random.Random(seed)
    return [utterance(rng) for _ in range(count)]
