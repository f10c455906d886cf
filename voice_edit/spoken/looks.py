"""Spoken commands about how text looks: letter case, Markdown marks, headings, lists, and lines."""

from collections.abc import Callable

from voice_edit.commands import (
    ChangeCase,
    EditCommand,
    Format,
    JoinLines,
    MakeHeading,
    MakeList,
    SortLines,
    SplitLines,
)
from voice_edit.numbers import cardinal, ordinal
from voice_edit.phrase import Phrase
from voice_edit.selectors import Quote, Range, Selector, Unit
from voice_edit.spoken.rule import Meaning, Rule, Slots
from voice_edit.spoken.selectors import structural, what_or_bare

Look = Callable[[Selector], EditCommand]

_LOOKS: dict[str, Look] = {}


def _looks(names: str, look: Look) -> None:
    for name in names.split("|"):
        _LOOKS[name] = look


_looks(
    "bold|bold face|boldface|strong|bold type|bold text|bold letters", lambda w: Format(style="bold", what=w)
)
_looks(
    "italic|italics|italicised|italicized|emphasised|emphasized|cursive",
    lambda w: Format(style="italic", what=w),
)
_looks("code|inline code|monospace|monospaced|code font", lambda w: Format(style="code", what=w))
_looks("plain|plain text|normal|regular|unformatted|normal text", lambda w: Format(style="plain", what=w))
_looks(
    "upper case|uppercase|capitals|capital letters|all caps|all capitals|caps|block capitals|"
    "block letters|all upper case|all uppercase",
    lambda w: ChangeCase(style="upper", what=w),
)
_looks(
    "lower case|lowercase|small letters|lower case letters|lowercase letters|all lower case|all lowercase",
    lambda w: ChangeCase(style="lower", what=w),
)
_looks("title case|titlecase|headline case", lambda w: ChangeCase(style="title", what=w))
_looks("capitalised|capitalized", lambda w: ChangeCase(style="capitalise", what=w))
_looks(
    "bullet list|bulleted list|bullet point list|bullet points|bullets|unordered list|list|bullet|"
    "bullet point|list item|list of bullets|list of bullet points|itemised list|itemized list",
    lambda w: MakeList(style="bullet", what=w),
)
_looks(
    "numbered list|ordered list|numbered items|number list|numbered item|list of numbers",
    lambda w: MakeList(style="numbered", what=w),
)
_looks("heading|headline|header|main heading|title|top level heading", lambda w: MakeHeading(what=w))
_looks("subheading|sub heading|subtitle|second level heading", lambda w: MakeHeading(what=w, level=2))
_SWITCH = "make|turn|convert|change|put|set|format|mark|write|render|style|print|transform|display|show"


def _level(words: tuple[str, ...]) -> int | None:
    """Level of "level two heading", "heading level 2", "heading two", "third level heading", "h 2"."""
    forms = [
        ("level", None, "heading"),
        ("heading", "level", None),
        ("heading", None),
        ("heading", "of", "level", None),
    ]
    forms += [("header", "level", None), ("level", None, "header"), ("heading", "number", None)]
    for form in forms:
        if len(form) == len(words) and all(f is None or f == w for f, w in zip(form, words, strict=True)):
            value = cardinal((words[form.index(None)],))
            return value if value is not None and 1 <= value <= 6 else None
    if len(words) == 3 and words[1:] in (("level", "heading"), ("order", "heading")):
        value = ordinal(words[:1])
        return value if value is not None and 1 <= value <= 6 else None
    if len(words) == 1 and len(words[0]) == 2 and words[0][0] == "h" and words[0][1] in "123456":
        return int(words[0][1])
    return None


def look_named(words: tuple[str, ...]) -> list[Look] | None:
    """The looks these words name ("bold", "a level two heading", "bold and italic"), else None."""
    if "and" in words:
        at = words.index("and")
        first, second = look_named(words[:at]), look_named(words[at + 1 :])
        return None if first is None or second is None else first + second
    while words and words[0] in ("a", "an", "the", "in", "into", "to", "as", "all", "be", "it"):
        if " ".join(words) in _LOOKS:
            break
        words = words[1:]
    if look := _LOOKS.get(" ".join(words)):
        return [look]
    level = _level(words)
    return None if level is None else [lambda w: MakeHeading(what=w, level=level)]


def _make(slots: Slots) -> Meaning:
    """ "make hello bold", "turn this paragraph into a bullet list", "put hello in upper case"."""
    rest = slots["rest"]
    for length in range(1, len(rest)):
        looks = look_named(rest[length:].norms)
        if looks is None:
            continue
        target = what_or_bare(rest[:length])
        if target is None:
            continue
        if isinstance(target, Quote) and (_is_thing(rest.norms[length:]) or _is_counted(rest.norms[:length])):
            continue
        return [look(target) for look in looks]
    return None


def _is_thing(words: tuple[str, ...]) -> bool:
    """Whether words behind a quote go on with it, or name a thing that is there: "put Bob in the list"."""
    return words[0] in ("heading", "title", "list", "the") or (
        words[0] in ("in", "into", "on", "to") and words[1:2] == ("the",)
    )


def _is_counted(words: tuple[str, ...]) -> bool:
    """ "This paragraph into three", with "bullet points" behind it: new text is wanted."""
    return len(words) > 2 and words[-2] in ("in", "into", "as") and cardinal(words[-1:]) is not None


def _verb(look: Look) -> Callable[[Slots], Meaning]:
    def build(slots: Slots) -> Meaning:
        target = what_or_bare(slots["what"])
        return None if target is None else look(target)

    return build


def _plain(slots: Slots) -> Meaning:
    target = what_or_bare(slots["what"])
    return None if target is None else Format(style="plain", what=target)


def _lines(phrase: Phrase) -> Selector | None:
    found = what_or_bare(phrase)
    return None if isinstance(found, Quote) else found


def _join(slots: Slots) -> Meaning:
    target = _lines(slots["what"])
    return None if target is None else JoinLines(what=target)


def _join_two(slots: Slots) -> Meaning:
    first, norms = structural(slots["x"]), slots["y"].norms
    if not isinstance(first, Unit) or first.which in ("previous", "all") or first.which == -1:
        return None
    if norms[:2] == ("the", "next") and norms[2:] in ((), ("one",), (first.unit,)):
        return JoinLines(what=first.model_copy(update={"count": first.count + 1}))
    second = structural(slots["y"], first.unit)
    return None if second is None else JoinLines(what=Range(start=first, end=second))


def _split(slots: Slots, by: str) -> Meaning:
    target = _lines(slots["what"])
    return None if target is None else SplitLines(what=target, by=by)  # type: ignore[arg-type]


def _own_lines(slots: Slots) -> Meaning:
    """ "put every sentence of this paragraph on its own line"."""
    found = structural(slots["what"])
    beside = isinstance(found, Unit) and (found.after or found.before)
    if isinstance(found, Unit) and not beside and found.which == "all" and found.unit in ("sentence", "word"):
        scope = found.within or Unit(unit="paragraph")
        return SplitLines(what=scope, by="word" if found.unit == "word" else "sentence")
    return None


_ORDERS = {
    "": False,
    "alphabetically": False,
    "in alphabetical order": False,
    "by name": False,
    "from a to z": False,
    "a to z": False,
    "in ascending order": False,
    "ascending": False,
    "by number": False,
    "numerically": False,
    "in order": False,
    "in reverse": True,
    "in reverse order": True,
    "in reverse alphabetical order": True,
    "reverse": True,
    "reversed": True,
    "backwards": True,
    "backward": True,
    "descending": True,
    "in descending order": True,
    "from z to a": True,
    "z to a": True,
    "reverse alphabetically": True,
    "alphabetically in reverse": True,
    "in reverse alphabetically": True,
}


def _sort(slots: Slots) -> Meaning:
    phrase = slots["what"]
    for length in range(1, len(phrase) + 1):
        descending = _ORDERS.get(" ".join(phrase.norms[length:]))
        if descending is None:
            continue
        target = _lines(phrase[:length])
        if target is not None:
            return SortLines(what=target, descending=descending)
    return None


def _ordered(slots: Slots, *, descending: bool) -> Meaning:
    target = _lines(slots["what"])
    return None if target is None else SortLines(what=target, descending=descending)


def _listed(slots: Slots, name: str) -> Meaning:
    target = _lines(slots["what"])
    return None if target is None else _LOOKS[name](target)


_WITHOUT = "formatting|format|bold|bolding|italics|italic|code|marks|emphasis|style|styling|markup|bold_face"
_JOIN = "join|merge|combine|connect|unite"

RULES: tuple[Rule, ...] = (
    Rule("make {what} [into] one line|single_line|a_single_line", _join),
    Rule("write {what} in one line", _join),
    Rule("put|write|set|place {what} on|in its|their|a own|separate|new|different line|lines", _own_lines),
    Rule("put|arrange {what} in|into alphabetical|ascending order", lambda s: _ordered(s, descending=False)),
    Rule(
        "put|arrange {what} in|into reverse|descending [alphabetical] order",
        lambda s: _ordered(s, descending=True),
    ),
    Rule(f"{_SWITCH} {{rest}}", _make),
    Rule("capitalise|capitalize|cap {what}", _verb(_LOOKS["capitalised"])),
    Rule("bold|embolden|boldface {what}", _verb(_LOOKS["bold"])),
    Rule("italicise|italicize|italic|emphasise|emphasize {what}", _verb(_LOOKS["italic"])),
    Rule("unbold|unformat|unitalicise|unitalicize {what}", _plain),
    Rule(f"remove|delete|clear|strip [the|all|all_the|any] {_WITHOUT} from|of|on|in {{what}}", _plain),
    Rule("upper_case|uppercase|all_caps|capitals {what}", _verb(_LOOKS["upper case"])),
    Rule("lower_case|lowercase {what}", _verb(_LOOKS["lower case"])),
    Rule("title_case|titlecase {what}", _verb(_LOOKS["title case"])),
    Rule("bullet|itemise|itemize {what}", lambda s: _listed(s, "bullet list")),
    Rule("number {what}", lambda s: _listed(s, "numbered list")),
    Rule(f"{_JOIN} {{x}} with|and|to {{y}} [together]", _join_two),
    Rule(f"{_JOIN} {{what}} [together]", _join),
    Rule(f"{_JOIN} {{what}} into one|a_single line|paragraph", _join),
    Rule(
        "split|break [up] {what} into|in [separate|single] lines|sentences|a_line_per_sentence",
        lambda s: _split(s, "sentence"),
    ),
    Rule("split|break [up] {what} into|in [separate|single] words", lambda s: _split(s, "word")),
    Rule(
        "split|break [up] {what} at|by|on|after [the|every|each] sentence|sentences",
        lambda s: _split(s, "sentence"),
    ),
    Rule(
        "split|break [up] {what} at|by|on|after [the|every|each] comma|commas", lambda s: _split(s, "comma")
    ),
    Rule(
        "split|break [up] {what} at|by|on|after [the|every|each] word|words|space|spaces",
        lambda s: _split(s, "word"),
    ),
    Rule("sort|order|alphabetise|alphabetize {what}", _sort),
)
