"""Random spoken commands: what the recogniser is trained on and what the grammar must understand.

`phrases` yields one command in small letters without a final mark. Everything it yields parses
(tests/test_spoken.py holds that), and it reaches every command and selector of the grammar.
Only the standard library is used, and all draws come from the `rng` passed in: a seed is a data set.
"""

import random
from collections.abc import Callable, Sequence

ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
UNITS = ["word", "sentence", "line", "paragraph", "section"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MARKS = ["comma", "period", "full stop", "colon", "semicolon", "question mark", "exclamation mark", "hyphen"]

_RESERVED = """
a above add after ahead all alphabetical alphabetically an and around as at back before beginning behind
below between blank bold bottom bullet bullets but by can capital capitalise capitalize caps caret case change
character characters code colon combine comma containing contains convert copy correct could current
cursor cut delete document down drop duplicate each eight eighth eleven empty end erase every everything
everywhere exclamation fifth fifty file final first five fix following for format forty forward four
fourth from front full get go half heading headings here highlight hundred hyphen i i'll i'm i've
improve in including insert instance instead into it italic italics item items its join jump kindly last
letter letters level line lines list lower lowercase make mark mean means meant merge million move my
named nearest new next nine ninth no not number numbered occurrence of off okay on one onward onwards
ordered out paragraph paragraphs part period phrase place plain please previous put redo remove repeat
replace rest rewrite rid same save say scratch second section sections select selected selection
semicolon sentence sentences seven seventh shorten should simplify six sixth sort split start stop
stopped style swap swapping switch ten tenth text that that's the their them then there these third
thirty this those thousand three through throughout till times title to top translate turn twelve twenty
twice two under undo until up upper uppercase use very what which with within word words would write you
your zero
"""
RESERVED = frozenset(_RESERVED.split())
"""Words that steer the grammar; quotes are made of other words, so that each phrase means one thing."""


class _Speaker:
    """Draws the parts of a phrase."""

    def __init__(self, rng: random.Random, words: Sequence[str]) -> None:
        self.rng = rng
        self.words = [w for w in words if w.lower() not in RESERVED] or ["brown", "fox", "dog"]

    def pick(self, *options: str) -> str:
        return self.rng.choice(options)

    def quote(self, most: int = 3) -> str:
        return " ".join(self.rng.choice(self.words) for _ in range(self.rng.choice([1, 1, 1, 2, most])))

    def unit(self) -> str:
        return self.rng.choice(UNITS)

    def which(self) -> str:
        return self.rng.choice([*ORDINALS[:5], "last", "last", "next", "previous", self.rng.choice(ORDINALS)])

    def one_unit(self, unit: str | None = None) -> str:
        unit = unit or self.unit()
        return self.pick(f"the {self.which()} {unit}", f"the {self.which()} {unit}", f"this {unit}")

    def units(self) -> str:
        """A selector in units, of one or several."""
        number = self.rng.choice(NUMBERS)
        outer = self.pick("sentence", "line", "paragraph", "section", "document")
        options = [
            self.one_unit(),
            self.one_unit(),
            self.one_unit(),
            f"the {self.pick('first', 'last', 'next', 'previous')} {number} {self.unit()}s",
            f"the {self.which()} {self.pick('word', 'sentence', 'line')} of the {outer}",
            f"the {self.which()} {self.pick('word', 'letter')} of {self.one_unit('paragraph')}",
            f"the current {self.unit()}",
            f"{self.pick('line', 'paragraph', 'sentence')} {self.rng.choice(['one', *NUMBERS])}",
            f"the {self.pick('sentence', 'line')} {self.pick('with', 'containing')} {self.quote(2)}",
            f"the second to last {self.unit()}",
            self.pick("the selection", "the selected text", "the whole document", "everything", "that"),
            f"the section called {self.quote(2)}",
            self.neighbour(),
            self.neighbour(),
            self.blank_lines(),
            f"the rest of the {self.pick('line', 'sentence', 'paragraph', 'document')}",
        ]
        return self.rng.choice(options)

    def neighbour(self) -> str:
        """Units named by what stands beside them."""
        number, quote = self.rng.choice(NUMBERS[:4]), self.quote(2)
        side, place = self.pick("before", "after"), self.pick("above", "below", "under", "before", "after")
        unit = self.pick("sentence", "line", "paragraph")
        return self.pick(
            f"the word {side} {quote}",
            f"the word {side} {quote}",
            f"the {number} words {side} {quote}",
            f"the {self.pick('first', 'second', 'last')} word {side} {quote}",
            f"the word {side} the {self.pick('first', 'last', 'next')} {self.rng.choice(MARKS)}",
            f"the line {place} {quote}",
            f"the {number} lines {place} {quote}",
            f"the {unit} {place} {quote}",
            f"the {unit} {side} {self.pick('this one', 'the last one')}",
            f"the {unit} {self.pick('above', 'below', 'before', 'after')}",
            f"the lines between {self.quote(1)} and {quote}",
        )

    def blank_lines(self) -> str:
        """Lines without words."""
        kind = self.pick("blank", "blank", "empty")
        return self.pick(
            f"the {kind} line",
            f"this {kind} line",
            f"the {kind} lines",
            f"all {kind} lines",
            f"the {self.which()} {kind} line",
            f"the {kind} line {self.pick('before', 'after', 'below')} {self.quote(2)}",
        )

    def some_quote(self) -> str:
        """A quote, perhaps with an ordinal or a scope."""
        quote = self.quote()
        options = [
            *[quote] * 6,
            f"the {self.which()} {quote}",
            f"{self.pick('the word', 'the phrase')} {quote}",
            f"the {self.pick('first', 'last', 'next')} {self.pick('occurrence', 'instance')} of {quote}",
            f"{quote} in {self.one_unit(self.pick('line', 'sentence', 'paragraph', 'section'))}",
            f"the {self.pick('next', 'last', 'first', 'previous')} {self.rng.choice(MARKS)}",
        ]
        return self.rng.choice(options)

    def span(self) -> str:
        """A stretch of text."""
        first, second = self.quote(2), self.quote(2)
        return self.pick(
            f"from {first} to {second}",
            f"everything from {first} to {second}",
            f"everything between {first} and {second}",
            f"everything after {first}",
            f"everything before {first}",
            f"everything after the {self.which()} {self.unit()}",
            f"from here to the end of the {self.pick('line', 'paragraph', 'document')}",
            f"to the {self.pick('end', 'start', 'beginning')} of the {self.pick('line', 'paragraph')}",
        )

    def what(self) -> str:
        return self.rng.choice([self.units, self.units, self.some_quote, self.some_quote, self.span])()

    def thing(self) -> str:
        return self.rng.choice([self.units, self.some_quote])()

    def edge(self) -> str:
        """A place in units."""
        unit = self.pick(
            "the line", "the sentence", "the paragraph", "the document", "the section", self.one_unit()
        )
        return f"the {self.pick('start', 'beginning', 'end', 'end')} of {unit}"

    def where(self) -> str:
        """A place with its preposition, for text that is put there."""
        return self.pick(
            f"{self.pick('before', 'after')} {self.some_quote()}",
            f"{self.pick('before', 'after')} {self.some_quote()}",
            f"{self.pick('before', 'after')} {self.one_unit()}",
            f"at {self.edge()}",
            f"at {self.edge()}",
            self.pick("at the end", "at the beginning", "at the start", "at the top", "at the bottom"),
        )


def _insert(s: _Speaker) -> str:
    text, where = s.quote(5), s.where()
    if s.rng.random() < 0.12:
        text = "a " + s.pick("comma", "colon", "period", "semicolon", "question mark")
    return s.pick(
        f"insert {text} {where}",
        f"put {text} {where}",
        f"add {text} {where}",
        f"write {text} {where}",
        f"insert {text}",
        f"type {text}",
    )


def _delete(s: _Speaker) -> str:
    verb = s.pick(
        "delete",
        "delete",
        "delete",
        "remove",
        "remove",
        "erase",
        "get rid of",
        "cut",
        "take out",
        "cross out",
    )
    return f"{verb} {s.what()}"


def _replace(s: _Speaker) -> str:
    find, text = s.some_quote(), s.quote()
    word = s.quote(1)
    return s.pick(
        f"change {find} to {text}",
        f"change {find} to {text}",
        f"replace {find} with {text}",
        f"replace {find} with {text}",
        f"replace {find} by {text}",
        f"change {s.one_unit()} to {text}",
        f"replace {s.one_unit()} with {text}",
        f"replace every {word} with {text}",
        f"replace all {word} with {text}",
        f"change every {word} to {text}",
        f"change {word} to {text} everywhere",
        f"replace {word} with {text} in {s.one_unit('paragraph')}",
        f"replace all occurrences of {word} with {text}",
        f"use {text} instead of {word}",
        f"{word} should be {text}",
    )


def _swap(s: _Speaker) -> str:
    unit = s.unit()
    return (
        s.pick("swap", "switch", "exchange")
        + " "
        + s.pick(
            f"{s.quote(2)} and {s.quote(2)}",
            f"{s.quote(2)} with {s.quote(2)}",
            f"the {s.which()} {unit} with the {s.which()} {unit}",
            f"the {s.which()} and the {s.which()} {unit}",
            f"the first two {unit}s",
        )
    )


def _select(s: _Speaker) -> str:
    return s.pick(
        f"select {s.what()}", f"select {s.what()}", f"highlight {s.what()}", "select all", "select everything"
    )


def _go_to(s: _Speaker) -> str:
    verb = s.pick("go to", "go to", "jump to", "move to", "move the cursor to", "move the caret to")
    n = s.rng.choice(NUMBERS)
    return s.pick(
        f"{verb} {s.edge()}",
        f"{verb} {s.edge()}",
        f"{verb} {s.one_unit()}",
        f"go {s.pick('before', 'after')} {s.some_quote()}",
        f"go to {s.some_quote()}",
        f"go to {s.pick('the end', 'the beginning', 'the top', 'the bottom')}",
        f"go {s.pick('back', 'forward')} {n} {s.pick('words', 'sentences', 'characters')}",
        f"go {s.pick('up', 'down')} {n} lines",
    )


def _move(s: _Speaker) -> str:
    return s.pick(
        f"move {s.units()} to {s.edge()}",
        f"move {s.some_quote()} to {s.edge()}",
        f"move {s.one_unit()} {s.pick('before', 'after')} {s.one_unit()}",
        f"move {s.some_quote()} {s.pick('before', 'after')} {s.quote(2)}",
        f"move {s.one_unit()} to {s.pick('the end', 'the top', 'the bottom', 'the beginning')}",
        f"move this {s.pick('line', 'paragraph')} {s.pick('up', 'down')}",
    )


def _case(s: _Speaker) -> str:
    thing = s.thing()
    return s.pick(
        f"{s.pick('capitalize', 'capitalise')} {thing}",
        f"{s.pick('capitalize', 'capitalise')} {thing}",
        f"make {thing} {s.pick('upper case', 'lower case', 'uppercase', 'lowercase', 'all caps')}",
        f"put {thing} in {s.pick('upper case', 'lower case', 'title case', 'capitals')}",
        f"change {thing} to {s.pick('upper case', 'lower case', 'title case')}",
        f"{s.pick('uppercase', 'lowercase', 'upper case', 'lower case')} {thing}",
    )


def _format(s: _Speaker) -> str:
    thing = s.thing()
    return s.pick(
        f"make {thing} {s.pick('bold', 'bold', 'italic', 'code')}",
        f"make {thing} {s.pick('bold', 'italic')}",
        f"put {thing} in {s.pick('bold', 'italics', 'code')}",
        f"format {thing} as {s.pick('bold', 'italic', 'code')}",
        f"bold {thing}",
        f"remove the {s.pick('formatting', 'bold', 'italics')} from {thing}",
    )


def _heading(s: _Speaker) -> str:
    line = s.one_unit(s.pick("line", "line", "paragraph", "sentence"))
    level = s.rng.choice(["one", "two", "three"])
    return s.pick(
        f"make {line} a heading",
        f"turn {line} into a heading",
        f"make {line} a level {level} heading",
        f"make {line} a heading level {level}",
    )


def _list(s: _Speaker) -> str:
    lines = s.pick(
        s.one_unit("paragraph"),
        s.one_unit("section"),
        "the selection",
        f"the last {s.rng.choice(NUMBERS)} lines",
    )
    style = s.pick("a bullet list", "a bulleted list", "a numbered list", "bullet points", "a list")
    return f"{s.pick('turn', 'make', 'convert', 'change')} {lines} {s.pick('into', 'into', 'to')} {style}"


def _lines(s: _Speaker) -> str:
    n = s.rng.choice(NUMBERS)
    return s.pick(
        f"join {s.pick('this line', 'the first line', 'line two', 'line five')} with the next line",
        f"{s.pick('join', 'merge', 'combine')} the {s.pick('first', 'last', 'next')} {n} lines",
        f"join the lines of {s.one_unit('paragraph')}",
        f"split {s.one_unit('line')} {s.pick('before', 'after')} {s.quote(2)}",
        f"split {s.one_unit('paragraph')} into {s.pick('lines', 'sentences')}",
        f"put every sentence of {s.one_unit('paragraph')} on its own line",
        f"sort {s.pick('the lines', 'the list', 'the selection', f'the last {n} lines')}"
        + s.pick("", "", " alphabetically", " in reverse", " in reverse order"),
        "put the lines in alphabetical order",
    )


def _break(s: _Speaker) -> str:
    what = s.pick("new line", "new paragraph")
    return s.pick(
        what,
        what,
        f"{s.pick('insert', 'add', 'start')} a {what}",
        f"{what} {s.pick('before', 'after')} {s.some_quote()}",
    )


def _history(s: _Speaker) -> str:
    n = s.rng.choice(NUMBERS)
    return s.pick(
        "undo",
        "undo that",
        "undo the last change",
        f"undo the last {n} changes",
        f"undo {n} times",
        "scratch that",
        "delete that",
        "take that back",
        "redo",
        "redo that",
        f"redo the last {n} changes",
    )


def _correct(s: _Speaker) -> str:
    right, wrong = (s.pick(*DAYS), s.pick(*DAYS)) if s.rng.random() < 0.4 else (s.quote(2), s.quote(2))
    return s.pick(
        f"i meant {right}",
        f"i meant {right}",
        f"no i meant {right}",
        f"i meant {right} not {wrong}",
        f"i meant to say {right}",
        f"that should be {right}",
    )


def _session(s: _Speaker) -> str:
    return s.pick(
        "save", "save the file", "save it", "save the document", "stop", "stop listening", "stop recording"
    )


def _duplicate(s: _Speaker) -> str:
    return f"{s.pick('duplicate', 'duplicate', 'repeat', 'make a copy of')} {s.thing()}"


def _rewrite(s: _Speaker) -> str:
    scope = s.pick(
        s.one_unit(s.pick("sentence", "paragraph", "section")), "that", "the selection", "the whole document"
    )
    manner = s.pick(
        "friendlier", "shorter", "simpler", "more formal", "more polite", "less formal", "longer", "clearer"
    )
    return s.pick(
        f"rewrite {scope}",
        f"make {scope} {manner}",
        f"make {scope} {manner}",
        f"rewrite {scope} to be {manner}",
        f"translate {scope} into {s.pick('german', 'french', 'english')}",
        f"{s.pick('shorten', 'simplify', 'summarize', 'improve', 'rephrase')} {scope}",
        f"fix the {s.pick('grammar', 'spelling', 'punctuation')} of {scope}",
    )


_VERBS: dict[Callable[[_Speaker], str], int] = {
    _delete: 14,
    _replace: 14,
    _insert: 12,
    _select: 6,
    _go_to: 7,
    _move: 5,
    _case: 6,
    _format: 6,
    _heading: 3,
    _list: 3,
    _lines: 5,
    _break: 3,
    _swap: 4,
    _duplicate: 2,
    _history: 5,
    _correct: 4,
    _session: 2,
    _rewrite: 5,
}


def phrases(rng: random.Random, words: Sequence[str]) -> str:
    """One spoken command, in small letters (but for days), without final mark.

    Quotes and inserted text are made of `words`, except those in `RESERVED`.
    """
    speaker = _Speaker(rng, words)
    (verb,) = rng.choices(list(_VERBS), weights=list(_VERBS.values()))
    phrase = verb(speaker)
    polite = rng.random()
    if polite < 0.05:
        phrase = f"please {phrase}"
    elif polite < 0.11 and verb is not _correct:
        phrase = f"{speaker.pick('can you', 'could you', 'can you please', 'could you please')} {phrase}"
    elif polite < 0.14 and verb not in (_insert, _correct):
        phrase = f"{phrase} please"
    return phrase
