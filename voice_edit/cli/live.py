"""Events of the daemon as lines for a terminal: what was said, what became of it, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from voice_edit.cli.output import visible
from voice_edit.cli.showing import diff_or

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

TIMES = (
    ("endpoint_ms", "end of speech known after"),
    ("first_token_ms", "first word"),
    ("final_ms", "all words"),
    ("applied_ms", "applied"),
)


def event_rich(event: Mapping[str, Any], *, watched: bool) -> RenderableType | None:
    """How the event looks, None where there is nothing to print. `watched`: words and timings too."""
    match event.get("event"):
        case "outcome":
            return outcome_rich(event, timing=watched)
        case "reverted":
            return reverted_rich(event)
        case "failed":
            return None  # told as an error, to stderr
        case "words" if watched:
            return _said(str(event.get("text", "")))
        case "rejected" | "notice":
            return _sentence(event)
        case "microphone" if event.get("state") == "closed":
            return None  # what was wrong with it was told while it mattered
        case "microphone" | "hotkeys" if event.get("problem"):
            return _sentence(event["problem"], level="warning")
        case "engine" if watched or event.get("message"):
            return _engine(event)
        case "ask" if watched:
            return ask_rich(event)
    return None


def outcome_rich(event: Mapping[str, Any], *, timing: bool) -> RenderableType:
    """What `voice-edit edit` prints of an utterance: its number, words, meaning, and the diff."""
    from rich.console import Group
    from rich.text import Text

    lines: list[Text] = [_head(event, str(event.get("words", "")), str(event.get("compact", "")))]
    before, after = event.get("before"), event.get("after")
    if before is not None and after is not None:
        lines.append(diff_or(before, after, "The text stays as it was."))
    else:
        lines += _changes(event.get("changes") or ())
    receipt = event.get("receipt") or {}
    if receipt and receipt.get("state") != "verified":
        lines.append(Text(f"{receipt.get('state')}: look at the text", style="yellow"))
    if timing and (times := timing_line(event.get("timing") or {})):
        lines.append(Text(times, style="dim"))
    return Group(*lines)


def reverted_rich(event: Mapping[str, Any]) -> RenderableType:
    """What an undo or redo did."""
    from rich.console import Group

    numbers = event.get("utterances") or []
    done = "Undid" if event.get("direction") == "undo" else "Redid"
    said = ", ".join(f"“{words}”" for words in event.get("words") or () if words)
    what = f"{done} utterance{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}."
    lines = [_head(event, said.strip("“”"), what)]
    before, after = event.get("before"), event.get("after")
    if before is not None and after is not None:
        lines.append(diff_or(before, after, "The text stays as it was."))
    return Group(*lines)


def ask_rich(event: Mapping[str, Any]) -> RenderableType:
    """A question with what there is to choose from, numbered from 1."""
    from rich.console import Group
    from rich.text import Text

    lines: list[Text] = [Text(visible(str(event.get("message", ""))), style="bold yellow")]
    before, after = event.get("before"), event.get("after")
    if event.get("kind") == "confirm":
        if before is not None and after is not None:
            lines.append(diff_or(before, after, ""))
    else:
        lines += [
            Text(f"  {number}. {visible(str(choice.get('excerpt', '')))}")
            for number, choice in enumerate(event.get("choices") or (), 1)
        ]
    return Group(*lines)


def timing_line(timing: Mapping[str, Any]) -> str:
    """`first word 120 ms, all words 180 ms, applied 195 ms`: since the key was released."""
    # A pause before the key came up was enough to hear out what came before it: that took no time after it.
    stages = [(max(0.0, timing[key]), name) for key, name in TIMES if timing.get(key) is not None]
    # As it happened: words that were computed ahead come before the end of speech is known.
    parts = [f"{name} {after_ms:,.0f} ms" for after_ms, name in sorted(stages, key=lambda stage: stage[0])]
    audio = timing.get("audio_ms")
    spoken = [f"{audio / 1000:.1f} s of speech"] if audio else []
    model = []
    if timing.get("wait_ms") is not None:
        model.append(f"waited {timing['wait_ms']:,.0f} ms for the model")
    if timing.get("drafted"):
        model.append(f"{timing.get('accepted') or 0} of {timing['drafted']} drafted tokens kept")
    return "; ".join(filter(None, (", ".join([*spoken, *parts]), ", ".join(model))))


def outcome_json(event: Mapping[str, Any]) -> dict[str, Any]:
    """An `outcome` or `reverted` event as `voice-edit edit --json` prints it."""
    reverted = event.get("event") == "reverted"
    said = event.get("words")
    changed = bool(event.get("changes")) or event.get("before") != event.get("after")
    return {
        "utterance": event.get("utterance"),
        "words": said if isinstance(said, str) else None,
        "mode": event.get("mode", "edit"),
        "commands": event.get("commands", []),
        "changes": event.get("changes", []),
        "reverted": list(event.get("utterances", [])) if reverted else [],
        "changed": changed,
        "receipt": event.get("receipt"),
        "timing": event.get("timing"),
    }


def _head(event: Mapping[str, Any], words: str, meaning: str) -> Text:
    from rich.text import Text

    number = event.get("utterance")
    parts: list[tuple[str, str]] = [(f"{number}  ", "bold cyan")] if number is not None else []
    if words:
        parts.append((f"“{visible(words)}”  ", ""))
    return Text.assemble(*parts, (visible(meaning), "dim"))


def _said(words: str) -> Text:
    from rich.text import Text

    return Text(f"“{visible(words)}”", style="italic")


def _sentence(told: Mapping[str, Any], *, level: str | None = None) -> Text:
    from rich.text import Text

    style = {"error": "red", "warning": "yellow"}.get(level or str(told.get("level")), "dim")
    hint = visible(str(told.get("hint") or ""))
    message = visible(str(told.get("message", "")))
    if hint and message[-1:] not in (*".!?", ""):
        message += "."
    return Text.assemble((message, style), (f" {hint}" if hint else "", "dim"))


def _engine(event: Mapping[str, Any]) -> Text:
    from rich.text import Text

    message = f": {visible(str(event['message']))}" if event.get("message") else ""
    return Text(f"engine {event.get('state')}{message}", style="dim")


def _changes(changes: Any) -> list[Text]:
    """Changes of a document that is too long to be sent along."""
    from rich.text import Text

    shown = []
    for change in changes:
        for mark, style, text in (("-", "red", change.get("old")), ("+", "green", change.get("new"))):
            if text:
                shown += [
                    Text(f"{mark} {visible(line)}", style=style) for line in str(text).splitlines() or [""]
                ]
    return shown
