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


BLOCK = 16
"""Frames; a block's window then reaches back over two others."""


@pytest.fixture(scope="module")
def engine(files: ModelFiles) -> Iterator[Engine]:
    """It is streamed."""
    with open_engine(files, n_ctx=1024, n_threads=1, block_frames=BLOCK) as opened:
        assert isinstance(opened, Engine)
        yield opened


@pytest.fixture(scope="module")
def batch(files: ModelFiles) -> Iterator[BatchEngine]:
    """It is given finished recordings."""
    with BatchEngine.open(files, n_ctx=1024, n_threads=1) as opened:
        yield opened


def hear(engine: SpeechEngine, frames: np.ndarray, *, piece: int = 10) -> Hypothesis:
    session = engine.session()
    for at in range(0, len(frames), piece):
        session.push(frames[at : at + piece])
    return session.finish()


def as_said(a: Hypothesis, b: Hypothesis) -> bool:
    """Whether the words are the same; computed in other batches, a probability differs in its last digits."""
    assert a.confidence == pytest.approx(b.confidence, abs=0.01)
    return (a.tokens, a.text, a.stop) == (b.tokens, b.text, b.stop)


def soft_tokens(batch: BatchEngine, frames: np.ndarray) -> np.ndarray:
    """What mtmd makes of them at once."""
    with batch.mtmd.tokenize("", frames.reshape(-1), "") as chunks:
        return np.concatenate(
            [batch.mtmd.soft_tokens(chunks, i) for i in range(len(chunks)) if chunks.is_sound(i)]
        )


def in_windows(engine: Engine, frames: np.ndarray, context: int) -> np.ndarray:
    """The soft tokens of all whole blocks, each out of its window with `context` frames before it."""
    rows = []
    for first in range(0, (len(frames) - 1) // BLOCK * BLOCK, BLOCK):
        start = max(0, first - context)
        window = engine.projection.project(frames[start : first + BLOCK + 1])
        rows.append(window[first - start : first - start + BLOCK])
    return np.concatenate(rows)


def test_a_projector_without_an_encoder_needs_nothing_around_a_frame() -> None:
    with open_engine(tiny.tiny_model(), n_ctx=512, n_threads=1, block_frames=8) as engine:
        assert isinstance(engine, Engine)
        assert engine.block_frames == 8
        assert (engine.projection.context_frames, engine.projection.lookahead_frames) == (0, 0)


def test_a_conformer_hears_and_what_it_hears_depends_on_the_sound(engine: Engine) -> None:
    heard = [hear(engine, tiny.sound(50, seed=seed)) for seed in (0, 1, 0)]
    assert (heard[0].tokens, heard[0].confidence) == (heard[2].tokens, heard[2].confidence)
    assert heard[0].confidence != heard[1].confidence
    assert heard[0].tokens


@pytest.mark.parametrize("frames", [1, BLOCK, BLOCK + 1, 75, 130])
def test_a_conformer_that_is_streamed_hears_what_it_hears_in_a_finished_recording(
    engine: Engine, batch: BatchEngine, frames: int
) -> None:
    sound = tiny.sound(frames, seed=frames)
    streamed = hear(engine, sound)
    assert as_said(streamed, hear(batch, sound))
    pieces = hear(engine, sound, piece=7)
    assert (pieces.tokens, pieces.confidence) == (streamed.tokens, streamed.confidence)


def test_its_sound_is_in_the_model_while_it_is_spoken(engine: Engine) -> None:
    session = engine.session()
    session.push(tiny.sound(2 * BLOCK))
    assert session.frames_prefilled == BLOCK, "the last soft token still depends on the next frame"
    session.push(tiny.sound(2 * BLOCK + 1)[2 * BLOCK :])
    assert session.frames_prefilled == 2 * BLOCK


@pytest.mark.parametrize("kept", [2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK - 1])
def test_after_a_rewind_no_soft_token_knows_of_what_was_dropped(
    engine: Engine, batch: BatchEngine, kept: int
) -> None:
    sound = tiny.sound(60)
    session = engine.session()
    session.push(sound)
    session.rewind(60 - kept)
    heard = session.finish()
    plain = hear(engine, sound[:kept])
    assert (heard.tokens, heard.confidence) == (plain.tokens, plain.confidence)
    assert as_said(heard, hear(batch, sound[:kept]))


def test_partial_words_and_words_ahead_are_those_of_the_final(engine: Engine) -> None:
    plain = hear(engine, tiny.sound(70))
    session = engine.session()
    session.push(tiny.sound(70))
    partial = session.partial()
    session.prepare()
    assert as_said(partial, plain)
    assert as_said(session.finish(), plain)


def test_soft_tokens_out_of_windows_are_those_of_the_whole_recording(
    engine: Engine, batch: BatchEngine
) -> None:
    sound = tiny.sound(130)
    whole = soft_tokens(batch, sound)
    windows = in_windows(engine, sound, engine.projection.context_frames)
    np.testing.assert_allclose(windows, whole[: len(windows)], atol=1e-5)
    # Looking back less far is not enough.
    short = in_windows(engine, sound, engine.projection.context_frames - conformer.LAYERS)
    assert np.abs(short - whole[: len(short)]).max() > 1e-4


def test_a_soft_token_of_a_conformer_depends_on_nothing_that_comes_after_the_next(batch: BatchEngine) -> None:
    frames = tiny.sound(90)
    whole = soft_tokens(batch, frames)
    for n in (20, 50):
        begun = soft_tokens(batch, frames[:n])
        np.testing.assert_allclose(begun[: n - 1], whole[: n - 1], atol=1e-5)
        assert np.abs(begun[n - 1] - whole[n - 1]).max() > 1e-3


def test_a_finished_recording_may_be_longer_than_30_s(batch: BatchEngine) -> None:
    assert [len(soft_tokens(batch, tiny.sound(n))) for n in (1, 2, 25, 751)] == [1, 2, 25, 751]
    assert hear(batch, tiny.sound(760)).timing.audio_s == pytest.approx(30.4)


def test_the_engine_process_hears_the_same(files: ModelFiles, engine: Engine) -> None:
    expected = hear(engine, tiny.sound(50))
    with EngineClient(files, n_ctx=1024, n_threads=1, block_frames=BLOCK) as client:
        heard = hear(client, tiny.sound(50))
        assert (heard.tokens, heard.confidence) == (expected.tokens, expected.confidence)
        session = client.session()
        session.push(tiny.sound(50))
        session.prepare()
        assert as_said(session.finish(), expected)


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
        BatchEngine.open(dataclasses.replace(files, profile=profile), n_ctx=512)


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
