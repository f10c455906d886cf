"""Spoken commands that put text somewhere: insert, put, add, write, type, append."""

from voice_edit.commands import EditCommand, Insert
from voice_edit.marks import mark_named
from voice_edit.phrase import Phrase, match
from voice_edit.selectors import Caret, Edge, Place, Quote, Selected, Unit
from voice_edit.spoken.rule import Meaning, Rule, Slots
from voice_edit.spoken.selectors import place, structural

_VERBS = "insert|add|write|type|append|enter|include|say|prepend"
_PUT = "put|place"
_PAIRS = (
    "quotes|quotation_marks|double_quotes|single_quotes|inverted_commas|brackets|square_brackets|parentheses|"
    "parenthesis|parens|braces|curly_brackets"
)
_INTO = ("to", "into", "in", "on", "inside", "onto")


def spoken_text(phrase: Phrase) -> str:
    """The text that is meant: the name of a mark means the mark, "the word comma" the word."""
    inner = phrase
    for head in (
        "the words",
        "the word",
        "the text",
        "the phrase",
        "the sentence",
        "the number",
        "the letter",
    ):
        if phrase.starts(*head.split()) and len(phrase) > len(head.split()):
            inner = phrase[len(head.split()) :]
            return unquoted(inner).text
    return mark_named(inner.text) or unquoted(inner).text


def unquoted(phrase: Phrase) -> Phrase:
    """Without a spoken "quote ... unquote"."""
    for end in (("unquote",), ("end", "quote"), ("close", "quote")):
        if phrase.starts("quote") and phrase.ends(*end) and len(phrase) > 1 + len(end):
            return phrase[1 : len(phrase) - len(end)]
    return phrase


def _into(phrase: Phrase) -> Place | None:
    """ "to the list", "in the second paragraph": at its end, in a list as an item of its own."""
    if len(phrase) < 2 or phrase.norms[0] not in _INTO:
        return None
    target = structural(phrase[1:])
    if target is None or isinstance(target, Selected):
        return None
    if isinstance(target, Unit) and target.unit == "list":
        return _behind_last_item(target)
    return Edge(side="end", of=target)


def _behind_last_item(of: Unit) -> Edge:
    return Edge(side="after", of=Unit(unit="item", which=-1, within=of))


def _insert(slots: Slots) -> Meaning:
    phrase = slots["rest"]
    if _wraps(phrase):
        return None
    if (first := _leading_place(phrase)) is not None:
        length, where = first
        return _at(phrase[length:], where)
    at = split_place(phrase)
    if at is None:
        return _at(phrase, Caret())
    length, where = at
    return _at(phrase[:length], where)


def _wraps(phrase: Phrase) -> bool:
    """ "(put) quotes around Lisbon": marks around words, for which there is no command."""
    return any(True for _ in match(f"[some|a_pair_of] {_PAIRS} around|round {{what}}", phrase))


def _put(slots: Slots) -> Meaning:
    """Like `_insert`, but "put Lisbon in quotes" names words that stand there."""
    if any(True for _ in match(f"{{what}} in|into|inside|between {_PAIRS}", slots["rest"])):
        return None
    return _insert(slots)


def _leading_place(phrase: Phrase) -> tuple[int, Place] | None:
    """ "insert at the end of the line hello": the longest place in units, else one word."""
    if phrase.norms[0] not in ("before", "after", "at"):
        return None
    for length in range(len(phrase) - 1, 1, -1):
        found = place(phrase[:length])
        if isinstance(found, Edge) and not isinstance(found.of, Quote):
            return length, found
    found = place(phrase[:2]) if len(phrase) > 2 and phrase.norms[0] != "at" else None
    return None if found is None or split_place(phrase[1:]) is not None else (2, found)


def split_place(phrase: Phrase) -> tuple[int, Place] | None:
    """Where the text ends and the place begins, and the place.

    A place in units or with an edge wins, the shortest text first; else the first "before", "after", ...
    "insert see you before the last word", "insert Anna after bread".
    """
    fallback: tuple[int, Place] | None = None
    for length in range(1, len(phrase)):
        tail = phrase[length:]
        found = place(tail)
        if found is None and (inside := _into(tail)) is not None:
            # "before busy in this sentence" is one place; "before lunch to the list" is the list.
            return (length, inside) if fallback is None or tail.norms[0] in ("to", "into") else fallback
        if isinstance(found, Caret) and len(tail) <= 4:
            return length, found
        if isinstance(found, Edge):
            if not isinstance(found.of, Quote):
                return length, found
            fallback = fallback or (length, found)
    return fallback


def _at(phrase: Phrase, where: Place) -> list[EditCommand] | None:
    of = where.of if isinstance(where, Edge) else None
    if isinstance(where, Edge) and isinstance(of, Unit) and of.unit == "list":
        if where.side == "start":
            where = Edge(side="before", of=Unit(unit="item", which=1, within=of))
        elif where.side == "end":
            where = _behind_last_item(of)
    text = spoken_text(phrase) if len(phrase) else ""
    return [Insert(text=text, at=where)] if text else None


def _place_first(slots: Slots) -> Meaning:
    where = place(slots["place"])
    return None if where is None else _at(slots["text"], where)


RULES: tuple[Rule, ...] = (
    Rule(f"{_VERBS} {{rest}}", _insert),
    Rule(f"{_PUT} {{rest}}", _put),
    Rule(f"{{place}} {_VERBS}|{_PUT} {{text}}", _place_first),
)
