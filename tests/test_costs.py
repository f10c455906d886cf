"""The path from microphone to model: what it may hold on to, and that what measures it measures all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_processes import children, until
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import allocations, c_clock, frame_costs, one_thread
from engine import llama
from engine.catalog import find_model
from engine.events import Hypothesis, Samples
from engine.frames import WINDOW_SAMPLES
from engine.listening import listen
from engine.projection import Projection
from engine.session import Engine
from engine.source import PcmSource, read_audio
from engine.vad import ROOM_MIN_WINDOWS, ROOM_WINDOWS, Room, WebRtcDetector, level_dbfs
from voice_edit.journal.audio_store import to_pcm

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture(scope="module")
def bundled() -> Iterator[Engine]:
    with Engine.open(find_model("bundled")) as engine:
        yield engine


def talk(recordings: int) -> Samples:
    """Recordings of samples/ one after the other."""
    return np.concatenate([read_audio(path) for path in sorted(SAMPLES.glob("*.wav"))[:recordings]])


# --- what is measured ---------------------------------------------------------------------------------------


def test_the_measured_path_hears_what_the_program_hears(bundled: Engine, tmp_path: Path) -> None:
    sound = talk(2)
    heard = [
        event.text
        for event in listen(PcmSource(sound), bundled)
        if isinstance(event, Hypothesis) and event.kind == "final"
    ]
    clock = np.zeros(len(c_clock.NAMES), dtype=np.int64)
    with c_clock.time_the_model(clock):
        passed = one_thread.run(bundled, clock, sound, tmp_path, paced=False)
    assert passed.words == heard != []
    assert len(passed.frames) == len(sound) // 640
    in_all = {stage: sum(frame[stage] for frame in passed.frames) for stage in one_thread.STAGES}
    assert min(in_all.values()) > 0, in_all
    assert in_all["llama"] == clock[0], "all of llama.cpp's time stands apart"
    assert in_all["projection"] == clock[1]
    assert clock[2] > 0


def test_a_clock_around_the_model_is_taken_away_again(bundled: Engine) -> None:
    before = (llama.C.llama_decode, Projection.project)
    with c_clock.time_the_model(np.zeros(3, dtype=np.int64)):
        assert (llama.C.llama_decode, Projection.project) != before
    assert (llama.C.llama_decode, Projection.project) == before


def test_every_thread_on_the_way_of_a_frame_is_counted() -> None:
    before = set(children())
    take = frame_costs.run(find_model("bundled"), talk(1))
    assert any(slot.pushed for slot in take.slots)
    assert any(slot.batches for slot in take.slots)
    for name in frame_costs.THREADS:
        assert sum(slot.threads[name] for slot in take.slots) > 0, name
    assert sum(slot.detector for slot in take.slots) > 0
    assert sum(slot.ours for slot in take.slots) > 0
    until(lambda: set(children()) <= before, "the engine process has ended")


# --- memory -------------------------------------------------------------------------------------------------


def test_no_frame_leaves_anything_behind_and_little_is_taken_for_one(bundled: Engine, tmp_path: Path) -> None:
    traced = allocations.trace(bundled, np.tile(talk(2), 4), tmp_path, warm_frames=150)
    assert traced["frames_with_sound_for_the_model"] > 100
    # A frame is 2,560 bytes: whatever kept one would be seen.
    assert traced["growth_bytes_per_frame"] < 500
    assert traced["temporary_kb_per_frame"]["median"] < 32


# --- the same numbers, sooner -------------------------------------------------------------------------------


def test_a_detector_that_is_told_the_level_says_the_same() -> None:
    sound = talk(1)
    windows = sound[: len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    told, measuring = WebRtcDetector(), WebRtcDetector()
    for window in windows:
        assert told.is_speech(window, level_dbfs(window)) == measuring.is_speech(window)


def test_listening_measures_the_level_of_a_window_once(
    bundled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import listening, vad

    measured: list[int] = []

    def counted(samples: Samples) -> float:
        measured.append(len(samples))
        return level_dbfs(samples)

    monkeypatch.setattr(listening, "level_dbfs", counted)
    monkeypatch.setattr(vad, "level_dbfs", counted)
    sound = talk(1)
    for _ in listen(PcmSource(sound), bundled):
        pass
    assert len(measured) == -(-len(sound) // WINDOW_SAMPLES)


@given(st.lists(st.floats(-100.0, 0.0), max_size=2 * ROOM_WINDOWS))
def test_the_room_is_what_the_quietest_tenth_of_the_newest_windows_stays_below(levels: list[float]) -> None:
    room = Room()
    powers = [10.0 ** (level / 10.0) for level in levels]
    smooth = [
        max(-100.0, 10.0 * float(np.log10(max(1e-10, np.mean(powers[max(0, i - 4) : i + 1])))))
        for i in range(len(levels))
    ]
    for i, level in enumerate(levels):
        above = room.push(level)
        known = sorted(smooth[max(0, i + 1 - ROOM_WINDOWS) : i + 1])
        if len(known) < ROOM_MIN_WINDOWS:
            assert above == np.inf
        else:
            assert above == pytest.approx(smooth[i] - known[len(known) // 10], abs=1e-6)


@given(st.lists(st.floats(width=32), max_size=80))
def test_samples_on_disk_are_rounded_once_clipped_and_always_numbers(values: list[float]) -> None:
    samples = np.array(values, dtype=np.float32)
    exact = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0) * 32768.0
    assert to_pcm(samples) == np.clip(np.rint(exact), -32768, 32767).astype("<i2").tobytes()
