"""Texts and what becomes of them, for the bundled model's second pass: formal, short, key points, grammar.

A pair is made backwards or forwards by rules whose answer is certain, so that a rewrite is right or wrong and
can be counted. Most of a rewrite is copying, so the texts hold what must be copied and cannot be guessed:
word salad, invented words, numbers, several sentences and paragraphs. All draws come from the
`random.Random` that is passed in.
"""

from __future__ import annotations

import random
import re
import tomllib
import zlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from engine.training import texts, tokenizer
from engine.training.tokenizer import Pieces

Style: TypeAlias = Literal["Formal", "Short", "Key points", "Fix grammar"]
STYLES: tuple[Style, ...] = ("Formal", "Short", "Key points", "Fix grammar")

SET_ASIDE = 40
"""One text in this many is kept for the evaluation."""

_DATA: dict[str, Any] = tomllib.loads(
    files("engine.training").joinpath("rewrites.toml").read_text(encoding="utf-8")
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and its rewrite."""

    style: Style
    before: str
    after: str


def _pairs(style: str) -> list[tuple[str, str]]:
    rows = _DATA[style]["words"].strip().splitlines()
    return [(a.strip(), b.strip()) for a, b in (row.split("|") for row in rows)]


def _list(style: str, name: str) -> list[str]:
    return [" ".join(item.split()) for item in _DATA[style][name].split("|")]


@cache
def _formal() -> list[tuple[str, str]]:
    return _pairs("formal")


@cache
def _short() -> list[tuple[str, str]]:
    return _pairs("short")


@cache
def _triggers(style: str) -> re.Pattern[str]:
    """What a style changes wherever it stands."""
    found = {
        "Formal": [a for a, _ in _formal()],
        "Short": [*(a for a, _ in _short()), *_list("short", "fillers"), *_list("short", "openers")],
        "Key points": [],
        "Fix grammar": ["a", "an", "i"],
    }[style]
    return re.compile(
        rf"(?<![\w'])({'|'.join(map(re.escape, found))})(?![\w'])" if found else "(?!)", re.IGNORECASE
    )


_BE = re.compile(r"\b(I|we|they|he|she|it)\W+(am|is|are)\b", re.IGNORECASE)


def _changes(style: str, words: list[str]) -> bool:
    """Whether the style has something to do in these words of a sentence."""
    text = " ".join(words)
    if style == "Formal" and any(text.lower().startswith(f"{item},") for item in _list("formal", "openers")):
        return True
    if style == "Fix grammar":
        plain = [re.sub(r"\W", "", word).lower() for word in words]
        wrong = any(_verb(found[1]) != found[2].lower() for found in _BE.finditer(text))
        return wrong or "i" in text.split() or any(a == b for a, b in pairwise(plain))
    return bool(_triggers(style).search(text))


def _verb(pronoun: str) -> str:
    return {"i": "am", "we": "are", "they": "are"}.get(pronoun.lower(), "is")


@cache
def _vocabulary(style: str) -> tuple[str, ...]:
    """Words that this style leaves alone. Other styles change some of them."""
    others = [a for a, _ in [*_formal(), *_short()]] + [b for _, b in [*_formal(), *_short()]]
    others += [*_list("short", "fillers"), *_list("formal", "openers"), *_list("short", "openers")] * 2
    # Drawn more often than the rest: that they stay is what must be learnt of them.
    everything = [*texts.vocabulary(), *others, *others, *["is", "are", "am"] * 20]
    return tuple(word for word in everything if not _triggers(style).search(word))


# --- what must be copied ---------------------------------------------------------------------------------


def _invented(rng: random.Random) -> str:
    letters = "".join(
        rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiou") for _ in range(rng.randint(1, 4))
    )
    kind = rng.random()
    if kind < 0.2:
        return letters.capitalize()
    if kind < 0.3:
        return str(rng.randint(0, 99_999))
    if kind < 0.35:
        return letters.upper()[:4] + "-" + str(rng.randint(1, 99))
    return letters


def _word(rng: random.Random, style: str) -> str:
    return _invented(rng) if rng.random() < 0.12 else rng.choice(_vocabulary(style))


_AROUND = (
    "{},", "{},", "{},", "{};", "{}:", '"{}"', "'{}'", "({})", "**{}**", "*{}*", "_{}_", "`{}`", "“{}”",
    "{} -", "{}'s", "{}...", "#{}", "@{}", "{}/{}", "{}-{}", "[{}](https://{}.org)",
)  # fmt: skip
"""What may stand around a word; most are commas."""


def _written_otherwise(word: str, rng: random.Random) -> str:
    """A word as texts have it and speech does not: with marks around it, or a number in digits."""
    if rng.random() < 0.15:
        day = f"2{rng.randint(0, 999):03}-{rng.randint(10, 12)}-{rng.randint(10, 28)}"
        time, number = (
            f"{rng.randint(0, 23)}:{rng.randint(10, 59)}",
            f"{rng.randint(0, 99)}.{rng.randint(0, 99)}",
        )
        share, price = f"{rng.randint(1, 100)}%", f"${rng.randint(1, 999)}"
        return rng.choice((day, time, number, share, price, "10 €", "café", "naïve", "Zoë", "über"))
    return rng.choice(_AROUND).replace("{}", word)


def _words(rng: random.Random, style: str) -> list[str]:
    """The inside of a sentence without anything that the style would change, small letters in front."""
    while True:
        words = _sentence_words(rng) if rng.random() < 0.5 else _salad(rng, style)
        if rng.random() < 0.4:
            words = [_written_otherwise(word, rng) if rng.random() < 0.12 else word for word in words]
        if not _changes(style, words):
            return words


def _sentence_words(rng: random.Random) -> list[str]:
    words = texts.sentence(rng).rstrip(".?!").split()
    words[0] = texts.ALWAYS_CAPITAL.get(words[0].lower(), words[0].lower())
    return words


def _salad(rng: random.Random, style: str) -> list[str]:
    return " ".join(_word(rng, style) for _ in range(rng.randint(3, 12))).split()


def _sentence(words: list[str], mark: str) -> str:
    text = " ".join(words)
    return text[:1].upper() + text[1:] + mark


def _mark(rng: random.Random) -> str:
    return rng.choices([".", "?", "!"], [0.86, 0.1, 0.04])[0]


def _insert(words: list[str], piece: list[str], at: int) -> list[str]:
    return [*words[:at], *piece, *words[at:]]


# --- one sentence, before and after ----------------------------------------------------------------------


def _formal_sentence(rng: random.Random) -> tuple[str, str]:
    before = after = _words(rng, "Formal")
    mark = _mark(rng)
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        loose, proper = rng.choice(_formal())
        at = rng.randint(0, min(len(before), len(after)))
        if before[:at] != after[:at]:
            continue
        before, after = _insert(before, loose.split(), at), _insert(after, proper.split(), at)
    if rng.random() < 0.2:
        before = [*(rng.choice(_list("formal", "openers")) + ",").split(), *before]
    return _sentence(before, mark), _sentence(after, "." if mark == "!" else mark)


def _short_sentence(rng: random.Random) -> tuple[str, str]:
    parts = [([word], [word]) for word in _words(rng, "Short")]  # each as it was said, and as it is written
    mark = _mark(rng)
    if rng.random() < 0.6:
        long, brief = rng.choice(_short())
        parts.insert(rng.randint(0, len(parts)), (long.split(), brief.split()))
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        parts.insert(rng.randint(0, len(parts)), ([rng.choice(_list("short", "fillers"))], []))
    if rng.random() < 0.3:
        parts.insert(0, (rng.choice(_list("short", "openers")).split(), []))
    before, after = ([word for part in parts for word in part[side]] for side in (0, 1))
    return _sentence(before, mark), _sentence(after, mark)


def _grammar_sentence(rng: random.Random) -> tuple[str, str]:
    words = _words(rng, "Fix grammar")
    mark = rng.choices([".", "?"], [0.93, 0.07])[0]
    if rng.random() < 0.4:
        words = [rng.choice(["I", "we", "they", "he", "she", "it"]), "VERB", *words]
        verb = _verb(words[0])
        wrong = rng.choice([v for v in ("am", "are", "is") if v != verb])
        after = [words[0], verb, *words[2:]]
        before = [
            words[0] if words[0] != "I" or rng.random() < 0.5 else "i",
            wrong if rng.random() < 0.7 else verb,
        ]
        before += words[2:]
    else:
        before = after = words
    if rng.random() < 0.4:
        noun = rng.choice(texts.vocabulary())
        right = "an" if noun[0] in "aeiou" else "a"
        at = rng.randint(0, len(after))
        if before[at:] == after[at:]:
            back = len(after) - at
            after = _insert(after, [right, noun], at)
            wrong = {"a": "an", "an": "a"}[right] if rng.random() < 0.7 else right
            before = _insert(before, [wrong, noun], len(before) - back)
    if rng.random() < 0.4:
        at = rng.randrange(len(before))
        before = _insert(before, [before[at]], at)
    if _changes("Fix grammar", after):
        return _grammar_sentence(rng)
    text = _sentence(before, mark if rng.random() < 0.6 or mark == "?" else "")
    if rng.random() < 0.5:
        text = text[:1].lower() + text[1:]
    return text, _sentence(after, mark)


_MAKERS = {"Formal": _formal_sentence, "Short": _short_sentence, "Fix grammar": _grammar_sentence}


# --- whole texts -----------------------------------------------------------------------------------------


def _sizes(rng: random.Random) -> list[int]:
    """Sentences of each paragraph."""
    kind = rng.random()
    if kind < 0.55:
        return [rng.randint(1, 2)]
    if kind < 0.85:
        return [rng.randint(2, 5)]
    if kind < 0.93:
        return [rng.randint(5, 10)]
    return [rng.randint(1, 3) for _ in range(rng.randint(2, 3))]


def draw(rng: random.Random, style: Style | None = None) -> Pair:
    """A text and its rewrite, whatever is set aside or not."""
    chosen: Style = rng.choice(STYLES) if style is None else style
    if chosen == "Key points":
        sentences = [
            _sentence(_words(rng, chosen), rng.choices([".", "!"], [0.95, 0.05])[0])
            for _ in range(sum(_sizes(rng)))
        ]
        return Pair(chosen, " ".join(sentences), "\n".join(f"- {s[:-1]}" for s in sentences))
    before, after = [], []
    for count in _sizes(rng):
        made = [_MAKERS[chosen](rng) for _ in range(count)]
        if chosen == "Fix grammar":  # only the last mark of a paragraph may be missing
            made = [(b if i == count - 1 or b[-1] in ".?" else b + a[-1], a) for i, (b, a) in enumerate(made)]
        before.append(" ".join(b for b, _ in made))
        after.append(" ".join(a for _, a in made))
    return Pair(chosen, "\n\n".join(before), "\n\n".join(after))


def is_set_aside(text: str) -> bool:
    """Whether a text belongs to the evaluation, by checksum. Training never sees these."""
    return zlib.crc32(text.encode()) % SET_ASIDE == 0


def pair(rng: random.Random) -> Pair:
    """Draw a pair for training."""
    while is_set_aside((made := draw(rng)).before):
        pass
    return made


def set_aside(style: Style, count: int, seed: int = 1) -> list[Pair]:
    """`count` different pairs of a style that training never sees."""
    rng = random.Random(f"{style} {seed}")
    found: dict[str, Pair] = {}
    while len(found) < count:
        made = draw(rng, style)
        if is_set_aside(made.before):
            found[made.before] = made
    return list(found.values())


def encode(pieces: Pieces, text: str) -> list[int]:
    """Ids of a text; what has no piece, line ends too, becomes bytes as in llama.cpp."""
    ids: list[int] = []
    for part in re.split(r"([^ -~]+)", text):
        if part and not re.fullmatch(r"[ -~]+", part):
            ids += [len(tokenizer.SPECIALS) + byte for byte in part.encode()]
        elif part:
            ids += pieces.encode(part)
    return ids


def prompt(pieces: Pieces, style: str, before: str) -> list[int]:
    """The second pass's prompt: what to do, then the text."""
    return [tokenizer.BOS, tokenizer.TURN, *encode(pieces, f"{style}\n{before}"), tokenizer.END]


def answer(pieces: Pieces, after: str) -> list[int]:
    """The rewrite and its end."""
    return [*encode(pieces, after), tokenizer.END]
