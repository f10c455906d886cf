"""A report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voice_edit.evaluation.report import Report, Section, Table


def page(report: Report) -> str:
    """All of it."""
    parts = [f"# {cell(report.title)}"]
    for section in report.sections:
        parts += [f"## {section.title}", *_body(section)]
    return "\n\n".join(parts) + "\n"


def _body(section: Section) -> list[str]:
    said = [_code(one[1:-1]) if one.startswith("`") else cell(one) for one in section.sentences]
    return [*said, *(_table(table) for table in section.tables)]


def _table(table: Table) -> str:
    rule = ["---", *(["---" if table.is_text else "---:"] * (len(table.heading) - 1))]
    lines = [_line(table.heading), f"| {' | '.join(rule)} |", *(_line(row) for row in table.rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(cell, cells))} |"


def cell(text: str) -> str:
    """Text that is nothing but text: what somebody said must not become a heading, a link or a tag."""
    text = " ".join(text.split())
    for mark in "\\`*_<>|#":
        text = text.replace(mark, "\\" + mark)
    return text.replace("](", "]\\(")  # brackets alone are read as they are


def _code(text: str) -> str:
    """Text as it is, between more backticks than it has in a row."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, gap = "`" * (longest + 1), " " * bool(longest)
    return f"{fence}{gap}{' '.join(text.split())}{gap}{fence}"
