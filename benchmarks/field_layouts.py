"""Text in many scripts, under several keyboard layouts, into every kind of field: is it the same to the byte?

    python -m benchmarks.field_layouts
    python -m benchmarks.field_layouts --layouts us,ru --apps gtk4,xterm --mechanisms type

The text goes into the middle of another one, as it is. A refusal counts as such, and must have changed
nothing: typing refuses what the layout has no keys for, a single line refuses several.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.field_rig import APPS, FIELDS, TERMINALS, FieldRig, Said

LAYOUTS = ("us", "de", "fr", "ru")
MECHANISMS = ("auto", "paste", "type")
TEXTS = {
    "ascii": 'The quick "brown" fox\'s 100% [ok] {(~)} \\ @#$^&*_+-=<>|`/?!;:',
    "accents": "Grüße à l\u2019été, señor Ří ß € Žluťoučký kůň Łódź",
    "russian": "Привет, мир! Съешь ещё этих булок",
    "cjk": "你好世界 日本語テスト 한국어",
    "emoji": "😀🎉 👍🏽 ❤️ 👩‍👩‍👧 🇩🇪",
    "combining": "e\u0301 n\u0303 a\u0323\u0308 नमस्ते สวัสดี",
    "rtl": "שלום עולם, مرحبا بالعالم (123)",
    "lines": "first line\n\tsecond line\n\nlast",
}
"""What is written. "lines" goes only where there are lines; a terminal would run them."""
OWN = {
    "us": 'Plain (keys) & marks: "a" #1 @ 50% [x]',
    "de": "Grüße: ÄÖÜ äöü ß € (@) {x}",
    "fr": "été, çà où & là: éèù €",
    "ru": "Привет, мир: ещё № 5; Ё",
}
"""What the keys of a layout have: the text "own", which can be typed too."""
BEFORE, AFTER = "begin 你😀 <", "> end é"


@dataclass(frozen=True, slots=True)
class Row:
    """One try."""

    app: str
    field: str
    layout: str
    mechanism: str
    text: str
    said: Said
    right: bool
    held: str


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layouts", default=",".join(LAYOUTS))
    parser.add_argument("--apps", default=",".join(APPS))
    parser.add_argument("--mechanisms", default=",".join(MECHANISMS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows: list[Row] = []
    with FieldRig() as rig:
        for kind in arguments.apps.split(","):
            rows += try_program(rig, kind, arguments.layouts.split(","), arguments.mechanisms.split(","))
            print(table([row for row in rows if row.app == kind]), flush=True)
    wrong = [row for row in rows if not row.right]
    for row in wrong:
        print("WRONG", row)
    claims = Counter(row.said.state for row in rows)
    identical = sum(row.right and row.said.state in ("verified", "unverified") for row in rows)
    print(json.dumps({"tries": len(rows), "identical": identical, "wrong": len(wrong), "claims": claims}))
    if arguments.json:
        arguments.json.write_text(json.dumps([repr(row) for row in rows], indent=1), encoding="utf-8")
    raise SystemExit(1 if wrong else 0)


def try_program(rig: FieldRig, kind: str, layouts: list[str], mechanisms: list[str]) -> Iterator[Row]:
    """All layouts, ways and texts in the fields of one program."""
    with rig.running(kind) as app:
        for layout in layouts:
            rig.desk.layout("-layout", layout)
            for field in FIELDS[kind]:
                for mechanism in mechanisms:
                    rig.mechanism = mechanism
                    for name in ("own", *TEXTS):
                        if name != "lines" or (field != "entry" and kind not in TERMINALS):
                            yield _try(rig, app, field, layout, name)
        rig.desk.us_layout()


def _try(rig: FieldRig, app: Any, field: str, layout: str, name: str) -> Row:
    before, after = ("", "") if app.kind in TERMINALS else (BEFORE, AFTER)
    app.set(before + after, caret=len(before), field=field)
    rig.put_focus(app, field)
    text = OWN[layout] if name == "own" else TEXTS[name]
    said = rig.write(text)
    expected = before + text + after
    if said.state in ("refused", "uncertain"):
        held = rig.later(app, field)
        right = held == before + after or (said.state == "uncertain" and held == expected)
    else:
        held = rig.truth(app, field, lambda held: held == expected)
        right = held == expected
    if strangers := rig.strangers(app, field):
        held, right = f"{held} and elsewhere {strangers}", False
    return Row(app.kind, field, layout, rig.mechanism, name, said, right, "" if right else held)


def table(rows: list[Row]) -> str:
    """A line for each field, layout and mechanism: what became of each text."""
    shown = {"verified": "V", "unverified": "U", "refused": "r", "uncertain": "?"}
    lines = []
    for key in dict.fromkeys((row.app, row.field, row.layout, row.mechanism) for row in rows):
        cells = [row for row in rows if (row.app, row.field, row.layout, row.mechanism) == key]
        marks = " ".join(f"{row.text} {shown[row.said.state] if row.right else 'WRONG'}" for row in cells)
        lines.append(f"{' '.join(key):32}{marks}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
