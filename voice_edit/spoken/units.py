"""Units as they are said: "the last two words", "paragraph three", "every line", "the second to last
sentence"."""

from voice_edit.numbers import cardinal, ordinal
from voice_edit.selectors import Range, Unit, UnitName, Which

_NOUNS: dict[tuple[str, ...], UnitName] = {
    ("character",): "character",
    ("letter",): "character",
    ("word",): "word",
    ("sentence",): "sentence",
    ("line",): "line",
    ("blank", "line"): "blank_line",
    ("empty", "line"): "blank_line",
    ("item",): "item",
    ("bullet",): "item",
    ("bullet", "point"): "item",
    ("list", "item"): "item",
    ("heading",): "heading",
    ("headline",): "heading",
    ("paragraph",): "paragraph",
    ("section",): "section",
    ("list",): "list",
    ("bullet", "list"): "list",
    ("numbered", "list"): "list",
}
_PLURALS = {(*noun[:-1], noun[-1] + "s"): unit for noun, unit in _NOUNS.items()}

Words = tuple[str, ...]

_SAID_OF_TEXT: tuple[Words, ...] = (("word",), ("letter",), ("character",))
"""What people call text that they quote."""

_BACKWARDS: dict[Words, int] = {
    ("penultimate",): -2,
    ("last", "but", "one"): -2,
    ("last", "but", "two"): -3,
    ("next", "to", "last"): -2,
}
_WORDS: dict[str, Which] = {
    "last": -1,
    "final": -1,
    "top": 1,
    "bottom": -1,
    "next": "next",
    "following": "next",
    "previous": "previous",
    "preceding": "previous",
    "prior": "previous",
    "current": "this",
    "present": "this",
    "same": "this",
    "nearest": "nearest",
    "closest": "nearest",
}


def noun_at_end(words: Words) -> tuple[Words, UnitName, bool] | None:
    """Cut a unit's noun off the end: (the words before it, the unit, whether it is plural)."""
    for length in (2, 1):
        noun = words[-length:]
        if len(noun) == length and noun in _NOUNS:
            return words[:-length], _NOUNS[noun], False
        if len(noun) == length and noun in _PLURALS:
            return words[:-length], _PLURALS[noun], True
    return None


def which_at_start(words: Words) -> tuple[Which, Words] | None:
    """Read an ordinal or next/previous/...: (which, the words behind it)."""
    if words[:1] == ("very",):
        words = words[1:]
    for said, value in _BACKWARDS.items():
        if words[: len(said)] == said:
            return value, words[len(said) :]
    for length in (2, 1):
        number = ordinal(words[:length]) if len(words) >= length else None
        if number is None:
            continue
        place: int = number
        rest = words[length:]
        for tail in (("to", "last"), ("from", "last"), ("from", "the", "last"), ("last",)):
            if rest[: len(tail)] == tail and place > 1:
                return -place, rest[len(tail) :]
        for tail in (("from", "the", "end"), ("from", "the", "bottom")):
            if rest[: len(tail)] == tail:
                return -place, rest[len(tail) :]
        return place, rest
    if words and words[0] in _WORDS:
        return _WORDS[words[0]], words[1:]
    return None


def unit(words: Words, noun: UnitName | None = None) -> Unit | Range | None:
    """A unit that these words name completely, else None. `noun` is what "the first one" or "the first" is
    of."""
    if (numbered := _numbered(words)) is not None:
        return numbered
    found = noun_at_end(words)
    if found is None:
        if noun is None:
            return None
        found = (words[:-1] if words[-1:] in (("one",), ("ones",)) else words, noun, words[-1:] == ("ones",))
        if found[0] in ((), ("the",)):
            return None
    before, name, plural = found
    if not before:
        return Unit(unit=name, which="all") if plural else None
    return _counted(before, name, plural)


def _counted(before: Words, name: UnitName, plural: bool) -> Unit | None:
    if before in (("the",), ("my",), ("all",), ("all", "the"), ("all", "of", "the"), ("both",)):
        if plural:
            return Unit(unit=name, which="all")
        return Unit(unit=name, which="all" if before[0] == "all" else "this")
    if before in (("every",), ("each",), ("every", "single"), ("each", "and", "every")):
        return Unit(unit=name, which="all")
    if before in (
        ("the", "whole"),
        ("the", "entire"),
        ("this", "whole"),
        ("this", "entire"),
        ("a",),
        ("one",),
    ):
        return Unit(unit=name, which="previous" if before in (("a",), ("one",)) else "this")
    if before[0] in ("this", "that", "these", "those"):
        count = cardinal(before[1:]) if before[1:] else 1
        return None if count is None else Unit(unit=name, which="this", count=count)
    if "and" in before and (pair := _pair(before)) is not None:
        return Unit(unit=name, which=pair, count=2)
    bare = cardinal(before)
    if bare is not None and bare > 0:
        return Unit(unit=name, which="previous", count=bare)
    rest = before[1:] if before[0] in ("the", "my") else before
    read = which_at_start(rest)
    if read is None:
        return None
    which, more = read
    count = 1
    if more:
        number = cardinal(more)
        if number is None or number == 0:
            return None
        count = number
    return Unit(unit=name, which=which, count=min(count, 9999)) if which != 0 else None


def _pair(before: Words) -> int | None:
    """ "the second and third": the first of the two."""
    at = before.index("and")
    left = which_at_start(before[1:at] if before[:1] == ("the",) else before[:at])
    right = which_at_start(before[at + 1 :][1:] if before[at + 1 : at + 2] == ("the",) else before[at + 1 :])
    if left is None or right is None or left[1] or right[1]:
        return None
    first, second = left[0], right[0]
    neighbours = isinstance(first, int) and isinstance(second, int) and first > 0 and second == first + 1
    return first if neighbours and isinstance(first, int) else None


def _numbered(words: Words) -> Unit | Range | None:
    """ "line five", "paragraph number 2", "lines two to four"."""
    the = words[:1] == ("the",)
    words = words[1:] if the else words
    for length in (2, 1):
        head, rest = words[:length], words[length:]
        if len(head) < length or not rest:
            continue
        if the and head in _SAID_OF_TEXT and rest[:1] != ("number",):
            continue  # "the word two" is the word "two", not the second one
        if rest[:1] in (("number",), ("numbers",)):
            rest = rest[1:]
        if head in _NOUNS:
            value = cardinal(rest)
            if value is not None and 0 < value <= 999:
                return Unit(unit=_NOUNS[head], which=value)
        if head in _PLURALS:
            for at, joint in enumerate(rest):
                first, last = cardinal(rest[:at]), cardinal(rest[at + 1 :])
                if joint in ("to", "through", "until", "and") and first and last and max(first, last) <= 999:
                    name = _PLURALS[head]
                    return Range(start=Unit(unit=name, which=first), end=Unit(unit=name, which=last))
    return None


def bare_unit(words: Words) -> Unit | None:
    """A noun alone, as in "delete word" or "sort lines": the one at the caret, all of several."""
    found = noun_at_end(words)
    if found is None or found[0]:
        return None
    return Unit(unit=found[1], which="all" if found[2] else "this")
