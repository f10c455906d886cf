"""Opening the device that a name means, in a format that it takes."""

from __future__ import annotations

from engine import _portaudio, _pulse, microphone_problems
from engine._portaudio import FormatRefused, InputStream
from engine.errors import MicrophoneBusy, MicrophoneError, MicrophoneForbidden, MicrophoneMissing
from engine.microphone_choice import DEFAULT, Choice, choose, formats
from engine.ring import BlockRing

MONITOR = ".monitor"
"""At the end of the names of sources that are none: PulseAudio and PipeWire alike."""

FRESH_S = 2.0
"""So long a list of devices is believed without a sound server."""

RING_S = 10.0
"""The microphone's thread may be away this long (asking a sound server that hangs) without losing sound."""


def open_input(wanted: str) -> tuple[InputStream, Choice]:
    """Open the microphone that `wanted` names, looking for devices anew where that is needed.

    Raises MicrophoneMissing, MicrophoneBusy, MicrophoneForbidden, PortAudioMissing, MicrophoneLost.
    """
    try:
        return _open(wanted)
    except (MicrophoneMissing, MicrophoneBusy):
        # The list of devices may be older than what is plugged in, or than the sound server.
        if not _portaudio.refresh():
            raise
        try:
            return _open(wanted)
        except MicrophoneMissing as error:
            raise _forbidden() or error from None


def _open(wanted: str) -> tuple[InputStream, Choice]:
    server = None if wanted == DEFAULT else _pulse.ask()
    chosen = _pulse.default_source() if wanted == DEFAULT else ""
    if server is None and not chosen:
        # No server follows the user's choice for us: what is the default, and what is there, may be new.
        _portaudio.refresh(older_than_s=FRESH_S)
    if chosen.endswith(MONITOR):
        # Sound servers fall back to one where no microphone is left: it would record what is played.
        raise MicrophoneMissing(
            f"there is no microphone: the system's input is {chosen}, which is what the computer plays",
            hint="Plug a microphone in and choose it as input; to listen to this one, set microphone.device.",
        )
    choice = choose(wanted, _portaudio.input_devices(), server)
    _pulse.aim(None if choice.source is None else choice.source.name)
    refused: MicrophoneError | None = None
    for rate, channels in formats(choice.device):
        ring = BlockRing(round(RING_S * rate), channels)
        try:
            return InputStream(choice.device, rate=rate, channels=channels, ring=ring), choice
        except FormatRefused as error:
            refused = refused or error
    assert refused is not None, "there is always a format to try"
    raise refused


def _forbidden() -> MicrophoneForbidden | None:
    problem = microphone_problems.permission()
    return None if problem is None else MicrophoneForbidden(problem.message, hint=problem.hint)
