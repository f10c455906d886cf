"""What is shown while somebody speaks: which words most likely stay, which do not, and how far behind the
model is.
"""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedEngine
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from engine.events import Timing
from voice_edit import pipeline
from voice_edit.cli import demo_steps
from voice_edit.cli.as_spoken import REST_STYLE, behind, lag_to_tell, partial_rich, parts
from voice_edit.cli.live import timing_line
from voice_edit.cli.live_line import Now
from voice_edit.cli.output import Output
from voice_edit.cli.samples import load_samples
from voice_edit.config import Settings
from voice_edit.editing import Editing
from voice_edit.journal.journal import Journal
from voice_edit.targets.file import FileTarget

WIDE = st.text(alphabet="ab 你\n\x1b", max_size=60)


def dim(text: Text) -> str:
    """What of it is not steady."""
    return "".join(text.plain[span.start : span.end] for span in text.spans if span.style == REST_STYLE)


def now(*events: dict[str, Any]) -> Now:
    shown = Now()
    for event in events:
        shown = shown.after(event)
    return shown


LISTENING = {"event": "stage", "stage": "listening", "mode": "edit"}


def test_words_that_most_likely_stay_are_plain_and_the_rest_is_dim() -> None:
    line = partial_rich("change Monday to Wednesday", 16)
    assert line.plain == "change Monday to Wednesday"
    assert dim(line) == " Wednesday"


def test_of_a_long_partial_the_end_is_shown() -> None:
    line = partial_rich("so many words and more", 13, columns=14)
    assert line.plain == "…ords and more"
    assert dim(line) == " and more"


@given(WIDE, st.integers(-5, 70), st.integers(0, 40))
def test_a_partial_fits_its_columns_and_steers_no_terminal(text: str, stable: int, columns: int) -> None:
    line = partial_rich(text, stable, columns=columns)
    assert line.cell_len <= columns
    assert not set(line.plain) & {"\x1b", "\n"}
    assert len("".join(parts(text, stable))) == len(text)


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [(0, ""), (500, ""), (510, "model 0.5 s behind"), (12_340, "model 12.3 s behind")],
)
def test_a_model_is_called_behind_from_half_a_second_on(milliseconds: float, told: str) -> None:
    assert behind(lag_to_tell(0.0, milliseconds)) == told


def test_a_model_that_is_called_behind_is_so_until_it_has_caught_up() -> None:
    told, said = 0.0, []
    for behind_ms in (480, 640, 320, 640, 220, 160, 320, 480, 520):
        told = lag_to_tell(told, behind_ms)
        said.append(bool(behind(told)))
    assert said == [False, True, True, True, True, False, False, False, True]  # or it flickers


def test_the_line_at_the_bottom_shows_steady_words_and_how_far_the_model_is_behind() -> None:
    late = {"event": "level", "rms_dbfs": -20.0, "is_speech": True, "behind_ms": 1500.0}
    shown = now(LISTENING, late, {"event": "partial", "text": "so be it", "stable": 5})
    line = shown.text(80)
    assert line.plain.endswith("  model 1.5 s behind  so be it")
    assert dim(line) == " it"
    assert "behind" not in now(LISTENING, late, {**late, "behind_ms": 40.0}).text(80).plain
    assert "behind" not in now(LISTENING, late, {**LISTENING, "stage": "applying"}).text(80).plain
    again = now(LISTENING, late, {"event": "stage", "stage": "idle"}, LISTENING)
    assert again.behind_ms == 0


def test_an_older_daemon_that_does_not_say_what_is_steady_is_understood() -> None:
    assert dim(now(LISTENING, {"event": "partial", "text": "so be it"}).text(80)) == "so be it"


def test_the_times_of_an_utterance_tell_what_the_model_took_and_what_drafts_were_worth() -> None:
    timing = {"audio_ms": 2400.0, "final_ms": 182.0, "applied_ms": 195.0, "wait_ms": 12.0}
    assert timing_line(timing) == (
        "2.4 s of speech, all words 182 ms, applied 195 ms; waited 12 ms for the model"
    )
    drafts = {"steps": 2, "drafted": 12, "accepted": 11}
    assert timing_line(timing | drafts).endswith("waited 12 ms for the model, 11 of 12 drafted tokens kept")
    assert timing_line({"final_ms": 1.0, "drafted": None, "accepted": None}) == "all words 1 ms"


class Watched(Output):
    """Output whose stderr is a terminal that keeps what was drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = io.StringIO()
        self.err = Console(file=self.drawn, force_terminal=True, width=100, color_system="truecolor")


def test_the_note_behind_a_progress_bar_shows_what_is_steady() -> None:
    output = Watched()
    with output.progress("memo.wav", 2.0) as advance:
        advance(1.0, "so [be] it\\", 7)
    assert "so [be]\x1b[2m it\\" in output.drawn.getvalue()


def test_the_moving_line_of_the_demo_shows_steady_words_and_then_the_final_ones(
    journal: Journal, samples: Path, tmp_path: Path
) -> None:
    sample = load_samples(samples)[0]
    notes = tmp_path / "notes.md"
    notes.write_text(sample.before, encoding="utf-8")
    editing = Editing(FileTarget(notes), journal)
    source = pipeline.open_recording(sample.recording, paced=False)
    engine: Any = ScriptedEngine([sample.say])
    step = demo_steps.play(sample, source, engine, editing, Settings(), Output())
    assert [text[:stable] for text, stable in step.partials][:2] == ["", "Change"]
    assert step.hypothesis is not None
    assert dim(demo_steps._moving_line(step)) == ""
    heard, step.hypothesis = step.hypothesis, None
    step.partials = step.partials[:2]
    assert dim(demo_steps._moving_line(step)) == " Monday"

    step.hypothesis = dataclasses.replace(
        heard,
        timing=Timing(10.0, 10.61, 10.612, 0.3, 0.01, 2.0, steps=2, drafted=12, accepted=11),
    )
    step.endpoint_s, step.behind_ms = 10.6, 800.0
    told = demo_steps.timings(step)
    assert "decode 10 ms, 11 of 12 drafted tokens kept; model 0.8 s behind at most" in told
    assert told.endswith("all words 12 ms after the endpoint")
