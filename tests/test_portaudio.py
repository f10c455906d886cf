"""PortAudio itself: devices, playing, and what it must not do to terminals."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
import sounds
from hearing_microphones import Listening, find, likeness
from virtual_microphone import VirtualMicrophone, wait_for

from engine import _portaudio
from engine._portaudio import FormatRefused, InputDevice, InputStream, play
from engine._quiet import c_stderr_silenced
from engine.errors import MicrophoneBusy, MicrophoneError, MicrophoneLost
from engine.ring import BlockRing

ROOT = Path(__file__).parent.parent
SAID = sounds.noise(500, dbfs=-20)


@pytest.fixture
def device(virtual_microphone: VirtualMicrophone) -> InputDevice:
    """The sound server, as PortAudio lists it."""
    assert _portaudio.refresh()
    return next(device for device in _portaudio.input_devices() if device.name == "pulse")


def test_devices_are_listed_as_they_are_now(virtual_microphone: VirtualMicrophone) -> None:
    assert _portaudio.refresh()
    names = [device.name for device in _portaudio.input_devices()]
    assert "pulse" in names
    assert [device.is_default for device in _portaudio.input_devices()].count(True) == 1
    virtual_microphone.kill()
    assert [device.name for device in _portaudio.input_devices()] == names
    assert _portaudio.refresh()
    assert _portaudio.input_devices() == []


def test_devices_are_not_looked_for_anew_while_one_is_open(device: InputDevice) -> None:
    stream = InputStream(device, rate=16_000, channels=1, ring=BlockRing(16_000, 1))
    assert not _portaudio.refresh()
    stream.close()
    stream.close()
    assert stream.ended.is_set()
    assert _portaudio.refresh()


def test_blocks_of_20_ms_come_into_the_ring(device: InputDevice) -> None:
    ring = BlockRing(16_000, 2)
    stream = InputStream(device, rate=48_000, channels=2, ring=ring)
    wait_for(lambda: ring.written >= 960, "sound")
    stream.close()
    assert ring.written % 960 == 0
    assert ring.dropped == ring.overflows == 0
    assert 0 < stream.latency_s < 1


def test_a_closed_stream_keeps_no_sound_in_memory(device: InputDevice) -> None:
    ring = BlockRing(16_000, 1)
    kept = weakref.ref(ring)
    stream = InputStream(device, rate=16_000, channels=1, ring=ring)
    gc.disable()
    try:
        stream.close()
        del stream, ring
        assert kept() is None
    finally:
        gc.enable()


def test_a_format_that_no_device_takes_is_refused_as_such(device: InputDevice) -> None:
    with pytest.raises(FormatRefused, match="pulse: cannot be opened"):
        InputStream(device, rate=16_000, channels=64, ring=BlockRing(16_000, 64))
    assert _portaudio.refresh()


def test_who_finds_the_sound_system_hanging_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_portaudio, "LOCK_S", 0.05)
    held, over = threading.Event(), threading.Event()

    def hang() -> None:
        with _portaudio._portaudio():
            held.set()
            over.wait(30)

    thread = threading.Thread(target=hang)
    thread.start()
    held.wait(30)
    with pytest.raises(MicrophoneLost, match="does not answer"):
        _portaudio.input_devices()
    over.set()
    thread.join()


# ---- Playing ---------------------------------------------------------------------------------------------


def test_what_is_played_is_heard_whole(virtual_microphone: VirtualMicrophone) -> None:
    with Listening() as listening:
        listening.heard.wait_for_more()
        play(SAID)
        assert min(likeness(SAID, listening.to_the_end())) > 0.99


def test_a_sound_of_another_rate_is_played_too(virtual_microphone: VirtualMicrophone) -> None:
    tone = sounds.tone(500, hz=440, rate=44_100)
    with Listening() as listening:
        listening.heard.wait_for_more()
        play(tone, 44_100)
        heard = listening.to_the_end()
    at_16 = sounds.tone(500, hz=440)
    there = heard[find(at_16, heard) :][: len(at_16)]
    assert np.corrcoef(there[800:-800], at_16[800:-800])[0, 1] > 0.95


def test_playing_in_the_background_can_be_stopped(virtual_microphone: VirtualMicrophone) -> None:
    with Listening() as listening:
        listening.heard.wait_for_more()
        playback = play(sounds.noise(60_000, dbfs=-20), blocking=False)
        assert not playback.ended.is_set()
        listening.heard.wait_for_more()
        playback.stop()
        playback.stop()
        assert playback.ended.is_set()
        wait_for(lambda: "ALSA" not in virtual_microphone.pactl("list", "sink-inputs"), "silence")


def test_what_was_played_in_the_background_lets_go_of_the_device_by_itself(
    virtual_microphone: VirtualMicrophone,
) -> None:
    playback = play(sounds.tone(100), blocking=False)
    wait_for(playback.ended.is_set, "the end")
    wait_for(_portaudio.refresh, "the device to be let go of")
    assert "ALSA" not in virtual_microphone.pactl("list", "sink-inputs")


def test_without_an_output_nothing_can_be_played(virtual_microphone: VirtualMicrophone) -> None:
    assert _portaudio.refresh()
    virtual_microphone.kill()
    with pytest.raises(MicrophoneError, match="nothing can be played"):
        play(SAID)
    assert _portaudio.refresh()
    with pytest.raises(MicrophoneError, match="nothing can be played"):
        play(SAID)


# ---- What others see of it -------------------------------------------------------------------------------


def python(code: str, *, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, **(environment or {})}, check=False,
    )  # fmt: skip


def test_a_missing_library_is_named_with_the_command_that_installs_it() -> None:
    done = python(
        "import ctypes.util\n"
        "ctypes.util.find_library = lambda name: None\n"
        "from engine.microphone import Microphone, diagnose\n"
        "try: list(Microphone().begin().chunks())\n"
        "except Exception as error: print(error.code, error.fatal, error, error.hint)\n"
        "print([problem.code for problem in diagnose()])\n"
    )
    first, second = done.stdout.splitlines()
    assert first.startswith("portaudio-missing True")
    assert "apt install libportaudio2" in first
    assert second == "['portaudio-missing']"
    assert done.stderr == ""


def test_importing_the_microphone_loads_no_library_of_sound() -> None:
    done = python("import sys, engine.microphone; print('sounddevice' in sys.modules, 'soxr' in sys.modules)")
    assert done.stdout.split() == ["False", "False"]


def test_nothing_is_printed_into_the_users_terminal_when_opening_fails(
    virtual_microphone: VirtualMicrophone,
) -> None:
    child = subprocess.Popen(
        [
            sys.executable, "-c",
            "import sys\n"
            "from engine import _portaudio\n"
            "from engine.errors import MicrophoneBusy\n"
            "from engine.ring import BlockRing\n"
            "devices = _portaudio.input_devices()\n"
            "print(len(devices), flush=True)\n"
            "sys.stdin.readline()\n"
            "try: _portaudio.InputStream(devices[0], rate=16000, channels=1, ring=BlockRing(9, 1))\n"
            "except MicrophoneBusy as error: print(error)\n"
            "_portaudio.refresh()\n"
            "print(_portaudio.input_devices())\n",
        ],
        cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    assert int(child.stdout.readline()) > 0
    virtual_microphone.kill()
    printed, errors = child.communicate("go on\n", timeout=60)
    assert "cannot be opened" in printed
    assert printed.endswith("[]\n")
    assert errors == ""


def test_only_c_is_silenced_and_only_meanwhile() -> None:
    done = python(
        "import ctypes, os, sys\n"
        "from engine._quiet import c_stderr_silenced\n"
        "say = ctypes.CDLL(None).perror\n"
        "say(b'before')\n"
        "with c_stderr_silenced():\n"
        "    with c_stderr_silenced(): say(b'inside')\n"
        "    say(b'still inside')\n"
        "    print('python', file=sys.stderr, flush=True)\n"
        "    os.system('echo child >&2')\n"
        "say(b'after')\n"
    )
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "before",
        "python",
        "child",
        "after",
    ]


def test_the_terminal_is_heard_again_after_an_error() -> None:
    with pytest.raises(MicrophoneBusy), c_stderr_silenced():
        raise MicrophoneBusy("held")
    with c_stderr_silenced():
        pass
