"""`undo`, `redo` and `retry` of what was said to another program: only the daemon can reach its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voice_edit.errors import DaemonNotRunning, TargetGone
from voice_edit.targets.names import shown

if TYPE_CHECKING:
    from voice_edit.cli.options import Invocation
    from voice_edit.journal.records import Direction, UtteranceRecord


def revert(run: Invocation, direction: Direction, count: int, name: str) -> None:
    """Have the daemon undo or redo in the target of that name, and print it.

    Raises TargetGone without a daemon, and what the daemon tells.
    """
    from voice_edit.cli.live import reverted_rich

    output = run.output()
    missing = TargetGone(
        f"The last edit was in {shown(name)}, which only the daemon can reach.",
        hint=f"Start it with `voice-edit run`, or name a file: voice-edit {direction} --file FILE",
    )
    told = _ask(run, missing, direction, count=count, target=name)
    verb = "undone" if direction == "undo" else "redone"
    if output.as_json:
        for number, words in zip(told["utterances"], told["words"], strict=True):
            output.result({verb: number, "words": words, "target": name, "receipt": told["receipt"]})
    else:
        output.result({}, reverted_rich(told))
    for note in told["receipt"]["notes"]:
        output.warn(note)
    if len(told["utterances"]) < count:
        output.note(f"There were only {len(told['utterances'])}.")


def retry(run: Invocation, record: UtteranceRecord, *, by_words: bool) -> None:
    """Have the daemon retry an utterance where it was meant for, and print what became of it.

    Raises TargetGone without a daemon, and what the daemon tells.
    """
    from voice_edit.cli.live import outcome_json, outcome_rich, reverted_rich

    assert record.target is not None
    output = run.output()
    said = f" (“{record.words}”)" if record.words else ""
    missing = TargetGone(
        f"Utterance {record.id}{said} was meant for {shown(record.target)}, which only the daemon can reach.",
        hint=f"Start it with `voice-edit run`, or choose a file: voice-edit retry {record.id} --file FILE",
    )
    told = _ask(run, missing, "retry", utterance=record.id, by_words=by_words)
    rich = reverted_rich(told) if told.get("direction") else outcome_rich(told, timing=False)
    output.result(outcome_json(told), rich)
    for note in (told.get("receipt") or {}).get("notes", ()):
        output.warn(note)


def _ask(run: Invocation, missing: TargetGone, command: str, **fields: Any) -> dict[str, Any]:
    """The daemon's answer, however long it takes: it may have to load the model."""
    from voice_edit.control.client import ControlClient

    try:
        with ControlClient(run.paths().socket) as daemon:
            return daemon.request(command, timeout_s=None, **fields)
    except DaemonNotRunning:
        raise missing from None
