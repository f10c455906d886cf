"""`voice-edit demo`: the recordings of samples/ through the whole path, so that one sees what happens."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, Model, Projector, invocation

if TYPE_CHECKING:
    from voice_edit.cli.output import Output
    from voice_edit.editing import Editing


def demo(
    context: typer.Context,
    fast: Annotated[
        bool, typer.Option("--fast", help="Feed the recordings as fast as they are heard, not in real time.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep", metavar="FOLDER", help="Leave the edited file and its journal in this folder."
        ),
    ] = None,
    model: Model = None,
    projector: Projector = None,
    as_json: AsJson = False,
) -> None:
    """Play recordings through the whole path; takes about half a minute.

    They are fed at the speed of speech, so that one sees words appear while somebody speaks. A copy of some
    notes is edited; your own files and journal are not touched.
    """
    from voice_edit import pipeline, sessions
    from voice_edit.cli import demo_steps
    from voice_edit.cli.samples import load_samples, samples_folder
    from voice_edit.config import Paths

    run = invocation(context)
    output, settings = run.output(), run.settings()
    samples = load_samples(samples_folder())
    with ExitStack() as stack:
        place = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voice-edit-demo-")))
        notes = _fresh_copy(samples_folder() / "notes.md", place)
        with output.waiting("Loading the model"):
            engine = pipeline.open_model(settings, run.paths())
            stack.enter_context(engine)
        output.note(f"Editing {notes} with the model '{engine.files.name}'. Nothing leaves this machine.")
        paths = Paths(place / "config", place / "journal", place / "run")
        editing = stack.enter_context(sessions.open_editing(notes, settings, paths, tell=output.warn))
        right = 0
        for number, sample in enumerate(samples, 1):
            demo_steps.show_heading(sample, number, len(samples), output)
            source = pipeline.open_recording(sample.recording, paced=not fast)
            step = demo_steps.play(sample, source, engine, editing, settings, output)
            right += step.as_written
            demo_steps.show(step, output)
            if not step.as_written:
                demo_steps.put_right(step, editing, output)
        _show_end(editing, notes, right, len(samples), output)


def _fresh_copy(original: Path, folder: Path) -> Path:
    from voice_edit.errors import TargetWriteFailed

    copy = folder / original.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(original.read_bytes())
    except OSError as error:
        raise TargetWriteFailed(
            f"{copy} cannot be written: {error.strerror}.", hint="Name another folder: --keep FOLDER"
        ) from error
    return copy


def _show_end(editing: Editing, notes: Path, right: int, count: int, output: Output) -> None:
    """The edited file, and one undo."""
    from rich.panel import Panel
    from rich.text import Text

    from voice_edit import undo
    from voice_edit.cli.showing import show_reverted

    text = editing.target.snapshot().text
    output.note(f"\n{right} of {count} recordings were heard word for word.", style="bold")
    shown = Panel(Text(text.rstrip("\n")), title=notes.name, expand=False)
    output.result({"file": str(notes), "text": text}, shown)
    output.note("And one undo:", style="bold")
    show_reverted(output, undo.undo(editing.journal, editing.target), file=notes.name, undoing=True)
