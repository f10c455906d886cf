"""What is wrong with a microphone, and what to do about it: pure, from what is known of it.

The order is the order of the remedies: a microphone that is not there is not muted, and one that is muted is
silent for a known reason.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from engine._pulse import PulseServer, PulseSource
from engine.errors import MicrophoneError

QUIET_VOLUME = 0.2
"""A source turned down below this (-42 dB on PulseAudio's cubic scale) gives nothing but whispers."""

NARROW_RATE = 8_000
"""Telephone quality: Bluetooth's first hands-free profile (CVSD). Half of what the model was trained on."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about the microphone that keeps words from being heard, or heard well."""

    code: str
    """Stable name: `no-device`, `portaudio-missing`, `no-permission`, `busy`, `lost`, `muted`,
    `digital-silence`, `too-quiet`, `too-early`, `monitor-source`, `narrow-band`."""
    message: str
    """What is wrong, for people, in one line."""
    hint: str
    """What to do about it."""


def of_error(error: MicrophoneError) -> Problem:
    """The problem that an error tells of."""
    codes = {"microphone-missing": "no-device", "microphone-forbidden": "no-permission"}
    code = codes.get(error.code, error.code.removeprefix("microphone-"))
    return Problem(code, str(error), error.hint)


def of_source(source: PulseSource) -> list[Problem]:
    """What the server's view of a source tells, the worst first."""
    problems = []
    name = source.description
    if source.is_muted:
        problems.append(
            Problem(
                "muted",
                f"{name} is muted",
                f"Unmute it in the sound settings, or: pactl set-source-mute {source.name} 0",
            )
        )
    if not source.is_available:
        problems.append(
            Problem(
                "no-device",
                f"nothing is plugged into {name}",
                "Plug a microphone in, or choose another input in the sound settings.",
            )
        )
    if source.is_monitor:
        problems.append(
            Problem(
                "monitor-source",
                f"{name} is no microphone: it gives what the computer plays",
                "Choose a microphone as input in the sound settings, or name one: microphone.device.",
            )
        )
    if source.volume < QUIET_VOLUME and not source.is_muted:
        problems.append(
            Problem(
                "too-quiet",
                f"{name} is turned down to {source.volume:.0%}",
                f"Turn it up in the sound settings, or: pactl set-source-volume {source.name} 100%",
            )
        )
    if is_narrow(source):
        problems.append(
            Problem(
                "narrow-band",
                f"{name} gives {source.rate / 1000:g} kHz, as a telephone does; words will be misheard",
                "Choose the headset's mSBC profile (wideband) or another microphone in the sound settings.",
            )
        )
    return problems


def is_narrow(source: PulseSource) -> bool:
    """Whether a source gives telephone quality."""
    return 0 < source.rate <= NARROW_RATE


def silence(name: str, seconds: float) -> Problem:
    """For digital silence that has no other reason."""
    return Problem(
        "digital-silence",
        f"{name} gives digital silence for {seconds:.1f} s: not even the noise of a quiet room",
        "Its own mute switch may be on, the wrong input chosen, or (macOS) the microphone not allowed for "
        "this program in System Settings, Privacy & Security, Microphone.",
    )


def not_started(name: str) -> Problem:
    """For a take that ended before its first sample."""
    return Problem(
        "too-early",
        f"{name} was not running yet when talking stopped",
        "Hold the key a little longer, or keep the microphone open: microphone.warm_ms = 300",
    )


def quiet(name: str, dbfs: float) -> Problem:
    """For a voice that hardly arrives."""
    return Problem(
        "too-quiet",
        f"{name} gives {dbfs:.0f} dBFS at most; a voice reaches -35 and more",
        "Move closer, or raise the input volume in the sound settings.",
    )


def explain(
    *, server: PulseServer | None, name: str, silent_s: float | None, loudest_dbfs: float | None = None
) -> list[Problem]:
    """All that is known to be wrong, the worst first.

    `silent_s`: how long there was nothing but digital silence, None where there was sound. `loudest_dbfs`:
    the loudest 20 ms while somebody surely spoke, None where nobody may have.
    """
    from engine.loudness import TOO_QUIET_DBFS

    current = server.current if server is not None else None
    problems = of_source(current) if current is not None else []
    codes = {problem.code for problem in problems}
    if silent_s is not None and not codes & {"muted", "no-device"}:
        at = 1 if "monitor-source" in codes else 0
        problems.insert(at, silence(name, silent_s))
    elif loudest_dbfs is not None and loudest_dbfs < TOO_QUIET_DBFS and not codes & {"muted", "too-quiet"}:
        problems.append(quiet(name, loudest_dbfs))
    return problems


def permission(devices: Path = Path("/dev/snd"), runtime: str | None = None) -> Problem | None:
    """Why this user may be kept from a sound system that is there; asked when no device was found."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") if runtime is None else runtime
    if runtime:
        socket = Path(runtime) / "pulse" / "native"
        if _exists(socket) and not os.access(socket, os.R_OK | os.W_OK):
            return Problem(
                "no-permission",
                f"the sound server's socket {socket} belongs to another user",
                "Run voice-edit as the user who is logged in at the desktop, without sudo.",
            )
    cards = sorted(devices.glob("pcmC*c")) if devices.is_dir() else []
    if cards and not any(os.access(card, os.R_OK | os.W_OK) for card in cards):
        return Problem(
            "no-permission",
            f"no permission to use the sound card ({cards[0]})",
            "Join its group, then log in anew: sudo usermod -aG audio $USER",
        )
    return None


def _exists(socket: Path) -> bool:
    try:
        return stat.S_ISSOCK(socket.stat().st_mode)
    except PermissionError:
        return True
    except OSError:
        return False
