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

from engine.judging.languages import NAMES, language_of, words_of
from voice_edit import text_units
from voice_edit.rewriting import facts, structure
from voice_edit.rewriting.cleaning import has_remark, introduction
from voice_edit.rewriting.styles import Style

SLACK_CHARS = 40
"""By so much any answer may be longer than its style's length says: short texts have no proportions."""
KEPT_WORDS, KEPT_WORDS_SHORT = 0.6, 0.5
"""The least share of words that stays where only mistakes are put right; of a few words more may be wrong."""
SHORT_WORDS = 10
SAME_SCRIPT = 0.5
"""The least share that letters of the passage's own writing systems have in the answer."""
LOOP_WORDS = 8
"""A row of so many words that comes three times is no text."""

LEAST_CONFIDENCE, LEAST_SURENESS = -0.03, -1.0
"""A small model's answer is doubtful where the log probability of its tokens is less than both, in the mean
and in all. Measured with the bundled model: of 33 plain passages 2 were below, both spoilt; of 13 unlike
those it learnt from (code, other languages, rare words) 9 of the 10 that it spoilt.
"""

_TASK = (
    r"(?:re(?:write|word|phrase|vise)|shorten|translate|summari[sz]e|correct|edit|simplify|process|fulfil|comply"
    r"|assist|help)"
)
_REFUSING = re.compile(
    r"\A\W{0,8}(?:(?:i(?:'|’)?m|i am) (?:very |so |really )?sorry|sorry|i apologi[sz]e|unfortunately)?\W{0,8}"
    r"(?:but )?(?:as an ai\b|i(?:'|’)m (?:just )?an ai\b|i "
    r"(?:cannot|can(?:'|’)t|can not|won(?:'|’)t|am (?:unable|not able) to)"
    rf" (?:do (?:that|this)|{_TASK}\b[^.\n]{{0,30}}"
    r"\b(?:this|that|it|with|the (?:text|passage|request)|your|you|anything)))"
    r"|\A\W{0,8}(?:es tut mir leid|tut mir leid|(?:je suis )?désolée?|lo siento|mi dispiace|sinto muito)\W+"
    r"[^.\n]{0,30}(?:kann ich|ich kann|je ne peux|no puedo|non posso|não posso)[^.\n]{0,40}"
    r"(?:umschreiben|übersetzen|helfen|réécrire|traduire|aider|reescribir|traducir|ayudar|riscrivere|tradurre"
    r"|aiutar|reescrever|traduzir|ajudar)",
    re.IGNORECASE,
)
"""That the model cannot do it; not that the speaker cannot come."""
_CHOICES = re.compile(
    r"^\W{0,3}(?:option|version|variant|alternative) (?:1|one|a)\b"
    r"|\A\W{0,8}(?:here|below|these|the following)(?: are|'re| is)\b[^\n]*"
    r"\b(?:options|versions|variants|alternatives|suggestions|possibilities)\b[^\n]*:",
    re.IGNORECASE | re.MULTILINE,
)
_MARKERS = re.compile(
    r"<\|[^\s<>]{1,30}>|<[^\s<>|]{1,30}\|>|<unused\d+>|<0x[0-9A-F]{2}>|\[/?INST\]|</?(?:passage|document)\d*>"
    r"|</?(?:start_of_turn|end_of_turn|start_of_image|bos|eos|pad|unk|mask)>"
)
"""Special tokens of models; other tags are text."""
_BROKEN = frozenset("\ufffd\x00\x1b")
_HTML = re.compile(r"</?[a-z][a-z0-9]*(?: [^<>\n]*)?/?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that speaks against an answer."""

    code: str
    """Stable."""
    message: str
    """What, as the end of a sentence: "it has other numbers"."""
    is_grave: bool = False


def findings(
    answer: str, original: str, style: Style, *, stop: str = "eos", language: str | None = None
) -> tuple[Finding, ...]:
    """Everything that speaks against `answer`, which is clean (`cleaned`); the gravest first. `stop`: why it
    ended (`engine.events.Written`). `language`: what it was to be translated into, by its name.
    """
    if grave := tuple(_grave(answer, original, stop)):
        return grave
    doubts = tuple(_doubts(answer, original, style))
    still = _untranslated(answer, original, language) if language is not None else ""
    return (*doubts, Finding("untranslated", f"it is still in {still}")) if still else doubts


def of_a_small_model(
    answer: str, original: str, style: Style, *, confidence: float | None, tokens: int
) -> Iterator[Finding]:
    """What else speaks against an answer of a model that has learnt its styles from plain texts. It writes
    nonsense for words that it does not know, and its key points are the sentences. `confidence`: the mean log
    probability of its `tokens`.
    """
    doubt = confidence or 0.0
    if answer != original and doubt < LEAST_CONFIDENCE and doubt * tokens < LEAST_SURENESS:
        yield Finding("unsure", "the model is not sure of its words")
    if style.is_list and len(text_units.items(answer)) < len(text_units.sentences(original)):
        yield Finding("lost-point", "it lacks a sentence of the passage")


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
    if _BROKEN & set(answer) - set(original):
        yield Finding("broken", "it holds characters that are none", True)
    if _loops(answer) and not _loops(original):
        yield Finding("loop", "it says the same again and again", True)


def _doubts(answer: str, original: str, style: Style) -> Iterator[Finding]:
    if (length := _length(answer, original, style)) is not None:
        yield length
    if style.is_list and not _is_list(answer):
        yield Finding("no-list", "it is no list")
    keeps = style.keeps
    if keeps and introduction(answer) and not introduction(original) and not style.is_list:
        yield Finding("introduced", "it begins with an introduction")
    if keeps and has_remark(answer, original):
        yield Finding("remark", "it seems to end with a remark of the model's own")
    if "structure" in keeps:
        if set(_HTML.findall(answer)) - set(_HTML.findall(original)):
            yield Finding("structure", "it has other tags")
        for what in structure.differences(answer, original):
            yield Finding("structure", f"it has other {what}")
    if keeps & {"structure", "code"}:
        for what in structure.verbatim(answer, original, may_go="structure" not in keeps):
            yield Finding("verbatim", f"it has other {what}")
    if keeps & {"numbers", "no-new-numbers"}:
        yield from _numbers(answer, original, may_go="numbers" not in keeps)
    if keeps & {"names", "no-new-names"}:
        yield from _names(answer, original, may_go="names" not in keeps)
    if "words" in keeps and not _keeps_words(answer, original):
        yield Finding("other-words", "it has mostly other words")
    if "script" in keeps:
        if _other_script(answer, original):
            yield Finding("other-script", "it is written in other letters")
        elif _other_language(answer, original):
            yield Finding("other-language", "it is in another language")


def _length(answer: str, original: str, style: Style) -> Finding | None:
    least, most = style.length
    if len(answer) > most * len(original) + SLACK_CHARS:
        return Finding("too-long", f"it is {len(answer) / len(original):.1f} times as long")
    if len(answer) < least * len(original) - SLACK_CHARS:
        return Finding("too-short", f"only {100 * len(answer) / len(original):.0f} % of the length is left")
    return None


def _numbers(answer: str, original: str, *, may_go: bool) -> Iterator[Finding]:
    more, gone = facts.changed_numbers(answer, original)
    if more:
        yield Finding("new-number", f"it has a number that the passage does not have ({more[0]})")
    elif gone and not may_go:
        yield Finding("lost-number", f"it lacks a number of the passage ({gone[0]})")


def _names(answer: str, original: str, *, may_go: bool) -> Iterator[Finding]:
    more, gone = facts.changed_names(answer, original)
    if more:
        yield Finding("new-name", f"it has a name that the passage does not have ({more[0]})")
    elif gone and not may_go:
        yield Finding("lost-name", f"it lacks a name of the passage ({gone[0]})")


def _keeps_words(answer: str, original: str) -> bool:
    old = Counter(word.casefold() for word in facts.WORD.findall(original))
    new = Counter(word.casefold() for word in facts.WORD.findall(answer))
    total = max(sum(old.values()), sum(new.values()))
    least = KEPT_WORDS if total >= SHORT_WORDS else KEPT_WORDS_SHORT
    return total < 4 or sum((old & new).values()) >= least * total


def _other_script(answer: str, original: str) -> bool:
    old, new = _scripts(original), _scripts(answer)
    letters = sum(new.values())
    return bool(old) and letters >= 4 and sum(new[name] for name in old) < SAME_SCRIPT * letters


def _other_language(answer: str, original: str) -> bool:
    """Where small words tell both clearly."""
    old, new = (language_of(words_of(text)) for text in (original, answer))
    return bool(old and new) and old != new


def _untranslated(answer: str, original: str, language: str) -> str:
    """The language that the answer was to leave and has not left; "" where that is not clear. Related
    languages share small words, but not most of their words.
    """
    old = language_of(words_of(original))
    stays = old and NAMES[old] not in language and _keeps_words(answer, original)
    return NAMES[old] if stays else ""


def _scripts(text: str) -> Counter[str]:
    """Letters by the first word of their Unicode names: LATIN, CYRILLIC, HIRAGANA; Chinese and Japanese are
    one."""
    together = {"CJK": "EAST", "HIRAGANA": "EAST", "KATAKANA": "EAST"}
    names = (unicodedata.name(char, "").split(" ")[0] for char in text if char.isalpha())
    return Counter(together.get(name, name) for name in names if name)


def _loops(text: str) -> bool:
    words = [word.casefold() for word in facts.WORD.findall(text)]
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


def _is_list(text: str) -> bool:
    """Items, and lines that are indented to belong to one."""
    lines = [line for line in text.splitlines() if line.strip()]
    items = [text_units.is_item(line, (0, len(line))) for line in lines]
    return items[:1] == [True] and all(
        item or line[0].isspace() for item, line in zip(items, lines, strict=True)
    )
