"""Places and pieces of text as they are said. Each function takes a whole phrase and gives its meaning or
None.

what(phrase)         any selector; words that name nothing else are a quote
structural(phrase)   a selector that is more than a quote: units, ranges, "everything after X", the
selection, that
place(phrase)        "before world", "at the end of the document", "here"
"""

from functools import lru_cache

from voice_edit.marks import mark_named
from voice_edit.phrase import Phrase, match
from voice_edit.selectors import (
    Caret,
    Edge,
    Everything,
    Place,
    Quote,
    Range,
    Selected,
    Selector,
    That,
    Unit,
    UnitName,
    WhatWasSaid,
    Whole,
)
from voice_edit.spoken.relative import AFTER, BEFORE, NEAR, Beside, beside, counted_between
from voice_edit.spoken.units import bare_unit, noun_at_end, unit, which_at_start

_THAT = {
    "that",
    "it",
    "this",
    "this one",
    "that one",
    "that text",
    "those words",
    "these words",
    "what i said",
    "it again",
}
_DOCUMENTS = ("document", "text", "file", "page", "note", "whole thing")
_WHOLE = {
    "everything",
    "all",
    "all of it",
    "it all",
    "the lot",
    "the whole thing",
    "all text",
    "all the text",
}
_WHOLE |= {
    f"{head} {noun}"
    for head in ("the", "this", "the whole", "the entire", "all of the")
    for noun in _DOCUMENTS
}
_WHOLE -= {"this text", "the page", "the note"}
_SELECTED = {
    "selection",
    "selected text",
    "selected words",
    "selected part",
    "highlighted text",
    "selected lines",
}
_SELECTED |= {
    f"{head} {noun}" for head in ("the", "my", "this", "current", "the current") for noun in tuple(_SELECTED)
}
_SELECTED |= {"what is selected", "what i selected", "what's selected", "what i have selected"}
_HERE = {"here", "the caret", "the cursor", "this point", "caret", "cursor"}
SPOKEN_THING = (
    "[the|that] [thing|things|part|bit|sentence|line|stuff|passage|words|one] [that|which|what] i [just] "
    "said|dictated|wrote|mentioned|told_you|was_saying|typed|added [earlier|before|just_now|a_moment_ago]"
)
"""How people call what they said before; behind it comes "about Tuesday"."""
_SAID_LAST = (
    "[the] last|latest|previous thing|bit|part|sentence|words|passage|one [that|which] i said|dictated|wrote",
    "what i said|dictated|wrote last",
    "what i just|only_just said|dictated|wrote",
    "[the] thing|words|part|bit [that|which] i just|only_just said|dictated|wrote",
)
_TITLED: tuple[UnitName, ...] = ("section", "heading")
_SCOPES = ("of", "in", "from", "on", "within", "inside")
_CONTAINING = (
    "with|containing|that_contains|which_contains|that_says|that_has|including|that_starts_with|"
    "starting_with|about|mentioning|that_mentions"
)
_EDGES = {
    "start": "start",
    "beginning": "start",
    "top": "start",
    "front": "start",
    "head": "start",
    "end": "end",
    "bottom": "end",
    "back": "end",
}
_QUOTE_NOUNS = "word|words|phrase|text|letter|letters|name|number|string|expression|quote|bit|part"
_MANY = 48
"""Longer phrases are only quotes: nobody names a place in so many words, and splitting them takes cubic
time."""


@lru_cache(maxsize=4096)
def structural(phrase: Phrase, noun: UnitName | None = None) -> Selector | None:
    """A selector that is more than a quote, else None."""
    if not 0 < len(phrase) <= _MANY:
        return None
    said = " ".join(phrase.norms)
    if said in _THAT:
        return That()
    if said in _WHOLE:
        return Whole()
    if said in _SELECTED:
        return Selected()
    if (spoken := _what_was_said(phrase)) is not None:
        return spoken
    if (found := unit(phrase.norms, noun)) is not None:
        return found
    if (neighbour := _beside(phrase, noun)) is not None:
        return neighbour
    return _called(phrase) or _stretch(phrase) or _scoped(phrase, noun) or _containing(phrase)


def _what_was_said(phrase: Phrase) -> WhatWasSaid | None:
    """ "The thing I said about the plumber", "the last thing I said"."""
    if "i" not in phrase.norms:
        return None
    for found in match(f"{SPOKEN_THING} about|regarding|concerning {{about}}", phrase):
        return WhatWasSaid(about=found["about"].text)
    return WhatWasSaid() if any(True for one in _SAID_LAST for _ in match(one, phrase)) else None


def _beside(phrase: Phrase, noun: UnitName | None) -> Selector | None:
    """ "the word after brown", "the line below this one", "the lines between milk and salt"."""
    for found in match("{units} between {x} and {y}", phrase):
        name = counted_between(found["units"].norms)
        after, before = what(found["x"]), what(found["y"])
        if name is not None and after is not None and before is not None:
            return Unit(unit=name, which="all", after=after, before=before)
    for read in beside(phrase, noun):
        if (unit_there := _unit_beside(read)) is not None:
            return unit_there
    return None


def _unit_beside(read: Beside) -> Unit | None:
    if not len(read.of) or " ".join(read.of.norms) in _HERE:
        return read.to_caret()
    of = read.current() or (None if read.is_quoted else structural(read.of, read.own_noun()))
    of = of or quote(read.of)
    return None if of is None else read.to(of)


def _scoped(phrase: Phrase, noun: UnitName | None) -> Selector | None:
    for at in range(1, len(phrase) - 1):
        if phrase.norms[at] not in _SCOPES:
            continue
        scope = structural(phrase[at + 1 :])
        if scope is None:
            continue
        head = unit(phrase[:at].norms, noun)
        if head is not None:
            return head if isinstance(scope, Whole) else head.model_copy(update={"within": scope})
    return None


def _called(phrase: Phrase) -> Selector | None:
    for name in _TITLED:
        for found in match(f"[the|this] {name} called|named|titled|headed|about {{title}}", phrase):
            return Unit(unit=name, called=found["title"].text)
        for found in match(f"the {{title}} {name}", phrase):
            if which_at_start(found["title"].norms) is None and found["title"].norms[0] not in (
                "whole",
                "entire",
            ):
                return Unit(unit=name, called=found["title"].text)
    return None


def _containing(phrase: Phrase) -> Selector | None:
    for found in match(f"{{unit}} {_CONTAINING} {{text}}", phrase):
        head = unit(found["unit"].norms)
        if isinstance(head, Unit):
            return head.model_copy(update={"containing": quote(found["text"])})
    return None


def _stretch(phrase: Phrase) -> Selector | None:
    """Ranges, "everything after X", "the rest of the line", "to the end of the line"."""
    for found in match("[the] rest|remainder of {unit}", phrase):
        scope = structural(found["unit"])
        if scope is not None:
            return Range(start=Caret(), end=Edge(side="end", of=scope))
    for found in match("[all] [everything|the_text|text|all|the_words|the_part] between {x} and {y}", phrase):
        start, end = _end(found["x"]), _end(found["y"])
        if start is not None and end is not None:
            return Range(start=start, end=end, inclusive=False)
    for found in match(
        "[all] [everything|the_text|text|all|the_words|the_part] from {x} on|onwards|onward", phrase
    ):
        return Range(start=_end(found["x"]))
    for found in match(
        "[all] [everything|the_text|text|the_words|the_part] from {x} to|until|till|through {y}", phrase
    ):
        x, y = _end(found["x"]), _end(found["y"].after_any("and including"))
        if x is not None and y is not None:
            return Range(start=x, end=y)
    for found in match(
        "everything|all_text|all_the_text|the_text|text|everything_up_to_and_including {x}", phrase
    ):
        if phrase.starts("everything", "up", "to", "and", "including"):
            return Range(end=_end(found["x"]))
        rest = found["x"]
        if (inner := _everything(rest)) is not None:
            return inner
    for found in match("up_to_and_including {x}", phrase):
        return Range(end=_end(found["x"]))
    for found in match("[everything] [up] to|until|till {x}", phrase):
        end = place(found["x"])
        if end is not None and (isinstance(end, Caret) or end.side in ("start", "end")):
            return Range(start=Caret(), end=end)
        if phrase.starts("up") or phrase.starts("until") or phrase.starts("till"):
            to = _end(found["x"])
            if to is not None and not isinstance(to, Caret | Edge):
                return Range(start=Caret(), end=Edge(side="before", of=to))
    for found in match("{x} through {y}", phrase):
        x, y = _end(found["x"]), _end(found["y"])
        if isinstance(x, Unit | Quote) and y is not None:
            return Range(start=x, end=y)
    return None


def _everything(rest: Phrase) -> Selector | None:
    for heads, side in ((AFTER, "after"), (BEFORE, "before")):
        of = rest.after_any("that comes", "that is", "which is", "right").after_any(*heads)
        if len(of) < len(rest) and len(of):
            return _scope_everything(of, side)
    if rest.starts("up", "to") or rest.starts("until"):
        of = rest[2:] if rest.starts("up", "to") else rest[1:]
        if of.starts("and", "including"):
            return Range(end=_end(of[2:]))
        if not len(of):
            return None
        end = place(of)
        return (
            Range(end=end)
            if isinstance(end, Edge) and end.side in ("start", "end")
            else _scope_everything(of, "before")
        )
    return None


def _scope_everything(of: Phrase, side: str) -> Selector | None:
    for at in range(1, len(of) - 1):
        if of.norms[at] in _SCOPES:
            scope, head = structural(of[at + 1 :]), _end(of[:at])
            if scope is not None and isinstance(head, Quote):
                return Everything(side=side, of=head, within=scope)  # type: ignore[arg-type]
    end = _end(of)
    return None if end is None else Everything(side=side, of=end)  # type: ignore[arg-type]


def _end(phrase: Phrase) -> Selector | Place | None:
    """An end of a range: a place ("here", "the end of the line") or a piece of text."""
    found = place(phrase)
    if isinstance(found, Caret) or (isinstance(found, Edge) and found.side in ("start", "end")):
        return found
    return what(phrase)


@lru_cache(maxsize=4096)
def what(phrase: Phrase, noun: UnitName | None = None) -> Selector | None:
    """Any piece of text; None only for no words."""
    if not len(phrase):
        return None
    return structural(phrase, noun) or quote(phrase)


def what_or_bare(phrase: Phrase) -> Selector | None:
    """Like `what`, where "delete line" means this line and "sort lines" all lines."""
    return bare_unit(phrase.norms) or what(phrase)


def quote(phrase: Phrase) -> Quote | None:
    """Words that stand in the text, with "the second", "every", "the word" and "in the first line"
    understood."""
    if not len(phrase):
        return None
    if len(phrase) <= _MANY:
        for at in range(1, len(phrase) - 1):
            if phrase.norms[at] in _SCOPES:
                scope = structural(phrase[at + 1 :])
                if scope is not None and not isinstance(scope, That):
                    head = _simple_quote(phrase[:at])
                    return head if isinstance(scope, Whole) else head.model_copy(update={"within": scope})
    return _simple_quote(phrase)


def _simple_quote(phrase: Phrase) -> Quote:
    norms = phrase.norms
    for found in match("every|each|all|all_the|all_of_the|every_single {x}", phrase):
        return Quote(text=_plain(found["x"]).text, which="all")
    if norms[0] == "the" or norms[0] in ("this", "that"):
        read = which_at_start(norms[1:]) if norms[0] == "the" else None
        # "the third of May" is a date, "the first of" the first place of that word.
        if read is not None and read[1] and not (read[1][0] == "of" and len(read[1]) > 1):
            rest = _plain(phrase[len(phrase) - len(read[1]) :])
            return Quote(text=rest.text, which=read[0])
        if norms[0] != "the":
            rest = _plain(phrase[1:]) if len(phrase) > 1 else phrase
            if len(rest) < len(phrase) - 1 or (len(phrase) > 1 and mark_named(rest.text)):
                return Quote(text=rest.text, which="nearest")
    for found in match("{x} after|before {y}", phrase):
        if (mark := mark_named(found["x"].text)) is not None and (of := what(found["y"])) is not None:
            behind = norms[len(found["x"])] == "after"
            scope = Everything(side="after" if behind else "before", of=of)
            return Quote(text=mark, which=1 if behind else -1, within=scope)
    if len(phrase) > 1 and norms[0] == "the" and mark_named(phrase.text):
        return Quote(text=phrase[1:].text)
    return Quote(text=_plain(phrase, bare=False).text)


def _plain(phrase: Phrase, *, bare: bool = True) -> Phrase:
    """Without "word", "occurrence of the phrase" and the like in front of the quoted words."""
    for found in match(
        "occurrence|occurrences|instance|instances|mention|mentions|appearance of {x}", phrase
    ):
        return _plain(found["x"].after_any("the") if found["x"].starts("the", "word") else found["x"])
    for found in match(f"the {_QUOTE_NOUNS} {{x}}", phrase):
        return _plain(found["x"], bare=False)
    for found in match("quote {x} unquote|end_quote|close_quote", phrase):
        return found["x"]
    if bare:
        for found in match(f"{_QUOTE_NOUNS} {{x}}", phrase):
            return found["x"]
    return phrase


@lru_cache(maxsize=4096)
def place(phrase: Phrase) -> Place | None:
    """A point: "here", "(at) the end of the line", "before world"; else None."""
    said = " ".join(phrase.norms)
    if said.removeprefix("at ").removeprefix("right ") in _HERE:
        return Caret()
    if not 0 < len(phrase) <= _MANY:
        return None
    inner = phrase.after_any(*NEAR)
    for heads, side in ((BEFORE, "before"), (AFTER, "after")):
        of = inner.after_any(*heads)
        if 0 < len(of) < len(inner):
            target = what(of)
            return None if target is None else Edge(side=side, of=target)  # type: ignore[arg-type]
    for found in match("between {x} and {y}", inner):
        target = what(found["x"])
        return None if target is None else Edge(side="after", of=target)
    bare = inner.after_any("at", "to", "from", "in", "on", "into", "onto", "by")
    bare = bare.after_any("the very", "the", "its")
    if not len(bare) or bare.norms[0] not in _EDGES:
        return None
    side = _EDGES[bare.norms[0]]
    if len(bare) == 1:
        return Edge(side=side, of=Whole()) if len(phrase) > 1 else None  # type: ignore[arg-type]
    if bare.norms[1] in ("of", "in"):
        target = bare_unit(bare[2:].norms) or what(bare[2:])
        return None if target is None else Edge(side=side, of=target)  # type: ignore[arg-type]
    return None


def noun_of(phrase: Phrase) -> UnitName | None:
    """The unit a phrase ends with, for "the first and the last paragraph"."""
    found = noun_at_end(phrase.norms)
    return None if found is None else found[1]
