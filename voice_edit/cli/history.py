"""`voice-edit undo`, `redo`, `log`, `retry`, `recover`: what was said and done is never lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.hearing_facts import hearing_facts
from voice_edit.cli.options import AsJson, Model, Projector, invocation
from voice_edit.cli.output import visible
from voice_edit.cli.showing import STATE_STYLES, follow, show_outcome, show_reverted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from voice_edit.cli.options import Invocation
    from voice_edit.cli.output import Output
    from voice_edit.errors import VoiceEditError
    from voice_edit.journal.journal import Journal
    from voice_edit.journal.records import Direction, UtteranceRecord

NARROW = 90
"""Columns. Below this a table would leave no room for the words."""

Count = Annotated[int, typer.Argument(metavar="N", min=1, max=9999, help="How many utterances.")]
OfFile = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", readable=False, help="In this file. Default: the file edited last."
    ),
]
Number = Annotated[int, typer.Argument(metavar="N", min=1, help="The number that `voice-edit log` shows.")]


def undo(context: typer.Context, count: Count = 1, file: OfFile = None, as_json: AsJson = False) -> None:
    """Take back the last edits, newest first.

    Where the last one was in another program, the daemon takes it back there. In files it works without a
    model, after any crash, and when the file was changed elsewhere since: only the words of the edit itself
    must still be there.
    """
    _revert(invocation(context), "undo", count, file)


def redo(context: typer.Context, count: Count = 1, file: OfFile = None, as_json: AsJson = False) -> None:
    """Make edits again that were undone."""
    _revert(invocation(context), "redo", count, file)


def _revert(run: Invocation, direction: Direction, count: int, file: Path | None) -> None:
    from voice_edit import sessions
    from voice_edit import undo as undoing
    from voice_edit.cli import elsewhere
    from voice_edit.targets import names

    output, settings = run.output(), run.settings()
    with sessions.open_journal(settings, run.paths(), tell=output.warn) as journal:
        name = None if file is not None else sessions.last_target(journal, direction)
        if name is None or names.is_file(name):
            path = file if name is None else names.path_of(name)
            assert path is not None
            revert = undoing.undo if direction == "undo" else undoing.redo
            reverted = revert(journal, sessions.file_target(path, settings), count)
    if name is not None and not names.is_file(name):
        elsewhere.revert(run, direction, count, name)
        return
    show_reverted(output, reverted, file=str(path), undoing=direction == "undo")
    if len(reverted) < count:
        output.note(f"There were only {len(reverted)}.")


def log(
    context: typer.Context,
    number: Annotated[
        int | None, typer.Argument(metavar="N", min=1, help="Show everything about this one.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", readable=False, help="Only of this file.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what was said and what became of it, newest first."""
    from voice_edit import sessions

    run = invocation(context)
    output, settings = run.output(), run.settings()
    with sessions.open_journal(settings, run.paths(), tell=output.warn) as journal:
        if number is not None:
            record = journal.get(number)
            output.result(record.to_json(), _details(record))
            return
        target = sessions.file_target(file, settings).name if file else None
        records = journal.log(limit=limit, target=target)
    if output.as_json:
        for record in records:
            output.result(record.to_json())
    elif records:
        output.result({}, _table(records, output))
    else:
        output.note("Nothing was said yet.")


def retry(
    context: typer.Context,
    number: Number,
    words: Annotated[
        bool,
        typer.Option("--words", help="Use the words that were heard instead of hearing the recording again."),
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Even if it was applied already.")] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE", readable=False, help="Apply it to this file instead of its own."
        ),
    ] = None,
    model: Model = None,
    projector: Projector = None,
    as_json: AsJson = False,
) -> None:
    """Hear a kept recording again and apply what it says.

    For utterances that were interrupted, misheard, or fitted no place in the text. Typed ones are applied as
    typed. What was meant for a field of another program goes there, if the daemon runs.
    """
    from voice_edit import sessions
    from voice_edit.cli import elsewhere
    from voice_edit.errors import UsageError
    from voice_edit.targets import names

    run = invocation(context)
    output, settings = run.output(), run.settings()
    with sessions.open_journal(settings, run.paths(), tell=output.warn) as journal:
        record = journal.get(number)
        if _stands(record) and not again:
            raise UsageError(
                f"Utterance {number} is already applied.",
                hint=f"Take it back first, or apply it once more: voice-edit retry {number} --again",
            )
        is_elsewhere = file is None and record.target is not None and not names.is_file(record.target)
        if not is_elsewhere:
            path = file or sessions.file_of(record)
            failures = _retry(run, output, journal, record, path, by_words=words or record.audio is None)
    if is_elsewhere:
        elsewhere.retry(run, record, by_words=words)
    elif failures:
        raise typer.Exit(failures[0].exit_code)


def _retry(
    run: Invocation, output: Output, journal: Journal, record: UtteranceRecord, file: Path, *, by_words: bool
) -> list[VoiceEditError]:
    from voice_edit import pipeline, second_ear, sessions
    from voice_edit.editing import Editing
    from voice_edit.errors import AudioGone, UsageError, VoiceEditError
    from voice_edit.manners.manners import manners_for
    from voice_edit.vocabulary.vocabulary import Vocabulary
    from voice_edit.wording import Wording

    settings = run.settings()
    target = sessions.file_target(file, settings)
    target.snapshot()
    target.ensure_writable()
    editing = Editing(target, journal)
    editing.wording = Wording(manners_for(settings.dictation), Vocabulary.load(run.paths()))
    editing.weak = settings.weak
    if record.mode == "transcribe":
        raise UsageError(
            f"Utterance {record.id} was only transcribed.", hint="Use `voice-edit edit --audio`."
        )
    if by_words:
        if record.words is None and record.audio is not None:
            raise UsageError(
                f"Utterance {record.id} has a recording and no words yet.",
                hint=f"Hear it: voice-edit retry {record.id}",
            )
        if record.words is None:
            raise AudioGone(f"Utterance {record.id} has neither words nor a recording.")
        try:
            show_outcome(output, editing.say(record.words, mode=record.mode, retry_of=record.id))
        except VoiceEditError as error:
            output.error(error)
            return [error]
        return []
    journal.audio(record.id)  # a recording that is gone costs no loading
    with output.waiting("Loading the model"):
        engine = pipeline.open_model(settings, run.paths())
    name = f"utterance {record.id}"
    opened = second_ear.opened(settings, run.paths())
    with engine, opened as second, output.progress(name, 1.0) as advance:
        again = editing.listen_again(record, engine, settings, second=second)
        return follow(again, name, output, advance)[0]


def recover(context: typer.Context, as_json: AsJson = False) -> None:
    """Put right what a crash left behind, and say what was found.

    Every other verb that uses the journal does this as well; here it is the whole purpose.
    """
    from voice_edit.journal.journal import Journal
    from voice_edit.journal.recovery import recover as put_right

    run = invocation(context)
    output = run.output()
    with Journal.open(run.paths().journal) as journal:
        for notice in journal.notices:
            output.warn(notice)
        found = put_right(journal)
    data = {
        "done": found.done,
        "not_done": found.not_done,
        "unclear": found.unclear,
        "unheard": found.unheard,
        "removed": [str(path) for path in found.removed],
    }
    sentences = found.sentences() or ["Nothing was left unfinished."]
    output.result(data, "\n".join(sentences))


def _state(record: UtteranceRecord) -> str:
    """One word or two for the table: what the text shows of it now."""
    standing = record.checkpoint.standing if record.checkpoint else None
    if standing in ("undone", "unclear"):
        return standing
    return "undone" if standing == "cut" else record.state.replace("_", " ")


def _stands(record: UtteranceRecord) -> bool:
    return record.checkpoint is not None and record.checkpoint.standing == "applied"


def _when(record: UtteranceRecord) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(record.started_at).strftime("%Y-%m-%d %H:%M:%S")


def _table(records: list[UtteranceRecord], output: Output) -> RenderableType:
    """A table on a terminal, two lines each on a narrow one; tab-separated lines for other programs."""
    from voice_edit.targets.names import shown_short

    rows = [
        (
            str(r.id),
            _when(r),
            _state(r),
            r.mode,
            shown_short(r.target) if r.target else "",
            r.words or r.message or "",
        )
        for r in records
    ]
    shown = [tuple(visible(cell) for cell in row) for row in rows]
    if not output.out.is_terminal:
        return "\n".join(
            "\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row) for row in shown
        )
    from rich.table import Table
    from rich.text import Text

    if output.out.width < NARROW:
        lines = []
        for number, when, state, mode, file, words in shown:
            head = Text.assemble((number, "bold cyan"), "  ", (state, STATE_STYLES.get(state, "")))
            lines.append(head + Text(f"  {mode}  {file}  {when}\n   {words}"))
        return Text("\n").join(lines)
    table = Table(box=None, pad_edge=False)
    for heading in ("N", "when", "state", "mode", "file", "words"):
        table.add_column(heading, style="bold cyan" if heading == "N" else None, no_wrap=heading != "words")
    for number, when, state, mode, file, words in shown:
        table.add_row(number, when, Text(state, STATE_STYLES.get(state, "")), mode, Text(file), Text(words))
    return table


def _details(record: UtteranceRecord) -> str:
    """Everything about one utterance, one fact a line."""
    from voice_edit.commands import from_data
    from voice_edit.compact import one_line, to_compact
    from voice_edit.targets.names import is_file, shown

    commands = [one_line(to_compact(from_data(data))) for data in record.commands or []]
    facts = {
        "utterance": str(record.id),
        "when": _when(record),
        "state": _state(record),
        "why": record.message,
        "mode": record.mode,
        ("file" if is_file(record.target or "/") else "field"): shown(record.target)
        if record.target
        else None,
        "words": record.words,
        "commands": ", then ".join(commands),
        "confidence": None
        if record.confidence is None
        else f"{record.confidence:.2f} (mean log-probability; 0 is certain)",
        **hearing_facts(record.why),
        "recording": str(record.audio.path) if record.audio else None,
        "retry of": None if record.retry_of is None else str(record.retry_of),
    }
    lines = [f"{name + ':':12} {value}" for name, value in facts.items() if value]
    for edit in record.checkpoint.edits if record.checkpoint else []:
        for start, old, new in edit["changes"]:
            lines.append(f"{'change:':12} at {start}: {old!r} -> {new!r}")
    return visible("\n".join(lines))
