"""`voice-edit demo` and the samples it plays."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from fakes import ScriptedEngine
from running import ok, rows

from voice_edit import pipeline, sessions
from voice_edit.cli.meter import BLOCKS, block
from voice_edit.cli.samples import Sample, load_samples, samples_folder
from voice_edit.config import Paths, Settings

SAMPLES = load_samples(samples_folder())


def scripted(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    monkeypatch.setattr(pipeline, "open_model", lambda settings, paths: ScriptedEngine(texts))


# --- the samples ----------------------------------------------------------------------------------------


def test_the_samples_are_one_story() -> None:
    before = [sample.before for sample in SAMPLES]
    after = [sample.after for sample in SAMPLES]
    assert before == [(samples_folder() / "notes.md").read_text(encoding="utf-8"), *after[:-1]]


def test_every_sample_does_in_words_what_it_says(tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text(SAMPLES[0].before, encoding="utf-8")
    paths = Paths(tmp_path / "config", tmp_path / "journal", tmp_path / "run")
    with sessions.open_editing(notes, Settings(), paths, tell=print) as editing:
        for sample in SAMPLES:
            outcome = editing.say(sample.say, mode=sample.mode)
            assert outcome.text_before == sample.before, sample.name
            assert outcome.text_after == sample.after, sample.name


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_recordings_are_16_khz_mono_with_room_before_and_after_the_words(sample: Sample) -> None:
    info = soundfile.info(sample.recording)
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
    samples, _ = soundfile.read(sample.recording, dtype="float32")
    speech = np.flatnonzero(np.abs(samples) > 0.02)
    assert speech[0] > 0.2 * 16_000
    assert len(samples) - speech[-1] > 0.7 * 16_000


def maker() -> ModuleType:
    """samples/make.py as a module."""
    spec = importlib.util.spec_from_file_location("make_samples", samples_folder() / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_script_knows_how_each_recording_was_made() -> None:
    make = maker()
    for path in sorted(samples_folder().glob("*.yaml")):
        script = make.read_script(path)
        assert script.say in make.command(script, Path("out.wav"))


def test_the_quiet_room_is_the_same_every_time() -> None:
    make = maker()
    said = np.sin(np.arange(16_000) / 20).astype(np.float32)
    one, again = (make.in_a_quiet_room(said, seed="01-change") for _ in range(2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, make.in_a_quiet_room(said, seed="02-heading"))
    assert 0.55 * 32767 < np.abs(one).max() < 0.65 * 32767


# --- the demo -------------------------------------------------------------------------------------------


def test_the_demo_shows_everything_and_ends_with_the_file_and_one_undo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted(monkeypatch, *(sample.say for sample in SAMPLES))
    out = ok("demo", "--fast")
    for sample in SAMPLES:
        assert f"“{sample.say}”" in out
    for shown in (
        "▁",
        "…",
        "{replace: {find: Monday, with: Wednesday}}",
        "- Meeting on Monday",
        "prefill",
        "decode",
    ):
        assert shown in out, shown
    end = out[out.rindex("─ notes.md") :]
    for line in SAMPLES[-1].after.splitlines():
        assert line in end
    assert "undone in notes.md" in end


def test_the_demo_goes_on_after_a_misheard_command(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = [sample.say for sample in SAMPLES]
    heard[0] = "Change Sunday to Wednesday."
    heard[2] = "Delete the last paragraph."
    scripted(monkeypatch, *heard)
    *_, end, undone = rows("demo", "--fast")
    assert end["text"] == SAMPLES[-1].after
    assert undone["undone"]


def test_the_demo_leaves_the_users_journal_alone_and_keeps_its_own_where_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scripted(monkeypatch, *(sample.say for sample in SAMPLES))
    ok("demo", "--fast", "--keep", tmp_path / "kept")
    assert (tmp_path / "kept" / "notes.md").read_text(encoding="utf-8") == SAMPLES[-1].before
    assert len(list((tmp_path / "kept" / "journal" / "audio").glob("*.wav"))) == len(SAMPLES)
    assert rows("log") == []


def test_the_bundled_model_hears_the_samples_word_for_word() -> None:
    *steps, end, _ = rows("demo", "--fast")
    misheard = {step["said"]: step["heard"] for step in steps if step.get("as_written") is False}
    assert misheard == {}
    assert end["text"] == SAMPLES[-1].after


def test_louder_is_taller() -> None:
    assert [block(dbfs) for dbfs in (-100, -60, -36, -12, 0)] == ["▁", "▁", "▅", "█", "█"]
    assert "".join(sorted({block(dbfs) for dbfs in range(-60, -11)})) == BLOCKS
