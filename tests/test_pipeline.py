"""Main street from a recording to the journal: what reaches the disk first, and what survives a failure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from fakes import ScriptedEngine

from engine.errors import AudioSilent, Cancelled, ContextFull, ModelMissing
from engine.events import Hypothesis, Level, SpeechStarted, SpeechStopped
from engine.session import Engine
from engine.source import PcmSource, read_audio
from voice_edit import pipeline
from voice_edit.config import Paths, Settings
from voice_edit.editing import Editing, Failure, Outcome
from voice_edit.errors import AudioFailed, Interrupted, ModelFailed, NotUnderstood, UsageError
from voice_edit.journal import audio_store
from voice_edit.journal.journal import Journal
from voice_edit.targets.file import FileTarget

TEXT = "The quick brown fox.\n"


@pytest.fixture
def editing(tmp_path: Path) -> Iterator[Editing]:
    notes = tmp_path / "notes.md"
    notes.write_text(TEXT, encoding="utf-8")
    with Journal.open(tmp_path / "journal" / "journal.sqlite3") as journal:
        yield Editing(FileTarget(notes), journal)


def listen(editing: Editing, sample: Path, engine: Any, **options: Any) -> list[Any]:
    source = pipeline.open_recording(sample)
    return list(editing.listen(source, engine, Settings(), mode="edit", name=sample.name, **options))


# --- sound ----------------------------------------------------------------------------------------------


def test_a_recording_becomes_levels_a_start_partials_a_stop_words_and_an_outcome(
    editing: Editing, samples: Path
) -> None:
    events = listen(
        editing, samples / "01-change.wav", ScriptedEngine(["Change brown to red."]), partials=True
    )
    order = [type(event) for event in events if not isinstance(event, Level)]
    assert order[0] is SpeechStarted
    assert order[-3:] == [SpeechStopped, Hypothesis, Outcome]
    partials = [event.text for event in events if isinstance(event, Hypothesis) and event.kind == "partial"]
    assert partials[:2] == ["Change", "Change brown"]
    assert editing.target.snapshot().text == TEXT.replace("brown", "red")


def test_partials_are_shown_and_never_acted_upon(editing: Editing, samples: Path) -> None:
    for event in editing.listen(
        pipeline.open_recording(samples / "01-change.wav"),
        ScriptedEngine(["Change brown to red."]),  # type: ignore[arg-type]
        Settings(),
        mode="edit",
        name="test",
        partials=True,
    ):
        if isinstance(event, Hypothesis):
            assert editing.target.snapshot().text == TEXT


def test_the_kept_recording_is_the_sound_that_was_heard(editing: Editing, samples: Path) -> None:
    listen(editing, samples / "01-change.wav", ScriptedEngine(["Change brown to red."]))
    span = editing.journal.audio(1)
    kept = audio_store.load(span.path)
    assert np.allclose(kept, read_audio(samples / "01-change.wav"), atol=1 / 32768)
    assert 0 < span.start_sample < (span.end_sample or 0) < len(kept)


def test_every_chunk_is_on_disk_before_the_engine_gets_it(editing: Editing, samples: Path) -> None:
    class Watching(ScriptedEngine):
        def session(self, *, start_sample: int = 0, **more: Any) -> Any:
            (path,) = (editing.journal.store.audio_folder).glob("*.wav")
            assert audio_store.stored_samples(path) > start_sample
            return super().session(start_sample=start_sample, **more)

    listen(editing, samples / "01-change.wav", Watching(["Change brown to red."]))


@pytest.mark.parametrize("error", [ContextFull("full"), KeyboardInterrupt()])
def test_sound_that_was_not_heard_out_can_be_retried(
    editing: Editing, samples: Path, error: BaseException
) -> None:
    with pytest.raises((ModelFailed, KeyboardInterrupt)):
        listen(editing, samples / "01-change.wav", ScriptedEngine([error]))
    record = editing.journal.get(1)
    assert (record.state, record.words) == ("not_applied", None)
    engine: Any = ScriptedEngine(["Change brown to red."])
    heard = [e for e in editing.listen_again(record, engine, Settings()) if not isinstance(e, Level)]
    assert isinstance(heard[-1], Outcome)
    assert editing.target.snapshot().text == TEXT.replace("brown", "red")


def test_a_command_that_fits_nowhere_does_not_end_the_listening(editing: Editing, samples: Path) -> None:
    sound = read_audio(samples / "01-change.wav")
    engine: Any = ScriptedEngine(["Change purple to red.", "Change brown to red."])
    source = PcmSource(np.concatenate([sound, sound]))
    events = list(editing.listen(source, engine, Settings(), mode="edit", name="test"))
    assert [type(event) for event in events if isinstance(event, Failure | Outcome)] == [Failure, Outcome]
    assert [editing.journal.get(number).state for number in (1, 2)] == ["not_applied", "applied"]


def test_a_retried_recording_gives_the_same_words_through_llama_cpp(editing: Editing, samples: Path) -> None:
    with Engine.open(tiny.tiny_model(), n_ctx=512, n_threads=1) as engine:
        engine.profile = dataclasses.replace(engine.profile, min_confidence=-100.0)
        first = listen(editing, samples / "01-change.wav", engine)
        record = editing.journal.get(1)
        again = list(editing.listen_again(record, engine, Settings()))
    words = [[e.text for e in events if isinstance(e, Hypothesis)][-1] for events in (first, again)]
    assert words[0] == words[1] != ""
    assert [e for e in first if isinstance(e, Failure)], "a random model is not expected to speak commands"


# --- words ----------------------------------------------------------------------------------------------


def test_dictated_words_are_never_parsed() -> None:
    assert pipeline.understand("Delete everything.", mode="dictate").commands == ()


def test_words_that_are_no_command_are_refused_in_edit_mode() -> None:
    with pytest.raises(NotUnderstood, match="the weather is fine"):
        pipeline.understand("the weather is fine", mode="edit")


def test_what_was_understood_can_be_shown_and_stored() -> None:
    understood = pipeline.understand("Delete the last word and then save.", mode="edit")
    assert understood.to_text() == "{delete: {word: last}}, then save"
    assert [data["kind"] for data in understood.to_data()] == ["delete", "save"]


# --- failures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(AudioSilent("a.wav"), AudioFailed), (ModelMissing("m.gguf"), ModelFailed), (Cancelled(), Interrupted)],
)
def test_failures_of_the_engine_keep_their_message_and_hint(raised: Any, expected: type[Any]) -> None:
    with pytest.raises(expected) as caught, pipeline.failures_named():
        raise raised
    if expected is not Interrupted:
        assert (str(caught.value), caught.value.hint) == (str(raised), raised.hint)


def test_contradicting_endpointing_is_a_usage_error(samples: Path) -> None:
    settings = Settings.model_validate({"listening": {"limit_ms": 1000, "hangover_ms": 900, "tail_ms": 2000}})
    source = pipeline.open_recording(samples / "01-change.wav")
    with pytest.raises(UsageError, match="contradict"):
        list(pipeline.hear(source, ScriptedEngine(), settings))  # type: ignore[arg-type]


def test_every_known_model_can_be_described_even_without_its_files(tmp_path: Path) -> None:
    from engine.catalog import model_names

    for name in model_names():
        if name == "bundled":
            continue
        data, card = pipeline.describe_model(Settings(), Paths(tmp_path, tmp_path, tmp_path), name)
        assert data["model"] is None
        assert card.startswith("#")


def test_a_model_given_by_its_path_is_described_by_its_file(tmp_path: Path) -> None:
    files = tiny.tiny_model()
    data, card = pipeline.describe_model(Settings(), Paths(tmp_path, tmp_path, tmp_path), str(files.model))
    assert data["model_bytes"] == files.model.stat().st_size
    assert str(files.projector) in card
