from __future__ import annotations

import numpy as np
import pytest
import sounds
from hearing_microphones import likeness
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.resampling import Converter, Downmix, mix_weights


def converted(blocks: list[np.ndarray], rate: int) -> np.ndarray:
    converter = Converter(rate, blocks[0].shape[1])
    pieces = [converter.push(block) for block in blocks]
    return np.concatenate([*pieces, converter.flush()])


def cut(sound: np.ndarray, lengths: list[int]) -> list[np.ndarray]:
    """Pieces of these lengths, over and over."""
    pieces, at = [], 0
    while at < len(sound):
        for length in lengths:
            pieces.append(sound[at : at + length])
            at += length
    return pieces


def low_sound(rate: int, channels: int = 1) -> np.ndarray:
    """The same second of sound at any rate."""
    t = np.arange(rate) / rate
    waves = [np.sin(2 * np.pi * hz * t + hz) for hz in (110, 333, 517, 780, 1310, 2600)]
    mono = (0.1 * np.sum(waves, axis=0)).astype(np.float32)
    return np.repeat(mono[:, None], channels, axis=1)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_sample_of_a_device_arrives_the_first_and_the_last_too(rate: int, channels: int) -> None:
    got = converted(cut(low_sound(rate, channels), [rate // 50]), rate)
    assert len(got) == 16_000
    assert min(likeness(low_sound(16_000)[:, 0], got)) > 0.999


def test_what_is_at_16_khz_already_is_passed_on_bit_for_bit() -> None:
    sound = sounds.noise(500)[:, None]
    got = converted(cut(sound, [320]), 16_000)
    assert np.array_equal(got, sound[:, 0])


def test_what_comes_out_is_not_the_memory_that_went_in() -> None:
    block = low_sound(16_000)
    got = Converter(16_000, 1).push(block)
    block[:] = 0
    assert got.any()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=6), st.sampled_from([44_100, 48_000]))
def test_any_chunking_gives_the_same_samples(lengths: list[int], rate: int) -> None:
    sound = sounds.noise(300, rate=rate)[:, None]
    whole = converted([sound], rate)
    assert np.allclose(converted(cut(sound, lengths), rate), whole, atol=1e-5)


def test_what_has_not_come_out_yet_is_known() -> None:
    converter = Converter(48_000, 1)
    assert converter.pending_s == 0
    given = len(converter.push(low_sound(48_000)))
    assert converter.pending_s == pytest.approx(1 - given / 16_000)
    given += len(converter.flush())
    assert given == 16_000
    assert converter.pending_s == 0


def test_too_loud_is_clipped() -> None:
    assert np.abs(converted([3 * low_sound(48_000)], 48_000)).max() == 1.0


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (16_000, 0)])
def test_what_is_no_sound_is_refused(rate: int, channels: int) -> None:
    with pytest.raises(ValueError, match="no sound"):
        Converter(rate, channels)


def test_a_dead_channel_does_not_thin_out_the_voice() -> None:
    voice = sounds.voice(1000)
    block = np.stack([voice, np.zeros_like(voice)], axis=1)
    assert np.allclose(np.concatenate([Downmix(2, 16_000).push(block)]), voice, atol=1e-6)


def test_opposite_phases_do_not_cancel_out() -> None:
    voice = sounds.voice(1000)
    assert np.allclose(np.abs(Downmix(2, 16_000).push(np.stack([voice, -voice], axis=1))), np.abs(voice))


def test_two_channels_of_one_voice_are_averaged() -> None:
    assert mix_weights(np.array([[1.0, 0.9], [0.9, 1.0]])).tolist() == [0.5, 0.5]
    assert mix_weights(np.zeros((2, 2))).tolist() in ([0.5, 0.5], [1.0, 0.0])


def test_a_voice_that_changes_the_channel_is_followed_without_a_click() -> None:
    tone = sounds.tone(6000, hz=100, peak=0.5)
    block = np.zeros((len(tone), 2), dtype=np.float32)
    block[:32_000, 0] = tone[:32_000]
    block[32_000:, 1] = tone[32_000:]
    mix = Downmix(2, 16_000)
    got = np.concatenate([mix.push(piece) for piece in cut(block, [320])])
    # At the end the second channel is all that counts.
    assert np.allclose(got[-3200:], tone[-3200:], atol=0.05)
    assert np.abs(np.diff(got)).max() < 0.05
