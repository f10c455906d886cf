"""How what became of an utterance looks on a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from voice_edit.cli.diffs import diff_rich
from voice_edit.cli.output import visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from voice_edit.cli.output import Advance, Output
    from voice_edit.editing import Failure, Outcome
    from voice_edit.edits import Selection
    from voice_edit.errors import VoiceEditError
    from voice_edit.pipeline import Heard
    from voice_edit.undo import Reverted

CUT_OFF_HINT = "Copy the recording again if you have it elsewhere; what is there is heard."

STATE_STYLES = {
    "applied": "green", "undone": "yellow", "not applied": "red", "rejected": "dim", "unheard": "magenta",
    "heard": "cyan", "unclear": "red",
}  # fmt: skip


def show_outcome(output: Output, outcome: Outcome) -> None:
    """Print one utterance: its number, its words, what they were understood as, and the diff."""
    output.result(outcome.to_json(), outcome_rich(outcome))
    _show_notes(output, outcome.notes)


def outcome_rich(outcome: Outcome) -> RenderableType:
    """The same for a terminal."""
    from rich.console import Group
    from rich.text import Text

    from voice_edit.editing import revert_message

    understood = outcome.understood
    head = Text.assemble(
        (f"{outcome.utterance}  ", "bold cyan"),
        f"“{visible(understood.words)}”  ",
        (visible(understood.to_text()), "dim"),
    )
    lines: list[Text] = [head]
    if outcome.reverted:
        undoing = outcome.understood.commands[0].kind == "undo"
        lines.append(Text(revert_message(outcome.reverted, undoing=undoing)))
    if outcome.edits and outcome.text_before == outcome.text_after:
        lines.append(_caret_rich(outcome.text_after, outcome.edits[-1].after))
    else:
        lines.append(diff_or(outcome.text_before, outcome.text_after, "The text stays as it was."))
    if outcome.receipt is not None and outcome.receipt.state != "verified":
        lines.append(Text(f"{outcome.receipt.state}: look at the file", style="yellow"))
    return Group(*lines)


def show_reverted(output: Output, reverted: Sequence[Reverted], *, file: str, undoing: bool) -> None:
    """Print what `undo` or `redo` took back or made again, one result a checkpoint."""
    from rich.console import Group
    from rich.text import Text

    verb = "undone" if undoing else "redone"
    for one in reverted:
        data = {
            verb: one.utterance,
            "words": one.words,
            "file": file,
            "moved": one.moved,
            "receipt": one.receipt.to_json(),
        }
        head = Text.assemble(
            (f"{one.utterance}  ", "bold cyan"),
            f"“{visible(one.words or '')}”  ",
            (f"{verb} in {visible(file)}", "dim"),
        )
        output.result(
            data, Group(head, diff_or(one.text_before, one.text_after, "The text stays as it was."))
        )
        if one.moved:
            output.note("Another program had changed the file elsewhere; its changes were kept.")
        _show_notes(output, one.receipt.notes)


def _show_notes(output: Output, notes: Sequence[str]) -> None:
    for note in notes:
        output.warn(note)


def _caret_rich(text: str, selection: Selection) -> Text:
    """The lines in which the caret or selection now is, with `<>` or `[...]` at the place."""
    from rich.text import Text

    first = text.rfind("\n", 0, selection.start) + 1
    last = text.find("\n", selection.end)
    last = len(text) if last < 0 else last
    text = visible(text)
    before, inside, after = (
        text[first : selection.start], text[selection.start : selection.end], text[selection.end : last],
    )  # fmt: skip
    mark = Text(f"[{inside}]" if inside else "<>", style="cyan bold")
    return Text("  ") + Text(before, "dim") + mark + Text(after, "dim")


def diff_or(before: str, after: str, otherwise: str) -> Text:
    """The diff of two texts, or the sentence where they are equal."""
    from rich.text import Text

    return diff_rich(visible(before), visible(after)) if before != after else Text(otherwise, style="dim")


def follow(
    events: Iterable[Heard | Outcome | Failure], name: str, output: Output, advance: Advance
) -> tuple[list[VoiceEditError], bool]:
    """Show what happens while a recording called `name` is heard and carried out.

    Returns the failures, and whether the speaker asked to stop.
    """
    from engine.events import Hypothesis, Level, Rejected
    from engine.frames import samples_to_s
    from voice_edit.editing import Failure, Outcome
    from voice_edit.errors import AudioFailed

    failures: list[VoiceEditError] = []
    rejected: list[Rejected] = []
    heard_s, heard_words, stopped = 0.0, False, False
    for event in events:
        match event:
            case Level(sample=sample):
                heard_s = samples_to_s(sample)
                advance(heard_s)
            case Hypothesis(kind="partial", text=text, stable=stable):
                advance(heard_s, text, stable)
            case Hypothesis():
                heard_words = True
            case Rejected():
                rejected.append(event)
            case Failure(error=error):
                failures.append(error)
                output.error(error)
            case Outcome():
                show_outcome(output, event)
                stopped = event.stops
    if rejected and not heard_words:
        failures.append(AudioFailed(f"{name}: {rejected[0].message}", hint=rejected[0].hint))
        output.error(failures[-1])
    elif rejected:  # a cough between two sentences is no failure
        for one in rejected:
            output.note(f"{name}, {samples_to_s(one.start_sample):.1f} s: {one.message}")
    return failures, stopped
