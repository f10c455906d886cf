"""Where spoken words stand in a text.

Ways of matching, in this order; a later one is tried only when the earlier found nothing:
    as spoken       case, punctuation, accents, numbers, contractions and compound spellings do not count
    a mark          "comma" is ","
    together        "book shelf" is "bookshelf", "email" is "e-mail"
    sounds alike    "jon" is "John", "write" is "right", "colour" is "color"
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

from functools import lru_cache

import jellyfish
from rapidfuzz.distance import JaroWinkler, Levenshtein
from rapidfuzz.fuzz import ratio

from voice_edit.marks import mark_named, same_marks
from voice_edit.numbers import cardinal, digit_readings, is_number_word
from voice_edit.spoken.forms import Form, Token, tokens

Span = tuple[int, int]

_LONGEST_NUMBER = 9
_NEARLY = 60.0
"""Least rapidfuzz ratio (0..100) for words that are named as a near miss."""


def find_quote(text: str, quote: str) -> tuple[Span, ...]:
    """All places where the quote stands, in order, none overlapping; empty if nothing comes near enough."""
    wanted = tokens(quote)
    if not wanted:
        return _find_mark(text, quote.strip())
    return (
        _as_spoken(text, quote)
        or _find_mark(text, mark_named(quote) or "")
        or _together(text, quote)
        or _sounds_alike(text, quote)
    )


def near_misses(text: str, quote: str, *, most: int = 3) -> tuple[str, ...]:
    """Words of the text that look a little like the quote, best first, as they are written."""
    there, count = tokens(text), max(1, len(tokens(quote)))
    said = quote.casefold()
    scored: dict[str, float] = {}
    for at in range(len(there) - count + 1):
        piece = text[there[at].start : there[at + count - 1].end]
        score = ratio(said, piece.casefold())
        if score >= _NEARLY and "\n" not in piece:
            scored[piece] = max(score, scored.get(piece, 0.0))
    return tuple(sorted(scored, key=lambda piece: (-scored[piece], piece))[:most])


def sounds_like(a: str, b: str) -> bool:
    """Whether two words may be taken for one another by ear."""
    return _score(a, b) > 0


# --- as spoken ---


def _as_spoken(text: str, quote: str) -> tuple[Span, ...]:
    there, wanted = tokens(text), tokens(quote)
    found: list[Span] = []
    at = 0
    while at < len(there):
        end = _fit(there, at, (), wanted, 0, ())
        if end is None or _is_point(there, at - 1) or _is_point(there, end):
            at += 1
        else:
            found.append((there[at].start, there[end - 1].end))
            at = end
    return tuple(found)


def _is_point(there: tuple[Token, ...], at: int) -> bool:
    """Whether this is the point within a number: the 3 of 3.5 is no number of its own."""
    return 0 <= at < len(there) and there[at].forms[0] == ("point",) and there[at].end - there[at].start == 1


def _fit(
    there: tuple[Token, ...], at: int, have: Form, wanted: tuple[Token, ...], want_at: int, want: Form
) -> int | None:
    """Match `have` + there[at:] against `want` + wanted[want_at:]; the index behind the last token used, or
    None."""
    shared = min(len(have), len(want))
    if have[:shared] != want[:shared]:
        return None
    have, want = have[shared:], want[shared:]
    if not want and want_at == len(wanted):
        return None if have else at
    if not have and not want and (end := _fit_number(there, at, wanted, want_at)) is not None:
        return end
    if not want:
        for form in wanted[want_at].forms:
            if (end := _fit(there, at, have, wanted, want_at + 1, form)) is not None:
                return end
        return None
    if at == len(there):
        return None
    for form in there[at].forms:
        if there[at].number is not None and _inside_number(there, at, at + 1):
            continue
        if (end := _fit(there, at + 1, form, wanted, want_at, want)) is not None:
            return end
    return None


def _fit_number(there: tuple[Token, ...], at: int, wanted: tuple[Token, ...], want_at: int) -> int | None:
    """Both sides begin with a number: compare values, however they are written."""
    want_end = _number_end(wanted, want_at)
    if want_end == want_at or at == len(there) or there[at].number is None:
        return None
    readings = digit_readings(_number_words(wanted[want_at:want_end]))
    for end in range(min(_number_end(there, at), at + _LONGEST_NUMBER), at, -1):
        if not readings & digit_readings(_number_words(there[at:end])) or _inside_number(there, at, end):
            continue
        if (rest := _fit(there, end, (), wanted, want_end, ())) is not None:
            return rest
    return None


def _number_words(run: tuple[Token, ...]) -> tuple[str, ...]:
    return tuple(token.number or token.forms[0][0] for token in run)


def _number_end(run: tuple[Token, ...], at: int) -> int:
    """Where the number that begins at `at` ends; "and" may stand inside."""
    end = at
    while end < len(run):
        if run[end].number is not None or (
            run[end].forms[0] == ("and",) and end > at and _and_inside(run, at, end)
        ):
            end += 1
        else:
            break
    return end


def _and_inside(run: tuple[Token, ...], at: int, end: int) -> bool:
    return (
        run[end - 1].number in ("hundred", "thousand", "million")
        and end + 1 < len(run)
        and run[end + 1].number is not None
        and all(token.number is not None for token in run[at:end])
    )


def _inside_number(run: tuple[Token, ...], start: int, end: int) -> bool:
    """Whether the words start..end are only a part of a longer number: five in twenty-five."""
    words = [token.number or "" for token in run[max(0, start - 1) : end + 1]]
    left, right = start > 0, end < len(run)
    inner = words[1 if left else 0 : len(words) - (1 if right else 0)]
    if not inner or not all(is_number_word(word) and not word.isdigit() for word in inner):
        return False
    before = run[start - 1].number if left else None
    after = run[end].number if right else None
    if before and not before.isdigit() and cardinal([before, *inner]) is not None:
        return True
    return bool(after and not after.isdigit() and cardinal([*inner, after]) is not None)


# --- marks, and words written together ---


def _find_mark(text: str, mark: str) -> tuple[Span, ...]:
    if not mark:
        return ()
    if len(mark) > 1:
        places = []
        at = text.find(mark)
        while at >= 0:
            places.append((at, at + len(mark)))
            at = text.find(mark, at + len(mark))
        return tuple(places)
    same = same_marks(mark)
    return tuple((at, at + 1) for at, char in enumerate(text) if char in same and not _in_number(text, at))


def _in_number(text: str, at: int) -> bool:
    """Whether the mark at `at` belongs to a number or word: 3.5, 2,000, don't."""
    left, right = text[at - 1 : at], text[at + 1 : at + 2]
    if text[at] in ".,:":
        return left.isdigit() and right.isdigit()
    return text[at] in "'’" and left.isalpha() and right.isalpha()


def _joined(run: tuple[Token, ...]) -> str:
    return "".join(word for token in run for word in token.forms[0])


def _windows(count: int, size: int, slack: int) -> list[tuple[int, int]]:
    spans = []
    for length in range(max(1, size - slack), size + slack + 1):
        spans += [(at, at + length) for at in range(count - length + 1)]
    return spans


def _together(text: str, quote: str) -> tuple[Span, ...]:
    there, wanted = tokens(text), tokens(quote)
    said = _joined(wanted)
    found = [
        (there[a].start, there[b - 1].end)
        for a, b in _windows(len(there), len(wanted), 2)
        if _joined(there[a:b]) == said and not any(token.number is not None for token in there[a:b])
    ]
    return _apart(sorted(found))


def _apart(found: list[Span]) -> tuple[Span, ...]:
    """Without those that overlap an earlier one."""
    kept: list[Span] = []
    for span in found:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return tuple(kept)


# --- sounds alike ---


def _sounds_alike(text: str, quote: str) -> tuple[Span, ...]:
    there, wanted = tokens(text), tokens(quote)
    if len(_joined(wanted)) < 2 or any(token.number is not None for token in wanted):
        return ()
    scored: list[tuple[float, Span]] = []
    for a, b in _windows(len(there), len(wanted), 1):
        if any(token.number is not None and token.number.isdigit() for token in there[a:b]):
            continue
        score = _alike(there[a:b], wanted)
        if score > 0:
            scored.append((score, (there[a].start, there[b - 1].end)))
    if not scored:
        return ()
    best = max(score for score, _ in scored)
    return _apart(sorted(span for score, span in scored if score >= best - 0.03))


def _alike(there: tuple[Token, ...], wanted: tuple[Token, ...]) -> float:
    """How alike two runs of words are, word by word; one word may stand for two. No word is left out: who
    says "fox and dog" does not mean "fox and the dog"."""
    if len(there) == len(wanted):
        return _least(there, wanted)
    longer, shorter = (there, wanted) if len(there) > len(wanted) else (wanted, there)
    best, before = 0.0, 1.0
    for at in range(len(shorter)):
        parts = longer[at : at + 2]
        two = _joined(parts), _joined(shorter[at : at + 1])
        if before > best and not any(_score(_joined((part,)), two[1]) for part in parts):
            score = min(before, _score(*two))
            if score > best:
                best = max(best, min(score, _least(longer[at + 2 :], shorter[at + 1 :])))
        before = min(before, _least(longer[at : at + 1], shorter[at : at + 1]))
        if not before:
            break
    return best


def _least(some: tuple[Token, ...], others: tuple[Token, ...]) -> float:
    """The likeness of the pair that is least alike; 1 if there are no pairs."""
    least = 1.0
    for one, other in zip(some, others, strict=True):
        least = min(least, _score(_joined((one,)), _joined((other,))))
        if not least:
            break
    return least


@lru_cache(maxsize=8192)
def _sound(word: str) -> str:
    # Y and W between vowels are written or not: Meyer, Maier.
    key = jellyfish.metaphone(word)
    return key[:1] + key[1:].replace("Y", "").replace("W", "")


@lru_cache(maxsize=65536)
def _score(a: str, b: str) -> float:
    """0 if the words do not sound alike, else how alike they are written, up to 1."""
    if a == b:
        return 1.0
    if min(len(a), len(b)) < 2 or not (a.isascii() and b.isascii()):
        return 0.0
    spelled = float(JaroWinkler.similarity(a, b))
    sound_a, sound_b = _sound(a), _sound(b)
    if sound_a and sound_a == sound_b:
        return spelled if spelled >= 0.5 else 0.0
    if sound_a and sound_b and min(len(sound_a), len(sound_b)) >= 3 and spelled >= 0.88:
        return spelled - 0.05 if Levenshtein.distance(sound_a, sound_b) <= 1 else 0.0
    return 0.0
