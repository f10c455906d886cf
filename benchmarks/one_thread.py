"""The path from a device's callback to llama.cpp in one thread, with a lap clock: what does each stage cost?

Everything that is called for a frame in the daemon and in the engine process is called here one after the
other, with the same objects, a real socket and a real file: only no thread has to be woken. Each nanosecond
of the thread's processor time belongs to the stage that it was spent in.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.c_clock import TimedDetector
from engine._portaudio import BLOCK_MS
from engine.catalog import ModelFiles, PromptProfile
from engine.events import AudioChunk, Hypothesis, Samples
from engine.frames import FRAME_SAMPLES, SAMPLE_RATE, ms_to_samples
from engine.listening import listen
from engine.messages import Answer, Beat, Failed, Finish, Prepare, pack, unpack_from_engine, unpack_to_engine
from engine.microphone_source import MicrophoneSource
from engine.resampling import Converter
from engine.ring import BlockRing
from engine.session import Engine
from engine.supervision import SilenceWatch
from engine.utterance import FrameStore, Told, Utterance, next_message
from engine.vad import WebRtcDetector
from engine.wire import Decoder
from engine.worker import Worker
from voice_edit.journal.audio_store import TakeAudio

STAGES = {
    "device": "the callback's copy into the ring",
    "microphone": "ring, converter, silence watch, take",
    "recording": "take, 16-bit samples, file",
    "hearing": "windows, levels, endpointing, frames",
    "detector": "WebRTC's own time",
    "client": "push: kept until the words are there",
    "keeper": "what to tell, bytes, socket; signs of life back",
    "reader": "socket, bytes, message",
    "push": "copy, ledger, batch",
    "projection": "the matrix product",
    "llama": "llama.cpp's own time",
    "answer": "prepared, partial and final words without llama.cpp",
}
NOT_OURS = ("detector", "llama")


class Laps:
    """Processor time of this thread by stage, in nanoseconds."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STAGES, 0)
        self._last = time.thread_time_ns()

    def lap(self, stage: str) -> None:
        """What passed since the last lap was spent in this stage."""
        now = time.thread_time_ns()
        self.spent[stage] += now - self._last
        self._last = now

    def moved(self, stage: str, to: str, ns: int) -> None:
        """So much of a stage belongs to another one."""
        self.spent[stage] -= ns
        self.spent[to] += ns

    def skip(self) -> None:
        """What passed since the last lap belongs to no stage."""
        self._last = time.thread_time_ns()


class Passed:
    """What was measured, in memory that is there from the beginning."""

    def __init__(self, frames: int) -> None:
        self._rows = np.zeros((frames, len(STAGES) + 1), dtype=np.int64)
        self._filled = 0
        self.words: list[str] = []

    def note(self, spent: dict[str, int], before: dict[str, int], pushed: int) -> None:
        """A frame is done."""
        row = self._rows[self._filled]
        for at, stage in enumerate(STAGES):
            row[at] = spent[stage] - before[stage]
        row[-1] = pushed
        self._filled += 1

    @property
    def frames(self) -> list[dict[str, int]]:
        """For each frame of sound the nanoseconds of each stage, and under `pushed` the frames that went to
        the model."""
        names = (*STAGES, "pushed")
        return [dict(zip(names, row, strict=True)) for row in self._rows[: self._filled].tolist()]


class Relay:
    """An engine that says everything in bytes to a worker in this very thread."""

    def __init__(self, engine: Engine, laps: Laps, clock: Any) -> None:
        self.files: ModelFiles = engine.files
        self.profile: PromptProfile = engine.profile
        self.max_frames = engine.max_frames
        self.pushed = 0
        self._engine = engine
        self.laps = laps
        self._clock = clock
        self._ours, self._theirs = socket.socketpair()
        self._worker = Worker(self._theirs)
        self._worker._engine = engine
        self._to_engine, self._from_engine = Decoder(), Decoder()
        self._received = memoryview(bytearray(1 << 18))
        self._store, self._number, self._told = FrameStore(), 0, Told()

    def session(self, *, start_sample: int = 0, terms: Sequence[str] = ()) -> RelaySession:
        """See `SpeechEngine`."""
        self._number += 1
        return RelaySession(self, Utterance(self._number, start_sample, self._store, tuple(terms)))

    def cancel(self) -> None:
        """See `SpeechEngine`."""

    def close(self) -> None:
        """See `SpeechEngine`."""
        self._ours.close()
        self._theirs.close()

    def bring(self, utterance: Utterance) -> None:
        """Tell the worker all that it does not know yet, as the keeper does, and let it work."""
        lap = self.laps.lap
        while (step := next_message(utterance, self._told)) is not None:
            message, self._told = step
            utterance.was_told(self._told.frames)
            self._ours.sendall(pack(message))
            lap("keeper")
            for packet in self._to_engine.feed(self._take(self._theirs)):
                self._worker._inbox.put(unpack_to_engine(packet))
            lap("reader")
            before = tuple(int(value) for value in self._clock)
            self._worker._deal_with(self._worker._inbox.take(), self._engine)
            self._worker._dealt_with()
            stage = "answer" if isinstance(message, Finish | Prepare) else "push"
            lap(stage)
            self.laps.moved(stage, "llama", int(self._clock[0]) - before[0])
            self.laps.moved(stage, "projection", int(self._clock[1]) - before[1])
            for packet in self._from_engine.feed(self._take(self._ours)):
                self._hear(utterance, unpack_from_engine(packet))
            lap("keeper")

    def _take(self, end: socket.socket) -> memoryview:
        return self._received[: end.recv_into(self._received)]

    @staticmethod
    def _hear(utterance: Utterance, message: object) -> None:
        match message:
            case Answer(hypothesis=hypothesis):
                utterance.final = hypothesis
            case Failed(error=error):
                raise error
            case Beat(frames=frames):
                utterance.taken = frames
            case _:
                pass


class RelaySession:
    """One utterance; see `SpeechSession`."""

    def __init__(self, relay: Relay, utterance: Utterance) -> None:
        self._relay = relay
        self._utterance = utterance

    @property
    def frames_pushed(self) -> int:
        """See `SpeechSession`."""
        return self._utterance.pushed

    @property
    def lag_frames(self) -> int:
        """See `SpeechSession`."""
        return self._utterance.lag_frames

    def push(self, frames: Samples) -> None:
        """See `SpeechSession`."""
        self._relay.laps.lap("hearing")
        self._relay.pushed += len(frames)
        self._utterance.push(frames)
        self._relay.laps.lap("client")
        self._relay.bring(self._utterance)

    def rewind(self, frames: int) -> None:
        """See `SpeechSession`."""
        self._relay.laps.lap("hearing")
        self._utterance.rewind(frames)
        self._relay.bring(self._utterance)

    def prepare(self) -> None:
        """See `SpeechSession`."""
        self._relay.laps.lap("hearing")
        self._utterance.prepare_at = self._utterance.pushed
        self._relay.bring(self._utterance)

    def partial(self) -> Hypothesis | None:
        """See `SpeechSession`. None are computed here."""
        return None

    def finish(
        self,
        *,
        on_piece: Callable[[str], None] | None = None,
        end_of_speech_s: float | None = None,
        end_sample: int | None = None,
    ) -> Hypothesis:
        """See `SpeechSession`."""
        self._relay.laps.lap("hearing")
        self._utterance.finish = Finish(self._utterance.number, end_of_speech_s, end_sample, False)
        self._relay.bring(self._utterance)
        assert self._utterance.final is not None, "the worker has answered"
        return self._utterance.final

    def cancel(self) -> None:
        """See `SpeechSession`."""
        self._relay.laps.lap("hearing")
        self._utterance.is_cancelled = True
        self._relay.bring(self._utterance)


class Path40ms:
    """The source of a `listen`: sound through ring, converter, take and recording, 20 ms at once."""

    def __init__(
        self, sound: Samples, file: Path, relay: Relay, detector: TimedDetector, *, paced: bool
    ) -> None:
        self._blocks = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(
            -1, ms_to_samples(BLOCK_MS), 1
        )
        self._audio = TakeAudio(file)
        self._relay = relay
        self._laps = relay.laps
        self._detector = detector
        self._paced = paced
        self.passed = Passed(len(self._blocks) // 2)
        self.after_frame: Callable[[int], None] = lambda frame: None
        """Called with the number of a frame when all of it is done."""

    def chunks(self) -> Iterator[AudioChunk]:
        """See `AudioSource`."""
        laps, lap = self._laps, self._laps.lap
        ring, converter = BlockRing(10 * SAMPLE_RATE, 1), Converter(SAMPLE_RATE, 1)
        silence = SilenceWatch()
        take = MicrophoneSource(delay_s=lambda: 0.0, explain=lambda take: None, on_end=lambda take: None)
        chunks = take.chunks()
        began = time.monotonic()
        laps.skip()
        before, detector_ns, pushed = dict(laps.spent), 0, 0
        for number, block in enumerate(self._blocks):
            if self._paced:
                time.sleep(max(0.0, began + number * BLOCK_MS / 1000 - time.monotonic()))
                laps.skip()
            ring.write(block)
            lap("device")
            read = ring.read()
            samples = converter.push(read)
            ring.release(len(read))
            silence.push(samples)
            take.feed(samples, silent=not silence.heard)
            lap("microphone")
            chunk = next(chunks)
            self._audio.append(chunk.samples)
            lap("recording")
            yield chunk
            lap("hearing")
            laps.moved("hearing", "detector", int(self._detector.counters[0]) - detector_ns)
            detector_ns = int(self._detector.counters[0])
            if number % 2:
                self.passed.note(laps.spent, before, self._relay.pushed - pushed)
                before.update(laps.spent)
                pushed = self._relay.pushed
                self.after_frame(number // 2)
                laps.skip()

    def close(self) -> None:
        """See `AudioSource`."""
        self._audio.finish()


def run(
    engine: Engine,
    clock: Any,
    sound: Samples,
    folder: Path,
    *,
    paced: bool,
    after_frame: Callable[[int], None] | None = None,
) -> Passed:
    """Let `sound` pass, `paced` like a microphone or as fast as it goes."""
    laps = Laps()
    relay = Relay(engine, laps, clock)
    detector = WebRtcDetector()
    timed = detector._vad = TimedDetector(detector._vad)
    source = Path40ms(sound, folder / f"take-{time.monotonic_ns()}.wav", relay, timed, paced=paced)
    if after_frame is not None:
        source.after_frame = after_frame
    try:
        for event in listen(source, relay, detector=detector):
            if isinstance(event, Hypothesis) and event.kind == "final":
                source.passed.words.append(event.text)
    finally:
        source.close()
        relay.close()
    return source.passed


def ours(frame: dict[str, int]) -> int:
    """Nanoseconds of a frame that are spent in our own Python, numpy's work for it included."""
    return sum(ns for stage, ns in frame.items() if stage in STAGES and stage not in NOT_OURS)


def by_stage(frames: Sequence[dict[str, int]]) -> dict[str, dict[str, float]]:
    """Microseconds per frame: median, mean and 95th percentile of each stage."""
    return {stage: spread([frame[stage] / 1000 for frame in frames]) for stage in STAGES}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, mean and 95th percentile."""
    return {
        "median": round(float(np.median(values)), 1),
        "mean": round(float(np.mean(values)), 1),
        "p95": round(float(np.quantile(values, 0.95)), 1),
    }
