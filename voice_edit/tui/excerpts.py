"""What of a change is worth showing in a few lines. Pure."""

from __future__ import annotations

from voice_edit.cli.diffs import DiffLine, diff_lines

LONGEST = 20_000
"""Code points of each text that are compared; a change beyond is shown as far as it goes."""
LEAD = 16
"""Code points shown before the first word that differs, in a line that is too long to be shown whole."""


def change_lines(
    before: str | None, after: str | None, changes: tuple[tuple[int, str, str], ...] = ()
) -> list[DiffLine]:
    """The lines of a change: from the texts where they are known, else from the changes alone."""
    if before is not None and after is not None:
        old, new = _near_the_change(before, after)
        return diff_lines(old, new)
    lines: list[DiffLine] = []
    for number, (_start, old, new) in enumerate(changes):
        if number:
            lines.append(DiffLine("~", "..."))
        lines += diff_lines(old[:LONGEST], new[:LONGEST])
    return lines


def fit(lines: list[DiffLine], width: int, height: int) -> list[DiffLine]:
    """The same in at most `height` lines of about `width` code points: context goes first, then the rest."""
    if len(lines) > height:
        lines = [line for line in lines if line.kind in "-+"] or lines
    if len(lines) > height > 0:
        left_out = len(lines) - (height - 1)
        lines = [*lines[: height - 1], DiffLine("~", f"... {left_out} more lines")]
    return [_crop(line, width) for line in lines]


def _near_the_change(before: str, after: str) -> tuple[str, str]:
    """Both texts from a line or two above the first difference on, no longer than `LONGEST`."""
    first = next(
        (at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new),
        min(len(before), len(after)),
    )
    start = first
    for _ in range(3):  # the line of the change, and two above
        start = before.rfind("\n", 0, max(start - 1, 0)) + 1
    start = min(start, first)
    return before[start : start + LONGEST], after[start : start + LONGEST]


def _crop(line: DiffLine, width: int) -> DiffLine:
    """The line without its beginning if what differs would not be seen otherwise."""
    if len(line.text) <= width or not line.changed:
        return line
    first, last = line.changed[0][0], line.changed[-1][1]
    if last <= width - 1:
        return line
    cut = max(0, min(first - LEAD, len(line.text) - width + 1))
    if cut == 0:
        return line
    shift = cut - 1
    spans = tuple((max(1, a - shift), b - shift) for a, b in line.changed if b > cut)
    return DiffLine(line.kind, "…" + line.text[cut:], spans)
