"""The doctor's look at the model: are its files there, does it load, and does it hear a recording?"""

from __future__ import annotations

import time

from voice_edit.doctor.checks import Context, Finding


def files(context: Context) -> Finding:
    """The model's files, by name and size. Raises ModelFailed."""
    from voice_edit import engines, pipeline

    if engines.uses_server(context.settings):
        return Finding("ok", "A server hears; there are no files here", "", {"name": engines.SERVER_MODEL})
    found = pipeline.find_model(context.settings, context.paths)
    size = found.model.stat().st_size + found.projector.stat().st_size
    details = {
        "name": found.name, "model": str(found.model), "projector": str(found.projector),
        "bytes": size,
    }  # fmt: skip
    return Finding("ok", f"{found.name}, {size / 2**20:,.0f} MB", "", details)


def larger(context: Context) -> Finding:
    """Whether a model for real voices is in use, and if not, which would fit. Raises ModelFailed."""
    from voice_edit import models

    found = models.overview(context.settings, context.paths)
    details = {"models": [one.to_json() for one in found]}
    if context.settings.engine.model != "bundled":
        return Finding("ok", f"{context.settings.engine.model} is in use", "", details)
    here = [one.name for one in found if one.state == "here" and one.name != "bundled"]
    if here:
        said = f"The bundled model is made for synthetic voices; here is also {', '.join(here)}"
        return Finding("ok", f"{said}: voice-edit model use {here[0]}", "", details)
    best = models.suggest(found)
    if best is None:
        needs = [one.needs.total for one in found if one.needs is not None and one.name != "bundled"]
        least = f"the smallest needs {min(needs) / 1e9:.1f} GB" if needs else "what they need is unknown"
        return Finding("ok", f"No model for real voices fits this machine now: {least}", "", details)
    return Finding(
        "ok",
        "The bundled model is made for synthetic voices; for real ones this fits: "
        f"voice-edit model pull {best.name}   ({(best.size - best.here) / 1e9:.1f} GB)",
        "",
        details,
    )


def hearing(context: Context) -> Finding:
    """Loads the model and lets it hear a recording that ships with the program. In a process of its own."""
    from engine.events import Hypothesis
    from voice_edit import pipeline
    from voice_edit.cli.samples import load_samples, samples_folder

    sample = load_samples(samples_folder())[0]
    began_s = time.monotonic()
    engine = pipeline.open_model(context.settings, context.paths)
    loaded_s = time.monotonic()
    source = pipeline.open_recording(sample.recording)
    heard = [
        event.text
        for event in pipeline.hear(source, engine, context.settings)
        if isinstance(event, Hypothesis) and event.kind == "final"
    ]
    done_s = time.monotonic()
    words = " ".join(heard)
    load_s, hear_s = loaded_s - began_s, done_s - loaded_s
    details = {
        "said": sample.say, "heard": words, "load_s": round(load_s, 3), "hear_s": round(hear_s, 3),
        "audio_s": round(source.duration_s, 3), "memory_mb": _memory_mb(),
    }  # fmt: skip
    times = f"loaded in {load_s:.1f} s, {source.duration_s:.1f} s of speech heard in {hear_s:.1f} s"
    if _letters(words) != _letters(sample.say):
        if not words:
            return Finding(
                "failed", f"A test recording gave no words ({times}).", "Try: --model bundled", details
            )
        return Finding(
            "warning",
            f"A recording of “{sample.say}” was heard as “{words}” ({times}).",
            "Another model may hear better: voice-edit model show",
            details,
        )
    if hear_s > source.duration_s:
        return Finding(
            "warning",
            f"Hears rightly, but slower than people speak: {times}.",
            "Use a smaller model or more threads (engine.threads), or end what else is running.",
            details,
        )
    return Finding("ok", f"Heard “{words}” in a test recording; {times}.", "", details)


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _memory_mb() -> int:
    """The most that this process has occupied, in units of 2**20 bytes."""
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))
