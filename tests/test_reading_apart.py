"""Recordings from elsewhere are read in a process of their own, which may break without breaking us."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from engine_processes import children, descriptors, until

from engine import reading_apart
from engine.errors import AudioError, AudioSilent, AudioTooLong, AudioUnreadable, Cancelled
from engine.reading_apart import Reading
from engine.source import read_audio


def test_the_sound_is_what_reading_it_here_gives(samples: Path, tmp_path: Path) -> None:
    stereo = tmp_path / "stereo.flac"
    noise = np.random.default_rng(1).standard_normal((44_100, 2)) * 0.1
    soundfile.write(stereo, noise, 44_100)
    for path in (samples / "01-change.wav", stereo):
        assert np.array_equal(Reading(path.read_bytes(), longest_s=60).samples(), read_audio(path))


def test_what_is_wrong_with_it_is_said_without_a_path(tmp_path: Path) -> None:
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(16_000), 16_000)
    with pytest.raises(AudioSilent, match="the recording"):
        Reading(silent.read_bytes(), longest_s=60).samples()
    with pytest.raises(AudioUnreadable) as caught:
        Reading(b"RIFF" + b"\xff" * 1000, longest_s=60).samples()
    assert "/proc" not in str(caught.value) + caught.value.hint


def test_more_sound_than_allowed_is_refused_however_small_the_file(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.flac"
    quiet = np.tile(np.random.default_rng(1).standard_normal(1000) * 0.1, 16 * 300)
    soundfile.write(bomb, quiet, 16_000)
    with pytest.raises(AudioTooLong, match="longer than the 60 s"):
        Reading(bomb.read_bytes(), longest_s=60).samples()


def test_a_day_of_silence_is_not_read_to_its_end(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.flac"
    with soundfile.SoundFile(bomb, "w", 16_000, 1, format="FLAC", subtype="PCM_16") as file:
        for _ in range(24):
            file.write(np.zeros(16_000 * 60, dtype=np.int16))
    data = bytearray(bomb.read_bytes())
    data[21] &= 0xF0  # of the number of samples, which may also be unknown
    for promised in (bytes(data[22:26]), b"\0\0\0\0"):
        data[22:26] = promised
        # Read to its end, it would be called silent.
        with pytest.raises(AudioTooLong):
            Reading(bytes(data), longest_s=60).samples()


def test_reading_leaves_the_processor_to_others() -> None:
    code = "import os; from engine.reading_apart import _give_up_rights as f; f(); print(os.nice(0))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= min(19, os.nice(0) + reading_apart.NICENESS)


@pytest.mark.parametrize(
    "broken",
    [
        "import os; os.kill(os.getpid(), 11)",
        "import sys; sys.exit(3)",
        "print('no json')",
        "print('{\"samples\": 1000000000000}')",
        "print('{\"samples\": -5}')",
        "print('{\"samples\": 1000}')",
        "print('[]')",
        'print(\'{"error": "no-such-error", "message": "x"}\')',
    ],
)
def test_a_reader_that_breaks_costs_this_recording_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str
) -> None:
    module = tmp_path / "broken_reader.py"
    module.write_text(broken)
    monkeypatch.setattr(reading_apart, "COMMAND", (str(module),))
    with pytest.raises(AudioUnreadable):
        Reading(b"x" * 100, longest_s=60).samples()


def test_a_reader_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = tmp_path / "hanging_reader.py"
    module.write_text("import time; time.sleep(1000)")
    monkeypatch.setattr(reading_apart, "COMMAND", (str(module),))
    monkeypatch.setattr(reading_apart, "READING_S", 0.3)
    with pytest.raises(AudioUnreadable):
        Reading(b"x" * 100, longest_s=60).samples()


def test_it_can_be_stopped_before_and_while_it_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = tmp_path / "hanging_reader.py"
    module.write_text("import time; time.sleep(1000)")
    monkeypatch.setattr(reading_apart, "COMMAND", (str(module),))
    before = Reading(b"x", longest_s=60)
    before.stop()
    with pytest.raises(Cancelled):
        before.samples()
    already = len(children())
    reading = Reading(b"x", longest_s=60)

    def stop() -> None:
        until(lambda: len(children()) > already, "it reads")
        reading.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Cancelled):
        reading.samples()
    stopper.join()


def test_nothing_is_left_behind(samples: Path) -> None:
    sound = (samples / "01-change.wav").read_bytes()
    Reading(sound, longest_s=60).samples()
    before = (descriptors(), children())
    for data in (sound, b"nonsense"):
        try:
            Reading(data, longest_s=60).samples()
        except AudioError:
            continue
    assert (descriptors(), children()) == before


def test_the_process_may_write_no_file_and_is_told_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = tmp_path / "curious_reader.py"
    module.write_text(
        "import json, os, sys\n"
        "from engine.reading_apart import _give_up_rights\n"
        "_give_up_rights()\n"
        "found = 'SECRET' in os.environ\n"
        "try:\n"
        f"    open({str(tmp_path / 'written')!r}, 'wb').write(b'x' * 100)\n"
        "except OSError:\n"
        "    pass\n"
        "print(json.dumps({'error': 'audio-empty', 'message': str(found)}))\n"
    )
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setattr(reading_apart, "COMMAND", (str(module),))
    with pytest.raises(AudioError, match="False"):
        Reading(b"x", longest_s=60).samples()
    assert not (tmp_path / "written").exists() or not (tmp_path / "written").read_bytes()
