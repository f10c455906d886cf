"""The second engine for real: a process of its own that runs llama.cpp, from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import ok, rows

from engine.catalog import find_model
from engine.source import WavSource
from voice_edit import pipeline, second_ear
from voice_edit.config import Settings, load_settings
from voice_edit.errors import Interrupted
from voice_edit.paths import Paths
from voice_edit.weighing import Weigher


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model as somebody's own file: a model of this machine, better than the bundled one."""
    files, folder = find_model(), tmp_path_factory.mktemp("other")
    shutil.copy(files.model, folder / "other.gguf")
    shutil.copy(files.projector, folder / "mmproj.gguf")
    return folder / "other.gguf"


@pytest.fixture
def doubting(monkeypatch: pytest.MonkeyPatch, other: Path) -> None:
    """Every word is doubtful, and there is a second engine."""
    monkeypatch.setenv("VOICE_EDIT_WEAK__BELOW", "1")
    monkeypatch.setenv("VOICE_EDIT_FALLBACK__ENGINE", str(other))


def test_what_two_real_engines_hear_alike_is_sure(doubting: None, samples: Path) -> None:
    (utterance,) = rows("transcribe", samples / "01-change.wav")[0]["utterances"]
    assert utterance["text"] == "Change Monday to Wednesday."
    assert (utterance["weak"], utterance["heard_by"]) == (False, "bundled")
    assert utterance["why"] == "other heard the same words."
    assert [(one["engine"], one["text"]) for one in utterance["others"]] == [("other", utterance["text"])]


def test_an_edit_that_two_real_engines_heard_alike_is_carried_out(
    doubting: None, samples: Path, tmp_path: Path
) -> None:
    note = tmp_path / "note.md"
    note.write_text("Meeting on Monday\n")
    ok("edit", note, "--audio", samples / "01-change.wav")
    assert note.read_text() == "Meeting on Wednesday\n"
    assert "also heard:  other: “Change Monday to Wednesday.”" in ok("log", "1")


def test_what_the_second_engine_is_fed_is_what_the_first_one_was_fed(doubting: None, samples: Path) -> None:
    """Same model, same sound, same numbers: not only the same words."""
    settings = load_settings()
    with (
        second_ear.opened(settings, Paths.from_environment()) as second,
        pipeline.open_model(Settings(), Paths.from_environment()) as engine,
    ):
        weigher = Weigher(engine, settings, mode="edit", second=second)
        verdicts = [
            event.verdict for event in weigher.hear(WavSource(samples / "02-heading.wav"))
            if hasattr(event, "tokens")
        ]  # fmt: skip
        kept = pipeline.open_recording(samples / "02-heading.wav")
        (heard,) = [e for e in pipeline.hear(kept, engine, Settings()) if hasattr(e, "tokens")]
    (verdict,) = verdicts
    assert verdict is not None
    assert verdict.others[0].confidence == pytest.approx(heard.confidence, abs=0.01)
    assert verdict.others[0].text == heard.text


def test_a_second_engine_that_is_no_model_is_told_and_harms_nothing(
    monkeypatch: pytest.MonkeyPatch, samples: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"no model")
    monkeypatch.setenv("VOICE_EDIT_WEAK__BELOW", "1")
    monkeypatch.setenv("VOICE_EDIT_FALLBACK__ENGINE", str(broken))
    (utterance,) = rows("transcribe", samples / "01-change.wav")[0]["utterances"]
    assert utterance["text"] == "Change Monday to Wednesday."
    assert utterance["weak"] is True
    assert utterance["why"].startswith("broken: ")
    assert "broken.gguf" in utterance["why"]


def stretch_of(path: Path) -> second_ear.Stretch:
    sound = np.concatenate([chunk.samples for chunk in pipeline.open_recording(path).chunks()])
    return second_ear.Stretch(sound, len(sound), 0)


def test_giving_up_is_heeded_also_while_the_second_engine_is_still_looked_for(
    doubting: None, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with second_ear.opened(load_settings(), Paths.from_environment()) as second:
        assert second is not None
        real = pipeline.open_engine

        def given_up(*arguments: Any, **more: Any) -> Any:
            second.cancel()
            return real(*arguments, **more)

        monkeypatch.setattr(pipeline, "open_engine", given_up)
        with pytest.raises(Interrupted):
            second.hear(stretch_of(samples / "01-change.wav"), purpose="command", speech_s=1.0)
        monkeypatch.setattr(pipeline, "open_engine", real)
        heard = second.hear(stretch_of(samples / "01-change.wav"), purpose="command", speech_s=1.0).heard
        assert heard is not None
        assert heard.text == "Change Monday to Wednesday.", "the next time it hears again"


def test_a_fault_of_the_second_engine_costs_no_words(
    doubting: None, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **more: Any) -> Any:
        raise BlockingIOError("Resource temporarily unavailable")  # no more processes for this user

    monkeypatch.setattr(pipeline, "open_engine", broken)
    (utterance,) = rows("transcribe", samples / "01-change.wav")[0]["utterances"]
    assert utterance["text"] == "Change Monday to Wednesday."
    assert utterance["why"] == "other: A fault in it: BlockingIOError."
