"""Spoken wishes for new text. The grammar finds the scope and the style; a model that can write does the
rest.
"""

from collections.abc import Callable

from voice_edit.commands import Rewrite
from voice_edit.numbers import cardinal
from voice_edit.phrase import Phrase
from voice_edit.rewriting import styles
from voice_edit.selectors import Quote, Selector, That, Unit, Whole
from voice_edit.spoken.rule import Meaning, Rule, Slots
from voice_edit.spoken.selectors import structural, what

_VERBS = (
    "rewrite|rephrase|reword|paraphrase|summarise|summarize|"
    "polish|improve|clean_up|tidy_up|reformulate|refine|restructure|"
    "redo|explain|edit"
)
"""Those that say no style; the others stand in `styles.toml`."""
_MEND = "fix|correct|check|improve"
_RIGHT = "fix|correct"
"""Without saying what of it: the grammar."""
_FLAWS = (
    "grammar|spelling|punctuation|typos|mistakes|errors|capitalisation|capitalization|spelling_mistakes|"
    "grammar_and_spelling|spelling_and_grammar|grammar_and_punctuation|grammar_mistakes|grammatical_errors"
)
_LOOSE_FLAWS = "style|tone|wording|flow"
_LONG = ("sentence", "paragraph", "section", "line", "heading", "item", "list")
_MANNERS = frozenset("in into to as with so for by like using without more less".split())  # noqa: SIM905
"""What begins to say how something is to be rewritten."""
_DEGREES = frozenset("a bit little much more less very slightly somewhat".split())  # noqa: SIM905
_WORDS = (("the", "word"), ("the", "words"), ("the", "phrase"))
_POINTS = "[the] key|main|most_important points|ideas"


def _rewrite(scope: Selector, meant: styles.Meant | None = None) -> Rewrite:
    if meant is None:
        return Rewrite(scope=scope, instruction="-")
    return Rewrite(scope=scope, instruction="-", style=meant.style, language=meant.language)


def _scope(phrase: Phrase) -> tuple[Selector, Phrase] | None:
    """The longest beginning of the phrase that names a place, and what follows; of quotes only those that are
    called words. "In two sentences" says how long, not where.
    """
    if (word := _said_word(phrase)) is not None:
        return word
    for length in range(min(len(phrase), 24), 0, -1):
        said = phrase[:length]
        if (found := structural(said)) is not None and not isinstance(found, Quote) and not _measured(said):
            return found, phrase[length:]
    return None


def _measured(phrase: Phrase) -> bool:
    norms = phrase.norms
    return any(norms[at] == "in" and cardinal(norms[at + 1 : at + 2]) is not None for at in range(len(norms)))


def _said_word(phrase: Phrase) -> tuple[Selector, Phrase] | None:
    """ "The word hello into German": not the word at the caret, and what follows the word that is named."""
    if phrase.norms[:2] not in _WORDS or len(phrase) < 3:
        return None
    if phrase.norms[2] in _MANNERS or styles.meant_by(phrase[2:].norms) is not None:
        return None
    for length in range(3, len(phrase) + 1):
        rest = phrase[length:].norms
        is_manner = rest[:1] and (rest[0] in _MANNERS or styles.meant_by(rest) is not None)
        if (is_manner or not rest) and isinstance(quote := what(phrase[:length]), Quote):
            return quote, phrase[length:]
    return None


def _with_verb(style: str | None) -> Callable[[Slots], Meaning]:
    """ "shorten this paragraph", "rewrite the last sentence as key points", "translate this into German"."""

    def build(slots: Slots) -> Meaning:
        found = _scope(slots["rest"])
        if found is None:
            return None
        scope, manner = found
        if not len(manner):
            return _rewrite(scope, styles.Meant(style) if style not in (None, "Translate") else None)
        meant = styles.meant_by(manner.norms)
        if style == "Translate" and meant is not None and meant.language is None:
            meant = None
        if meant is not None and style not in (None, meant.style):  # "simplify this in German" is both
            meant = None
        return _rewrite(scope, meant)

    return build


def _alone(style: str | None) -> Callable[[Slots], Meaning]:
    """ "shorten": what was selected or said last."""
    return lambda _: _rewrite(That(), styles.Meant(style) if style not in (None, "Translate") else None)


def _flaws(style: str | None) -> Callable[[Slots], Meaning]:
    def build(slots: Slots) -> Meaning:
        scope = structural(slots["scope"]) if "scope" in slots else That()
        return None if scope is None else _rewrite(scope, styles.Meant(style) if style else None)

    return build


def _make(slots: Slots) -> Meaning:
    """ "make this paragraph friendlier": what is made of it is not a look that the grammar knows."""
    rest = slots["rest"]
    if (word := _said_word(rest)) is not None:
        return _rewrite(word[0], styles.meant_by(word[1].norms)) if len(word[1]) else None
    for length in range(min(len(rest) - 1, 24), 0, -1):
        if (found := structural(rest[:length])) is not None:
            return _rewrite(found, styles.meant_by(rest[length:].norms))
    return None


def _turn_into(slots: Slots) -> Meaning:
    """ "turn this paragraph into a poem"; a word is replaced, not rewritten."""
    scope, result = structural(slots["scope"]), slots["what"]
    if scope is None:
        return None
    norms = result.norms
    meant = styles.meant_by(norms)
    if meant is None and (into := styles.language(norms)) is not None:
        meant = styles.Meant("Translate", into)
    so_many = cardinal(norms[:1]) is not None and styles.meant_by(norms[1:]) == styles.Meant("Key points")
    if meant is None and norms[0] not in ("a", "an", "something") and not so_many:
        return None
    long = isinstance(scope, That | Whole) or scope.kind in ("selection", "range")
    if isinstance(scope, Unit):
        long = scope.unit in _LONG
    return _rewrite(scope, meant) if long else None


def _put(slots: Slots) -> Meaning:
    """ "say this more formally", "put the last sentence into German": only where it is said how, since what
    else is put or said is put in ("say that is nice")."""
    found = _scope(slots["rest"])
    if found is None or not len(found[1]):
        return None
    manner = found[1].norms
    how = manner[0] in _MANNERS or (manner[-1].endswith(("er", "ly")) and _DEGREES.issuperset(manner[:-1]))
    meant = styles.meant_by(manner) if how else None
    return None if meant is None else _rewrite(found[0], meant)


def _points(slots: Slots) -> Meaning:
    scope = structural(slots["scope"])
    return None if scope is None else _rewrite(scope, styles.Meant("Key points"))


def _translate_that(slots: Slots) -> Meaning:
    """ "translate into German": that."""
    into = styles.language(slots["rest"].norms)
    return _rewrite(That(), styles.Meant("Translate", into) if into is not None else None)


def _rewrite_that(slots: Slots) -> Meaning:
    return _rewrite(That(), styles.meant_by(("in", *slots["rest"].norms)))


FIRST_RULES: tuple[Rule, ...] = (
    Rule("turn|make|convert|transform|change {scope} into {what}", _turn_into),
    Rule(f"{_MEND} [the|any|all_the|all] {_FLAWS} of|in|on {{scope}}", _flaws("Fix grammar")),
    Rule(f"{_MEND} [the|any|all_the|all] {_FLAWS}", _flaws("Fix grammar")),
    Rule(f"fix|correct|improve [the] {_LOOSE_FLAWS} of|in {{scope}}", _flaws(None)),
    Rule("say|put|write|phrase|express {rest}", _put),
    Rule(f"list|extract|pull_out|give_me|give|show {_POINTS} of|from|in {{scope}}", _points),
)
"""Tried before the plain edits: "turn this paragraph into a poem" is not a replacement."""


def _style_rules() -> tuple[Rule, ...]:
    return tuple(
        Rule(pattern, build(style.name))
        for style in styles.styles()
        if style.verbs
        for pattern, build in (
            (f"{'|'.join(style.verbs)} {{rest}}", _with_verb),
            ("|".join(style.verbs), _alone),
        )
    )


RULES: tuple[Rule, ...] = (
    *_style_rules(),
    Rule(f"{_VERBS} {{rest}}", _with_verb(None)),
    Rule(f"{_RIGHT} {{rest}}", _with_verb("Fix grammar")),
    Rule("rewrite|rephrase|summarise|summarize", _alone(None)),
    Rule("make {rest}", _make),
    Rule("translate to|into|in {rest}", _translate_that),
    Rule("summarise|summarize|rewrite|rephrase to|into|in|as {rest}", _rewrite_that),
)
