"""The pictures of a report, as SVG without a library: dots with whiskers, boxes, lines.

Colours are the page's own (`currentColor` and one class for each variant), so that they fit a light and a
dark page alike. What is drawn also stands in the tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from voice_edit.bench.summary import quantile
from voice_edit.evaluation import summary
from voice_edit.evaluation.statistics import Interval
from voice_edit.evaluation.summary import Column, Summary

WIDTH = 760
LEFT, RIGHT, TOP, BOTTOM = 190, 24, 14, 46
ROW = 34
CLASSES = 8
"""Colours of the page; more variants use them again."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing and what it shows."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Values to positions from left to right, or from bottom to top."""

    low: float
    high: float
    begin: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies."""
        low, high, value = (
            math.log10(max(v, 1e-9)) if self.is_log else v for v in (self.low, self.high, value)
        )
        share = (value - low) / (high - low) if high > low else 0.5
        return self.begin + (self.end - self.begin) * min(1.0, max(0.0, share))

    def ticks(self) -> list[float]:
        """Round values along it."""
        if self.is_log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            marks = [m * 10.0**e for e in decades for m in (1, 2, 5)]
            found = [mark for mark in marks if self.low * 0.999 <= mark <= self.high * 1.001]
            return found if len(found) <= 9 else [m for m in found if f"{m:e}".startswith("1")]
        step = _round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, int(self.high / step + 1e-9) + 1)]


def draw(name: str, found: Summary) -> Picture | None:
    """The picture of that name; None where there is nothing to draw."""
    return _PICTURES[name](found)


def _words(found: Summary) -> Picture | None:
    return _whiskers(found, "Word error rate, %", [column.row.words for column in found.columns])


def _edits(found: Summary) -> Picture | None:
    rows = [column.row.edits for column in found.columns]
    return _whiskers(found, "Texts that came out right, %", rows, most=100.0)


def _whiskers(
    found: Summary, title: str, rows: Sequence[Interval | None], *, most: float | None = None
) -> Picture | None:
    known = [row for row in rows if row is not None]
    if not known:
        return None
    high = most or max(100 * row.high for row in known) * 1.05 or 1.0
    axis = Axis(0.0, high, LEFT, WIDTH - RIGHT)
    drawn = []
    for at, (column, row) in enumerate(zip(found.columns, rows, strict=True)):
        y = TOP + ROW * (at + 0.5)
        drawn.append(_label(column.label, y))
        if row is None:
            continue
        low, middle, end = (axis.at(100 * value) for value in (row.low, row.value, row.high))
        mark = f'class="v{at % CLASSES}"'
        drawn += [
            f'<line {mark} x1="{low:.1f}" x2="{end:.1f}" y1="{y}" y2="{y}" stroke-width="3"/>',
            *(
                f'<line {mark} x1="{x:.1f}" x2="{x:.1f}" y1="{y - 6}" y2="{y + 6}" stroke-width="2"/>'
                for x in (low, end)
            ),
            f'<circle {mark} cx="{middle:.1f}" cy="{y}" r="6"/>',
            _text(min(end + 8, WIDTH - RIGHT), y - 9, f"{100 * row.value:.1f}", kind="value"),
        ]
    return Picture(title, _across(axis, drawn, len(found.columns), title))


def _times(found: Summary) -> Picture | None:
    title = "From the endpoint to the final words, ms (box: half of all, line: 5 % to 95 %)"
    rows = [[1000 * u.final_s for one in c.judged for u in one.heard.utterances] for c in found.columns]
    values = [max(value, 0.1) for row in rows for value in row]
    if not values:
        return None
    axis = Axis(min(values), max(values) * 1.1, LEFT, WIDTH - RIGHT, is_log=True)
    drawn = []
    for at, (column, row) in enumerate(zip(found.columns, rows, strict=True)):
        y = TOP + ROW * (at + 0.5)
        drawn.append(_label(column.label, y))
        if not row:
            continue
        p5, p25, p50, p75, p95 = (axis.at(max(quantile(row, q), 0.1)) for q in (0.05, 0.25, 0.5, 0.75, 0.95))
        mark = f'class="v{at % CLASSES}"'
        drawn += [
            f'<line {mark} x1="{p5:.1f}" x2="{p95:.1f}" y1="{y}" y2="{y}" stroke-width="2"/>',
            f'<rect {mark} x="{p25:.1f}" y="{y - 9}" width="{max(1.0, p75 - p25):.1f}" height="18" rx="3"/>',
            f'<line class="middle" x1="{p50:.1f}" x2="{p50:.1f}" y1="{y - 9}" y2="{y + 9}"/>',
        ]
    return Picture(title, _across(axis, drawn, len(found.columns), title))


def _lengths(found: Summary) -> Picture | None:
    title = "Word error rate by length of the recording, %"
    lines: list[list[tuple[int, float]]] = []
    names = [summary.length_class(begin) for begin in summary.LENGTHS_S]
    for column in found.columns:
        split = summary.parts(column).get("length", {})
        line = []
        for at, name in enumerate(names):
            row = summary.row_of(split[name], seed=found.seed) if name in split else None
            if row is not None and row.words is not None:
                line.append((at, 100 * row.words.value))
        lines.append(line)
    used = sorted({at for line in lines for at, _ in line})
    if len(used) < 2:
        return None
    high = max(value for line in lines for _, value in line) * 1.1 or 1.0
    height = 220
    down = Axis(0.0, high, TOP + height, TOP)
    along = Axis(used[0], used[-1], 70, WIDTH - 200)
    drawn = [_grid_line(down, tick) for tick in down.ticks()]
    drawn += [_text(along.at(at), TOP + height + 20, names[at], anchor="middle") for at in used]
    for number, (column, line) in enumerate(zip(found.columns, lines, strict=True)):
        mark = f'class="v{number % CLASSES}"'
        points = " ".join(f"{along.at(at):.1f},{down.at(value):.1f}" for at, value in line)
        drawn.append(f'<polyline {mark} points="{points}" fill="none" stroke-width="2"/>')
        drawn += [f'<circle {mark} cx="{along.at(a):.1f}" cy="{down.at(v):.1f}" r="4"/>' for a, v in line]
        drawn += _legend(number, column)
    return Picture(title, _svg(drawn, TOP + height + 30, title))


def _against_time(found: Summary) -> Picture | None:
    title = "Word error rate, %, against the wait for the final words, ms: the lower left is best"
    rows = [
        (number, column, 1000 * column.times.final.median, column.row.words)
        for number, column in enumerate(found.columns)
        if column.times.final is not None and column.row.words is not None
    ]
    if len(rows) < 2:
        return None
    waits = [max(ms, 0.1) for _, _, ms, _ in rows]
    high = max(100 * words.high for _, _, _, words in rows) * 1.05 or 1.0
    height = 220
    down = Axis(0.0, high, TOP + height, TOP)
    along = Axis(min(waits) / 1.5, max(waits) * 1.5, 70, WIDTH - 200, is_log=True)
    drawn = [_grid_line(down, tick) for tick in down.ticks()]
    drawn += [
        _text(along.at(tick), TOP + height + 20, f"{tick:g}", anchor="middle") for tick in along.ticks()
    ]
    for number, column, ms, words in rows:
        x, mark = along.at(max(ms, 0.1)), f'class="v{number % CLASSES}"'
        low, middle, top = (down.at(100 * value) for value in (words.low, words.value, words.high))
        drawn.append(
            f'<line {mark} x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{top:.1f}" stroke-width="2"/>'
        )
        drawn.append(f'<circle {mark} cx="{x:.1f}" cy="{middle:.1f}" r="6"/>')
        drawn += _legend(number, column)
    return Picture(title, _svg(drawn, TOP + height + 30, title))


_PICTURES: dict[str, Callable[[Summary], Picture | None]] = {
    "words": _words,
    "edits": _edits,
    "times": _times,
    "lengths": _lengths,
    "words-against-time": _against_time,
}


def _across(axis: Axis, drawn: Sequence[str], rows: int, title: str) -> str:
    """Rows over an axis at the bottom."""
    bottom = TOP + ROW * rows
    grid = []
    for tick in axis.ticks():
        x = axis.at(tick)
        grid.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        grid.append(_text(x, bottom + 18, f"{tick:g}", anchor="middle"))
    return _svg([*grid, *drawn], bottom + 28, title)


def _svg(drawn: Sequence[str], height: float, title: str) -> str:
    inside = "".join(drawn)
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">{inside}</svg>'


def _label(text: str, y: float) -> str:
    return _text(LEFT - 10, y + 4, text, anchor="end", most=26)


def _legend(number: int, column: Column) -> list[str]:
    x, y = WIDTH - 180, TOP + 10 + 20 * number
    dot = f'<circle class="v{number % CLASSES}" cx="{x}" cy="{y - 4}" r="5"/>'
    return [dot, _text(x + 12, y, column.label, most=24)]


def _grid_line(axis: Axis, tick: float) -> str:
    y = axis.at(tick)
    return f'<line class="grid" x1="60" x2="{WIDTH - 190}" y1="{y:.1f}" y2="{y:.1f}"/>' + _text(
        52, y + 4, f"{tick:g}", anchor="end"
    )


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", kind: str = "", most: int | None = None
) -> str:
    """Letters; of a long text the beginning, with all of it where the pointer rests."""
    shown, whole = escape(text), ""
    if most is not None and len(text) > most:
        shown, whole = escape(text[: most - 1]) + "…", f"<title>{escape(text)}</title>"
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{shown}{whole}</text>'


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10, ... above."""
    power = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * 0.999)
