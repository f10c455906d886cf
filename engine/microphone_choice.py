"""Which device to open for a name that the user gave. Pure, from what PortAudio and the server list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine import _pulse
from engine._portaudio import InputDevice
from engine._pulse import PulseServer, PulseSource
from engine.errors import MicrophoneMissing
from engine.frames import SAMPLE_RATE

DEFAULT = "default"
"""The name for whatever the system chooses, also when it chooses another one later."""

SERVER_DEVICES = ("pulse", "pipewire", "default")
"""Names under which ALSA shows the sound server, the best first. It resamples, and follows the user's
choice."""

MOST_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """What to open."""

    device: InputDevice
    source: PulseSource | None
    """The source of the sound server to listen to; None for the one it chooses itself."""

    @property
    def name(self) -> str:
        """For people."""
        return self.device.name if self.source is None else self.source.description


def choose(wanted: str, inputs: Sequence[InputDevice], server: PulseServer | None) -> Choice:
    """The device for the name `wanted`: exactly, or else a part of it in any case.

    Raises MicrophoneMissing, listing what there is.
    """
    if not inputs:
        raise MicrophoneMissing("there is no microphone: the sound system has no input")
    if wanted == DEFAULT:
        return Choice(_default(inputs), None)
    source = _pulse.match(wanted, server.sources) if server is not None else None
    behind_server = _named(SERVER_DEVICES, inputs)
    if source is not None and behind_server is not None:
        return Choice(behind_server, source)
    key = wanted.casefold()
    for device in sorted(inputs, key=lambda one: one.name.casefold() != key):
        if key in device.name.casefold():
            return Choice(device, None)
    there = [source.description for source in server.sources if not source.is_monitor] if server else []
    names = ", ".join(f"“{name}”" for name in there or [device.name for device in inputs])
    raise MicrophoneMissing(
        f"there is no microphone named “{wanted}”",
        hint=f"Plug it in, or set microphone.device to one of these or to “default”: {names}.",
    )


def formats(device: InputDevice) -> list[tuple[int, int]]:
    """(rate, channels) to try, the best first: what we need, then what the device says of itself, then what
    hardware usually takes."""
    channels = [one for one in (1, 2, device.channels) if one <= min(device.channels, MOST_CHANNELS)]
    rates = (SAMPLE_RATE, device.rate, 48_000, 44_100)
    return list(dict.fromkeys((rate, count) for rate in rates if rate > 0 for count in channels))


def _default(inputs: Sequence[InputDevice]) -> InputDevice:
    chosen = next((device for device in inputs if device.is_default), None)
    return chosen or _named(SERVER_DEVICES, inputs) or inputs[0]


def _named(names: Sequence[str], inputs: Sequence[InputDevice]) -> InputDevice | None:
    by_name = {device.name: device for device in inputs}
    return next((by_name[name] for name in names if name in by_name), None)


@dataclass(frozen=True, slots=True)
class Following:
    """What to do after the server was looked at."""

    move_to: PulseSource | None = None
    """Listen to this one instead."""
    refuse: str = ""
    """Why nothing may be listened to now, for people; '' where all is well."""


def follow(wanted: str, choice: Choice, before: PulseServer | None, now: PulseServer) -> Following:
    """Is what is listened to still what was asked for? `before`: the server when it was looked at last.

    The server moves those who listen when a source goes or the user chooses another one, but not always to
    where they want to be.
    """
    current = now.current
    if now.our_output is None or current is None:
        return Following()
    if choice.source is not None:
        there = _pulse.match(wanted, now.sources)
        if there is not None:
            return Following() if there.index == current.index else Following(move_to=there)
    elif before is not None and before.default_name != now.default_name != current.name:
        default = next((one for one in now.sources if one.name == now.default_name), None)
        if default is not None and not default.is_monitor:
            return Following(move_to=default)
    meant = current.name == now.default_name and choice.source is None and before is None
    if current.is_monitor and not meant:
        return Following(refuse=f"it is gone, and {current.description} is no microphone")
    return Following()
