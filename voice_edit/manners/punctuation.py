"""Marks and line breaks that were said by name. Whether a name is meant as the mark is decided by the words
around it; where they leave a doubt it stays a word.
"""

from __future__ import annotations

from dataclasses import dataclass

from voice_edit import repairs
from voice_edit.manners.lexicon import (
    DETERMINERS,
    POINTERS,
    PREPOSITIONS,
    WEEKDAYS,
    is_number,
    may_be_foreign,
)
from voice_edit.manners.mark_names import MarkName, name_at
from voice_edit.manners.said import SENTENCE_MARKS, Word, words_of
from voice_edit.wordlists import wordlist

_TALKED_ABOUT = wordlist(
    """say says said saying type types typed typing press presses pressed hit write writes wrote writing
    word words called symbol character literal spell read reads pronounce pronounced mean means
    insert inserts inserted replace delete remove"""
)
"""Before a name: the name is the object."""
_MOVED = wordlist(
    """remove delete put add insert see replace drop use type move fix miss forget place need find change
    take leave keep count check"""
)
"""Some words before "this comma": the pointer belongs to it."""
_WITH = wordlist("without by than as")
_DESCRIBING = wordlist(
    """oxford serial single last first second third next previous missing extra final trailing leading
    double big little small red stray misplaced only other same wrong inverted closing opening decimal
    complete full giant huge unnecessary superfluous healthy human large"""
)
"""Between a determiner and a name."""
_ASSERTED = wordlist("is was are were means comes goes belongs ends stands should must can marks separates")
"""After a name that opens a sentence: the name is the subject."""
_COMPOUNDS = wordlist(
    """comma separated|comma delimited|comma splice|comma splices|comma key|question mark key|question
    mark button|question mark icon|colon cancer|colon polyp|colon polyps|colon screening|colon surgery|colon
    cleanse|colon health|colon exam|colon tissue|new line of|new line manager|new line managers|new
    line cinema|new line item|new line items|new line character|new line characters|new line is|new
    line was|new line for|new paragraph is|new paragraph was|new paragraph about|new paragraph
    of|new line in|new line to|new line at|full stop sign|period drama|period dramas|comma operator""",
    "|",
)
_BEFORE_BREAK = DETERMINERS | wordlist(
    "this that these those his her some all both one of or per first second third brand"
)
_PRONOUNS = wordlist("it me you him them us everything nothing something anything everyone anybody")
_ADVERBS = wordlist(
    """now today tomorrow yesterday tonight again soon here there too enough already together alone anymore
    anyway later please course"""
)
_GOES_ON = wordlist(
    """i you he she it we they this that these those the a an my our your his her its their there then and
    but so please thanks thank no yes if when what who where how why also now here let's new"""
)
"""May open the sentence after a full stop."""
_NOT_ALONE = ("ian", "al", "ic", "ing", "ary", "ed", "ive", "ous", "an")
"""Endings of words that describe a period."""


@dataclass(frozen=True, slots=True)
class Punctuated:
    """Words with the marks that were said."""

    text: str
    ends_with_said_mark: bool = False
    """The last mark is the speaker's, not the recogniser's."""


def punctuated(
    text: str, *, everywhere: bool = False, behind_word: bool = False, capitals: bool = True
) -> Punctuated:
    """The utterance with its spoken marks; the same text if there are none.

    `everywhere`: each name is a mark, but after "the word". `behind_word`: the text in front ends in a word,
    which a mark may follow. `capitals`: a sentence or line that begins behind a spoken mark gets one.
    """
    words = words_of(text)
    found: dict[int, MarkName] = {}
    at = 0
    while at < len(words):
        name = name_at(words, at)
        if name is not None:
            found[at] = name
            at += len(name.words)
        else:
            at += 1
    if not found:
        return Punctuated(text)
    foreign = may_be_foreign([word.norm for word in words])
    if everywhere:
        chosen = {at: name for at, name in found.items() if not _named_word(words, at)}
    elif foreign:
        chosen = {}
    else:
        chosen = {
            at: name
            for at, name in found.items()
            if name.sure != "pair" and _is_sure(words, at, name, behind_word=behind_word)
        }
    chosen |= _pairs(words, found) if not foreign else {}
    chosen |= _and_or(words, found)
    return _written(text, words, chosen, capitals=capitals) if chosen else Punctuated(text)


# --- what is certain ----------------------------------------------------------------------------------------


def _named_word(words: list[Word], at: int) -> bool:
    return at > 0 and words[at - 1].norm in ("word", "words", "literal")


def _is_sure(words: list[Word], at: int, name: MarkName, *, behind_word: bool) -> bool:
    end = at + len(name.words)
    last = words[end - 1]
    before = words[at - 1] if at else None
    after = words[end] if end < len(words) and not last.trail else None
    said = " ".join(name.words)
    if after is not None and f"{said} {after.norm}" in _COMPOUNDS:
        return False
    if name.sure == "mark":
        if name.stands == "break":
            return before is None or bool(before.trail) or before.norm not in _BEFORE_BREAK
        if name.mark == ":" and after is not None and before is not None and before.norm in PREPOSITIONS:
            return False  # "a sign of colon disease"
        return _is_mark(words, at, before, after, last, behind_word=behind_word)
    if name.sure == "noun":
        return _is_final(words, at, before, after)
    if name.sure == "joint":
        return (
            before is not None
            and not before.trail
            and after is not None
            and not _is_object(words, at)
            and not (before.norm in DETERMINERS | POINTERS and not is_number(before.norm))
            and before.norm not in ("is", "or", "and")
        )
    if name.sure == "number":
        left = before is not None and not before.trail and _is_amount(before)
        right = after is not None and _is_amount(after)
        if name.stands == "behind":
            return left
        return right if name.stands == "before" else left and right
    return False


def _is_amount(word: Word) -> bool:
    return is_number(word.norm) or (len(word.norm) == 1 and word.norm not in ("a", "i"))


def _is_mark(
    words: list[Word], at: int, before: Word | None, after: Word | None, last: Word, *, behind_word: bool
) -> bool:
    if before is None or words[at].opens:
        if before is None and not behind_word:
            return False
        return after is None or (before is None and after.norm not in _ASSERTED)
    if before.trail:
        return True
    if before.norm == "no":
        return words[at - 1].opens and (after is None or after.norm not in _ASSERTED)
    return not _is_object(words, at)


def _is_object(words: list[Word], at: int) -> bool:
    """Whether the name is what is talked about: "a comma", "says comma", "remove that comma"."""
    before = words[at - 1]
    if before.trail:
        return False
    if before.norm in DETERMINERS or before.norm in _TALKED_ABOUT or before.norm in _WITH:
        return True
    two = words[at - 2] if at > 1 and not words[at - 2].trail else None
    if before.norm in _DESCRIBING:
        return two is None or two.norm in DETERMINERS | POINTERS
    if before.norm in POINTERS:
        return any(word.norm in _MOVED for word in words[max(0, at - 4) : at - 1])
    if before.norm in ("and", "or", "to", "for", "with", "of") and two is not None:
        # "commas or semicolon", "from comma to semicolon", "means of comma"
        return two.norm.rstrip("s") in ("comma", "colon", "semicolon", "hyphen", "mark", "stop", "period")
    return False


def _is_final(words: list[Word], at: int, before: Word | None, after: Word | None) -> bool:
    """Whether "period" ends the sentence: what stands before it cannot describe a stretch of time."""
    if before is None or before.trail or words[at].opens:
        return False
    if after is not None and after.norm not in _GOES_ON:
        return False
    clause = _clause(words, at)
    two = clause[-2] if len(clause) > 1 else ""
    if before.norm in _PRONOUNS:
        return True
    if before.norm in _ADVERBS:
        return two not in DETERMINERS and two not in POINTERS
    if len(clause) < 3 or (two in PREPOSITIONS and before.norm not in WEEKDAYS):
        return False
    if before.norm in _DESCRIBING | PREPOSITIONS | POINTERS or before.norm.endswith(_NOT_ALONE):
        return False
    near = clause[-5:]
    return not any(norm in DETERMINERS or norm in POINTERS or is_number(norm) for norm in near)


def _clause(words: list[Word], at: int) -> list[str]:
    """The words before `at`, back to a mark."""
    found: list[str] = []
    for word in reversed(words[:at]):
        if word.trail:
            break
        found.append(word.norm)
        if word.opens:
            break
    return found[::-1]


def _pairs(words: list[Word], found: dict[int, MarkName]) -> dict[int, MarkName]:
    """Opening and closing names that belong together, with words between them."""
    chosen: dict[int, MarkName] = {}
    open_at: list[int] = []
    for at, name in found.items():
        if name.sure != "pair":
            continue
        if name.partner:
            before = words[at - 1] if at else None
            if before is None or before.trail or before.norm not in DETERMINERS | POINTERS:
                open_at.append(at)
        elif open_at and found[open_at[-1]].partner == name.mark:
            start = open_at.pop()
            if at > start + len(found[start].words):
                chosen |= {start: found[start], at: name}
    return chosen


def _and_or(words: list[Word], found: dict[int, MarkName]) -> dict[int, MarkName]:
    """ "And slash or"."""
    return {
        at: name
        for at, name in found.items()
        if name.words == ("slash",)
        and 0 < at < len(words) - 1
        and {words[at - 1].norm, words[at + 1].norm} == {"and", "or"}
    }


_ENDING = frozenset(",.;:?!…")
"""Marks of sentences and their parts."""

# --- how it is written --------------------------------------------------------------------------------------


def _written(text: str, words: list[Word], chosen: dict[int, MarkName], *, capitals: bool) -> Punctuated:
    out = ""
    tight, raises, lowers, own = True, False, False, ""
    """Nothing between what comes and what is there; a capital, a small letter is wanted; the recogniser's
    marks at the end of `out`, which a spoken one replaces."""
    at, end = 0, 0
    while at < len(words):
        name = chosen.get(at)
        if name is None:
            word = words[at]
            piece = text[word.start : word.end]
            gap = "" if tight else text[end : word.start] or " "
            if raises and capitals:
                piece = repairs.raised(piece)
            elif lowers and repairs.can_be_lowered(word.core):
                piece = repairs.lowered(piece)
            out += gap + piece
            own = word.trail if not word.quoted else ""
            tight = raises = lowers = False
            end, at = word.end, at + 1
            continue
        last = words[at + len(name.words) - 1]
        ends = name.mark in _ENDING
        # The recogniser's own marks around a name set it off; a closing parenthesis may well have one behind.
        rest = last.trail if not ends and name.stands == "behind" else last.trail.lstrip(",.;:?!…")
        if name.stands in ("behind", "between"):
            out = out.removesuffix(own) if ends and not own.strip(",.;:?!…") else out
            out = out.rstrip(" ") + name.mark + rest
            tight = name.stands == "between"
            raises = name.mark in SENTENCE_MARKS and name.mark != "…"
            lowers = words[at].opens and not raises and at > 0
        elif name.stands == "break":
            out = out.rstrip(" ") + name.mark
            tight = raises = True
        else:
            out += ("" if tight else " ") + name.mark + rest
            tight = name.stands == "before"
            raises = (raises or words[at].opens) and tight
        own = rest
        end, at = last.end, at + len(name.words)
    final = max(chosen)
    said = final + len(chosen[final].words) == len(words) and chosen[final].mark in _ENDING
    return Punctuated(out, said)
