"""A process that speaks, edits, undoes and redoes without end, for `test_crash.py` to kill.

    crash_driver.py JOURNAL NOTE [STEP [NTH]]

With a step it kills itself right before the NTH announcement of that durable step (0 is the first) and
otherwise does one round. Before each attempt to change the note it appends what the text may become to
NOTE.expected, so that the test knows all texts that are allowed. The note holds a number per line; an edit
puts the next number into the next line.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from pathlib import Path

from history import edit_of, tone

from voice_edit import undo
from voice_edit.edits import Document, apply_changes
from voice_edit.errors import NothingToRedo, NothingToUndo
from voice_edit.journal import durable, recovery
from voice_edit.journal.journal import Journal
from voice_edit.targets.file import FileTarget

LINES = 40
CHUNK = 640


def kill_before(step: str, nth: int) -> None:
    """Arrange for this process to die as if by `kill -9`."""
    left = itertools.count(nth, -1)

    def hook(name: str) -> None:
        if name == step and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    durable.set_fault_hook(hook)


def expect(note: Path, text: str) -> None:
    """Tell the test, before trying, what the note may hold from now on."""
    with note.with_suffix(".expected").open("a", encoding="utf-8") as file:
        file.write(repr(text) + "\n")


def one_round(journal: Journal, note: Path, number: int) -> None:
    """Record, edit, undo, redo."""
    target = FileTarget(note)
    with journal.begin_take("edit", target=target.name) as take:
        for start in range(0, 16_000, CHUNK):
            take.record(tone(CHUNK, start))
            # Told after the samples are written: whatever the test reads here must be in the recording.
            note.with_suffix(".heard").write_text(f"{take.path}\n{take.samples}\n")
        snapshot = target.snapshot()
        lines = snapshot.text.split("\n")
        at = number % LINES
        start = sum(len(line) + 1 for line in lines[:at])
        edit = edit_of((start, lines[at], str(number)))
        utterance = journal.begin_utterance(target.name, "edit", take=take, start_sample=0, end_sample=16_000)
        journal.words(utterance, f"Number {number}.")
        journal.commands(utterance, [{"replace": {"find": lines[at], "with": str(number)}}])
        expect(note, edit.apply_to(Document(snapshot.text, edit.before)).text)
        undo.apply_edits(journal, target, utterance, [edit], expected=snapshot.version)
    if number % 2:
        expect(note, snapshot.text)
        undo.undo(journal, target)
        expect(note, apply_changes(snapshot.text, edit.changes))
        undo.redo(journal, target)
    elif number % 5 == 0:
        try:
            expect(note, snapshot.text)
            undo.undo(journal, target)
        except (NothingToUndo, NothingToRedo):
            pass


def main() -> None:
    """Start like the program does, then work."""
    place, note = Path(sys.argv[1]), Path(sys.argv[2])
    if len(sys.argv) > 3:
        kill_before(sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    with Journal.open(place, busy_timeout_s=30) as journal:
        recovery.recover(journal)
        first = len(journal.log(limit=1_000_000)) + 1
        print("ready", flush=True)  # noqa: T201
        for number in range(first, first + (2 if len(sys.argv) > 3 else 1_000_000)):
            one_round(journal, note, number)


if __name__ == "__main__":
    main()
