"""`voice-edit eval`: how well engines hear and edit your own recordings, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, invocation

if TYPE_CHECKING:
    from voice_edit.cli.options import Invocation
    from voice_edit.cli.output import Output
    from voice_edit.evaluation.dataset import Dataset
    from voice_edit.evaluation.outcomes import Heard
    from voice_edit.evaluation.runner import Task
    from voice_edit.evaluation.store import Store

EPILOG = """\b
FOLDER holds one of these (docs/eval.md tells more):
  eval.yaml, eval.tsv    our own list: recording, words, and for edits the text before and after
  NAME.wav + NAME.yaml   one description beside each recording
  *.trans.txt            LibriSpeech
  clips/ + test.tsv      Common Voice

\b
For example:
  voice-edit eval takes
  voice-edit eval takes --engine bundled --engine gemma-4-12b --way streamed --way batch
  voice-edit eval takes --engine gemma-4-12b --prompt usual --prompt at-500 --prompt one-pass
  voice-edit eval LibriSpeech/test-other --sample 200 --only speaker=1688

What was heard is kept in the output folder: the same command goes on where it was."""


def evaluate(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", readable=False, help="Recordings and what is said in them.")
    ],
    engines: Annotated[
        list[str] | None,
        typer.Option(
            "--engine",
            metavar="NAME|GGUF",
            help="What hears: a model, a file, or `server`; several are compared. Default: the model in use.",
        ),
    ] = None,
    ways: Annotated[
        list[str] | None,
        typer.Option("--way", metavar="streamed|offline|batch", help="How it is fed; several are compared."),
    ] = None,
    prompts: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            metavar="usual|audio-first|at-N|one-pass",
            help="How it is asked; several are compared. at-N: sound begins at position N.",
        ),
    ] = None,
    longest: Annotated[
        list[float] | None,
        typer.Option(
            "--longest",
            metavar="SECONDS",
            help="Utterances are cut at pauses to be no longer; several are compared.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="TAG=VALUE", help="Only recordings that are tagged so."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Only N of the recordings, drawn at random."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of what is drawn at random.")] = 1,
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="NAME", help="Which table of Common Voice. Default: test."),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language", metavar="CODE", help="How words are normalised. Default: what FOLDER says."
        ),
    ] = None,
    folder_out: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FOLDER",
            help="Where results and report go. Default: eval-NAME, NAME being that of FOLDER.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hear a folder of recordings and say how well that went: wrong words, edits, times, memory.

    Every engine hears every recording in every way that is named, in a process of its own, as if it was
    spoken into a microphone. The report stands in report.md, report.html and report.json of the output
    folder. Interrupted, even by a power cut, the same command goes on where it was.
    """
    from voice_edit.bench.machine import this_machine
    from voice_edit.cli.signals import signals_as_ctrl_c
    from voice_edit.errors import Interrupted
    from voice_edit.evaluation import files, layouts, runner, scoring, summary
    from voice_edit.evaluation.report import Report
    from voice_edit.evaluation.store import open_store
    from voice_edit.evaluation.variants import labels, program, variants

    run = invocation(context)
    output = run.output()
    chosen = variants(
        list(dict.fromkeys(engines or [run.settings().engine.model])),
        list(dict.fromkeys(ways or ["streamed"])),
        list(dict.fromkeys(prompts or ["usual"])),
        list(dict.fromkeys(longest or [])) or [None],
    )
    dataset = layouts.read_folder(folder, split=split, language=language)
    dataset = dataset.only(_tags(only or [])).some(sample, seed=seed)
    _require_some(dataset, only or [])
    scoring.require(dataset.language)
    place = folder_out or Path(f"eval-{folder.resolve().name}")
    machine = this_machine()
    tasks = runner.tasks(chosen, run.settings(), run.paths(), program())
    many = "recording" if len(dataset.items) == 1 else "recordings"
    times = "" if len(tasks) == 1 else f", each {len(tasks)} times"
    output.note(f"{len(dataset.items)} {many}{times}; results are kept in {place}")
    try:
        with signals_as_ctrl_c(), open_store(place) as store:
            found = _hear(dataset, split, tasks, run, output, store)
            outcomes = [
                (label, store.variant(task.fingerprint).about, found[task.fingerprint])
                for label, task in zip(labels(chosen), tasks, strict=True)
            ]
    except KeyboardInterrupt as error:
        raise Interrupted(
            "Interrupted; what was heard is kept.", hint="The same command goes on where it was."
        ) from error
    with output.waiting("Counting"):
        report = Report(summary.summarise(dataset, outcomes, seed=seed), machine, _command(context))
    page = files.write(report, place)
    output.result({"folder": str(place), **report.to_json()}, page.rstrip("\n"))
    output.note(f"The report with pictures: {place / files.HTML}")


def _hear(
    dataset: Dataset,
    split: str | None,
    tasks: list[Task],
    run: Invocation,
    output: Output,
    store: Store,
) -> dict[str, list[Heard]]:
    """Raises ModelFailed, UsageError."""
    from voice_edit.evaluation import runner

    total, done, known = len(tasks) * len(dataset.items), 0, 0
    with output.progress("hearing", total) as advance:

        def tell(task: Task, heard: Heard, is_new: bool) -> None:
            nonlocal done, known
            done += 1
            known += not is_new
            advance(done, f"{task.variant.way} {heard.key}: {heard.text}")

        found = runner.execute(runner.Run(dataset, split, run.overrides, tell), tasks, store)
    if known:
        output.note(f"{known} of {total} were heard before.")
    return found


def _tags(only: list[str]) -> list[tuple[str, str]]:
    from voice_edit.errors import UsageError

    found = []
    for text in only:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(
                f"--only {text}: that is no tag.", hint="Write it like this: --only kind=command"
            )
        found.append((name, value))
    return found


def _require_some(dataset: Dataset, only: list[str]) -> None:
    from voice_edit.errors import UsageError

    if not dataset.items:
        raise UsageError(f"No recording is tagged {', '.join(only)}.", hint="Leave an --only out.")


def _command(context: typer.Context) -> str:
    """What was asked for, without the folders it was asked with."""
    names = {
        "engines": "engine",
        "ways": "way",
        "prompts": "prompt",
        "folder_out": "output",
        "as_json": "json",
    }
    words = ["voice-edit", "eval"]
    for name, value in context.params.items():
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        if name == "folder":
            words.append(value.resolve().name)
            continue
        option = f"--{names.get(name, name)}"
        if isinstance(value, bool):
            words.append(option)
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            is_file = isinstance(one, Path) or str(one).lower().endswith(".gguf")
            words += [option, Path(one).name if is_file else str(one)]
    return " ".join(words)
