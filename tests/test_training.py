"""What the model is taught: texts, labels, batches, and the form in which llama.cpp gets it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine.catalog import find_model
from engine.llama import LlamaModel
from engine.training import cast, tokenizer
from engine.training.data import NO_LABEL, TOLD_STEP, WIDTH_STEP, Batch, Buckets, Example, frame_labels
from engine.training.texts import (
    command,
    is_set_aside,
    number,
    salad,
    sentence,
    set_aside,
    utterance,
    vocabulary,
    written,
)
from voice_edit.numbers import cardinal
from voice_edit.spoken.grammar import parse


def test_training_never_says_what_is_set_aside() -> None:
    rng = random.Random(0)
    said = [utterance(rng, long=0) for _ in range(2000)]
    assert not [text for text in said if " " in text and is_set_aside(text)]


@pytest.mark.parametrize("kind", ["salad", "sentence", "command"])
def test_texts_that_are_set_aside_are_different_ones_and_always_the_same(kind: str) -> None:
    texts = set_aside(kind, 30)
    assert len(set(texts)) == 30
    assert all(is_set_aside(text) for text in texts)
    assert texts == set_aside(kind, 30)


@pytest.mark.parametrize("make", [salad, sentence, command])
def test_every_text_has_its_capital_and_its_mark(make) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(1)
    for _ in range(300):
        text = make(rng)
        assert text[0] == text[0].upper()
        assert text[-1] in ".?"
        assert " ".join(text.split()) == text


def test_names_are_capital_wherever_they_stand() -> None:
    assert written("meet alice on monday and i've won") == "Meet Alice on Monday and I've won."


def test_every_command_of_the_training_parses() -> None:
    rng = random.Random(2)
    assert not [text for text in (command(rng) for _ in range(300)) if parse(text) is None]


def test_the_vocabulary_holds_the_words_that_were_asked_for() -> None:
    assert len(vocabulary()) > 846
    assert {"able", "yourself", "zero", "heading", "thirteen"} <= set(vocabulary())


def test_no_voice_is_both_trained_and_unheard() -> None:
    rng = random.Random(3)
    drawn = {cast.draw_voice(rng) for _ in range(5000)}
    assert not drawn & set(cast.UNHEARD)
    assert set(cast.TRAINED) <= drawn


def test_a_label_names_the_phone_that_was_said_120_ms_before() -> None:
    # "a" starts at 0 ms, "b" at 200 ms, silence at 400 ms; 40 ms of quiet in front; told at normal speed
    labels = frame_labels([(0.0, 1), (200.0, 2), (400.0, 0)], factor=1.0, before=640, frames=16)
    heard = labels[:, 0].tolist()
    # frame f is labelled with what sounds at 40 f + 10 - 120 ms
    assert heard == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0, 0]


def test_speech_that_is_played_faster_has_its_labels_earlier() -> None:
    slow = frame_labels([(0.0, 1), (400.0, 2)], factor=1.0, before=0, frames=20)[:, 0].tolist()
    fast = frame_labels([(0.0, 1), (400.0, 2)], factor=2.0, before=0, frames=20)[:, 0].tolist()
    assert slow.index(2) - fast.index(2) == 5


def test_a_synthesiser_without_labels_teaches_text_only() -> None:
    assert (frame_labels([], factor=1.0, before=0, frames=5) == NO_LABEL).all()


def _example(rng: random.Random) -> Example:
    frames, tokens = rng.randint(5, 60), [300 + rng.randint(0, 50) for _ in range(rng.randint(1, 12))]
    sound = np.random.default_rng(rng.getrandbits(32)).standard_normal((frames, 640)).astype(np.float32)
    return Example("", [*tokens, tokenizer.END], sound, np.ones((frames, 2), np.int64))


def test_batches_hold_every_example_once_with_its_sound_before_its_words() -> None:
    rng = random.Random(4)
    buckets, batches, examples = Buckets(400), [], []
    for _ in range(200):
        examples.append(_example(rng))
        if (batch := buckets.add(examples[-1])) is not None:
            batches.append(batch)
    assert len(batches) > 10
    for batch in batches:
        rows, width = batch.ids.shape
        assert width % WIDTH_STEP == 0
        assert rows * width <= 400
        assert len(batch.told) % TOLD_STEP == 0
        for row in range(rows):
            _check_row(batch, row, examples)


def _check_row(batch: Batch, row: int, examples: list[Example]) -> None:
    width = batch.ids.shape[1]
    ids = batch.ids[row].tolist()
    assert ids[:2] == [tokenizer.BOS, tokenizer.AUDIO]
    end = ids.index(tokenizer.AUDIO_END)
    sound = batch.frames.reshape(-1, width, 640)[row, 2:end]
    example = next(e for e in examples if np.array_equal(e.frames, sound))
    assert ids[end + 1 : end + 1 + len(example.tokens)] == example.tokens
    told = {
        int(at) - row * width: int(token)
        for at, token in zip(batch.told_at, batch.told, strict=True)
        if token != NO_LABEL and at // width == row
    }
    assert told == {end + i: token for i, token in enumerate(example.tokens)}
    assert batch.is_frame.reshape(-1, width)[row].nonzero()[0].tolist() == list(range(2, end))


def test_numbers_are_said_so_that_the_editor_reads_them() -> None:
    rng = random.Random(5)
    for _ in range(200):
        words = number(rng).split()
        assert cardinal(words) is not None, words


def test_llama_cpp_spells_a_sentence_with_few_pieces_and_gives_it_back() -> None:
    model = LlamaModel(find_model("bundled").model, gpu_layers=0)
    try:
        for text in set_aside("sentence", 20):
            tokens = model.tokenize(text)
            assert b"".join(model.piece(token) for token in tokens).decode() == text
            assert all(token >= tokenizer.FIRST_PIECE for token in tokens), "a piece fell back to bytes"
            assert len(tokens) < 0.6 * len(text)
    finally:
        model.close()
