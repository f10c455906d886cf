"""What a frame costs on its way from the microphone to the model, thread by thread.

A paced take through everything that is between a device's callback and llama.cpp: ring, microphone thread,
recording on disk, windows, voice detector, endpointing, frames, socket, engine process, projection, batch.
Only the device is not there: samples of a recording are put into the ring of its callback, 20 ms at a time.
Linux tells the processor time of every thread (schedstat); between two frames it is read for all of them.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

import engine._engine_process as engine_process
from benchmarks.c_clock import CLOCK_FILE, NAMES, TimedDetector, shared
from engine import microphone as microphones
from engine._portaudio import BLOCK_MS, InputDevice
from engine.catalog import ModelFiles
from engine.client import ClientSession, EngineClient
from engine.events import Hypothesis, Samples
from engine.frames import FRAME_SAMPLES, SAMPLE_RATE, WINDOW_SAMPLES, ms_to_samples
from engine.listening import listen
from engine.microphone_choice import Choice
from engine.pump import RecordingSource
from engine.ring import BlockRing
from engine.vad import WebRtcDetector
from voice_edit.journal.audio_store import TakeAudio

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
LOAD_S = 300.0

THREADS = {
    "microphone": "ring -> 16 kHz -> take",
    "recording": "take -> disk -> queue",
    "hearing": "windows, detector, levels, endpointing, frames, push",
    "engine keeper": "what to tell -> bytes -> socket; signs of life back",
    "engine: reader": "socket -> bytes -> message",
    "engine: main": "push: copy, projection, batch, llama.cpp",
}


@dataclass(slots=True)
class Slot:
    """Processor time in one frame's 40 ms, in nanoseconds."""

    threads: dict[str, int]
    detector: int
    llama: int
    projection: int
    batches: int
    pushed: int
    """Frames that were pushed to the engine meanwhile."""

    @property
    def ours(self) -> int:
        """All of it without the detector and llama.cpp."""
        return sum(self.threads.values()) - self.detector - self.llama


@dataclass(slots=True)
class Take:
    """What was measured."""

    slots: list[Slot] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    late_s: float = 0.0
    """By how much the slowest slot began too late: others used the processor."""
    kernel_share: float = 0.0
    """How much of the threads' processor time was spent in the kernel, mostly on being woken."""


def cpu_ns(tid: int, pid: int | str = "self") -> int:
    """Processor time of a thread so far, in nanoseconds."""
    try:
        text = Path(f"/proc/{pid}/task/{tid}/schedstat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return 0
    return int(text.split()[0])


def ticks(pid: int | str, tid: int) -> npt.NDArray[np.int64]:
    """User and system time of a thread so far, in ticks of the system's clock."""
    stat = Path(f"/proc/{pid}/task/{tid}/stat").read_text(encoding="ascii", errors="replace")
    return np.array(stat.rpartition(")")[2].split()[11:13], dtype=np.int64)


def all_ticks(client: EngineClient) -> npt.NDArray[np.int64]:
    """The same of all threads that are measured."""
    ours = [thread.native_id for thread in threading.enumerate() if thread.name in THREADS]
    found = sum((ticks("self", tid) for tid in ours if tid is not None), np.zeros(2, dtype=np.int64))
    pid = client.pid
    return found if pid is None else sum((ticks(pid, tid) for tid in tids(pid)), found)


def tids(pid: int) -> list[int]:
    """Threads of a process."""
    return [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]


class Device:
    """Takes the place of `InputStream`: an open input whose callback is called by whoever feeds it."""

    def __init__(self) -> None:
        self.rate, self.channels, self.latency_s = SAMPLE_RATE, 1, 0.0
        self.ring = BlockRing(10 * SAMPLE_RATE, 1)
        self.ended = threading.Event()

    def close(self) -> None:
        """There is nothing to let go of."""


@contextmanager
def device() -> Iterator[Device]:
    """A device that the microphone opens instead of PortAudio's."""
    one = Device()
    choice = Choice(InputDevice(0, "benchmark", 1, SAMPLE_RATE, True), None)
    before = microphones.open_input
    microphones.open_input = lambda wanted: (one, choice)  # type: ignore[assignment,return-value]
    try:
        yield one
    finally:
        microphones.open_input = before


@contextmanager
def timed_engine(files: ModelFiles, folder: Path) -> Iterator[tuple[EngineClient, npt.NDArray[np.int64]]]:
    """An engine process with a clock around llama.cpp, ready, and that clock."""
    clock = shared(folder / "clock")
    before, engine_process.COMMAND = engine_process.COMMAND, ("-P", "-m", "benchmarks.timed_worker")
    old_environment = engine_process._environment
    engine_process._environment = lambda: old_environment() | {CLOCK_FILE: str(folder / "clock")}
    try:
        with EngineClient(files) as client:
            client.preload()
            deadline = time.monotonic() + LOAD_S
            while client.state.state != "ready":
                if client.state.state == "failed" or time.monotonic() > deadline:
                    raise RuntimeError(f"no engine process: {client.state.message}")
                time.sleep(0.01)
            yield client, clock
    finally:
        engine_process.COMMAND, engine_process._environment = before, old_environment


def run(files: ModelFiles, sound: Samples, *, settle_s: float = 0.5) -> Take:
    """Play `sound` at its own speed; what every frame of it cost."""
    take = Take()
    pushed = SimpleNamespace(frames=0)
    original = ClientSession.push

    def push(self: ClientSession, frames: Samples) -> None:
        pushed.frames += len(frames)
        original(self, frames)

    with tempfile.TemporaryDirectory(prefix="voice-edit-costs-") as name, device() as stream:
        folder = Path(name)
        detector = WebRtcDetector()
        timed = detector._vad = TimedDetector(detector._vad)
        with (
            timed_engine(files, folder) as (client, clock),
            microphones.Microphone() as microphone,
            TakeAudio(folder / "take.wav") as audio,
        ):
            ClientSession.push = push  # type: ignore[method-assign]
            source = RecordingSource(microphone.begin(), audio.append)

            def hear() -> None:
                for event in listen(source, client, detector=detector):
                    if isinstance(event, Hypothesis) and event.kind == "final":
                        take.words.append(event.text)

            hearing = threading.Thread(target=hear, name="hearing", daemon=True)
            hearing.start()
            try:
                before = all_ticks(client)
                _feed(stream, sound, take, lambda: _snapshot(client, clock, timed, pushed.frames), settle_s)
                user, system = all_ticks(client) - before
                take.kernel_share = float(system) / max(1.0, float(user + system))
            finally:
                source.close()
                hearing.join(20)
                ClientSession.push = original  # type: ignore[method-assign]
    return take


def _feed(stream: Device, sound: Samples, take: Take, snapshot: Any, settle_s: float) -> None:
    """Call the device's callback every 20 ms; look at all clocks every 40 ms."""
    block = ms_to_samples(BLOCK_MS)
    assert block == WINDOW_SAMPLES
    silence = np.zeros((block, 1), dtype=np.float32)
    for _ in range(int(settle_s * 1000 / BLOCK_MS)):  # until all threads run
        stream.ring.write(silence)
        time.sleep(BLOCK_MS / 1000)
    column = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, 1)
    began = time.monotonic()
    before = snapshot()
    for at in range(0, len(column), FRAME_SAMPLES):
        for half in (0, 1):
            due = began + (at + half * block) / SAMPLE_RATE
            wait = due - time.monotonic()
            take.late_s = max(take.late_s, -wait)
            time.sleep(max(0.0, wait))
            stream.ring.write(column[at + half * block : at + (half + 1) * block])
        time.sleep(max(0.0, began + at / SAMPLE_RATE + FRAME_S - time.monotonic()))
        now = snapshot()
        take.slots.append(_difference(before, now))
        before = now


def _snapshot(
    client: EngineClient, clock: npt.NDArray[np.int64], timed: TimedDetector, pushed: int
) -> dict[str, int]:
    found = dict.fromkeys(THREADS, 0)
    for thread in threading.enumerate():
        if thread.name in found and thread.native_id is not None:
            found[thread.name] = cpu_ns(thread.native_id)
    pid = client.pid
    if pid is not None:
        for tid in tids(pid):
            found["engine: main" if tid == pid else "engine: reader"] += cpu_ns(tid, pid)
    found |= dict(zip(NAMES, (int(value) for value in clock), strict=True))
    return found | {"detector": int(timed.counters[0]), "pushed": pushed}


def _difference(before: dict[str, int], now: dict[str, int]) -> Slot:
    one = {name: now[name] - before[name] for name in now}
    return Slot(
        threads={name: one[name] for name in THREADS},
        detector=one["detector"],
        llama=one["llama"],
        projection=one["projection"],
        batches=one["batches"],
        pushed=one["pushed"],
    )
