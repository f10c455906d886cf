from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import sounds
from virtual_microphone import wait_for

from engine import pump
from engine.errors import MicrophoneLost
from engine.events import AudioChunk, Samples
from engine.pump import FallenBehind, RecordingSource
from engine.source import PcmSource

VOICE = sounds.voice(400)


class Recorder:
    """Keeps what it gets; may fail, or wait."""

    def __init__(self) -> None:
        self.pieces: list[Samples] = []
        self.fails_after: int | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    @property
    def sound(self) -> Samples:
        return np.concatenate([np.empty(0, dtype=np.float32), *self.pieces])

    def __call__(self, samples: Samples) -> None:
        self.may_go_on.wait(30)
        if self.fails_after is not None and len(self.pieces) >= self.fails_after:
            raise OSError("No space left on device")
        self.pieces.append(samples)


class LostSource:
    """A microphone that goes away after some chunks."""

    def __init__(self, chunks: int) -> None:
        self.left = chunks
        self.stopped_after: float | None = None
        self.closed = threading.Event()

    def chunks(self) -> Iterator[AudioChunk]:
        for number in range(self.left):
            yield AudioChunk(np.full(640, 0.1, dtype=np.float32), 640 * number)
        if self.stopped_after is None:
            raise MicrophoneLost("gone")

    def stop_after(self, tail_ms: float) -> None:
        self.stopped_after = tail_ms

    def close(self) -> None:
        self.closed.set()


def test_every_chunk_is_recorded_before_it_can_be_had() -> None:
    recorder = Recorder()
    got = []
    with RecordingSource(PcmSource(VOICE), recorder) as source:
        for chunk in source.chunks():
            got.append(chunk.samples)
            assert len(recorder.sound) >= sum(map(len, got))
    assert np.array_equal(np.concatenate(got), VOICE)
    assert np.array_equal(recorder.sound, VOICE)


def test_recording_does_not_wait_for_whoever_listens() -> None:
    recorder = Recorder()
    with RecordingSource(PcmSource(VOICE), recorder) as source:
        wait_for(lambda: source.recorded_samples == len(VOICE), "the recording")
        assert source.behind_s == pytest.approx(0.4)
        assert sum(len(chunk.samples) for chunk in source.chunks()) == len(VOICE)
        assert source.behind_s == 0


def test_a_recorder_that_fails_ends_the_sound_with_its_error_after_what_was_recorded() -> None:
    recorder = Recorder()
    recorder.fails_after = 3
    source = RecordingSource(PcmSource(VOICE, paced=True), recorder)
    got = []
    with pytest.raises(OSError, match="No space left"):
        got.extend(chunk.samples for chunk in source.chunks())
    assert list(source.chunks()) == []
    assert len(recorder.sound) == source.given_samples == 3 * 640
    source.close()


def test_a_microphone_that_is_lost_is_told_after_what_it_gave() -> None:
    recorder = Recorder()
    lost = LostSource(5)
    source = RecordingSource(lost, recorder)
    with pytest.raises(MicrophoneLost):
        list(source.chunks())
    assert source.given_samples == 5 * 640
    source.close()


def test_the_end_of_talking_is_passed_on() -> None:
    recorder = Recorder()
    recorder.may_go_on.clear()
    source = LostSource(2)
    with RecordingSource(source, recorder) as recording:
        recording.stop_after(400)
        recorder.may_go_on.set()
        assert len(list(recording.chunks())) == 2
    assert source.stopped_after == 400
    assert source.closed.is_set()


def test_a_source_that_knows_no_tail_is_closed_instead() -> None:
    with RecordingSource(PcmSource(sounds.silence(60_000), paced=True), Recorder()) as recording:
        recording.stop_after(400)
        list(recording.chunks())
        assert recording.recorded_samples < 60 * 16_000


def test_once_closed_nothing_is_recorded_any_more_and_readers_are_let_go() -> None:
    recorder = Recorder()
    recording = RecordingSource(PcmSource(sounds.silence(60_000), paced=True), recorder)
    reader = threading.Thread(target=lambda: list(recording.chunks()))
    reader.start()
    wait_for(lambda: recorder.pieces, "the first chunk")
    recording.close()
    recorded = len(recorder.pieces)
    reader.join(30)
    assert not reader.is_alive()
    assert not [one for one in threading.enumerate() if one.name == "recording"]
    assert len(recorder.pieces) == recorded
    recording.close()


def test_who_is_hopelessly_behind_is_told_so_and_everything_until_then_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pump, "MOST_BEHIND_S", 0.2)
    recorder = Recorder()
    source = RecordingSource(PcmSource(VOICE), recorder)
    wait_for(lambda: not [one for one in threading.enumerate() if one.name == "recording"], "the end")
    with pytest.raises(FallenBehind) as caught:
        list(source.chunks())
    assert "retry" in caught.value.hint
    assert source.given_samples == len(recorder.sound) > 0.2 * 16_000
    source.close()
