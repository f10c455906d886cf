"""Dictated words as they go into a text: the recogniser's capital and final mark fitted to the place. Never
obeyed."""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

import regex

from voice_edit import repairs
from voice_edit.edits import Change, Document, Edit, Selection, in_order
from voice_edit.graphemes import snap_left, snap_right
from voice_edit.manners.manners import USUAL, Manners
from voice_edit.wordlists import wordlist

_CAPITALS = wordlist(
    """i i'm i've i'll i'd monday tuesday wednesday thursday friday saturday sunday january february march
    april june july
    august september october november december english german french spanish italian europe america"""
)


def fit(document: Document, words: str, *, manners: Manners = USUAL) -> Edit:
    """Put the words at the caret, or in place of the selection. The caret comes to stand behind them."""
    text = document.text
    start, end = snap_left(text, document.selection.start), snap_right(text, document.selection.end)
    new = fitted(text, start, end, words.strip())
    if not new:
        return Edit((), document.selection, document.selection)
    before = repairs.gap_before(text, start, new)
    after = repairs.gap_after(text, end, new)
    change = Change(start, text[start:end], before + new + after)
    caret = snap_right(text[:start] + change.new + text[end:], start + len(before) + len(new))
    return Edit(in_order([change]), document.selection, Selection(caret, caret))


def fitted(text: str, start: int, end: int, words: str) -> str:
    """The words with the capital and the final mark that suit a place between `start` and `end`."""
    goes_on = text[end : repairs.line_end(text, end)].lstrip()
    if (
        goes_on
        and (goes_on[0].islower() or goes_on[0].isdigit() or goes_on[0] in ",;:.!?)")
        and words.endswith(".")
    ):
        words = words[:-1] if not words.endswith("..") else words
    return repairs.lowered(words) if _in_mid_sentence(text, start) and _is_common(text, words) else words


def _in_mid_sentence(text: str, at: int) -> bool:
    before = text[repairs.line_start(text, at) : at].rstrip()
    if not before or repairs.at_line_start(text, at):
        return False
    return before[-1].isalnum() or before[-1] in ",;)]}%&'’-–—"


def _is_common(text: str, words: str) -> bool:
    """Whether the first word has its capital only from the recogniser."""
    word = repairs.first_word(words)
    if not word or word.lower().replace("’", "'") in _CAPITALS or not word[:1].isupper():
        return False
    if len(word) > 1 and not word[1:].islower():
        return False
    name = regex.compile(rf"[\p{{L}}\p{{N}},;] +{regex.escape(word)}\b")
    return name.search(text) is None
