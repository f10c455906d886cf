"""`voice-edit transcribe`: words from recordings, nothing else."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voice_edit.cli.options import AsJson, Model, Projector, invocation
from voice_edit.cli.showing import CUT_OFF_HINT

if TYPE_CHECKING:
    from engine.judging.verdict import Verdict
    from engine.source import WavSource
    from engine.speech import SpeechEngine
    from voice_edit.cli.output import Output
    from voice_edit.weighing import Weigher

SAMPLE_RATE = 16_000


def transcribe(
    context: typer.Context,
    recordings: Annotated[
        list[Path],
        typer.Argument(
            metavar="WAV", readable=False, help="WAV, FLAC, OGG or MP3 of any rate and channel count."
        ),
    ],
    model: Model = None,
    projector: Projector = None,
    as_json: AsJson = False,
) -> None:
    """Print the words of recordings.

    One line a recording; with several recordings each line begins with the file's name and a tab. A recording
    that cannot be heard is reported and the others are still transcribed; the exit code then says so.
    """
    from voice_edit import pipeline, second_ear
    from voice_edit.errors import AudioFailed
    from voice_edit.weighing import Weigher

    run = invocation(context)
    output, settings = run.output(), run.settings()
    failure: AudioFailed | None = None
    engine: SpeechEngine | None = None
    second = second_ear.second_ear(settings, run.paths())
    try:
        for path in recordings:
            try:
                source = pipeline.open_recording(path)
                if (
                    engine is None
                ):  # not before there is something to hear: a wrong file name costs no loading
                    with output.waiting("Loading the model"):
                        engine = pipeline.open_model(settings, run.paths())
                weigher = Weigher(engine, settings, mode=None, second=second)
                data = _transcribe_one(path, source, weigher, output)
            except AudioFailed as error:
                output.error(error)
                failure = failure or error
                continue
            shown = data["text"] if len(recordings) == 1 else f"{path}\t{data['text']}"
            output.result(data, shown)
    finally:
        if second is not None:
            second.close()
        if engine is not None:
            engine.close()
    if failure is not None:
        raise typer.Exit(failure.exit_code)


def _transcribe_one(path: Path, source: WavSource, weigher: Weigher, output: Output) -> dict[str, Any]:
    """Hear one recording. Raises AudioFailed if nothing is spoken in it."""
    from engine.events import Hypothesis, Level, Rejected
    from voice_edit.errors import AudioFailed

    utterances: list[dict[str, Any]] = []
    rejected: list[Rejected] = []
    if missing := source.what_is_missing():
        output.warn(missing, CUT_OFF_HINT)
    with output.progress(path.name, source.duration_s) as advance:
        for event in weigher.hear(source):
            match event:
                case Level(sample=sample):
                    advance(sample / SAMPLE_RATE)
                case Hypothesis(kind="final"):
                    utterances.append(describe(event))
                    advance(event.end_sample / SAMPLE_RATE, event.text)
                    if event.verdict is not None and event.verdict.weak:
                        output.note(f"{path.name}: {event.verdict.sentence}")
                case Rejected():
                    rejected.append(event)
    if not utterances and rejected:
        raise AudioFailed(f"{path}: {rejected[0].message}", hint=rejected[0].hint)
    return {
        "file": str(path),
        "text": " ".join(utterance["text"] for utterance in utterances),
        "missing_s": round(source.missing_s, 3),
        "cut_off": source.missing_s > 0 or source.cut_off,
        "utterances": utterances,
        "rejected": [{"reason": r.reason, "message": r.message, **_seconds(r)} for r in rejected],
    }


def describe(hypothesis: Any) -> dict[str, Any]:
    """A final hypothesis as JSON: words, where in the recording, how sure, why it ended, how long it took."""
    timing = hypothesis.timing
    return {
        "text": hypothesis.text,
        **_seconds(hypothesis),
        "confidence": hypothesis.confidence,
        **_verdict(hypothesis.verdict),
        "stop": hypothesis.stop,
        "prefill_s": round(timing.prefill_s, 4),
        "decode_s": round(timing.decode_s, 4),
    }


def _verdict(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {}
    found = {"probability": verdict.probability, "weak": verdict.weak}
    symptoms = [symptom.code for symptom in verdict.symptoms]
    others = [asdict(other) for other in verdict.others]
    heard_by = verdict.engine or None
    return found | {"symptoms": symptoms, "heard_by": heard_by, "others": others, "why": verdict.why}


def _seconds(event: Any) -> dict[str, float]:
    return {
        "start_s": round(event.start_sample / SAMPLE_RATE, 3),
        "end_s": round(event.end_sample / SAMPLE_RATE, 3),
    }
