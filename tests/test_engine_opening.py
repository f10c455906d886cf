"""Which way a model hears, by its projector; and a conformer's whole path, through llama.cpp's own mtmd."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import conformer
import gguf
import numpy as np
import pytest
import tiny

from engine.batch_audio import BatchEngine
from engine.catalog import ModelFiles
from engine.client import EngineClient
from engine.errors import ModelMissing, ProjectorMismatch, ProjectorUnsupported
from engine.events import Hypothesis
from engine.opening import is_streamed, open_engine
from engine.session import Engine
from engine.speech import SpeechEngine


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """The tiny model with a conformer in front of it."""
    path = tmp_path_factory.mktemp("conformer") / "mmproj-tiny-e.gguf"
    return dataclasses.replace(
        tiny.tiny_model(), projector=conformer.write_conformer(path, n_embd=tiny.SHAPE.n_embd)
    )


@pytest.fixture(scope="module")
def engine(files: ModelFiles) -> Iterator[BatchEngine]:
    with open_engine(files, n_ctx=1024, n_threads=1) as opened:
        assert isinstance(opened, BatchEngine)
        yield opened


def hear(engine: SpeechEngine, frames: np.ndarray) -> Hypothesis:
    session = engine.session()
    for at in range(0, len(frames), 10):
        session.push(frames[at : at + 10])
    return session.finish()


def soft_tokens(engine: BatchEngine, frames: np.ndarray) -> np.ndarray:
    with engine.mtmd.tokenize("", frames.reshape(-1), "") as chunks:
        return np.concatenate(
            [engine.mtmd.soft_tokens(chunks, i) for i in range(len(chunks)) if chunks.is_sound(i)]
        )


def test_a_projector_without_an_encoder_is_streamed() -> None:
    with open_engine(tiny.tiny_model(), n_ctx=512, n_threads=1, block_frames=8) as engine:
        assert isinstance(engine, Engine)
        assert engine.block_frames == 8


def test_a_conformer_hears_and_what_it_hears_depends_on_the_sound(engine: BatchEngine) -> None:
    heard = [hear(engine, tiny.sound(50, seed=seed)) for seed in (0, 1, 0)]
    assert heard[0].tokens == heard[2].tokens
    assert heard[0].confidence == heard[2].confidence
    assert heard[0].confidence != heard[1].confidence
    assert heard[0].tokens
    assert hear(engine, tiny.sound(51)).timing.audio_s == pytest.approx(2.04)


def test_the_answer_is_the_one_that_the_conformers_soft_tokens_have(engine: BatchEngine) -> None:
    heard = hear(engine, tiny.sound(50))
    frames = tiny.sound(50)
    rows = soft_tokens(engine, frames + np.resize(engine._dither, frames.shape))
    context, prompt = engine.context, engine.prompt
    context.rewind(0, 0)
    context.decode_tokens(prompt.prefix, 0, outputs=0)
    context.decode_rows(rows, len(prompt.prefix))
    end = len(prompt.prefix) + len(rows)
    context.decode_tokens(prompt.tail, end)
    end += len(prompt.tail)
    for token in heard.tokens:
        assert engine._picker.pick(context.logits(0)).id == token
        context.decode_tokens((token,), end)
        end += 1
    engine._prefix = ()


def test_an_encoder_makes_one_soft_token_of_a_frame_and_takes_more_than_30_s(engine: BatchEngine) -> None:
    assert [len(soft_tokens(engine, tiny.sound(n))) for n in (1, 2, 25, 751)] == [1, 2, 25, 751]
    assert hear(engine, tiny.sound(760)).timing.audio_s == pytest.approx(30.4)


def test_a_soft_token_of_a_conformer_depends_on_nothing_that_comes_after_the_next(
    engine: BatchEngine,
) -> None:
    frames = tiny.sound(90)
    whole = soft_tokens(engine, frames)
    for n in (20, 50):
        begun = soft_tokens(engine, frames[:n])
        np.testing.assert_allclose(begun[: n - 1], whole[: n - 1], atol=1e-5)
        assert np.abs(begun[n - 1] - whole[n - 1]).max() > 1e-3


def test_the_engine_process_hears_the_same(files: ModelFiles, engine: BatchEngine) -> None:
    expected = hear(engine, tiny.sound(50))
    with EngineClient(files, n_ctx=1024, n_threads=1) as client:
        heard = hear(client, tiny.sound(50))
        assert (heard.tokens, heard.confidence) == (expected.tokens, expected.confidence)
        session = client.session()
        session.push(tiny.sound(50))
        session.prepare()
        assert session.partial() is None
        ahead = session.finish()
        assert (ahead.tokens, ahead.confidence) == (expected.tokens, expected.confidence)


def test_a_conformer_for_a_model_of_another_width_is_refused(files: ModelFiles, tmp_path: Path) -> None:
    wide = conformer.write_conformer(tmp_path / "mmproj.gguf", n_embd=96)
    with pytest.raises(ProjectorMismatch, match="96 values, the model takes 64"):
        open_engine(dataclasses.replace(files, projector=wide))


@pytest.mark.parametrize("missing", ["a.input_projection.weight", "a.blk.1.conv_dw.weight"])
def test_a_conformer_that_lacks_a_tensor_is_refused_with_its_name(
    files: ModelFiles, tmp_path: Path, missing: str
) -> None:
    broken = conformer.write_conformer(tmp_path / "mmproj.gguf", n_embd=64, without=missing)
    with pytest.raises(ProjectorUnsupported, match=missing):
        open_engine(dataclasses.replace(files, projector=broken))


def test_a_kind_that_llama_cpp_does_not_know_is_refused(files: ModelFiles, tmp_path: Path) -> None:
    path = write_header(tmp_path, audio="gramophone")
    assert not is_streamed(path)
    with pytest.raises(ProjectorUnsupported, match="gramophone"):
        open_engine(dataclasses.replace(files, projector=path))


def test_a_projector_that_only_sees_is_refused_as_such(files: ModelFiles, tmp_path: Path) -> None:
    with pytest.raises(ProjectorUnsupported, match="it has no audio projector"):
        open_engine(dataclasses.replace(files, projector=write_header(tmp_path)))


def test_marks_around_the_sound_that_the_model_does_not_know_are_refused(files: ModelFiles) -> None:
    profile = dataclasses.replace(files.profile, audio_begin="<|turn>")
    with pytest.raises(ProjectorUnsupported, match="marks"):
        open_engine(dataclasses.replace(files, profile=profile), n_ctx=512)


def test_a_file_that_is_not_there_is_told_as_ever(files: ModelFiles, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"model\.gguf"):
        open_engine(ModelFiles("none", tmp_path / "model.gguf", tmp_path / "mmproj.gguf", files.profile))


def write_header(folder: Path, *, audio: str = "") -> Path:
    """A projector's metadata and nothing else."""
    path = folder / "mmproj-empty.gguf"
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_clip_has_audio_encoder(bool(audio))
    writer.add_clip_has_vision_encoder(False)
    if audio:
        writer.add_clip_audio_projector_type(audio)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
