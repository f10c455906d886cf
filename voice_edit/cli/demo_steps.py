"""One recording of the demo: played, shown, and put right if it was misheard."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

    from engine.events import Hypothesis
    from engine.source import WavSource
    from engine.speech import SpeechEngine
    from voice_edit.cli.meter import Meter
    from voice_edit.cli.output import Output
    from voice_edit.cli.samples import Sample
    from voice_edit.config import Settings
    from voice_edit.editing import Editing, Outcome
    from voice_edit.errors import VoiceEditError

METER_WIDTH = 60


@dataclass(slots=True)
class Step:
    """What came of one recording."""

    sample: Sample
    meter: Meter
    partials: list[tuple[str, int]] = field(default_factory=list)
    """Each with its steady code points."""
    hypothesis: Hypothesis | None = None
    outcome: Outcome | None = None
    error: VoiceEditError | None = None
    endpoint_s: float | None = None
    """When it was known that the speaker had finished, on the monotonic clock."""
    behind_ms: float = 0.0
    """Sound that the model had not taken yet when it was furthest behind."""
    hangover_s: float = 0.0
    """Silence that was waited through before the words counted as finished."""
    applied_s: float = 0.0
    """When the file had been read back, on the monotonic clock."""

    @property
    def as_written(self) -> bool:
        """It was heard word for word and did what it should."""
        heard = self.hypothesis is not None and self.hypothesis.text == self.sample.say
        return heard and self.outcome is not None and self.outcome.text_after == self.sample.after


def play(
    sample: Sample,
    source: WavSource,
    engine: SpeechEngine,
    editing: Editing,
    settings: Settings,
    output: Output,
) -> Step:
    """Feed one recording; a line with meter and partial words moves meanwhile where somebody watches."""
    from engine.events import Hypothesis, Level, Rejected, SpeechStopped
    from engine.frames import samples_to_s
    from voice_edit.cli.meter import Meter
    from voice_edit.editing import Failure, Outcome
    from voice_edit.errors import AudioFailed

    step = Step(sample, Meter())
    events = editing.listen(
        source, engine, settings, mode=sample.mode, name=sample.recording.name, partials=True
    )
    with _live(output) as live:
        for event in events:
            match event:
                case Level():
                    step.meter.push(event)
                    step.behind_ms = max(step.behind_ms, event.behind_ms)
                case SpeechStopped(hangover_samples=hangover):
                    step.hangover_s, step.endpoint_s = samples_to_s(hangover), time.monotonic()
                case Hypothesis(kind="partial", text=text, stable=stable):
                    step.partials.append((text, stable))
                case Hypothesis():
                    step.hypothesis = event
                case Rejected(message=message, hint=hint):
                    step.error = AudioFailed(message, hint=hint)
                case Failure(error=error):
                    step.error = error
                case Outcome():
                    step.outcome, step.applied_s = event, time.monotonic()
            if live is not None:
                live.update(_moving_line(step))
    return step


def show_heading(sample: Sample, number: int, count: int, output: Output) -> None:
    """A line that separates the recordings."""
    if not output.as_json:
        output.out.print()
        title = f"{number} of {count} · {sample.recording.name} · {sample.voice}"
        output.out.rule(title, align="left", style="dim")


def show(step: Step, output: Output) -> None:
    """Meter, partial and final words, command, diff, timings."""
    from rich.console import Group
    from rich.text import Text

    from voice_edit.cli.as_spoken import partial_rich
    from voice_edit.cli.showing import outcome_rich

    if step.error is not None:
        output.error(step.error)
    lines: list[Any] = [step.meter.line(METER_WIDTH)]
    partials = dict(step.partials).items()  # what was said twice is shown once, as it was said last
    lines += [Text("   … ", "dim").append_text(partial_rich(text, stable)) for text, stable in partials]
    if step.outcome is not None:
        lines.append(outcome_rich(step.outcome))
    if step.hypothesis is not None:
        lines.append(Text(timings(step), style="dim"))
    output.result(_to_json(step), Group(*lines))


def put_right(step: Step, editing: Editing, output: Output) -> None:
    """Carry out what was written instead of what was heard, so that the rest of the demo makes sense."""
    from voice_edit import undo
    from voice_edit.cli.showing import show_outcome

    heard = step.hypothesis.text if step.hypothesis else "nothing"
    output.warn(f"Heard “{heard}”, said was “{step.sample.say}”. The demo goes on with what was said.")
    if step.outcome is not None and step.outcome.text_after == step.sample.after:
        return
    if step.outcome is not None and step.outcome.text_after != step.outcome.text_before:
        undo.undo(editing.journal, editing.target)
    show_outcome(output, editing.say(step.sample.say, mode=step.sample.mode))


def timings(step: Step) -> str:
    """What each stage cost; counted from the last sample of speech where that is known."""
    from voice_edit.cli.as_spoken import behind, lag_to_tell

    assert step.hypothesis is not None
    timing = step.hypothesis.timing
    model = (
        f"   model: prefill {_ms(timing.prefill_s)}, most of it while speaking; decode {_ms(timing.decode_s)}"
    )
    if timing.drafted:
        model += f", {timing.accepted} of {timing.drafted} drafted tokens kept"
    if late := behind(lag_to_tell(0.0, step.behind_ms)):
        model += f"; {late} at most"
    ended_s = timing.end_of_speech_s
    if ended_s is None:
        return model
    after = [
        f"silence waited through {_ms(step.hangover_s)}",
        f"first token {_ms(timing.first_token_s - ended_s)}",
        f"all words {_ms(timing.final_s - ended_s)}",
    ]
    if step.applied_s:
        after.append(f"file read back {_ms(step.applied_s - ended_s)}")
    if step.endpoint_s is not None:
        model += f"; all words {_ms(max(0.0, timing.final_s - step.endpoint_s))} after the endpoint"
    return f"   after the last word: {', '.join(after)}\n{model}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _live(output: Output) -> AbstractContextManager[Live | None]:
    if not output.shows_progress:
        return nullcontext(None)
    from rich.live import Live

    return Live(console=output.err, transient=True, refresh_per_second=15)


def _moving_line(step: Step) -> Text:
    from rich.text import Text

    from voice_edit.cli.as_spoken import partial_rich

    text, stable = step.partials[-1] if step.partials else ("", 0)
    if step.hypothesis is not None:
        text = step.hypothesis.text
        stable = len(text)
    return Text.assemble(step.meter.line(METER_WIDTH), "\n", ("   … ", "dim"), partial_rich(text, stable))


def _to_json(step: Step) -> dict[str, Any]:
    hypothesis, outcome = step.hypothesis, step.outcome
    timing = hypothesis.timing if hypothesis else None
    after_s = timing.end_of_speech_s if timing else None
    return {
        "sample": step.sample.name,
        "voice": step.sample.voice,
        "said": step.sample.say,
        "heard": hypothesis.text if hypothesis else None,
        "as_written": step.as_written,
        "partials": [text for text, _ in step.partials],
        "stable": [stable for _, stable in step.partials],
        "confidence": hypothesis.confidence if hypothesis else None,
        "prefill_s": timing.prefill_s if timing else None,
        "decode_s": timing.decode_s if timing else None,
        "first_token_after_speech_s": timing.first_token_s - after_s if timing and after_s else None,
        "steps": timing.steps if timing else None,
        "drafted": timing.drafted if timing else None,
        "accepted": timing.accepted if timing else None,
        "words_after_endpoint_s": max(0.0, timing.final_s - step.endpoint_s)
        if timing and step.endpoint_s is not None
        else None,
        "words_after_speech_s": timing.final_s - after_s if timing and after_s else None,
        "applied_after_speech_s": step.applied_s - after_s if after_s and step.applied_s else None,
        "error": step.error.to_json() if step.error else None,
        "outcome": outcome.to_json() if outcome else None,
    }
