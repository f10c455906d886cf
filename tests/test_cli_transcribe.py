"""`voice-edit transcribe`: what is printed, and what bad recordings and models get."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny
from fakes import ScriptedEngine
from running import ok, refused, rows, run

from engine.errors import DecodeFailed
from voice_edit import pipeline


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """Hears what the test enqueues."""
    scripted = ScriptedEngine()
    monkeypatch.setattr(pipeline, "open_model", lambda settings, paths: scripted)
    return scripted


def test_one_recording_gives_its_words_and_nothing_else(engine: ScriptedEngine, samples: Path) -> None:
    engine.enqueue("Change Monday to Wednesday.")
    assert ok("transcribe", samples / "01-change.wav") == "Change Monday to Wednesday.\n"
    assert engine.closed


def test_several_recordings_give_a_line_each_with_the_name(engine: ScriptedEngine, samples: Path) -> None:
    engine.enqueue("One.", "Two.")
    one, two = samples / "01-change.wav", samples / "02-heading.wav"
    assert ok("transcribe", one, two) == f"{one}\tOne.\n{two}\tTwo.\n"


def test_pauses_make_utterances_and_their_words_join(
    engine: ScriptedEngine, samples: Path, tmp_path: Path
) -> None:
    sound, rate = soundfile.read(samples / "01-change.wav")
    soundfile.write(tmp_path / "twice.wav", np.concatenate([sound, sound]), rate)
    engine.enqueue("Once.", "Twice.")
    (row,) = rows("transcribe", tmp_path / "twice.wav")
    assert row["text"] == "Once. Twice."
    assert [u["text"] for u in row["utterances"]] == ["Once.", "Twice."]
    first, second = row["utterances"]
    assert 0 < first["end_s"] < second["start_s"] < second["end_s"] < 2 * len(sound) / rate


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"), [(".flac", 44_100, 2), (".ogg", 48_000, 1), (".mp3", 22_050, 2)]
)
def test_other_formats_rates_and_channels_are_heard(
    engine: ScriptedEngine, samples: Path, tmp_path: Path, suffix: str, rate: int, channels: int
) -> None:
    import soxr

    sound, original = soundfile.read(samples / "01-change.wav", dtype="float32")
    sound = soxr.resample(sound, original, rate)
    path = tmp_path / f"take{suffix}"
    soundfile.write(path, np.stack([sound] * channels, axis=1), rate)
    engine.enqueue("Change Monday to Wednesday.")
    assert ok("transcribe", path) == "Change Monday to Wednesday.\n"


def bad_recordings(folder: Path) -> dict[str, Path]:
    """One file for each way in which a recording cannot be heard."""
    noise = np.random.default_rng(1).standard_normal(32_000).astype(np.float32)
    nan = noise.copy() * 0.1
    nan[500] = np.nan
    contents = {
        "empty": np.zeros(0, np.float32), "silent": np.zeros(32_000, np.float32), "noise": noise * 0.02,
        "short": noise[:800] * 0.1, "nan": nan,
    }  # fmt: skip
    paths = {}
    for name, samples in contents.items():
        paths[name] = folder / f"{name}.wav"
        soundfile.write(paths[name], samples, 16_000, subtype="FLOAT")
    paths["text"] = folder / "text.wav"
    paths["text"].write_text("no sound at all\n" * 50, encoding="utf-8")
    paths["zero"] = folder / "zero.wav"
    paths["zero"].write_bytes(b"")
    paths["missing"] = folder / "missing.wav"
    paths["folder"] = folder
    return paths


@pytest.mark.parametrize(
    "kind", ["empty", "silent", "noise", "short", "nan", "text", "zero", "missing", "folder"]
)
def test_a_recording_that_cannot_be_heard_is_named_with_a_remedy(
    engine: ScriptedEngine, tmp_path: Path, kind: str
) -> None:
    path = bad_recordings(tmp_path)[kind]
    message = refused("transcribe", path, code=3)
    assert path.name in message


def test_a_bad_recording_does_not_keep_the_others_from_being_heard(
    engine: ScriptedEngine, samples: Path, tmp_path: Path
) -> None:
    engine.enqueue("One.")
    result = run("transcribe", tmp_path / "missing.wav", samples / "01-change.wav", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["text"] == "One."
    assert json.loads(result.stderr)["error"] == "audio_failed"


def test_a_failing_model_has_its_own_exit_code(engine: ScriptedEngine, samples: Path) -> None:
    engine.enqueue(DecodeFailed("llama.cpp refused a batch"))
    assert "llama.cpp refused a batch" in refused("transcribe", samples / "01-change.wav", code=4)


def test_missing_recordings_cost_no_loading_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "open_model", lambda settings, paths: pytest.fail("the model was loaded"))
    refused("transcribe", tmp_path / "missing.wav", code=3)


# --- the true path, on a tiny random model ------------------------------------------------------------------


def test_a_real_model_is_run_through_llama_cpp(samples: Path) -> None:
    files = tiny.tiny_model()
    result = run("transcribe", samples / "01-change.wav", "--model", files.model, "--json")
    # A random model writes nonsense; it is either printed or, with too little confidence, refused.
    assert result.exit_code in (0, 3)
    if result.exit_code == 0:
        assert json.loads(result.stdout)["utterances"][0]["decode_s"] > 0
    else:
        assert json.loads(result.stderr)["error"] == "audio_failed"


@pytest.mark.parametrize("kind", ["missing", "not_gguf", "truncated", "no_projector", "projector_is_model"])
def test_a_model_that_cannot_be_used_is_named_with_a_remedy(samples: Path, tmp_path: Path, kind: str) -> None:
    files = tiny.tiny_model()
    model, projector = tmp_path / "model.gguf", tmp_path / "mmproj.gguf"
    model.write_bytes(files.model.read_bytes())
    projector.write_bytes(files.projector.read_bytes())
    match kind:
        case "missing":
            model.unlink()
        case "not_gguf":
            model.write_text("hello" * 100, encoding="utf-8")
        case "truncated":
            model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
        case "no_projector":
            projector.unlink()
        case "projector_is_model":
            projector.write_bytes(model.read_bytes())
    message = refused("transcribe", samples / "01-change.wav", "--model", model, code=4)
    assert "gguf" in message


@pytest.mark.parametrize("format_", ["wav", "ogg"])
def test_sound_that_was_cut_off_is_heard_and_its_loss_is_told(
    engine: ScriptedEngine, tmp_path: Path, samples: Path, format_: str
) -> None:
    whole, cut = tmp_path / f"whole.{format_}", tmp_path / f"cut.{format_}"
    soundfile.write(whole, *soundfile.read(samples / "01-change.wav"))
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    engine.enqueue("Change.", "Change Monday.")
    assert "missing" in " ".join(run("transcribe", cut).stderr.split())
    result = run("transcribe", cut, "--json")
    assert "missing" in json.loads(result.stderr)["warning"]
    assert json.loads(result.stdout)["cut_off"] is True
    engine.enqueue("Change Monday to Wednesday.")
    assert rows("transcribe", whole)[0]["cut_off"] is False


def test_what_the_mp3_decoder_has_to_say_is_not_printed(
    tmp_path: Path, samples: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.mp3"
    soundfile.write(path, *soundfile.read(samples / "01-change.wav"))
    sound = bytearray(path.read_bytes())
    middle = len(sound) // 2
    sound[middle : middle + 2500] = b"\x55" * 2500
    path.write_bytes(sound)
    assert "damaged" in refused("transcribe", path, code=3)
    assert capfd.readouterr().err == ""
