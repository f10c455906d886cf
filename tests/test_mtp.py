"""A drafter model beside a model, in llama.cpp itself: what it is given, what it changes (nothing), when it
stops. Drafters are random ones, or made so that their guess is known.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import drafters
import numpy as np
import pytest
import tiny

from engine import decode
from engine._llama_mtp import LlamaDrafter
from engine.branch import Branch
from engine.catalog import ModelFiles, find_model
from engine.draft import DraftSource, LastAnswer
from engine.errors import DecodeFailed, DrafterMismatch, ModelCorrupt, ModelMissing
from engine.events import Hypothesis
from engine.gguf_header import read_header
from engine.kvcache import KVCache
from engine.llama import LlamaContext, LlamaModel, ThreadSettings
from engine.mtp import KEPT_ROUNDS, LENGTHS, TRIES, TRY_AGAIN, Pace, require_drafter
from engine.session import Engine
from engine.source import WavSource
from engine.speed import Speed
from engine.training.drafter_file import random_drafter, vocabulary_of, write_drafter

ALONE = Speed(draft=False, prepare=False)
"""Nothing but the drafter guesses."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.open(drafters.tiny_files(), n_ctx=512, speed=ALONE) as opened:
        assert opened.mtp is not None
        yield opened


def always(length: int, engine: Engine) -> None:
    """Let so many tokens be guessed, whether it pays or not."""
    assert engine.mtp is not None
    engine.mtp.pace = pace = Pace()
    pace.choose = lambda: length  # type: ignore[method-assign]


def hear(engine: Engine, frames: np.ndarray) -> Hypothesis:
    session = engine.session()
    session.push(frames)
    return session.finish()


def plainly(files: ModelFiles, sounds: list[np.ndarray], n_ctx: int = 512) -> list[tuple[int, ...]]:
    """The tokens of each sound, of an engine that knows of no drafter."""
    with Engine.open(replace(files, drafter=None), n_ctx=n_ctx) as engine:
        return [hear(engine, frames).tokens for frames in sounds]


# --- words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", LENGTHS[1:])
def test_words_after_sound_are_the_same_with_a_drafter_that_guesses_nonsense(
    engine: Engine, length: int
) -> None:
    sounds = [tiny.sound(n, seed=n) for n in (3, 20, 45, 64)]
    always(length, engine)
    heard = [hear(engine, frames) for frames in sounds]
    assert [each.tokens for each in heard] == plainly(tiny.tiny_model(), sounds)
    assert sum(each.timing.drafted for each in heard) > 0, "something was guessed"


def test_words_of_all_samples_are_the_same_with_and_without(samples: Path) -> None:
    files = drafters.bundled_files()
    sounds = [whole_frames(path) for path in sorted(samples.glob("*.wav"))]
    with Engine.open(files, speed=ALONE) as engine:
        always(2, engine)
        heard = [hear(engine, frames) for frames in sounds]
    assert [each.tokens for each in heard] == plainly(files, sounds, n_ctx=2048)
    assert sum(each.timing.drafted for each in heard) > 50
    assert all(each.text for each in heard)


def whole_frames(path: Path) -> np.ndarray:
    """The frames of a recording, at most 6 s."""
    samples = np.concatenate([chunk.samples for chunk in WavSource(path).chunks()])
    return samples[: len(samples) // 640 * 640].reshape(-1, 640)[:150]


def test_partial_words_on_a_fork_are_guessed_too_and_are_the_same(engine: Engine) -> None:
    frames = tiny.sound(40, seed=5)
    always(3, engine)
    session = engine.session()
    session.push(frames[:20])
    early = session.partial()
    session.push(frames[20:])
    partial = session.partial()
    final = session.finish()
    assert early.timing.drafted > 0
    assert partial.tokens == final.tokens
    assert [early.tokens, final.tokens] == plainly(tiny.tiny_model(), [frames[:20], frames])


def test_an_answer_to_text_is_guessed_on_another_sequence_and_is_the_same(engine: Engine) -> None:
    always(2, engine)
    hear(engine, tiny.sound(30))
    assert engine.mtp is not None
    prompt = engine.model.tokenize("<bos>the cat sat on the mat and the")
    answers = []
    for guessing in (False, True):
        cache = KVCache(engine.context, sequence=2, fork_sequence=3)
        cache.begin(prompt[:-1])
        sources: list[DraftSource] = []
        if guessing:
            sources = [engine.mtp.source(lambda cache=cache: cache.ledger.end, 2)]  # type: ignore[misc]
        answer = decode.Answer(
            Branch(engine.context, cache, prompt[-1:]),
            decode.Picker(engine.model.n_vocab, np.array([], dtype=np.intp)),
            decode.Rules(is_end=lambda _: False, max_tokens=12),
            lambda: False,
            sources,
        )
        answers.append([token.id for token in answer])
        assert (answer.drafted > 0) == guessing
        cache.begin(())
    assert answers[0] == answers[1]
    assert answers[0]


# --- what the drafter is given ------------------------------------------------------------------------------


def test_a_round_begins_with_the_hidden_state_that_chose_the_newest_token() -> None:
    """A drafter that reads it as the model does guesses that very token: it has the right row, behind the
    tail, behind single tokens, and behind a batch in which a draft was right. From then on it reads its own.
    """
    frames = tiny.sound(90, seed=3)
    known = plainly(tiny.tiny_model(), [frames])[0]
    assert len(known) > 8
    with Engine.open(drafters.tiny_echo(), n_ctx=512, speed=ALONE) as engine:
        always(3, engine)
        guessed: list[tuple[int, tuple[int, ...]]] = []
        source = watched(engine, guessed)
        for right in (0, 3):
            guessed.clear()
            session = engine.session()
            session.push(frames)
            known_part = LastAnswer(known[:right])
            session._drafts = lambda cache, known_part=known_part: [known_part, source(cache)]  # type: ignore[misc,method-assign]
            assert session.finish().tokens == known
            assert guessed[0][0] == known[right], "from here on it was asked"
            whole = [(newest, guess) for newest, guess in guessed if len(guess) == 3]  # fewer near the end
            assert all(first == newest == third != second for newest, (first, second, third) in whole)
            assert whole


def watched(engine: Engine, guessed: list[tuple[int, tuple[int, ...]]]) -> Callable[[KVCache], DraftSource]:
    """The drafter's source, with a note of each newest token and what was guessed to follow."""

    def make(cache: KVCache) -> DraftSource:
        assert engine.mtp is not None
        inner = engine.mtp.source(lambda: cache.ledger.end, cache.sequence)
        propose = inner.propose

        def noting(answer: list[int], most: int) -> list[int]:
            tokens = list(propose(answer, most))
            if tokens:
                guessed.append((answer[-1], tuple(tokens)))
            return tokens

        inner.propose = noting  # type: ignore[assignment,method-assign]
        return inner

    return make


def test_what_is_guessed_depends_on_the_sound_in_the_cache(engine: Engine) -> None:
    assert engine.mtp is not None
    drafter, found = engine.mtp._drafter, []
    for seed in (1, 1, 2):
        engine.session().push(tiny.sound(24, seed=seed))
        engine.cache.add_tail(engine.prompt.tail)
        drafter._hidden[:] = 1.0
        found.append(drafter.guess(tiny.AUDIO, engine.cache.ledger.end, 0).copy())
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 1e-3


def test_a_place_that_is_not_the_end_of_the_cache_is_refused(engine: Engine) -> None:
    assert engine.mtp is not None
    engine.session().push(tiny.sound(24))
    with pytest.raises(DecodeFailed):
        engine.mtp._drafter.guess(tiny.AUDIO, engine.cache.ledger.end - 9, 0)


def test_a_drafter_leaves_no_trace_in_the_cache(engine: Engine) -> None:
    assert engine.mtp is not None
    session = engine.session()
    session.push(tiny.sound(24))
    end = engine.context.end_of(0)
    engine.cache.add_tail(engine.prompt.tail)
    engine.mtp._drafter.begin(0)
    for _ in range(5):
        engine.mtp._drafter.guess(tiny.AUDIO, end + 1, 0)
    assert engine.context.end_of(0) == end + len(engine.prompt.tail)
    engine.cache.reopen()


def test_a_drafter_comes_before_anything_is_in_the_cache() -> None:
    """llama.cpp drops what is there when a second context comes to share it, and says nothing."""
    files = drafters.tiny_files()
    assert files.drafter is not None
    model, small = LlamaModel(files.model), LlamaModel(files.drafter)
    context = LlamaContext(model, n_ctx=256)
    try:
        context.decode_tokens([2, 6], 0)
        with pytest.raises(ValueError, match="before anything is in the cache"):
            LlamaDrafter(small, context, ThreadSettings())
    finally:
        context.close()
        small.close()
        model.close()


# --- the wrong file ---------------------------------------------------------------------------------------


def test_a_drafter_of_another_model_is_refused_with_what_differs() -> None:
    with pytest.raises(DrafterMismatch, match=r"embeddings of 384, the model's 64") as caught:
        require_drafter(
            read_header(drafters.bundled_files().drafter or Path()), read_header(tiny.tiny_model().model)
        )
    message = str(caught.value)
    assert "vocabulary of 964, the model's 362" in message
    assert "heads in sliding layers of 64, the model's 32" in message
    assert "heads of keys in global layers of 2, the model's 1" in message
    assert "mtp.gguf: belongs to another model" in message


def cut(path: Path) -> Path:
    """A drafter that is not whole."""
    path.write_bytes((drafters.tiny_files().drafter or Path()).read_bytes()[:-1000])
    return path


def other_words(folder: Path) -> Path:
    """A drafter of a model of the same shape with other words."""
    words = tiny.vocabulary()
    tokens = [*words.tokens[:300], *words.tokens[300:][::-1]]
    shape = drafters.drafter_shape(tiny.SHAPE)
    return write_drafter(
        folder / "mtp.gguf",
        shape,
        random_drafter(shape, len(tokens)),
        replace(words, tokens=tokens, merges=["t h"]),
        name="other words",
    )


@pytest.mark.parametrize(
    ("wrong", "kind", "match"),
    [
        (lambda folder: drafters.bundled_files().drafter, DrafterMismatch, "belongs to another model"),
        (
            lambda folder: tiny.tiny_model().model,
            DrafterMismatch,
            "is not a drafter, its architecture is 'gemma4'",
        ),
        (lambda folder: folder / "mtp.gguf", ModelMissing, "no such file"),
        (lambda folder: cut(folder / "mtp.gguf"), ModelCorrupt, "truncated"),
        (other_words, DrafterMismatch, "its vocabulary is not the same"),
    ],
)
def test_with_a_drafter_that_cannot_be_used_the_model_hears_and_says_why(
    wrong: Callable[[Path], Path],
    kind: type[Exception],
    match: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    files = replace(tiny.tiny_model(), drafter=wrong(tmp_path))
    with caplog.at_level(logging.WARNING), Engine.open(files, n_ctx=512) as engine:
        assert engine.mtp is None
        assert type(engine.mtp_problem) is kind
        assert match in str(engine.mtp_problem)
        assert match in caplog.text
        assert hear(engine, tiny.sound(20)).tokens == plainly(files, [tiny.sound(20)])[0]


def test_without_the_switch_no_drafter_is_loaded() -> None:
    with Engine.open(drafters.tiny_files(), n_ctx=512, speed=replace(ALONE, mtp=False)) as engine:
        assert engine.mtp is None
        assert engine.mtp_problem is None


# --- where it is looked for -------------------------------------------------------------------------------


def test_the_drafter_beside_a_model_is_found_and_of_several_the_one_named_after_it(tmp_path: Path) -> None:
    files = tiny.tiny_model()
    model = tmp_path / "gemma-4-12b-it-qat-q4_0.gguf"
    model.write_bytes(files.model.read_bytes())
    (tmp_path / "mmproj.gguf").write_bytes(files.projector.read_bytes())
    assert find_model(str(model)).drafter is None
    for name in ("MTP-gemma-4-e4b-it.gguf", "mtp-gemma-4-12B-it.gguf", "mtp-gemma-4-12b.gguf"):
        (tmp_path / name).write_bytes(b"")
    assert find_model(str(model)).drafter == tmp_path / "mtp-gemma-4-12B-it.gguf"
    for name in ("mtp-gemma-4-12B-it.gguf", "mtp-gemma-4-12b.gguf"):
        (tmp_path / name).unlink()
    assert find_model(str(model)).drafter == tmp_path / "MTP-gemma-4-e4b-it.gguf", "the only one"
    (tmp_path / "mtp-other.gguf").write_bytes(b"")
    assert find_model(str(model)).drafter is None, "nobody can tell which"


def test_the_catalogue_knows_the_drafter_of_the_12b(tmp_path: Path) -> None:
    for name in ("gemma-4-12b-it-qat-q4_0.gguf", "mmproj-gemma-4-12b-it-qat-q4_0.gguf"):
        (tmp_path / name).write_bytes(b"")
    assert find_model("gemma-4-12b", folder=tmp_path).drafter is None
    (tmp_path / "mtp-gemma-4-12B-it.gguf").write_bytes(b"")
    assert find_model("gemma-4-12b", folder=tmp_path).drafter == tmp_path / "mtp-gemma-4-12B-it.gguf"


# --- whether it pays --------------------------------------------------------------------------------------


def played(pace: Pace, rounds: int, costs: dict[int, float], brings: dict[int, int]) -> list[int]:
    """The lengths that are chosen where a round of each costs and brings what is said."""
    chosen = []
    for _ in range(rounds):
        length = pace.choose()
        chosen.append(length)
        pace.took(length, brings[length], costs[length])
    return chosen


BRINGS = {0: 1, 1: 2, 2: 2, 3: 3}


def test_a_round_in_which_another_source_guessed_is_not_measured(engine: Engine) -> None:
    assert engine.mtp is not None
    engine.mtp.pace = pace = Pace()
    rounds: list[tuple[int, int]] = []
    pace.took = lambda length, tokens, seconds: rounds.append((length, tokens))  # type: ignore[method-assign]
    source = engine.mtp.source(lambda: 0, 0)
    source.verified(0, 0, 0)
    source.propose([5], 8)
    source.verified(0, 0, 0)
    assert rounds == [(0, 1)]
    source.verified(3, 0, 0)
    assert rounds == [(0, 1)]


def test_every_length_is_tried_before_one_is_preferred() -> None:
    chosen = played(Pace(), TRIES * len(LENGTHS), {0: 1, 1: 1, 2: 1, 3: 1}, BRINGS)
    assert chosen == [n for n in LENGTHS for _ in range(TRIES)]


@pytest.mark.parametrize(
    ("costs", "best"),
    [
        ({0: 1.0, 1: 1.1, 2: 1.2, 3: 1.3}, 3),
        ({0: 1.0, 1: 1.1, 2: 1.2, 3: 1.8}, 1),
        ({0: 1.0, 1: 3.4, 2: 3.4, 3: 3.5}, 0),
        ({0: 1.0, 1: 1.95, 2: 3.0, 3: 3.0}, 0),
    ],
)
def test_the_length_that_brings_most_tokens_a_second_is_preferred(costs: dict[int, float], best: int) -> None:
    pace = Pace()
    played(pace, TRIES * len(LENGTHS), costs, BRINGS)
    assert pace.best() == best
    assert set(played(pace, TRY_AGAIN, costs, BRINGS)) == {best}


def test_what_does_not_pay_is_tried_again_ever_more_seldom() -> None:
    pace, costs = Pace(), {0: 1.0, 1: 3.0, 2: 3.0, 3: 4.0}
    chosen = played(pace, 10_000, costs, BRINGS)
    assert sum(n > 0 for n in chosen[:1000]) < 25
    assert sum(n > 0 for n in chosen[1000:]) < 15


def test_a_machine_that_has_become_better_at_it_is_noticed() -> None:
    pace = Pace()
    played(pace, 500, {0: 1.0, 1: 3.0, 2: 3.0, 3: 4.0}, BRINGS)
    assert pace.best() == 0
    played(pace, 3 * KEPT_ROUNDS * TRY_AGAIN, {0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}, BRINGS)
    assert pace.best() == 3


def test_a_pause_in_the_middle_of_a_round_decides_nothing() -> None:
    pace = Pace()
    played(pace, 40, {0: 1.0, 1: 1.1, 2: 1.2, 3: 1.3}, BRINGS)
    pace.took(3, 3, 60.0)
    assert pace.best() == 3


def test_a_drafter_that_guesses_nonsense_is_given_up(engine: Engine) -> None:
    assert engine.mtp is not None
    engine.mtp.pace = Pace()
    for seed in range(12):
        hear(engine, tiny.sound(30, seed=seed))
    assert engine.mtp.pace.best() == 0


# --- the file ---------------------------------------------------------------------------------------------


def test_a_drafter_that_cannot_be_right_is_not_written(tmp_path: Path) -> None:
    shape = drafters.drafter_shape(tiny.SHAPE)
    tensors = random_drafter(shape, 362)
    wrong = {**tensors, "blk.0.attn_k.weight": tensors["output_norm.weight"]}
    wrong["output_norm.weight"] = np.ones(5, dtype=np.float32)
    del wrong["nextn.post_projection.weight"]
    with pytest.raises(ValueError, match=r"missing nextn\.post_projection\.weight") as caught:
        write_drafter(tmp_path / "mtp.gguf", shape, wrong, tiny.vocabulary(), name="wrong")
    assert "unknown blk.0.attn_k.weight" in str(caught.value)
    assert "output_norm.weight is (5,), not (96,)" in str(caught.value)
    with pytest.raises(ValueError, match="as wide as its model"):
        write_drafter(
            tmp_path / "mtp.gguf", replace(shape, n_embd=64), tensors, tiny.vocabulary(), name="wide"
        )
    assert not list(tmp_path.iterdir())


def test_a_drafter_has_the_vocabulary_of_its_model() -> None:
    files = drafters.tiny_files()
    assert files.drafter is not None
    assert vocabulary_of(files.drafter) == vocabulary_of(files.model)
    assert vocabulary_of(files.model).tokens == tiny.vocabulary().tokens
