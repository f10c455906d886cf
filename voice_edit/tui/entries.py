"""The history as it is shown: one record of the `log` command becomes a row and a page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

from textual.content import Content

from voice_edit.cli.diffs import DiffLine, diff_lines
from voice_edit.cli.hearing_facts import hearing_facts
from voice_edit.cli.output import visible
from voice_edit.tui.view import diff_line

MARKS = {
    "applied": ("✓", "$success"),
    "undone": ("↶", "$warning"),
    "not applied": ("✗", "$error"),
    "rejected": ("·", "$muted"),
    "unheard": ("?", "$accent"),
    "heard": ("?", "$accent"),
    "unclear": ("!", "$error"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was said, and what became of it."""

    number: int
    started_at: float
    """Seconds since the epoch."""
    mode: str
    state: str
    """What the text shows of it now: "applied", "undone", "not applied", "rejected", ..."""
    target: str
    words: str
    message: str
    commands: tuple[Any, ...]
    changes: tuple[tuple[int, str, str], ...]
    has_sound: bool
    receipt: str
    notes: tuple[str, ...]
    retry_of: int | None
    hearing: tuple[tuple[str, str], ...] = ()
    """How the words were judged, fact by fact."""


def entry_of(record: Mapping[str, Any]) -> Entry:
    """From a record as `voice-edit log --json` prints it."""
    standing = record.get("standing")
    state = str(record.get("state") or "").replace("_", " ")
    if standing in ("undone", "cut"):
        state = "undone"
    elif standing == "unclear":
        state = "unclear"
    receipts = record.get("receipts") or [{}]
    return Entry(
        number=int(record["id"]),
        started_at=float(record.get("started_at") or 0),
        mode=str(record.get("mode") or ""),
        state=state,
        target=str(record.get("target") or ""),
        words=str(record.get("words") or ""),
        message=str(record.get("message") or ""),
        commands=tuple(record.get("commands") or ()),
        changes=tuple(
            (int(start), str(old), str(new))
            for edit in record.get("edits") or ()
            for start, old, new in edit.get("changes") or ()
        ),
        has_sound=bool(record.get("audio")),
        receipt=str(receipts[-1].get("state") or ""),
        notes=tuple(str(note) for note in receipts[-1].get("notes") or ()),
        retry_of=record.get("retry_of"),
        hearing=tuple(hearing_facts(record.get("why")).items()),
    )


def target_name(target: str) -> str:
    """A target as people call it: a file's name, a client's field."""
    if target.startswith("client:"):
        return f"{target.removeprefix('client:')} pad" if target == "client:practice" else target[7:]
    from voice_edit.targets import names

    return (
        names.shown_short(target).strip("“”") if names.is_field(target) else PurePath(target).name or target
    )


def row(entry: Entry) -> Content:
    """One line of the list."""
    mark, style = MARKS.get(entry.state, ("·", "$muted"))
    when = datetime.fromtimestamp(entry.started_at).strftime("%b %d %H:%M")
    said = entry.words or entry.message or "(not heard yet)"
    words = Content.assemble((visible(_one_line(said)), "" if entry.words else "$muted"))
    head = Content.assemble(
        (f"{entry.number:>5} ", "$muted"), (f"{mark} ", style), (f"{when}  {entry.mode[:7]:<7}  ", "$muted")
    )
    return head + words


def details(entry: Entry) -> Content:
    """Everything about one entry."""
    mark, style = MARKS.get(entry.state, ("·", "$muted"))
    when = datetime.fromtimestamp(entry.started_at).strftime("%Y-%m-%d %H:%M:%S")
    target = f"  → {visible(target_name(entry.target))}" if entry.target else ""
    lines = [
        Content.assemble(
            (f"#{entry.number}  ", "bold"), (f"{mark} {entry.state}", style), (f"  {when}", "$muted")
        ),
        Content.assemble((f"{entry.mode}{target}", "$muted")),
    ]
    if entry.words:
        lines += [Content(""), Content(visible(entry.words))]
    if entry.message:
        lines += [
            Content.assemble((visible(entry.message), "$error" if entry.state == "not applied" else "$muted"))
        ]
    if entry.hearing:
        lines += [Content("")]
    lines += [Content.assemble((visible(f"{name}: {fact}"), "$muted")) for name, fact in entry.hearing]
    if commands := _commands(entry):
        lines += [Content(""), Content.assemble((visible(commands), "$muted"))]
    if entry.changes:
        lines += [Content(""), *(diff_line(line) for line in _changes(entry))]
    facts = [fact for fact in (entry.receipt, *entry.notes) if fact]
    if entry.retry_of is not None:
        facts.append(f"a retry of #{entry.retry_of}")
    facts.append("recording kept" if entry.has_sound else "no recording")
    lines += [Content(""), Content.assemble((visible(" · ".join(facts)), "$muted"))]
    return Content("\n").join(lines)


def _changes(entry: Entry) -> list[DiffLine]:
    lines: list[DiffLine] = []
    for number, (_start, old, new) in enumerate(entry.changes):
        if number:
            lines.append(DiffLine("~", "..."))
        lines += diff_lines(old, new)
    return lines


def _commands(entry: Entry) -> str:
    """What was understood, in the form of docs/commands.md; nothing where a later version wrote it."""
    from voice_edit.commands import from_data
    from voice_edit.compact import one_line, to_compact

    try:
        return ", then ".join(one_line(to_compact(from_data(data))) for data in entry.commands)
    except (ValueError, KeyError, TypeError):
        return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
