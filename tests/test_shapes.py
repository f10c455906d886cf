"""Models of true size with random weights. Tiny ones are written and run by llama.cpp itself; sizes of the
large ones are compared with the published files, without writing them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from math import isqrt
from pathlib import Path

import gguf
import numpy as np
import pytest
from tiny import sound

from engine.catalog import ModelFiles
from engine.errors import DiskFull, ModelMissing, PackageMissing
from engine.gguf_header import read_header
from engine.llama import LlamaModel
from engine.session import Engine
from engine.shapes import (
    SHAPES,
    Shape,
    find_shape,
    shape_bytes,
    shape_files,
    write_shape,
)
from engine.shapes.dimensions import VOCABULARY, DrafterShape
from engine.shapes.noise import N_BLOCKS, Noise
from engine.shapes.pieces import FIXED
from engine.shapes.tensors import Tensor, data_bytes, drafter_tensors, model_tensors
from engine.speed import Speed

DRAFTER = DrafterShape(n_embd=64, n_ff=128, n_head=2)


def small(name: str, n_vocab: int = 4096) -> Shape:
    """A shape with everything that is special about it, in sizes for a test."""
    shape = SHAPES[name]
    text = replace(
        shape.text, n_embd=256, n_ff=512, n_head=2, n_head_kv=2, n_head_kv_global=1, head_dim=32,
        head_dim_global=64, n_layer=6, global_every=3, sliding_window=64, context_length=2048,
        n_vocab=n_vocab,
    )  # fmt: skip
    if shape.text.shared_kv_layers:
        text = replace(text, n_head_kv_global=2, shared_kv_layers=3, n_embd_per_layer=64)
    return replace(shape, text=text, drafter=DRAFTER)


def all_files(files: ModelFiles) -> tuple[Path, Path, Path]:
    """Model, projector and drafter."""
    assert files.drafter is not None
    return files.model, files.projector, files.drafter


@pytest.fixture(scope="module", params=["1b", "e4b"])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    return write_shape(small(request.param), tmp_path_factory.mktemp(f"shape-{request.param}"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    return write_shape(small("12b"), tmp_path_factory.mktemp("shape"))


@pytest.fixture(scope="module")
def full_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    shape = small("1b", VOCABULARY)
    with Engine.open(write_shape(shape, tmp_path_factory.mktemp("vocabulary")), n_ctx=256) as engine:
        yield engine


@pytest.mark.parametrize(("name", "published_bytes"), [("12b", 6_975_877_728), ("e4b", 5_154_941_280)])
def test_the_weights_have_the_size_of_the_published_file(name: str, published_bytes: int) -> None:
    metadata = published_bytes - data_bytes(list(model_tensors(SHAPES[name].text)))
    # Both files hold the same vocabulary; only tables of tensors and the like differ.
    assert 15_820_000 < metadata < 15_825_000


def test_the_12b_has_as_many_quantised_matrices_as_the_published_file() -> None:
    kinds = [tensor.kind for tensor in model_tensors(SHAPES["12b"].text)]
    assert (kinds.count("Q4_0"), kinds.count("Q6_K")) == (328, 1)


def test_the_drafter_of_the_12b_has_the_size_of_the_published_one() -> None:
    shape = SHAPES["12b"]
    matrices = [
        replace(t, kind="BF16") if t.fill is None else t for t in drafter_tensors(shape.drafter, shape.text)
    ]
    assert 15_700_000 < 861_520_128 - data_bytes(matrices) < 15_900_000


def test_llama_cpp_loads_what_was_written_and_hears_with_it(files: ModelFiles) -> None:
    with Engine.open(files, n_ctx=512, n_threads=1) as engine:
        answers = []
        for seed in (0, 1):
            session = engine.session()
            session.push(sound(40, seed=seed))
            answers.append(session.finish())
    assert all(answer.tokens and np.isfinite(answer.confidence) for answer in answers)
    assert answers[0].tokens != answers[1].tokens


def test_signals_neither_vanish_nor_grow_on_their_way_through_the_layers(files: ModelFiles) -> None:
    with Engine.open(files, n_ctx=512, n_threads=1) as engine:
        engine.context.decode_tokens([700, 800, 900], 0, sequence=2)
        logits = np.array(engine.context.logits())
    assert logits.std() == pytest.approx(4.0, rel=0.1)
    assert abs(logits.mean()) < 0.3


def test_a_random_model_does_not_repeat_the_word_it_was_given(files: ModelFiles) -> None:
    with Engine.open(files, n_ctx=512, n_threads=1) as engine:
        session = engine.session()
        session.push(sound(100))
        tokens = session.finish().tokens
    assert len(set(tokens)) > 5


@pytest.mark.parametrize("name", ["token_embd.weight", "blk.0.attn_q.weight", "blk.3.ffn_down.weight"])
def test_random_weights_have_mean_0_and_the_variance_that_keeps_a_signals_size(
    written: ModelFiles, name: str
) -> None:
    tensor = next(t for t in gguf.GGUFReader(written.model).tensors if t.name == name)
    weights = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    assert weights.std() * weights.shape[1] ** 0.5 == pytest.approx(1.0, rel=0.02)
    assert abs(weights.mean()) < 0.01 * weights.std()
    assert len(np.unique(weights, axis=0)) == len(weights)


def test_no_two_rows_of_the_largest_matrix_begin_alike() -> None:
    assert N_BLOCKS > VOCABULARY
    assert all(N_BLOCKS % n for n in range(2, isqrt(N_BLOCKS) + 1))


def test_the_projector_has_the_same_spread_as_the_weights(written: ModelFiles) -> None:
    tensor = gguf.GGUFReader(written.projector).tensors[0]
    matrix = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    assert matrix.shape == (256, 640)
    assert matrix.std() == pytest.approx(640**-0.5, rel=0.02)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(
    written: ModelFiles, tmp_path: Path
) -> None:
    again = write_shape(small("12b"), tmp_path / "again")
    other = write_shape(small("12b"), tmp_path / "other", seed=1)
    for first, same, unlike in zip(*map(all_files, (written, again, other)), strict=True):
        assert same.read_bytes() == first.read_bytes()
        assert unlike.read_bytes() != first.read_bytes()


def test_the_prompt_is_about_as_long_as_with_the_published_vocabulary(full_vocabulary: Engine) -> None:
    # 73 and 10 there
    assert len(full_vocabulary.prompt.prefix) == pytest.approx(73, abs=5)
    assert len(full_vocabulary.prompt.tail) == 10


def test_special_tokens_have_the_numbers_they_have_in_every_gemma_4(full_vocabulary: Engine) -> None:
    model = full_vocabulary.model
    assert model.n_vocab == VOCABULARY
    for number, text in FIXED.items():
        assert model.tokenize(text) == [number]
    assert model.suppressed == (258_883, 258_882)
    assert model.is_end(106)
    assert model.tokenize("\n\n") == [108]


TEXTS = (
    "Please move our meeting with the insurance people from Tuesday to Thursday; I'd rather not drive twice.",
    "Photosynthesis converts carbon dioxide into sugars.\n\n\tIndented, with 3.14 and naïve “quotes”.",
)


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_can_be_tokenised_and_comes_back(full_vocabulary: Engine, text: str) -> None:
    model = full_vocabulary.model
    tokens = model.tokenize(text)
    assert b"".join(map(model.piece, tokens)).decode() == text


def test_ordinary_english_falls_into_pieces_and_not_into_letters(full_vocabulary: Engine) -> None:
    # 21 with the published vocabulary
    assert 21 <= len(full_vocabulary.model.tokenize(TEXTS[0])) <= 33


def test_with_a_list_of_words_english_takes_as_many_tokens_as_with_the_published_vocabulary(
    tmp_path: Path,
) -> None:
    words = ["insurance", "Tuesday", "Thursday", "rather", "drive", "twice", "move", "naïve", "o'clock"]
    files = write_shape(small("1b", 8192), tmp_path, words=words)
    model = LlamaModel(files.model)
    pieces = [model.text_of(token) for token in model.tokenize(TEXTS[0])]
    model.close()
    assert {"▁insurance", "▁Tuesday", "▁twice", "Please"} <= set(pieces)
    assert len(pieces) == 21


def test_what_a_model_of_random_weights_says_is_made_of_words(full_vocabulary: Engine) -> None:
    session = full_vocabulary.session()
    session.push(sound(40))
    text = session.finish().text
    assert len(text.split()) > 5
    assert text.isascii()


def test_the_drafter_works_with_its_model_and_changes_no_word(files: ModelFiles) -> None:
    answers = []
    for mtp in (True, False):
        with Engine.open(files, n_ctx=512, n_threads=1, speed=Speed(mtp=mtp)) as engine:
            assert engine.mtp_problem is None
            assert (engine.mtp is not None) == mtp
            session = engine.session()
            session.push(sound(40))
            answers.append(session.finish())
    assert answers[0].tokens == answers[1].tokens
    assert answers[0].timing.drafted > answers[1].timing.drafted


def test_the_files_say_that_their_words_mean_nothing(written: ModelFiles) -> None:
    assert "words mean nothing" in read_header(written.model).text("general.description")
    assert "random" in written.name


def test_progress_goes_up_to_the_size_of_all_weights(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    files = write_shape(small("1b"), tmp_path, progress=lambda done, total: seen.append((done, total)))
    done, total = zip(*seen, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == total[-1] == max(total)
    on_disk = sum(path.stat().st_size for path in all_files(files))
    assert done[-1] < on_disk < shape_bytes(small("1b"))


def test_what_is_there_is_not_written_again(written: ModelFiles) -> None:
    def written_again(done: int, total: int) -> None:
        raise AssertionError

    assert write_shape(small("12b"), written.model.parent, progress=written_again) == written


def test_a_file_that_ends_too_early_is_written_again(tmp_path: Path) -> None:
    files = write_shape(small("1b"), tmp_path)
    whole = files.model.read_bytes()
    os.truncate(files.model, len(whole) // 2)
    write_shape(small("1b"), tmp_path)
    assert files.model.read_bytes() == whole


def test_writing_that_is_broken_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shape(small("1b"), tmp_path, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_process_that_was_killed_are_swept_and_those_of_a_living_one_are_not(
    tmp_path: Path,
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, living = tmp_path / f".a.gguf.{gone.pid}.0.part", tmp_path / f".a.gguf.{os.getpid()}.0.part"
    dead.touch()
    living.touch()
    write_shape(small("1b"), tmp_path)
    assert not dead.exists()
    assert living.exists()


def test_a_disk_without_room_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    needed = shape_bytes("12b")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed))
    with pytest.raises(DiskFull, match=r"7\.\d GB are needed and 7\.\d GB are free") as caught:
        write_shape("12b", tmp_path)
    assert "another disk" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_that_writes_models_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(PackageMissing) as caught:
        write_shape(small("1b"), tmp_path)
    assert "voice-edit[bench]" in caught.value.hint


def test_an_unknown_shape_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        write_shape("70b", tmp_path)
    assert "1b, 12b, e4b" in caught.value.hint
    assert find_shape("12b") is SHAPES["12b"]


def test_files_that_are_not_to_be_kept_are_gone_afterwards(tmp_path: Path) -> None:
    with shape_files(small("1b"), tmp_path) as files:
        assert files.model.is_file()
    assert list(tmp_path.iterdir()) == []


def test_files_that_were_kept_once_are_used_and_kept_by_later_runs(tmp_path: Path) -> None:
    with shape_files(small("1b"), tmp_path, keep=True) as files:
        first = files.model.stat()
    with shape_files(small("1b"), tmp_path) as files:
        assert files.model.stat() == first
    assert files.model.is_file()


def test_what_a_caller_raises_passes_through_and_the_files_are_still_deleted(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), shape_files(small("1b"), tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_tensor_of_gigabytes_takes_no_more_memory_than_the_blocks_it_is_made_of() -> None:
    large = Tensor("per_layer_token_embd.weight", (VOCABULARY, 42 * 256), "Q6_K")
    tracemalloc.start()
    try:
        total = sum(len(piece) for piece in Noise(0).pieces(large))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == large.n_bytes > 2e9
    assert peak < 150e6


def test_looking_a_shape_up_loads_neither_the_package_that_writes_nor_llama_cpp() -> None:
    code = "import sys, engine.shapes as s; s.shape_bytes('12b'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"gguf", "llama_cpp"} & set(loaded.split())
