"""Every kind of field, every way of writing, every kind of edit: what we claim, and what was true.

    python -m benchmarks.fields                      # everything, 20 times: a quarter of an hour
    python -m benchmarks.fields --count 3 --apps qt,xterm --mechanisms paste

Words are said to a field of a real program on a private screen; afterwards the program is asked over a
channel of its own what it holds. A cell says how often we claimed what: V verified, U unverified, R refused,
? uncertain. It is followed by "wrong N" where the truth was another: text that we called verified and that is
not there, or a refusal that changed something. The rows "password" and "read_only" must be refused before
anybody is listened to.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.field_rig import APPS, FIELDS, TERMINALS, FieldRig, Said

MECHANISMS = ("accessibility", "paste", "type")
OPERATIONS = ("insert", "replace", "delete", "undo")
SHORT = {"verified": "V", "unverified": "U", "refused": "R", "uncertain": "?"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Row:
    """One try."""

    app: str
    field: str
    mechanism: str
    operation: str
    state: str
    right: bool
    why: str
    ms: float
    held: str
    """What the field held afterwards, if that was wrong."""


@dataclass(frozen=True, slots=True)
class Try:
    """What is said to which text, and what it should then be."""

    before: str
    caret: int
    words: str
    mode: Any
    after: str

    def is_written(self, held: str) -> bool:
        """Whether the text is what it should be."""
        return held == self.after

    def is_written_blindly(self, held: str) -> bool:
        """Whether the words stand at the caret and all else is as it was. Nobody knew what is around it."""
        begin, end = self.before[: self.caret], self.before[self.caret :]
        inside = held[len(begin) : len(held) - len(end)]
        return held.startswith(begin) and held.endswith(end) and inside.strip().lower() == self.words


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--apps", default=",".join(APPS))
    parser.add_argument("--mechanisms", default=",".join(MECHANISMS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows: list[Row] = []
    with FieldRig() as rig:
        for kind in arguments.apps.split(","):
            began = time.monotonic()
            rows += try_program(rig, kind, arguments.mechanisms.split(","), arguments.count)
            print(f"{kind}: {time.monotonic() - began:.0f} s", flush=True)
    print(table(rows))
    for why, times in Counter(row.why for row in rows if row.why).most_common():
        print(f"{times:5}  {why}")
    wrong = [row for row in rows if not row.right]
    for row in wrong[:20]:
        print("WRONG", row)
    print(json.dumps({"tries": len(rows), "wrong": len(wrong), "claims": Counter(row.state for row in rows)}))
    if arguments.json:
        data = [{name: getattr(row, name) for name in Row.__slots__} for row in rows]
        arguments.json.write_text(json.dumps(data, indent=1), encoding="utf-8")
    raise SystemExit(1 if wrong else 0)


def try_program(rig: FieldRig, kind: str, mechanisms: list[str], count: int) -> list[Row]:
    """All cells of one program."""
    rows = []
    with rig.running(kind) as app:
        for field in FIELDS[kind]:
            for mechanism in mechanisms:
                rig.mechanism = mechanism
                for operation in OPERATIONS:
                    rows += [_try(rig, app, field, mechanism, operation, number) for number in range(count)]
        rig.mechanism = "auto"
        if kind != "tk":  # nobody can tell that a field of Tk is a password
            for field in ("password", "read_only"):
                if field in app.fields:
                    rows += [_try(rig, app, field, "any", "insert", number) for number in range(count)]
    return rows


def plan(operation: str, number: int, *, empty: bool = False) -> Try:
    """A text, and what is said to it. The days differ from try to try, so that no old text can pass."""
    old, new = DAYS[number % 7], DAYS[(number + 3) % 7]
    text = f"Grüße: we meet on {old} at the café 😀. Then 你好 and one more."
    caret = text.index(old) + len(old)
    if empty:
        text, caret = "", 0
    if operation == "insert":
        return Try(text, caret, "morning", "dictate", text.replace(old, f"{old} morning"))
    if operation == "replace":
        return Try(text, 0, f"replace {old} with {new}", "edit", text.replace(old, new))
    if operation == "delete":
        return Try(text, 0, "delete the last sentence", "edit", text.partition(" Then")[0])
    return Try(text, caret, "undo that", "edit", text)


def _try(rig: FieldRig, app: Any, field: str, mechanism: str, operation: str, number: int) -> Row:
    terminal, blind = app.kind in TERMINALS, app.kind in (*TERMINALS, "tk")
    wanted = plan(operation, number, empty=terminal)
    before = wanted.before
    app.set(before, caret=wanted.caret, field=field)
    rig.put_focus(app, field)
    if operation == "undo":  # something to undo
        if rig.say("again", mode="dictate").state == "unverified":  # it may take its time, and says nothing
            rig.wait(lambda: "again" in app.text(field).lower(), "the words arrived")
        before = app.text(field)
    said = rig.say(wanted.words, mode=wanted.mode)
    if said.state in ("refused", "uncertain"):
        held = rig.later(app, field)
        right = held == before or (said.state == "uncertain" and held == wanted.after)
    else:
        check = wanted.is_written_blindly if blind else wanted.is_written
        held = rig.truth(app, field, check)
        right = check(held)
    if strangers := rig.strangers(app, field):
        held, right = f"{held} and elsewhere {strangers}", False
    shown = "" if right else held
    return Row(app.kind, field, mechanism, operation, said.state, right, _reason(said), said.ms, shown)


def _reason(said: Said) -> str:
    for day in DAYS:
        if day in said.why:
            return said.why.replace(day, "DAY")
    return said.why


def table(rows: list[Row]) -> str:
    """The matrix as text: a line for each field and mechanism, a column for each operation."""
    lines = [f"{'field':20}{'mechanism':15}" + "".join(f"{name:22}" for name in OPERATIONS)]
    for key in dict.fromkeys((row.app, row.field, row.mechanism) for row in rows):
        line = f"{key[0] + ' ' + key[1]:20}{key[2]:15}"
        for operation in OPERATIONS:
            cell = [
                row for row in rows if (row.app, row.field, row.mechanism, row.operation) == (*key, operation)
            ]
            claims = Counter(row.state for row in cell)
            shown = " ".join(f"{SHORT[state]}{times}" for state, times in claims.most_common())
            wrong = sum(not row.right for row in cell)
            line += f"{shown + (f' wrong {wrong}' if wrong else ''):22}"
        lines.append(line.rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    main()
