"""How text is kept well set around an edit: spaces, capitals, commas, digits. Pure questions about text and
offsets."""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

import regex

from voice_edit.numbers import digit_readings
from voice_edit.text_units import HEADING, MARKER
from voice_edit.wordlists import wordlist

CLOSING = frozenset(",.;:!?)]}…%’”»")
OPENING = frozenset("([{“‘«„¿¡")
FINAL = ".!?…"
BOM = "\ufeff"
_SPACES = " \t\u00a0"
_TIGHT = frozenset("/\\_@#")
_ASIDES = wordlist(
    """however|for example|for instance|of course|by the way|therefore|indeed|in
    fact|though|moreover|furthermore|
    i think|i believe|on the other hand|as usual|after all|then|too|as well|perhaps|maybe|finally|fortunately|
    unfortunately|luckily|sadly|besides|nevertheless|that is|in general|as always""",
    "|",
)
"""Words between two commas that leave none behind."""
_SMALL = wordlist(
    """a an the this that these those it he she we you they there here my your his her its our their in on
    at of to by for from with and but or so if when while as after before because although is are
    was were do does did can could will would should might not no yes then now soon today tomorrow
    yesterday also just only very really maybe perhaps however still again always never often
    sometimes usually please some any all each every both many much more most"""
)
"""Words that stand small in the middle of a sentence; every other capital may be a name."""
_ARTICLES = ("a", "an", "the", "my", "your", "his", "her", "our", "their", "this", "that")
_WRAPPED = 50
"""A plain line at least this long that ends in a word runs on in the next line."""
_FIRST_LETTER = regex.compile(r"^[^\p{L}\p{N}]*(\p{L})")


def line_start(text: str, at: int) -> int:
    """Where the line of `at` begins."""
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    return start if start or text[:1] != BOM else min(1, at)


def line_end(text: str, at: int) -> int:
    """Where the line of `at` ends, before its break."""
    ends = [end for end in (text.find("\n", at), text.find("\r", at)) if end >= 0]
    return min(ends) if ends else len(text)


def space_before(text: str, at: int) -> int:
    """Where the spaces that end at `at` begin, on the same line."""
    while at > 0 and text[at - 1] in _SPACES:
        at -= 1
    return at


def space_after(text: str, at: int) -> int:
    """Where the spaces that begin at `at` end, on the same line."""
    while at < len(text) and text[at] in _SPACES:
        at += 1
    return at


def at_line_start(text: str, at: int) -> bool:
    """Whether nothing but spaces and list or heading marks stand before `at` on its line."""
    start = line_start(text, at)
    before = text[start:at]
    if not before.strip():
        return True
    return any((found := p.match(text, start)) is not None and found.end() >= at for p in (MARKER, HEADING))


def starts_sentence(text: str, at: int) -> bool:
    """Whether a sentence begins at `at`."""
    if at_line_start(text, at):
        start = line_start(text, at)
        above = text[: max(0, start)].rstrip("\r\n")
        if (
            start == 0
            or text[line_start(text, at) : at].strip()
            or len(text[len(above) : start].replace("\r", "")) > 1
        ):
            return True
        last = above[line_start(above, len(above)) :].rstrip()
        return len(last) < _WRAPPED or not (last[-1:].isalnum() or last[-1:] == ",") or last.startswith("#")
    before = text[:at].rstrip(_SPACES).rstrip("\"'“‘«([*_`")
    closed = before.rstrip(_SPACES).rstrip("\"'”’»)]*_")
    return not closed or closed[-1] in FINAL


def is_capital(text: str) -> bool:
    """Whether the first letter is a capital."""
    found = _FIRST_LETTER.match(text)
    return found is not None and found[1].isupper()


def is_small(text: str) -> bool:
    """Whether there are letters and all are small."""
    return text.islower()


def raised(text: str) -> str:
    """The first letter as a capital; the rest as it is."""
    found = _FIRST_LETTER.match(text)
    if found is None or len(found[1].upper()) != 1:
        return text
    return f"{text[: found.start(1)]}{found[1].upper()}{text[found.end(1) :]}"


def lowered(text: str) -> str:
    """The first letter small; the rest as it is."""
    found = _FIRST_LETTER.match(text)
    if found is None or len(found[1].lower()) != 1:
        return text
    return f"{text[: found.start(1)]}{found[1].lower()}{text[found.end(1) :]}"


def first_word(text: str) -> str:
    """The first word, marks around it left out."""
    found = regex.search(r"[\p{L}\p{M}\p{N}'’]+", text)
    return str(found[0]) if found is not None else ""


def can_be_lowered(word: str) -> bool:
    """Whether a capital word at the start of a sentence surely stands small inside one."""
    return word.lower() in _SMALL


def dressed_like(text: str, old: str, *, at_start: bool) -> str:
    """Text said in small letters takes over the case and the digits of what it replaces."""
    digits = as_digits(text, old)
    if digits is not None:
        return digits
    if not is_small(text):
        return text
    letters = [c for c in old if c.isalpha()]
    if len(letters) > 1 and all(c.isupper() for c in letters):
        return text.upper()
    return raised(text) if at_start and is_capital(old) else text


def as_digits(text: str, old: str) -> str | None:
    """ "fifteen" where 12 stood is 15, "three thousand" where 2,000 stood is 3,000; None if either is no
    number."""
    clock = regex.fullmatch(r"\p{Nd}{1,2}([:.])\p{Nd}{2}", old.strip())
    if any(c.isdigit() for c in text) or not (
        clock or regex.fullmatch(r"\p{Nd}+(?:,\p{Nd}{3})*", old.strip())
    ):
        return None
    words = tuple(text.lower().replace("-", " ").split())
    readings = [r for r in digit_readings(words) if r] or [
        r for r in digit_readings(tuple(w for w in words if w != "and")) if r
    ]
    if clock is not None:
        times = [r for r in readings if len(r) in (3, 4)]
        return f"{times[0][:-2]}{clock[1]}{times[0][-2:]}" if len(times) == 1 else None
    if not readings:
        return None
    best = min(readings, key=lambda r: (abs(len(r) - len(old.replace(",", ""))), len(r), r))
    return f"{int(best):,}" if "," in old else best


def gap_before(text: str, at: int, new: str) -> str:
    """The space that `new` needs in front when it stands at `at`."""
    if at == 0 or not new or text[at - 1].isspace() or text[at - 1] in OPENING or text[at - 1] in _TIGHT:
        return ""
    if new[0] in CLOSING or new[0].isspace() or (new[0] in "-'*_" and len(new) == 1):
        return ""
    if text[at - 1] in "\"'*_`" and (at == 1 or text[at - 2].isspace() or text[at - 2] in OPENING):
        return ""
    return " "


def gap_after(text: str, at: int, new: str) -> str:
    """The space that `new` needs behind when the text goes on at `at`."""
    if at >= len(text) or not new or text[at].isspace() or text[at] in CLOSING or text[at] in "\"'*_`":
        return ""
    if new[-1].isspace() or new[-1] in OPENING or new in ("-", "'", "/", "\\", "_", "@", "#"):
        return ""
    return " "


def with_commas(text: str, start: int, end: int) -> tuple[int, int]:
    """A deletion of words takes along the commas that set them off: ", too.", "However, ...", ", for
    example, ..."."""
    left, right = space_before(text, start), space_after(text, end)
    comma_left = left > 0 and text[left - 1] == "," and left < start
    comma_right = end < len(text) and text[end] == ","
    if starts_sentence(text, start) and comma_right:
        return start, end + 1
    if not comma_left:
        return (start, end + 1) if comma_right and _only_adjective(text, start, end) else (start, end)
    if comma_right:
        both = text[start:end].lower() in _ASIDES
        return (left - 1, end + 1) if both else (start, end + 1)
    ends_there = right >= len(text) or text[right] in "\r\n" or (right == end and text[end] in ".!?;:…)")
    if ends_there or _set_off(text, left - 1, text[start:end]):
        return left - 1, end
    return start, end


def _set_off(text: str, comma: int, words: str) -> bool:
    """ "a small, tiny cottage" without tiny: the comma stood between two such words before their noun."""
    before = text[line_start(text, comma) : comma].lower().split()
    return len(words.split()) == 1 and len(before) >= 2 and before[-2] in _ARTICLES


def _only_adjective(text: str, start: int, end: int) -> bool:
    """ "a nice, warm day" without nice: its comma goes too."""
    before = text[line_start(text, start) : start].lower().split()
    return len(text[start:end].split()) == 1 and bool(before) and before[-1] in _ARTICLES


def tightened(text: str, start: int, end: int) -> tuple[int, int]:
    """A deletion widened by the spaces that would be left double, at a line's edge, or before closing
    marks."""
    left, right = space_before(text, start), space_after(text, end)
    begins = at_line_start(text, left)
    ends = right >= len(text) or text[right] in "\r\n"
    if begins:
        return start, right
    if ends:
        return left, right
    if left < start:
        if right > end or text[end] in CLOSING or _closes_quote(text, end):
            return left, end
        return start, end
    if right > end and (text[start - 1] in OPENING or _opens_quote(text, start - 1)):
        return start, right
    return start, end


def _closes_quote(text: str, at: int) -> bool:
    """Whether a straight quotation mark stands behind its words."""
    return text[at] in "\"'" and (at + 1 == len(text) or not text[at + 1].isalnum())


def _opens_quote(text: str, at: int) -> bool:
    """Whether a straight quotation mark stands before its words."""
    return (
        text[at] in "\"'" and (at == 0 or not text[at - 1].isalnum()) and text[at - 1 : at] not in (",", ".")
    )


def capital_after(text: str, start: int, end: int) -> tuple[int, str] | None:
    """If deleting start..end takes a sentence's capital: where the next word's letter is, and that letter
    raised."""
    if not is_capital(text[start:end]) or not starts_sentence(text, start):
        return None
    at = end
    while at < len(text) and not text[at].isalnum():
        if text[at] in "\r\n" or text[at] in FINAL:
            return None
        at += 1
    if at >= len(text) or not text[at].islower():
        return None
    word = first_word(text[at:])
    letter = text[at].upper()
    return (at, letter) if is_small(word) and len(letter) == 1 else None
