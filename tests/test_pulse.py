"""What the sound server prints, read; and what is made of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from virtual_microphone import VirtualMicrophone, wait_for

from engine import _pulse
from engine._portaudio import InputDevice
from engine._pulse import PulseServer, PulseSource, match, read_server, read_source
from engine.errors import MicrophoneMissing
from engine.microphone_choice import Choice, Following, choose, follow, formats

BUILT_IN = PulseSource(1, "alsa_input.pci-0000_00_1f.3.analog-stereo", "Built-in Audio Analog Stereo")
MONITOR = PulseSource(0, "alsa_output.pci.analog-stereo.monitor", "Monitor of Yeti Speakers", is_monitor=True)
YETI = PulseSource(5, "alsa_input.usb-Blue_Yeti-00.analog-stereo", "Yeti Stereo Microphone")

PULSE = InputDevice(0, "pulse", 32, 44_100, is_default=False)
DEFAULT = InputDevice(1, "default", 32, 44_100, is_default=True)
CARD = InputDevice(2, "HDA Intel PCH: ALC257 Analog (hw:0,0)", 2, 48_000, is_default=False)


# ---- Asked for real --------------------------------------------------------------------------------------


def test_a_real_server_is_read(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.pactl("set-source-mute", "vmic", "1")
    virtual_microphone.pactl("set-source-volume", "vmic", "50%")
    server = _pulse.ask()
    assert server is not None
    assert server.default_name == "vmic"
    assert server.ours is None
    current = server.current
    assert current is not None
    assert (current.description, current.is_muted, current.is_monitor) == ("Virtual Microphone", True, False)
    assert current.rate == 16_000
    assert current.volume == pytest.approx(0.5, abs=0.01)
    assert [source.is_monitor for source in server.sources] == [True, False]


def test_without_a_server_nothing_is_known(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.kill()
    assert _pulse.ask() is None
    assert _pulse.default_source() == ""
    watch = _pulse.Watch()
    assert not watch.changed()
    watch.close()


def test_without_pactl_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _pulse.ask() is None
    assert not _pulse.move(1, "vmic")
    watch = _pulse.Watch()
    assert not watch.changed()
    watch.close()


def test_a_pactl_that_is_too_old_or_hangs_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pactl = tmp_path / "pactl"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(_pulse, "TIMEOUT_S", 0.2)
    for script in ("echo Server String: /run/user/1000/pulse/native", "exec sleep 60", "exit 3"):
        pactl.write_text(f"#!/bin/sh\n{script}\n")
        pactl.chmod(0o755)
        assert _pulse.ask() is None


def test_changes_of_sources_are_told_and_nothing_else(virtual_microphone: VirtualMicrophone) -> None:
    watch = _pulse.Watch()
    try:
        # It takes a moment until it is connected.
        def changes() -> bool:
            virtual_microphone.pactl("set-source-volume", "vmic", "70%")
            virtual_microphone.pactl("set-source-volume", "vmic", "80%")
            return watch.changed()

        wait_for(changes, "the first change")
        wait_for(lambda: not watch.changed(), "the end of the changes")
        virtual_microphone.pactl("info")
        assert not watch.changed()
        virtual_microphone.pactl("set-source-mute", "vmic", "1")
        wait_for(watch.changed, "the change")
    finally:
        watch.close()
        watch.close()


# ---- Pure ------------------------------------------------------------------------------------------------


def row(**changes: Any) -> dict[str, Any]:
    return {"index": 3, "name": "mic", "description": "Mic", "mute": False, **changes}


def test_entries_that_are_not_as_expected_do_no_harm() -> None:
    assert read_source({}) is None
    assert read_source({"index": "3", "name": "mic"}) is None
    odd = read_source(row(properties=[], volume="50%", ports="none", sample_specification=None))
    assert odd == PulseSource(3, "mic", "Mic")
    assert read_server({}, [{}], [{}], pid=1) == PulseServer((), "")


def test_our_connection_is_found_by_its_process() -> None:
    outputs = [
        {"index": 8, "source": 1, "properties": {"application.process.id": "41"}},
        {"index": 9, "source": 3, "properties": {"application.process.id": "42"}},
    ]
    server = read_server({"default_source_name": "other"}, [row()], outputs, pid=42)
    assert (server.ours, server.our_output) == (3, 9)
    assert server.current is not None
    assert server.current.name == "mic"


def test_an_empty_plug_is_known() -> None:
    ports = [{"name": "a", "availability": "not available"}, {"name": "b", "availability": "available"}]
    for active, available in (("a", False), ("b", True), (None, True)):
        source = read_source(row(ports=ports, active_port=active))
        assert source is not None
        assert source.is_available is available


def test_the_loudest_channel_counts() -> None:
    source = read_source(row(volume={"front-left": {"value": 0}, "front-right": {"value": 32768}}))
    assert source is not None
    assert source.volume == 0.5


def test_json_with_a_comma_in_its_numbers_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pactl = tmp_path / "pactl"
    pactl.write_text("#!/bin/sh\necho '{\"balance\": 0,00}'\n")
    pactl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert _pulse.ask() is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Yeti Stereo Microphone", YETI),
        ("yeti", YETI),
        ("blue_yeti", YETI),
        ("BUILT-IN", BUILT_IN),
        ("Monitor of Yeti Speakers", MONITOR),
        ("Rode", None),
    ],
)
def test_a_source_is_found_by_part_of_its_name_a_microphone_before_a_monitor(
    wanted: str, found: PulseSource | None
) -> None:
    assert match(wanted, [MONITOR, BUILT_IN, YETI]) == found


SERVER = PulseServer((MONITOR, BUILT_IN, YETI), default_name=BUILT_IN.name)


@pytest.mark.parametrize(
    ("wanted", "server", "choice"),
    [
        ("default", None, Choice(DEFAULT, None)),
        ("default", SERVER, Choice(DEFAULT, None)),
        ("Yeti", SERVER, Choice(PULSE, YETI)),
        ("pulse", SERVER, Choice(PULSE, None)),
        ("ALC257", SERVER, Choice(CARD, None)),
        ("hw:0,0", None, Choice(CARD, None)),
    ],
)
def test_the_device_for_a_name(wanted: str, server: PulseServer | None, choice: Choice) -> None:
    assert choose(wanted, [PULSE, DEFAULT, CARD], server) == choice


def test_without_a_default_the_sound_server_is_taken_and_without_one_any_input() -> None:
    assert choose("default", [CARD, PULSE], None).device == PULSE
    assert choose("default", [CARD], None).device == CARD


def test_without_inputs_or_with_another_name_there_is_no_microphone() -> None:
    with pytest.raises(MicrophoneMissing, match="no input"):
        choose("default", [], SERVER)
    with pytest.raises(MicrophoneMissing) as caught:
        choose("Rode", [PULSE], SERVER)
    assert "“Built-in Audio Analog Stereo”, “Yeti Stereo Microphone”" in caught.value.hint
    assert "Monitor" not in caught.value.hint
    with pytest.raises(MicrophoneMissing) as caught:
        choose("Rode", [CARD], None)
    assert "ALC257" in caught.value.hint


def test_16_khz_mono_is_tried_first_and_then_what_the_device_is_made_for() -> None:
    tried = formats(CARD)
    assert tried[:2] == [(16_000, 1), (16_000, 2)]
    assert (48_000, 2) in tried
    assert len(tried) == len(set(tried))
    assert all(channels <= 2 for _, channels in tried)
    assert max(channels for _, channels in formats(PULSE)) <= 2
    assert formats(InputDevice(0, "odd", 4, 0, is_default=True))[-1] == (44_100, 4)


def seen(sources: tuple[PulseSource, ...], default: PulseSource, ours: PulseSource) -> PulseServer:
    return PulseServer(sources, default.name, ours=ours.index, our_output=12)


ALL = (MONITOR, BUILT_IN, YETI)


@pytest.mark.parametrize(
    ("chosen", "before", "now", "following"),
    [
        # the system's choice: it moves us, or we move
        (None, None, seen(ALL, BUILT_IN, BUILT_IN), Following()),
        (None, seen(ALL, BUILT_IN, BUILT_IN), seen(ALL, YETI, YETI), Following()),
        (None, seen(ALL, BUILT_IN, BUILT_IN), seen(ALL, YETI, BUILT_IN), Following(move_to=YETI)),
        # the user moved us by hand: so be it
        (None, seen(ALL, BUILT_IN, BUILT_IN), seen(ALL, BUILT_IN, YETI), Following()),
        # a name: there we want to be
        (YETI, None, seen(ALL, BUILT_IN, YETI), Following()),
        (YETI, None, seen(ALL, BUILT_IN, BUILT_IN), Following(move_to=YETI)),
        (YETI, seen(ALL, BUILT_IN, YETI), seen((MONITOR, BUILT_IN), BUILT_IN, BUILT_IN), Following()),
        (MONITOR, None, seen(ALL, BUILT_IN, MONITOR), Following()),
        # nobody listens, or not through the server
        (None, None, PulseServer(ALL, BUILT_IN.name), Following()),
    ],
)
def test_the_choice_is_followed(
    chosen: PulseSource | None, before: PulseServer | None, now: PulseServer, following: Following
) -> None:
    wanted = "default" if chosen is None else chosen.description
    assert follow(wanted, Choice(PULSE, chosen), before, now) == following


@pytest.mark.parametrize("chosen", [None, YETI])
def test_what_the_computer_plays_is_never_recorded_in_place_of_a_microphone(
    chosen: PulseSource | None,
) -> None:
    before = seen(ALL, YETI, YETI)
    now = seen((MONITOR,), MONITOR, MONITOR)
    wanted = "default" if chosen is None else chosen.description
    assert "no microphone" in follow(wanted, Choice(PULSE, chosen), before, now).refuse


def test_aiming_at_a_source_is_undone_and_leaves_the_users_own_choice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PULSE_SOURCE", raising=False)
    monkeypatch.setattr(_pulse, "_users_choice", None)
    _pulse.aim("vmic")
    assert os.environ["PULSE_SOURCE"] == "vmic"
    _pulse.aim(None)
    assert "PULSE_SOURCE" not in os.environ
    monkeypatch.setattr(_pulse, "_users_choice", "mine")
    _pulse.aim(None)
    assert os.environ["PULSE_SOURCE"] == "mine"
    assert _pulse.default_source() == "mine"
