"""`voice-edit bench`: what streaming, drafts and working ahead are worth on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, Model, Projector, invocation

if TYPE_CHECKING:
    from engine.catalog import ModelFiles
    from engine.events import Samples
    from voice_edit.bench.machine import Machine
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
    from voice_edit.bench import checks, sounds
    from voice_edit.bench.machine import this_machine
    from voice_edit.bench.report import Report
    from voice_edit.bench.runner import Plan
    from voice_edit.bench.ways import Opening
    from voice_edit.cli.samples import samples_folder

    run = invocation(context)
    output, settings = run.output(), run.settings()
    checks.refuse_contradictions(shape, model, projector, keep)
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
    if folder is not None:
        checks.make_folder(folder)
    recordings = sounds.recordings(audio or samples_folder())
    pieces = sounds.require_speech([sounds.spoken(recording) for recording in recordings])
    with _tidied_up(), ExitStack() as stack:
        machine = this_machine()
        files = _files(run, shape, keep, plan, machine, stack, output)
        result = _measure(plan, files, pieces, run, output)
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
    try:
        if folder is not None:
            _write(report, page, folder, output)
    finally:  # what took an hour is told, too, where the disk is full
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


@contextmanager
def _tidied_up() -> Iterator[None]:
    """Ctrl-C, `kill` and a closed terminal leave nothing half-written, and no word of the journal is said."""
    from voice_edit.cli.signals import signals_as_ctrl_c
    from voice_edit.errors import Interrupted

    try:
        with signals_as_ctrl_c():
            yield
    except KeyboardInterrupt as error:
        raise Interrupted(
            "Interrupted before there was a result.",
            hint="Fewer --runs, --seconds or --ways take less time.",
        ) from error


def _files(
    run: Invocation,
    shape: str | None,
    keep: bool,
    plan: Plan,
    machine: Machine,
    stack: ExitStack,
    output: Output,
) -> ModelFiles:
    """The model to be measured; one of random weights is written first, and deleted at the end.

    Raises UsageError, ModelFailed.
    """
    from voice_edit import pipeline
    from voice_edit.bench import checks, resources

    on_processor = plan.opening.gpu_layers == 0 or not machine.gpu
    available = resources.available_bytes() if on_processor else None
    if shape is None:
        files = pipeline.find_model(run.settings(), run.paths())
        checks.require_drafter(plan.ways, files)
        checks.require_memory(files.model.stat().st_size, plan.ways, available)
        return files
    with pipeline.failures_named():
        from engine.shapes import find_shape, shape_bytes

        title = find_shape(shape).title
        checks.require_memory(shape_bytes(shape), plan.ways, available)
        output.note(f"Writing random weights: {title}. The words will mean nothing.")
        return stack.enter_context(_written(shape, keep, output))


@contextmanager
def _written(shape: str, keep: bool, output: Output) -> Iterator[ModelFiles]:
    """Files of a shape, for as long as they are needed. Raises ModelFailed, the engine's errors."""
    from engine.errors import DiskFull
    from voice_edit.errors import ModelFailed
    from voice_edit.paths import HOME_VARIABLE, cache_folder

    folder = cache_folder() / "shapes"
    elsewhere = f"Make room, or have all of voice-edit's files elsewhere: {HOME_VARIABLE}=FOLDER"
    with ExitStack() as stack:
        try:
            from engine.shapes import shape_files

            with output.progress(f"writing {shape}", 1.0) as advance:
                files = stack.enter_context(
                    shape_files(shape, folder, keep=keep, progress=lambda done, total: advance(done / total))
                )
        except DiskFull as error:
            raise ModelFailed(str(error), hint=elsewhere) from error
        except OSError as error:
            raise ModelFailed(f"{folder} cannot be written: {error.strerror}.", hint=elsewhere) from error
        yield files


def _measure(
    plan: Plan, files: ModelFiles, pieces: Sequence[Samples], run: Invocation, output: Output
) -> Result:
    """Raises UsageError, ModelFailed."""
    from voice_edit import pipeline
    from voice_edit.bench import runner

    done = 0
    with output.progress("measuring", plan.trials) as advance, pipeline.failures_named():

        def tell(trial: Trial) -> None:
            nonlocal done
            done += 1
            advance(done, f"{trial.seconds:g} s, {trial.way}: {trial.final_s * 1000:.1f} ms")

        return runner.execute(plan, files, pieces, run.settings(), on_trial=tell)


def _rewrites(plan: Plan, files: ModelFiles, output: Output) -> Rewrites:
    """Raises ModelFailed."""
    from voice_edit import pipeline
    from voice_edit.bench import rewrite

    ways = [way for way in rewrite.WAYS if files.drafter is not None or not way.speed.mtp]
    total = len(rewrite.pairs()) * len(ways) * (plan.runs + 1)
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
        with _whole(folder / "bench.json") as path:
            path.write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
        with _whole(folder / "bench.md") as path:
            path.write_text(page, encoding="utf-8")
        try:
            with _whole(folder / "bench.png") as path:
                plot.draw(report, path)
        except UsageError as missing:
            output.warn(str(missing), missing.hint)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror}.", hint="Name another folder: --output FOLDER"
        ) from error


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A path to write to in place of `path`, which is replaced when all of it is written."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
