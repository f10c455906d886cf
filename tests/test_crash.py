"""`kill -9` at any moment: the file is the old or the new text, the journal opens, no sound is lost, undo
works.

Twenty random moments by default; `VOICE_EDIT_CRASH_KILLS=200 pytest tests/test_crash.py` for the full run.
"""

from __future__ import annotations

import ast
import os
import random
import select
import signal
import subprocess
import sys
from pathlib import Path

import crash_driver
import numpy as np
import pytest
import soundfile
from history import tone

from voice_edit import undo
from voice_edit.errors import NothingToRedo, NothingToUndo
from voice_edit.journal import audio_store, durable, schema
from voice_edit.journal.journal import Journal
from voice_edit.journal.recovery import recover
from voice_edit.targets.file import FileTarget

KILLS = int(os.environ.get("VOICE_EDIT_CRASH_KILLS", "20"))
SEED = int(os.environ.get("VOICE_EDIT_CRASH_SEED", "20261121"))
LONGEST_S = 0.6
"""From the start of its work to the latest kill."""
START = "\n".join(["old"] * crash_driver.LINES) + "\n"


class Scene:
    """A note, its journal, and all texts that the note may hold."""

    def __init__(self, folder: Path) -> None:
        self.note = folder / "note.txt"
        self.place = folder / "data" / "journal.sqlite3"
        self.note.write_text(START)

    def driver(self, *arguments: str) -> subprocess.Popen[str]:
        """The process to be killed."""
        root = Path(__file__).parent.parent
        command = [sys.executable, crash_driver.__file__, self.place, self.note, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def allowed(self) -> set[str]:
        """Every text that the note has held or was about to hold."""
        expected = self.note.with_suffix(".expected")
        written = expected.read_text().splitlines() if expected.exists() else []
        return {START, *(ast.literal_eval(line) for line in written if line.endswith("'"))}

    def check(self) -> None:
        """Everything that must hold after a crash, before and after recovery."""
        assert schema.integrity(self.place) == "ok"
        assert self.note.read_text() in self.allowed()
        self._check_recording()
        with Journal.open(self.place) as journal:
            assert journal.notices == []
            recover(journal)
            assert not recover(journal), "recovery must leave nothing for a second one"
            self._check_rows(journal)
        assert self.note.read_text() in self.allowed()
        assert [path.name for path in self.note.parent.iterdir() if path.suffix == ".tmp"] == []

    def _check_recording(self) -> None:
        """All samples that the process had been told were kept are there, in the last recording it wrote."""
        heard = self.note.with_suffix(".heard")
        told = heard.read_text().splitlines() if heard.exists() else []
        if len(told) == 2:
            samples = int(told[1])
            kept, rate = soundfile.read(told[0], dtype="float32")
            assert rate == audio_store.SAMPLE_RATE
            assert len(kept) >= samples
            assert np.array_equal(kept, tone(len(kept)))

    def _check_rows(self, journal: Journal) -> None:
        for take in journal.store.rows("SELECT * FROM take"):
            assert take["state"] in ("complete", "interrupted")
            path = journal.store.audio_folder / take["audio"]
            assert take["samples"] == (audio_store.stored_samples(path) if path.exists() else 0)
        assert not journal.store.rows("SELECT 1 FROM write WHERE state IN ('planned', 'unclear')")
        assert not journal.store.rows("SELECT 1 FROM checkpoint WHERE standing IN ('planned', 'unclear')")
        name = FileTarget(self.note).name
        row = journal.store.row(
            "SELECT after FROM write WHERE target = ? AND state = 'done' ORDER BY id DESC LIMIT 1", name
        )
        if row is not None:
            version = FileTarget(self.note).snapshot().version
            assert version.sha256 in row["after"], "the journal's last done write is what the file holds"

    def check_undo(self) -> None:
        """Taking everything back leads to the first text, making it again to the present one."""
        now = self.note.read_text()
        with Journal.open(self.place) as journal:
            target = FileTarget(self.note)
            try:
                count = len(undo.undo(journal, target, 1_000_000))
            except NothingToUndo:
                count = 0
            assert self.note.read_text() == START
            if count:
                undo.redo(journal, target, count)
            assert self.note.read_text() == now


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_killed_at_random_moments_nothing_is_lost(scene: Scene) -> None:
    moments = random.Random(SEED)
    for _ in range(KILLS):
        process = scene.driver()
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], 120)
        assert ready, "the process did not start"
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        try:
            process.wait(moments.uniform(0, LONGEST_S))
        except subprocess.TimeoutExpired:
            process.kill()
        _, errors = process.communicate()
        assert process.returncode == -signal.SIGKILL, errors
        scene.check()
    scene.check_undo()


def killed_at(scene: Scene, step: str, nth: int) -> bool:
    """Did a process reach this step that often, and die there?"""
    process = scene.driver(step, str(nth))
    _, errors = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode != 0


SPEAKING = [step for step in durable.STEPS if step.startswith(("take.", "utterance."))]
WRITING = [step for step in durable.STEPS if step not in SPEAKING]


@pytest.mark.parametrize("step", SPEAKING)
def test_killed_while_somebody_speaks_no_sound_and_no_word_is_lost(scene: Scene, step: str) -> None:
    assert killed_at(scene, step, 0)
    scene.check()
    assert killed_at(scene, step, 5 if step == "take.append" else 0)
    scene.check()
    scene.check_undo()


@pytest.mark.parametrize("step", WRITING)
def test_killed_at_any_step_of_an_undo_nothing_is_lost(scene: Scene, step: str) -> None:
    """The driver's second write is an undo."""
    assert killed_at(scene, step, 1)
    scene.check()
    scene.check_undo()


@pytest.mark.parametrize(
    ("step", "applied"),
    [
        ("write.plan", False),
        ("target.create", False),
        ("target.write", False),
        ("target.metadata", False),
        ("target.sync", False),
        ("target.replace", False),
        ("target.sync_folder", True),
        ("target.read_back", True),
        ("write.settle", True),
    ],
)
def test_recovery_knows_on_which_side_of_the_replacement_it_happened(
    scene: Scene, step: str, applied: bool
) -> None:
    assert killed_at(scene, step, 0)
    assert (scene.note.read_text() != START) == applied
    with Journal.open(scene.place) as journal:
        found = recover(journal)
        (record,) = journal.log()
        assert record.words == "Number 1."
        assert record.state == ("applied" if applied else "not_applied")
        assert (found.done, found.not_done) == (([1], []) if applied else ([], [1]))
        assert len(found.removed) == (
            step in ("target.write", "target.metadata", "target.sync", "target.replace")
        )
        target = FileTarget(scene.note)
        if applied:
            undo.undo(journal, target)
            assert scene.note.read_text() == START
        else:
            with pytest.raises(NothingToUndo):
                undo.undo(journal, target)
            with pytest.raises(NothingToRedo):
                undo.redo(journal, target)
        span = journal.audio(record.id)
        heard = audio_store.load(span.path, span.start_sample, span.end_sample)
        assert np.array_equal(heard, tone(16_000))
