"""What Gemma 4 is asked, token by token in its own vocabulary, and what it can never answer.

The numbers below were computed with the whole vocabulary, by llama.cpp and by the `tokenizers` library alike
(benchmarks/gemma4_vocabulary.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pytest
import tiny
from gemma4 import small_gemma

from benchmarks.gemma4_vocabulary import NAMES
from engine._mtmd import Mtmd
from engine.batch_audio import BatchEngine
from engine.catalog import profiles
from engine.decode import Picker
from engine.llama import LlamaContext, LlamaModel
from engine.opening import open_engine
from engine.prompt import build, special_tokens
from engine.session import Engine
from engine.speech import SpeechEngine
from engine.writing import TextPass

BOS, TURN, TURN_END, NEWLINE = 2, 105, 106, 107
USER, MODEL = 2364, 4368
AUDIO, AUDIO_END = 256_000, 258_883
CHANNEL, THOUGHT, CHANNEL_END = 100, 45518, 101

INSTRUCTION = (
    5183, 17038, 506, 2269, 10808, 9951, 528, 5422, 1131, 5422, 1816, 236761, 108,
    27447, 1239, 3530, 11808, 573, 53892, 506, 3890, 236787, 107,
    236829, 10522, 3938, 506, 33707, 236764, 607, 951, 861, 8721, 236761, 107,
    236829, 3026, 1207, 53854, 4945, 236764, 4903, 506, 26798, 236764, 858, 236761, 236744, 236761,
    4903, 236743, 236770, 236761, 236832, 532, 711, 886, 1523, 6819, 236764,
    532, 4903, 236743, 236800, 5205, 529, 1806, 236761,
)  # fmt: skip
"""Transcribe the following speech segment ..."""

NAMES_LINE = (
    107, 236829, 10603, 886, 529, 1239, 5618, 563, 1176, 236764, 25749, 625, 1133, 672, 236787,
    45158, 37937, 217262, 236764, 231290, 236761,
)  # fmt: skip
"""* Where one of these names is said, ..."""

SUPPRESSED = {
    "<pad>": 0, "<bos>": 2, "<unk>": 3, "<|think|>": 98, "<|turn>": 105, "<|image>": 255_999,
    "<|audio>": 256_000, "<|image|>": 258_880, "<|audio|>": 258_881, "<image|>": 258_882,
    "<audio|>": 258_883, "<|video|>": 258_884,
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaModel]:
    loaded = LlamaModel(small_gemma().model, vocabulary_only=True)
    yield loaded
    loaded.close()


# --- what is asked ---------------------------------------------------------------------------------------


def test_the_prompt_of_12b_is_the_one_of_its_chat_template_token_by_token(model: LlamaModel) -> None:
    prompt = build("", profiles()["gemma-4-12b"], model)
    assert prompt.prefix == (BOS, TURN, USER, NEWLINE, *INSTRUCTION, AUDIO)
    # Without the empty thought block the model would write it itself, or think.
    assert prompt.tail == (
        AUDIO_END, TURN_END, NEWLINE, TURN, MODEL, NEWLINE, CHANNEL, THOUGHT, NEWLINE, CHANNEL_END
    )  # fmt: skip


def test_e2b_and_e4b_are_asked_the_same_and_no_thought_block_is_written_for_them(model: LlamaModel) -> None:
    prompt = build("", profiles()["gemma-4-e"], model)
    assert prompt.prefix == (BOS, TURN, USER, NEWLINE, *INSTRUCTION, AUDIO)
    assert prompt.tail == (AUDIO_END, TURN_END, NEWLINE, TURN, MODEL, NEWLINE)


def test_names_are_told_in_a_line_behind_the_instruction_and_the_rest_is_shared(model: LlamaModel) -> None:
    prompt = build("", profiles()["gemma-4-12b"], model)
    assert prompt.prefix_with(NAMES, model) == (BOS, TURN, USER, NEWLINE, *INSTRUCTION, *NAMES_LINE, AUDIO)
    assert prompt.shared == len(prompt.prefix) - 1


def test_sound_begins_early_because_a_long_prompt_deafens_the_model(model: LlamaModel) -> None:
    prompt = build("", profiles()["gemma-4-12b"], model)
    assert len(prompt.prefix) == 73
    assert prompt.most_tokens - len(prompt.tail) <= 125  # with as many names as are ever told


@pytest.mark.parametrize("name", ["gemma-4-12b", "gemma-4-e"])
def test_every_special_token_of_a_profile_is_one_token_of_the_vocabulary(
    name: str, model: LlamaModel
) -> None:
    profile = profiles()[name]
    assert {text: model.tokenize(text) for text in profile.suppressed} == {
        text: [SUPPRESSED[text]] for text in profile.suppressed
    }
    assert set(profile.suppressed) == set(SUPPRESSED)
    assert special_tokens(profile.end_tokens, model) == (1, TURN_END)
    assert model.tokenize(profile.thought_open) == [CHANNEL]
    assert model.tokenize(profile.thought_close) == [CHANNEL_END]


def test_both_ways_to_hear_put_this_prompt_into_the_cache() -> None:
    with Engine.open(small_gemma(), n_ctx=512, n_threads=1) as streamed:
        prefix, tail = streamed.prompt.prefix, streamed.prompt.tail
        assert prefix == (BOS, TURN, USER, NEWLINE, *INSTRUCTION, AUDIO)
        assert streamed.context.end_of(0) == len(prefix)
    # mtmd's own tokeniser is compared with it when this opens.
    with BatchEngine.open(small_gemma(), n_ctx=512, n_threads=1) as batch:
        assert (batch.prompt.prefix, batch.prompt.tail) == (prefix, tail)
        assert batch.context.end_of(0) == len(prefix)


# --- what is never answered ------------------------------------------------------------------------------


@contextmanager
def forced() -> Iterator[list[int]]:
    """Meanwhile every row of logits has the suppressed tokens far above all others. Gets an entry a row."""
    rows: list[int] = []
    wanted = list(SUPPRESSED.values())
    plain, first = LlamaContext.logits, Mtmd.first_logits

    def up(row: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        rows.append(len(row))
        row[wanted] = 1e6
        return row

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LlamaContext, "logits", lambda self, row=0: up(plain(self, row)))
        patched.setattr(Mtmd, "first_logits", lambda self, context: up(first(self, context)))
        yield rows


def heard(engine: SpeechEngine) -> tuple[int, ...]:
    session = engine.session()
    session.push(tiny.sound(60))
    return session.finish().tokens


@pytest.mark.parametrize("opener", [Engine, BatchEngine])
def test_suppressed_tokens_are_never_sampled_however_likely_they_are(
    opener: type[Engine] | type[BatchEngine],
) -> None:
    with opener.open(small_gemma(), n_ctx=512, n_threads=1) as engine:
        usual = heard(engine)
        with forced() as rows:
            tokens = heard(engine)
            assert len(rows) >= len(tokens) > 3
        assert not set(tokens) & set(SUPPRESSED.values())
        assert tokens == usual, "what is suppressed takes no part at all"
        engine._picker = Picker(engine.model.n_vocab, np.array([], dtype=np.intp))
        with forced():
            assert set(heard(engine)) <= set(SUPPRESSED.values()), "the test forces what it says"


def test_nor_in_partial_words_nor_in_a_text_nor_where_a_grammar_would_allow_them() -> None:
    with (
        Engine.open(small_gemma(), n_ctx=512, text_ctx=512, n_threads=1) as engine,
        forced() as rows,
    ):
        session = engine.session()
        session.push(tiny.sound(40))
        partial = session.partial().tokens
        texts = TextPass(engine)
        texts.begin(texts.tokens("<|turn>user\nWrite it.", begins=True))
        asked = texts.tokens("<turn|>\n<|turn>model\n")
        plain = texts.answer(asked, max_tokens=12).tokens
        fitting = texts.answer(asked, max_tokens=12, grammar="root ::= [a-z <>|]+").tokens
    assert len(rows) > 12
    for tokens in (partial, plain, fitting):
        assert tokens
        assert not set(tokens) & set(SUPPRESSED.values())


def test_the_conformers_model_never_answers_them_either() -> None:
    with open_engine(small_gemma("gemma-4-e"), n_ctx=512, n_threads=1) as engine, forced() as rows:
        tokens = heard(engine)
    assert len(rows) >= len(tokens) > 3
    assert not set(tokens) & set(SUPPRESSED.values())
