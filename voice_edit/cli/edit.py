"""`voice-edit edit`: a file, through the microphone, by recordings or by words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, Dictate, Model, Projector, invocation
from voice_edit.cli.showing import CUT_OFF_HINT, follow, show_outcome

if TYPE_CHECKING:
    from engine.source import WavSource
    from voice_edit.cli.options import Invocation
    from voice_edit.cli.output import Output
    from voice_edit.editing import Editing
    from voice_edit.errors import VoiceEditError
    from voice_edit.pipeline import Mode


EPILOG = """\b
For example:
  voice-edit edit notes.md                          hold the key, speak, let go
  voice-edit edit notes.md --hands-free --watch     just speak, and see what is heard
  voice-edit edit notes.md --say "delete the last word"
  voice-edit edit notes.md --audio memo.wav --dictate"""


def edit(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="The text file to edit.")],
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="MORE", show_default=False, help="More recordings, or more that is said."),
    ] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option("--audio", metavar="WAV", readable=False, help="A recording; more may follow."),
    ] = None,
    say: Annotated[
        list[str] | None,
        typer.Option("--say", metavar="TEXT", help="What is said, in words; more may follow."),
    ] = None,
    dictate: Dictate = False,
    hands_free: Annotated[
        bool, typer.Option("--hands-free", help="Through the microphone: listen at once, without a key.")
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Through the microphone: show level, words and timings live."),
    ] = False,
    model: Model = None,
    projector: Projector = None,
    as_json: AsJson = False,
) -> None:
    """Edit a file by what is said: through the microphone, in recordings, or typed.

    Without --audio and --say the microphone is used, by the daemon (`voice-edit run`), which is started for
    as long as this runs if need be: hold the key that is shown, or press Enter, and speak. Ctrl-C ends.

    Everything is kept in the journal before the file is touched: `voice-edit undo` takes it back. An
    utterance that fits no place in the text, or several, changes nothing; the others are carried out, and
    the exit code tells.
    """
    from voice_edit import sessions
    from voice_edit.errors import UsageError

    run = invocation(context)
    output = run.output()
    output.outlives_reader = True
    if (audio and say) or (more and not audio and not say):
        raise UsageError(
            "Say what to do: either --audio with recordings or --say with words.",
            hint='For example: voice-edit edit notes.md --say "delete the last word"',
        )
    if (watch or hands_free) and (audio or say):
        raise UsageError(
            "--watch and --hands-free are for the microphone, not for --audio and --say.",
            hint="Leave them out: what changes is shown anyway.",
        )
    mode: Mode = "dictate" if dictate else "edit"
    if not audio and not say:
        from voice_edit.cli.edit_live import edit_live

        _exit_with(edit_live(file, mode, run, output, watched=watch, hands_free=hands_free))
        return
    recordings = [*(audio or []), *(Path(name) for name in more or [])] if audio else []
    sources = _open_all(recordings)
    with sessions.open_editing(file, run.settings(), run.paths(), tell=output.warn) as editing:
        if audio:
            failures = _by_recordings(editing, sources, mode, run, output)
        else:
            failures = _by_words(editing, [*(say or []), *(more or [])], mode, output)
    _exit_with(failures)


def _exit_with(failures: list[VoiceEditError]) -> None:
    if failures:
        raise typer.Exit(failures[0].exit_code)


def _open_all(paths: list[Path]) -> list[tuple[Path, WavSource]]:
    """Open every recording before anything is done: a wrong name in the middle must not leave half of the
    work.
    """
    from voice_edit import pipeline

    return [(path, pipeline.open_recording(path)) for path in paths]


def _by_words(editing: Editing, said: list[str], mode: Mode, output: Output) -> list[VoiceEditError]:
    from voice_edit.errors import JournalError, VoiceEditError

    failures = []
    for words in said:
        try:
            outcome = editing.say(words, mode=mode)
        except JournalError:
            raise
        except VoiceEditError as error:
            output.error(error)
            failures.append(error)
            continue
        show_outcome(output, outcome)
        if outcome.stops:
            break
    return failures


def _by_recordings(
    editing: Editing, sources: list[tuple[Path, WavSource]], mode: Mode, run: Invocation, output: Output
) -> list[VoiceEditError]:
    from voice_edit import pipeline, second_ear

    settings = run.settings()
    failures: list[VoiceEditError] = []
    with output.waiting("Loading the model"):
        engine = pipeline.open_model(settings, run.paths())
    with engine, second_ear.opened(settings, run.paths()) as second:
        for path, source in sources:
            if missing := source.what_is_missing():
                output.warn(missing, CUT_OFF_HINT)
            partials = output.shows_progress
            heard = editing.listen(
                source, engine, settings, mode=mode, name=str(path), partials=partials, second=second
            )
            with output.progress(path.name, source.duration_s) as advance:
                failed, stopped = follow(heard, str(path), output, advance)
            failures += failed
            if stopped:
                break
    return failures
