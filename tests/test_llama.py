"""llama.cpp behind our door: files are judged first, batches cannot abort the process, cells come and go."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest
import tiny

from engine.errors import ContextFull, DecodeFailed, ModelCorrupt, ModelMissing, ModelUnsupported
from engine.gguf_header import read_header, require_model
from engine.llama import LlamaContext, LlamaModel, ThreadSettings
from engine.threads import default_threads, usable_cores
from engine.training.gguf_pair import random_tensors, write_pair


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaModel]:
    loaded = LlamaModel(tiny.tiny_model().model)
    yield loaded
    loaded.close()


@pytest.fixture
def context(model: LlamaModel) -> Iterator[LlamaContext]:
    made = LlamaContext(model, n_ctx=256, n_batch=32)
    yield made
    made.close()


# --- judging files ---------------------------------------------------------------------------------------


def test_a_header_tells_architecture_width_and_template() -> None:
    header = read_header(tiny.tiny_model().model)
    assert header.architecture == "gemma4"
    assert require_model(header) == 64
    assert "message" in header.text("tokenizer.chat_template")
    assert header.metadata["gemma4.attention.sliding_window_pattern"] == (True,) * 5 + (False,)
    assert header.tensors["blk.0.ffn_down.weight"].shape == (64, 128)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no such file"):
        read_header(tmp_path / "no.gguf")
    with pytest.raises(ModelMissing, match="folder"):
        read_header(tmp_path)


def test_what_is_not_gguf_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "page.gguf"
    path.write_bytes(b"<!DOCTYPE html>" * 100)
    with pytest.raises(ModelCorrupt, match="not a GGUF file"):
        read_header(path)
    path.write_bytes(b"")
    with pytest.raises(ModelCorrupt, match="empty"):
        read_header(path)


def test_a_file_cut_anywhere_is_corrupt_and_never_reaches_llama_cpp(tmp_path: Path) -> None:
    whole = tiny.tiny_model().model.read_bytes()
    path = tmp_path / "cut.gguf"
    for length in [4, 8, 20, 30, 100, 999, 5_000, len(whole) // 2, len(whole) - 4096, len(whole) - 64]:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelCorrupt, match=r"ends inside|truncated|unknown"):
            read_header(path)


def test_random_bytes_in_the_header_end_in_an_error_of_ours_or_a_header(tmp_path: Path) -> None:
    whole = bytearray(tiny.tiny_model().model.read_bytes()[:20_000])
    rng = np.random.default_rng(0)
    path = tmp_path / "noise.gguf"
    for _ in range(200):
        noisy = bytearray(whole)
        for at in rng.integers(4, 3_000, size=4):
            noisy[at] = int(rng.integers(0, 256))
        path.write_bytes(bytes(noisy))
        with pytest.raises((ModelCorrupt, ModelUnsupported)):
            require_model(read_header(path))


def test_another_architecture_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "llama.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelUnsupported, match="'llama'") as caught:
        require_model(read_header(path))
    assert "gemma4" in caught.value.hint


def test_a_projector_given_as_model_is_refused() -> None:
    with pytest.raises(ModelUnsupported, match="is a projector, not a model"):
        require_model(read_header(tiny.tiny_model().projector))


def test_an_old_version_of_the_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 1, 0, 0))
    with pytest.raises(ModelCorrupt, match="version 1"):
        read_header(path)


def test_what_llama_cpp_refuses_comes_with_its_reason(tmp_path: Path) -> None:
    words = tiny.vocabulary()
    tensors = random_tensors(tiny.SHAPE, len(words.tokens))
    model, _ = write_pair(tmp_path, tiny.SHAPE, tensors, words, name="x")
    raw = model.read_bytes().replace(b"blk.2.ffn_norm", b"blk.2.ffn_nose")
    model.write_bytes(raw)
    with pytest.raises(ModelCorrupt, match=r"ffn_norm|wrong number"):
        LlamaModel(model)


def test_exporting_lists_what_is_wrong_with_the_tensors(tmp_path: Path) -> None:
    words = tiny.vocabulary()
    tensors = random_tensors(tiny.SHAPE, len(words.tokens))
    del tensors["output_norm.weight"]
    tensors["blk.0.attn_q.weight"] = np.zeros((3, 3), dtype=np.float32)
    tensors["extra"] = np.zeros(1, dtype=np.float32)
    with pytest.raises(ValueError, match=r"missing output_norm.*unknown extra.*blk\.0\.attn_q.* is \(3, 3\)"):
        write_pair(tmp_path, tiny.SHAPE, tensors, words, name="x")
    assert list(tmp_path.iterdir()) == []


# --- vocabulary ------------------------------------------------------------------------------------------


def test_special_tokens_are_recognised_and_merges_applied(model: LlamaModel) -> None:
    assert model.tokenize("<bos><|audio>") == [tiny.BOS, tiny.AUDIO]
    assert [model.text_of(token) for token in model.tokenize("cat the")] == ["c", "a", "t", "▁the"]


def test_text_comes_back_from_its_tokens_bytes_included(model: LlamaModel) -> None:
    text = "the cafés,\nthe 猫!"
    assert b"".join(model.piece(token) for token in model.tokenize(text)).decode() == text


def test_control_tokens_have_no_text(model: LlamaModel) -> None:
    assert model.piece(tiny.AUDIO) == b""


def test_turn_end_and_eos_end_an_answer(model: LlamaModel) -> None:
    assert [token for token in range(8) if model.is_end(token)] == [tiny.EOS, tiny.TURN_END]


def test_tokens_that_the_file_forbids_are_known(tmp_path: Path, model: LlamaModel) -> None:
    assert model.suppressed == ()
    words = tiny.vocabulary(suppress=(7, 6))
    tensors = random_tensors(tiny.SHAPE, len(words.tokens))
    path, _ = write_pair(tmp_path, tiny.SHAPE, tensors, words, name="x")
    other = LlamaModel(path)
    assert other.suppressed == (7, 6)
    other.close()


# --- batches ---------------------------------------------------------------------------------------------


def test_logits_follow_the_tokens(model: LlamaModel, context: LlamaContext) -> None:
    context.decode_tokens([2, 300, 301], 0)
    first = context.logits().copy()
    assert first.shape == (model.n_vocab,) == (362,)
    context.rewind(0, 2)
    context.decode_tokens([302], 2)
    assert not np.array_equal(first, context.logits())
    context.rewind(0, 2)
    context.decode_tokens([301], 2)
    np.testing.assert_allclose(context.logits(), first, rtol=2e-2, atol=2e-2)


def test_a_fork_shares_the_past_and_leaves_the_original_alone(context: LlamaContext) -> None:
    context.decode_tokens([2, 300, 301], 0)
    context.fork(0, 1)
    context.decode_tokens([310, 311], 3, sequence=1)
    assert (context.end_of(0), context.end_of(1)) == (3, 5)
    context.rewind(1, 0)
    assert (context.end_of(0), context.end_of(1)) == (3, 0)


@pytest.mark.parametrize("n", [0, 33])
def test_a_batch_that_would_abort_the_process_is_refused(context: LlamaContext, n: int) -> None:
    with pytest.raises(ValueError, match="1 to 32 entries"):
        context.decode_tokens([5] * n, 0)
    with pytest.raises(ValueError, match="1 to 32 entries"):
        context.decode_rows(np.zeros((n, 64), dtype=np.float32), 0)


def test_rows_of_another_width_are_refused(context: LlamaContext) -> None:
    with pytest.raises(ValueError, match=r"float32\[n, 64\]"):
        context.decode_rows(np.zeros((2, 63), dtype=np.float32), 0)
    with pytest.raises(ValueError, match=r"float32\[n, 64\]"):
        context.decode_rows(np.zeros((2, 64), dtype=np.float64), 0)  # type: ignore[arg-type]


def test_positions_beyond_the_context_are_refused(context: LlamaContext) -> None:
    with pytest.raises(ContextFull, match="do not fit"):
        context.decode_tokens([5] * 10, 250)


def test_a_token_that_does_not_exist_fails_the_batch_and_not_the_process(context: LlamaContext) -> None:
    with pytest.raises(DecodeFailed, match="invalid"):
        context.decode_tokens([9_999], 0)
    context.decode_tokens([5], 0)
    assert context.end_of(0) == 1


def test_a_gap_in_the_positions_fails_the_batch_and_not_the_process(context: LlamaContext) -> None:
    context.decode_tokens([2], 0)
    with pytest.raises(DecodeFailed):
        context.decode_tokens([5], 7)


def test_logits_that_nobody_asked_for_are_an_error(context: LlamaContext) -> None:
    context.decode_tokens([2, 5], 0, outputs=0)
    with pytest.raises(DecodeFailed, match="no row 0"):
        context.logits()


def test_two_threads_that_sleep_between_graphs_say_the_same(model: LlamaModel) -> None:
    seen = []
    for threads in (ThreadSettings(1), ThreadSettings(2, polling=0)):
        context = LlamaContext(model, n_ctx=64, threads=threads)
        context.decode_tokens([2, 300, 301], 0)
        seen.append(context.logits().copy())
        context.close()
        context.close()
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-4, atol=1e-4)


def test_llama_cpp_talks_to_the_log_and_not_to_the_terminal(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, logger="engine.llama"):
        LlamaModel(tiny.tiny_model().model).close()
    assert capfd.readouterr() == ("", "")
    assert any("gemma4" in record.message for record in caplog.records)
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


# --- threads ---------------------------------------------------------------------------------------------


def test_a_small_model_gets_one_thread() -> None:
    assert default_threads(9_800_000) == 1
    assert default_threads(12_000_000_000) == usable_cores()


def test_hyper_threads_count_as_one_core_and_a_quota_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    for cpu in range(4):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 2},{cpu % 2 + 2}\n")
    assert usable_cores(tmp_path, tmp_path / "none") == 2
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert usable_cores(tmp_path, tmp_path) == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert usable_cores(tmp_path, tmp_path) == 2
