"""Something happens between the key going down and the words being written: does anything go wrong?

    python -m benchmarks.field_safety                     # 100 times each: about twenty minutes
    python -m benchmarks.field_safety --count 10 --what stolen,frozen

stolen   another window takes the focus
typed    the user types elsewhere in the text, into the passage that is meant, or right at the caret
closed   the window is closed
frozen   the program stops answering: for a moment, or until after we gave up
raced    another window takes the focus *while* we write: beyond what was asked for, told apart

Programs, ways of writing, dictation and commands take turns. Counted are writes to a wrong place (text that
nobody asked for in that field, in another field, or the old clipboard), claims that are not true, and words
that are not in the journal afterwards.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.field_rig import TERMINALS, FieldRig, Said, spread
from benchmarks.fields import DAYS

WHAT = ("stolen", "typed", "closed", "frozen", "raced")
APPS = ("gtk3", "gtk4", "qt", "mousepad", "chromium", "tk", "xterm")
MECHANISMS = ("auto", "paste", "type")
BYSTANDER = "This is not meant."
OLD_CLIPBOARD = "Old clipboard."
TYPED = "zz"


@dataclass(frozen=True, slots=True)
class Take:
    """What is said to which text, with what in the way."""

    what: str
    app: str
    mechanism: str
    text: str
    caret: int
    words: str
    mode: Any
    place: str
    """Where the user types: "end", "inside", "caret"; "" if nothing is typed."""

    def untouched(self, held: str) -> bool:
        """Whether the field holds what the user left there."""
        return held == self._typed_into(self.text)

    def written(self, held: str) -> bool:
        """Whether the field holds our edit, where it was meant to go, and all that the user typed."""
        if self.mode == "edit":
            _replace, old, _with, new = self.words.split()
            return held == self._typed_into(self.text).replace(old, new)
        if self.app in (*TERMINALS, "tk"):  # what is there cannot be known: words go to the caret of now
            place = len(self.text) if self.place == "end" else self._typing_at
            base, at = self._typed_into(self.text), place + (len(TYPED) if self.place else 0)
        else:
            base, at = self._typed_into(self.text), self.caret
            at += len(TYPED) if self.place in ("inside", "caret") else 0
        begin, end = base[:at], base[at:]
        if self.place == "caret" and not held.startswith(begin):  # in front of what was typed is as good
            begin, end = base[: at - len(TYPED)], base[at - len(TYPED) :]
        inside = held[len(begin) : len(held) - len(end)]
        return held.startswith(begin) and held.endswith(end) and inside.strip().lower() == self.words

    @property
    def _typing_at(self) -> int:
        return {"end": len(self.text), "inside": self.caret - 3}.get(self.place, self.caret)

    def _typed_into(self, text: str) -> str:
        if not self.place:
            return text
        at = len(text) if self.app in TERMINALS else self._typing_at
        return text[:at] + TYPED + text[at:]


@dataclass(frozen=True, slots=True)
class Row:
    """What became of it."""

    take: Take
    said: Said
    wrong_place: bool
    untrue: bool
    held: str | None
    bystander: str


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--what", default=",".join(WHAT))
    parser.add_argument("--apps", default=",".join(APPS))
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows: list[Row] = []
    for what in arguments.what.split(","):
        some = disturb(what, arguments.count, arguments.apps.split(","), arguments.seed)
        print(json.dumps(summary(what, some)), flush=True)
        for row in some:
            if row.wrong_place or row.untrue or not row.said.kept:
                print("WRONG", row, flush=True)
        rows += some
    if arguments.json:
        arguments.json.write_text(json.dumps([repr(row) for row in rows], indent=1), encoding="utf-8")
    judged = [row for row in rows if row.take.what != "raced"]
    raise SystemExit(any(row.wrong_place or row.untrue or not row.said.kept for row in judged))


def summary(what: str, rows: list[Row]) -> dict[str, Any]:
    """One line of the result."""
    return {
        "what": what,
        "tries": len(rows),
        "wrong_place": sum(row.wrong_place for row in rows),
        "untrue": sum(row.untrue for row in rows),
        "lost_words": sum(not row.said.kept for row in rows),
        "claims": Counter(row.said.state for row in rows),
        "why": dict(Counter(row.said.why.partition(":")[0] for row in rows if row.said.why)),
        "ms": spread([row.said.ms for row in rows]),
    }


def disturb(what: str, count: int, kinds: list[str], seed: int) -> list[Row]:
    """The tries of one kind, on a desktop of their own."""
    rng = random.Random(seed)
    rows = []
    with FieldRig() as rig, rig.running("qt") as bystander:
        own_clipboard(rig)
        for index, kind in enumerate(kinds):
            share = range(index, count, len(kinds))
            if what == "closed":
                for number in share:
                    with rig.running(kind) as app:
                        rows.append(_try(rig, app, bystander, what, number, rng))
            elif share:
                with rig.running(kind) as app:
                    rows += [_try(rig, app, bystander, what, number, rng) for number in share]
    return rows


def own_clipboard(rig: FieldRig) -> None:
    """Somebody has copied something earlier."""
    path = rig.desk.folder / "old_clipboard"
    path.write_text(OLD_CLIPBOARD, encoding="utf-8")
    for selection in ("clipboard", "primary"):
        rig.desk.spawn("xclip", "-quiet", "-selection", selection, "-i", str(path))


def _try(rig: FieldRig, app: Any, bystander: Any, what: str, number: int, rng: random.Random) -> Row:
    take = _plan(app.kind, what, number)
    rig.mechanism = take.mechanism
    for field in bystander.fields:
        bystander.set(BYSTANDER, field=field)
    app.set(take.text, caret=take.caret)
    rig.desk.activate(app)
    rig.put_focus(app, "text")
    after: list[Callable[[], object]] = []

    def between() -> None:
        if what == "stolen":
            rig.desk.activate(bystander)
        elif what == "typed":
            _type(rig, app, take)
        elif what == "closed":
            app.close()
        elif what == "frozen":
            app.freeze()
            if rng.random() < 0.5:
                waking = threading.Timer(rng.uniform(0.02, 2.0), app.thaw)
                waking.start()
                after.append(waking.join)
            else:
                after.append(app.thaw)
        elif what == "raced":
            thief = threading.Timer(rng.uniform(0.0, 0.03), rig.desk.activate, [bystander])
            thief.start()
            after.append(thief.join)

    said = rig.say(take.words, mode=take.mode, between=between)
    for finish in after:
        finish()
    held = None if what == "closed" else _held(rig, app, take, said)
    stranger = next((text for name in bystander.fields if (text := bystander.text(name)) != BYSTANDER), "")
    if held is not None:
        stranger += "".join(rig.strangers(app, "text"))
    strange = bool(stranger)
    if held is None:
        untrue = said.state in ("verified", "unverified")
    else:
        strange = strange or not (take.untouched(held) or take.written(held))
        right = {"refused": take.untouched(held), "uncertain": not strange}
        untrue = not right.get(said.state, take.written(held))
    return Row(take, said, strange, untrue and not strange, held, stranger)


def _plan(kind: str, what: str, number: int) -> Take:
    old, new = DAYS[number % 7], DAYS[(number + 3) % 7]
    text = "" if kind in TERMINALS else f"Grüße: we meet on {old} at the café 😀. Then 你好 and one more."
    turn = number // len(APPS)
    commands = turn % 2 == 1 and kind not in (*TERMINALS, "tk")
    caret = text.index(old) + len(old) if text else 0
    place = "" if what != "typed" else ("end", "inside", "caret")[turn // 2 % 3] if text else "end"
    words, mode = (f"replace {old} with {new}", "edit") if commands else ("morning", "dictate")
    return Take(what, kind, MECHANISMS[turn % 3], text, caret, words, mode, place)


def _type(rig: FieldRig, app: Any, take: Take) -> None:
    """The user clicks somewhere and types."""
    if take.app not in TERMINALS:
        at = take._typing_at
        app.select(at, at)
    rig.desk.run("xdotool", "type", TYPED)
    rig.wait(lambda: take.untouched(app.text()), f"{take.app} got what was typed")


def _held(rig: FieldRig, app: Any, take: Take, said: Said) -> str:
    """What the field holds in the end; a program that was frozen has much to catch up with."""
    if said.state in ("verified", "unverified"):
        rig.truth(app, "text", take.written)
    if take.what == "frozen":
        time.sleep(0.3)
    return rig.later(app, "text")


if __name__ == "__main__":
    main()
