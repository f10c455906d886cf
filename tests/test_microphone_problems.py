"""What is wrong with a microphone: told apart, each with a remedy."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sounds
from hearing_microphones import Listening
from virtual_microphone import VirtualMicrophone, wait_for

from engine import _pulse, errors
from engine import microphone_problems as problems
from engine._pulse import PulseServer, PulseSource
from engine.microphone import Problem, diagnose


def codes(found: list[Problem]) -> list[str]:
    for problem in found:
        assert problem.message
        assert "\n" not in problem.message
        assert problem.hint
    return [problem.code for problem in found]


# ---- With a real sound server ----------------------------------------------------------------------------


def test_nothing_is_wrong_with_a_microphone_that_gives_sound(virtual_microphone: VirtualMicrophone) -> None:
    player = virtual_microphone.play(sounds.noise(20_000, dbfs=-60), wait=False)
    wait_for(lambda: "pacat" in virtual_microphone.pactl("list", "sink-inputs"), "noise")
    assert diagnose() == []
    player.kill()


def test_a_muted_microphone(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.pactl("set-source-mute", "vmic", "1")
    found = diagnose()
    assert codes(found) == ["muted"]
    assert found[0].hint.endswith("pactl set-source-mute vmic 0")
    assert diagnose("Virtual Mic") == found


def test_a_microphone_that_is_turned_down(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.pactl("set-source-volume", "vmic", "5%")
    assert "too-quiet" in codes(diagnose())


def test_digital_silence(virtual_microphone: VirtualMicrophone) -> None:
    found = diagnose()
    assert codes(found) == ["digital-silence"]
    assert "not even the noise of a quiet room" in found[0].message


def test_a_monitor_that_was_named(virtual_microphone: VirtualMicrophone) -> None:
    assert codes(diagnose("vmic_sink.monitor")) == ["monitor-source", "digital-silence"]


def test_a_monitor_that_the_system_fell_back_to_is_refused(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.unplug()
    found = diagnose()
    assert codes(found) == ["no-device"]
    assert "what the computer plays" in found[0].message


def test_no_sound_server_and_no_card(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.kill()
    assert codes(diagnose()) == ["no-device"]


def test_telephone_quality(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.pactl(
        "load-module", "module-remap-source", "master=vmic_sink.monitor", "source_name=bluez_input.hs",
        "rate=8000", "source_properties=\"device.description='Headset' device.api=bluez\"",
    )  # fmt: skip
    found = diagnose("Headset")
    assert codes(found)[-1] == "narrow-band"
    assert "8 kHz" in found[-1].message
    assert "mSBC" in found[-1].hint


def test_being_muted_while_somebody_talks_is_told_at_once_and_explains_the_take(
    virtual_microphone: VirtualMicrophone,
) -> None:
    virtual_microphone.pactl("set-source-mute", "vmic", "1")
    with Listening() as listening:
        muted = listening.told.wait_for("problem").problem
        assert muted is not None
        assert muted.code == "muted"
        silent = listening.told.wait_for("silent").problem
        assert silent == muted
        assert listening.take.problem() == muted
        virtual_microphone.pactl("set-source-mute", "vmic", "0")
        virtual_microphone.play(sounds.voice(500))
        assert listening.told.wait_for("problem", count=2).problem is None
        assert listening.microphone.problem is None


def test_a_voice_that_hardly_arrives_explains_the_take(virtual_microphone: VirtualMicrophone) -> None:
    with Listening() as listening:
        listening.heard.wait_for_more()
        virtual_microphone.play(sounds.voice(500, peak=0.003))
        listening.to_the_end()
        problem = listening.take.problem()
    assert problem is not None
    assert problem.code == "too-quiet"
    assert "dBFS" in problem.message


# ---- Permission, as another user -------------------------------------------------------------------------


def as_nobody(check: Callable[[], Any]) -> Any:
    """What `check` returns to a user without rights (it is asked in a child process)."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            os.write(theirs, json.dumps(check()).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    with os.fdopen(ours) as answer:
        return json.load(answer)


def test_a_card_that_only_others_may_use(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    card = tmp_path / "pcmC0D0c"
    card.touch()
    card.chmod(0)

    def check() -> list[str] | None:
        problem = problems.permission(tmp_path, runtime="")
        return problem and [problem.code, problem.hint]

    code, hint = as_nobody(check)
    assert code == "no-permission"
    assert "usermod -aG audio" in hint
    card.chmod(0o666)
    assert as_nobody(check) is None


def test_a_sound_server_of_another_user(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (tmp_path / "pulse").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(tmp_path / "pulse", os.O_RDONLY)
        try:
            server.bind(f"/proc/self/fd/{here}/native")  # names of sockets must be short
        finally:
            os.close(here)
    (tmp_path / "pulse" / "native").chmod(0o600)

    def check() -> list[str] | None:
        problem = problems.permission(tmp_path / "no cards", runtime=str(tmp_path))
        return problem and [problem.code, problem.hint]

    code, hint = as_nobody(check)
    assert code == "no-permission"
    assert "without sudo" in hint
    (tmp_path / "pulse" / "native").chmod(0o666)
    assert as_nobody(check) is None


# ---- Pure ------------------------------------------------------------------------------------------------


def source(**changes: Any) -> PulseSource:
    return PulseSource(**{"index": 1, "name": "mic", "description": "Mic", "rate": 48_000, **changes})


def explained(one: PulseSource, silent_s: float | None = None, dbfs: float | None = None) -> list[str]:
    server = PulseServer((one,), default_name=one.name)
    return codes(problems.explain(server=server, name="Mic", silent_s=silent_s, loudest_dbfs=dbfs))


@pytest.mark.parametrize(
    ("changes", "silent_s", "dbfs", "expected"),
    [
        ({}, None, None, []),
        ({}, None, -20.0, []),
        ({}, None, -60.0, ["too-quiet"]),
        ({}, 1.0, -100.0, ["digital-silence"]),
        ({"is_muted": True}, 1.0, -100.0, ["muted"]),
        ({"is_monitor": True}, 1.0, None, ["monitor-source", "digital-silence"]),
        ({"is_monitor": True}, None, None, ["monitor-source"]),
        ({"is_available": False}, 1.0, None, ["no-device"]),
        ({"volume": 0.1}, None, None, ["too-quiet"]),
        ({"volume": 0.1}, None, -70.0, ["too-quiet"]),
        ({"rate": 8_000}, None, None, ["narrow-band"]),
        ({"rate": 16_000}, None, None, []),
        ({"rate": 0}, None, None, []),
    ],
)
def test_each_problem_is_told_apart(
    changes: dict[str, Any], silent_s: float | None, dbfs: float | None, expected: list[str]
) -> None:
    assert explained(source(**changes), silent_s, dbfs) == expected


def test_without_a_sound_server_silence_is_all_that_is_known() -> None:
    assert codes(problems.explain(server=None, name="hw:0", silent_s=2.0)) == ["digital-silence"]
    assert problems.explain(server=None, name="hw:0", silent_s=None) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.MicrophoneMissing("gone"), "no-device"),
        (errors.MicrophoneForbidden("no"), "no-permission"),
        (errors.MicrophoneBusy("held"), "busy"),
        (errors.MicrophoneLost("away"), "lost"),
        (errors.PortAudioMissing("no library"), "portaudio-missing"),
    ],
)
def test_failures_are_problems_too(error: errors.MicrophoneError, code: str) -> None:
    assert problems.of_error(error) == Problem(code, str(error), error.hint)


def test_a_bluetooth_headset_in_its_telephone_profile_is_recognised_in_what_pipewire_prints() -> None:
    row = {
        "index": 77,
        "name": "bluez_input.AC_BF_71_00_00_01.0",
        "description": "WH-1000XM4",
        "sample_specification": "s16le 1ch 8000Hz",
        "mute": False,
        "volume": {"mono": {"value": 65536, "value_percent": "100%", "db": "0.00 dB"}},
        "monitor_source": "",
        "properties": {"device.api": "bluez5", "api.bluez5.codec": "cvsd", "device.class": "sound"},
        "ports": [{"name": "headset-input", "availability": "available"}],
        "active_port": "headset-input",
    }
    read = _pulse.read_source(row)
    assert read is not None
    assert read.is_bluetooth
    assert problems.is_narrow(read)
    assert explained(read) == ["narrow-band"]
    wide = _pulse.read_source(row | {"sample_specification": "s16le 1ch 16000Hz"})
    assert wide is not None
    assert explained(wide) == []
