"""The microphone goes away while somebody talks, and comes back, or does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sounds
from hearing_microphones import Heard, Listening, Told, likeness
from virtual_microphone import VirtualMicrophone, wait_for

from engine import microphone_opening, microphone_source, supervision
from engine.errors import MicrophoneError, MicrophoneLost, MicrophoneMissing
from engine.microphone import Microphone, MicrophoneEvent
from engine.ring import BlockRing

ROOT = Path(__file__).parent.parent
BEFORE = sounds.noise(400, dbfs=-20, seed=1)
AFTER = sounds.noise(400, dbfs=-20, seed=2)


def test_a_take_outlives_a_restart_of_the_sound_server(virtual_microphone: VirtualMicrophone) -> None:
    with Listening() as listening:
        listening.heard.wait_for_more()
        virtual_microphone.play(BEFORE)
        # Its end is still on the way.
        listening.heard.wait_for_more(4000)
        virtual_microphone.kill()
        lost = listening.told.wait_for("lost")
        assert listening.microphone.state == "lost"
        virtual_microphone.start()
        reopened = listening.told.wait_for("reopened")
        listening.heard.wait_for_more()
        virtual_microphone.play(AFTER)
        heard = listening.to_the_end()
        assert min(likeness(BEFORE, heard)) > 0.999
        assert min(likeness(AFTER, heard)) > 0.999
        assert lost.message.startswith("Virtual Microphone gives no more sound")
        gap = listening.take.gaps[0]
        assert listening.take.reopened == len(listening.take.gaps) == 1
        assert reopened.gap_s == gap.missing_s > 0
        silence = heard[gap.at_sample : gap.at_sample + round(16_000 * min(1.0, gap.missing_s))]
        assert not silence.any()


def test_a_source_that_goes_and_comes_back_is_heard_again(virtual_microphone: VirtualMicrophone) -> None:
    with Listening() as listening:
        listening.told.wait_for("open")
        virtual_microphone.unplug()
        listening.told.wait_for("lost")
        # What is played is not recorded meanwhile, although the server offers nothing else.
        virtual_microphone.play(BEFORE)
        virtual_microphone.wait_until_released()
        virtual_microphone.plug_in()
        listening.told.wait_for("reopened")
        listening.heard.wait_for_more()
        virtual_microphone.play(AFTER)
        heard = listening.to_the_end()
        assert min(likeness(AFTER, heard)) > 0.999
        assert likeness(BEFORE, heard)[0] < 0.5


def test_another_choice_of_the_user_is_followed(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.plug_in("desk", description="Desk Condenser", is_default=False)
    with Listening() as listening:
        listening.told.wait_for("open")
        assert listening.microphone.device_name == "Virtual Microphone"
        virtual_microphone.pactl("set-default-source", "desk")
        assert listening.told.wait_for("moved").device == "Desk Condenser"
        assert listening.microphone.device_name == "Desk Condenser"
        listening.heard.wait_for_more()
        assert listening.take.gaps == []


def test_a_named_microphone_is_gone_back_to(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.plug_in("desk", description="Desk Condenser", is_default=False)
    with Listening("Desk") as listening:
        listening.told.wait_for("open")
        virtual_microphone.unplug("desk")
        assert listening.told.wait_for("moved").device == "Virtual Microphone"
        listening.heard.wait_for_more()
        virtual_microphone.plug_in("desk", description="Desk Condenser", is_default=False)
        assert listening.told.wait_for("moved", count=2).device == "Desk Condenser"
        listening.heard.wait_for_more()


def test_after_sleep_the_microphone_is_opened_anew(virtual_microphone: VirtualMicrophone) -> None:
    slept_s = 5.0
    told = Told()
    with Microphone(on_event=told, slept_s=lambda: slept_s) as microphone:
        heard = Heard(microphone.begin())
        told.wait_for("open")
        slept_s += 3600.0
        assert "asleep" in told.wait_for("lost").message
        told.wait_for("reopened")
        heard.wait_for_more()
        assert told.kinds.count("reopened") == 1


def test_a_microphone_that_does_not_come_back_ends_the_take_after_what_was_heard(
    virtual_microphone: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "REOPENING_S", 0.5)
    with Listening() as listening:
        listening.heard.wait_for_more()
        virtual_microphone.kill()
        with pytest.raises(MicrophoneLost, match="Virtual Microphone was lost"):
            listening.heard.to_the_end()
        assert listening.heard.samples >= 1600
        listening.told.wait_for("closed")
        assert listening.microphone.state == "closed"
        assert listening.microphone.problem is not None
        assert listening.microphone.problem.code == "no-device"


def test_without_a_sound_server_and_a_card_there_is_no_microphone_until_there_is_one(
    virtual_microphone: VirtualMicrophone,
) -> None:
    virtual_microphone.kill()
    with Listening() as listening:
        with pytest.raises(MicrophoneMissing, match="no input") as caught:
            listening.heard.to_the_end()
        assert "Plug a microphone in" in caught.value.hint
        virtual_microphone.start()
        again = Heard(listening.microphone.begin())
        again.wait_for_more()
        listening.told.wait_for("open")


def test_a_warm_microphone_waits_for_the_sound_server(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.kill()
    told = Told()
    with Microphone(warm_ms=200, on_event=told) as microphone:
        problem = told.wait_for("problem").problem
        assert problem is not None
        assert problem.code == "no-device"
        virtual_microphone.start()
        # Whoever wants to talk makes it look at once.
        heard = Heard(microphone.begin())
        heard.wait_for_more()
        told.wait_for("open")
        # The problem is over, and that is told too.
        wait_for(
            lambda: told.events[-1].kind == "open" or told.kinds[-2:] == ["problem", "open"], "no problem"
        )
        assert microphone.problem is None
    assert told.kinds.count("closed") == 1


def test_the_key_released_while_the_microphone_is_away_ends_the_take(
    virtual_microphone: VirtualMicrophone,
) -> None:
    with Listening() as listening:
        listening.heard.wait_for_more()
        virtual_microphone.kill()
        listening.told.wait_for("lost")
        assert len(listening.to_the_end(tail_ms=100)) >= 1600
        listening.told.wait_for("closed")


def test_a_sound_server_that_hangs_keeps_nobody_waiting(
    virtual_microphone: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microphone_source, "REOPENING_S", 0.2)
    monkeypatch.setattr(microphone_source, "FIRST_SOUND_S", 0.2)
    with Listening() as listening:
        listening.heard.wait_for_more()
        virtual_microphone.freeze()
        try:
            with pytest.raises(MicrophoneLost, match="no sound") as caught:
                listening.heard.to_the_end()
            assert "Restart" in caught.value.hint
            # Another one is not kept waiting either.
            another = Heard(listening.microphone.begin())
            with pytest.raises(MicrophoneError):
                another.to_the_end()
            listening.microphone.close()
        finally:
            virtual_microphone.thaw()
        # As soon as it answers, everything is let go of.
        wait_for(lambda: listening.microphone.state == "closed", "the microphone to be closed")
        virtual_microphone.wait_until_released()
        again = Heard(listening.microphone.begin())
        again.wait_for_more()


def test_a_program_ends_although_the_sound_server_hangs(virtual_microphone: VirtualMicrophone) -> None:
    script = """
from engine.microphone import Microphone
microphone = Microphone()
take = microphone.begin()
for _ in take.chunks():
    print("heard", flush=True)
    input()
    break
microphone.close()
"""
    program = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "heard\n"
        virtual_microphone.freeze()
        program.communicate("\n", timeout=30)
        assert program.returncode == 0
    finally:
        program.kill()
        virtual_microphone.thaw()


def test_a_machine_that_is_too_busy_loses_sound_and_says_how_much(
    virtual_microphone: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    rings: list[BlockRing] = []

    def small_ring(_capacity: int, channels: int) -> BlockRing:
        rings.append(BlockRing(4000, channels))
        return rings[0]

    monkeypatch.setattr(microphone_opening, "BlockRing", small_ring)
    told = Told()

    def tell(event: MicrophoneEvent) -> None:
        told(event)
        if event.kind == "problem":
            # The microphone's thread is held up, as by a computer that is too busy.
            ring = rings[0]
            wait_for(lambda: ring.overflows, "the ring to overflow")

    with Microphone(on_event=tell) as microphone:
        take = microphone.begin()
        heard = Heard(take)
        told.wait_for("open")
        virtual_microphone.pactl("set-source-mute", "vmic", "1")
        overflow = told.wait_for("overflow")
        assert overflow.dropped_samples > 0
        assert take.dropped_samples >= overflow.dropped_samples
        heard.wait_for_more()
