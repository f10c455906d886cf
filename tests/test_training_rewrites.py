"""What the bundled model learns of rewriting: answers that are certain, asked as the program asks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import quoting
from engine.catalog import find_model, profiles
from engine.llama import LlamaModel
from engine.training import rewrites
from engine.training.tokenizer import pieces_of

BUNDLED = Path(find_model("bundled").model).parent


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaModel]:
    model = LlamaModel(BUNDLED / "model.gguf", gpu_layers=0)
    yield model
    model.close()


@pytest.mark.parametrize("style", rewrites.STYLES)
def test_the_program_asks_in_the_tokens_that_were_learnt(model: LlamaModel, style: rewrites.Style) -> None:
    pieces, template = pieces_of(BUNDLED / "model.gguf"), profiles()["bundled"].style_prompt
    for pair in rewrites.set_aside(style, 20):
        prompt = template.format(style=style, text=quoting.quoted(pair.before))
        assert [model.bos, *quoting.tokenize(prompt, model)] == rewrites.prompt(pieces, style, pair.before)
        written = b"".join(model.piece(token) for token in rewrites.answer(pieces, pair.after))
        assert written.decode() == pair.after


def test_the_program_knows_the_styles_that_are_taught() -> None:
    assert profiles()["bundled"].styles == rewrites.STYLES


def test_training_never_sees_what_the_evaluation_asks() -> None:
    rng = random.Random(3)
    assert not any(rewrites.is_set_aside(rewrites.pair(rng).before) for _ in range(300))
    assert all(rewrites.is_set_aside(pair.before) for pair in rewrites.set_aside("Short", 20))


def test_the_same_seed_draws_the_same_texts() -> None:
    assert rewrites.set_aside("Formal", 5) == rewrites.set_aside("Formal", 5)
    assert rewrites.set_aside("Formal", 5) != rewrites.set_aside("Formal", 5, seed=2)


@pytest.mark.parametrize("style", rewrites.STYLES)
def test_a_rewrite_is_not_longer_than_it_may_be(style: rewrites.Style) -> None:
    for pair in rewrites.set_aside(style, 60):
        before, after = len(pair.before.split()), len(pair.after.split())
        if style == "Short":
            assert after <= before
        if style == "Key points":
            lines = pair.after.split("\n")
            assert all(line.startswith("- ") and line[2:] in pair.before for line in lines)
            assert sum(len(line[2:].split()) for line in lines) == before
