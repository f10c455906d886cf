"""Spoken commands that take, exchange, mark and move text."""

from voice_edit.commands import Delete, Duplicate, GoTo, Move, Replace, Select, Swap
from voice_edit.numbers import cardinal
from voice_edit.phrase import Phrase
from voice_edit.selectors import Caret, Edge, Quote, Selector, That, Unit, UnitName, Whole
from voice_edit.spoken.inserts import spoken_text
from voice_edit.spoken.rule import Meaning, Rule, Slots
from voice_edit.spoken.selectors import noun_of, place, structural, what, what_or_bare
from voice_edit.spoken.units import noun_at_end, unit

_DELETE = (
    "delete|remove|erase|get_rid_of|take_out|cut_out|cut|drop|clear|"
    "strike_out|strike|cross_out|throw_away|omit|wipe_out|kill"
)
_CARET = "[the|my] cursor|caret"


def _delete(slots: Slots) -> Meaning:
    target = what_or_bare(slots["what"])
    return None if target is None else Delete(what=target)


def _both(slots: Slots) -> Meaning:
    """ "delete the first and the last word": two places in units."""
    noun = noun_of(slots["y"])
    first, second = structural(slots["x"], noun), structural(slots["y"])
    if first is None or second is None or isinstance(first, That) or isinstance(second, That):
        return None
    return [Delete(what=second), Delete(what=first)] if _ordered(first, second) else None


def _ordered(first: Selector, second: Selector) -> bool:
    """Whether the second stands behind the first for sure, so that deleting it first moves nothing."""
    match first, second:
        case Unit(which=int(a), unit=u, within=None), Unit(which=int(b), unit=v, within=None):
            if first.after or first.before or second.after or second.before:
                return False
            return u == v and (0 < a < b or (a > 0 > b) or a < b < 0)
    return False


# --- replace ---


def _replacement(find: Phrase, text: Phrase, *, everywhere: bool = False) -> Meaning:
    scope: Selector | None = None
    for at in range(1, len(text) - 1):
        if (
            text.norms[at] in ("in", "within", "of", "throughout")
            and (scope := structural(text[at + 1 :])) is not None
        ):
            if isinstance(scope, That):
                scope = None
                continue
            everywhere = (
                everywhere
                or text.norms[at] == "throughout"
                or (text.norms[at - 1] == "everywhere" and at > 1)
            )
            text = text[: at - 1] if text.norms[at - 1] == "everywhere" and at > 1 else text[:at]
            break
    for tail in (
        ("everywhere",),
        ("throughout",),
        ("every", "time"),
        ("each", "time"),
        ("everywhere", "please"),
    ):
        if text.ends(*tail) and len(text) > len(tail):
            text, everywhere = text[: len(text) - len(tail)], True
    target = what(find)
    if target is None:
        return None
    if isinstance(target, Quote):
        if everywhere:
            target = target.model_copy(update={"which": "all"})
        if scope is not None and not isinstance(scope, Whole) and target.within is None:
            target = target.model_copy(update={"within": scope})
    elif scope is not None:
        return Replace(find=target, text=spoken_text(text)) if isinstance(scope, Whole) else None
    return Replace(find=target, text=spoken_text(text))


def _replace(slots: Slots) -> Meaning:
    # "change from monday to friday to tomorrow": the first "to" belongs to the range.
    if slots["find"].starts("from") and structural(slots["find"]) is None and "to" in slots["text"].norms:
        return None
    return _replacement(slots["find"], slots["text"])


def _substitute(slots: Slots) -> Meaning:
    return _replacement(slots["find"], slots["text"])


def _everywhere(slots: Slots) -> Meaning:
    return _replacement(slots["find"], slots["text"], everywhere=True)


def _should_be(slots: Slots) -> Meaning:
    return None if structural(slots["find"]) == That() else _replacement(slots["find"], slots["text"])


def _in_scope(slots: Slots) -> Meaning:
    """ "in the last line change Peter to Paul"."""
    scope = structural(slots["scope"])
    if scope is None:
        return None
    meaning = _replacement(slots["find"], slots["text"])
    if (
        isinstance(meaning, Replace)
        and isinstance(meaning.find, Quote | Unit)
        and not isinstance(scope, Whole)
    ):
        return meaning.model_copy(update={"find": meaning.find.model_copy(update={"within": scope})})
    return meaning


# --- swap ---


def _swap(slots: Slots) -> Meaning:
    noun = noun_of(slots["y"]) or noun_of(slots["x"])
    first, second = structural(slots["x"], noun), structural(slots["y"], noun)
    if first is not None and second is not None:
        return Swap(first=first, second=second)
    return None


def _swap_quotes(slots: Slots) -> Meaning:
    first, second = what(slots["x"]), what(slots["y"])
    return None if first is None or second is None else Swap(first=first, second=second)


def _swap_two(slots: Slots) -> Meaning:
    """ "swap the first two sentences", "swap lines one and two"."""
    found = structural(slots["what"])
    match found:
        case Unit(which=int(n), count=2):
            first, second = (n, n + 1) if n > 0 else (n - 1, n)
            return Swap(
                first=found.model_copy(update={"which": first, "count": 1}),
                second=found.model_copy(update={"which": second, "count": 1}),
            )
        case Unit(which="next" | "previous" | "this", count=2, unit=name):
            return Swap(
                first=Unit(unit=name, which=1, within=found), second=Unit(unit=name, which=2, within=found)
            )
    return None


def _swap_numbered(slots: Slots) -> Meaning:
    found = noun_at_end((slots["unit"].norms[-1],))
    a, b = cardinal(slots["a"].norms), cardinal(slots["b"].norms)
    if found is None or len(slots["unit"]) > 1 or not a or not b:
        return None
    return Swap(first=Unit(unit=found[1], which=a), second=Unit(unit=found[1], which=b))


# --- select, go to ---


def _select(slots: Slots) -> Meaning:
    target = what_or_bare(slots["what"])
    return None if target is None else Select(what=target)


def _go(slots: Slots) -> Meaning:
    where = place(slots["where"])
    return None if where is None else GoTo(place=where)


def _go_to(slots: Slots) -> Meaning:
    phrase = slots["where"]
    where = place(Phrase.of("to " + phrase.text)) or place(phrase)
    if where is not None and not isinstance(where, Caret):
        return GoTo(place=where)
    target = what(phrase)
    return None if target is None else GoTo(place=Edge(side="start", of=target))


def _step(slots: Slots, *, forward: bool, noun: UnitName | None = None) -> Meaning:
    words = slots["n"].norms if "n" in slots else ("one",)
    found = (words, noun, False) if noun else noun_at_end(words)
    if found is None or found[1] is None:
        return None
    count = cardinal(found[0] or ("one",)) if found[0] not in (("a",), ("an",)) else 1
    if not count:
        return None
    name = found[1]
    if name == "line":
        ahead = Unit(unit=name, which="next" if forward else "previous", count=count)
        target = Unit(unit=name, which=-1, within=ahead) if forward and count > 1 else ahead
        return GoTo(place=Edge(side="start", of=target))
    if forward:
        return GoTo(place=Edge(side="after", of=Unit(unit=name, which="next", count=count)))
    return GoTo(place=Edge(side="before", of=Unit(unit=name, which="previous", count=count)))


# --- move, duplicate ---


def _move(slots: Slots) -> Meaning:
    return _moved(slots, quotes=True)


def _put(slots: Slots) -> Meaning:
    return _moved(slots, quotes=False)


def _moved(slots: Slots, *, quotes: bool) -> Meaning:
    phrase = slots["rest"]
    best: Move | None = None
    for length in range(1, len(phrase)):
        tail = phrase[length:]
        noun = noun_of(phrase[:length])
        where = place(
            tail.after_any("to", "so that it is")
            if tail.starts("to", "before") or tail.starts("to", "after")
            else tail
        )
        if where is None and tail.norms[0] in ("to", "into") and len(tail) > 1:
            inside = structural(tail[1:], noun)
            where = (
                None
                if inside is None
                else Edge(side="end" if isinstance(inside, Whole) else "start", of=inside)
            )
        if where is None:
            continue
        if isinstance(where, Edge) and isinstance(where.of, Quote) and noun is not None:
            again = structural(tail[1:], noun)
            where = where if again is None else Edge(side=where.side, of=again)
        target = structural(phrase[:length]) or (what(phrase[:length]) if quotes else None)
        if target is None:
            continue
        move = Move(what=target, to=where)
        if not isinstance(where, Edge) or not isinstance(where.of, Quote):
            return move
        if best is not None and isinstance(target, Unit):
            return move  # "the line above salt" after milk, not the line above "salt after milk"
        best = best or move
    return best


def _shift(slots: Slots, *, up: bool) -> Meaning:
    target = structural(slots["what"])
    if not isinstance(target, Unit):
        return None
    count = 1
    if "n" in slots:
        found = noun_at_end(slots["n"].norms)
        number = cardinal(found[0] if found is not None else slots["n"].norms)
        if number is None or number == 0:
            return None
        count = number
    ahead = Unit(unit=target.unit, which="previous" if up else "next", count=count)
    if target.after or target.before:
        beside = {"which": -1, "before": target} if up else {"which": 1, "after": target}
        ahead = Unit.model_validate({"unit": target.unit, "count": count, **beside})
    elif target.which != "this":
        if count != 1 or not isinstance(target.which, int) or target.count != 1:
            return None
        step = target.which + (-1 if up else 1)
        if step == 0:
            return None
        ahead = target.model_copy(update={"which": step})
    return Move(what=target, to=Edge(side="before" if up else "after", of=ahead))


def _duplicate(slots: Slots) -> Meaning:
    target = what_or_bare(slots["what"])
    return None if target is None else Duplicate(what=target)


def _backspace(slots: Slots) -> Meaning:
    found = (
        unit(("the", "previous", *slots["n"].norms))
        if "n" in slots
        else Unit(unit="character", which="previous")
    )
    return Delete(what=found) if isinstance(found, Unit) else None


_CHANGE = "change|alter|modify|turn|rename|convert"
_GO = "go|jump|move|skip|scroll|navigate"
_PUT = "move|put|place|set|position|bring"

RULES: tuple[Rule, ...] = (
    Rule("backspace", _backspace),
    Rule("backspace {n}", _backspace),
    Rule(f"{_DELETE} {{x}} and {{y}}", _both),
    Rule("take {what} out", _delete),
    Rule("delete|remove|erase|clear", lambda _: Delete(what=That())),
    Rule(f"{_DELETE} {{what}}", _delete),
    Rule(f"{_CHANGE}|correct|fix {{find}} to|into {{text}}", _replace),
    Rule("replace|substitute {find} with|by {text}", _substitute),
    Rule("substitute {text} for {find}", _substitute),
    Rule("swap|exchange|switch {find} for|to {text}", _substitute),
    Rule("use|put|write|say|insert|type|add {text} instead_of|in_place_of|rather_than {find}", _substitute),
    Rule("in|within {scope} change|turn {find} to|into {text}", _in_scope),
    Rule("in|within {scope} replace {find} with|by {text}", _in_scope),
    Rule("swap|switch|exchange|interchange|transpose {unit} {a} and|with {b}", _swap_numbered),
    Rule("swap|switch|exchange|interchange|transpose {what}", _swap_two),
    Rule("swap|switch|exchange|interchange|transpose {x} and|with {y}", _swap),
    Rule("swap|switch|exchange|interchange|transpose {x} and|with {y}", _swap_quotes),
    Rule("select|highlight|mark {what}", _select),
    Rule(f"{_PUT} {_CARET} to {{where}}", _go_to),
    Rule(f"{_PUT} {_CARET} {{where}}", _go),
    Rule(f"{_GO} to {{where}}", lambda s: _go_to(s) if not s["where"].starts("to") else None),
    Rule("go|jump|skip|navigate|scroll {where}", _go),
    Rule("find {where}", _go_to),
    Rule("go|move|skip|jump up", lambda s: _step(s, forward=False, noun="line")),
    Rule("go|move|skip|jump down", lambda s: _step(s, forward=True, noun="line")),
    Rule("go|move|skip|jump up|back|backward|backwards|left {n}", lambda s: _step(s, forward=False)),
    Rule("go|move|skip|jump down|forward|forwards|ahead|on|right {n}", lambda s: _step(s, forward=True)),
    Rule("move {what} up", lambda s: _shift(s, up=True)),
    Rule("move {what} down", lambda s: _shift(s, up=False)),
    Rule("move {what} up [by] {n}", lambda s: _shift(s, up=True)),
    Rule("move {what} down [by] {n}", lambda s: _shift(s, up=False)),
    Rule("move|bring {rest}", _move),
    Rule("put|place {rest}", _put),
    Rule("duplicate|repeat|double|clone|make_a_copy_of|make_a_duplicate_of {what}", _duplicate),
    Rule("{find} should be|read {text}", _should_be),
    Rule("{find} everywhere should be {text}", _everywhere),
)
