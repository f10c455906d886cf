"""What PulseAudio, or PipeWire in its place, knows of microphones: asked by `pactl`, whose answers are JSON.

PortAudio sees one device, "pulse", behind which the server chooses a source. Which source that is, whether it
is muted, a monitor or a narrow-band headset, only the server knows. Everything here answers None or nothing
where there is no server, no `pactl`, or one that is too old; that is no failure, only less to say.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

TIMEOUT_S = 2.0
"""A server that is alive answers in 10 ms."""


@dataclass(frozen=True, slots=True)
class PulseSource:
    """A source of the server."""

    index: int
    name: str
    """Its name for programs: alsa_input.usb-Blue_Yeti-00.analog-stereo."""
    description: str
    """Its name for people: Blue Yeti Analog Stereo."""
    is_monitor: bool = False
    """It gives what is played, not what is said."""
    is_muted: bool = False
    volume: float = 1.0
    """Of its loudest channel, 1 for unchanged."""
    rate: int = 0
    """Samples per second, 0 where unknown."""
    is_bluetooth: bool = False
    is_available: bool = True
    """False where its plug is known to be empty."""


@dataclass(frozen=True, slots=True)
class PulseServer:
    """Everything that is asked, at one moment."""

    sources: tuple[PulseSource, ...]
    default_name: str
    """The name of the source that who asks for none gets; '' where there is none."""
    ours: int | None = None
    """Index of the source that this process listens to; None where it listens to none."""
    our_output: int | None = None
    """The server's number of that connection."""

    @property
    def current(self) -> PulseSource | None:
        """The source that this process listens to, or would."""
        for source in self.sources:
            if source.index == self.ours if self.ours is not None else source.name == self.default_name:
                return source
        return None


def ask() -> PulseServer | None:
    """The server's state; None where nobody answers."""
    info = _pactl_json("info")
    if not isinstance(info, Mapping):
        return None
    sources, outputs = _pactl_json("list", "sources"), _pactl_json("list", "source-outputs")
    return read_server(info, _mappings(sources), _mappings(outputs), pid=os.getpid())


def default_source() -> str:
    """The name of the source that who asks for none gets; '' where nobody knows."""
    if _users_choice:
        return _users_choice
    info = _pactl_json("info")
    return str(info.get("default_source_name") or "") if isinstance(info, Mapping) else ""


def move(output: int, source: str) -> bool:
    """Let the connection `output` listen to `source`; False where that failed."""
    return _pactl("move-source-output", str(output), source) is not None


def aim(source: str | None) -> None:
    """Let the next connection that this process opens listen to `source`; None for the server's choice.

    libpulse reads PULSE_SOURCE when it connects. What the user has set there is the server's choice to us.
    """
    wanted = _users_choice if source is None else source
    if os.environ.get("PULSE_SOURCE") == wanted:
        return
    if wanted is None:
        del os.environ["PULSE_SOURCE"]
    else:
        os.environ["PULSE_SOURCE"] = wanted


_users_choice = os.environ.get("PULSE_SOURCE")


class Watch:
    """Tells that something about sources has changed, without asking again and again."""

    def __init__(self) -> None:
        try:
            self._pactl: subprocess.Popen[bytes] | None = subprocess.Popen(
                ["pactl", "subscribe"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LC_ALL": "C"},
            )
        except OSError as error:
            logger.debug("pactl subscribe: %s", error)
            self._pactl = None
            return
        assert self._pactl.stdout is not None
        os.set_blocking(self._pactl.stdout.fileno(), False)

    def changed(self) -> bool:
        """Whether there was a change since the last call. Never waits."""
        if self._pactl is None or self._pactl.stdout is None:
            return False
        try:
            printed = os.read(self._pactl.stdout.fileno(), 65536)
        except BlockingIOError:
            return False
        return b"on source" in printed or b"on server" in printed

    def close(self) -> None:
        """May be called twice."""
        if self._pactl is None or self._pactl.stdout is None:
            return
        self._pactl.kill()
        self._pactl.wait()
        self._pactl.stdout.close()
        self._pactl = None


def read_server(
    info: Mapping[str, Any],
    sources: Iterable[Mapping[str, Any]],
    outputs: Iterable[Mapping[str, Any]],
    *,
    pid: int,
) -> PulseServer:
    """Pure: what pactl printed, as data. Entries that are not as expected are left out."""
    found = [read_source(row) for row in sources]
    ours = our_output = None
    for row in outputs:
        if _properties(row).get("application.process.id") == str(pid):
            ours, our_output = _whole(row.get("source")), _whole(row.get("index"))
    return PulseServer(
        sources=tuple(source for source in found if source is not None),
        default_name=str(info.get("default_source_name") or ""),
        ours=ours,
        our_output=our_output,
    )


def read_source(row: Mapping[str, Any]) -> PulseSource | None:
    """Pure: one entry of `pactl --format=json list sources`; None where it has no name or number."""
    index, name = _whole(row.get("index")), row.get("name")
    if index is None or not isinstance(name, str):
        return None
    properties = _properties(row)
    device_class = properties.get("device.class", "")
    return PulseSource(
        index=index,
        name=name,
        description=str(row.get("description") or name),
        is_monitor=device_class == "monitor" or name.endswith(".monitor"),
        is_muted=row.get("mute") is True,
        volume=_volume(row.get("volume")),
        rate=_rate(str(row.get("sample_specification", ""))),
        is_bluetooth=_is_bluetooth(name, properties),
        is_available=_is_available(row),
    )


def match(wanted: str, sources: Sequence[PulseSource]) -> PulseSource | None:
    """The source that `wanted` names: exactly, else as a part of a name in any case; microphones before
    monitors."""
    key = wanted.casefold()
    for source in sources:
        if key in (source.name.casefold(), source.description.casefold()):
            return source
    parts = [one for one in sources if key in one.name.casefold() or key in one.description.casefold()]
    return min(parts, key=lambda one: (one.is_monitor, not one.is_available, one.index), default=None)


# --- reading what pactl prints --------------------------------------------------------------------------


def _properties(row: Mapping[str, Any]) -> dict[str, str]:
    properties = row.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {str(key): str(value) for key, value in properties.items()}


def _mappings(rows: Any) -> list[Mapping[str, Any]]:
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _volume(channels: Any) -> float:
    if not isinstance(channels, Mapping) or not channels:
        return 1.0
    values = [channel.get("value") for channel in channels.values() if isinstance(channel, Mapping)]
    # 65536 is PA_VOLUME_NORM.
    return max((value / 65536 for value in values if isinstance(value, int | float)), default=1.0)


def _rate(specification: str) -> int:
    found = re.search(r"(\d+)Hz", specification)
    return int(found[1]) if found else 0


def _is_bluetooth(name: str, properties: Mapping[str, str]) -> bool:
    return (
        name.startswith(("bluez_input", "bluez_source"))
        or properties.get("device.api") == "bluez5"
        or properties.get("device.bus") == "bluetooth"
    )


def _is_available(row: Mapping[str, Any]) -> bool:
    active = row.get("active_port")
    ports = _mappings(row.get("ports"))
    return not any(
        port.get("name") == active and port.get("availability") == "not available" for port in ports
    )


def _pactl_json(*arguments: str) -> Any:
    printed = _pactl("--format=json", *arguments)
    if printed is None:
        return None
    try:
        return json.loads(printed)
    except ValueError as error:
        logger.debug("pactl %s: no JSON (%s)", " ".join(arguments), error)
        return None


def _pactl(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["pactl", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            # A comma in a number would be no JSON.
            env={**os.environ, "LC_ALL": "C"},
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        logger.debug("pactl %s: %s", " ".join(arguments), error)
        return None
    return done.stdout.decode("utf-8", errors="replace")
