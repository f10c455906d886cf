"""E2B and E4B as far as they can be had here: a small random conformer, Gemma 4's tokens, real llama.cpp, and
the whole way from a recording to utterances.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gemma4 import small_gemma

from engine.batch_audio import BatchEngine
from engine.catalog import ModelFiles
from engine.events import Hypothesis, Samples, SpeechStopped
from engine.frames import SAMPLE_RATE
from engine.opening import open_engine
from engine.session import Engine
from engine.source import PcmSource, read_audio
from engine.speech import SpeechEngine
from voice_edit import pipeline
from voice_edit.config import Settings

RECORDINGS = sorted((Path(__file__).parent.parent / "samples").glob("*.wav"))


@pytest.fixture(scope="module")
def files() -> ModelFiles:
    """Its nonsense is taken for words, however unsure it is of it."""
    found = small_gemma("gemma-4-e")
    profile = dataclasses.replace(found.profile, min_confidence=-99.0, min_confidence_alone=-99.0)
    return dataclasses.replace(found, profile=profile)


@pytest.fixture(scope="module")
def streamed(files: ModelFiles) -> Iterator[Engine]:
    with open_engine(files, n_ctx=1024, n_threads=1) as opened:
        assert isinstance(opened, Engine)
        yield opened


def joined(recordings: list[Path], *, pause_s: float) -> Samples:
    """Recordings one after the other, with the quiet of a room between them."""
    rng = np.random.default_rng(3)
    pause = (rng.standard_normal(round(pause_s * SAMPLE_RATE)) * 1e-4).astype(np.float32)
    return np.concatenate([part for path in recordings for part in (pause, read_audio(path))] + [pause])


def heard(samples: Samples, engine: SpeechEngine) -> tuple[list[SpeechStopped], list[Hypothesis]]:
    """Ends of speech and final words."""
    events = list(pipeline.hear(PcmSource(samples), engine, Settings()))
    finals = [event for event in events if isinstance(event, Hypothesis) and event.kind == "final"]
    return [event for event in events if isinstance(event, SpeechStopped)], finals


def test_what_is_said_is_heard_in_utterances_that_end_at_pauses(files: ModelFiles, streamed: Engine) -> None:
    samples = joined(RECORDINGS[:3], pause_s=1.2)
    stops, finals = heard(samples, streamed)
    assert len(stops) == len(finals) == 3
    assert all(a.end_sample < b.start_sample for a, b in itertools.pairwise(finals))
    assert len({final.tokens for final in finals}) == 3
    # A server, which gets each of them as a finished recording, would say the same.
    with BatchEngine.open(files, n_ctx=1024, n_threads=1) as batch:
        _, finished = heard(samples, batch)
    assert [final.tokens for final in finished] == [final.tokens for final in finals]
    assert [(final.start_sample, final.end_sample) for final in finished] == [
        (final.start_sample, final.end_sample) for final in finals
    ]


def test_a_monologue_is_cut_far_below_the_half_minute_that_the_encoder_was_made_for(streamed: Engine) -> None:
    samples = joined(RECORDINGS * 2, pause_s=0.25)
    assert len(samples) > 60 * SAMPLE_RATE
    stops, finals = heard(samples, streamed)
    assert len(stops) == len(finals) >= 3
    assert max(final.timing.audio_s for final in finals) <= 15.5
    assert sum(final.timing.audio_s for final in finals) > 0.7 * len(samples) / SAMPLE_RATE
