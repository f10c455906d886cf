"""What the speaker took back: "on Tuesday, no wait, Wednesday". Left out only where it is certain what was
taken back, which words alone do not tell. Three signs do:

kind     both sides of the marker are of one closed kind: two weekdays, two numbers, two colours
again    what follows begins again with words that stand before: "send it to Anna, no wait, send it to Bob"
names    a name right before, a name right behind, and nothing after it

Everything else stays: a false correction destroys a sentence, a missed one is a word to delete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from voice_edit.manners.lexicon import (
    DETERMINERS,
    KINDS,
    PREPOSITIONS,
    REPORTING,
    VERBS,
    is_number,
)
from voice_edit.manners.said import Cut, Word, norms_at, with_cuts, words_of
from voice_edit.wordlists import wordlist


@dataclass(frozen=True, slots=True)
class _Marker:
    """Words by which speakers take something back."""

    words: tuple[str, ...]
    strong: bool
    """Says nothing else. A weak one needs a comma, that is a pause, on both sides."""


_MARKERS = tuple(
    _Marker(tuple(words.split()), strong)
    for words, strong in [
        ("no wait no", True), ("no no wait", True), ("oh no wait", True), ("oh wait no", True),
        ("wait no sorry", True), ("no wait sorry", True), ("no sorry i mean", True), ("no wait i mean", True),
        ("no i mean", True), ("no i meant", True), ("no make that", True), ("sorry i mean", True),
        ("sorry i meant", True), ("no wait", True), ("wait no", True), ("no sorry", True), ("sorry no", True),
        ("actually no", True), ("no actually", True), ("scratch that", True), ("strike that", True),
        ("or rather", True), ("make that", True), ("i mean", True), ("i meant", True),
        ("correction", False), ("sorry", False), ("no", False), ("actually", False), ("wait", False),
    ]
)  # fmt: skip
_TAKES_ALL = {("scratch", "that"), ("strike", "that")}
_KIND_ONLY = {("make", "that"), ("actually",), ("correction",), ("wait",), ("no", "make", "that")}
_MEANING = {("i", "mean"), ("i", "meant")}
_NOT_A_MARKER_AFTER = {
    "no": wordlist(
        "is was are were be been there's that's it's with have has had having and or but almost practically"
    ),
    "i": wordlist("what that know all who do you did if when how so thing one man"),
    "scratch": wordlist("to from and not never don't can could would will should i you we they please just"),
    "strike": wordlist("to from and not never don't can could would will should i you we they please just"),
    "make": wordlist("to and not never don't can could would will should i you we they let's us"),
    "or": wordlist("whether either"),
}
"""Before a marker that begins with this word: it is part of a sentence."""
_EXPLAINED = wordlist("when if whenever by with where did do in saying does whether unless although though")
"""A sentence that begins so explains what somebody means: "when I say Tuesday, I mean Wednesday"."""
_GOES_ON = PREPOSITIONS | wordlist(
    """and or but because so then when if as please instead morning afternoon evening night noon sharp
    o'clock am pm a.m. p.m. percent dollars euros pounds minutes hours days weeks months years people"""
)
"""May follow the word that was meant: the sentence goes on as it did before."""
_AMOUNT_OF = wordlist("am pm a.m. p.m. o'clock")
_LONGEST_AGAIN = 12
"""Words back in which the words said again are looked for."""


def corrected(text: str) -> str:
    """The utterance without what was taken back; the same text if nothing surely was."""
    for _ in range(5):
        words = words_of(text)
        cut = next(_cuts(words), None)
        if cut is None:
            return text
        text = with_cuts(text, [cut])
    return text


def _cuts(words: list[Word]) -> Iterator[Cut]:
    if any(word.norm in REPORTING for word in words):
        return
    for at in range(1, len(words) - 1):
        marker = _marker_at(words, at)
        if marker is None:
            continue
        cut = _cut(words, at, marker)
        if cut is not None:
            yield cut


def _marker_at(words: list[Word], at: int) -> _Marker | None:
    for marker in _MARKERS:
        end = at + len(marker.words)
        if norms_at(words, at, len(marker.words)) != marker.words or end >= len(words):
            continue
        said, before = words[at:end], words[at - 1]
        if any(word.quoted or word.lead for word in [*said, before, words[end]]):
            continue
        if any(word.ends_sentence for word in said[:-1]) or any(
            m not in ("", ",") for m in _trails(said[:-1])
        ):
            continue
        if not before.trail and before.norm in _NOT_A_MARKER_AFTER.get(marker.words[0], ()):
            continue
        if not marker.strong and not (before.trail.endswith(",") and said[-1].trail == ","):
            if marker.words not in (("no",), ("actually",)) or not before.trail.endswith(","):
                continue
            if said[-1].trail or not _ends_soon(words, end):
                continue
        return marker
    return None


def _trails(words: list[Word]) -> list[str]:
    return [word.trail for word in words]


def _ends_soon(words: list[Word], at: int) -> bool:
    """Whether the one word at `at` ends its sentence."""
    return words[at].ends_sentence or at + 1 == len(words)


def _cut(words: list[Word], at: int, marker: _Marker) -> Cut | None:
    end = at + len(marker.words)
    first = _sentence_start(words, at)
    if first == at:
        return _across(words, at, end, marker)
    if words[end - 1].ends_sentence:
        return None
    if marker.words in _MEANING and words[first].norm in _EXPLAINED:
        return None
    if marker.words == ("no",) and any(
        w.norm in ("not", "never") or w.norm.endswith("n't") for w in words[first:at]
    ):
        return None
    start = _of_a_kind(words, first, at, end)
    if start is None and marker.words not in _KIND_ONLY:
        start = _said_again(words, first, at, end, marker)
        if start is None and marker.strong and marker.words not in _TAKES_ALL:
            start = _names(words, at, end)
    return None if start is None else _between(words, start, end)


def _between(words: list[Word], start: int, end: int) -> Cut:
    """From the word that was taken back to the one that was meant."""
    return Cut(
        words[start].start, words[end].start, raises=words[start].core[:1].isupper() and words[start].opens
    )


def _sentence_start(words: list[Word], at: int) -> int:
    while at > 0 and not words[at].opens:
        at -= 1
    return at


# --- signs --------------------------------------------------------------------------------------------------


def _of_a_kind(words: list[Word], first: int, at: int, end: int) -> int | None:
    """Where what was taken back begins: words of a kind right before the marker, with the words before them
    that were said again behind it ("on Tuesday, no wait, on Wednesday")."""
    for tail in range(3):
        before = _kind_before(words, first, at - tail)
        if before is None:
            continue
        start, kind = before
        lead = 0
        while lead < 3 and end + lead < len(words) and _kind_of(words[end + lead]) != kind:
            lead += 1
        behind = _kind_behind(words, end + lead, kind)
        if behind is None or start - lead < first:
            continue
        if [w.norm for w in words[start - lead : start]] != [w.norm for w in words[end : end + lead]]:
            continue
        last = words[at - tail : at]
        again = words[behind : behind + tail]
        if [w.norm for w in last] != [w.norm for w in again] or any(w.trail for w in last[:-1]):
            continue
        if tail and (not last or any(w.trail for w in words[at - tail - 1 : at - tail])):
            continue
        stop = behind + tail
        if _same(words[start : at - tail], words[end + lead : behind]):
            continue
        if _goes_on_well(words, stop, kind, fronted=start - lead - first <= 1, noun_said=bool(tail)):
            return start - lead
    return None


def _same(one: list[Word], other: list[Word]) -> bool:
    return [w.norm for w in one] == [w.norm for w in other]


def _kind_of(word: Word) -> int | None:
    """The number of its kind; -1 for numbers."""
    if is_number(word.norm):
        return -1
    return next((number for number, kind in enumerate(KINDS) if word.norm in kind), None)


def _kind_before(words: list[Word], first: int, at: int) -> tuple[int, int] | None:
    """Where the words of one kind that end right before `at` begin, and the kind."""
    last = at - 1
    if last < first:
        return None
    timed = words[last].norm in _AMOUNT_OF and last > first
    kind = _kind_of(words[last - 1] if timed else words[last])
    if kind is None or (timed and kind != -1):
        return None
    start = last - 1 if timed else last
    while kind == -1 and start > first and _kind_of(words[start - 1]) == -1 and not words[start - 1].trail:
        start -= 1
    return start, kind


def _kind_behind(words: list[Word], at: int, kind: int) -> int | None:
    """Behind the words of the kind that begin at `at`."""
    if at >= len(words) or _kind_of(words[at]) != kind:
        return None
    stop = at + 1
    while kind == -1 and stop < len(words) and _kind_of(words[stop]) == -1 and not words[stop - 1].trail:
        stop += 1
    if kind == -1 and stop < len(words) and words[stop].norm in _AMOUNT_OF and not words[stop - 1].trail:
        stop += 1
    return stop


def _goes_on_well(words: list[Word], at: int, kind: int, *, fronted: bool, noun_said: bool) -> bool:
    """Whether what follows goes on with the old sentence, and is no clause about what was just said."""
    if at >= len(words) or words[at - 1].trail:
        return True
    norm = words[at].norm
    if norm in VERBS or norm.endswith("n't"):
        return False
    if norm in _GOES_ON:
        return True
    if fronted and norm in ("i", "you", "he", "she", "it", "we", "they", "the", "my", "our"):
        return True
    return kind in (-1, 5, 6) and not noun_said and _is_noun_phrase_end(words, at)


def _is_noun_phrase_end(words: list[Word], at: int) -> bool:
    """ "three chairs", "eleven people came": the thing that is counted; no clause of its own."""
    norm = words[at].norm
    return norm.isalpha() and norm not in DETERMINERS


def _said_again(words: list[Word], first: int, at: int, end: int, marker: _Marker) -> int | None:
    """Where words before the marker begin that are said again behind it."""
    stop = end
    while stop < len(words) and not words[stop].trail:
        stop += 1
    count = min(stop, len(words) - 1) - end + 1
    lowest = max(first, at - _LONGEST_AGAIN)
    two = norms_at(words, end, 2)
    if count >= 2 and len(two) == 2:
        for start in range(at - 2, lowest - 1, -1):
            if norms_at(words, start, 2) == two and not words[start].trail:
                same = norms_at(words, start, at - start) == norms_at(words, end, at - start)
                return None if same else start
    word = words[end].norm
    if marker.words in _TAKES_ALL or word not in PREPOSITIONS | DETERMINERS:
        return None
    if any(w.norm in VERBS for w in words[end : end + count]):
        return None
    for start in range(at - 1, lowest - 1, -1):
        if words[start].trail and start < at - 1:
            return None
        if words[start].norm == word:
            same = norms_at(words, start, at - start) == norms_at(words, end, at - start)
            return start if at - start == count and 2 <= count <= 4 and not same else None
    return None


def _names(words: list[Word], at: int, end: int) -> int | None:
    """ "Ask Anna, no wait, Bob." """
    old, new = words[at - 1], words[end]
    if not _ends_soon(words, end) or old.norm == new.norm or old.ends_sentence:
        return None
    for word in (old, new):
        if not (word.core[:1].isupper() and word.core[1:].islower()) or _kind_of(word) is not None:
            return None
    before = words[at - 2] if at > 1 else None
    if before is None or old.opens or (before.core[:1].isupper() and not before.opens):
        return None
    return at - 1


def _across(words: list[Word], at: int, end: int, marker: _Marker) -> Cut | None:
    """A marker that opens a sentence takes back something in the sentence before."""
    first = _sentence_start(words, at - 1)
    last = words[at - 1]
    if marker.words in _TAKES_ALL:
        if words[end - 1].ends_sentence:
            return _between(words, first, end)
        two = norms_at(words, first, 2)
        return _between(words, first, end) if norms_at(words, end, 2) == two and at - first >= 2 else None
    if (
        marker.words not in {("no", "wait"), ("wait", "no"), ("no", "sorry"), ("sorry", "no")}
        or "." not in last.trail
    ):
        return None
    start = _of_a_kind(words, first, at, end)
    stop = next((n for n in range(end, len(words)) if words[n].trail), len(words) - 1)
    if start is None or not _ends_soon(words, stop) or stop - end > 2:
        return None
    return _between(words, start, end)
