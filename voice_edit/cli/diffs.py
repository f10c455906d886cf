"""What changed between two texts, for people: the lines around a change, and the words in them that
differ.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from rich.text import Text

LineKind: TypeAlias = Literal[" ", "-", "+", "~"]

CONTEXT_LINES = 1
_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_STYLES = {" ": "dim", "-": "red", "+": "green", "~": "cyan"}


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line to show."""

    kind: LineKind
    """` ` unchanged, `-` before, `+` after, `~` a mark where unchanged lines are left out."""
    text: str
    """The line without its line break."""
    changed: tuple[tuple[int, int], ...] = ()
    """Spans of code points in `text` that differ from the line's counterpart."""


def diff_lines(before: str, after: str) -> list[DiffLine]:
    """The changed lines with one line of context around each, unless blank. Equal texts: nothing."""
    if before == after:
        return []
    old, new = _split(before), _split(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    found: list[DiffLine] = []
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT_LINES)):
        if number:
            found.append(DiffLine("~", "..."))
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                found += [DiffLine(" ", _shown(line)) for line in old[old_start:old_end] if line.strip()]
            else:
                found += _changed(old[old_start:old_end], new[new_start:new_end])
    return found


def diff_text(before: str, after: str) -> str:
    """The same as plain lines, each behind its mark."""
    return "\n".join(f"{line.kind} {line.text}".rstrip() for line in diff_lines(before, after))


def diff_rich(before: str, after: str) -> Text:
    """The same with colours; the words that changed stand out."""
    from rich.text import Text

    shown = Text()
    for line in diff_lines(before, after):
        style = _STYLES[line.kind]
        text = Text(f"{line.kind} {line.text}\n", style=style)
        for start, end in line.changed:
            text.stylize(f"{style} bold reverse", start + 2, end + 2)
        shown.append_text(text)
    shown.right_crop(1)
    return shown


def _split(text: str) -> list[str]:
    """Lines with their line breaks. Only the line breaks of text files count, not form feeds and the like."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)


def _shown(line: str) -> str:
    return line.rstrip("\r\n").replace("\t", "    ")


def _changed(old: list[str], new: list[str]) -> Iterator[DiffLine]:
    """Removed lines, then added ones; lines that face each other get their differing words marked."""
    pairs = [_differing(_shown(a), _shown(b)) for a, b in zip(old, new, strict=False)]
    for index, line in enumerate(old):
        yield DiffLine("-", _shown(line), pairs[index][0] if index < len(pairs) else ())
    for index, line in enumerate(new):
        yield DiffLine("+", _shown(line), pairs[index][1] if index < len(pairs) else ())


def _differing(old: str, new: str) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    old_words, new_words = _WORD.findall(old), _WORD.findall(new)
    matcher = difflib.SequenceMatcher(None, old_words, new_words, autojunk=False)
    if matcher.ratio() < 0.3:  # two unrelated lines: marking nearly everything helps nobody
        return (), ()
    old_spans, new_spans = [], []
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag != "equal":
            old_spans.append(_span(old_words, old_start, old_end))
            new_spans.append(_span(new_words, new_start, new_end))
    return tuple(s for s in old_spans if s[0] < s[1]), tuple(s for s in new_spans if s[0] < s[1])


def _span(words: list[str], start: int, end: int) -> tuple[int, int]:
    begin = sum(map(len, words[:start]))
    return begin, begin + sum(map(len, words[start:end]))
