"""The sounds at start, stop and cancel: what they are, how they are played, and that the start cue, when the
microphone hears it, does not become words. The last with the bundled model.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from virtual_microphone import VirtualMicrophone, virtual_microphone, wait_for

from engine.events import Samples
from voice_edit.daemon.cues import CUE_RATE, LOUDEST, CueName, Cues, synthesise

__all__ = ["virtual_microphone"]

ROOT = Path(__file__).parent.parent
NAMES: tuple[CueName, ...] = ("start", "stop", "cancel")


class Recorder:
    """A player that keeps what it was given; `gate` closed makes it take its time."""

    def __init__(self, error: Exception | None = None) -> None:
        self.played: list[Samples] = []
        self.tried = 0
        self.error = error
        self.gate = threading.Event()
        self.gate.set()

    def play(self, samples: Samples, rate: int) -> None:
        assert rate == CUE_RATE
        self.tried += 1
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        self.played.append(samples)


@pytest.mark.parametrize("name", NAMES)
def test_a_cue_is_short_soft_and_begins_and_ends_in_silence(name: CueName) -> None:
    cue = synthesise(name, 1.0)
    assert cue.dtype == np.float32
    assert len(cue) <= 0.25 * CUE_RATE
    assert 0.5 < np.abs(cue).max() <= LOUDEST
    assert abs(cue[0]) < 1e-6
    assert abs(cue[-1]) < 1e-6


@pytest.mark.parametrize("name", ["stop", "cancel"])
def test_a_cue_does_not_click(name: CueName) -> None:
    """No step between two samples that is larger than the steps of the notes themselves."""
    cue = synthesise(name, 1.0)
    highest_hz = 900.0
    assert np.abs(np.diff(cue)).max() < LOUDEST * 2 * np.pi * highest_hz / CUE_RATE


def test_the_cues_can_be_told_apart() -> None:
    longest = max(len(synthesise(name, 1.0)) for name in NAMES)
    spectra = [np.abs(np.fft.rfft(synthesise(name, 1.0), 2 * longest)) for name in NAMES]
    for first in range(3):
        for second in range(first):
            one, other = spectra[first], spectra[second]
            assert np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other) < 0.75


def test_the_volume_is_a_setting() -> None:
    loud, soft = synthesise("stop", 1.0), synthesise("stop", 0.25)
    assert np.allclose(soft, loud * 0.125, atol=1e-6)


def test_each_cue_is_played() -> None:
    player = Recorder()
    cues = Cues(volume=1.0, player=player)
    for number, play in enumerate((cues.start, cues.stop, cues.cancel), 1):
        play()
        wait_for(lambda number=number: len(player.played) == number, "the cue")
    for played, name in zip(player.played, NAMES, strict=True):
        assert np.array_equal(played, synthesise(name, 1.0))
    cues.close()


def test_nobody_waits_for_a_cue_and_a_newer_one_replaces_one_that_waits() -> None:
    player = Recorder()
    player.gate.clear()
    cues = Cues(volume=1.0, player=player)
    cues.start()
    wait_for(lambda: player.tried == 1, "the first to be played")
    cues.stop()  # returns, though the first is still playing
    cues.cancel()
    player.gate.set()
    wait_for(lambda: len(player.played) == 2, "the second")
    assert np.array_equal(player.played[1], synthesise("cancel", 1.0))
    cues.close()


def test_without_a_device_there_is_silence_and_no_failure() -> None:
    now_s = [100.0]
    player = Recorder(error=OSError("no such device"))
    cues = Cues(volume=1.0, player=player, clock=lambda: now_s[0])
    cues.start()
    wait_for(lambda: player.tried == 1, "the try")
    wait_for(lambda: cues.is_idle, "the first to be given up")
    cues.stop()  # is not even tried so soon
    wait_for(lambda: cues.is_idle, "the second to be given up")
    now_s[0] += 61
    player.error = None
    cues.cancel()
    wait_for(lambda: player.played, "the next try")
    assert player.tried == 2
    cues.close()


def test_at_volume_0_nothing_is_opened() -> None:
    player = Recorder()
    before = set(threading.enumerate())  # the cues of another test may still be ending
    cues = Cues(volume=0.0, player=player)
    cues.start()
    assert not [thread for thread in threading.enumerate() if thread.name == "cues" and thread not in before]
    cues.close()


def test_after_the_end_nothing_is_played() -> None:
    player = Recorder()
    cues = Cues(volume=1.0, player=player)
    cues.close()
    cues.close()
    cues.start()
    assert player.tried == 0


# --- does a recorded cue become words? ------------------------------------------------------------------

SPOKEN = ("01-change", "05-sort", "06-go-to")


@pytest.fixture(scope="module")
def hears() -> Iterator[object]:
    from engine.catalog import find_model
    from engine.session import Engine

    with Engine.open(find_model(), n_ctx=2048, n_threads=1) as engine:
        yield engine


def words(engine: object, sound: Samples, *, held: bool) -> list[str]:
    """What is written of it."""
    from engine.endpointing import hold_settings
    from engine.events import Hypothesis
    from engine.listening import listen, settings_for
    from engine.source import PcmSource

    settings = settings_for(engine.profile)  # type: ignore[attr-defined]
    heard = listen(PcmSource(sound), engine, settings=hold_settings(settings) if held else settings)  # type: ignore[arg-type]
    return [event.text for event in heard if isinstance(event, Hypothesis) and event.kind == "final"]


def echoing(sound: Samples, seed: int) -> Samples:
    """As it arrives in a bare room: 0.4 s of reverberation, louder than the direct sound."""
    length = int(0.4 * CUE_RATE)
    noise = np.random.default_rng(seed).normal(0, 1, length) * 10 ** (-3 * np.arange(length) / length)
    noise[0] = 8.0
    return np.convolve(sound, noise / 8.0)


def take(cue: Samples, speech: Samples, *, gap_ms: int) -> Samples:
    """A quiet room, the cue, and after a gap the speech."""
    begin, gap = 500, gap_ms * 16 + len(cue) // 8
    sound = np.random.default_rng(4).normal(0, 1e-3, begin + gap + len(speech) + 16_000)
    sound[begin : begin + len(cue)] += cue
    sound[begin + gap : begin + gap + len(speech)] += speech
    return np.clip(sound, -1, 1).astype(np.float32)


@pytest.mark.parametrize("held", [True, False], ids=["held", "hands-free"])
@pytest.mark.parametrize("name", SPOKEN)
def test_a_start_cue_that_is_recorded_adds_no_word_and_takes_none(
    hears: object, samples: Path, name: str, held: bool
) -> None:
    from engine.source import read_audio

    speech = np.asarray(read_audio(samples / f"{name}.wav"))
    alone = words(hears, take(np.zeros(1), speech, gap_ms=200), held=held)
    assert len(alone) == 1
    for volume in (0.3, 1.0):
        cue = synthesise("start", volume)
        for arriving in (cue, echoing(cue, seed=len(name))):
            for gap_ms in (100, 400):
                assert words(hears, take(arriving, speech, gap_ms=gap_ms), held=held) == alone


@pytest.mark.parametrize("held", [True, False], ids=["held", "hands-free"])
def test_a_start_cue_alone_is_no_word(hears: object, held: bool) -> None:
    for volume in (0.3, 1.0):
        for seed in range(3):
            cue = echoing(synthesise("start", volume), seed)
            assert words(hears, take(cue, np.zeros(8000), gap_ms=200), held=held) == []


# --- through a real sound server ------------------------------------------------------------------------


def test_a_cue_is_heard_on_the_system_s_output(virtual_microphone: VirtualMicrophone) -> None:
    """The virtual microphone hears what is played there."""
    from engine.microphone import Microphone

    cue = synthesise("stop", 1.0)
    heard = np.zeros(0, dtype=np.float32)
    cues = Cues(volume=1.0)
    with Microphone() as microphone, microphone.begin() as source:
        for chunk in source.chunks():
            if not len(heard):
                cues.stop()
            heard = np.concatenate([heard, chunk.samples])
            if np.abs(heard).max() > 0.1 and np.abs(heard[-CUE_RATE // 2 :]).max() < 0.01:
                break
            assert len(heard) < 20 * CUE_RATE, "no cue was heard"
    cues.close()
    match = np.correlate(heard, cue, "valid").max() / float(np.dot(cue, cue))
    assert match == pytest.approx(1.0, abs=0.05)


def test_where_nothing_can_be_played_nobody_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = (
        "from voice_edit.daemon.cues import Cues\n"
        "import time\n"
        "cues = Cues(volume=1.0)\n"
        "cues.start()\n"
        "while not cues.is_idle: time.sleep(0.01)\n"
        "cues.close()\n"
    )
    environ = {**os.environ, "PULSE_SERVER": f"unix:{tmp_path}/nobody", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
