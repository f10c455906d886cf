"""Spoken wishes for new text. The grammar finds the scope; a model that can write does the rest."""

from voice_edit.commands import Rewrite
from voice_edit.phrase import Phrase
from voice_edit.selectors import Quote, Selector, That, Unit, Whole
from voice_edit.spoken.rule import Meaning, Rule, Slots
from voice_edit.spoken.selectors import structural

_VERBS = (
    "rewrite|rephrase|reword|paraphrase|shorten|simplify|summarise|summarize|translate|expand|lengthen|condense|"
    "tighten|polish|improve|proofread|clean_up|tidy_up|elaborate_on|expand_on|reformulate|refine|restructure|"
    "soften|formalise|formalize|redo|extend|explain|fix|correct|edit|copyedit"
)
_FLAWS = (
    "grammar|spelling|punctuation|typos|mistakes|errors|capitalisation|"
    "capitalization|spelling_mistakes|style|tone"
)
_LONG = ("sentence", "paragraph", "section", "line", "heading", "item", "list")


def _rewrite(scope: Selector) -> Rewrite:
    return Rewrite(scope=scope, instruction="-")


def _scope(phrase: Phrase) -> Selector | None:
    """The longest beginning of the phrase that names a place; quotes do not count."""
    for length in range(min(len(phrase), 24), 0, -1):
        if (found := structural(phrase[:length])) is not None and not isinstance(found, Quote):
            return found
    return None


def _verb(slots: Slots) -> Meaning:
    scope = _scope(slots["rest"])
    return None if scope is None else _rewrite(scope)


def _flaws(slots: Slots) -> Meaning:
    scope = structural(slots["scope"])
    return None if scope is None else _rewrite(scope)


def _make(slots: Slots) -> Meaning:
    """ "make this paragraph friendlier": what is made of it is not a look that the grammar knows."""
    rest = slots["rest"]
    for length in range(min(len(rest) - 1, 24), 0, -1):
        if (found := structural(rest[:length])) is not None:
            return _rewrite(found)
    return None


def _turn_into(slots: Slots) -> Meaning:
    """ "turn this paragraph into a poem"; a word is replaced, not rewritten."""
    scope = structural(slots["scope"])
    if scope is None or slots["what"].norms[0] not in ("a", "an", "something"):
        return None
    long = isinstance(scope, That | Whole) or scope.kind in ("selection", "range")
    if isinstance(scope, Unit):
        long = scope.unit in _LONG
    return _rewrite(scope) if long else None


FIRST_RULES: tuple[Rule, ...] = (
    Rule("turn|make|convert|transform|change {scope} into {what}", _turn_into),
    Rule(f"fix|correct|check|improve [the|any|all_the|all] {_FLAWS} of|in|on {{scope}}", _flaws),
    Rule(f"fix|correct|check|improve [the|any|all_the|all] {_FLAWS}", lambda _: _rewrite(That())),
)
"""Tried before the plain edits: "turn this paragraph into a poem" is not a replacement."""

RULES: tuple[Rule, ...] = (
    Rule(f"{_VERBS} {{rest}}", _verb),
    Rule(
        "rewrite|rephrase|shorten|simplify|summarise|summarize|translate|proofread",
        lambda _: _rewrite(That()),
    ),
    Rule("make {rest}", _make),
    Rule("translate|summarise|summarize|rewrite|rephrase to|into|in {rest}", lambda _: _rewrite(That())),
)
