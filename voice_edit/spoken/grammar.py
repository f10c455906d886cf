"""The spoken-command grammar: words -> edit commands, a rewrite, or None.

`parse` takes the words of one utterance as a recogniser writes them (a capital first, a final mark) and
decides without looking at any document: instant, predictable, the same with every model. The rules are
patterns (see `phrase.py`) with a function each; they are tried in order and the first that makes sense wins.
"""

import re
from collections.abc import Sequence

from voice_edit.commands import EditCommand, Rewrite
from voice_edit.phrase import Phrase, match
from voice_edit.spoken import edits, inserts, looks, rewrites, session
from voice_edit.spoken.rule import Rule

Parsed = list[EditCommand] | Rewrite | None
"""What was understood: commands to carry out in order, new text that only a writer can make, or not a
command."""

_RULES: tuple[Rule, ...] = (
    *session.RULES,
    *looks.RULES,
    *rewrites.FIRST_RULES,
    *edits.RULES,
    *inserts.RULES,
    *rewrites.RULES,
)
_POLITE = """please|um|uh|er|erm|hmm|and then|and|kindly|okay|ok|now|so|well|hey|then
can you|could you|would you|will you|can we|could we|can i|could i
i want to|i want you to|i would like to|i would like you to|i'd like to|i'd like you to|i need you to|you
can|you could
let's|let us|go ahead and|just|also|maybe|perhaps|next please|would you mind""".replace("\n", "|").split("|")
_POLITE.sort(key=len, reverse=True)
_AFTERWARDS = ("please", "for me", "now please", "thank you", "thanks", "right now", "now")
_JOINTS = (("and", "then"), ("and", "after", "that"), ("then",))


def parse(words: str) -> Parsed:
    """What the words of one utterance ask for; None if they are not a command."""
    phrase = Phrase.of(words)
    plain = _without_polite_start(phrase)
    asked = len(plain) < len(phrase)
    for candidate in _without_polite_end(plain, asked=asked):
        if (found := _sequence(candidate)) is not None:
            return found
    return _one(phrase) if asked else None


def _without_polite_start(phrase: Phrase) -> Phrase:
    while True:
        rest = phrase.after_any(*_POLITE)
        if len(rest) == len(phrase) or not len(rest):
            return phrase
        phrase = rest


def _without_polite_end(phrase: Phrase, *, asked: bool) -> Sequence[Phrase]:
    """The phrase with and without a polite end, the likelier reading first."""
    for tail in _AFTERWARDS:
        end = tuple(tail.split())
        if phrase.ends(*end) and len(phrase) > len(end):
            rest = phrase[: len(phrase) - len(end)]
            if len(rest) == 1 and len(end) == 1:
                return [phrase, rest]
            if tail == "please" or (asked and tail not in ("now", "right now")):
                return [*_without_polite_end(rest, asked=asked), phrase]
            return [phrase, *_without_polite_end(rest, asked=asked)] if tail != "please" else [phrase]
    return [phrase]


def _sequence(phrase: Phrase) -> Parsed:
    """Commands joined by "and then"; only if every part is one."""
    for at in range(1, len(phrase) - 1):
        for joint in _JOINTS:
            if phrase.norms[at : at + len(joint)] != joint:
                continue
            first = _one(phrase[:at])
            if not isinstance(first, list):
                continue
            rest = _sequence(_without_polite_start(phrase[at + len(joint) :]))
            if isinstance(rest, list):
                return [*first, *rest]
    return _one(phrase)


def _one(phrase: Phrase) -> Parsed:
    for rule in _RULES:
        if rule.verbs and phrase.norms[:1] and phrase.norms[0] not in rule.verbs:
            continue
        for found in match(rule.pattern, phrase):
            meaning = rule.build(found)
            if meaning is None:
                continue
            if isinstance(meaning, Rewrite):
                return meaning.model_copy(update={"instruction": _as_spoken(phrase)})
            return meaning if isinstance(meaning, list) else [meaning]
    return None


def _as_spoken(phrase: Phrase) -> str:
    """The instruction of a rewrite: the words without the recogniser's capital."""
    text = re.sub(r"\s+", " ", phrase.text)
    first = phrase.norms[0]
    return text if first.startswith("i'") or first == "i" else text[:1].lower() + text[1:]
