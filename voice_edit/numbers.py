"""Numbers in words: cardinals, ordinals, and what digits a run of words may stand for.

A small parser of our own: the libraries at hand write numbers as words or guess inside free text, while we
need
the exact value of a whole phrase ("two hundred and five", "nineteen eighty four") or None.
"""

import re
from collections.abc import Sequence

_SMALL = {
    word: value
    for value, word in enumerate(
        [
            *(
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
            ),
            *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_TENS["fourty"] = 40
_SCALES = {"thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_ORDINALS = {
    word: value
    for value, word in enumerate(
        [
            *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
            *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth"),
            *("eighteenth", "nineteenth", "twentieth"),
        ],
        start=1,
    )
} | {"thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60, "hundredth": 100}
NUMBER_WORDS = frozenset([*_SMALL, *_TENS, *_SCALES, "hundred", "oh"])
_DIGITS = re.compile(r"\d+")
_ORDINAL_DIGITS = re.compile(r"(\d+)(?:st|nd|rd|th)")


def is_number_word(word: str) -> bool:
    """Whether this word (small letters) can be part of a number by itself."""
    return word in NUMBER_WORDS or bool(_DIGITS.fullmatch(word))


def _below_hundred(words: Sequence[str]) -> int | None:
    match words:
        case [one] if one in _SMALL:
            return _SMALL[one]
        case [tens] if tens in _TENS:
            return _TENS[tens]
        case [tens, one] if tens in _TENS and 1 <= _SMALL.get(one, 0) <= 9:
            return _TENS[tens] + _SMALL[one]
    return None


def _below_thousand(words: Sequence[str]) -> int | None:
    if "hundred" not in words:
        return _below_hundred(words)
    at = list(words).index("hundred")
    hundreds = 1 if list(words[:at]) in ([], ["a"]) else _below_hundred(words[:at])
    rest = list(words[at + 1 :])
    if rest[:1] == ["and"] and len(rest) > 1:
        rest = rest[1:]
    below = _below_hundred(rest) if rest else 0
    if hundreds is None or hundreds == 0 or below is None:
        return None
    return hundreds * 100 + below


def cardinal(words: Sequence[str]) -> int | None:
    """The value of words that are one whole number, else None: "two hundred and five" is 205, "one two" is
    None."""
    if len(words) == 1 and _DIGITS.fullmatch(words[0]):
        return int(words[0])
    if not words:
        return None
    for scale, value in sorted(_SCALES.items(), key=lambda item: -item[1]):
        if scale in words:
            at = list(words).index(scale)
            head = 1 if list(words[:at]) in ([], ["a"]) else cardinal(words[:at])
            rest = list(words[at + 1 :])
            if rest[:1] == ["and"] and len(rest) > 1:
                rest = rest[1:]
            below = cardinal(rest) if rest else 0
            if head is None or head == 0 or head >= 1000 or below is None or below >= value:
                return None
            return head * value + below
    return _below_thousand(words)


def ordinal(words: Sequence[str]) -> int | None:
    """The value of an ordinal: first, twenty first, 21st; else None."""
    if len(words) == 1:
        digits = _ORDINAL_DIGITS.fullmatch(words[0])
        return int(digits[1]) if digits else _ORDINALS.get(words[0])
    if len(words) == 2 and words[0] in _TENS and 1 <= _ORDINALS.get(words[1], 0) <= 9:
        return _TENS[words[0]] + _ORDINALS[words[1]]
    return None


def digit_readings(words: Sequence[str]) -> frozenset[str]:
    """Every string of digits these words may stand for; empty if they are not all number words.

    "twenty five" -> {"25", "205"}; "nineteen eighty four" -> {"1984", ...}; "one two" -> {"12"}; "12" ->
    {"12"}.
    """
    return _readings(tuple("zero" if word == "oh" and len(words) > 1 else word for word in words))


def _readings(words: tuple[str, ...]) -> frozenset[str]:
    if not words:
        return frozenset({""})
    found: set[str] = set()
    for length in range(1, min(len(words), 10) + 1):
        head = words[:length]
        first = head[0] if length == 1 and head[0].isdecimal() else None
        if first is None:
            value = cardinal(head) if head[0] not in ("and", "a") else None
            first = None if value is None else str(value)
        if first is not None:
            found.update(first + rest for rest in _readings(words[length:]))
    return frozenset(found)
