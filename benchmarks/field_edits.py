"""Random edits by offsets to fields of real programs: does the field hold what the pure document holds?

    python -m benchmarks.field_edits --count 10000
    python -m benchmarks.field_edits --kinds gtk4 mousepad --fields entry --count 500

Each edit has one to three changes, made from the last to the first through `Field.replace`, and a caret or
selection put there afterwards. After each edit three texts are compared: the pure document's, what
accessibility reads back, and what the program itself says it holds, over a channel of its own. The selection
is compared every time as well. Texts have accents, combining marks, CJK, emoji and right-to-left words.
"""

# ruff: noqa: RUF001  (unusual characters are what this is about)

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from voice_edit.desktop import _atspi
from voice_edit.desktop.base import Field
from voice_edit.edits import Change, Document, Selection, apply_changes
from voice_edit.errors import TargetTimeout, TargetUncertain

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from virtual_desktop import VirtualDesktop, virtual_desktop
from virtual_display import until

PIECES = (
    *("brown ", "fox", "Don't. ", "été ", "naïve", "Straße, ", "ß", "e\u0301", "n\u0303", "x̄̈"),
    *(
        "你好世界",
        "日本語。",
        "한국어",
        "😀",
        "👍🏽",
        "👨‍👩‍👧",
        "🇩🇪🇫🇷",
        "𝔘𝔫𝔦",
        "שלום ",
        "مرحبا ",
        "नमस्ते",
        "ไทย",
    ),
    *(" ", " ", "  ", "\t", "…", "“”", "– ", "(", ")", "1", "2,000 ", "€"),
)
LINES = ("\n", "\n", "\n\n")
DIFFERENCES = ("read back differs", "program differs", "selection differs")
LONGEST = 1500
"""Code points at which the document is cut again."""


def words(chance: random.Random, *, lines: bool) -> str:
    """A few pieces of text."""
    pieces = PIECES + LINES if lines else PIECES
    return "".join(chance.choices(pieces, k=chance.randint(0, 6)))


def random_changes(text: str, chance: random.Random, *, lines: bool) -> tuple[Change, ...]:
    """One to three changes, in order and apart. Places are code points: inside clusters as well."""
    if len(text) > LONGEST:
        return (Change(100, text[100:], ""),)
    count = min(chance.choice((1, 1, 1, 2, 3)), len(text) // 2 + 1)
    places = (
        sorted(chance.sample(range(len(text) + 1), 2 * count)) if len(text) >= 2 * count else [0, len(text)]
    )
    changes = []
    for start, end in zip(places[::2], places[1::2], strict=True):
        old = text[start : min(end, start + chance.choice((0, 0, 1, 2, 5, 20)))]
        new = words(chance, lines=lines)
        if old != new:
            changes.append(Change(start, old, new))
    return tuple(changes)


def run(desk: VirtualDesktop, kind: str, name: str, count: int, seed: int) -> dict[str, Any]:
    """`count` edits to one field."""
    chance = random.Random(f"{kind} {name} {seed}")
    lines = name != "entry"
    with desk.entered():
        service = _atspi.open_atspi()
    app = desk.start(kind)
    tally: Counter[str] = Counter()
    took_ms: list[float] = []
    try:
        app.set("Start 😀 here", field=name)
        app.focus(name)
        until(
            lambda: (found := service.focused()) is not None and found.pid == app.pid,
            f"{kind} told of its focus",
        )
        element = service.focused()
        assert element is not None
        field = service.field(element)
        document = Document.at_end(app.text(name))
        for number in range(count):
            changes = random_changes(document.text, chance, lines=lines)
            text = apply_changes(document.text, changes)
            ends = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
            wanted = Selection(ends[1], ends[1]) if chance.random() < 0.5 else Selection(*ends)
            try:
                begun_s = time.perf_counter()
                for change in reversed(changes):
                    field.replace(change.start, change.end, change.new)
                took_ms.append((time.perf_counter() - begun_s) * 1e3)
                field.select(wanted)
                compare(field, app, name, Document(text, wanted), tally, number)
            except (TargetTimeout, TargetUncertain):
                tally["not answered in time"] += 1
                until(lambda: answers(field), f"{kind} answered again")
                app.set(text, field=name)
            document = Document(text, wanted)
            tally["edits"] += 1
            tally["changes"] += len(changes)
    finally:
        app.close()
        service.close()
    took_ms.sort()
    return {
        "program": kind,
        "field": name,
        **{key: tally[key] for key in ("edits", "changes", *DIFFERENCES, "not answered in time")},
        "edit_ms": {
            "median": round(took_ms[len(took_ms) // 2], 2),
            "p95": round(took_ms[len(took_ms) * 95 // 100], 2),
        },
    }


def answers(field: Field) -> bool:
    """Whether it answers; what was sent before has been done then."""
    try:
        return bool(field.look(10).count + 1)
    except TargetTimeout:
        return False


def compare(field: Field, app: Any, name: str, want: Document, tally: Counter[str], number: int) -> None:
    """Count what differs, and put the field right again so that one difference is counted once."""
    seen = field.look_at(0, len(want.text) + 100)
    held = app.text(name)
    wrong = {
        "read back differs": seen.text != want.text or seen.count != len(want.text),
        "program differs": held != want.text,
        "selection differs": seen.selection is None
        or (seen.selection.start, seen.selection.end) != (want.selection.start, want.selection.end)
        or sorted(app.selection(name)) != [want.selection.start, want.selection.end],
    }
    for what, differs in wrong.items():
        tally[what] += differs
    if any(wrong.values()):
        told = {
            "edit": number,
            "wanted": want.text,
            "read": seen.text,
            "held": held,
            "selection": str(seen.selection),
        }
        print(json.dumps(told, ensure_ascii=False), file=sys.stderr, flush=True)
        app.set(want.text, field=name)


def main() -> int:
    """Run and print; 1 when anything differed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000, help="edits to each field")
    parser.add_argument("--kinds", nargs="+", default=["gtk3", "gtk4", "qt"], help="test programs")
    parser.add_argument("--fields", nargs="+", default=["text"], help="their fields: text, entry, rich (Qt)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    differences = 0
    with virtual_desktop() as desk:
        for kind in arguments.kinds:
            for name in arguments.fields:
                result = run(desk, kind, name, arguments.count, arguments.seed)
                print(json.dumps(result), flush=True)
                differences += sum(value for key, value in result.items() if key.endswith("differs"))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
