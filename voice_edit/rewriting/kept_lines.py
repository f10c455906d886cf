"""Lines of a passage that no model is asked about: code, and for a model of prose what else is none. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voice_edit import text_units

MOST_FRONT_LINES = 60
"""Lines of settings at the top of a document."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_RULED = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$")
"""Below the head of a table."""
_ONLY_MARKS = re.compile(r"[\W_]*\Z")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*\S")
_TAG = re.compile(r" {0,3}<(?!https?:|mailto:)[a-zA-Z/!?]")
_MEANING = re.compile(r" {0,3}\[[^\]\n]+\]:[ \t]*\S")
"""What a link or a footnote leads to."""
_SETTING = re.compile(r"[\w-]+[ \t]*:")


def kept_lines(lines: Sequence[str], *, prose_only: bool) -> list[bool]:
    """For every line whether it stays as it is, blank ones aside."""
    kept = _fenced(lines)
    if not prose_only:
        return kept
    _keep_front(lines, kept)
    _keep_tables(lines, kept)
    _keep_indented(lines, kept)
    for number, line in enumerate(lines):
        kept[number] |= bool(_ONLY_MARKS.match(line) or _TAG.match(line) or _MEANING.match(line))
    return kept


def _fenced(lines: Sequence[str]) -> list[bool]:
    """Code between fences. One ends at a fence of the same mark that is no shorter and says nothing."""
    kept = []
    fence = ""
    for line in lines:
        found = _FENCE.match(line)
        mark, said = (found[1], found[2]) if found is not None else ("", "")
        kept.append(bool(fence or mark))
        if not fence:
            fence = mark
        elif mark.startswith(fence) and not said.strip():
            fence = ""
    return kept


def _keep_front(lines: Sequence[str], kept: list[bool]) -> None:
    if not lines or lines[0].strip() != "---" or len(lines) < 2 or not _SETTING.match(lines[1]):
        return
    for number in range(2, min(len(lines), MOST_FRONT_LINES)):
        if lines[number].strip() in ("---", "..."):
            kept[: number + 1] = [True] * (number + 1)
            return


def _keep_tables(lines: Sequence[str], kept: list[bool]) -> None:
    for number, line in enumerate(lines):
        kept[number] |= _ROW.match(line) is not None
        if not _RULED.match(line):
            continue
        if number:
            kept[number - 1] |= "|" in lines[number - 1]
        below = number
        while below < len(lines) and "|" in lines[below]:
            kept[below] = True
            below += 1


def _keep_indented(lines: Sequence[str], kept: list[bool]) -> None:
    """Code that is indented: behind a blank line, and not inside of a list."""
    in_list, may_begin = False, True
    for number, line in enumerate(lines):
        if not line.strip():
            may_begin = True
            continue
        is_indented = _INDENTED.match(line) is not None
        if text_units.is_item(line, (0, len(line))):
            in_list = in_list or not is_indented
        elif not is_indented:
            in_list = False
        if is_indented and may_begin and not in_list:
            kept[number] = True
        else:
            may_begin = False
