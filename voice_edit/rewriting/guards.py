"""Whether what was written can be a rewrite of the passage. Pure.

A grave finding means: never put that in the place of the passage. A doubtful one means: not without having
asked. None says that the rewrite is good; that nobody can tell who does not read it.
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voice_edit import text_units
from voice_edit.rewriting.styles import Style

SLACK_CHARS = 40
"""By so much any answer may be longer than its style's length says: short texts have no proportions."""
KEPT_WORDS = 0.6
"""The least share of words that stays where only mistakes are put right."""
SAME_SCRIPT = 0.5
"""The least share that letters of the passage's own writing systems have in the answer."""
LOOP_WORDS = 8
"""A row of so many words that comes three times is no text."""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"https?://[^\s)>\]]+|\[[^\]\n]*\]\([^)\n]*\)")
_HOLE = re.compile(r"\{\{[^}\n]*\}\}|\$\{[^}\n]*\}|%\([a-z_]+\)s|<<[^>\n]+>>")
_TABLE = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_FENCED = re.compile(r"^ {0,3}(```|~~~)[^\n]*\n.*?^ {0,3}\1[ \t]*$", re.DOTALL | re.MULTILINE)
_REFUSING = re.compile(
    r"\A\W*(?:i(?:'|’)?m sorry|i am sorry|sorry, (?:but )?i|i (?:cannot|can(?:'|’)t|am unable|am not able)|"
    r"as an ai|i(?:'|’)m just an ai|unfortunately, i (?:cannot|can(?:'|’)t))",
    re.IGNORECASE,
)
_CHOICES = re.compile(
    r"^\W{0,3}(?:option|version|variant|alternative) (?:1|one|a)\b", re.IGNORECASE | re.MULTILINE
)
_MARKERS = re.compile(r"<\|?[a-z_]+\|?>|<(?:/)?(?:passage|document)>")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_TITLES = frozenset(("Mr", "Mrs", "Ms", "Dr", "Sir", "Madam", "Sirs"))
"""Capitals that a letter may need and that name nobody."""
_GERMAN = frozenset("der die das und ist ich nicht ein eine den dem zu wir sie es mit auf für von".split())  # noqa: SIM905
"""So common that about every fifth word of a German text is one of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that speaks against an answer."""

    code: str
    """Stable."""
    message: str
    """What, as the end of a sentence: "it has other numbers"."""
    is_grave: bool = False


def findings(answer: str, original: str, style: Style, *, stop: str = "eos") -> tuple[Finding, ...]:
    """Everything that speaks against `answer`, which is clean (`cleaned`); the gravest first. `stop`: why it
    ended (`engine.events.Written`).
    """
    if grave := tuple(_grave(answer, original, stop)):
        return grave
    return tuple(_doubts(answer, original, style))


def _grave(answer: str, original: str, stop: str) -> Iterator[Finding]:
    if not answer.strip():
        yield Finding("empty", "it is empty", True)
        return
    if stop != "eos":
        yield Finding("cut", "it was cut short", True)
    if _REFUSING.match(answer) is not None and _REFUSING.match(original) is None:
        yield Finding("declined", "the model says that it cannot do it", True)
    if _CHOICES.search(answer) is not None and _CHOICES.search(original) is None:
        yield Finding("choices", "it offers several versions", True)
    if set(_MARKERS.findall(answer)) - set(_MARKERS.findall(original)):
        yield Finding("marks", "it holds marks of the model's own", True)
    if _loops(answer) and not _loops(original):
        yield Finding("loop", "it says the same again and again", True)


def _doubts(answer: str, original: str, style: Style) -> Iterator[Finding]:
    if (length := _length(answer, original, style)) is not None:
        yield length
    if style.is_list and any(not text_units.is_item(line, (0, len(line))) for line in _lines(answer)):
        yield Finding("no-list", "it is no list")
    keeps = style.keeps
    if "structure" in keeps:
        yield from _structure(answer, original)
    if keeps & {"structure", "code"}:
        yield from _verbatim(answer, original, may_go="structure" not in keeps)
    if keeps & {"numbers", "no-new-numbers"}:
        yield from _numbers(answer, original, may_go="numbers" not in keeps)
    if keeps & {"names", "no-new-names"}:
        yield from _names(answer, original, may_go="names" not in keeps)
    if "words" in keeps and _kept_words(answer, original) < KEPT_WORDS:
        yield Finding("other-words", "it has mostly other words")
    if "script" in keeps and _other_script(answer, original):
        yield Finding("other-script", "it is written in other letters")


def _length(answer: str, original: str, style: Style) -> Finding | None:
    least, most = style.length
    if len(answer) > most * len(original) + SLACK_CHARS:
        return Finding("too-long", f"it is {len(answer) / len(original):.1f} times as long")
    if len(answer) < least * len(original) - SLACK_CHARS:
        return Finding("too-short", f"only {100 * len(answer) / len(original):.0f} % of the length is left")
    return None


def _structure(answer: str, original: str) -> Iterator[Finding]:
    def shape(text: str) -> dict[str, list[int] | int]:
        bare = _FENCED.sub("", text)
        return {
            "headings": [level for _, level in text_units.headings_with_levels(bare)],
            "list items": len(text_units.items(bare)),
            "table rows": sum(_TABLE.match(line) is not None for line in bare.splitlines()),
        }

    old, new = shape(original), shape(answer)
    for what in old:
        if old[what] != new[what]:
            yield Finding("structure", f"it has other {what}")


def _verbatim(answer: str, original: str, *, may_go: bool) -> Iterator[Finding]:
    for what, pattern in (("code", _CODE), ("links", _LINK), ("placeholders", _HOLE)):
        old, new = Counter(pattern.findall(original)), Counter(pattern.findall(answer))
        if new - old or (old - new and not may_go):
            yield Finding("verbatim", f"it has other {what}")
    old_code = [found[0] for found in _FENCED.finditer(original)]
    if old_code != [found[0] for found in _FENCED.finditer(answer)]:
        yield Finding("verbatim", "it has other blocks of code")


def _numbers(answer: str, original: str, *, may_go: bool) -> Iterator[Finding]:
    old, new = set(_NUMBER.findall(original)), set(_NUMBER.findall(answer))
    counted = {str(number) for number in range(1, 1 + len(text_units.items(answer)))}  # of a numbered list
    if more := sorted(new - old - counted):
        yield Finding("new-number", f"it has a number that the passage does not have ({more[0]})")
    elif (gone := sorted(old - new)) and not may_go:
        yield Finding("lost-number", f"it lacks a number of the passage ({gone[0]})")


def _names(answer: str, original: str, *, may_go: bool) -> Iterator[Finding]:
    words = {word.casefold() for word in _WORD.findall(original)}
    stems = words | {word.removesuffix("'s").removesuffix("’s") for word in words}
    if more := [name for name in _capitalised(answer) if name.casefold() not in stems]:
        yield Finding("new-name", f"it has a name that the passage does not have ({more[0]})")
        return
    there = {word.casefold() for word in _WORD.findall(answer)}
    there |= {word.removesuffix("'s").removesuffix("’s") for word in there}
    if not may_go and (gone := [name for name in _capitalised(original) if name.casefold() not in there]):
        yield Finding("lost-name", f"it lacks a name of the passage ({gone[0]})")


def _capitalised(text: str) -> list[str]:
    """Words with a capital where no sentence begins. None in a language that writes every noun so."""
    words = [word.casefold() for word in _WORD.findall(text)]
    if sum(word in _GERMAN for word in words) * 8 >= len(words):
        return []
    found = []
    for start, end in text_units.sentences(text):
        for number, word in enumerate(_WORD.finditer(text, start, end)):
            name = word[0].removesuffix("'s").removesuffix("’s")
            begins = text[word.start() - 1 : word.start()] in ('"', "“", "„", "«", ":")
            if number and not begins and len(name) > 1 and name[0].isupper() and name not in _TITLES:
                found += [] if name.startswith(("I'", "I’")) else [name]
    return found


def _kept_words(answer: str, original: str) -> float:
    old = Counter(word.casefold() for word in _WORD.findall(original))
    new = Counter(word.casefold() for word in _WORD.findall(answer))
    total = max(sum(old.values()), sum(new.values()))
    return 1.0 if total < 4 else sum((old & new).values()) / total


def _other_script(answer: str, original: str) -> bool:
    old, new = _scripts(original), _scripts(answer)
    letters = sum(new.values())
    return bool(old) and letters >= 4 and sum(new[name] for name in old) < SAME_SCRIPT * letters


def _scripts(text: str) -> Counter[str]:
    """Letters by the first word of their Unicode names: LATIN, CYRILLIC, HIRAGANA; Chinese and Japanese are
    one."""
    together = {"CJK": "EAST", "HIRAGANA": "EAST", "KATAKANA": "EAST"}
    names = (unicodedata.name(char, "").split(" ")[0] for char in text if char.isalpha())
    return Counter(together.get(name, name) for name in names if name)


def _loops(text: str) -> bool:
    words = [word.casefold() for word in _WORD.findall(text)]
    lines = Counter(line.strip() for line in text.splitlines() if len(line.split()) >= 3)
    if any(count >= 3 for count in lines.values()):
        return True
    return _repeats(words, LOOP_WORDS, 3) or _in_a_row(words)


def _repeats(words: Sequence[str], length: int, times: int) -> bool:
    rows = Counter(tuple(words[at : at + length]) for at in range(len(words) - length + 1))
    return any(count >= times and len(set(row)) > 1 for row, count in rows.items())


def _in_a_row(words: Sequence[str]) -> bool:
    """The same one to four words six times in direct succession."""
    for length in range(1, 5):
        run = 0
        for at in range(length, len(words)):
            run = run + 1 if words[at] == words[at - length] else 0
            if run >= 5 * length:
                return True
    return False


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
