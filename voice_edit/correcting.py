"""What "I meant Wednesday" and "the thing I said about Tuesday, it's Wednesday" put right.

Corrections are about what was said lately (`recent`), newest first. Which words are wrong is decided, never
guessed: by name, by kind (two weekdays, two numbers), by sound, or because nothing else can be meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from voice_edit import planning
from voice_edit.commands import Correct, Replace
from voice_edit.counting import Span, ambiguous
from voice_edit.document import apply
from voice_edit.edits import Document, Edit, in_order, moved_selection
from voice_edit.errors import NoMatch
from voice_edit.matching import find_quote, sounds_like
from voice_edit.numbers import cardinal
from voice_edit.selectors import Quote
from voice_edit.text_units import sentences
from voice_edit.text_units import words as words_of
from voice_edit.wordlists import wordlist

if TYPE_CHECKING:
    from voice_edit.recent import Said

_KINDS = (
    wordlist("monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday tonight"),
    wordlist("january february march april may june july august september october november december"),
    wordlist("black white red green blue yellow brown grey gray orange purple pink silver gold"),
    wordlist("morning noon afternoon evening night midnight"),
)
"""Words of one kind stand for each other: "I meant Wednesday" is about the Tuesday just inserted."""


def of_a_kind(a: str, b: str) -> bool:
    """Two weekdays, two months, two numbers, two colours."""
    a, b = a.lower(), b.lower()
    if cardinal([a]) is not None and cardinal([b]) is not None:
        return True
    return any(a in kind and b in kind for kind in _KINDS)


def correction(document: Document, command: Correct, said: Sequence[Said]) -> Edit:
    """What a correction does. Raises NoMatch if nothing was said that is like it, Ambiguous."""
    if command.about is not None:
        found = [_meant_about(document, command.about, command, said)]
    elif command.instead_of is not None:
        found = _named(document, command.instead_of, said)
        if not found:
            return apply(document, Replace(find=Quote(text=command.instead_of), text=command.text))
    elif not said:
        raise NoMatch(
            "nothing was inserted that could be corrected",
            hint="Nothing was changed. Say what was wrong: “I meant Wednesday, not Tuesday”.",
        )
    else:
        found = [_meant(document, Span(*span), command.text) for span in said[0].spans]
    changes = [c for span in found for c in planning.replacement(document, span, command.text)]
    ordered = in_order(changes)
    after = moved_selection(document.text, document.selection, ordered)
    return Edit(ordered, document.selection, after)


def said_about(document: Document, about: str | None, said: Sequence[Said]) -> Span:
    """The words that were said about something; None: those said last. Raises NoMatch, Ambiguous."""
    if not said:
        raise NoMatch(
            "nothing was said yet that is still in the text",
            hint="Nothing was changed. Name it by its words: “delete the sentence with Tuesday”.",
        )
    if about is None:
        return Span(*said[0].spans[-1])
    return _only(document, _said_with(document, about, said), about)


# --- which words are wrong ---


def _named(document: Document, wrong: str, said: Iterable[Said]) -> list[Span]:
    """The wrong words in the newest utterance that has them."""
    for one in said:
        if found := [quote for span in one.spans for quote in _quotes(document, Span(*span), wrong)]:
            return found
    return []


def _meant_about(document: Document, about: str, command: Correct, said: Sequence[Said]) -> Span:
    """ "The thing I said about Tuesday, it's Wednesday" names the mistake, "... about the plumber, it's
    Wednesday" the sentence that has it.
    """
    meant, wrong = command.text, command.instead_of
    found = _said_with(document, about, said)
    if found and wrong is not None:
        return _only(document, [q for span in found for q in _quotes(document, span, wrong)], about)
    quotes = {quote: span for span in found for quote in _quotes(document, span, about)}
    if not quotes or _stands_for(about, meant):
        return _only(document, list(quotes), about)
    scopes = _outermost(_sentence(document, quote, span) for quote, span in quotes.items())
    alike = [word for scope in scopes for word in _alike(document, scope, meant) if word not in quotes]
    if alike:
        return _only(document, alike, about)
    if _is_name(about) and _is_name(meant):
        return _only(document, list(quotes), about)
    raise NoMatch(
        f"it is not clear which of the words about “{about}” should be “{meant}”",
        hint=f"Nothing was changed. Say both: “I meant {meant}, not ...”.",
    )


def _meant(document: Document, span: Span, meant: str) -> Span:
    """The part of the text inserted last that these words were meant to be."""
    text = document.text[span.start : span.end]
    parts, count = words_of(text), len(words_of(meant))
    if count == 1 and len(parts) > 1:
        alike = _alike(document, span, meant)
        if len(alike) == 1:
            return alike[0]
        if len(parts) > 2:
            raise _not_clear(meant)
    if len(parts) > count + 2:
        heard = find_quote(text, meant)
        if len(heard) == 1:
            return Span(span.start + heard[0][0], span.start + heard[0][1])
        raise _not_clear(meant)
    return span


def _stands_for(wrong: str, right: str) -> bool:
    """Whether one may have been said for the other: alike in kind, in sound, or sharing a word."""
    ours, theirs = ([text[a:b].lower() for a, b in words_of(text)] for text in (wrong, right))
    if len(ours) == len(theirs) == 1:
        return of_a_kind(ours[0], theirs[0]) or sounds_like(ours[0], theirs[0])
    return len(ours) == len(theirs) and sum(a == b for a, b in zip(ours, theirs, strict=True)) * 2 >= len(
        ours
    )


def _is_name(words: str) -> bool:
    """One word with a capital that is no weekday and no month: those are told by their kind."""
    return words.isalpha() and words.istitle() and not any(words.lower() in kind for kind in _KINDS)


def _alike(document: Document, span: Span, meant: str) -> list[Span]:
    """The words in `span` that are of one kind with what was meant, else those that sound like it."""
    text = document.text
    words = [Span(span.start + a, span.start + b) for a, b in words_of(text[span.start : span.end])]
    kind = [word for word in words if of_a_kind(text[word.start : word.end], meant)]
    return kind or [w for w in words if sounds_like(text[w.start : w.end].lower(), meant.lower())]


# --- places ---


def _quotes(document: Document, span: Span, quote: str) -> list[Span]:
    text = document.text[span.start : span.end]
    return [Span(span.start + a, span.start + b) for a, b in find_quote(text, quote)]


def _said_with(document: Document, about: str, said: Iterable[Said]) -> list[Span]:
    """Everything said lately that has these words in it."""
    spans = [Span(*span) for one in said for span in one.spans]
    return _outermost(span for span in spans if _quotes(document, span, about))


def _sentence(document: Document, place: Span, around: Span) -> Span:
    """The sentence in which `place` stands, as far as it was said."""
    for start, end in sentences(document.text):
        if start <= place.start < end:
            return Span(max(start, around.start), min(end, around.end))
    return around


def _outermost(spans: Iterable[Span]) -> list[Span]:
    """In order, each once, without those that lie inside another."""
    kept: list[Span] = []
    for span in sorted(set(spans), key=lambda one: (one.start, -one.end)):
        if not kept or span.end > kept[-1].end:
            kept.append(span)
    return kept


def _only(document: Document, spans: Sequence[Span], about: str) -> Span:
    if not spans:
        raise NoMatch(
            f"nothing that was said lately is about “{about}”",
            hint="Nothing was changed. Say “change ... to ...”: that finds words wherever they stand.",
        )
    if len(spans) > 1:
        error = ambiguous(document, spans, f"what was said about “{about}”")
        error.selector = Quote(text=about)
        raise error
    return spans[0]


def _not_clear(meant: str) -> NoMatch:
    return NoMatch(
        f"it is not clear which of the words inserted last should be “{meant}”",
        hint=f"Nothing was changed. Say both: “I meant {meant}, not ...”.",
    )
