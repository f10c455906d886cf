"""`voice-edit bench`: what streaming, drafts and working ahead are worth on this machine."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, Model, Projector, invocation

if TYPE_CHECKING:
    from engine.catalog import ModelFiles
    from voice_edit.bench.report import Report
    from voice_edit.bench.rewrite import Rewrites, RewriteTrial
    from voice_edit.bench.runner import Plan, Result
    from voice_edit.bench.trial import Trial
    from voice_edit.bench.ways import Way
    from voice_edit.cli.options import Invocation
    from voice_edit.cli.output import Output

EPILOG = """\b
The ways that are compared, each the one before it and one thing more:
  peer      the finished recording through llama.cpp's own helper, then token by token
  stream    the model takes in the sound while somebody speaks
  draft     the last partial words are checked in one batch as the draft of the final ones
  prepared  the final words are computed while the silence lasts that ends an utterance
Also: offline (our engine with everything off), mtp (stream, and a drafter model).

docs/bench.md says what each number means and how it is taken."""


def bench(
    context: typer.Context,
    seconds: Annotated[
        str, typer.Option("--seconds", metavar="N,N,...", help="Lengths of the utterances, in seconds.")
    ] = "2,5,10,20,28",
    runs: Annotated[
        int, typer.Option("--runs", metavar="N", min=1, max=1000, help="How often each is heard in each way.")
    ] = 5,
    ways: Annotated[
        str, typer.Option("--ways", metavar="WAY,WAY,...", help="What is compared; see below.")
    ] = "peer,stream,draft,prepared",
    audio: Annotated[
        Path | None,
        typer.Option(
            "--audio",
            metavar="FOLDER",
            help="Recordings of speech that utterances are made of. Default: those of the demo.",
        ),
    ] = None,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Measure rewriting too: plain, looked up, with a drafter.")
    ] = False,
    shape: Annotated[
        str | None,
        typer.Option(
            "--shape",
            metavar="12b|e4b|1b",
            help="Instead of a model: random weights of this true size. The words mean nothing then.",
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the files that --shape writes; 12b has 7 GB.")
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, max=512, help="CPU threads. Default: as usual."),
    ] = None,
    gpu_layers: Annotated[
        int,
        typer.Option(
            "--gpu-layers", metavar="N", min=-1, help="Layers on the GPU; -1 is all, where there is one."
        ),
    ] = -1,
    paced: Annotated[
        bool, typer.Option("--paced", help="Really wait for the sound, as long as it takes to speak.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FOLDER",
            help="Write bench.json, bench.md and bench.png there; the picture needs matplotlib.",
        ),
    ] = None,
    model: Model = None,
    projector: Projector = None,
    as_json: AsJson = False,
) -> None:
    """Measure how soon the words are there after somebody stops speaking, in several ways side by side.

    The same utterances are heard by the same model in every way, through voice detection, endpointing and a
    file that is edited, in turns and in one process. Sound comes at the speed of speech on a clock that skips
    the waiting; every measured piece of work is really done. With the defaults it takes a few minutes.
    """
    from voice_edit.bench.machine import this_machine
    from voice_edit.bench.report import Report
    from voice_edit.bench.runner import Plan
    from voice_edit.bench.ways import Opening

    run = invocation(context)
    output, settings = run.output(), run.settings()
    _refuse_both(shape, model)
    plan = Plan(
        ways=_ways(ways),
        seconds=_seconds(seconds),
        runs=runs,
        opening=Opening(
            settings.engine.context_tokens, threads if threads else settings.engine.threads, gpu_layers
        ),
        paced=paced,
        forced=shape is not None,
    )
    _make(folder)
    with ExitStack() as stack:
        files = _files(run, shape, keep, stack, output)
        machine = this_machine()
        result = _measure(plan, files, audio, run, output)
        report = Report(
            machine=machine,
            command=_command(context),
            model=files.name,
            model_bytes=files.model.stat().st_size,
            plan=plan,
            result=result,
            rewrites=_rewrites(plan, files, output) if rewrite else None,
            note=_note(shape),
        )
    page = report.to_markdown()
    if folder is not None:
        _write(report, page, folder, output)
    output.result(report.to_json(), page.rstrip("\n"))


def _seconds(text: str) -> list[float]:
    """Raises UsageError."""
    from voice_edit.errors import UsageError

    try:
        lengths = [float(part) for part in text.split(",")]
    except ValueError:
        lengths = []
    if not lengths or not all(1 <= length <= 28 for length in lengths):
        raise UsageError(
            f"--seconds {text}: these are no lengths of utterances.",
            hint="Give seconds from 1 to 28, for example: --seconds 2,10,28",
        )
    return sorted(set(lengths))


def _ways(text: str) -> list[Way]:
    """Raises UsageError."""
    from voice_edit.bench.ways import WAYS
    from voice_edit.errors import UsageError

    wanted = [part.strip() for part in text.split(",")]
    unknown = [name for name in wanted if name not in WAYS]
    if unknown:
        raise UsageError(
            f"--ways {text}: '{unknown[0]}' is none that is known.", hint=f"Known: {', '.join(WAYS)}."
        )
    return [way for key, way in WAYS.items() if key in wanted]


def _refuse_both(shape: str | None, model: str | None) -> None:
    from voice_edit.errors import UsageError

    if shape is not None and model is not None:
        raise UsageError("--shape stands in for a model; --model names one.", hint="Give one of the two.")


def _make(folder: Path | None) -> None:
    """Before an hour is spent on what could not be written. Raises UsageError."""
    from voice_edit.errors import UsageError

    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be made: {error.strerror}.", hint="Name another folder: --output FOLDER"
        ) from error


def _files(run: Invocation, shape: str | None, keep: bool, stack: ExitStack, output: Output) -> ModelFiles:
    """The model to be measured; one of random weights is written first, and deleted at the end."""
    from voice_edit import pipeline
    from voice_edit.paths import cache_folder

    if shape is None:
        return pipeline.find_model(run.settings(), run.paths())
    with pipeline.failures_named():
        from engine.shapes import find_shape, shape_files

        title = find_shape(shape).title
        output.note(f"Writing random weights: {title}. The words will mean nothing.")
        advance = stack.enter_context(output.progress(f"writing {shape}", 1.0))
        files = stack.enter_context(
            shape_files(
                shape,
                cache_folder() / "shapes",
                keep=keep,
                progress=lambda done, total: advance(done / total),
            )
        )
        advance(1.0)
        return files


def _measure(plan: Plan, files: ModelFiles, audio: Path | None, run: Invocation, output: Output) -> Result:
    """Raises UsageError, AudioFailed, ModelFailed."""
    from voice_edit import pipeline
    from voice_edit.bench import runner, sounds
    from voice_edit.cli.samples import samples_folder

    recordings = sounds.recordings(audio or samples_folder())
    done = 0
    with output.progress("measuring", plan.trials) as advance, pipeline.failures_named():

        def tell(trial: Trial) -> None:
            nonlocal done
            done += 1
            advance(done, f"{trial.seconds:g} s, {trial.way}: {trial.final_s * 1000:.1f} ms")

        return runner.execute(plan, files, recordings, run.settings(), on_trial=tell)


def _rewrites(plan: Plan, files: ModelFiles, output: Output) -> Rewrites:
    """Raises ModelFailed."""
    from voice_edit import pipeline
    from voice_edit.bench import rewrite

    total = len(rewrite.pairs()) * len(rewrite.WAYS) * (plan.runs + 1)
    done = 0
    with output.progress("rewriting", total) as advance, pipeline.failures_named():

        def tell(trial: RewriteTrial) -> None:
            nonlocal done
            done += 1
            advance(done, f"{trial.way}: {trial.final_s * 1000:.0f} ms")

        return rewrite.execute(files, plan.opening, plan.runs, on_trial=tell)


def _note(shape: str | None) -> str:
    if shape is None:
        return ""
    from engine.shapes import SHAPES

    return SHAPES[shape].note


def _write(report: Report, page: str, folder: Path, output: Output) -> None:
    """Raises UsageError where the folder cannot be written."""
    import json

    from voice_edit.bench import plot
    from voice_edit.errors import UsageError

    try:
        (folder / "bench.json").write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
        (folder / "bench.md").write_text(page, encoding="utf-8")
        try:
            plot.draw(report, folder / "bench.png")
        except UsageError as missing:
            output.warn(str(missing), missing.hint)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror}.", hint="Name another folder: --output FOLDER"
        ) from error


def _command(context: typer.Context) -> str:
    """What was asked for, without the folders it was asked with."""
    words = ["voice-edit", "bench"]
    for name, value in context.params.items():
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        option = {"folder": "output", "as_json": "json"}.get(name, name).replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}")
        else:
            words += [f"--{option}", value.name if isinstance(value, Path) else str(value)]
    return " ".join(words)
