"""What changed between two texts as a unified diff, quickly for whatever texts. Pure."""

from __future__ import annotations

import difflib
import re

MOST_LINES = 1000
"""Between the first and the last difference. More are shown as one block: comparing takes their square."""


def unified_diff(before: str, after: str, *, context: int = 3) -> str:
    """As `diff -u` prints it, with the names `before` and `after`; empty for equal texts."""
    if before == after:
        return ""
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > MOST_LINES:
        return "".join(_one_block(old, new, context))
    lines = difflib.unified_diff(old, new, "before", "after", n=context)
    return "".join(_ended(line) for line in lines)


def _one_block(old: list[str], new: list[str], context: int) -> list[str]:
    """A diff whose one hunk reaches from the first difference to the last."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    tail = next((i for i in range(shorter - head) if old[-1 - i] != new[-1 - i]), shorter - head)
    first = max(0, head - context)
    last_old, last_new = len(old) - max(0, tail - context), len(new) - max(0, tail - context)
    shown = [f" {line}" for line in old[first:head]]
    shown += [f"-{line}" for line in old[head : len(old) - tail]]
    shown += [f"+{line}" for line in new[head : len(new) - tail]]
    shown += [f" {line}" for line in old[len(old) - tail : last_old]]
    spans = (_span(first, last_old), _span(first, last_new))
    return ["--- before\n", "+++ after\n", f"@@ -{spans[0]} +{spans[1]} @@\n", *map(_ended, shown)]


def _span(start: int, end: int) -> str:
    length = end - start
    return f"{start + 1 if length else start},{length}"


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
