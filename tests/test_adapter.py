"""An adapter changes what is written and nothing of what is heard: real llama.cpp, tiny random weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gguf
import numpy as np
import pytest
import tiny

from engine.catalog import ModelFiles
from engine.errors import ModelCorrupt
from engine.events import Hypothesis, Written
from engine.session import Engine
from engine.writing import TextPass

PROMPT = "Short: the boxes go to the house"


def write_adapter(path: Path, *, width: int = tiny.SHAPE.n_embd, architecture: str = "gemma4") -> Path:
    """A random LoRA of rank 4 for one matrix."""
    rng = np.random.default_rng(5)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    writer.add_tensor("blk.5.ffn_up.weight.lora_a", rng.standard_normal((4, width), np.float32))
    writer.add_tensor("blk.5.ffn_up.weight.lora_b", rng.standard_normal((tiny.SHAPE.n_ff, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def with_adapter(path: Path) -> ModelFiles:
    return dataclasses.replace(tiny.tiny_model(), adapter=path)


def hear_and_write(files: ModelFiles) -> tuple[Written, Hypothesis, Hypothesis]:
    """A text, with an utterance that comes in while it is read and written, and one after it."""
    with Engine.open(files, n_ctx=256, text_ctx=256, n_threads=1) as engine:
        text_pass = TextPass(engine)
        text_pass.begin(text_pass.tokens(PROMPT, begins=True))
        session, frames, at = engine.session(), tiny.sound(24), 0

        def push_some() -> bool:
            nonlocal at
            session.push(frames[at : at + 4])
            at += 4
            return False

        push_some()
        text_pass.prefill_some()
        written = text_pass.answer(text_pass.tokens(" by the lake."), max_tokens=20, give_up=push_some)
        while at < len(frames):
            push_some()
        heard = session.finish()
        after = engine.session()
        after.push(frames)
        return written, heard, after.finish()


def test_an_adapter_changes_the_text_and_not_a_word_of_what_is_heard(tmp_path: Path) -> None:
    plain_text, *plain_heard = hear_and_write(tiny.tiny_model())
    text, *heard = hear_and_write(with_adapter(write_adapter(tmp_path / "lora.gguf")))
    assert text.tokens != plain_text.tokens
    assert [x.tokens for x in heard] == [x.tokens for x in plain_heard]
    assert [x.confidence for x in heard] == pytest.approx([x.confidence for x in plain_heard], abs=1e-6)


@pytest.mark.parametrize("fault", ["missing", "cut", "other width", "other architecture", "no adapter"])
def test_an_adapter_that_does_not_belong_to_the_model_is_an_error(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "lora.gguf"
    if fault == "other width":
        write_adapter(path, width=32)
    elif fault == "other architecture":
        write_adapter(path, architecture="llama")
    elif fault == "no adapter":
        path = tiny.tiny_model().model
    elif fault == "cut":
        write_adapter(path)
        path.write_bytes(path.read_bytes()[:-400])
    with Engine.open(with_adapter(path), n_ctx=256, text_ctx=256, n_threads=1) as engine:
        with pytest.raises(ModelCorrupt, match=path.name):
            TextPass(engine)
        session = engine.session()
        session.push(tiny.sound(8))
        session.finish()
