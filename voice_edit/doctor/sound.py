"""The doctor's look at the microphone. Each in a process of its own: sound libraries hang and print."""

from __future__ import annotations

from voice_edit.doctor.checks import Context, Finding

SPEECH_DBFS = -35.0
"""A voice at a usual distance is at least as loud."""


def portaudio(context: Context) -> Finding:
    """The library, and the inputs it knows."""
    from engine import _portaudio
    from engine.errors import MicrophoneError

    try:
        inputs = _portaudio.input_devices()
    except MicrophoneError as error:
        return Finding("failed", str(error), error.hint, {"error": error.code})
    names = [device.name for device in inputs]
    details = {
        "inputs": [
            {"name": d.name, "channels": d.channels, "rate": d.rate, "default": d.is_default} for d in inputs
        ]
    }
    if not names:
        return Finding("ok", "PortAudio is there; it knows no input.", "", details)
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return Finding("ok", f"PortAudio knows {_count(len(names), 'input')}: {shown}", "", details)


def microphone(context: Context) -> Finding:
    """Opens the chosen microphone and says everything that is wrong with it."""
    from engine.microphone import diagnose

    wanted = context.settings.microphone.device
    problems = diagnose(wanted)
    details = {"device": wanted, "problems": [_problem(p.code, p.message, p.hint) for p in problems]}
    if problems:
        worst = problems[0]
        # What lets sound through can be lived with.
        state = "warning" if worst.code in ("too-quiet", "monitor-source", "narrow-band") else "failed"
        remedies = "\n".join(dict.fromkeys(problem.hint for problem in problems))
        return Finding(state, "; ".join(p.message for p in problems), remedies, details)  # type: ignore[arg-type]
    return Finding("ok", f"{_chosen(wanted)} opens and gives sound.", "", details)


def level(context: Context) -> Finding:
    """How loud it is now."""
    import numpy as np

    from engine.errors import MicrophoneError
    from engine.frames import WINDOW_SAMPLES, ms_to_samples
    from engine.microphone import Microphone

    pieces = []
    with Microphone(context.settings.microphone.device) as opened, opened.begin() as take:
        try:
            for chunk in take.chunks():
                pieces.append(chunk.samples)
                if chunk.start_sample + len(chunk.samples) >= ms_to_samples(1000 * context.listen_s):
                    break
        except MicrophoneError as error:
            return Finding("failed", str(error), error.hint, {"error": error.code})
        name = opened.device_name
        started_ms = round(1000 * ((take.first_sound_s or take.began_s) - take.began_s))
    sound = np.concatenate(pieces)
    windows = sound[: len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    powers = windows.var(axis=1)
    loudest, middle = _dbfs(float(powers.max())), _dbfs(float(np.median(powers)))
    peak = float(np.abs(sound).max())
    details = {
        "device": name, "seconds": round(len(sound) / 16_000, 2), "loudest_dbfs": round(loudest, 1),
        "median_dbfs": round(middle, 1), "peak": round(peak, 3), "started_ms": started_ms,
        "dropped_samples": take.dropped_samples,
    }  # fmt: skip
    shown = f"{name}: {middle:.0f} dBFS, loudest {loudest:.0f}; first sound after {started_ms} ms"
    if peak >= 0.999:
        return Finding("warning", f"{shown}; it clips.", "Turn the input volume down a little.", details)
    if take.dropped_samples:
        return Finding(
            "warning",
            f"{shown}; sound was lost.",
            "End what keeps the computer busy, then try again.",
            details,
        )
    if peak == 0.0:
        return Finding("skipped", f"{shown}: digital silence, see the microphone.", "", details)
    said = "" if loudest >= SPEECH_DBFS else " Speak while it listens (--listen 5) to see your voice's level."
    return Finding("ok", f"{shown}.{said}", "", details)


def _dbfs(power: float) -> float:
    import math

    return max(-100.0, 10.0 * math.log10(power)) if power > 0 else -100.0


def _chosen(wanted: str) -> str:
    return "The system's microphone" if wanted == "default" else wanted


def _problem(code: str, message: str, hint: str) -> dict[str, str]:
    return {"code": code, "message": message, "hint": hint}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
