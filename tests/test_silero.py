"""The Silero detector: the real network on real and made sounds. Needs onnxruntime (the extra `silero`)."""

from __future__ import annotations

import hashlib
import itertools
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import sounds
from windows import heard, utterances

from engine import silero
from engine.catalog import find_model
from engine.endpointing import EndpointingSettings, rejection
from engine.errors import DetectorMissing
from engine.events import Hypothesis
from engine.frames import WINDOW_SAMPLES
from engine.listening import listen
from engine.session import Engine
from engine.silero import CONTEXT_SAMPLES, STEP_SAMPLES, SileroDetector
from engine.source import WavSource
from engine.vad import WebRtcDetector, choose_detector
from voice_edit import pipeline
from voice_edit.config import Settings
from voice_edit.errors import ModelFailed

SAMPLES = sorted((Path(__file__).parent.parent / "samples").glob("*.wav"))


def recording(path: Path) -> sounds.Sound:
    return np.concatenate([chunk.samples for chunk in WavSource(path).chunks()])


def verdicts(detector: SileroDetector, sound: sounds.Sound) -> list[bool]:
    windows = sound[: len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    return [detector.is_speech(window) for window in windows]


class Scripted:
    """In place of the network: a step is speech if its first sample says so. Keeps what it was given."""

    def __init__(self) -> None:
        self.inputs: list[np.ndarray] = []
        self.states: list[float] = []

    def run(self, _: None, feed: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        self.inputs.append(feed["input"].copy())
        self.states.append(float(feed["state"][0, 0, 0]))
        return feed["input"][:, CONTEXT_SAMPLES : CONTEXT_SAMPLES + 1], feed["state"] + 1


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    network = Scripted()
    monkeypatch.setattr(silero, "_network", lambda: network)
    return network


def test_windows_become_steps_that_lose_no_sample_and_carry_context_and_state(scripted: Scripted) -> None:
    sound = np.arange(1, 8 * WINDOW_SAMPLES + 1, dtype=np.float32) / 10_000
    verdicts(SileroDetector(), sound)
    assert len(scripted.inputs) == 5
    steps = [given[0, CONTEXT_SAMPLES:] for given in scripted.inputs]
    assert np.array_equal(np.concatenate(steps), sound)
    before = np.concatenate([np.zeros(CONTEXT_SAMPLES, np.float32), sound])
    for index, given in enumerate(scripted.inputs):
        assert np.array_equal(given[0, :CONTEXT_SAMPLES], before[index * STEP_SAMPLES :][:CONTEXT_SAMPLES])
    assert scripted.states == [0, 1, 2, 3, 4]


def test_a_window_has_the_verdict_of_the_newest_step_that_was_whole_at_its_end(scripted: Scripted) -> None:
    loud = np.random.default_rng(1).uniform(-0.5, 0.5, 16 * WINDOW_SAMPLES).astype(np.float32)
    speech = [False, True, False, False, True, True, False, True, False, True]
    for step, voice in enumerate(speech):
        loud[step * STEP_SAMPLES] = 1.0 if voice else 0.0
    found = verdicts(SileroDetector(), loud)
    for window, verdict in enumerate(found):
        whole = (window + 1) * WINDOW_SAMPLES // STEP_SAMPLES
        assert verdict == (speech[whole - 1] if whole else False), window


def test_a_doubtful_step_inside_speech_is_no_gap_and_alone_no_speech(scripted: Scripted) -> None:
    loud = np.random.default_rng(1).uniform(-0.5, 0.5, 8 * WINDOW_SAMPLES).astype(np.float32)
    for step, probability in enumerate([0.4, 0.9, 0.4, 0.2, 0.4]):
        loud[step * STEP_SAMPLES] = probability
    found = verdicts(SileroDetector(), loud)
    assert [found[window] for window in (1, 3, 4, 6, 7)] == [False, True, True, False, False]


def test_aggressiveness_raises_the_threshold(scripted: Scripted) -> None:
    loud = np.random.default_rng(1).uniform(-0.5, 0.5, 2 * WINDOW_SAMPLES).astype(np.float32)
    loud[0] = 0.45
    assert [verdicts(SileroDetector(level), loud)[1] for level in range(4)] == [True, True, False, False]


def test_the_model_is_the_file_that_its_page_says() -> None:
    page = (silero.MODEL.parent / "SILERO.md").read_text(encoding="utf-8")
    model = silero.MODEL.read_bytes()
    assert hashlib.sha256(model).hexdigest() in page
    assert f"{len(model):,} bytes" in page
    assert "Copyright (c) 2020-present Silero Team" in page
    assert len(model) < 2_000_000


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_speech_but_not_the_silence_before_it(path: Path) -> None:
    found = verdicts(SileroDetector(), recording(path))
    assert sum(found) > 50
    assert not any(found[:5])


@pytest.mark.parametrize(
    "noise",
    [
        sounds.noise(5000, dbfs=-15),
        sounds.noise(5000, dbfs=-30, slope=1.0),
        sounds.noise(5000, dbfs=-20, slope=2.0),
        sounds.band_noise(5000, 300, 3400, dbfs=-20),
        sounds.fan(5000, dbfs=-20),
        sounds.hum(5000, dbfs=-15),
        sounds.tone(5000),
        sounds.silence(5000),
    ],
    ids=["white", "pink", "brown", "telephone band", "fan", "hum", "tone", "silence"],
)
def test_noise_holds_no_utterance(noise: sounds.Sound) -> None:
    settings = EndpointingSettings()
    for _, stop in utterances(heard(noise, settings, itertools.repeat(640), SileroDetector())):
        assert rejection(stop, settings) is not None


def test_the_probabilities_are_those_of_the_network_fed_directly() -> None:
    import onnxruntime

    sound = recording(SAMPLES[0])[: 512 * 60]
    network = onnxruntime.InferenceSession(silero.MODEL, providers=["CPUExecutionProvider"])
    state, padded = np.zeros((2, 1, 128), np.float32), np.concatenate([np.zeros(64, np.float32), sound])
    expected = []
    for at in range(0, len(sound), 512):
        feed = {"input": padded[None, at : at + 576], "state": state, "sr": np.array(16_000, np.int64)}
        output, state = network.run(None, feed)
        expected.append(float(output[0, 0]))
    detector, found = SileroDetector(), []
    for window in sound.reshape(-1, WINDOW_SAMPLES):
        detector.is_speech(window)
        found.append(detector.probability)
    whole = [(step * STEP_SAMPLES - 1) // WINDOW_SAMPLES for step in range(1, 61)]
    assert [found[window] for window in whole] == pytest.approx(expected, abs=1e-5)


def test_reset_makes_the_detector_hear_the_same_again() -> None:
    sound = recording(SAMPLES[0])[: 16_000 * 2 + 320 * 3]
    detector = SileroDetector()
    first = verdicts(detector, sound)
    detector.reset()
    assert verdicts(detector, sound) == first
    assert any(first)


def test_what_is_below_the_floor_is_no_speech() -> None:
    assert not any(verdicts(SileroDetector(floor_dbfs=-1.0), recording(SAMPLES[0])))


def test_the_window_is_not_changed_and_may_be_read_only() -> None:
    window = sounds.voice(20)
    before = window.copy()
    window.flags.writeable = False
    SileroDetector().is_speech(window)
    assert np.array_equal(window, before)


@pytest.mark.parametrize("length", [0, 319, 512])
def test_a_window_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="320 samples"):
        SileroDetector().is_speech(np.zeros(length, dtype=np.float32))


@pytest.mark.parametrize("arguments", [{"aggressiveness": 4}, {"floor_dbfs": 3.0}, {"floor_dbfs": -200.0}])
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not"):
        SileroDetector(**arguments)  # type: ignore[arg-type]


def test_with_either_detector_the_samples_say_the_same_words() -> None:
    with Engine.open(find_model("bundled")) as engine:
        for path in SAMPLES:
            said = [
                [
                    event.text
                    for event in listen(WavSource(path), engine, detector=choose_detector(name))
                    if isinstance(event, Hypothesis)
                ]
                for name in ("webrtc", "silero")
            ]
            assert said[0] == said[1]
            assert len(said[0]) == 1


def test_the_setting_chooses_the_detector_of_the_whole_program(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "engine.vad.choose_detector", lambda name, **_: asked.append(name) or WebRtcDetector()
    )
    with Engine.open(find_model("bundled")) as engine:
        for name in ("silero", "webrtc"):
            settings = Settings.model_validate({"listening": {"detector": name}})
            assert list(pipeline.hear(WavSource(SAMPLES[0]), engine, settings))
    assert asked == ["silero", "webrtc"]


def test_a_missing_extra_reaches_the_user_as_a_failure_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    settings = Settings.model_validate({"listening": {"detector": "silero"}})
    with Engine.open(find_model("bundled")) as engine, pytest.raises(ModelFailed) as failed:
        list(pipeline.hear(WavSource(SAMPLES[0]), engine, settings))
    assert "pip install 'voice-edit[silero]'" in failed.value.hint


def test_detectors_are_chosen_by_name() -> None:
    assert isinstance(choose_detector(), WebRtcDetector)
    assert isinstance(choose_detector("silero", aggressiveness=3, floor_dbfs=-50.0), SileroDetector)


def test_without_the_extra_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DetectorMissing, match="onnxruntime") as missing:
        choose_detector("silero")
    assert "pip install 'voice-edit[silero]'" in missing.value.hint
    assert 'listening.detector = "webrtc"' in missing.value.hint
    assert missing.value.fatal
    assert isinstance(choose_detector("webrtc"), WebRtcDetector)


def test_a_damaged_model_is_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"not a network")
    monkeypatch.setattr(silero, "MODEL", broken)
    with pytest.raises(DetectorMissing, match=re.escape(str(broken))) as damaged:
        SileroDetector()
    assert "install voice-edit again" in damaged.value.hint
