"""Spoken commands about the session: history, corrections, saving, stopping, and breaks."""

from voice_edit.commands import Break, Correct, Redo, Replace, Save, Stop, Undo
from voice_edit.numbers import cardinal
from voice_edit.phrase import Phrase
from voice_edit.selectors import Caret, That
from voice_edit.spoken.rule import Meaning, Rule, Slots
from voice_edit.spoken.selectors import SPOKEN_THING, place, structural

_CHANGES = "change|changes|edit|edits|thing|things|step|steps|command|commands|action|actions"
_THAT = "that|this|it|that_one|that_again|the_last_one|my_last_change"
_SAVED = "it|that|this|everything|now|all|my_work|my_changes|the_changes|changes"
_FILES = "[the|this|my] file|document|text|note|page"


def _count(phrase: Phrase) -> int | None:
    value = cardinal(phrase.norms)
    return value if value is not None and 0 < value <= 9999 else None


def _history(verb: str, kind: type[Undo] | type[Redo]) -> list[Rule]:
    def by(slots: Slots) -> Meaning:
        count = _count(slots["n"])
        return None if count is None else kind(count=count)

    return [
        Rule(verb, lambda _: kind()),
        Rule(f"{verb} {_THAT}", lambda _: kind()),
        Rule(f"{verb} [the|my] [last|previous|latest] {_CHANGES}", lambda _: kind()),
        Rule(f"{verb} twice", lambda _: kind(count=2)),
        Rule(f"{verb} [that|it] {{n}} times", by),
        Rule(f"{verb} [the|my] [last|previous|latest] {{n}} [{_CHANGES}]", by),
    ]


def _break(slots: Slots, style: str) -> Meaning:
    where = Caret() if "at" not in slots else place(slots["at"])
    return None if where is None else Break(style=style, at=where)  # type: ignore[arg-type]


def _split(slots: Slots, style: str) -> Meaning:
    """ "split the line after bread": the words before the place only say what is broken."""
    return _break(slots, style) if structural(slots["what"]) is not None else None


def _at(slots: Slots, style: str) -> Meaning:
    """ "split the line at bread" breaks in front of it; "at the commas" is another command."""
    found = place(Phrase.of("before " + slots["at"].text))
    if structural(slots["what"]) is None or found is None or slots["at"].norms[-1].endswith("s"):
        return None
    return Break(style=style, at=found)  # type: ignore[arg-type]


def _breaks() -> list[Rule]:
    rules = []
    for style, names in (
        ("paragraph", "new_paragraph|paragraph_break|blank_line|empty_line"),
        ("line", "new_line|newline|line_break"),
    ):
        verbs = "insert|add|start|begin|make|put|press|type"

        def build(slots: Slots, style: str = style) -> Meaning:
            return _break(slots, style)

        rules += [
            Rule(names, build),
            Rule(f"{names} {{at}}", build),
            Rule(f"{verbs} [a|an|one] {names}", build),
            Rule(f"{verbs} [a|an|one] {names} {{at}}", build),
        ]
    rules += [
        Rule("press|hit enter|return", lambda _: Break(style="line")),
        Rule("next_line", lambda _: Break(style="line")),
    ]
    for style, noun in (("line", "line"), ("paragraph", "paragraph")):

        def split(slots: Slots, style: str = style, noun: str = noun) -> Meaning:
            return _split(slots, style) if noun in slots["what"].norms else None

        def split_at(slots: Slots, style: str = style, noun: str = noun) -> Meaning:
            return _at(slots, style) if noun in slots["what"].norms else None

        rules += [
            Rule("split|break {what} {at}", split),
            Rule("split|break {what} at {at}", split_at),
            Rule(f"split|break [this|the] [current] {noun} [here]", lambda _, s=style: Break(style=s)),  # type: ignore[misc]
        ]
    return rules


def _correct(slots: Slots) -> Meaning:
    wrong = slots.get("wrong")
    return Correct(text=slots["right"].text, instead_of=None if wrong is None else wrong.text)


def _about(slots: Slots) -> Meaning:
    """ "The thing I said about Tuesday, it's on Wednesday": the preposition stands in the text already."""
    about, right, wrong = slots["about"], slots["right"], slots.get("wrong")
    if right.norms[0] in _PREPOSITIONS and right.norms[0] != about.norms[0]:
        right = right[1:]
    if not len(right):
        return None
    return Correct(text=right.text, about=about.text, instead_of=None if wrong is None else wrong.text)


_SAID_ABOUT = f"{SPOKEN_THING} about|regarding|concerning|on {{about}}"
_IS = (
    "it's|it_is|it_was|it_should_be|it_should_say|it_should_have_been|it_must_be|should_be|should_say|"
    "should_have_been|is_actually|is_really|is|was|make_it|make_that|change_it_to|change_that_to|that's|"
    "that_is|that_should_be|i_meant|i_mean|i_meant_to_say|it's_actually|it's_really|actually_it's"
)
_NOT = "not|instead_of|rather_than|and_not"
_PREPOSITIONS = ("on", "at", "in", "by", "for", "to", "from")
_MEANT = "meant_to_say|meant|mean|wanted_to_say|said|wanted"
_SORRY = "[no] [wait] [sorry] [oh] [no] [actually] [sorry] [no]"

RULES: tuple[Rule, ...] = (
    *_history("undo", Undo),
    *_history("redo", Redo),
    Rule("scratch|strike [that|it|this]", lambda _: Undo()),
    Rule("scratch|strike [the] last_thing|last_one|last_bit", lambda _: Undo()),
    Rule("take that|it|this back", lambda _: Undo()),
    Rule("take_back that|it|this", lambda _: Undo()),
    Rule("take_back the last change|edit|step", lambda _: Undo()),
    Rule("revert [that|it|this]", lambda _: Undo()),
    Rule("undo everything|all|all_changes|all_of_it", lambda _: Undo(count=9999)),
    Rule(f"save [{_SAVED}]", lambda _: Save()),
    Rule(f"save|write {_FILES} [now]", lambda _: Save()),
    Rule("stop [it|now|here]", lambda _: Stop()),
    Rule("stop [the] listening|recording|dictation|dictating|hearing|editing", lambda _: Stop()),
    Rule("that's|that_is all|it [for_now|for_today]", lambda _: Stop()),
    *_breaks(),
    Rule(
        f"{_SORRY} [when|where] i said {{wrong}} [but] i_meant|i_mean|i_meant_to_say|it's|it_is|it_should_be|"
        "it_should_have_been|it_should_say|make_it|make_that|i_wanted {right}",
        _correct,
    ),
    Rule(f"{_SORRY} i {_MEANT} {{right}} not|instead_of|rather_than|and_not {{wrong}}", _correct),
    Rule(f"{_SORRY} i {_MEANT} {{right}}", _correct),
    Rule("not {wrong} but {right}", _correct),
    Rule(f"{_SORRY} {_SAID_ABOUT} {_IS} {{right}} {_NOT} {{wrong}}", _about),
    Rule(f"{_SORRY} {_SAID_ABOUT} {_IS} {{right}}", _about),
    Rule(f"{_SORRY} about {{about}} {_IS} {{right}}", _about),
    Rule(
        f"{_SORRY} it's|it_is|it_was|that's|that_is not {{wrong}} it's|it_is|it_was|but {{right}}", _correct
    ),
    Rule(f"{_SORRY} it's|it_is|it_was|that's|that_is {{right}} not|and_not {{wrong}}", _correct),
    Rule("that|it|this should be|say|read {right}", _correct),
    Rule("that|it should have been|said {right}", _correct),
    Rule("correct that|it|this to {right}", lambda s: Replace(find=That(), text=s["right"].text)),
)
