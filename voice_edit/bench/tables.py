"""Cells and tables in Markdown. What was not measured is an empty cell."""

from __future__ import annotations

from collections.abc import Sequence

from voice_edit.bench.summary import Spread


def table(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """The first column to the left, numbers to the right."""
    rule = ["---", *(["---:"] * (len(heading) - 1))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, rule, *lines))


def pair(found: Spread | None, *, digits: int = 1) -> str:
    """Median and 95th percentile."""
    return "" if found is None else f"{found.median:.{digits}f} / {found.p95:.{digits}f}"


def middle(found: Spread | None, digits: int) -> str:
    """The median."""
    return "" if found is None else f"{found.median:.{digits}f}"


def share(found: Spread | None) -> str:
    """The median as a percentage."""
    return "" if found is None else f"{found.median:.0%}"


def times(value: float | None) -> str:
    """A ratio."""
    return "" if value is None else f"{value:.1f}x"


def count(n: int, what: str) -> str:
    """A number of things."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def size(n: int) -> str:
    """Bytes for people."""
    return f"{n / 1e9:.2f} GB" if abs(n) >= 1e9 else f"{n / 1e6:.0f} MB"
