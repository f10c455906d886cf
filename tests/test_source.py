from __future__ import annotations

import itertools
import os
import struct
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sounds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import errors
from engine.events import AudioChunk
from engine.source import PcmSource, WavSource, check_signal, read_audio

VOICE = sounds.voice(500)


def write(path: Path, sound: np.ndarray, rate: int = 16_000, **options: str) -> Path:
    soundfile.write(path, sound, rate, **options)
    return path


def joined(source: WavSource | PcmSource) -> np.ndarray:
    """All chunks in one array; fails if one does not start where the one before ended."""
    position = 0
    pieces = []
    for chunk in source.chunks():
        assert chunk.start_sample == position
        position += len(chunk.samples)
        pieces.append(chunk.samples)
    return np.concatenate(pieces)


class ScriptedClock:
    """Time passes only while somebody waits, or when a test says that reading took a while."""

    def __init__(self) -> None:
        self.time_s = 100.0
        self.waits = 0

    def now_s(self) -> float:
        return self.time_s

    def wait(self, seconds: float, closed: threading.Event) -> None:
        assert seconds > 0
        self.waits += 1
        self.time_s += seconds


# ---- What can be read ------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_any_rate_and_channel_count_becomes_16_khz_mono(
    tmp_path: Path, suffix: str, rate: int, channels: int
) -> None:
    sound = sounds.tone(1000, rate=rate)
    path = write(tmp_path / f"take.{suffix}", np.repeat(sound[:, None], channels, axis=1), rate)
    read = read_audio(path)
    assert read.dtype == np.float32
    assert abs(len(read) - 16_000) <= 1
    expected = sounds.tone(1000)[200:15_800]
    assert np.abs(read[200:15_800] - expected).max() < 0.002


@pytest.mark.parametrize(
    ("suffix", "rate"), [("ogg", 44_100), ("ogg", 16_000), ("mp3", 44_100), ("mp3", 16_000)]
)
def test_lossy_files_sound_the_same(tmp_path: Path, suffix: str, rate: int) -> None:
    sound = sounds.tone(1000, rate=rate)
    read = read_audio(write(tmp_path / f"take.{suffix}", np.stack([sound, sound], axis=1), rate))
    assert abs(len(read) - 16_000) < 2500
    spectrum = np.abs(np.fft.rfft(read[2000:14_000]))
    assert abs(int(np.argmax(spectrum)) * 16_000 / 12_000 - 440) < 3
    assert read[2000:14_000].std() == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_a_16_khz_mono_file_passes_bit_for_bit(tmp_path: Path) -> None:
    path = write(tmp_path / "take.wav", VOICE, subtype="FLOAT")
    assert np.array_equal(read_audio(path), VOICE)


def test_the_content_decides_about_the_format_not_the_name(tmp_path: Path) -> None:
    path = write(tmp_path / "take.flac", VOICE)
    assert len(read_audio(path.rename(tmp_path / "Aufnahme, zweite ü.raw"))) == len(VOICE)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunk_samples=st.integers(1, 20_000), rate=st.sampled_from([16_000, 44_100]))
def test_any_chunk_length_gives_what_reading_at_once_gives(
    tmp_path: Path, chunk_samples: int, rate: int
) -> None:
    path = write(tmp_path / "take.wav", sounds.voice(900, rate=rate), rate)
    source = WavSource(path, chunk_samples=chunk_samples)
    lengths = [len(chunk.samples) for chunk in source.chunks()]
    assert set(lengths[:-1]) <= {chunk_samples}
    assert np.array_equal(joined(source), read_audio(path))


def test_chunks_stay_valid_and_cannot_be_written_to(tmp_path: Path) -> None:
    path = write(tmp_path / "take.wav", VOICE)
    chunks = list(WavSource(path).chunks())
    assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks]), read_audio(path))
    with pytest.raises(ValueError, match="read-only"):
        chunks[0].samples[0] = 1.0


# ---- What is mended on the way ---------------------------------------------------------------------------


def test_the_one_channel_of_eight_that_was_spoken_into_is_not_thinned_out(tmp_path: Path) -> None:
    channels = np.zeros((len(VOICE), 8), dtype=np.float32)
    channels[:, 5] = VOICE
    channels[:, 2] = sounds.noise(500, dbfs=-60)
    assert np.abs(read_audio(write(tmp_path / "take.wav", channels)) - VOICE).max() < 1e-3


def test_channels_of_opposite_phase_do_not_cancel_out(tmp_path: Path) -> None:
    path = write(tmp_path / "take.wav", np.stack([VOICE, -VOICE], axis=1))
    assert np.abs(read_audio(path)).max() == pytest.approx(0.3, abs=0.01)


def test_a_constant_offset_is_taken_out(tmp_path: Path) -> None:
    path = write(tmp_path / "take.wav", VOICE + np.float32(0.25), subtype="FLOAT")
    assert abs(float(read_audio(path).mean())) < 1e-4
    assert np.abs(read_audio(path) - (VOICE - VOICE.mean())).max() < 1e-3


@pytest.mark.parametrize("factor", [4.0, 32_768.0])
def test_samples_beyond_full_scale_are_scaled_not_clipped(tmp_path: Path, factor: float) -> None:
    path = write(tmp_path / "take.wav", VOICE / 0.3 * np.float32(factor), subtype="FLOAT")
    assert np.abs(read_audio(path) - VOICE / 0.3).max() < 1e-5


def test_resampled_clipping_stays_within_full_scale(tmp_path: Path) -> None:
    square = np.sign(sounds.tone(500, rate=44_100)).astype(np.float32)
    assert np.abs(read_audio(write(tmp_path / "take.wav", square, 44_100))).max() <= 1.0


def test_a_header_that_promises_too_much_is_said_and_the_rest_is_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "take.wav", np.tile(VOICE, 4))
    os.truncate(path, 44 + 16_000)
    source = WavSource(path)
    assert source.duration_s == 0.5
    assert source.missing_s == pytest.approx(1.5)
    assert "promises 2.0 s, only 0.5 s are there" in caplog.text
    assert len(joined(source)) == 8000


def test_a_wav_written_into_a_pipe_has_no_known_length_and_is_heard_quietly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "take.wav", VOICE)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert len(read_audio(path)) == len(VOICE)
    assert caplog.text == ""


# ---- What is refused -------------------------------------------------------------------------------------


def damaged_flac(path: Path) -> Path:
    data = bytearray(write(path, sounds.noise(3000), format="FLAC").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = bytes(400)
    path.write_bytes(data)
    return path


def with_value(value: float) -> np.ndarray:
    sound = sounds.voice(2000)
    sound[24_000] = value
    return sound


def interrupted(path: Path) -> Path:
    data = bytearray(write(path, VOICE).read_bytes())
    data[40:44] = bytes(4)
    path.write_bytes(data)
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


REFUSED = {
    "missing": (lambda p: p, errors.AudioMissing, "no such file", "spelling"),
    "folder": (folder, errors.AudioUnreadable, "a folder", "inside"),
    "pipe": (pipe, errors.AudioUnreadable, "not a regular file", "Save"),
    "no bytes": (lambda p: written(p, b""), errors.AudioEmpty, "0 bytes", "Record again"),
    "no samples": (lambda p: write(p, VOICE[:0]), errors.AudioEmpty, "no samples", "Record again"),
    "header only": (
        lambda p: written(p, write(p, VOICE).read_bytes()[:44]),
        errors.AudioEmpty,
        "no samples",
        "",
    ),
    "half a header": (
        lambda p: written(p, write(p, VOICE).read_bytes()[:30]),
        errors.AudioUnreadable,
        "damaged header",
        "",
    ),
    "interrupted": (interrupted, errors.AudioEmpty, "interrupted", "ffmpeg -ignore_length 1"),
    "text": (lambda p: written(p, b"Dear diary, " * 99), errors.AudioUnreadable, "not audio", "ffmpeg"),
    "m4a": (
        lambda p: written(p, b"\0\0\0\x20ftypM4A " + bytes(500)),
        errors.AudioUnreadable,
        "M4A",
        "ffmpeg -i",
    ),
    "damaged flac": (damaged_flac, errors.AudioUnreadable, "damaged or cut off at", "ffmpeg"),
    "too short": (lambda p: write(p, VOICE[:1500]), errors.AudioTooShort, "94 ms", "half a second"),
    "silent": (lambda p: write(p, sounds.silence(2000)), errors.AudioSilent, "never change", "muted"),
    "silent with offset": (
        lambda p: write(p, sounds.silence(2000) + 0.2, subtype="FLOAT"),
        errors.AudioSilent,
        "never change",
        "muted",
    ),
    "dither": (
        lambda p: write(p, np.random.default_rng(1).integers(-1, 2, 32_000).astype(np.int16)),
        errors.AudioSilent,
        "digital silence",
        "muted",
    ),
    "too quiet": (lambda p: write(p, sounds.voice(2000, peak=0.004)), errors.AudioTooQuiet, "dBFS", "gain"),
    "nan": (
        lambda p: write(p, with_value(np.nan), subtype="FLOAT"),
        errors.AudioNotFinite,
        "1.500 s",
        "16-bit",
    ),
    "infinite": (
        lambda p: write(p, with_value(np.inf), subtype="FLOAT"),
        errors.AudioNotFinite,
        "1.500 s",
        "",
    ),
    "absurd rate": (lambda p: write(p, VOICE, 100), errors.AudioUnreadable, "100 samples a second", ""),
}


@pytest.mark.parametrize("read", [read_audio, WavSource], ids=["read_audio", "WavSource"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_recording_that_cannot_be_heard_is_refused_by_name_with_a_remedy(
    tmp_path: Path, case: str, read: type[WavSource]
) -> None:
    make, kind, message, hint = REFUSED[case]
    path = make(tmp_path / "take.wav")
    with pytest.raises(errors.AudioError) as caught:
        read(path)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert hint in caught.value.hint


def test_random_bytes_are_refused_and_never_crash(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    starts = [b"", b"RIFF\x24\0\0\0WAVEfmt ", b"fLaC", b"OggS", b"ID3\x03\0\0\0\0\0\0", b"\xff\xfb\x90"]
    for number, start in enumerate(starts * 3):
        path = written(tmp_path / f"{number}", start + random.bytes(3000))
        with pytest.raises(errors.AudioError):
            read_audio(path)


@pytest.mark.parametrize(
    ("samples", "kind"),
    [
        (np.zeros(0, dtype=np.float32), errors.AudioEmpty),
        (sounds.voice(99), errors.AudioTooShort),
        (sounds.silence(500), errors.AudioSilent),
        (sounds.silence(500) + np.float32(0.4), errors.AudioSilent),
        (sounds.noise(500, dbfs=-60), errors.AudioTooQuiet),
        (with_value(np.nan), errors.AudioNotFinite),
    ],
)
def test_arrays_are_checked_like_files(samples: np.ndarray, kind: type[errors.AudioError]) -> None:
    with pytest.raises(kind, match="take 7: "):
        check_signal(samples, "take 7")


def test_a_voice_and_a_loud_noise_pass_the_check_of_the_signal() -> None:
    check_signal(sounds.voice(100))
    check_signal(sounds.noise(500))


# ---- Pace ------------------------------------------------------------------------------------------------


def test_a_paced_source_gives_each_chunk_when_its_last_sample_would_be_recorded() -> None:
    clock = ScriptedClock()
    source = PcmSource(sounds.voice(1000), paced=True, clock=clock)
    times = [clock.time_s for _ in source.chunks()]
    assert times == pytest.approx([100.04 + 0.04 * n for n in range(25)])
    assert clock.waits == 25


def test_a_reader_that_is_slow_for_a_while_causes_no_drift_and_loses_nothing() -> None:
    clock = ScriptedClock()
    sound = sounds.voice(2000)
    source = PcmSource(sound, paced=True, clock=clock)
    received = []
    for number, chunk in enumerate(source.chunks()):
        received.append(chunk.samples)
        clock.time_s += 0.5 if number == 10 else 0.013
    assert clock.time_s == pytest.approx(102.013)
    assert source.worst_lag_s == pytest.approx(0.46, abs=0.02)
    assert np.array_equal(np.concatenate(received), sound)


def test_an_unpaced_source_never_waits() -> None:
    clock = ScriptedClock()
    list(PcmSource(sounds.voice(1000), clock=clock).chunks())
    assert clock.waits == 0


def test_closing_ends_the_chunks_also_for_one_who_waits(tmp_path: Path) -> None:
    path = write(tmp_path / "take.wav", sounds.voice(4_000))
    source = WavSource(path, paced=True, chunk_samples=64_000)
    chunks: list[AudioChunk] = []
    reader = threading.Thread(target=lambda: chunks.extend(source.chunks()))
    reader.start()
    source.close()
    source.close()
    reader.join(timeout=30)
    assert not reader.is_alive()
    assert chunks == []


def test_leaving_a_with_block_closes_the_source() -> None:
    with PcmSource(VOICE) as source:
        first = next(source.chunks())
    assert len(first.samples) == 640
    assert list(source.chunks()) == []


def test_trailing_silence_follows_the_recording(tmp_path: Path) -> None:
    path = write(tmp_path / "take.wav", VOICE)
    sound = joined(WavSource(path, trailing_silence_ms=1500))
    assert len(sound) == len(VOICE) + 24_000
    assert not sound[len(VOICE) :].any()


def test_ten_minutes_stream_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 8_000, 1, subtype="PCM_16") as file:
        second = sounds.voice(1000, rate=8_000)
        for _ in range(600):
            file.write(second)
    tracemalloc.start()
    source = WavSource(path, paced=True, clock=ScriptedClock())
    total = sum(len(chunk.samples) for chunk in source.chunks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(total - 600 * 16_000) <= 1
    assert source.worst_lag_s == 0.0
    # A full copy at 16 kHz would be 38 MB.
    assert peak < 4_000_000


# ---- Arrays ----------------------------------------------------------------------------------------------


def test_arrays_of_int16_and_float64_are_taken_too() -> None:
    as_int = (VOICE * 32_768).astype(np.int16)
    assert np.abs(joined(PcmSource(as_int)) - VOICE).max() < 1e-4
    assert np.array_equal(joined(PcmSource(VOICE.astype(np.float64))), VOICE)
    assert joined(PcmSource(VOICE * 100)).max() == 1.0


def test_the_array_of_the_caller_is_left_alone() -> None:
    sound = VOICE.copy()
    list(PcmSource(sound).chunks())
    assert sound.flags.writeable
    assert np.array_equal(sound, VOICE)


@pytest.mark.parametrize("samples", [np.zeros((10, 2), dtype=np.float32), np.zeros(10, dtype=np.int64)])
def test_arrays_of_another_shape_or_type_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(ValueError, match="samples must be"):
        PcmSource(samples)


def test_arrays_with_nan_are_refused() -> None:
    with pytest.raises(errors.AudioNotFinite):
        PcmSource(with_value(np.nan))


@pytest.mark.parametrize("arguments", [{"chunk_samples": 0}, {"trailing_silence_ms": -1}])
def test_lengths_that_make_no_sense_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"chunk|silence"):
        PcmSource(VOICE, **arguments)


def test_each_pass_over_the_chunks_begins_anew() -> None:
    source = PcmSource(VOICE, chunk_samples=1000)
    first = list(itertools.islice(source.chunks(), 3))
    assert [chunk.start_sample for chunk in first] == [0, 1000, 2000]
    assert np.array_equal(joined(source), VOICE)
