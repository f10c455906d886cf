"""Dictated words as they go into a text: the recogniser's capital and final mark fitted to the place, and the
spaces that the words need there. Never obeyed."""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

from collections.abc import Callable
from typing import Protocol

import regex

from voice_edit import repairs
from voice_edit.edits import Change, Document, Edit, Selection, in_order
from voice_edit.graphemes import snap_left, snap_right
from voice_edit.manners.lexicon import CAPITALS
from voice_edit.manners.manners import USUAL, Manners
from voice_edit.manners.wording import tidied

_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u3000-\u303f\uff00-\uff65]"
)
"""Scripts that put no spaces between words, and their marks."""


class Meant(Protocol):
    """What is known of the words themselves (`vocabulary.Corrected` is one)."""

    @property
    def words(self) -> str: ...
    @property
    def exact(self) -> bool: ...


def fit(
    document: Document,
    words: str,
    *,
    manners: Manners = USUAL,
    meant: Callable[[str], Meant] | None = None,
) -> Edit:
    """Put the words at the caret, or in place of the selection. The caret comes to stand behind them.

    `meant` says what was meant by words that are already in order; `exact` ones are written as they stand.
    """
    text = document.text
    start, end = snap_left(text, document.selection.start), snap_right(text, document.selection.end)
    said = tidied(words.strip(), manners=manners, behind_word=_is_behind_word(text, start))
    known = None if meant is None else meant(said.text)
    if known is not None and known.exact:
        new = known.words
    else:
        new = said.text if known is None else known.words
        new = fitted(text, start, end, new, manners=manners, keep_final=said.ends_with_said_mark)
    if not new.strip(" "):
        return Edit((), document.selection, document.selection)
    start, before = _before(text, start, document.selection.is_caret, new)
    end, after = _after(text, end, new, manners)
    new = new.replace("\n", document.newline)
    change = Change(start, text[start:end], before + new + after)
    behind = len(after) if manners.trailing_space == "always" else 0
    caret = snap_right(text[:start] + change.new + text[end:], start + len(before) + len(new) + behind)
    return Edit(in_order([change]), document.selection, Selection(caret, caret))


def fitted(
    text: str, start: int, end: int, words: str, *, manners: Manners = USUAL, keep_final: bool = False
) -> str:
    """The words with the capital and the final mark that suit a place between `start` and `end`.

    `keep_final`: the speaker said the final mark.
    """
    if not keep_final and _drops_final(text, start, end, words, manners):
        words = words[:-1]
    if words[:1] in "\n,.;:?!…":  # it begins with a mark that was said
        return words
    small = manners.capitals == "off" or _in_mid_sentence(text, start)
    if small and _is_common(text, words, manners):
        return repairs.lowered(words)
    return words


def _drops_final(text: str, start: int, end: int, words: str, manners: Manners) -> bool:
    """Whether the full stop is only the recogniser's, and not wanted here."""
    if not words.endswith(".") or words.endswith(("..", "\n.")) or regex.search(r"\b\p{L}\.\p{L}\.$", words):
        return False
    if manners.final_mark == "drop":
        return True
    goes_on = text[end : repairs.line_end(text, end)].lstrip()
    if goes_on:
        if goes_on[0].islower() or goes_on[0].isdigit() or goes_on[0] in ",;:.!?)":
            return True
        # "ask <> Bob": a name goes on with the sentence, a small word with its capital begins one.
        name = goes_on[0].isupper() and not repairs.can_be_lowered(repairs.first_word(goes_on))
        return name and start == end and _in_mid_sentence(text, start) and len(words.split()) <= 3
    replaced = text[start:end].rstrip()
    return bool(replaced) and replaced[-1].isalnum() and _in_mid_sentence(text, start)


def _in_mid_sentence(text: str, at: int) -> bool:
    before = text[repairs.line_start(text, at) : at].rstrip()
    if not before or repairs.at_line_start(text, at):
        return False
    return before[-1].isalnum() or before[-1] in ",;)]}%&'’-–—"


def _is_behind_word(text: str, at: int) -> bool:
    """Whether a mark may stand here: right behind a word or something closed."""
    before = text[repairs.line_start(text, at) : at].rstrip(" ")
    return bool(before) and (before[-1].isalnum() or before[-1] in ")]}\"”’'%")


def _is_common(text: str, words: str, manners: Manners) -> bool:
    """Whether the first word has its capital only from the recogniser."""
    word = repairs.first_word(words)
    if not word[:1].isupper() or word in manners.names:
        return False
    plain = word.lower().replace("’", "'")
    if plain in CAPITALS or plain.removesuffix("'s") in CAPITALS:
        return False
    if len(word) > 1 and not word[1:].islower():
        return False
    name = regex.compile(rf"[\p{{L}}\p{{N}},;] +{regex.escape(word)}\b")
    return name.search(text) is None and name.search(words) is None


def _before(text: str, start: int, is_caret: bool, new: str) -> tuple[int, str]:
    """Where the change begins, and the space in front of the words: a mark or a line end that was said takes
    the spaces before it away."""
    if new[0] in "\n,.;:?!…":
        return (repairs.space_before(text, start) if is_caret or new[0] == "\n" else start), ""
    if start and _UNSPACED.match(text[start - 1]) and _UNSPACED.match(new[0]):
        return start, ""
    return start, repairs.gap_before(text, start, new)


def _after(text: str, end: int, new: str, manners: Manners) -> tuple[int, str]:
    """Where the change ends, and the space behind the words."""
    if new.endswith("\n"):
        return repairs.space_after(text, end), ""
    if manners.trailing_space == "never" or (end < len(text) and text[end] in " \t\u00a0"):
        return end, ""
    if end < len(text) and _UNSPACED.match(text[end]) and _UNSPACED.match(new[-1]):
        return end, ""
    gap = repairs.gap_after(text, end, new)
    if not gap and manners.trailing_space == "always" and (end >= len(text) or text[end] in "\r\n"):
        gap = " "
    return end, gap
