"""The live microphone, heard through a real sound server."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import sounds
from hearing_microphones import Heard, Listening, Told, find, likeness
from virtual_microphone import VirtualMicrophone, short_folder, wait_for

from engine import microphone_opening
from engine._portaudio import FormatRefused, InputStream
from engine.errors import MicrophoneMissing
from engine.microphone import Microphone
from engine.source import read_audio

SAID = sounds.noise(1000, dbfs=-20)
"""Noise, because each of its samples is needed to recognise it."""


def test_what_is_said_is_heard_to_its_first_and_last_sample(virtual_microphone: VirtualMicrophone) -> None:
    with Listening() as listening:
        virtual_microphone.wait_until_heard()
        virtual_microphone.play(SAID)
        heard = listening.to_the_end()
        assert min(likeness(SAID, heard)) > 0.999
        assert listening.take.dropped_samples == 0
        assert listening.take.gaps == []
        assert listening.take.problem() is None
        assert max(listening.heard.lengths) <= 640


def test_a_recorded_sentence_arrives_whole(virtual_microphone: VirtualMicrophone, samples: Path) -> None:
    with Listening() as listening:
        virtual_microphone.wait_until_heard()
        virtual_microphone.play(samples / "01-change.wav")
        said = read_audio(samples / "01-change.wav")
        assert likeness(said, listening.to_the_end())[0] > 0.999


def test_the_take_ends_a_tail_after_the_speaker_stopped(virtual_microphone: VirtualMicrophone) -> None:
    with Listening() as listening:
        listening.heard.wait_for_more()
        player = virtual_microphone.play(sounds.noise(10_000), wait=False)
        listening.heard.wait_for_more(4000)
        before = listening.take.samples
        heard = listening.to_the_end(tail_ms=400)
        # The tail, and what was on its way through the sound system.
        assert 6400 <= len(heard) - before <= 6400 + 16 * 1500
        player.kill()


def test_a_tail_of_nothing_still_brings_what_was_said_until_then(
    virtual_microphone: VirtualMicrophone,
) -> None:
    with Listening() as listening:
        virtual_microphone.wait_until_heard()
        virtual_microphone.play(SAID)
        before = listening.take.samples
        assert len(listening.to_the_end(tail_ms=0)) >= before


def test_the_microphone_is_open_only_while_there_is_a_take(virtual_microphone: VirtualMicrophone) -> None:
    told = Told()
    with Microphone(on_event=told) as microphone:
        assert microphone.state == "closed"
        assert virtual_microphone.listeners() == []
        for _ in range(2):
            take = microphone.begin()
            told.wait_for("open")
            assert microphone.state == "open"
            assert microphone.device_name == "Virtual Microphone"
            listener = virtual_microphone.listeners()[0]
            assert listener["properties"]["application.name"] == "voice-edit"
            take.close()
            told.wait_for("closed")
            virtual_microphone.wait_until_released()
            assert microphone.state == "closed"
            assert told.kinds == ["opening", "open", "closed"]
            assert not [one for one in threading.enumerate() if one.name == "microphone"]
            told.events.clear()


def test_two_takes_at_once_hear_the_same(virtual_microphone: VirtualMicrophone) -> None:
    with Microphone() as microphone:
        first, second = Heard(microphone.begin()), Heard(microphone.begin())
        virtual_microphone.wait_until_heard()
        first.wait_for_more()
        second.wait_for_more()
        virtual_microphone.play(SAID)
        first.take.stop_after(200)
        assert min(likeness(SAID, first.to_the_end())) > 0.999
        assert len(virtual_microphone.listeners()) == 1
        second.take.stop_after(200)
        assert min(likeness(SAID, second.to_the_end())) > 0.999
        virtual_microphone.wait_until_released()


def test_a_warm_microphone_gives_what_was_said_before_the_key(virtual_microphone: VirtualMicrophone) -> None:
    told = Told()
    with Microphone(warm_ms=1000, on_event=told) as microphone:
        told.wait_for("open")
        virtual_microphone.play(sounds.noise(500, dbfs=-20, seed=7))
        take = microphone.begin(pre_roll_ms=1000)
        assert 9_600 < take.pre_roll_samples <= 16_000
        heard = Heard(take)
        virtual_microphone.play(SAID)
        take.stop_after(400)
        everything = heard.to_the_end()
        assert find(SAID, everything) > find(sounds.noise(500, dbfs=-20, seed=7), everything)
        assert min(likeness(SAID, everything)) > 0.999
        # It stays open, for the next one.
        assert microphone.state == "open"
        assert len(virtual_microphone.listeners()) == 1
    virtual_microphone.wait_until_released()


def test_a_pre_roll_is_no_longer_than_what_was_heard(virtual_microphone: VirtualMicrophone) -> None:
    told = Told()
    with Microphone(warm_ms=300, on_event=told) as microphone:
        assert microphone.begin(pre_roll_ms=300).pre_roll_samples <= 4800
        told.wait_for("open")
        wait_for(lambda: microphone.begin(pre_roll_ms=1000).pre_roll_samples == 4800, "300 ms of pre-roll")
        assert microphone.begin().pre_roll_samples == 0
    with Microphone() as cold:
        assert cold.begin(pre_roll_ms=300).pre_roll_samples == 0


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_device_with_a_rate_and_channels_of_its_own_is_converted(
    monkeypatch: pytest.MonkeyPatch, rate: int
) -> None:
    opened: list[InputStream] = []

    def only_stereo(*arguments: object, **options: object) -> InputStream:
        if (options["rate"], options["channels"]) != (rate, 2):
            raise FormatRefused("refused")
        opened.append(InputStream(*arguments, **options))  # type: ignore[arg-type]
        return opened[-1]

    monkeypatch.setattr(microphone_opening, "InputStream", only_stereo)
    with short_folder() as folder, VirtualMicrophone(folder, rate=rate, channels=2) as stereo:
        for name, value in stereo.environment.items():
            monkeypatch.setenv(name, value)
        with Listening() as listening:
            stereo.wait_until_heard()
            # The second channel is dead. Low sounds, because the clocks differ by half a sample.
            said = sounds.band_noise(1000, 100, 1000, dbfs=-20)
            at_rate = np.zeros((rate, 2), dtype=np.float32)
            at_rate[:, 0] = np.interp(
                np.arange(rate) / rate, np.arange(16_000 * 8) / (16_000 * 8), _finer(said)
            )
            stereo.play(at_rate)
            heard = listening.to_the_end()
        assert min(likeness(said, heard)) > 0.98
        assert opened[0].rate == rate


def _finer(sound: np.ndarray) -> np.ndarray:
    """The same at 8 times the rate, by its spectrum."""
    return np.fft.irfft(np.fft.rfft(sound), 8 * len(sound)) * 8


def test_a_device_is_found_by_part_of_its_name(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.plug_in("desk", description="Desk Condenser", is_default=False)
    with Listening("condens") as listening:
        listening.told.wait_for("open")
        assert listening.microphone.device_name == "Desk Condenser"
        sources = virtual_microphone.pactl("list", "short", "sources").splitlines()
        desk = next(line.split("\t")[0] for line in sources if "\tdesk\t" in line)
        assert [str(row["source"]) for row in virtual_microphone.listeners()] == [desk]


def test_a_name_that_nobody_has_is_refused_with_the_names_there_are(
    virtual_microphone: VirtualMicrophone,
) -> None:
    with Listening("Yeti") as listening:
        with pytest.raises(MicrophoneMissing, match="no microphone named “Yeti”") as caught:
            listening.heard.to_the_end()
        assert "“Virtual Microphone”" in caught.value.hint
        assert "Monitor" not in caught.value.hint
        assert "problem" in listening.told.kinds


def test_a_take_that_is_over_before_the_first_sample_ends_and_says_so(
    virtual_microphone: VirtualMicrophone,
) -> None:
    virtual_microphone.freeze()
    with Listening() as listening:
        heard = listening.to_the_end(tail_ms=100)
        problem = listening.take.problem()
        virtual_microphone.thaw()
    assert len(heard) == 0
    assert problem is not None
    assert problem.code == "too-early"
    assert "warm_ms" in problem.hint


def test_closing_a_take_ends_it_at_once(virtual_microphone: VirtualMicrophone) -> None:
    with Listening() as listening:
        listening.heard.wait_for_more()
        listening.take.close()
        listening.take.close()
        listening.heard.to_the_end()
        virtual_microphone.wait_until_released()


def test_closing_the_microphone_ends_every_take_and_another_one_may_follow(
    virtual_microphone: VirtualMicrophone,
) -> None:
    with Listening() as listening:
        listening.heard.wait_for_more()
        listening.microphone.close()
        listening.heard.to_the_end()
        assert virtual_microphone.listeners() == []
        again = Heard(listening.microphone.begin())
        again.wait_for_more()


def test_a_warm_microphone_keeps_at_most_a_second() -> None:
    with pytest.raises(ValueError, match="0 to 1000"):
        Microphone(warm_ms=1001)
