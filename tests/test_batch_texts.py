"""Texts by a model that hears finished recordings: the same as where sound is streamed, and apart from it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import tiny
from test_adapter import write_adapter

from engine.batch_audio import BatchEngine
from engine.catalog import ModelFiles
from engine.errors import ContextFull
from engine.events import Hypothesis, Written
from engine.session import Engine
from engine.writing import TextPass

PROMPT = "Short: the boxes go to the house"


def hear_and_write(opener: type[Engine] | type[BatchEngine], files: ModelFiles) -> tuple[Written, Hypothesis]:
    """A text, and an utterance that is spoken and answered in the middle of it."""
    with opener.open(files, n_ctx=256, text_ctx=256, n_threads=1) as engine:
        text_pass = TextPass(engine)
        text_pass.begin(text_pass.tokens(PROMPT, begins=True))
        text_pass.prefill_some()
        heard: list[Hypothesis] = []
        asked = 0

        def hear_once() -> bool:
            nonlocal asked
            asked += 1
            if asked == 4:
                session = engine.session()
                session.push(tiny.sound(24))
                heard.append(session.finish())
            return False

        written = text_pass.answer(text_pass.tokens(" by the lake."), max_tokens=20, give_up=hear_once)
    return written, heard[0]


def test_both_ways_to_hear_write_the_same_text_with_an_utterance_in_its_middle() -> None:
    streamed, heard = hear_and_write(Engine, tiny.tiny_model())
    batch, heard_at_once = hear_and_write(BatchEngine, tiny.tiny_model())
    assert len(batch.tokens) > 3
    assert batch.tokens == streamed.tokens
    assert heard_at_once.tokens == heard.tokens


def test_an_adapter_for_texts_is_put_aside_while_mtmd_hears(tmp_path: Path) -> None:
    plain_text, plain = hear_and_write(BatchEngine, tiny.tiny_model())
    adapted = dataclasses.replace(tiny.tiny_model(), adapter=write_adapter(tmp_path / "lora.gguf"))
    text, heard = hear_and_write(BatchEngine, adapted)
    assert text.tokens != plain_text.tokens
    assert heard.tokens == plain.tokens
    assert heard.confidence == pytest.approx(plain.confidence, abs=1e-6)


def test_positions_for_texts_are_not_taken_by_sound() -> None:
    with BatchEngine.open(tiny.tiny_model(), n_ctx=256, text_ctx=512, n_threads=1) as engine:
        assert (engine.hearing_ctx, engine.text_ctx) == (256, 512)
        assert engine.max_frames < 256
        with pytest.raises(ContextFull):
            engine.session().push(tiny.sound(engine.max_frames + 1))


def test_without_room_for_texts_there_are_none() -> None:
    with (
        BatchEngine.open(tiny.tiny_model(), n_ctx=256, n_threads=1) as engine,
        pytest.raises(ContextFull, match="without room for a text pass"),
    ):
        TextPass(engine)
